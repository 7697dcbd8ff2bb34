"""An agent's server whose containers and master are played by the test; everything HTTP is real."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.containerizer.scripted import RUNS, Outcome, ScriptedContainerizer
from mesos_py.agent.options import AgentOptions
from mesos_py.agent.server import AgentServer
from mesos_py.wire import internal
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.task import TaskInfo
from tests.agent.world import AGENT_ID, MASTER, framework


class Serving:
    """The server, a client of it, and what the test does in the master's place."""

    def __init__(self, server: AgentServer, client: aiohttp.ClientSession) -> None:
        self.server = server
        self.client = client

    def master(self, message: Any) -> None:
        self.server.master_said(MASTER, message, 0)
        self.server.core.check()

    def run(self, info: TaskInfo, *, launch: bool = True, by: FrameworkInfo | None = None) -> None:
        self.master(internal.RunTask(framework=by or framework(), task=info, launch_executor=launch))

    def acknowledge_all(self) -> None:
        updates = self.server.core.updates
        while heads := [(stream.framework_id, stream.pending[0]) for stream in updates if stream.pending]:
            for framework_id, status in heads:
                assert status.uuid is not None
                self.master(
                    internal.AcknowledgeUpdate(framework_id=framework_id, task_id=status.task_id, uuid=status.uuid)
                )

    async def get(self, path: str) -> Any:
        async with self.client.get(path) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def call(self, type: str, path: str = "/api/v1", **payload: Any) -> tuple[int, str]:
        async with self.client.post(path, json={"type": type, **payload}) as response:
            return response.status, await response.text()

    async def raw(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send these very bytes; returns status, headers and body."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            return int(head[0].split(" ")[1]), headers, body
        finally:
            writer.close()


@asynccontextmanager
async def serving(
    tmp_path: Path, *, script: Callable[[ContainerSpec], Outcome] = lambda _: RUNS, registered: bool = True,
    **options: Any,
) -> AsyncIterator[Serving]:  # fmt: skip
    given: dict[str, Any] = {
        "master": "127.0.0.1:1", "work_dir": str(tmp_path / "work"), "runtime_dir": str(tmp_path / "run"), "port": 0,
        "switch_user": False, "registration_backoff_factor": 0,
        "resources": "cpus:64;mem:65536;disk:100000;ports:[31000-32000]",
    } | options  # fmt: skip
    server = AgentServer(
        AgentOptions(**given),
        containerizer=lambda report: ScriptedContainerizer(report=report, script=script),
        locate=_nowhere,
        keeps=False,
    )
    async with server, aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as client:
        if registered:
            server.master_connected(MASTER, "localhost:5050")
            server.master_said(MASTER, internal.AgentRegistered(agent_id=AGENT_ID, total_ping_timeout_seconds=75.0), 0)
        yield Serving(server, client)
        if registered:
            server.master_lost(MASTER)  # nobody is there to say farewell to


async def _nowhere() -> str:
    """There is no master to connect to: the test is it."""
    await asyncio.Event().wait()
    raise AssertionError
