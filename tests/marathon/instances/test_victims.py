"""Who goes first."""

from __future__ import annotations

import pytest

from frameworks.marathon_py.instances.instance import APP, Condition, Instance, InstanceTask, Placed
from frameworks.marathon_py.instances.victims import victims
from mesos_py.wire.ids import AgentID, TaskID
from tests.marathon.app_of import app_of

SPEC = app_of()


def instance(name: str, condition: Condition = Condition.RUNNING, started: int = 0, **where: str) -> Instance:
    if condition is Condition.SCHEDULED:
        return Instance(name, SPEC, condition=condition, since=started)
    host = where.pop("host", "h")
    task = InstanceTask(TaskID(name), APP, condition=condition, staged_at=started, started_at=started)
    placed = Placed(AgentID(host), host, where.pop("region", None), where.pop("zone", None), where)
    return Instance(name, SPEC, condition=condition, placed=placed, tasks={APP: task})


def names(spec: object, instances: list[Instance], count: int) -> list[str]:
    return [one.id for one in victims(spec, instances, count)]  # type: ignore[arg-type]


def test_whoever_is_least_there_goes_first() -> None:
    """Waiting, out of reach, staging, starting, ill, not heard of yet, running."""
    ill, unsure = instance("ill", Condition.RUNNING, 1), instance("unsure", Condition.RUNNING, 1)
    ill.healthy, unsure.spec = False, app_of(healthChecks=[{"protocol": "HTTP"}])
    there = [
        unsure, ill,
        instance("running", Condition.RUNNING, 9), instance("starting", Condition.STARTING, 1),
        instance("away", Condition.UNREACHABLE, 2), instance("staging", Condition.STAGING, 3),
        instance("waiting", Condition.SCHEDULED, 4),
    ]  # fmt: skip
    assert names(SPEC, there, 7) == ["waiting", "away", "staging", "starting", "ill", "unsure", "running"]
    assert names(SPEC, there, 2) == ["waiting", "away"]
    assert names(SPEC, there, 9) == names(SPEC, there, 7)


@pytest.mark.parametrize(("selection", "first"), [("YOUNGEST_FIRST", "young"), ("OLDEST_FIRST", "old")])
def test_kill_selection(selection: str, first: str) -> None:
    there = [instance("middle", started=5), instance("old", started=1), instance("young", started=9)]
    assert names(app_of(killSelection=selection), there, 1) == [first]


def test_whoever_is_named_goes_before_all() -> None:
    named = instance("named", Condition.RUNNING, 1, rack="a")
    named.is_sentenced = True
    there = [instance("waiting", Condition.SCHEDULED), instance("young", started=9, rack="b"), named]
    assert names(SPEC, there, 2) == ["named", "waiting"]
    assert names(app_of(constraints=[["rack", "GROUP_BY"]]), there, 2) == ["named", "waiting"]


def test_groups_stay_alike() -> None:
    """From the largest group, whoever would go first there; a weight or an age elsewhere does not matter."""
    spec = app_of(constraints=[["rack", "GROUP_BY"]])
    there = [
        *[instance(f"a{n}", started=n, rack="a") for n in range(4)],
        *[instance(f"b{n}", started=n, rack="b") for n in range(2)],
        instance("c0", Condition.STAGING, rack="c"),
    ]
    assert names(spec, there, 2) == ["a3", "a2"]
    assert names(spec, there, 4)[2:] in (["a1", "b1"], ["b1", "a1"])
    assert names(spec, [*there, instance("w", Condition.SCHEDULED)], 2) == ["w", "a3"]


def test_groups_of_two_fields() -> None:
    spec = app_of(constraints=[["@zone", "GROUP_BY"], ["hostname", "GROUP_BY"]])
    there = [
        instance("x", zone="1", host="h1"), instance("y", zone="1", host="h2", started=5),
        instance("z", zone="1", host="h2", started=1), instance("w", zone="2", host="h3", started=9),
    ]  # fmt: skip
    assert names(spec, there, 2) == ["y", "z"] or names(spec, there, 2) == ["y", "x"]
    assert "w" not in names(spec, there, 2)
