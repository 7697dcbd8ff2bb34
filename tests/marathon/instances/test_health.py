"""Health checks that we make, those that agents make, and what both mean."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions.pods import complete_pod, read_pod
from frameworks.marathon_py.instances.instance import HealthResult, Instance
from mesos_py.machine.values import SECOND
from mesos_py.wire.container import ContainerStatus
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.task import TaskState
from tests.marathon.app_of import SETTINGS, app_of
from tests.marathon.world import World, world_of

CHECK = {"protocol": "HTTP", "path": "/ok", "intervalSeconds": 10, "gracePeriodSeconds": 0, "timeoutSeconds": 3}


def checked(**check: Any) -> World:
    """An app with one check runs."""
    world = world_of(app_of(healthChecks=[{**CHECK, **check}]))
    world.run()
    world.facts.clear()
    return world


def found(status: int | None = None, cause: str = "") -> Any:
    return lambda probe: words.Probed(probe, cause=cause, status=status)


def kills(world: World) -> int:
    return sum(call.type is Call.Type.KILL for call in world.calls)


def result(world: World) -> HealthResult:
    return world.of()[0].health[0]


def names(world: World) -> list[str]:
    return [type(one).__name__ for one in world.facts]


def test_it_is_asked_soon_and_then_in_its_interval() -> None:
    world = checked()
    world.look = found(200)
    world.advance(5 * SECOND)
    (probe,) = world.probes
    (instance,) = world.of()
    assert instance.placed is not None
    assert probe == words.Probe(
        instance.id, 1, "health", 0, "HTTP", instance.placed.hostname, instance.tasks["_app"].host_ports[0], "/ok", 3,
    )  # fmt: skip
    assert names(world) == ["CheckFlipped", "InstanceHealthChanged"]
    assert (world.facts[0].alive, world.facts[1].healthy, instance.healthy) == (True, True, True)
    world.advance(10 * SECOND)
    assert len(world.probes) == 2
    assert len(world.facts) == 2, "nothing new"


@pytest.mark.parametrize(
    ("check", "answer", "healthy"),
    [
        ({}, found(200), True),
        ({}, found(399), True),
        ({}, found(400), False),
        ({}, found(503), False),
        ({}, found(101), False),
        ({"ignoreHttp1xx": True}, found(101), None),
        ({}, found(None, "no answer within 3 s"), False),
        ({"protocol": "TCP", "path": None}, found(), True),
        ({"protocol": "TCP", "path": None}, found(None, "refused"), False),
        ({"protocol": "HTTPS"}, found(204), True),
        ({}, lambda probe: None, None),
    ],
)
def test_what_is_healthy(check: dict[str, Any], answer: Any, healthy: bool | None) -> None:
    world = checked(**check)
    world.look = answer
    world.advance(5 * SECOND)
    assert world.of()[0].healthy is healthy


def test_failures_are_counted_and_the_one_after_the_last_kills() -> None:
    """With maxConsecutiveFailures 3 it is the fourth; a success begins anew."""
    world = checked(maxConsecutiveFailures=3)
    world.look = found(500)
    world.advance(25 * SECOND)
    assert (result(world).consecutive_failures, result(world).cause) == (3, "500 Internal Server Error")
    world.look = found(200)
    world.advance(10 * SECOND)
    assert result(world).consecutive_failures == 0
    world.look = found(500)
    world.advance(30 * SECOND)
    assert (result(world).consecutive_failures, kills(world)) == (3, 0)
    world.facts.clear()
    world.advance(10 * SECOND)
    assert kills(world) == 1
    assert names(world) == ["CheckFailed", "UnhealthyKilled"]
    assert (world.facts[0].check["protocol"], world.facts[1].reason) == ("HTTP", "500 Internal Server Error")
    world.advance(20 * SECOND)
    assert kills(world) == 1, "it is killed once"
    assert names(world).count("CheckFailed") == 3


@pytest.mark.parametrize(
    ("labels", "at_a_time"),
    [({}, 4), ({"MARATHON_HEALTH_MIN_RUNNING": "3"}, 1), ({"MARATHON_HEALTH_MIN_RUNNING": "9"}, 0)],
)
def test_a_check_that_is_wrong_ends_so_many_at_a_time(labels: dict[str, str], at_a_time: int) -> None:
    """By a label that says how many others must run; without it Marathon ends all of them."""
    world = world_of(app_of(healthChecks=[{**CHECK, "maxConsecutiveFailures": 1}], instances=4, labels=labels))
    world.run()
    world.look = found(500)
    for rounds in (1, 2):
        world.advance(25 * SECOND)
        doomed = {call.kill.task_id for call in world.calls if call.type is Call.Type.KILL}
        assert len(doomed) == rounds * at_a_time
        world.run()
        assert world.conditions() == ["Running"] * 4


def test_a_health_kill_is_a_failure_to_see_and_the_instance_is_launched_again() -> None:
    world = checked(maxConsecutiveFailures=1)
    world.look = found(500)
    world.advance(15 * SECOND)
    (instance,) = world.of()
    world.step()
    failure = world.core.failures["/web"]
    assert (failure.state, failure.task_id) == ("TASK_KILLED", f"{instance.id}._app.1")
    assert failure.message == "Task was killed since health check failed. Reason: 500 Internal Server Error"
    world.run()
    assert (instance.incarnation, instance.healthy, instance.health, instance.unhealthy_because) == (2, None, {}, "")
    world.look = found(200)
    world.advance(5 * SECOND)
    assert instance.healthy is True


def test_never_killed_with_zero() -> None:
    world = checked(maxConsecutiveFailures=0)
    world.look = found(500)
    world.advance(1_000 * SECOND)
    assert kills(world) == 0
    assert result(world).consecutive_failures == 100


def test_the_grace_period_ends_with_time_or_with_the_first_success() -> None:
    world = checked(gracePeriodSeconds=60, maxConsecutiveFailures=1)
    world.look = found(500)
    world.advance(55 * SECOND)
    assert (world.facts, world.of()[0].health) == ([], {})
    world.advance(10 * SECOND)
    assert result(world).consecutive_failures == 1
    early = checked(gracePeriodSeconds=60)
    early.look = found(200)
    early.advance(5 * SECOND)
    early.look = found(500)
    early.advance(10 * SECOND)
    assert result(early).consecutive_failures == 1


def test_nobody_is_asked_without_a_pause() -> None:
    world = checked(intervalSeconds=0)
    world.look = found(200)
    world.advance(10 * SECOND)
    assert len(world.probes) == 11


def test_what_does_not_run_is_not_asked_and_its_failures_do_not_count() -> None:
    world = checked(maxConsecutiveFailures=1)
    (instance,) = world.of()
    world.look = lambda probe: None
    world.advance(5 * SECOND)
    (probe,) = world.probes
    world.update(instance.tasks["_app"].id, TaskState.TASK_KILLING)
    world.tell(words.Probed(probe, status=500))
    world.advance(100 * SECOND)
    assert (instance.health, len(world.probes)) == ({}, 1)
    world.end(instance.tasks["_app"].id, TaskState.TASK_KILLED)
    world.run()
    world.tell(words.Probed(probe, status=500))
    assert instance.health == {}, "it was about the task before"


def test_a_new_leader_knows_who_was_healthy() -> None:
    """And asks again; it does not kill earlier for it."""
    world = checked(maxConsecutiveFailures=3)
    world.look = found(200)
    world.advance(5 * SECOND)
    world.facts.clear()
    world.start()
    (instance,) = world.of()
    assert (instance.healthy, names(world)) == (True, ["CheckAdded"])
    probes = len(world.probes)
    world.advance(5 * SECOND)
    assert len(world.probes) == probes + 1


def test_what_flips_nothing_is_not_written() -> None:
    world = checked()
    world.look = found(200)
    world.advance(5 * SECOND)
    frames = len(world.frames)
    world.advance(100 * SECOND)
    assert len(world.frames) == frames + 20
    assert [write for frame in world.frames[frames:] for write in frame.writes] == []


def test_health_of_agents_and_of_ours_together() -> None:
    """All known and good; any unknown; else not."""
    world = world_of(app_of(healthChecks=[CHECK, {"protocol": "COMMAND", "command": {"value": "x"}}]))
    world.run()
    (instance,) = world.of()
    task_id = instance.tasks["_app"].id
    world.update(task_id, TaskState.TASK_RUNNING, healthy=True)
    assert instance.healthy is None
    world.look = found(200)
    world.advance(5 * SECOND)
    assert instance.healthy is True
    world.update(task_id, TaskState.TASK_RUNNING, healthy=False)
    assert instance.healthy is False
    world.update(task_id, TaskState.TASK_RUNNING, message="no word of health")
    assert instance.healthy is False
    assert names(world).count("InstanceHealthChanged") == 2


def test_health_of_a_pod() -> None:
    """That of its containers that are checked."""
    container = {"exec": {"command": {"shell": "x"}}, "resources": {}}
    check = {"healthCheck": {"exec": {"command": {"shell": "y"}}}}
    given = {
        "id": "/pod", "containers": [
            {"name": "a", **container, **check}, {"name": "b", **container, **check}, {"name": "c", **container},
        ],
    }  # fmt: skip
    world = world_of(complete_pod(read_pod(given), SETTINGS))
    world.run()
    (instance,) = world.of("/pod")
    assert instance.healthy is None
    world.update(instance.tasks["a"].id, TaskState.TASK_RUNNING, healthy=True)
    assert instance.healthy is None
    world.update(instance.tasks["b"].id, TaskState.TASK_RUNNING, healthy=True)
    assert instance.healthy is True
    world.update(instance.tasks["b"].id, TaskState.TASK_RUNNING, healthy=False)
    assert instance.healthy is False


def targets(instance: Instance, *addresses: str, **check: Any) -> list[tuple[str, int]]:
    """Where a check asks of an instance whose container has such addresses."""
    spec = attrs.evolve(instance.spec, health_checks=app_of(healthChecks=[{**CHECK, **check}]).health_checks)
    world = world_of(spec)
    world.run()
    (task_id,) = world.alive()
    if addresses:
        infos = tuple(
            NetworkInfo(ip_addresses=(NetworkInfo.IPAddress(ip_address=one),)) for one in addresses
        )
        status = ContainerStatus(network_infos=infos)
        world.update(task_id, TaskState.TASK_RUNNING, container_status=status)
    (there,) = world.of()
    there.tasks["_app"].host_ports = (31_000, None)
    world.advance(5 * SECOND)
    assert there.placed is not None
    return [("host" if one.host == there.placed.hostname else one.host, one.port) for one in world.probes]


def test_where_it_is_asked() -> None:
    """A port of the host, if there is one; else the container's address, as soon as that is known."""
    mappings = {"portMappings": [{"containerPort": 80, "hostPort": 0}, {"containerPort": 81}]}
    container = {"docker": {"image": "i"}, "type": "MESOS", **mappings}
    ours = Instance("x", app_of(container=container, networks=[{"mode": "container", "name": "n"}]))
    assert targets(ours, "10.0.0.1", portIndex=0) == [("host", 31_000)]
    assert targets(ours, "10.0.0.1", portIndex=1) == [("10.0.0.1", 81)]
    assert targets(ours, portIndex=1) == []
    assert targets(ours, "10.0.0.1", port=99) == [("10.0.0.1", 99)]
    hosts = Instance("x", app_of(portDefinitions=[{"port": 0}]))
    assert targets(hosts, port=99) == [("host", 99)]
    assert targets(hosts, portIndex=0) == [("host", 31_000)]


def test_people_know_which_checks_there_are() -> None:
    """Those of every version that an instance has."""
    world = world_of()
    world.define(app_of(healthChecks=[CHECK], instances=2))
    first = world.core.specs["/web"].version
    world.run()
    world.define(app_of(healthChecks=[CHECK, {"protocol": "TCP"}], instances=3, cmd="other"))
    second = world.core.specs["/web"].version
    added = world.heard(words.CheckAdded)
    assert [(one.version, one.check["protocol"]) for one in added] == [
        (first, "HTTP"), (second, "HTTP"), (second, "TCP"),
    ]  # fmt: skip
    world.facts.clear()
    world.start()
    assert len(world.heard(words.CheckAdded)) == 3, "a new leader says so again"
    world.facts.clear()
    world.define()
    world.run()
    assert [one.version for one in world.heard(words.CheckAdded)] == [None] * 3
    assert world.core.checked == {}
