"""``mesos-py`` as processes that are killed, stopped and looked at from outside."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import psutil

from tests.acceptance.cluster import environment
from tests.coordination.ensemble import DIE_WITH_US

PATIENCE_S = 60.0
LOOK_AGAIN_S = 0.02


async def until(condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """The first true value of ``condition``, which may be a coroutine function."""
    deadline = asyncio.get_running_loop().time() + patience_s
    while True:
        found = condition()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        assert asyncio.get_running_loop().time() < deadline, f"never came true: {what}"
        await asyncio.sleep(LOOK_AGAIN_S)


class Program:
    """One process; its log is kept over restarts. Once ``start`` has returned it answers at ``port``."""

    def __init__(self, name: str, directory: Path, *words: str, port: int = 0) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        #: 0: any
        self._port_wanted = port
        self.port = port
        self.words = words
        self.process: subprocess.Popen[bytes] | None = None

    async def start(self) -> Self:
        self.launch()
        await self.ready()
        return self

    def launch(self) -> None:
        """Started, but not waited for."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*DIE_WITH_US, sys.executable, "-m", "mesos_py", *self.words, f"--port={self._port_wanted}"],
                stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, env=environment(), cwd="/",
            )

    async def ready(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        line = (await asyncio.wait_for(asyncio.to_thread(self.process.stdout.readline), PATIENCE_S)).decode()
        assert line.startswith("ready http://"), f"{self.name} is not ready but says {line!r}\n{self.tail()}"
        self.port = int(line.strip().rpartition(":")[2])

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def is_stopped(self) -> bool:
        """By SIGSTOP."""
        return self.is_alive and psutil.Process(self.process.pid).status() == psutil.STATUS_STOPPED  # type: ignore[union-attr]

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """It is not there any more, and had no time to say so."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    async def ended(self) -> int:
        """How it ended, by itself."""
        assert self.process is not None
        await until(lambda: not self.is_alive, f"{self.name} ends")
        return self.process.wait()

    async def stop(self) -> None:
        """It ends in order, if it still lives."""
        if self.process is None:
            return
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError):
                self.signal(signal.SIGCONT)
                self.signal(signal.SIGTERM)
            try:
                await asyncio.to_thread(self.process.wait, PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self.name} does not end\n{self.tail()}") from None
        if self.process.stdout is not None:
            self.process.stdout.close()

    def said(self, text: str) -> bool:
        return text in self.log.read_text(errors="replace")

    def tail(self, lines: int = 40) -> str:
        said = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join([f"---- {self.name}", *said[-lines:]])


async def cli(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """``mesos-py WORDS`` to its end."""
    return await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "mesos_py", *words], env=environment(**more), cwd="/",
        capture_output=True, text=True, timeout=2 * PATIENCE_S, check=False,
    )


@contextlib.contextmanager
def command(*words: str) -> Iterator[subprocess.Popen[str]]:
    """``mesos-py WORDS``, started; it does not outlive the block."""
    process = subprocess.Popen(
        [*DIE_WITH_US, sys.executable, "-m", "mesos_py", *words], env=environment(), cwd="/", text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    with process:
        yield process
        process.kill()


def resident_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
