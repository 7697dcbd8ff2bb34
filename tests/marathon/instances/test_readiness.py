"""Instances of a deployment are asked until they are ready once."""

from __future__ import annotations

from typing import Any

import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.core import Marathon
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.instances.instance import ReadinessResult
from mesos_py.machine.frame import Frame
from mesos_py.machine.values import SECOND
from tests.marathon.app_of import app_of
from tests.marathon.world import World, world_of

WEB = PathId("/web")
PORTS = [{"port": 0}, {"port": 0, "name": "admin"}]


def lock(world: World) -> None:
    def begin(m: Marathon, out: Frame) -> None:
        m.locked[WEB], m.taken_up[WEB] = "d", None

    world.act(begin)


def deploying(**check: Any) -> World:
    """Its app runs, and a deployment works on it."""
    given = {"portName": "admin", "path": "/ready", "intervalSeconds": 10, "timeoutSeconds": 2, **check}
    world = world_of(app_of(portDefinitions=PORTS, readinessChecks=[given]))
    world.run()
    world.of()[0].tasks["_app"].host_ports = (31_000, 31_001)
    lock(world)
    return world


def answering(status: int | None, body: str = "") -> Any:
    return lambda probe: words.Probed(probe, status=status, content_type="text/plain", body=body)


def test_it_is_asked_at_once_and_until_it_is_ready() -> None:
    world = deploying()
    world.look = answering(503)
    world.advance(1)
    (probe,) = world.probes
    assert (probe.kind, probe.port, probe.path, probe.timeout_s) == ("readiness", 31_001, "/ready", 2)
    (instance,) = world.of()
    assert instance.readiness == ReadinessResult("readinessCheck", False)
    world.advance(10 * SECOND)
    assert (len(world.probes), instance.is_ready) == (2, False)
    world.look = answering(200)
    world.advance(10 * SECOND)
    assert instance.is_ready
    world.advance(100 * SECOND)
    assert len(world.probes) == 3


@pytest.mark.parametrize(("status", "is_ready"), [(200, False), (201, True), (302, True), (None, False)])
def test_the_definition_says_which_answers_count(status: int | None, is_ready: bool) -> None:
    world = deploying(httpStatusCodesForReady=[201, 302])
    world.look = answering(status)
    world.advance(1)
    assert world.of()[0].is_ready is is_ready


def test_the_answer_is_kept_if_it_is_to_be_shown() -> None:
    world = deploying(preserveLastResponse=True)
    world.look = answering(503, "soon")
    world.advance(1)
    assert world.of()[0].readiness == ReadinessResult("readinessCheck", False, 503, "text/plain", "soon")


def test_nobody_is_asked_without_a_deployment_nor_after_it() -> None:
    world = deploying()
    world.look = answering(503)
    world.advance(1)
    world.act(lambda m, out: m.locked.clear())
    world.advance(100 * SECOND)
    assert len(world.probes) == 1
    lock(world)
    world.advance(1)
    assert len(world.probes) == 2


def test_who_is_ready_stays_so_for_the_next_leader_and_is_asked_again_after_an_end() -> None:
    world = deploying()
    world.look = answering(200)
    world.advance(1)
    world.start()
    (instance,) = world.of()
    assert instance.is_ready
    world.end(instance.tasks["_app"].id)
    assert not instance.is_ready
