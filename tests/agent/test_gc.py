"""When sandboxes are removed (Mesos: agent semantics, section 8)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mesos_py.agent import events, removal, sandboxes, words
from mesos_py.agent.rim import AgentRim
from mesos_py.files import Files
from mesos_py.machine.frame import Send
from mesos_py.machine.values import SECOND
from tests.agent.containerizer.harness import until
from tests.agent.test_api_containers import Asking
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


# ---- containers that are no executor's


def removed(world: World) -> list[str]:
    return [path for word in world.to(words.DISK, words.RemovePaths) for path in word.paths]


def test_containers_of_tasks_may_have_an_age_of_their_own() -> None:
    """With the flag, from their end on, though their executor goes on; without it they go with that."""
    for flag in (True, False):
        world = World(gc_non_executor_container_sandboxes=flag)
        world.run_group([task("a"), task("b")])
        executor = world.executor()
        a, b = executor.nested
        world.launched(a)
        world.launched(b)
        world.exited(0, a)
        world.tell(events.DiskMeasured(0.95))
        assert removed(world) == ([f"{executor.sandbox}/containers/{a}"] if flag else [])
        world.agent.check()


def test_one_that_could_not_be_launched_has_an_age_too() -> None:
    world = World(gc_non_executor_container_sandboxes=True)
    world.run_group([task("a")])
    (container_id,) = world.executor().nested
    sandbox = f"{world.executor().sandbox}/containers/{container_id}"
    world.tell(events.ContainerLaunchFailed(container_id, "no"))
    world.acknowledge_all()
    world.tell(events.DiskMeasured(0.95))
    assert sandbox in removed(world)


def test_standalone_containers_are_collected_unless_their_name_is_given_again() -> None:
    """1 one ends; 2 another of its name is launched: what it runs in stays; 3 that ends, and its time comes."""
    world = Asking(gc_non_executor_container_sandboxes=True)
    for _ in range(2):
        key = world.launch("alone")
        world.tell(events.DiskMeasured(0.95))
        assert removed(world) == []
        world.tell(events.DiskMeasured(0.0))
        world.exited(0, key)
    assert len(world.agent.collector) == 1
    world.tell(events.DiskMeasured(0.95))
    assert removed(world) == ["/w/containers/alone"]


def test_what_was_removed_on_request_is_not_removed_again() -> None:
    world = Asking(gc_non_executor_container_sandboxes=True)
    world.exited(0, world.launch("alone"))
    assert len(world.agent.collector) == 1
    assert world.ask("remove_container", "alone") == words.Done(remove="/w/containers/alone")
    assert len(world.agent.collector) == 0


# ---- removing


def test_what_a_task_puts_in_place_of_its_directories_leads_nowhere(tmp_path: Path) -> None:
    """``containers`` is a link: nothing there is removed; a link in the sandbox is, and not what it points to."""
    elsewhere = tmp_path / "elsewhere" / "c"
    elsewhere.mkdir(parents=True)
    (elsewhere / "file").touch()
    sandbox = tmp_path / "slaves/a/frameworks/f/executors/e/runs/1"
    sandbox.mkdir(parents=True)
    (sandbox / "containers").symlink_to(elsewhere.parent)
    with pytest.raises(OSError, match="Not a directory"):
        removal.remove(str(tmp_path), f"{sandbox}/containers/c")
    (sandbox / "link").symlink_to(elsewhere)
    removal.remove(str(tmp_path), str(sandbox))
    assert not sandbox.exists()
    assert (elsewhere / "file").exists()
    for path in (tmp_path.parent / "x", tmp_path / ".." / "x", tmp_path):
        with pytest.raises(ValueError, match="does not lie below"):
            removal.remove(str(tmp_path), str(path))


def test_a_tree_of_any_depth_goes(tmp_path: Path) -> None:
    """Deeper than Python calls itself; so does one that was gone already."""
    bottom = os.open(tmp_path, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=bottom)
        inner = os.open("d", os.O_RDONLY, dir_fd=bottom)
        os.close(bottom)
        bottom = inner
    os.close(bottom)
    removal.remove(str(tmp_path), str(tmp_path / "d"))
    assert os.listdir(tmp_path) == []
    removal.remove(str(tmp_path), str(tmp_path / "d"))
    removal.remove(str(tmp_path), str(tmp_path / "e" / "f"))


async def test_the_agent_removes_what_its_core_says(tmp_path: Path) -> None:
    """A run's sandbox with the directories above it that are empty then; of a nested container nothing but its own."""
    heard: list[events.PathsRemoved] = []
    rim = AgentRim(Files(), lambda event: heard.append(event.body), lambda problem: None)
    rim.watch(str(tmp_path))
    run = tmp_path / "slaves/a/frameworks/f/executors/e/runs/1"
    nested = run / "containers" / "c"
    nested.mkdir(parents=True)
    (run.parent / "latest").symlink_to("1")
    for path, left in ((nested, run / "containers"), (run, tmp_path / "slaves" / "a")):
        heard.clear()
        rim.send(Send(words.DISK, words.RemovePaths((str(path),))))
        await until(lambda: heard)
        assert heard == [events.PathsRemoved(1, 0)]
        assert not path.exists()
        assert left.exists() is (path == nested)
    heard.clear()
    rim.send(Send(words.DISK, words.RemovePaths(("/etc/x", str(tmp_path / "slaves/gone")))))
    await until(lambda: heard)
    assert heard == [events.PathsRemoved(1, 1)]
