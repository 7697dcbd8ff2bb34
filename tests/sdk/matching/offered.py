"""Hosts for tests, in the grammar of the agents' flags; and random ones."""

from __future__ import annotations

from random import Random
from typing import Any

from mesos_py.algebra.parse import parse_attributes, parse_resources
from mesos_py.algebra.resources import Resources
from mesos_py.sdk.matching import Host, Locality, Request
from mesos_py.wire.ids import AgentID, FrameworkID, OfferID
from mesos_py.wire.offer import Offer
from mesos_py.wire.resource import Resource
from mesos_py.wire.value import DomainInfo

Fault = DomainInfo.FaultDomain
PLENTY = "cpus:4;mem:1024;ports:[31000-31009]"


def offer(
    hostname: str, resources: str = PLENTY, *, attributes: str = "", role: str = "*", zone: str | None = None,
    region: str = "here", **fields: Any,
) -> Offer:  # fmt: skip
    fault = None if zone is None else Fault(region=Fault.RegionInfo(name=region), zone=Fault.ZoneInfo(name=zone))
    given = {
        "id": OfferID(f"o-{hostname}"),
        "framework_id": FrameworkID("f"),
        "agent_id": AgentID(f"a-{hostname}"),
        "hostname": hostname,
        "resources": Resources.of(parse_resources(resources)).allocate(role).messages(),
        "attributes": parse_attributes(attributes),
        "domain": None if fault is None else DomainInfo(fault_domain=fault),
        "allocation_info": Resource.AllocationInfo(role=role),
    }
    return Offer(**given | fields)


def host(hostname: str, resources: str = PLENTY, **fields: Any) -> Host:
    return Host.of([offer(hostname, resources, **fields)])


def some_hosts(rng: Random) -> list[Host]:
    """Up to eight hosts of role ``a``, alike enough to be confused: few zones, few racks, a little of everything."""
    made = []
    for number in range(rng.randint(0, 8)):
        begin = rng.randint(1, 4)
        ports = f"ports:[{begin}-{begin + rng.randint(0, 6)}]"
        parts = [f"cpus:{rng.randint(0, 5)}", f"mem:{rng.randint(0, 9)}", ports]
        if rng.random() < 0.4:
            parts.append(f"cpus(a):{rng.randint(0, 3)}")
        if rng.random() < 0.1:
            parts.append("gpus:1")
        rack = rng.choice(["", "rack:r1", "rack:r2", "rack:r3"])
        made.append(
            host(f"h{number}", ";".join(parts), attributes=rack, zone=rng.choice([None, "z1", "z2"]), role="a")
        )
    return made


CONSTRAINTS = [
    ("hostname", "UNIQUE"), ("rack", "UNIQUE"), ("rack", "CLUSTER"), ("rack", "CLUSTER", "r2"), ("rack", "GROUP_BY"),
    ("rack", "GROUP_BY", "2"), ("@zone", "GROUP_BY", "2"), ("@zone", "GROUP_BY", "3"), ("hostname", "MAX_PER", "2"),
    ("rack", "LIKE", "r[12]"), ("rack", "UNLIKE", "r1"), ("@zone", "IS", "z1"),
]  # fmt: skip
LOCALITIES = [Locality(hosts=("h1", "h3")), Locality(hosts=("h2",), zones=("z1",)), Locality(zones=("z2",))]


def some_request(rng: Random) -> Request:
    """Small, so that several fit; most have something to say about places."""
    return Request.of(
        cpus=rng.choice([0, 0.5, 1, 1, 2]),
        mem=rng.choice([0, 0, 1, 1, 3]),
        ports=rng.choice([(), (), (0,), (0, 0), (3,), (5, 0)]),
        role="a",
        accepts=rng.choice([(), (), (), ("*",), ("a",)]),
        constraints=rng.sample(CONSTRAINTS, rng.choice([0, 1, 1, 2])),
        spread=rng.choice([None, None, "rack", "hostname"]),
        locality=rng.choice([None, None, None, *LOCALITIES]),
        on_gpu_hosts=rng.random() < 0.5,
    )
