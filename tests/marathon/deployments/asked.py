"""What tests of deployments ask a world for, and what they see of it."""

from __future__ import annotations

from typing import Any

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions.legacy import read_given
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.words import DeploymentChanged, Started
from tests.marathon.world import World, world_of

WEB = PathId("/web")


def given(**body: Any) -> dict[str, Any]:
    return read_given({"id": "/web", **body})


def ask(world: World, request: Any) -> Any:
    return world.tell(request).reply


def put(world: World, force: bool = False, **body: Any) -> Started:
    reply = ask(world, words.PutApps((given(**body),), force=force))
    assert isinstance(reply, Started), reply
    return reply


def created(**body: Any) -> World:
    world = world_of()
    reply = ask(world, words.CreateApp(given(**{"cmd": "run", **body})))
    assert isinstance(reply, Started), reply
    assert reply.created == ("/web",)
    return world


def told(world: World) -> list[str]:
    """What was told of deployments, with the action of the step."""
    found = []
    for fact in world.heard(DeploymentChanged):
        actions = [] if fact.step is None else [one["action"] for one in fact.step["actions"]]
        found.append(" ".join([fact.what, *actions]))
    world.facts.clear()
    return found


def versions(world: World) -> list[str]:
    """Commands of what runs."""
    return sorted(str(one.spec.cmd) for one in world.of() if one.condition.value == "Running")  # type: ignore[union-attr]
