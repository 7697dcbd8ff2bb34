"""Marathons as processes, as somebody starts them, and what they answer."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from tests.acceptance.cluster import environment, eventually

#: of a process that tests can have many of
HERE = ("--http_port=0", "--http_address=127.0.0.1", "--hostname=127.0.0.1", "--logging_level=warn")
#: nobody is there
NO_MASTER = "127.0.0.1:1"


class Marathon:
    """One process."""

    def __init__(self, *arguments: str, master: str = NO_MASTER, headers: Mapping[str, str] | None = None) -> None:
        """``headers`` are those of every request."""
        self._headers = {"Content-Type": "application/json", **(headers or {})}
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "frameworks.marathon_py.shell.cli", "serve", f"--master={master}", *HERE,
                *arguments,
            ],
            env=environment(), cwd="/", text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._url = ""

    @property
    def url(self) -> str:
        """Once it listens."""
        if not self._url:
            assert self.process.stdout is not None
            line = self.process.stdout.readline()
            assert line.startswith("ready http"), line
            self._url = line.removeprefix("ready ").strip()
        return self._url

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any, dict[str, str]]:
        """Status, JSON or text, and headers; status 0: it does not answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, self._headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, _read(answer.read().decode()), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, _read(error.read().decode()), dict(error.headers)
        except (OSError, http.client.HTTPException):
            return 0, None, {}

    def leads(self) -> bool:
        """It answers itself."""
        _, _, headers = self.ask("GET", "/v2/info")
        return headers.get("X-Marathon-Leader") == self.url and "X-Marathon-Via" not in headers

    def until_leading(self) -> None:
        eventually(self.leads, f"{self.url} to lead")

    def until_following(self) -> None:
        """It has heard who leads, and relays."""
        eventually(lambda: "X-Marathon-Via" in self.ask("GET", "/v2/info")[2], f"{self.url} to follow")

    def ended(self) -> tuple[int, str]:
        """Exit code, and what it says about it."""
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said.splitlines()[-1] if said else ""

    def stop(self, signum: int = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signum)
        self.process.communicate(timeout=60)


def _read(text: str) -> Any:
    return json.loads(text) if text.startswith(("{", "[")) else text
