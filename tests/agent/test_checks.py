"""Checks in the agent's core: what is asked of the containerizer, what becomes of answers, what survives."""

from __future__ import annotations

from typing import Any

import pytest

from mesos_py.agent import changes, events, words
from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.hosting import REPEATED_MAX
from mesos_py.executor.checks import CHECK, HEALTH
from mesos_py.executor.targets import Found, Http
from mesos_py.machine.values import SECOND
from mesos_py.wire.checkpoint import Termination
from mesos_py.wire.command import CommandInfo, Environment
from mesos_py.wire.health import CheckInfo, HealthCheck
from mesos_py.wire.task import TaskState, TaskStatus
from tests.agent.world import World, framework, task

COMMAND = CommandInfo(
    value="probe $A $B",
    environment=Environment(variables=(Environment.Variable(name="B", value="check"),)),
)
TASK_COMMAND = CommandInfo(
    value="serve",
    environment=Environment(
        variables=(Environment.Variable(name="A", value="task"), Environment.Variable(name="B", value="task"))
    ),
    uris=(CommandInfo.URI(value="http://127.0.0.1/x"),),
)


def health(**fields: Any) -> HealthCheck:
    given: dict[str, Any] = {"delay_seconds": 1.0, "interval_seconds": 1.0, "grace_period_seconds": 0.0}
    return HealthCheck(**({"type": HealthCheck.Type.COMMAND, "command": COMMAND} | given | fields))


def running(*, grouped: bool = False, checkpoint: bool = False, **fields: Any) -> tuple[World, str]:
    """A task that runs, and its container."""
    world, info = World(), task(command=TASK_COMMAND, **fields)
    if grouped:
        world.run_group([info], by=framework(checkpoint=checkpoint))
        (container_id,) = world.executor().nested
    else:
        world.run(info, by=framework(checkpoint=checkpoint))
        container_id = world.executor().container_id
    world.launched(container_id)
    world.acknowledge_all()
    return world, container_id


def probes(world: World) -> list[words.Probe]:
    return world.to_containers(words.Probe)


@pytest.mark.parametrize("grouped", [False, True])
def test_a_command_runs_next_to_its_task(grouped: bool) -> None:
    """In the sandbox, as the user and with the environment of the task, below its own; nothing is fetched again."""
    world, container_id = running(grouped=grouped, health_check=health(timeout_seconds=0.5))
    launched = world.executor()
    world.advance(SECOND)
    (probe,) = probes(world)
    assert (probe.container_id, probe.what, probe.timeout) == (container_id, HEALTH, SECOND // 2)
    spec = probe.target
    assert isinstance(spec, ContainerSpec)
    assert (spec.container_id, spec.argv, spec.uris, spec.latest_link) == (
        container_id, ("sh", "-c", "probe $A $B"), (), None,
    )  # fmt: skip
    assert spec.sandbox == (f"{launched.sandbox}/containers/{container_id}" if grouped else launched.sandbox)
    assert (spec.env["A"], spec.env["B"], spec.env["MESOS_SANDBOX"]) == ("task", "check", spec.sandbox)
    assert ("MESOS_EXECUTOR_ID" in spec.env) is not grouped


def test_http_is_asked_for_as_it_is() -> None:
    world, container_id = running(
        check=CheckInfo(type=CheckInfo.Type.HTTP, http=CheckInfo.Http(port=80), delay_seconds=0.0)
    )
    world.advance(0)
    assert probes(world) == [words.Probe(container_id, CHECK, Http("http://127.0.0.1:80"), 20 * SECOND)]


@pytest.mark.parametrize("grouped", [False, True])
def test_an_unhealthy_task_ends(grouped: bool) -> None:
    world, container_id = running(grouped=grouped, health_check=health(consecutive_failures=1))
    world.advance(SECOND)
    world.tell(events.Probed(container_id, HEALTH, Found(error="no answer")))
    assert changes.CheckUnanswered(framework().id, task().task_id, HEALTH, "no answer") in world.frame.changes  # type: ignore[arg-type]
    assert world.to_containers(words.SignalContainer) == [words.SignalContainer(container_id, 15)]
    world.exited(15, container_id)
    world.acknowledge_all()
    said = [update.status for update in world.said]
    assert [(one.state.name, one.healthy) for one in said] == [
        ("TASK_STARTING", None), ("TASK_RUNNING", None), ("TASK_RUNNING", False), ("TASK_KILLED", False),
    ]  # fmt: skip
    assert len({one.uuid for one in said}) == 4
    assert said[2].container_status == said[1].container_status
    assert said[2].timestamp == world.now / 1e9
    assert not [key for key in world.agent.timers.pending() if container_id in str(key)]


def test_answers_about_what_is_gone_are_nobodys() -> None:
    world, container_id = running(health_check=health())
    world.advance(SECOND)
    world.exited(0)
    before = list(world.said)
    world.tell(events.Probed(container_id, HEALTH, Found(256)))
    world.tell(events.Probed("nobody", HEALTH, Found(error="?")))
    assert world.said == before
    assert world.frame.changes == []


def test_who_ends_for_another_reason_is_not_checked_again() -> None:
    """Its executor is destroyed, and never told of the exit."""
    world, container_id = running(health_check=health())
    why = Termination(
        state=TaskState.TASK_FAILED, reason=TaskStatus.Reason.REASON_EXECUTOR_TERMINATED, message="Executor terminated"
    )
    world.agent.state.end_with(world.executor(), why)
    world.exited(9)
    world.advance(SECOND)
    assert probes(world) == []
    world.tell(events.Probed(container_id, HEALTH, Found(256)))
    world.advance(10 * SECOND)
    assert probes(world) == []


def test_a_check_that_flaps_leaves_room_for_the_end() -> None:
    """Nobody acknowledges: so many updates wait, then no more are made; there is always room for the last one."""
    world, container_id = running(health_check=health(consecutive_failures=10**6))
    for number in range(REPEATED_MAX + 5):
        world.tell(events.Probed(container_id, HEALTH, Found(256 * (number % 2))))
    (stream,) = world.agent.updates
    assert len(stream.pending) == REPEATED_MAX
    world.acknowledge(stream.pending[0])
    world.tell(events.Probed(container_id, HEALTH, Found(0)))
    assert stream.pending[-1].healthy is True
    world.exited(0)
    assert stream.pending[-1].state is TaskState.TASK_FINISHED


@pytest.mark.parametrize("grouped", [False, True])
def test_a_restarted_agent_goes_on(grouped: bool) -> None:
    """1 a failure; 2 kill -9; 3 it looks at once; 4 the second failure in a row kills, with the flag; 5 kill -9."""
    world, container_id = running(grouped=grouped, checkpoint=True, health_check=health(consecutive_failures=2))
    world.advance(SECOND)
    world.tell(events.Probed(container_id, HEALTH, Found(256)))
    world.acknowledge_all()
    world = world.restarted(container_id)
    world.advance(0)
    (probe,) = probes(world)
    world.register_again()
    assert (probe.container_id, probe.what) == (container_id, HEALTH)
    world.tell(events.Probed(container_id, HEALTH, Found(256)))
    assert world.to_containers(words.SignalContainer) == [words.SignalContainer(container_id, 15)]
    world.acknowledge_all()
    world = world.restarted(container_id, signalled=[container_id])
    world.register_again()
    world.exited(15, container_id)
    world.acknowledge_all()
    assert (world.said[-1].status.state, world.said[-1].status.healthy) == (TaskState.TASK_KILLED, False)
    assert [one.status.healthy for one in world.said] == [False]
