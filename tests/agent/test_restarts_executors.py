"""Frameworks' own executors over a restart of their agent: they connect again by themselves, or are given up."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from mesos_py.wire import internal
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.task import TaskInfo, TaskState, TaskStatus
from tests import builders
from tests.acceptance.cluster import ROOT
from tests.acceptance.pymesos_venv import pymesos_python
from tests.agent.containerizer.harness import is_alive, pid_in, until
from tests.agent.masters import Master
from tests.agent.programs import AgentProgram
from tests.agent.world import FRAMEWORK_ID, task

pytestmark = pytest.mark.xdist_group("restarts")


def executor(*argv: str) -> ExecutorInfo:
    command = CommandInfo(shell=False, value=argv[0], arguments=argv)
    return builders.executor("e", command=command)


EXAMPLE = executor(sys.executable, str(ROOT / "examples" / "http_executor.py"))


def work(task_id: str, command: str, info: ExecutorInfo = EXAMPLE) -> TaskInfo:
    return task(task_id, executor=info, data=command.encode())


async def test_an_executor_connects_again(master: Master, agent: AgentProgram, tmp_path: Path) -> None:
    """1 one task runs, one ends while no agent is there; 2 both are known; 3 it goes on to take tasks and kills."""
    master.run(work("a", "sleep 1000"), checkpoint=True)
    await master.until("a", "RUNNING")
    master.run(work("b", f"until [ -e {tmp_path}/go ]; do sleep 0.01; done; exit 3"), launch=False, checkpoint=True)
    await master.until("b", "RUNNING")
    await agent.killed()
    (tmp_path / "go").touch()
    await agent.registered("--executor_reregistration_timeout=10secs")
    report = master.reregistrations[-1]
    assert [info.executor_id for info in report.executors] == ["e"]
    assert await master.until("b", "FAILED") == ["RUNNING", "FAILED"]
    master.run(work("c", "true"), launch=False, checkpoint=True)
    assert await master.until("c", "FINISHED") == ["RUNNING", "FINISHED"]
    master.kill("a")
    assert await master.until("a", "KILLED") == ["RUNNING", "KILLED"]


@pytest.mark.parametrize("aware", [False, True])
async def test_an_executor_that_does_not_come_back(
    master: Master, agent: AgentProgram, tmp_path: Path, aware: bool
) -> None:
    """After the timeout it is destroyed, and its tasks are lost or gone; nothing is registered before that."""
    master.is_aware = aware
    master.run(work("t", f"echo $PPID > {tmp_path}/pid; exec sleep 1000"), checkpoint=True)
    await master.until("t", "RUNNING")
    pid = await pid_in(tmp_path / "pid")
    os.kill(pid, signal.SIGSTOP)
    await agent.killed()
    await agent.start("--executor_reregistration_timeout=1secs")
    async with aiohttp.ClientSession() as session, session.get(f"http://{agent.address}/state") as answer:
        assert (answer.status, await answer.text()) == (503, "Agent has not finished recovery")
    end = "GONE" if aware else "LOST"
    assert await master.until("t", end) == ["RUNNING", end]
    assert master.updates[-1].reason is TaskStatus.Reason.REASON_EXECUTOR_REREGISTRATION_TIMEOUT
    assert master.updates[-1].message == "Executor did not reregister within 1secs"
    assert not is_alive(pid)


async def test_a_task_on_its_way(master: Master, agent: AgentProgram) -> None:
    """What was said to an executor that did not listen has arrived, or is told lost; nothing is forgotten."""
    master.run(work("a", "sleep 1000"), checkpoint=True)
    await master.until("a", "RUNNING")
    (pid,) = await agent.executor_pids()
    os.kill(pid, signal.SIGSTOP)
    master.run(work("b", "sleep 1000"), launch=False, checkpoint=True)
    await until(lambda: "b" in agent.kept("tasks"))
    await agent.killed()
    os.kill(pid, signal.SIGCONT)
    await agent.registered("--executor_reregistration_timeout=10secs")
    states = {one.task_id: one.state for one in master.reregistrations[-1].tasks}
    assert states["a"] is TaskState.TASK_RUNNING
    await master.met(lambda: bool(set(master.states.get("b", ())) & {"RUNNING", "LOST"}))


async def test_an_executor_on_pymesos(master: Master, agent: AgentProgram) -> None:
    """An unmodified client comes back as well."""
    script = str(ROOT / "tests" / "acceptance" / "pymesos_executor.py")
    info = executor(pymesos_python(), script)
    master.run(work("t", "wait", info), checkpoint=True)
    await master.until("t", "RUNNING")
    word = internal.FrameworkToExecutor(framework_id=FRAMEWORK_ID, executor_id=info.executor_id, data=b"hello")
    master.say(word)
    await master.met(lambda: master.said == [b"HELLO"])  # its client knows that the update has arrived
    await agent.killed()
    await agent.registered("--executor_reregistration_timeout=15secs")
    assert [one.task_id for one in master.reregistrations[-1].tasks] == ["t"]
    master.kill("t")
    assert await master.until("t", "KILLED") == ["RUNNING", "KILLED"]


async def test_cleanup(master: Master, agent: AgentProgram, tmp_path: Path) -> None:
    """--recover=cleanup: executors are told to end, and the agent ends with the last; the next is another agent."""
    master.run(work("t", f"echo $PPID > {tmp_path}/pid; exec sleep 1000"), checkpoint=True)
    await master.until("t", "RUNNING")
    pid = await pid_in(tmp_path / "pid")
    await agent.killed()
    await agent.start("--recover=cleanup")
    assert await agent.exit_code() == 0
    assert not is_alive(pid)
    await agent.registered()
    assert master.reregistrations == []
    assert agent.kept("tasks") == []


