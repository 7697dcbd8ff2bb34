"""An agent on real processes, linked to a master's end of the channel: what only shows when everything is real."""

from __future__ import annotations

import asyncio
import os
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mesos_py.agent.options import AgentOptions
from mesos_py.agent.server import AgentServer
from mesos_py.wire import internal
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.task import TaskGroupInfo, TaskInfo, TaskState
from tests import builders
from tests.agent.containerizer.harness import is_alive
from tests.agent.masters import WAIT_S, Master
from tests.agent.world import AGENT_ID, FRAMEWORK_ID, framework, task


@pytest.fixture
async def agent(master: Master, tmp_path: Path) -> AsyncIterator[AgentServer]:
    options = AgentOptions(
        master=f"127.0.0.1:{master.port}", work_dir=str(tmp_path / "work"), runtime_dir=str(tmp_path / "run"), port=0,
        switch_user=False, registration_backoff_factor=1, resources="cpus:8;mem:1024",
    )  # fmt: skip
    async with AgentServer(options) as server:
        async with asyncio.timeout(WAIT_S):
            while not master.peer:
                await asyncio.sleep(0.005)
        yield server


def shell(task_id: str, command: str, **fields: Any) -> TaskInfo:
    return task(task_id, command=CommandInfo(value=command), **fields)


async def test_a_command_task(master: Master, agent: AgentServer, tmp_path: Path) -> None:
    """It runs in its sandbox with its environment, and what it wrote is there afterwards."""
    master.run(shell("t", 'echo "$MESOS_SANDBOX"; pwd; echo no >&2; exit 3'))
    assert await master.until("t", "FAILED") == ["STARTING", "RUNNING", "FAILED"]
    assert master.messages[-1] == "Command exited with status 3"
    latest = tmp_path / f"work/slaves/{AGENT_ID}/frameworks/{FRAMEWORK_ID}/executors/t/runs/latest"
    sandbox = str(latest.resolve())
    assert (latest / "stdout").read_text() == f"{sandbox}\n{sandbox}\n"
    assert (latest / "stderr").read_text() == "no\n"
    agent.core.check()


async def test_a_program_that_does_not_exist(master: Master, agent: AgentServer, tmp_path: Path) -> None:
    """As captured from Mesos; what was wrong is in the sandbox."""
    master.run(task("t", command=CommandInfo(shell=False, value="/bin/nonexistent")))
    assert await master.until("t", "FAILED") == ["STARTING", "RUNNING", "FAILED"]
    assert master.messages[-1] == "Command exited with status 1"
    latest = tmp_path / f"work/slaves/{AGENT_ID}/frameworks/{FRAMEWORK_ID}/executors/t/runs/latest"
    assert "/bin/nonexistent" in (latest / "stderr").read_text()


async def test_kills_reach_the_whole_tree(master: Master, agent: AgentServer, tmp_path: Path) -> None:
    """A task that ignores SIGTERM and has a child in another session: both are gone when KILLED is said."""
    pids = tmp_path / "pids"
    command = f"""trap '' TERM; setsid sleep 1000 & echo $! > {pids}.new; echo $$ >> {pids}.new
                  mv {pids}.new {pids}; while :; do sleep 0.1; done"""
    master.run(shell("t", command))
    async with asyncio.timeout(WAIT_S):
        while not pids.exists():
            await asyncio.sleep(0.01)
    await master.until("t", "RUNNING")  # its process may be faster than the word that it runs
    master.kill("t", 0.05)
    assert (await master.until("t", "KILLED"))[-1] == "KILLED"
    assert master.messages[-1] == "Command terminated with signal Killed"
    assert not any(is_alive(int(pid)) for pid in pids.read_text().split())


async def test_a_group(master: Master, agent: AgentServer) -> None:
    """Tasks run side by side, are linked by name, and die together."""
    group = TaskGroupInfo(tasks=(shell("a", "echo a; sleep 1000"), shell("b", "sleep 1000")))
    master.say(
        internal.RunTaskGroup(
            framework=framework(), executor=builders.default_executor("g"), task_group=group, launch_executor=True
        )
    )
    await master.until("a", "RUNNING")
    await master.until("b", "RUNNING")
    (executor,) = agent.core.state.containers.values()
    sandbox = Path(executor.sandbox)
    assert sorted(os.listdir(sandbox / "tasks")) == ["a", "b"]
    async with asyncio.timeout(WAIT_S):
        while (sandbox / "tasks" / "a" / "stdout").read_text() != "a\n":
            await asyncio.sleep(0.005)
    data = agent.files.read(f"/frameworks/{FRAMEWORK_ID}/executors/g/runs/latest/tasks/a/stdout", 0, 10)
    assert data == (0, b"a\n", 2)
    master.kill("a")
    assert await master.until("b", "KILLED") == ["STARTING", "RUNNING", "KILLED"]
    async with asyncio.timeout(WAIT_S):
        while not master.exited:
            await asyncio.sleep(0.005)
    assert master.exited[0].status == 0


EXECUTOR = """
import base64, http.client, json, os, uuid

host, port = os.environ["MESOS_AGENT_ENDPOINT"].split(":")
ids = {"framework_id": {"value": os.environ["MESOS_FRAMEWORK_ID"]},
       "executor_id": {"value": os.environ["MESOS_EXECUTOR_ID"]}}
headers = {"Content-Type": "application/json", "Accept": "application/json"}
calls = http.client.HTTPConnection(host, int(port))

def call(**fields):
    calls.request("POST", "/slave(1)/api/v1/executor", json.dumps({**ids, **fields}), headers)
    answer = calls.getresponse()
    assert answer.status == 202, (answer.status, answer.read())
    answer.read()

def update(task_id, state):
    status = {"task_id": task_id, "state": state, "source": "SOURCE_EXECUTOR",
              "uuid": base64.b64encode(uuid.uuid4().bytes).decode()}
    call(type="UPDATE", update={"status": status})

stream = http.client.HTTPConnection(host, int(port))
stream.request("POST", "/slave(1)/api/v1/executor", json.dumps({**ids, "type": "SUBSCRIBE", "subscribe": {}}), headers)
answer = stream.getresponse()
assert answer.status == 200, answer.read()
while True:
    length = b""
    while not length.endswith(b"\\n"):
        byte = answer.read(1)
        if not byte:
            raise SystemExit(1)
        length += byte
    event = json.loads(answer.read(int(length)))
    if event["type"] == "LAUNCH":
        update(event["launch"]["task"]["task_id"], "TASK_RUNNING")
    elif event["type"] == "KILL":
        update(event["kill"]["task_id"], "TASK_KILLED")
    elif event["type"] == "SHUTDOWN":
        raise SystemExit(0)
"""


def custom(tmp_path: Path) -> ExecutorInfo:
    script = tmp_path / "executor.py"
    script.write_text(textwrap.dedent(EXECUTOR))
    command = CommandInfo(shell=False, value=sys.executable, arguments=("python", str(script)))
    return builders.executor("c", command=command)


async def test_a_custom_executor(master: Master, agent: AgentServer, tmp_path: Path) -> None:
    """A program of the framework's own, over HTTP: two tasks, a kill, a shutdown."""
    info = custom(tmp_path)
    master.run(task("one", executor=info))
    await master.until("one", "RUNNING")
    master.run(task("two", executor=info), launch=False)
    await master.until("two", "RUNNING")
    master.kill("one")
    await master.until("one", "KILLED")
    master.say(internal.ShutdownExecutor(framework_id=FRAMEWORK_ID, executor_id=info.executor_id))
    assert await master.until("two", "FAILED") == ["RUNNING", "FAILED"]
    async with asyncio.timeout(WAIT_S):
        while agent.core.state.frameworks:
            await asyncio.sleep(0.005)
    assert [exited.status for exited in master.exited] == [0]


async def test_a_lost_connection(master: Master, agent: AgentServer) -> None:
    """The agent connects again by itself and reports what runs."""
    master.run(shell("t", "sleep 1000"))
    await master.until("t", "RUNNING")
    master.channels.close(master.peer)
    async with asyncio.timeout(WAIT_S):
        while not master.reregistrations:
            await asyncio.sleep(0.005)
    (report,) = master.reregistrations
    assert [(one.task_id, one.state) for one in report.tasks] == [("t", TaskState.TASK_RUNNING)]
    master.kill("t")
    assert (await master.until("t", "KILLED"))[-1] == "KILLED"


async def test_a_work_directory_has_one_agent(agent: AgentServer) -> None:
    """As with a port in use, what starts the second one can say so in a sentence."""
    with pytest.raises(OSError, match="in use by another process"):
        async with AgentServer(agent.options):
            pass


async def test_the_end_of_an_agent_leaves_nothing_running(master: Master, agent: AgentServer) -> None:
    """Containers end with it, because a later agent would not know them."""
    master.run(shell("t", "sleep 1000"))
    await master.until("t", "RUNNING")
    (executor,) = agent.core.state.containers.values()
    agent.stop(unregister=True)
    assert await agent.wait() is None
    await agent.__aexit__(None, None, None)
    assert not is_alive(executor.pid)
    await master.met(lambda: [message.agent_id for message in master.unregistered] == [AGENT_ID])
