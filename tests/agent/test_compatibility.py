"""What a restarted agent may have been given other settings for, with Mesos' words about the rest."""

from __future__ import annotations

from typing import Any

import pytest

from mesos_py.agent.checkpoint.compatibility import additive, equal
from mesos_py.algebra.parse import parse_attributes, parse_resources
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.ids import AgentID
from mesos_py.wire.schema import evolve
from mesos_py.wire.value import DomainInfo

RESOURCES = "cpus:4;mem:1024;ports:[31000-31999];names:{a,b}"
ATTRIBUTES = "rack:r7;level:3;slots:[1-5]"
PREFIX = "Configuration change not permitted under 'additive' policy: "
WHO = PREFIX.replace("'", "`")


def info(resources: str = RESOURCES, attributes: str = ATTRIBUTES, **fields: Any) -> AgentInfo:
    made = AgentInfo(
        hostname="h", port=5051, resources=tuple(parse_resources(resources)), attributes=parse_attributes(attributes)
    )
    return evolve(made, **fields)


def domain(zone: str) -> DomainInfo:
    part = DomainInfo.FaultDomain
    return DomainInfo(fault_domain=part(region=part.RegionInfo(name="r"), zone=part.ZoneInfo(name=zone)))


def test_equal() -> None:
    """Nothing but the id may differ; both are shown."""
    assert equal(info(id=AgentID("m-S0")), info()) is None
    problem = equal(info(id=AgentID("m-S0")), info("cpus:5"))
    assert problem is not None
    assert problem.startswith("Incompatible agent info detected. \n\n-----")
    assert '"cpus"' in problem.partition("New agent info:\n")[2]


@pytest.mark.parametrize(
    ("new", "problem"),
    [
        (info(), None),
        (info("gpus:1;cpus:4.5;mem:2048;ports:[30000-31999];names:{a,b,c}"), None),
        (info(attributes="zone:z;rack:r7;level:3;slots:[1-6]"), None),
        (info(domain=domain("z")), None),
        (info(hostname="i"), f"{WHO}Hostname changed from h to i"),
        (info(port=1), f"{WHO}Port changed from 5051 to 1"),
        (info("cpus:3.5;mem:1024"), f"{PREFIX}Value of scalar resource 'cpus' decreased from 4 to 3.5"),
        (
            info("cpus:4"),
            PREFIX.replace(": ", ". ") + "Resource not found: mem:1024",
        ),
        (
            info("cpus:4;mem:1024;ports:[31001-31999]"),
            f"{PREFIX}Previous value of range resource 'ports' ([31000-31999]) not included in current [31001-31999]",
        ),
        (
            info("cpus:4;mem:1024;ports:[31000-31999];names:{a}"),
            f"{PREFIX}Previous value of set resource 'names' ({{a, b}}) not included in current {{a}}",
        ),
        (info(attributes="rack:r7"), f"{PREFIX}Couldn't find attribute level:3"),
        (info(attributes="rack:7"), f"{PREFIX}Type of attribute 'rack' changed from TEXT to SCALAR"),
        (info(attributes="rack:r8"), f"{PREFIX}Value of text attribute 'rack' changed from r7 to r8"),
        (info(attributes="rack:r7;level:4"), f"{PREFIX}Value of scalar attribute 'level' changed from 3 to 4"),
        (info(attributes="rack:r7;level:3.0001;slots:[1-5]"), None),
        (
            info(attributes="rack:r7;level:3;slots:[1-4]"),
            "Previous value of ranges resource 'slots' ([1-5]) not included in current [1-4]",
        ),
    ],
)
def test_additive(new: AgentInfo, problem: str | None) -> None:
    """More may come, nothing may go."""
    assert additive(info(id=AgentID("m-S0")), new) == problem


def test_a_domain_may_come_but_not_change() -> None:
    """A domain that was told stays."""
    assert additive(info(domain=domain("a")), info(domain=domain("a"))) is None
    assert (additive(info(domain=domain("a")), info(domain=domain("b"))) or "").startswith(f"{WHO}Domain changed from")
