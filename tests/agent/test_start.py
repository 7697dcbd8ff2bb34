"""What an agent finds in its work directory when it is started, and which of it makes it refuse."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mesos_py.agent.checkpoint.former import RecoveryFailed
from mesos_py.agent.options import AgentOptions
from mesos_py.agent.registration import Phase
from mesos_py.agent.server import AgentServer
from mesos_py.coordination import Corrupt, StoreFailed
from mesos_py.wire import internal
from mesos_py.wire.ids import FrameworkID
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskInfo, TaskState
from tests.agent.masters import WAIT_S
from tests.agent.test_server import shell
from tests.agent.world import AGENT_ID, MASTER, framework


class Place:
    """A work directory, and agents on it one after the other."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file = directory / "work/meta/agent.db"

    def agent(self, *, boot_id: str | None = None, **options: Any) -> AgentServer:
        given: dict[str, Any] = {
            "master": "127.0.0.1:1", "work_dir": str(self.directory / "work"), "runtime_dir": str(self.directory / "r"),
            "port": 0, "switch_user": False, "registration_backoff_factor": 0, "resources": "cpus:4;mem:1024;disk:9",
            "attributes": "rack:a",
        } | options  # fmt: skip
        return AgentServer(AgentOptions(**given), locate=_nowhere, boot_id=boot_id)

    async def leave(self, info: TaskInfo, state: TaskState = TaskState.TASK_RUNNING) -> None:
        """An agent has run this, with its framework's updates unacknowledged, and has been stopped."""
        async with self.agent() as agent:
            admit(agent)
            agent.master_said(MASTER, internal.RunTask(framework=BY, task=info, launch_executor=True), 0)
            await met(lambda: states(agent).get(info.task_id) is state)

    async def end(self) -> None:
        """Nothing runs any more."""
        if self.file.exists():
            async with self.agent(recover="cleanup", strict=False, reconfiguration_policy="additive") as agent:
                assert await agent.wait() is None


BY = framework(checkpoint=True)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    made = Place(tmp_path)
    yield made
    await made.end()


async def _nowhere() -> str:
    await asyncio.Event().wait()
    raise AssertionError


def admit(agent: AgentServer) -> None:
    """There is a master."""
    agent.master_connected(MASTER, "localhost:5050")
    agent.master_said(MASTER, internal.AgentRegistered(agent_id=AGENT_ID, total_ping_timeout_seconds=75.0), 0)
    assert agent.core.registration.phase is Phase.RUNNING


def states(agent: AgentServer) -> dict[str, TaskState]:
    """Of all tasks that are not history."""
    executors = agent.core.state.containers.values()
    return {
        one.id: one.state
        for executor in executors
        for held in (executor.queued, executor.launched, executor.terminated)
        for one in held.values()
    }


async def met(condition: Any) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():
            await asyncio.sleep(0.005)


async def test_other_settings(place: Place) -> None:
    """Mesos' words and advice; a policy that allows them; an agent that was never admitted is free to change."""
    async with place.agent(resources="cpus:1"):
        pass
    await place.leave(shell("t", "sleep 1000"))
    with pytest.raises(RecoveryFailed) as caught:
        async with place.agent(resources="cpus:5;mem:1024;disk:9"):
            pass
    text = str(caught.value)
    assert text.startswith("Failed to perform recovery: Incompatible agent info detected. \n")
    assert text.endswith(f"rm -f {place.file}\nThis ensures that the agent does not recover old live executors.")
    with pytest.raises(RecoveryFailed, match="Value of scalar resource 'cpus' decreased from 4 to 3"):
        async with place.agent(resources="cpus:3;mem:1024;disk:9", reconfiguration_policy="additive"):
            pass
    wider = {"resources": "cpus:5;mem:1024;disk:9;gpus:1", "attributes": "rack:a;zone:z"}
    async with place.agent(**wider, reconfiguration_policy="additive") as agent:
        assert states(agent) == {"t": TaskState.TASK_RUNNING}
        assert agent.core.state.id == AGENT_ID
        assert agent.core.state.total.scalar("cpus") == 5000
    async with place.agent(**wider) as agent:  # it was kept
        assert states(agent) == {"t": TaskState.TASK_RUNNING}
        agent.stop(unregister=True)
        assert await agent.wait() is None


async def test_after_a_reboot(place: Place) -> None:
    """Processes of before are not taken for tasks; with other settings it is another agent."""
    await place.leave(shell("t", "sleep 1000"))
    async with place.agent(boot_id="another") as agent:
        assert states(agent) == {}
        assert agent.core.state.id == AGENT_ID
    async with place.agent(boot_id="yet another", resources="cpus:1") as agent:
        assert agent.core.state.id is None


async def test_an_end_that_was_not_acknowledged_outlives_a_reboot(place: Place) -> None:
    """A task has one end: it is not told lost afterwards."""
    await place.leave(shell("t", "exit 3"), TaskState.TASK_FAILED)
    async with place.agent(boot_id="another") as agent:
        assert states(agent) == {"t": TaskState.TASK_FAILED}
        (stream,) = agent.core.updates
        assert [status.state for status in stream.pending][-1] is TaskState.TASK_FAILED


async def test_a_file_that_is_damaged(place: Place) -> None:
    """It is refused with a sentence that says what to do; --no-strict goes on without what cannot be read."""
    await place.leave(shell("t", "sleep 1000"))
    with sqlite3.connect(place.file) as database:
        database.execute("UPDATE records SET data = x'00' WHERE kind = 'tasks'")
    database.close()
    with pytest.raises(Corrupt, match=r"agent\.db: the record tasks/.*; remove it to start as a new agent"):
        async with place.agent():
            pass
    async with place.agent(strict=False) as agent:
        assert agent.core.state.id == AGENT_ID
        assert states(agent) == {}
        assert agent.core.state.counters["slave/recovery_errors"] >= 1
    async with place.agent() as agent:  # nothing damaged is left
        assert agent.core.state.counters["slave/recovery_errors"] == 0


async def test_a_file_that_is_no_file_of_ours(place: Place) -> None:
    """Without --strict it is put aside, and the agent is a new one."""
    await place.leave(shell("t", "sleep 1000"))
    place.file.write_bytes(b"no database" * 1000)
    with pytest.raises(StoreFailed, match="remove it to start as a new agent"):
        async with place.agent():
            pass
    async with place.agent(strict=False) as agent:
        assert agent.core.state.id is None
        assert agent.core.state.counters["slave/recovery_errors"] == 1
    assert place.file.with_name("agent.db.damaged").read_bytes().startswith(b"no database")


async def test_what_is_left_of_a_removed_file(place: Place) -> None:
    """Its log would make SQLite bring the old records back."""
    async with place.agent() as agent:
        admit(agent)
        wal = place.file.with_name("agent.db-wal")
        left = wal.read_bytes()
        assert left
    place.file.unlink()
    wal.write_bytes(left)
    async with place.agent() as agent:
        assert agent.core.state.id is None


async def test_a_work_directory_has_one_agent(place: Place) -> None:
    """Two at once, and one of C++ Mesos."""
    async with place.agent():
        with pytest.raises(OSError, match="in use by another process"):
            async with place.agent():
                pass
    place.file.unlink()
    (place.directory / "work/meta/slaves").mkdir()
    with pytest.raises(StoreFailed, match=r"is of a C\+\+ Mesos, and this agent cannot read it"):
        async with place.agent():
            pass
    (place.directory / "work/meta/slaves").rmdir()


async def test_the_port_is_the_one_that_executors_know(place: Place) -> None:
    """While anything runs here, a port that is taken ends the agent; else any other will do."""
    await place.leave(shell("t", "sleep 1000"))
    async with place.agent() as agent:
        port = agent.port
    blocker = await asyncio.start_server(lambda *_: None, "127.0.0.1", port)
    with pytest.raises(OSError, match="ddress"):
        async with place.agent():
            pass
    blocker.close()
    await blocker.wait_closed()
    await place.end()
    async with place.agent() as agent:
        admit(agent)
        port = agent.port
    blocker = await asyncio.start_server(lambda *_: None, "127.0.0.1", port)
    async with place.agent() as agent:
        assert agent.port != port
        assert agent.core.state.id == AGENT_ID
    blocker.close()
    await blocker.wait_closed()


async def test_what_a_stopped_agent_says(place: Place) -> None:
    """Only tasks that a later agent will know are left running."""
    async with place.agent() as agent:
        admit(agent)
        other = evolve(framework(), id=FrameworkID("m-0001"))
        for by, name in ((other, "u"), (BY, "t")):
            word = internal.RunTask(framework=by, task=shell(name, "sleep 1000"), launch_executor=True)
            agent.master_said(MASTER, word, 0)
        await met(lambda: list(states(agent).values()) == [TaskState.TASK_RUNNING] * 2)
        pids = {executor.id: executor.pid for executor in agent.core.state.containers.values()}
    assert agent.left_running == 1
    await met(lambda: not Path(f"/proc/{pids['u']}").exists())  # type: ignore[index]
    assert Path(f"/proc/{pids['t']}").exists()  # type: ignore[index]



async def test_many_sandboxes_of_earlier_runs(place: Place) -> None:
    """They are found piece by piece, and wait for their time."""
    runs = place.directory / "work/slaves/m-S0/frameworks/f/executors/e/runs"
    for number in range(2_500):
        (runs / f"{number}").mkdir(parents=True)
    async with place.agent() as agent:
        await met(lambda: len(agent.core.collector) == 2_500)
        assert agent.files.meaning("/frameworks/f/executors/e/runs/latest") is None  # of an agent with another id
