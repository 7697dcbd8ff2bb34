"""``mesos-py agent`` as a process of its own, so that it can be killed."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.acceptance.cluster import environment
from tests.agent.masters import WAIT_S, Master


class AgentProgram:
    """Runs of an agent on one work directory, one at a time."""

    def __init__(self, master: Master, directory: Path) -> None:
        self.directory = directory
        self.work_dir = directory / "work"
        self._master = master
        self._process: subprocess.Popen[bytes] | None = None
        self._runs = 0
        #: host:port of the present run
        self.address = ""

    async def start(self, *flags: str) -> str:
        """A run that answers; its address."""
        self._runs += 1
        with (self.directory / f"agent-{self._runs}.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mesos_py", "agent", f"--master=127.0.0.1:{self._master.port}", "--port=0",
                 f"--work_dir={self.work_dir}", f"--runtime_dir={self.directory}/run", "--no-switch_user",
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

    def log(self) -> str:
        """Of the present or last run."""
        return (self.directory / f"agent-{self._runs}.log").read_text()

    async def cleanup(self) -> None:
        """Nothing that it has started runs any more."""
        if self._process is not None:
            await self.killed()
        if (self.work_dir / "meta").is_dir():
            await self.start("--recover=cleanup")
            assert await self.exit_code() == 0


def command_of(pid: int) -> Any:
    """argv of a living process, None when there is none."""
    try:
        data = Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return None
    return data.split(b"\0") if data else None
