"""When sandboxes are removed (Mesos: agent semantics, section 8)."""

from __future__ import annotations

from mesos_py.agent import events, words
from mesos_py.machine.values import SECOND
from tests.agent.world import World, task

HOUR = 3600 * SECOND
WEEK = 7 * 24 * HOUR


def ended(world: World, task_id: str = "t") -> str:
    """A task has come and gone; returns its sandbox."""
    world.run(task(task_id))
    sandbox = world.executor(task_id).sandbox
    world.exited(0, world.executor(task_id).container_id)
    world.acknowledge_all()
    return sandbox


def test_the_disk_is_watched() -> None:
    """At the start and a minute after each answer."""
    world = World(registered=False)
    world.tell(events.Recovered())
    assert world.to(words.DISK, words.MeasureDisk) == [words.MeasureDisk()]
    world.tell(events.DiskMeasured(0.2))
    world.advance(60 * SECOND)
    assert world.to(words.DISK, words.MeasureDisk) == [words.MeasureDisk()]


def test_sandboxes_go_after_their_time() -> None:
    """Detached and removed gc_delay * (1 - headroom - used) after the end, not before."""
    world = World()
    sandbox = ended(world)
    world.agent.timers.cancel("pinged")
    for age, removed in ((0, False), (WEEK * 7 // 10 - 1, False), (1, True)):
        world.now += age
        world.tell(events.DiskMeasured(0.2))
        paths = [path for word in world.to(words.DISK, words.RemovePaths) for path in word.paths]
        assert paths == ([sandbox] if removed else [])
    assert [word.path for word in world.to(words.DISK, words.DetachSandbox)] == [sandbox]


def test_a_full_disk_removes_everything() -> None:
    world = World()
    sandboxes = [ended(world, "a"), ended(world, "b")]
    world.tell(events.DiskMeasured(0.95))
    assert world.agent.collector.age_max == 0
    assert [word.paths for word in world.to(words.DISK, words.RemovePaths)] == [tuple(sandboxes)]
    world.tell(events.PathsRemoved(succeeded=1, failed=1))
    counters = world.agent.state.counters
    assert (counters["gc/path_removals_succeeded"], counters["gc/path_removals_failed"]) == (1, 1)


def test_many_go_in_portions() -> None:
    """200 at a time; the next follow when those are gone."""
    world = World()
    for number in range(250):
        ended(world, f"t{number}")
    world.tell(events.DiskMeasured(1.0))
    assert [len(word.paths) for word in world.to(words.DISK, words.RemovePaths)] == [200]
    world.tell(events.PathsRemoved(succeeded=200, failed=0))
    assert [len(word.paths) for word in world.to(words.DISK, words.RemovePaths)] == [50]
