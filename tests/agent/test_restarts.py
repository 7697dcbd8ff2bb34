"""An agent that is killed and started again on the same work directory, with real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from mesos_py.wire import internal
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.task import TaskGroupInfo, TaskState
from tests import builders
from tests.agent.containerizer.harness import is_alive, pid_in, until
from tests.agent.masters import WAIT_S, Master
from tests.agent.programs import AgentProgram
from tests.agent.test_server import shell
from tests.agent.world import framework, task

pytestmark = pytest.mark.xdist_group("restarts")


async def test_a_running_command_task(master: Master, agent: AgentProgram, tmp_path: Path) -> None:
    """1 it runs; 2 kill -9 of the agent, another one: same process, same id; 3 it can be killed."""
    master.run(shell("t", f"echo $$ > {tmp_path}/pid; exec sleep 1000"), checkpoint=True)
    await master.until("t", "RUNNING")
    pid = await pid_in(tmp_path / "pid")
    await agent.killed()
    assert is_alive(pid)
    await agent.registered()
    assert [(one.task_id, one.state) for one in master.reregistrations[-1].tasks] == [("t", TaskState.TASK_RUNNING)]
    assert is_alive(pid)
    master.kill("t")
    assert await master.until("t", "KILLED") == ["STARTING", "RUNNING", "KILLED"]
    assert not is_alive(pid)


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
    pid = await pid_in(tmp_path / "pid")
    await agent.killed()
    await agent.registered()
    assert master.reregistrations[-1].tasks == ()
    await until(lambda: not is_alive(pid))


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


async def test_updates_that_nobody_has_acknowledged(master: Master, agent: AgentProgram, tmp_path: Path) -> None:
    """They are said again by the next agent, with the same uuids, each after the one before is acknowledged."""
    master.acknowledges = False
    master.run(shell("t", f"until [ -e {tmp_path}/go ]; do sleep 0.01; done; exit 7"), checkpoint=True)
    await master.until("t", "STARTING")
    (first,) = master.updates
    await agent.killed()
    (tmp_path / "go").touch()
    master.acknowledges = True
    await agent.registered()
    assert await master.until("t", "FAILED") == ["STARTING", "RUNNING", "FAILED"]
    assert [one.uuid for one in master.updates[:2]] == [first.uuid] * 2


async def test_a_kill_under_way(master: Master, agent: AgentProgram, tmp_path: Path) -> None:
    """SIGTERM came once, before; SIGKILL follows when the grace period that began with it is over."""
    command = f"""trap 'echo >> {tmp_path}/terms' TERM; touch {tmp_path}/ready; while :; do sleep 0.01; done"""
    master.run(shell("t", command), checkpoint=True)
    await master.until("t", "RUNNING")
    await until((tmp_path / "ready").exists)
    begin = time.monotonic()
    master.kill("t", 4)
    await until((tmp_path / "terms").exists)
    await agent.killed()
    await agent.registered()
    assert await master.until("t", "KILLED") == ["STARTING", "RUNNING", "KILLED"]
    assert time.monotonic() - begin >= 4
    assert (tmp_path / "terms").read_text() == "\n"
    assert master.messages[-1] == "Command terminated with signal Killed"


async def test_a_fetch_under_way(master: Master, agent: AgentProgram, tmp_path: Path) -> None:
    """Nothing was started yet, so the task ends; what fetched for it is gone."""
    asked: list[asyncio.StreamReader] = []
    silent = await asyncio.start_server(lambda reader, _: asked.append(reader), "127.0.0.1", 0)
    uri = CommandInfo.URI(value=f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/x")
    master.run(task("t", command=CommandInfo(value="sleep 1000", uris=(uri,))), checkpoint=True)
    await until(lambda: asked)
    await agent.killed()
    await agent.registered()
    assert await master.until("t", "FAILED") == ["FAILED"]
    assert master.messages[-1] == "Abnormal executor termination: unknown container"
    async with asyncio.timeout(WAIT_S):
        await asked[0].read()  # to its end: who fetched is gone
    silent.close()


async def test_a_supervisor_that_died_meanwhile(master: Master, agent: AgentProgram, tmp_path: Path) -> None:
    """What it ran is swept up, and how it ended is not known."""
    master.run(shell("t", f"echo $$ > {tmp_path}/pid; exec sleep 1000"), checkpoint=True)
    pid = await pid_in(tmp_path / "pid")
    await master.until("t", "RUNNING")
    await agent.killed()
    os.kill(parent_of(pid), signal.SIGKILL)
    assert is_alive(pid)
    await agent.registered()
    assert await master.until("t", "FAILED") == ["STARTING", "RUNNING", "FAILED"]
    assert master.messages[-1] == "Failed to get exit status for Command"
    assert not is_alive(pid)


async def test_a_kill_during_the_fetch_is_remembered(master: Master, agent: AgentProgram) -> None:
    """MESOS-8679: the task was killed by us already, and stays so."""
    silent = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    uri = CommandInfo.URI(value=f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/x")
    master.acknowledges = False
    master.run(task("t", command=CommandInfo(value="sleep 1000", uris=(uri,))), checkpoint=True)
    master.kill("t")
    await master.until("t", "KILLED")
    await agent.killed()
    master.acknowledges = True
    await agent.registered()
    master.kill("t")
    await master.met(lambda: len(master.updates) > 1)
    assert master.states["t"] == ["KILLED"]
    silent.close()


async def test_an_agent_that_leaves_for_good(master: Master, agent: AgentProgram, tmp_path: Path) -> None:
    """SIGUSR1: its tasks end, the master is told, and the next agent here is another one."""
    master.run(shell("t", f"echo $$ > {tmp_path}/pid; exec sleep 1000"), checkpoint=True)
    pid = await pid_in(tmp_path / "pid")
    await master.until("t", "RUNNING")
    assert await agent.ended(signal.SIGUSR1) == 0
    assert not is_alive(pid)
    await master.met(lambda: len(master.unregistered) == 1)
    await agent.registered()
    assert master.reregistrations == []


async def test_a_group(master: Master, agent: AgentProgram, tmp_path: Path) -> None:
    """1 two groups run; 2 the agent is killed, a member of one fails meanwhile; 3 its group ends, the other goes on."""
    master.run_group(shell("a", f"until [ -e {tmp_path}/go ]; do sleep 0.01; done; exit 7"), shell("b", "sleep 1000"))
    await master.until("b", "RUNNING")
    await master.until("a", "RUNNING")
    group = TaskGroupInfo(tasks=(shell("c", f"echo $$ > {tmp_path}/pid; exec sleep 1000"),))
    by = framework(user="root", checkpoint=True)
    master.say(
        internal.RunTaskGroup(
            framework=by, executor=builders.default_executor("g"), task_group=group, launch_executor=False
        )
    )
    await master.until("c", "RUNNING")
    pid = await pid_in(tmp_path / "pid")
    await agent.killed()
    (tmp_path / "go").touch()
    await agent.registered()
    assert await master.until("a", "FAILED") == ["STARTING", "RUNNING", "FAILED"]
    assert await master.until("b", "KILLED") == ["STARTING", "RUNNING", "KILLED"]
    assert is_alive(pid)
    report = master.reregistrations[-1]
    assert [info.executor_id for info in report.executors] == ["g"]
    master.kill("c")
    await master.until("c", "KILLED")
    await master.met(lambda: [exited.status for exited in master.exited] == [0])


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
