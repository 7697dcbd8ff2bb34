"""An agent that is killed and started again on the same work directory, with real processes."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mesos_py.wire.task import TaskState
from tests.agent.containerizer.harness import until
from tests.agent.masters import Master
from tests.agent.programs import AgentProgram
from tests.agent.test_server import shell

pytestmark = pytest.mark.xdist_group("restarts")


@pytest.fixture
async def master() -> AsyncIterator[Master]:
    made = Master()
    made.port = await made.server.start("127.0.0.1", 0)
    yield made
    await made.server.close()


@pytest.fixture
async def agent(master: Master, tmp_path: Path) -> AsyncIterator[AgentProgram]:
    made = AgentProgram(master, tmp_path)
    await made.registered()
    yield made
    await made.cleanup()


async def test_a_running_command_task(master: Master, agent: AgentProgram, tmp_path: Path) -> None:
    """1 it runs; 2 kill -9 of the agent, another one: same process, same id, same port; 3 it can be killed."""
    master.run(shell("t", f"echo $$ > {tmp_path}/pid; exec sleep 1000"), checkpoint=True)
    await master.until("t", "RUNNING")
    await until((tmp_path / "pid").exists)
    pid, address = int((tmp_path / "pid").read_text()), agent.address
    await agent.killed()
    assert os.path.exists(f"/proc/{pid}")
    await agent.registered()
    assert agent.address == address
    assert [(one.task_id, one.state) for one in master.reregistrations[-1].tasks] == [("t", TaskState.TASK_RUNNING)]
    assert os.path.exists(f"/proc/{pid}")
    master.kill("t")
    assert await master.until("t", "KILLED") == ["STARTING", "RUNNING", "KILLED"]
    assert not os.path.exists(f"/proc/{pid}")


async def test_a_task_that_ends_while_no_agent_is_there(master: Master, agent: AgentProgram, tmp_path: Path) -> None:
    """Its true exit status is told."""
    master.run(shell("t", f"until [ -e {tmp_path}/go ]; do sleep 0.01; done; exit 7"), checkpoint=True)
    await master.until("t", "RUNNING")
    await agent.killed()
    (tmp_path / "go").touch()
    await agent.registered()
    assert await master.until("t", "FAILED") == ["STARTING", "RUNNING", "FAILED"]
    assert master.messages[-1] == "Command exited with status 7"


async def test_a_framework_that_does_not_checkpoint(master: Master, agent: AgentProgram, tmp_path: Path) -> None:
    """Its tasks do not outlive their agent: what is found is destroyed, and not reported."""
    master.run(shell("t", f"echo $$ > {tmp_path}/pid; exec sleep 1000"))
    await master.until("t", "RUNNING")
    await until((tmp_path / "pid").exists)
    pid = int((tmp_path / "pid").read_text())
    await agent.killed()
    await agent.registered()
    assert master.reregistrations[-1].tasks == ()
    await until(lambda: not os.path.exists(f"/proc/{pid}"))


async def test_stopping_leaves_tasks_running(master: Master, agent: AgentProgram) -> None:
    """SIGTERM: the agent says how many, and the next one goes on with them."""
    master.run(shell("t", "sleep 1000"), checkpoint=True)
    await master.until("t", "RUNNING")
    assert await agent.ended(signal.SIGTERM) == 0
    assert "tasks are left running" in agent.log()
    assert master.unregistered == []
    await agent.registered()
    master.kill("t")
    assert await master.until("t", "KILLED") == ["STARTING", "RUNNING", "KILLED"]
