"""What is about thousands of instances is done in several frames, none of which is long, and comes to the same."""

from __future__ import annotations

from frameworks.marathon_py import words
from frameworks.marathon_py.instances.scale import SLICE
from mesos_py.machine.frame import Frame
from mesos_py.machine.values import SECOND
from tests.marathon.app_of import app_of
from tests.marathon.deployments.asked import WEB, ask, created, put, told
from tests.marathon.world import World, world_of

MANY = 2 * SLICE + 100


def largest(frames: list[Frame]) -> int:
    """So many instances have changed in one of them."""
    return max(sum(isinstance(fact, words.InstanceChanged) for fact in frame.changes) for frame in frames)


def seen(world: World) -> int:
    """Likewise, since this was asked for the last time."""
    found = largest(world.frames)
    world.frames.clear()
    return found


def test_many_are_made_changed_and_ended() -> None:
    """Whatever is asked for, whenever: here the leader changes, and another change comes, in the middle."""
    world = created(instances=MANY)
    assert len(world.of()) == SLICE
    world.start()
    world.advance(0)
    assert len(world.of()) < MANY
    put(world, force=True, instances=MANY + 1)
    world.advance(SECOND)
    assert len(world.of()) == MANY + 1
    assert seen(world) == SLICE

    put(world, force=True, cmd="other")
    world.advance(SECOND)
    assert [one.spec.cmd for one in world.of()] == ["other"] * (MANY + 1)  # type: ignore[union-attr]
    assert seen(world) <= 2 * SLICE, "those that go, and those that come"

    put(world, force=True, instances=50)
    assert len(world.of()) == MANY + 1 - SLICE
    world.advance(SECOND)
    assert len(world.of()) == 50
    put(world, force=True, instances=MANY)
    world.advance(SECOND)
    told(world)
    assert isinstance(ask(world, words.DeleteApp(WEB)), words.Started)
    assert len(world.of()) == MANY - SLICE
    world.advance(SECOND)
    assert told(world)[-2:] == ["step_success StopApplication", "success"]
    assert not world.of()


def test_who_is_named_goes_with_the_first() -> None:
    """A thousand and more are killed by name, and are no more wanted: none of the others goes in their place."""
    world = created(instances=MANY)
    world.advance(SECOND)
    named = [one.id for one in world.of()[: SLICE + 50]]
    reply = world.kill(*named, scale=True, force=True)
    assert isinstance(reply, words.Started), reply
    world.advance(SECOND)
    assert not {one.id for one in world.of()} & set(named)
    assert len(world.of()) == MANY - SLICE - 50


def test_what_is_missing_is_made_up_for_in_slices() -> None:
    """Without any deployment."""
    world = world_of(app_of(instances=MANY))
    assert len(world.of()) == SLICE
    world.advance(SECOND)
    assert len(world.of()) == MANY
