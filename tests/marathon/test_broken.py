"""Records that are torn, or that this version refuses: which can be done without, and what is said of the others."""

from __future__ import annotations

import pytest

from frameworks.marathon_py.broken import NotUnderstood
from frameworks.marathon_py.deployments import records
from frameworks.marathon_py.instances.records import INSTANCE
from tests.marathon.deployments.asked import created, put
from tests.marathon.world import World


def scaled() -> World:
    """Two versions; one instance has failed, and runs again."""
    world = created(instances=2)
    world.settle()
    put(world, instances=3)
    world.settle()
    world.end(world.alive()[0])
    world.settle()
    return world


def names(world: World, prefix: str) -> list[str]:
    return sorted(name for name in world.records if name.startswith(prefix))


def test_former_trees_and_what_is_for_people_can_be_done_without() -> None:
    """They are complained of, by name; everything runs on, and no record is lost that could be read by others."""
    world = scaled()
    former = names(world, records.ROOT)[0]
    assert len(names(world, records.ROOT)) > 1
    failures = names(world, "marathon/failure")
    assert failures
    torn = {former: b"[", **dict.fromkeys(failures, b'{"x')}
    world.records |= torn
    running = world.alive()
    world.start()
    assert sorted(torn) == sorted(text.split("'")[1] for text in world.core.complaints)
    world.settle()
    assert world.alive() == running
    assert world.records[former] == b"["


@pytest.mark.parametrize("prefix", [records.ROOT, records.SPEC, INSTANCE])
def test_without_the_others_nothing_is_begun(prefix: str) -> None:
    """What is not known to be somebody's would be killed. The record is named; whatever is cut off of it."""
    world = scaled()
    name = names(world, prefix)[-1]
    whole = world.records[name]
    for cut in (0, 1, len(whole) // 2, len(whole) - 1):
        world.records[name] = whole[:cut]
        with pytest.raises(NotUnderstood, match=name.replace("/", ".")):
            world.start()
    world.records[name] = whole
    world.start()
    assert len(world.alive()) == 3 and not world.core.complaints
