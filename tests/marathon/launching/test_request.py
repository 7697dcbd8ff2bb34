"""What a spec asks offers for, and which other instances its constraints look at."""

from __future__ import annotations

from random import Random
from typing import Any

import attrs
import pytest

from frameworks.marathon_py.core import Habits, Marathon
from frameworks.marathon_py.definitions.app import VersionInfo
from frameworks.marathon_py.definitions.settings import Settings
from frameworks.marathon_py.instances.instance import Condition, Goal, Instance, Placed
from frameworks.marathon_py.launching import ports
from frameworks.marathon_py.launching.request import accepted, census, hindrance, request
from mesos_py.wire.ids import AgentID
from tests.marathon.app_of import SETTINGS, app_of


def core_of(**habits: Any) -> Marathon:
    return Marathon(Random(7), SETTINGS, Habits(**habits))


@pytest.mark.parametrize(
    ("behavior", "body", "roles"),
    [
        ("any", {}, ("*", "marathon")), ("unreserved", {}, ("*",)), ("reserved", {}, ("marathon",)),
        ("reserved", {"acceptedResourceRoles": ["*"]}, ("*",)),
        ("unreserved", {"acceptedResourceRoles": ["marathon", "*"]}, ("*", "marathon")),
    ],
)  # fmt: skip
def test_roles_of_resources(behavior: str, body: dict[str, Any], roles: tuple[str, ...]) -> None:
    """What the app says, or what the operator has said for those that say nothing."""
    m = core_of(accepted_resource_roles_default_behavior=behavior)
    assert accepted(m, app_of(**body)) == roles


def test_in_the_role_of_everybody_there_is_one() -> None:
    app = app_of(Settings(), cmd="x")
    assert accepted(core_of(), app) == ("*",)


def test_amounts() -> None:
    app = app_of(cpus=0.1, mem=32, disk=5)
    assert dict(request(core_of(), app).resources.items()) == {"cpus": 100, "mem": 32_000, "disk": 5_000}
    assert request(core_of(), app) == request(core_of(), attrs.evolve(app, id="/other")), "one class"


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        ({"portDefinitions": []}, ()),
        ({"portDefinitions": [{"port": 80}, {"port": 0}]}, (0, 0)),
        ({"portDefinitions": [{"port": 80}, {"port": 90}], "requirePorts": True}, (80, 90)),
        ({"container": {"type": "MESOS", "portMappings": [{"hostPort": 0}, {"hostPort": 70}, {}, {"hostPort": 0}]},
          "networks": [{"mode": "container", "name": "n"}]}, (70, 0, 0)),
    ],
)  # fmt: skip
def test_ports(body: dict[str, Any], asked: tuple[int, ...]) -> None:
    assert request(core_of(), app_of(cmd="x", **body)).ports == asked


def test_ports_go_where_they_belong() -> None:
    mappings = [{"hostPort": 0}, {"hostPort": 70}, {"containerPort": 1}, {"hostPort": 0}]
    app = app_of(cmd="x", container={"type": "MESOS", "portMappings": mappings},
                 networks=[{"mode": "container", "name": "n"}])  # fmt: skip
    assert ports.assigned(app, (70, 31_000, 31_001)) == (31_000, 70, None, 31_001)


def test_too_many_ports_are_a_hindrance() -> None:
    app = app_of(portDefinitions=[{"port": 0}] * 1001)
    assert hindrance(core_of(), app) == "it has 1001 ports, and 1000 is the most that one task gets"


@pytest.mark.parametrize(("instances", "spread"), [(0, None), (1, None), (2, "hostname")])
def test_several_would_rather_not_be_together(instances: int, spread: str | None) -> None:
    assert request(core_of(), app_of(instances=instances)).spread == spread


# ---- the others

PLACE = Placed(AgentID("a"), "h", "r", "z", {"rack": "1"})


def count(field: str, value: str, placed: Placed | None = PLACE, **fields: Any) -> int:
    """How many tasks a constraint sees there, with one instance of the current definition."""
    app = app_of(constraints=[[field, "UNIQUE"]])
    m = core_of()
    instance = Instance("i", app, condition=Condition.RUNNING, placed=placed)
    for name, given in fields.items():
        setattr(instance, name, given)
    m.of_spec[instance.spec_id] = {"i": instance}
    return census(m, app, request(m, app)).count(field, value)


@pytest.mark.parametrize(
    ("field", "value"),
    [("hostname", "h"), ("@hostname", "h"), ("@region", "r"), ("@zone", "z"), ("rack", "1")],
)
def test_fields_of_places(field: str, value: str) -> None:
    assert count(field, value) == 1
    assert count(field, "other") == 0


@pytest.mark.parametrize(
    ("condition", "is_seen"),
    [
        (Condition.PROVISIONED, True), (Condition.STAGING, True), (Condition.RUNNING, True), (Condition.KILLING, True),
        (Condition.UNREACHABLE_INACTIVE, True), (Condition.UNREACHABLE, False), (Condition.GONE, False),
        (Condition.UNKNOWN, False), (Condition.DROPPED, False), (Condition.SCHEDULED, False),
    ],
)  # fmt: skip
def test_what_is_lost_or_waits_is_not_seen(condition: Condition, is_seen: bool) -> None:
    """As in Marathon: what is out of reach is not counted, until it is replaced."""
    assert count("hostname", "h", condition=condition) == is_seen


def test_what_is_to_end_still_stands_there() -> None:
    assert count("hostname", "h", goal=Goal.DECOMMISSIONED) == 1
    assert count("hostname", "h", placed=None) == 0


def test_former_configurations_are_not_seen() -> None:
    """Whatever is to be replaced does not keep its successor away; what was only scaled since counts."""
    new = app_of(constraints=[["hostname", "UNIQUE"]])
    scaled, configured = "2024-05-01T10:00:00.000Z", "2024-05-01T09:00:00.000Z"
    info = VersionInfo(last_scaling_at=scaled, last_config_change_at=configured)
    new = attrs.evolve(new, version=scaled, version_info=info)
    m = core_of()
    for version, seen in (("2024-05-01T08:59:59.999Z", 0), (configured, 1), (scaled, 1)):
        old = Instance("i", attrs.evolve(new, version=version), condition=Condition.RUNNING, placed=PLACE)
        m.of_spec[old.spec_id] = {"i": old}
        assert census(m, new, request(m, new)).count("hostname", "h") == seen, version
