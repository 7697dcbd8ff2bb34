"""A framework that runs beside the cluster of ``mesos-py local``, as a process of its own: what it does wrong does not
stop masters and agents, and what it needs of them it asks over HTTP, as anywhere.

It ends with the cluster, however that ends; one that ends by itself is started again, unless it does so at once.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from mesos_py.cli.command import CommandFailed

READY = "ready "
READY_TIMEOUT_S, STOP_TIMEOUT_S = 60.0, 20.0
LIVED_S = 5.0  # who has not lived so long is not started again


class Beside:
    """``module`` is run with the arguments that there are for a port, and prints ``ready URL`` when it serves. One that
    was given no port (0) keeps the one that it has picked. Raises CommandFailed."""

    def __init__(
        self, name: str, module: str, arguments: Callable[[int], Sequence[str]], port: int = 0, *,
        lived_s: float = LIVED_S,
    ) -> None:  # fmt: skip
        self.name = name
        self.url = ""
        self._arguments, self._port, self._lived_s = arguments, port, lived_s
        setpriv = shutil.which("setpriv")  # nobody but the kernel can tell it that we were killed
        dies_with_us = [] if setpriv is None else [setpriv, "--pdeathsig", "TERM", "--"]
        self._command = [*dies_with_us, sys.executable, "-m", module]

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def _stop(self) -> None:
        if self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()

    async def _start(self) -> None:
        self._began = time.monotonic()
        self._process = await asyncio.create_subprocess_exec(
            *self._command, *self._arguments(self._port), stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, start_new_session=True,  # Ctrl-C is for us, and we tell it
        )  # fmt: skip
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                line = (await self._process.stdout.readline()).decode(errors="replace")
        except TimeoutError:
            raise CommandFailed(f"{self.name} is not ready after {READY_TIMEOUT_S:g} s") from None
        if not line.startswith(READY):
            raise CommandFailed(f"{self.name} has not started")
        self.url = line.removeprefix(READY).strip()
        self._port = int(self.url.rpartition(":")[2])

    async def keep(self) -> None:
        """For ever. Raises CommandFailed when it does not live."""
        while True:
            assert self._process.stdout is not None
            while await self._process.stdout.read(65_536):
                pass  # what else it prints is nobody's
            code = await self._process.wait()
            if time.monotonic() - self._began < self._lived_s:
                raise CommandFailed(f"{self.name} has ended with {code}")
            await self._start()
