"""Starts Marathon as an operator does, and speaks to it as people and programs do."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.acceptance.cluster import Cluster, environment, eventually

PROGRAM = (sys.executable, "-m", "frameworks.marathon_py.shell.cli")
STOP_TIMEOUT_S = 90


class Marathon:
    """One that runs, and a shell beside it."""

    def __init__(self, cluster: Cluster, folder: Path, *flags: str) -> None:
        """``flags`` beside those that every test needs."""
        self.cluster, self._flags = cluster, flags
        self._port = 0
        self.folder = folder
        self.url = ""
        self.process: subprocess.Popen[str]

    def start(self) -> None:
        """Again on what it has kept, and where it was, if it was started before."""
        arguments = (
            f"--master={self.cluster.address}", "--http_address=127.0.0.1", "--hostname=127.0.0.1",
            f"--http_port={self._port}", f"--state_file={self.folder / 'marathon.db'}", "--logging_level=warn",
            *self._flags,
        )  # fmt: skip
        self.process = subprocess.Popen(
            [*PROGRAM, "serve", *arguments], env=environment(), cwd="/", text=True, stdout=subprocess.PIPE
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("ready http://"), line
        self.url = line.removeprefix("ready ").strip()
        self._port = int(self.url.rpartition(":")[2])
        eventually(self.leads, "it leads, which it does some time after it listens")

    def stop(self, signum: int = signal.SIGTERM) -> int:
        """The exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signum)
        code = self.process.wait(STOP_TIMEOUT_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def __call__(self, *arguments: str, code: int = 0, input: str | None = None) -> str:
        """What ``marathon-py ARGUMENTS`` prints, on standard output and then on the other."""
        done = subprocess.run(
            [*PROGRAM, *arguments], cwd="/", capture_output=True, text=True, timeout=90, check=False, input=input,
            env=environment(MARATHON_URL=self.url),
        )  # fmt: skip
        assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=90) as answer:
            return json.loads(answer.read())

    def leads(self) -> bool:
        try:
            return bool(self.get("/v2/info")["elected"])
        except OSError:  # nobody is known to lead yet
            return False

    def running(self, id: str) -> list[dict[str, Any]]:
        """Tasks of an app that run."""
        return [one for one in self.get(f"/v2/apps{id}")["app"]["tasks"] if one["state"] == "TASK_RUNNING"]

    def is_quiet(self) -> bool:
        return self.get("/v2/deployments") == []

    def until_quiet(self, timeout: float = 60) -> None:
        eventually(self.is_quiet, "no deployment goes on", timeout)


@contextlib.contextmanager
def marathon(cluster: Cluster, folder: Path, *flags: str) -> Iterator[Marathon]:
    made = Marathon(cluster, folder, *flags)
    made.start()
    try:
        yield made
    finally:
        made.stop()
