"""A small world around one allocator: explicit time, resources as flags write them, grants as text."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

from mesos_py.algebra.parse import parse_attributes, parse_resources
from mesos_py.algebra.quantities import Limits, Quantities
from mesos_py.algebra.quota import Quota
from mesos_py.algebra.resources import NONE, Resources
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.master.allocator.core import Allocator, AllocatorOptions, Grant
from mesos_py.master.capabilities import AgentCapabilities, FrameworkCapabilities
from mesos_py.wire.ids import AgentID, FrameworkID
from mesos_py.wire.resource import Resource
from mesos_py.wire.value import DomainInfo, Value

DAY = 86_400.0

AGENT = AgentCapabilities(multi_role=True, hierarchical_role=True, reservation_refinement=True)
FRAMEWORK = FrameworkCapabilities(multi_role=True, reservation_refinement=True)


def res(text: str) -> Resources:
    """``cpus:2;mem:1024;disk(eng):10``."""
    return Resources.of(parse_resources(text))


def able(**capabilities: bool) -> FrameworkCapabilities:
    return FrameworkCapabilities(**({"multi_role": True, "reservation_refinement": True} | capabilities))


def domain(region: str, zone: str = "z") -> DomainInfo:
    fault = DomainInfo.FaultDomain
    return DomainInfo(fault_domain=fault(region=fault.RegionInfo(name=region), zone=fault.ZoneInfo(name=zone)))


class World:
    """Every step checks all invariants of the allocator."""

    def __init__(self, *, interval: Nanos = SECOND, seed: int = 1, **options: Any) -> None:
        self.interval = interval
        self.allocator = Allocator(AllocatorOptions(allocation_interval=interval, **options), random.Random(seed))
        self.now: Nanos = 0
        self.run()  # the first periodic run

    def agent(
        self, name: str, total: str | Resources, used: Mapping[str, Resources] | None = None, **more: Any
    ) -> None:
        given: dict[str, Any] = {"hostname": name, "capabilities": AGENT} | more
        if "attributes" in given:
            given["attributes"] = parse_attributes(given["attributes"])
        holders = {FrameworkID(framework): resources for framework, resources in (used or {}).items()}
        total = res(total) if isinstance(total, str) else total
        self.allocator.add_agent(AgentID(name), total=total, used=holders, **given)

    def framework(self, name: str, *roles: str, **more: Any) -> None:
        given: dict[str, Any] = {"capabilities": FRAMEWORK} | more
        self.allocator.add_framework(FrameworkID(name), roles=roles, **given)

    def quota(self, role: str, guarantees: str, limits: str | None = None) -> None:
        """``limits``: the same if not given, as the old form of quota had it."""
        limited = res(guarantees if limits is None else limits).quantities() if limits != "" else Quantities()
        self.allocator.set_quota(role, Quota(res(guarantees).quantities(), Limits(limited.items())))

    def run(self) -> list[Grant]:
        """What the triggers so far lead to, now."""
        self.allocator.check()
        grants = self.allocator.allocate(self.now)
        self.allocator.check()
        return grants

    def batch(self, intervals: int = 1) -> list[Grant]:
        """The periodic runs of so many intervals; the grants of all."""
        grants = []
        for _ in range(intervals):
            self.now += self.interval
            grants += self.run()
        return grants

    def recover(self, grants: Grant | Iterable[Grant], refuse_s: float | None = None, part: str | None = None) -> None:
        for grant in [grants] if isinstance(grants, Grant) else grants:
            resources = grant.resources if part is None else res(part).allocate(grant.role)
            self.allocator.recover(grant.framework_id, grant.agent_id, resources, self.now, refuse_s=refuse_s)
            self.allocator.check()


def who(grants: Iterable[Grant]) -> list[tuple[str, str]]:
    """(framework, agent) of each grant."""
    return sorted((grant.framework_id, grant.agent_id) for grant in grants)


def what(grants: Iterable[Grant]) -> dict[tuple[str, str], str]:
    """Text of what each framework got on each agent, without allocation."""
    got: dict[tuple[str, str], Resources] = {}
    for grant in grants:
        key = (str(grant.framework_id), str(grant.agent_id))
        got[key] = got.get(key, NONE) + grant.resources.unallocate()
    return {key: str(resources) for key, resources in got.items()}


def mount_disk(mb: float, root: str = "disk1") -> Resources:
    """A disk that can only be offered whole."""
    source = Resource.DiskInfo.Source
    info = Resource.DiskInfo(source=source(type=source.Type.MOUNT, mount=source.Mount(root=root)))
    value = Value.Scalar(value=mb)
    return Resources.of([Resource(name="disk", type=Value.Type.SCALAR, scalar=value, disk=info)])


def agents_of(grants: Iterable[Grant]) -> dict[str, int]:
    """How many agents each framework got."""
    counts: dict[str, int] = {}
    for grant in grants:
        counts[grant.framework_id] = counts.get(grant.framework_id, 0) + 1
    return counts


def minimum(**amounts: float) -> Quantities:
    return Quantities.of(**amounts)
