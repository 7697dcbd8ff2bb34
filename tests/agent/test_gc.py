"""When sandboxes are removed (Mesos: agent semantics, section 8)."""

from __future__ import annotations

import os
from pathlib import Path

from mesos_py.agent import events, sandboxes, words
from mesos_py.machine.values import SECOND
from tests.agent.world import AGENT_ID, FRAMEWORK_ID, World, task

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
    both = [ended(world, "a"), ended(world, "b")]
    world.tell(events.DiskMeasured(0.95))
    assert world.agent.collector.age_max == 0
    assert [word.paths for word in world.to(words.DISK, words.RemovePaths)] == [tuple(both)]
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


def test_what_earlier_runs_have_left() -> None:
    """As old as it was changed last: the oldest go first, what is in use stays, what this agent had can be read."""
    world = World()
    world.run(task("runs"))
    used = world.executor().sandbox
    old = events.FoundSandbox("/w/slaves/x/frameworks/f/executors/e/runs/1", "x", "f", "e", world.now - 2 * WEEK)
    own = events.FoundSandbox(f"/w/slaves/{AGENT_ID}/frameworks/f/executors/e/runs/2", AGENT_ID, "f", "e", world.now)
    live = events.FoundSandbox(used, AGENT_ID, FRAMEWORK_ID, "runs", world.now - 2 * WEEK)
    world.tell(events.SandboxesFound((old, live, own)))
    (attached,) = world.to(words.DISK, words.AttachSandbox)
    assert (attached.path, attached.virtual) == (own.path, "/frameworks/f/executors/e/runs/latest")
    world.tell(events.SandboxesFound((old, live, own)))
    world.tell(events.DiskMeasured(0.2))
    assert [word.paths for word in world.to(words.DISK, words.RemovePaths)] == [(old.path,)]
    assert len(world.agent.collector) == 1


def test_the_age_of_a_sandbox_begins_with_the_end_of_its_executor() -> None:
    world = World()
    world.run(task())
    sandbox = world.executor().sandbox
    world.exited()
    world.acknowledge_all()
    assert world.to(words.DISK, words.TouchSandbox) == [words.TouchSandbox(sandbox)]


def test_sandboxes_are_found(tmp_path: Path) -> None:
    """Of every agent; links are not followed, and what is no sandbox is overlooked."""
    runs = tmp_path / "slaves/a/frameworks/f/executors/e/runs"
    for name, age in (("old", 30), ("new", 20)):
        (runs / name).mkdir(parents=True)
        os.utime(runs / name, (age, age))
    (runs / "latest").symlink_to("new")
    (runs / "old" / "stdout").write_text("")
    os.utime(runs / "old" / "stdout", (40, 40))
    os.utime(runs / "old", (30, 30))
    (tmp_path / "slaves/b/frameworks").mkdir(parents=True)
    (tmp_path / "slaves/c").write_text("")
    (tmp_path / "elsewhere/frameworks").mkdir(parents=True)
    (tmp_path / "slaves/d").symlink_to(tmp_path / "elsewhere")
    assert sandboxes.find(str(tmp_path)) == (
        events.FoundSandbox(str(runs / "new"), "a", "f", "e", 20 * SECOND),
        events.FoundSandbox(str(runs / "old"), "a", "f", "e", 40 * SECOND),
    )
    assert sandboxes.find(str(tmp_path / "nowhere")) == ()
