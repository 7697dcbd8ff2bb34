"""Scenarios 57 to 64, 66 and 67 of the allocator's spec: reservations are consumed, allocated or not.

Named as in Mesos' src/tests/hierarchical_allocator_tests.cpp.
"""

from __future__ import annotations

import pytest

from mesos_py.algebra.conversions import Conversion, create, reserve
from mesos_py.algebra.quantities import Quantities
from mesos_py.algebra.resources import NONE, Resources
from mesos_py.wire.ids import AgentID, FrameworkID
from mesos_py.wire.resource import Resource
from tests.master.allocator.test_agents import volume
from tests.master.allocator.world import DAY, World, able, res, what, who

Reservation = Resource.ReservationInfo
A1, A2, F1 = AgentID("A1"), AgentID("A2"), FrameworkID("F1")
EACH = "cpus:1;mem:1024"


def reserved(text: str, role: str, kind: Reservation.Type) -> Resources:
    return res(text).push_reservation(Reservation(type=kind, role=role))


BOTH = pytest.mark.parametrize("kind", [Reservation.Type.STATIC, Reservation.Type.DYNAMIC])


def test_reservation_within_quota() -> None:
    """Who has what it is guaranteed, reserved resources counted, gets no more before others."""
    w = World()
    w.quota("quota-role", "cpus:2;mem:256")
    w.framework("F1", "quota-role")
    w.framework("F2", "other")
    used = res("cpus:2;mem(quota-role):256").allocate("quota-role")
    w.agent("A1", "cpus:8;mem(quota-role):256", {"F1": used})
    assert what(w.run()) == {("F2", "A1"): "cpus:6"}
    w.agent("A2", "cpus:4")
    assert who(w.run()) == [("F2", "A2")]


def test_quota_set_aside_reserved_resources() -> None:
    """What is reserved for others is no headroom, and goes to them whatever is held back."""
    w = World()
    w.agent("A1", "cpus:4;mem:512")
    w.agent("A2", "cpus:4;mem:512")
    unreserved = res("cpus:4;mem:512")
    aside = reserved("cpus:4;mem:512", "other", Reservation.Type.DYNAMIC)
    assert w.allocator.update_available(A2, [Conversion(unreserved, aside)]) is None
    w.quota("quota-role", "cpus:4;mem:512")
    w.framework("F1", "quota-role")
    grants = w.run()
    assert who(grants) == [("F1", "A1")]
    w.recover(grants, 10.0)
    assert w.batch() == []
    w.framework("F2", "other")
    grants = w.run()
    assert [grant.resources.unallocate() for grant in grants] == [aside]
    w.recover(grants, 10.0)
    assert w.batch() == []


@BOTH
def test_reservation_unallocated(kind: Reservation.Type) -> None:
    """A reservation nobody uses is consumed."""
    w = World()
    w.agent("A1", reserved(EACH, "quota-role", kind))
    w.quota("quota-role", EACH)
    w.framework("F1", "quota-role")
    grants = w.run()
    assert who(grants) == [("F1", "A1")]
    w.recover(grants, DAY)
    w.agent("A2", EACH)
    assert w.batch() == []


@BOTH
def test_reservation_allocated(kind: Reservation.Type) -> None:
    """One that is used is consumed once."""
    w = World()
    w.quota("quota-role", "cpus:2;mem:2048")
    w.framework("F1", "quota-role")
    w.agent("A1", reserved(EACH, "quota-role", kind))
    assert who(w.run()) == [("F1", "A1")]
    w.agent("A2", EACH)
    assert who(w.run()) == [("F1", "A2")]
    w.agent("A3", EACH)
    assert w.batch() == []


@BOTH
def test_non_quota_role_reservation_with_quota_role(kind: Reservation.Type) -> None:
    """A role without quota gets what is reserved for it though all else is held back."""
    w = World()
    w.quota("quota-role", EACH)
    w.framework("F1", "quota-role")
    aside = reserved(EACH, "other", kind)
    w.agent("A1", res(EACH) + aside)
    grants = w.run()
    assert what(grants) == {("F1", "A1"): "cpus:1; mem:1024"}
    w.recover(grants, DAY)
    w.framework("F2", "other")
    assert [grant.resources.unallocate() for grant in w.run()] == [aside]


def test_shared_allocated_resource_quota_accounting() -> None:
    """A shared volume that is allocated twice is consumed once."""
    w = World()
    w.quota("quota-role", "cpus:3;mem:2048;disk:100")
    w.agent("A1", "cpus(quota-role):2;mem(quota-role):1024;disk(quota-role):50")
    w.framework("F1", "quota-role", capabilities=able(shared_resources=True))
    (grant,) = w.run()
    made = volume(50, "quota-role", shared=True, allocated=True)
    w.allocator.update_allocation(F1, A1, grant.resources, create([made]))
    part = res("cpus(quota-role):1;mem(quota-role):512")
    w.allocator.recover(F1, A1, part.allocate("quota-role"), w.now)
    grants = w.batch()
    assert [one.resources for one in grants] == [part.allocate("quota-role") + Resources.of([made])]
    w.agent("A2", "cpus:1;mem:1024;disk:50")
    assert what(w.run())[("F1", "A2")] == "cpus:1; mem:1024; disk:50"
    w.agent("A3", "cpus:1;mem:1024;disk:50")
    assert [one for one in w.batch() if one.agent_id == "A3"] == []
    assert w.allocator.offered_or_consumed("quota-role") == Quantities.of(cpus=3, mem=2048, disk=100)


def test_quota_accounting_reserve_allocated_resources() -> None:
    """Reserving what is allocated changes nothing of what is consumed."""
    w = World()
    w.quota("quota-role", "cpus:10;mem:1024")
    w.framework("F1", "quota-role")
    w.agent("A1", "cpus:5;mem:512")
    (grant,) = w.run()
    info = Reservation(type=Reservation.Type.DYNAMIC, role="quota-role", principal="principal")
    w.allocator.update_allocation(F1, A1, grant.resources, reserve(grant.resources.push_reservation(info).messages()))
    w.allocator.check()
    w.agent("A2", "cpus:10;mem:1024")
    assert what(w.run()) == {("F1", "A2"): "cpus:5; mem:512"}


def test_quota_accounting_unreserve_allocated_resources() -> None:
    """Nor does the reverse."""
    w = World()
    w.quota("quota-role", EACH)
    w.framework("F1", "quota-role")
    w.agent("A1", "cpus(quota-role):1;mem(quota-role):1024")
    (grant,) = w.run()
    w.agent("A2", EACH)
    assert w.batch() == []
    w.allocator.update_allocation(
        F1, A1, grant.resources, [Conversion(grant.resources, grant.resources.pop_reservation())]
    )
    assert w.batch() == []
    assert w.allocator.offered_or_consumed("quota-role") == Quantities.of(cpus=1, mem=1024)


def test_quota_headroom_when_reservations_exceed_quota() -> None:
    """Reservations beyond a guarantee make no other role's guarantee smaller."""
    w = World()
    w.framework("F1", "other")
    w.quota("roleX", EACH)
    w.quota("roleY", EACH)
    w.agent("A1", "cpus(roleX):2;mem(roleX):2048")
    assert w.batch() == []
    w.agent("A2", EACH)
    assert w.batch() == []
    w.agent("A3", EACH)
    grants = w.batch()
    assert len(grants) == 1
    assert grants[0].resources.unallocate() == res(EACH)


def test_quota_with_ancestor_reservations() -> None:
    """What is reserved above and held below is no headroom, and takes none."""
    w = World()
    w.quota("quota-role", EACH)
    w.agent("A1", "cpus(a):1;mem(a):1024")
    w.framework("F1", "a/b")
    assert who(w.run()) == [("F1", "A1")]
    w.framework("F2", "other")
    assert w.batch() == []
    w.agent("A2", EACH)
    w.agent("A3", EACH)
    together = NONE
    for grant in w.run():
        together += grant.resources.unallocate()
    assert together == res(EACH)
    assert w.batch() == []


def test_quota_with_nested_role_reservation() -> None:
    """What is reserved below is consumed above."""
    w = World()
    w.quota("a", "cpus:2;mem:200")
    w.agent("A1", "cpus(a/b):1;mem(a/b):100")
    w.agent("A2", "cpus:10;mem:1000")
    w.framework("F1", "a")
    assert what(w.run()) == {("F1", "A2"): "cpus:1; mem:100"}
