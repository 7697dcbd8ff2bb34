"""Tasks of type DOCKER, as the agent's core sees them: what they learn, and what is said of them."""

from __future__ import annotations

from typing import Any

import pytest

from mesos_py.agent import events, words
from mesos_py.agent.containerizer.docker.request import BAD_OPTIONS
from mesos_py.machine.values import SECOND
from mesos_py.wire.command import CommandInfo, Environment
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.task import TaskStatus
from mesos_py.wire.value import Value
from tests import builders
from tests.agent.world import World, custom_task, framework, kill_policy, task

DOCKER = ContainerInfo(type=ContainerInfo.Type.DOCKER, docker=ContainerInfo.DockerInfo(image="i"))
MESOS = ContainerInfo(type=ContainerInfo.Type.MESOS)
BOTH = {"containerizers": ("docker", "mesos")}
OWN = NetworkInfo(ip_addresses=(NetworkInfo.IPAddress(ip_address="172.17.0.2"),))


@pytest.mark.parametrize(
    ("containerizers", "container", "is_launched"),
    [
        (("mesos",), None, True), (("mesos",), MESOS, True), (("mesos",), DOCKER, False),
        (("docker",), None, False), (("docker",), MESOS, False), (("docker",), DOCKER, True),
        (("docker", "mesos"), None, True), (("mesos", "docker"), DOCKER, True),
    ],
)  # fmt: skip
def test_who_runs_what(containerizers: tuple[str, ...], container: ContainerInfo | None, is_launched: bool) -> None:
    world = World(containerizers=containerizers)
    world.run(task(container=container))
    assert bool(world.to_containers(words.LaunchContainer)) is is_launched
    if not is_launched:
        world.advance(0)
        assert world.statuses()[-1].message == "Abnormal executor termination: unknown container"


def test_a_task_learns_nothing_of_its_executor() -> None:
    variables = (Environment.Variable(name="A", value="1"),)
    world = World(**BOTH, executor_environment_variables={"E": "2"})
    world.run(task(container=DOCKER, command=CommandInfo(value="x", environment=Environment(variables=variables))))
    assert world.spec().env == {
        "A": "1", "MESOS_ALLOCATION_ROLE": "*", "MESOS_SANDBOX": "/mnt/mesos/sandbox",
        "MESOS_CONTAINER_NAME": f"mesos-{world.executor().container_id}",
    }  # fmt: skip


def test_an_executor_learns_everything() -> None:
    world = World(**BOTH)
    world.run(custom_task(executor=builders.executor("e", container=DOCKER)))
    env = world.spec().env
    assert env["MESOS_EXECUTOR_ID"] == "e"
    assert env["MESOS_SANDBOX"] == "/mnt/mesos/sandbox"


def launched(world: World, **fields: Any) -> None:
    told = {"network_infos": (OWN,), "data": b"[{}]"} | fields
    world.tell(events.ContainerLaunched(world.executor().container_id, 7, **told))


def told(world: World) -> list[TaskStatus]:
    """What waits to be told; what is remembered is without its data."""
    (stream,) = world.agent.updates
    return list(stream.pending)


def test_what_docker_says_of_a_container_is_told_with_running() -> None:
    world = World(**BOTH)
    world.run(task(container=DOCKER, command=CommandInfo(shell=False)))
    launched(world)
    starting, running = told(world)
    assert (starting.data, running.data) == (None, b"[{}]")
    assert running.container_status is not None
    assert running.container_status.network_infos == (OWN,)


@pytest.mark.parametrize(
    ("status", "message", "text"),
    [
        (0, "", "Container exited with status 0"),
        (137 << 8, "", "Container exited with status 137"),
        (None, "", "Failed to get exit status for Container"),
        (137 << 8, "Container was removed", "Container was removed"),
    ],
)
def test_how_a_container_ended(status: int | None, message: str, text: str) -> None:
    world = World(**BOTH)
    world.run(task(container=DOCKER))
    launched(world)
    world.tell(events.ContainerExited(world.executor().container_id, status, message))
    assert world.statuses()[-1].message == text
    assert world.states()[-1] == ("FINISHED" if status == 0 else "FAILED")


def test_what_docker_run_cannot_be_told_is_said_as_it_is() -> None:
    world = World(**BOTH)
    world.run(task(container=DOCKER))
    world.tell(events.ContainerLaunchFailed(world.executor().container_id, f"{BAD_OPTIONS}no"))
    last = world.statuses()[-1]
    assert (world.states(), last.message) == (["FAILED"], "Failed to create docker run options: no")


def test_a_program_that_is_not_in_the_image() -> None:
    world = World(**BOTH)
    world.run(task(container=DOCKER))
    world.tell(events.ContainerLaunchFailed(world.executor().container_id, "Failed to execute 'x': No such file"))
    assert world.states() == ["STARTING", "RUNNING", "FAILED"]
    assert world.statuses()[-1].message == "Container exited with status 127"


@pytest.mark.parametrize(
    ("options", "fields", "grace"),
    [
        ({}, {}, 5), ({"docker_stop_timeout": 9 * 10**9}, {}, 9), ({}, {"kill_policy": kill_policy(2)}, 2),
    ],
)  # fmt: skip
def test_a_kill_that_says_nothing_waits_as_the_agent_says(
    options: dict[str, Any], fields: dict[str, Any], grace: int
) -> None:
    world = World(**BOTH, **options)
    world.run(task(container=DOCKER, **fields))
    launched(world)
    world.kill("t")
    assert world.to_containers(words.SignalContainer)
    world.advance(grace * SECOND - 1)
    assert not world.to_containers(words.DestroyContainer)
    world.advance(1)
    assert world.to_containers(words.DestroyContainer)


def test_limits_need_no_isolators() -> None:
    world = World(**BOTH)
    world.run(task(container=DOCKER, limits={"cpus": Value.Scalar(value=2.0)}))
    assert world.spec().limits["cpus"].value == pytest.approx(2.1)


def test_a_later_agent_knows_where_it_runs() -> None:
    by = framework(checkpoint=True)
    world = World(**BOTH)
    world.run(task(container=DOCKER), by=by)
    again = world.restarted(world.executor().container_id, networks=(OWN,), data=b"[{}]")
    running = told(again)[-1]
    assert (running.data, running.container_status and running.container_status.network_infos) == (b"[{}]", (OWN,))


def test_a_container_of_its_own_that_was_not_asked_for() -> None:
    world = World(**BOTH, default_container_info=DOCKER)
    world.run(task(command=CommandInfo(value="x")))
    assert world.spec().container == DOCKER
