"""Marathon as a framework of its master: roles are told before offers are asked for in them, facts are passed on."""

from __future__ import annotations

from typing import Any

import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions.legacy import translate
from mesos_py.machine.frame import Frame, Send
from mesos_py.wire.scheduler_api import Call
from tests.marathon.world import World, world_of


def create(world: World, path: str, role: str) -> Frame:
    body: dict[str, Any] = {"id": path, "cmd": "sleep 1", "cpus": 0.1, "mem": 16, "role": role}
    made = world.tell(words.CreateApp(translate(body, world.core.settings)))
    assert isinstance(made.reply, words.Started), made.reply
    return made


def said(frame: Frame) -> list[Any]:
    """Roles that are told, and those in which offers are asked for."""
    found: list[Any] = []
    for word in frame.sends:
        match word:
            case Send(message=words.Roles() as roles):
                found.append(roles)
            case Send(message=Call(revive=Call.Revive(roles=roles))):
                found.append(roles)
    return found


def test_a_role_is_told_before_offers_are_asked_for_in_it() -> None:
    """Once; in the others nothing is wanted, which the master is told as well."""
    world = world_of()
    assert said(create(world, "/dev/a", "dev")) == [words.Roles(("marathon", "dev"), ("marathon", "dev")), ("dev",)]
    world.run()
    for path, role in (("/dev/b", "dev"), ("/ops", "marathon")):
        assert not any(isinstance(one, words.Roles) for one in said(create(world, path, role)))
    told = said(create(world, "/test/c", "test"))[0]
    assert (told.roles, "test" in told.suppressed) == (("marathon", "dev", "test"), True)


@pytest.mark.parametrize("fact", [
    words.Connection("registered", "F", "m:5050"), words.Connection("disconnected"), words.MessageHeard("a", "e", b"x"),
])  # fmt: skip
def test_subscribers_hear_of_the_connection(fact: object) -> None:
    assert world_of().tell(fact).changes == [fact]
