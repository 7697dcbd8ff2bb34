"""A dockerd that hangs for longer than its callers wait, through a whole agent (F30)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import attrs
import pytest
import pytest_asyncio

from mesos_py.agent.containerizer.docker.dockerd import NO_ANSWER
from mesos_py.wire.task import TaskState, TaskStatus
from tests.agent.containerizer.docker import daemon
from tests.agent.containerizer.harness import until
from tests.agent.kinds import KINDS, Host, forget, host_directory

pytestmark = [*daemon.DOCKER, pytest.mark.xdist_group("kinds"), pytest.mark.asyncio(loop_scope="module")]

TIMEOUT_S = 3  # of a call: more than a busy dockerd takes. With a minute, its default, all of this takes far longer
LOOPS = "trap 'exit 7' TERM; echo once >>ran; while :; do sleep 0.02; done"


@pytest_asyncio.fixture(loop_scope="module")
async def impatient(dockerd: daemon.Daemon) -> AsyncIterator[Host]:
    """An agent whose calls of dockerd time out soon."""
    (kind,) = [kind for kind in KINDS if kind.name == "docker"]
    directory = host_directory()
    flags = (*kind.flags(directory), f"--docker_timeout={TIMEOUT_S}secs")
    host = Host(attrs.evolve(kind, flags=lambda _: flags), directory, dockerd)
    try:
        await host.open()
        yield host
        await until(lambda: not host.left())
    finally:
        await host.close()
        forget(directory)


async def started(host: Host) -> str:
    """A task that runs. On a busy host dockerd may be slower than this agent waits for, which it says then."""
    for _ in range(10):
        task_id = host.run(LOOPS)
        if await runs(host, task_id):
            return task_id
        assert NO_ANSWER in (host.master.ends[task_id].message or "")
    pytest.fail("dockerd is too slow")


async def runs(host: Host, task_id: str) -> bool:
    """Whether it does, once that is known."""
    await host.master.met(lambda: host.master.states.get(task_id, [""])[-1] in ("RUNNING", "FAILED"))
    if host.master.states[task_id][-1] == "FAILED":
        return False
    await host.running(task_id, "ran")
    return True


async def test_one_that_hangs(impatient: Host, dockerd: daemon.Daemon) -> None:
    """1 two tasks run, dockerd hangs; 2 one is killed, another launched, both keep their state, and the agent answers;
    3 dockerd is back: the kill is done, the launch has happened once or failed, and nothing has happened twice.
    """
    host = impatient
    stays, killed = await started(host), await started(host)
    with dockerd.hanging():
        host.master.kill(killed, 30)
        late = host.run(LOOPS)
        for _ in range(TIMEOUT_S + 2):
            assert await host.answers()
            await asyncio.sleep(1)  # the hang is what is tested: it outlasts every call
        assert host.master.states[stays] == ["STARTING", "RUNNING"]
        assert host.master.states[killed][:2] == ["STARTING", "RUNNING"] and killed not in host.master.ends
        assert "RUNNING" not in host.master.states.get(late, ())
    await host.master.until_ended(killed)
    end = host.master.ends[killed]
    assert (end.state, end.message) == (TaskState.TASK_KILLED, "Container exited with status 7")
    if await runs(host, late):
        host.master.kill(late, 30)
        await host.master.until_ended(late)
        assert host.read(late, "ran") == "once\n"
    else:
        end = host.master.ends[late]
        assert end.reason is TaskStatus.Reason.REASON_CONTAINER_LAUNCH_FAILED
        assert end.message is not None and NO_ANSWER in end.message
    await until(lambda: len(dockerd.names()) == 1)
    assert host.master.states[stays] == ["STARTING", "RUNNING"]
    assert [host.read(task_id, "ran") for task_id in (stays, killed)] == ["once\n", "once\n"]
    host.master.kill(stays, 30)
    end = await host.end(stays)
    assert (end.state, end.message) == (TaskState.TASK_KILLED, "Container exited with status 7")
