"""Scenarios 24 to 44 of the allocator's spec: what of an agent can be offered, and to whom."""

from __future__ import annotations

import pytest

from mesos_py.algebra.conversions import Conversion, NotContained, create, destroy, reserve
from mesos_py.algebra.quantities import Quantities
from mesos_py.algebra.resources import NONE, Resources
from mesos_py.master.capabilities import AgentCapabilities, FrameworkCapabilities
from mesos_py.wire.ids import AgentID, FrameworkID
from mesos_py.wire.resource import Resource
from mesos_py.wire.value import Value
from mesos_py.wire.volume import Volume
from tests.master.allocator.world import DAY, World, able, domain, res, what, who

F1, F2, A1, A2 = FrameworkID("F1"), FrameworkID("F2"), AgentID("A1"), AgentID("A2")
Reservation = Resource.ReservationInfo
DYNAMIC = Reservation.Type.DYNAMIC


def revocable(cpus: float) -> Resources:
    scalar = Value.Scalar(value=cpus)
    return Resources.of(
        [Resource(name="cpus", type=Value.Type.SCALAR, scalar=scalar, revocable=Resource.RevocableInfo())]
    )


def volume(mb: float, role: str = "role1", *, shared: bool = False, allocated: bool = False) -> Resource:
    return Resource(
        name="disk",
        type=Value.Type.SCALAR,
        scalar=Value.Scalar(value=mb),
        reservations=(Reservation(type=Reservation.Type.STATIC, role=role),),
        disk=Resource.DiskInfo(
            persistence=Resource.DiskInfo.Persistence(id="v1"),
            volume=Volume(container_path="data", mode=Volume.Mode.RW),
        ),
        shared=Resource.SharedInfo() if shared else None,
        allocation_info=Resource.AllocationInfo(role=role) if allocated else None,
    )


# ---- reservations


def test_reservations() -> None:
    """Reserved resources go to their role only, unreserved ones to anybody."""
    w = World()
    w.agent("A1", "cpus(role1):1;mem(role1):100;cpus:1;mem:100")
    w.agent("A2", "cpus(role2):1;mem(role2):100;cpus:1;mem:100")
    w.agent("A3", "cpus(role3):1;mem(role3):100")
    w.framework("F1", "role1")
    grants = w.run()
    assert what(grants) == {
        (
            "F1",
            "A1",
        ): "cpus(reservations: [(STATIC,role1)]):1; mem(reservations: [(STATIC,role1)]):100; cpus:1; mem:100",
        ("F1", "A2"): "cpus:1; mem:100",
    }
    w.framework("F2", "role2")
    assert what(w.run()) == {
        ("F2", "A2"): "cpus(reservations: [(STATIC,role2)]):1; mem(reservations: [(STATIC,role2)]):100"
    }
    assert w.batch(3) == []


def test_offer_ancestor_reservations_to_descendant_child() -> None:
    """What is reserved for a may be offered to a/b/c, not the other way round."""
    w = World()
    w.framework("F1", "a/b/c")
    w.agent("A1", "cpus:1;mem:100")
    w.agent("A2", "cpus(a):1;mem(a):100")
    w.agent("A3", "cpus(a/b/c/d):1;cpus(a/bc):1;cpus(b):1")
    assert who(w.run()) == [("F1", "A1"), ("F1", "A2")]


def test_framework_loop_mesos_9554() -> None:
    """A framework that cannot understand refined reservations is passed by, not stumbled over."""
    w = World()
    refined = res("cpus(parent):1;mem(parent):100").push_reservation(Reservation(type=DYNAMIC, role="parent/child"))
    w.framework("F1", "parent/child")
    w.agent("A1", "cpus:1;mem:100")
    assert who(w.run()) == [("F1", "A1")]
    w.framework("F2", "parent/child", capabilities=FrameworkCapabilities(multi_role=True))
    w.agent("A2", refined)
    assert who(w.run()) == [("F1", "A2")]


def test_non_scalar_reservation_tracking_mesos_9555() -> None:
    """A role may have only ports reserved; there is nothing to count, and nothing breaks."""
    w = World()
    w.agent("A1", "cpus:1;ports(role1):[80-89]")
    w.framework("F1", "role1")
    grants = w.run()
    assert who(grants) == [("F1", "A1")]
    w.recover(grants)
    w.allocator.remove_agent(A1)
    w.allocator.check()


# ---- conversions and shared volumes


def test_update_allocation() -> None:
    """A volume made of what the framework holds is in the next offer."""
    w = World()
    w.framework("F1", "role1")
    w.agent("A1", "cpus:100;mem:100;disk(role1):100")
    (grant,) = w.run()
    conversions = create([volume(5, allocated=True)])
    converted = w.allocator.update_allocation(F1, A1, grant.resources, conversions)
    assert "disk(allocated: role1)(reservations: [(STATIC,role1)])[v1:data]:5" in str(converted)
    w.allocator.check()
    w.allocator.recover(F1, A1, converted, w.now)
    (again,) = w.run()
    assert again.resources == converted


def test_update_allocation_remove_resources() -> None:
    """A conversion may take resources away for good."""
    w = World()
    w.framework("F1", "role1")
    w.agent("A1", "cpus:100;mem:100;disk:100")
    (grant,) = w.run()
    gone = grant.resources.filter(lambda kind: kind.name == "disk")
    left = w.allocator.update_allocation(F1, A1, grant.resources, [Conversion(gone, NONE)])
    w.allocator.recover(F1, A1, left, w.now)
    assert what(w.run()) == {("F1", "A1"): "cpus:100; mem:100"}
    assert w.allocator.total == Quantities.of(cpus=100, mem=100)


def test_update_allocation_shared_persistent_volume() -> None:
    """Created, recovered and offered; destroyed again all is as it was."""
    w = World()
    w.framework("F1", "role1", capabilities=able(shared_resources=True))
    w.agent("A1", "cpus:100;mem:100;disk(role1):100")
    (grant,) = w.run()
    shared = [volume(5, shared=True, allocated=True)]
    converted = w.allocator.update_allocation(F1, A1, grant.resources, create(shared))
    w.allocator.recover(F1, A1, converted, w.now)
    (again,) = w.run()
    assert again.resources == converted
    back = w.allocator.update_allocation(F1, A1, converted, destroy(shared))
    assert back == grant.resources
    w.allocator.check()


def test_update_allocation_that_does_not_fit_changes_nothing() -> None:
    w = World()
    w.framework("F1", "role1")
    w.agent("A1", "cpus:1;disk:100")
    (grant,) = w.run()
    with pytest.raises(NotContained):
        w.allocator.update_allocation(F1, A1, grant.resources, create([volume(5, allocated=True)]))
    w.allocator.check()


def test_shared_resources_capability() -> None:
    """Shared volumes are for frameworks that know about them."""
    w = World()
    total = res("cpus:1;mem:128") + Resources.of([volume(5, shared=True)])
    w.framework("F1", "role1")
    w.agent("A1", total)
    (grant,) = w.run()
    assert not grant.resources.any_shared
    w.recover(grant, DAY)
    w.framework("F2", "role1", capabilities=able(shared_resources=True))
    (grant,) = w.run()
    assert (grant.framework_id, grant.resources.any_shared) == ("F2", True)


def test_allocate_shared_resources() -> None:
    """A shared volume in use is offered to one framework more in each run, and counts once in a share."""
    w = World(min_allocatable=())
    share = able(shared_resources=True)
    total = res("cpus:4;mem:512") + Resources.of([volume(100, shared=True)])
    for name in ("F1", "F2", "F3"):
        w.framework(name, "role1", capabilities=share)
    w.agent("A1", total)
    (first,) = w.run()
    assert first.resources.unallocate() == total
    (second,) = w.batch()
    assert second.framework_id != first.framework_id
    assert second.resources.unallocate() == total.shared
    (third,) = w.batch()
    assert {first.framework_id, second.framework_id, third.framework_id} == {"F1", "F2", "F3"}
    assert w.allocator.offered_or_allocated == total.quantities()
    w.recover([first, second, third])
    assert w.allocator.offered_or_allocated == Quantities()


def test_tasks_share_a_volume() -> None:
    """Two tasks of one offer use its shared volume: two copies are held, and both must come back."""
    w = World()
    total = res("cpus:4;mem:512") + Resources.of([volume(100, shared=True)])
    w.framework("F1", "role1", capabilities=able(shared_resources=True))
    w.agent("A1", total)
    (grant,) = w.run()
    task = grant.resources.shared + res("cpus:1").allocate("role1")
    w.allocator.use(F1, A1, task + task)
    w.allocator.recover(F1, A1, grant.resources - task - task, w.now, refuse_s=DAY)
    w.allocator.check()
    for _ in range(2):
        assert w.allocator.offered_or_allocated.get("disk") == 100_000
        w.allocator.recover(F1, A1, task, w.now, used=True)
        w.allocator.check()
    assert w.allocator.offered_or_allocated == Quantities()


# ---- totals


def test_update_available_success() -> None:
    """Free resources are reserved; the next offer shows it."""
    w = World()
    w.agent("A1", "cpus:100;mem:100")
    reserved = res("cpus:25;mem:50").push_reservation(Reservation(type=DYNAMIC, role="role1", principal="ops"))
    assert w.allocator.update_available(A1, reserve(reserved.messages())) is None
    w.framework("F1", "role1")
    (grant,) = w.run()
    assert grant.resources.unallocate() == reserved + res("cpus:75;mem:50")


def test_update_available_fail() -> None:
    """What is held is not free."""
    w = World()
    w.agent("A1", "cpus:100;mem:100")
    w.framework("F1", "role1")
    w.run()
    reserved = res("cpus:25;mem:50").push_reservation(Reservation(type=DYNAMIC, role="role1", principal="ops"))
    assert w.allocator.update_available(A1, reserve(reserved.messages())) == "{} does not contain cpus:25"
    w.allocator.check()


def test_update_slave_oversubscribed_resources() -> None:
    """Revocable resources come and go with the agent's estimate."""
    w = World()
    w.agent("A1", "cpus:100;mem:100")
    w.framework("F1", "role1", capabilities=able(revocable_resources=True))
    assert what(w.run()) == {("F1", "A1"): "cpus:100; mem:100"}
    for estimate, offered in ((10, "cpus{REV}:10"), (12, "cpus{REV}:2"), (5, None)):
        w.allocator.update_agent(A1, total=res("cpus:100;mem:100") + revocable(estimate))
        assert what(w.run()) == ({("F1", "A1"): offered} if offered else {})


def test_recover_oversubscribed_resources() -> None:
    """Revocable and regular parts come back together."""
    w = World()
    w.agent("A1", res("cpus:100;mem:100") + revocable(10))
    w.framework("F1", "role1", capabilities=able(revocable_resources=True))
    (grant,) = w.run()
    part = revocable(6) + res("cpus:2")
    w.allocator.recover(grant.framework_id, A1, part.allocate("role1"), w.now)
    assert what(w.run()) == {("F1", "A1"): "cpus{REV}:6; cpus:2"}


def test_oversubscribed_not_allocated() -> None:
    """Revocable resources are for frameworks that know about them."""
    w = World()
    w.agent("A1", revocable(10))
    w.framework("F1", "role1")
    assert w.batch() == []


def test_update_slave_total_resources() -> None:
    """A larger total is offered, a smaller one overcommits until enough has come back."""
    w = World()
    w.agent("A1", "cpus:100;mem:100")
    w.framework("F1", "role1")
    grants = w.run()
    w.allocator.update_agent(A1, total=res("cpus:200;mem:200"))
    grants += (delta := w.run())
    assert what(delta) == {("F1", "A1"): "cpus:100; mem:100"}
    w.allocator.update_agent(A1, total=res("cpus:50;mem:50"))
    assert w.run() == []
    w.recover(grants)
    assert what(w.run()) == {("F1", "A1"): "cpus:50; mem:50"}
    w.allocator.update_agent(A1, total=res("cpus:100;mem:100"))
    assert what(w.run()) == {("F1", "A1"): "cpus:50; mem:50"}


def test_update_slave_capabilities() -> None:
    """An agent that does not know about roles is not for multi-role frameworks."""
    w = World()
    w.agent("A1", "cpus:1;mem:100", capabilities=AgentCapabilities())
    w.framework("F1", "role1")
    assert w.run() == []
    w.allocator.update_agent(A1, capabilities=AgentCapabilities(multi_role=True))
    assert who(w.run()) == [("F1", "A1")]


def test_dont_offer_old_agent_to_multi_role_framework() -> None:
    w = World()
    w.agent("A1", "cpus:1;mem:100", capabilities=AgentCapabilities())
    w.framework("F1", "role1")
    assert w.batch() == []
    w.framework("F2", "*", capabilities=FrameworkCapabilities())
    assert who(w.run()) == [("F2", "A1")]


def test_hierarchical_role_needs_a_capable_agent() -> None:
    w = World()
    w.agent("A1", "cpus:1;mem:100", capabilities=AgentCapabilities(multi_role=True))
    w.framework("F1", "a/b")
    assert w.batch() == []


def test_remove_slave_recover_resources() -> None:
    """With an agent goes what was held on it: F1 has nothing any more and is next."""
    w = World()
    w.framework("F1", "role1")
    w.agent("A1", "cpus:2;mem:200")
    assert who(w.run()) == [("F1", "A1")]
    w.framework("F2", "role2")
    w.agent("A2", "cpus:1;mem:100")
    (grant,) = w.run()
    assert who([grant]) == [("F2", "A2")]
    w.allocator.remove_agent(A1)
    w.agent("A3", "cpus:1;mem:100")
    assert who(w.run()) == [("F1", "A3")]
    w.allocator.recover(F1, A1, grant.resources, w.now)  # late news of what is gone is no news


def test_whitelist() -> None:
    """Only listed hosts are offered."""
    w = World()
    w.allocator.set_whitelist(frozenset({"dummy-agent"}))
    w.framework("F1", "role1")
    w.agent("A1", "cpus:1;mem:100")
    assert w.batch() == []
    w.allocator.set_whitelist(frozenset({"dummy-agent", "A1"}))
    assert who(w.batch()) == [("F1", "A1")]


@pytest.mark.parametrize(
    ("filter_gpus", "capable", "offered"),
    [(True, False, False), (True, True, True), (False, False, True), (False, True, True)],
)
def test_gpu(filter_gpus: bool, capable: bool, offered: bool) -> None:
    """Agents with GPUs are kept for frameworks that can use them, unless the master does not care."""
    w = World(filter_gpu_resources=filter_gpus)
    w.framework("F1", "role1", capabilities=able(gpu_resources=capable))
    w.agent("A1", "cpus:1;mem:100;gpus:1")
    assert bool(w.run()) == offered


@pytest.mark.parametrize(
    ("region", "aware", "offered"),
    [("here", False, True), ("there", False, False), ("there", True, True), (None, False, True)],
)
def test_region(region: str | None, aware: bool, offered: bool) -> None:
    """Agents of another region are for frameworks that ask for them."""
    w = World(region="here")
    w.framework("F1", "role1", capabilities=able(region_aware=aware))
    w.agent("A1", "cpus:1;mem:100", domain=None if region is None else domain(region))
    assert bool(w.run()) == offered
