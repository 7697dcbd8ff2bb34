"""A day of one app, in which the framework is killed once, at each word that it could be killed at."""

from __future__ import annotations

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions import legacy
from mesos_py.machine.values import SECOND
from mesos_py.wire.task import TaskState
from tests.marathon.app_of import SETTINGS
from tests.marathon.world import World, world_of


class Countdown:
    """The ``at``-th occasion is the one."""

    def __init__(self, at: int) -> None:
        self.at, self.seen = at, 0

    def __call__(self) -> bool:
        self.seen += 1
        return self.seen == self.at


def put(world: World, **body: object) -> None:
    given = legacy.translate(legacy.read_given({"id": "/web", **body}), SETTINGS)
    world.tell(words.PutApps((given,)))


def day(at: int) -> tuple[World, int]:
    """The world as it is in the evening, and how many occasions there were."""
    world = world_of(agents=3)
    crash = world.crash_at = Countdown(at)
    strategy = {"inactiveAfterSeconds": 20, "expungeAfterSeconds": 60}
    check = {"protocol": "TCP", "intervalSeconds": 5, "gracePeriodSeconds": 0, "maxConsecutiveFailures": 1}
    put(world, cmd="run", instances=2, unreachableStrategy=strategy, healthChecks=[check])
    world.go_on(2)
    for task_id in world.alive()[:1]:
        world.end(task_id, TaskState.TASK_FAILED)
    world.go_on(2)
    world.kill(*[one.id for one in world.of()][:1])
    world.go_on(1)
    world.look = lambda probe: words.Probed(probe, cause="ill")
    world.advance(12 * SECOND)
    world.look = words.Probed
    world.go_on(2)
    for task_id in world.alive()[:1]:
        world.lose(world.agent_of(task_id))
    world.go_on(3)
    put(world, instances=3)
    world.go_on(1)
    world.kill(*[one.id for one in world.of()][:1], wipe=True)
    world.go_on(1)
    put(world, instances=1)
    seen = crash.seen
    world.settle(14)
    return world, seen


def test_in_the_evening_what_runs_is_what_is_defined() -> None:
    _, occasions = day(0)
    assert occasions > 60
    for at in range(1, occasions + 1):
        world, _ = day(at)
        wanted = world.core.specs["/web"].instances if "/web" in world.core.specs else 0
        assert world.core.deployments == {}, at
        assert world.conditions() == ["Running"] * wanted, at
        assert {*world.alive()} == {*world.core.tasks} == {*world.book}, at
        assert world.unwanted == {}, at
        assert all(one.healthy for one in world.of()), at
