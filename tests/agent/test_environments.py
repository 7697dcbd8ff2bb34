"""Every variable that what an agent runs really gets, by the process itself (spec/mesos/mesos-agent.md 5.2).

Each program is ``env``, executed without a shell, so that what it prints is what it was given and nothing else.
"""

from __future__ import annotations

import base64
import json
import os
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mesos_py.agent.options import AgentOptions
from mesos_py.agent.server import AgentServer
from mesos_py.config import UsageError, parse
from mesos_py.wire.command import CommandInfo, Environment
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.health import CheckInfo
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskInfo
from tests import builders
from tests.agent.containerizer.harness import needs_crun, until
from tests.agent.masters import Master
from tests.agent.programs import end_containers
from tests.agent.world import AGENT_ID, FRAMEWORK_ID, task

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: What --executor_environment_variables says; the agent itself knows better about one of them.
GIVEN = {"GIVEN": "by the agent", "OVERRIDDEN": "by the agent", "MESOS_SLAVE_ID": "a lie"}


STREAMED = {"Accept": "application/recordio", "Message-Accept": "application/json"}


@asynccontextmanager
async def agent_of(master: Master, directory: Path, **flags: Any) -> AsyncIterator[AgentServer]:
    options = AgentOptions(
        master=f"127.0.0.1:{master.port}", work_dir=str(directory / "work"), runtime_dir=str(directory / "run"), port=0,
        registration_backoff_factor=1, resources="cpus:8;mem:1024", **flags,
    )  # fmt: skip
    try:
        async with AgentServer(options) as server:
            await master.met_soon(lambda: bool(master.peer))
            yield server
    finally:
        await end_containers(directory / "work", directory / "run")


@pytest.fixture
async def agent(master: Master, tmp_path: Path) -> AsyncIterator[AgentServer]:
    async with agent_of(master, tmp_path, switch_user=False, executor_environment_variables=GIVEN) as server:
        yield server


def env(**own: str) -> CommandInfo:
    variables = tuple([Environment.Variable(name=name, value=value) for name, value in own.items()])
    return CommandInfo(
        shell=False, value="/usr/bin/env", arguments=("env", "-0"), environment=Environment(variables=variables)
    )


async def seen(sandbox: Path, name: str = "stdout") -> dict[str, str]:
    """What a program has printed into its sandbox."""
    await until(lambda: (sandbox / name).exists() and (sandbox / name).read_bytes().endswith(b"\0"))
    return dict(item.split("=", 1) for item in (sandbox / name).read_text().split("\0")[:-1])


def latest(agent: AgentServer, executor_id: str) -> Path:
    """The sandbox of an executor, without links."""
    runs = f"slaves/{AGENT_ID}/frameworks/{FRAMEWORK_ID}/executors/{executor_id}/runs/latest"
    return Path(agent.options.work_dir, runs).resolve()


def of_executor(agent: AgentServer, executor_id: str, **more: str) -> dict[str, str]:
    """What Mesos says to every executor."""
    sandbox = str(latest(agent, executor_id))
    return {
        "GIVEN": "by the agent",
        "OVERRIDDEN": "by the agent",
        "LIBPROCESS_IP": "127.0.0.1",
        "LIBPROCESS_PORT": "0",
        "MESOS_AGENT_ENDPOINT": f"127.0.0.1:{agent.port}",
        "MESOS_CHECKPOINT": "0",
        "MESOS_DIRECTORY": sandbox,
        "MESOS_EXECUTOR_ID": executor_id,
        "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "5secs",
        "MESOS_FRAMEWORK_ID": FRAMEWORK_ID,
        "MESOS_HTTP_COMMAND_EXECUTOR": "0",
        "MESOS_SANDBOX": sandbox,
        "MESOS_SLAVE_ID": AGENT_ID,
        "MESOS_SLAVE_PID": f"slave(1)@127.0.0.1:{agent.port}",
        "PATH": PATH,
    } | more


async def test_a_command_task(master: Master, agent: AgentServer) -> None:
    """What its executor has, below its own, below its role; whatever it says itself counts."""
    master.run(task("t", command=env(OVERRIDDEN="by the task", MESOS_CHECKPOINT="by the task", PATH="/bin")))
    await master.until("t", "FINISHED")
    assert await seen(latest(agent, "t")) == of_executor(
        agent, "t", OVERRIDDEN="by the task", MESOS_CHECKPOINT="by the task", PATH="/bin", MESOS_ALLOCATION_ROLE="*"
    )


async def test_what_is_kept_knows_how_long_to_wait_for_an_agent(master: Master, agent: AgentServer) -> None:
    master.run(task("t", command=env()), checkpoint=True)
    await master.until("t", "FINISHED")
    kept = {
        "MESOS_CHECKPOINT": "1", "MESOS_RECOVERY_TIMEOUT": "15mins", "MESOS_SUBSCRIPTION_BACKOFF_MAX": "2secs",
        "MESOS_ALLOCATION_ROLE": "*",
    }  # fmt: skip
    assert await seen(latest(agent, "t")) == of_executor(agent, "t", **kept)


async def test_an_executor_of_a_framework(master: Master, agent: AgentServer) -> None:
    """No role: that is of tasks."""
    executor = builders.executor("e", command=env(OVERRIDDEN="by the executor"))
    master.run(task("t", command=None, executor=executor))
    await until(lambda: agent.core.state.frameworks)
    assert await seen(latest(agent, "e")) == of_executor(agent, "e", OVERRIDDEN="by the executor")


async def test_a_task_of_a_group_gets_nothing_of_its_executors(master: Master, agent: AgentServer) -> None:
    """Nor of the agent's; and its check gets what it has."""
    check = CheckInfo(
        type=CheckInfo.Type.COMMAND, command=CheckInfo.Command(command=env(B="of the check")), delay_seconds=0,
        interval_seconds=1000,
    )  # fmt: skip
    sleeps = CommandInfo(shell=False, value="sleep", arguments=("sleep", "1000"), environment=env(A="own").environment)
    group: tuple[TaskInfo, ...] = (
        task("a", command=env(A="own", MESOS_CONTAINER_IP="a lie")),
        task("b", command=sleeps, check=check),
    )
    master.run_group(*group)
    await master.until("a", "FINISHED")
    for name in "ab":
        sandbox = latest(agent, "g") / "tasks" / name
        own = {
            "A": "own", "MESOS_ALLOCATION_ROLE": "*", "MESOS_CONTAINER_IP": "127.0.0.1", "PATH": PATH,
            "MESOS_SANDBOX": str(sandbox.resolve()),
        }  # fmt: skip
        assert await seen(sandbox, "stdout" if name == "a" else "stderr") == own | (
            {"B": "of the check"} if name == "b" else {}
        )


async def test_containers_launched_over_the_api(master: Master, agent: AgentServer) -> None:
    """One inside a task gets nothing of it; a session has what it has."""
    master.run(task("t", command=CommandInfo(shell=False, value="sleep", arguments=("sleep", "1000"))))
    await master.until("t", "RUNNING")
    (executor,) = agent.core.state.containers.values()
    parent = {"value": executor.container_id}
    command = {
        "shell": False, "value": "/usr/bin/env", "arguments": ["env", "-0"],
        "environment": {"variables": [{"name": "A", "value": "own"}]},
    }  # fmt: skip
    async with aiohttp.ClientSession(f"http://127.0.0.1:{agent.port}") as client:
        nested = {"container_id": {"value": "n", "parent": parent}, "command": command}
        call = {"type": "LAUNCH_NESTED_CONTAINER", "launch_nested_container": nested}
        async with client.post("/api/v1", json=call) as answer:
            assert answer.status == 200, await answer.text()
        sandbox = Path(executor.sandbox) / "containers" / "n"
        assert await seen(sandbox) == {
            "A": "own", "MESOS_CONTAINER_IP": "127.0.0.1", "MESOS_SANDBOX": str(sandbox), "PATH": PATH,
        }  # fmt: skip
        session = {"container_id": {"value": "s", "parent": parent}, "command": command}
        call = {"type": "LAUNCH_NESTED_CONTAINER_SESSION", "launch_nested_container_session": session}
        async with client.post("/api/v1", json=call, headers=STREAMED) as answer:
            assert answer.status == 200, await answer.text()
            shown = await answer.content.read()
    told = of_executor(agent, "t", MESOS_ALLOCATION_ROLE="*", A="own")
    for name, value in told.items():
        assert f"{name}={value}".encode() in decoded(shown), name
    assert decoded(shown).count(b"\0") == len(told)


def decoded(stream: bytes) -> bytes:
    """What a session's program has said, of all records of the answer."""
    said = b""
    while stream:
        length, _, rest = stream.partition(b"\n")
        record, stream = rest[: int(length)], rest[int(length) :]
        said += base64.b64decode(json.loads(record).get("data", {}).get("data", ""))
    return said


def test_what_is_no_environment_ends_the_agent_at_once() -> None:
    for flag in ("--executor_environment_variables={", "--executor_environment_variables=[1]",
                 '--executor_environment_variables={"A": 1}', '--default_container_info={"type":"X"}'):  # fmt: skip
        with pytest.raises(UsageError):
            parse(["--master=127.0.0.1:1", "--work_dir=w", flag], [AgentOptions], {}).make(AgentOptions)


@pytest.mark.root
@needs_crun
async def test_the_same_in_namespaces(master: Master, tmp_path: Path) -> None:
    """crun adds the home of the user, which Mesos does not know; it cannot be told not to."""
    root = f"mesos-test-{os.getpid()}-{zlib.crc32(os.fsencode(tmp_path)):x}"
    isolation = {"isolation": "filesystem/linux,namespaces/pid", "cgroups_root": root}
    async with agent_of(master, tmp_path, executor_environment_variables=GIVEN, **isolation) as agent:
        master.run(task("t", command=env(OVERRIDDEN="by the task")))
        master.run_group(task("a", command=env(A="own")))
        for name in "ta":
            await master.until(name, "FINISHED")
        assert await seen(latest(agent, "t")) == of_executor(
            agent, "t", OVERRIDDEN="by the task", MESOS_ALLOCATION_ROLE="*", HOME="/root"
        )
        sandbox = latest(agent, "g") / "tasks" / "a"
        assert await seen(sandbox) == {
            "A": "own", "HOME": "/root", "MESOS_ALLOCATION_ROLE": "*", "MESOS_CONTAINER_IP": "127.0.0.1", "PATH": PATH,
            "MESOS_SANDBOX": str(sandbox.resolve()),
        }  # fmt: skip
    remove(root)


def remove(root: str) -> None:
    """The agent's tree of cgroups, which must be empty by now."""
    for place in Path("/sys/fs/cgroup").glob(f"*/{root}"):
        place.rmdir()


# ---- users


@pytest.mark.root
@pytest.mark.parametrize("switches", [True, False])
async def test_whose_processes_they_are(master: Master, tmp_path: Path, switches: bool) -> None:
    """With --switch_user the task's, in a sandbox that is his; else the agent's, whoever is asked for."""
    who = CommandInfo(shell=False, value="/usr/bin/id", arguments=("id", "-un"), user="nobody")
    expected = "nobody" if switches else "root"
    async with agent_of(master, tmp_path, switch_user=switches) as agent:
        master.run(task("t", command=who))
        master.run_group(task("a", command=who), task("b", command=evolve(who, user=None)))
        for name in "tab":
            await master.until(name, "FINISHED")
        pod = latest(agent, "g") / "tasks"
        for sandbox in (latest(agent, "t"), pod / "a"):
            assert (sandbox / "stdout").read_text() == f"{expected}\n"
            assert ((sandbox / "stdout").owner(), sandbox.resolve().owner()) == (expected, expected)
        assert (pod / "b" / "stdout").read_text() == "root\n"  # as its framework


# ---- containers that say nothing of themselves


@pytest.mark.root
@needs_crun
async def test_what_containers_are_like_that_do_not_say(master: Master, tmp_path: Path) -> None:
    """--default_container_info: for a task's command and an executor; not for one that says something."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "file").write_text("shared")
    info = {
        "type": "MESOS", "volumes": [{"host_path": str(tmp_path / "shared"), "container_path": "there", "mode": "RO"}]
    }  # fmt: skip
    flags = [f"--default_container_info={json.dumps(info)}", "--master=h:1", "--work_dir=w"]
    default = parse(flags, [AgentOptions], {}).make(AgentOptions).default_container_info
    root = f"mesos-test-{os.getpid()}-{zlib.crc32(os.fsencode(tmp_path)):x}"
    isolation = {"isolation": "filesystem/linux", "cgroups_root": root}
    async with agent_of(master, tmp_path, default_container_info=default, **isolation) as agent:
        looks = CommandInfo(value="cat there/file; echo done")
        master.run(task("t", command=looks))
        master.run(task("u", command=looks, container=ContainerInfo(type=ContainerInfo.Type.MESOS)))
        master.run(task("v", command=None, executor=builders.executor("e", command=looks)))
        for name in "tu":
            await master.until(name, "FINISHED")
        stdout = latest(agent, "e") / "stdout"
        await until(lambda: stdout.exists() and stdout.read_text().endswith("done\n"))
        said = [(latest(agent, name) / "stdout").read_text() for name in ("t", "u", "e")]
        assert said == ["shareddone\n", "done\n", "shareddone\n"]
    remove(root)
