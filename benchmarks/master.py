"""Starts what a benchmark measures: ``mesos-py master`` or ``mesos-py local`` as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from typing import Any, Self

import aiohttp
import psutil

READY_TIMEOUT_S = 60.0


class _Program:
    """One ``mesos-py`` process that prints ``ready http://HOST:PORT``."""

    def __init__(
        self, *arguments: str, root: str | None = None, prepare: Callable[[str], Awaitable[None]] | None = None
    ) -> None:
        self._arguments = arguments
        self._root = root
        self._prepare = prepare
        self._process: asyncio.subprocess.Process | None = None
        self._stack = contextlib.AsyncExitStack()
        self.host = "127.0.0.1"
        self.port = 0

    async def __aenter__(self) -> Self:
        work_dir = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="mesos-py-bench-", dir=self._root))
        if self._prepare is not None:
            await self._prepare(work_dir)
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mesos_py", *self._arguments, "--ip=127.0.0.1", "--port=0", f"--work_dir={work_dir}",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(READY_TIMEOUT_S):
            async for line in self._process.stdout:
                if line.startswith(b"ready http://"):
                    self.port = int(line.decode().strip().rpartition(":")[2])
                    return self
        raise SystemExit("the program ended before it was ready")

    async def __aexit__(self, *exc: object) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        await self._process.wait()
        await self._stack.aclose()

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def recent_stall_ms(self) -> float:
        """The longest time the loop took for one turn since this was asked last, from the program's own metrics."""
        return (await self.metrics())["loop/recent_stall_ms"]

    async def metrics(self) -> dict[str, float]:
        async with aiohttp.ClientSession() as session, session.get(f"http://{self.address}/metrics/snapshot") as answer:
            metrics: dict[str, float] = await answer.json()
            return metrics

    async def call(self, kind: str) -> dict[str, Any]:
        """The answer to an operator call without arguments."""
        url = f"http://{self.address}/api/v1"
        async with aiohttp.ClientSession() as session, session.post(url, json={"type": kind}) as answer:
            said: dict[str, Any] = await answer.json()
            return said[kind.lower()]  # type: ignore[no-any-return]


class Master(_Program):
    """A master alone."""

    def __init__(self, *flags: str, prepare: Callable[[str], Awaitable[None]] | None = None) -> None:
        """``prepare`` is given its empty work_dir before it starts."""
        super().__init__("master", *flags, prepare=prepare)


class LocalCluster(_Program):
    """A whole cluster on loopback."""

    def __init__(self, agents: int, resources: str, root: str | None = None) -> None:
        super().__init__("local", f"--agents={agents}", f"--resources={resources}", root=root)
        #: whether frameworks of a benchmark ask for tasks that outlive their agent
        self.checkpoint = True

    def private_bytes(self) -> int:
        """Private memory of the cluster and of everything it runs."""
        root = psutil.Process(self.pid)
        total = 0
        for process in (root, *root.children(recursive=True), *_supervised(root)):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_full_info().uss
        return total


def _supervised(root: psutil.Process) -> list[psutil.Process]:
    """Supervisors outlive their agent and are not its children: found, with theirs, by the cluster's work_dir."""
    work_dir = next(word.partition("=")[2] for word in root.cmdline() if word.startswith("--work_dir="))
    found: dict[int, psutil.Process] = {}
    known = {root.pid, *(child.pid for child in root.children(recursive=True))}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.pid not in known and any(work_dir in word for word in process.cmdline()):
                for member in (process, *process.children(recursive=True)):
                    if member.pid not in known:
                        found[member.pid] = member
    return list(found.values())

