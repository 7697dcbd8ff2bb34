"""``mesos-py agent`` as a process of its own, so that it can be killed."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import aiohttp

from mesos_py.agent.checkpoint.store import FILE, META
from mesos_py.agent.containerizer.client import SupervisorClient, SupervisorSettings
from tests.acceptance.cluster import environment
from tests.agent.masters import WAIT_S, Master
from tests.ports import free_port


class AgentProgram:
    """Runs of an agent on one work directory, one at a time."""

    def __init__(self, master: Master, directory: Path) -> None:
        self.directory = directory
        self.work_dir = directory / "work"
        self._master = master
        self._process: subprocess.Popen[bytes] | None = None
        self._port = free_port()
        self._runs = 0
        #: host:port of the present run
        self.address = ""

    async def start(self, *flags: str) -> str:
        """A run that answers; its address."""
        self._runs += 1
        with (self.directory / f"agent-{self._runs}.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mesos_py", "agent", f"--master=127.0.0.1:{self._master.port}",
                 f"--port={self._port}", f"--work_dir={self.work_dir}", f"--runtime_dir={self.directory}/run",
                 "--no-switch_user",
                 "--registration_backoff_factor=10ms", "--resources=cpus:8;mem:1024;disk:1024", *flags],
                env=environment(), cwd="/", stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        assert self._process.stdout is not None
        line = (await asyncio.to_thread(self._process.stdout.readline)).decode()
        assert line.startswith("ready http://"), self.log()
        self.address = line.strip().removeprefix("ready http://")
        return self.address

    async def registered(self, *flags: str) -> None:
        """A run that its master has admitted, or admitted again."""
        before = self._master.registrations
        await self.start(*flags)
        await self._master.met(lambda: self._master.registrations > before)

    async def killed(self) -> None:
        """kill -9."""
        await self.ended(signal.SIGKILL)

    async def ended(self, signum: int) -> int:
        """Its exit code after this signal."""
        assert self._process is not None
        self._process.send_signal(signum)
        return await self.exit_code()

    async def exit_code(self) -> int:
        process, self._process = self._process, None
        assert process is not None
        async with asyncio.timeout(WAIT_S):
            code = await asyncio.to_thread(process.wait, WAIT_S)
        assert process.stdout is not None
        process.stdout.close()
        return code

    async def executor_pids(self) -> list[int]:
        """Of the executors' containers."""
        async with aiohttp.ClientSession() as session, session.get(f"http://{self.address}/containers") as answer:
            return [one["status"]["executor_pid"] for one in await answer.json()]

    def kept(self, kind: str) -> list[str]:
        """Last parts of the names of its records of one kind."""
        with contextlib.closing(sqlite3.connect(self.work_dir / META / FILE)) as database:
            rows = database.execute("SELECT name FROM records WHERE kind = ?", (kind,)).fetchall()
        return [name.rpartition("/")[2] for (name,) in rows]

    @property
    def pid(self) -> int:
        """Of the present run."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        """Of the present or last run."""
        return (self.directory / f"agent-{self._runs}.log").read_text()

    async def cleanup(self) -> None:
        """Nothing that it has started runs any more."""
        if self._process is not None:
            await self.killed()
        await end_containers(self.work_dir, self.directory / "run")


async def end_containers(work_dir: Path, runtime_dir: Path) -> None:
    """Nothing runs any more that agents on this directory have left to the next one."""
    settings = SupervisorSettings(work_dir=str(work_dir), runtime_dir=str(runtime_dir))
    client, _ = await SupervisorClient.open(settings, on_frame=lambda _: None, on_lost=lambda: None)
    client.listen()
    async with asyncio.timeout(WAIT_S):
        await client.quit()
