"""Scenarios 20, 45 to 56, 65 and 68 to 71 of the allocator's spec: guarantees, limits and what is held back for them.

Each test is named as in Mesos' src/tests/hierarchical_allocator_tests.cpp. Where nothing else is said a quota's limits
are its guarantees.
"""

from __future__ import annotations

from mesos_py.algebra.kinds import Format
from mesos_py.algebra.quantities import Limits, Quantities
from mesos_py.algebra.quota import NO_QUOTA, Quota
from mesos_py.algebra.resources import NONE
from mesos_py.wire.ids import AgentID, FrameworkID
from tests.master.allocator.world import DAY, World, mount_disk, res, what, who

A1, F1 = AgentID("A1"), FrameworkID("F1")
EACH = "cpus:1;mem:512"


def test_quota_against_starvation() -> None:
    """A framework that always declines does not keep an agent from a role that is guaranteed it."""
    w = World()
    each = "cpus:1;mem:1024"
    w.agent("A1", each, {"F1": res(each).allocate("role1")})
    w.agent("A2", each)
    w.framework("F1", "role1")
    w.framework("F2", "role2")
    w.run()
    for _ in range(3):
        for agent in w.allocator._books.agents["A2"].held:  # whoever has it gives it back
            assert agent == "F2"
        held = w.allocator._books.agents["A2"].held[FrameworkID("F2")]
        w.allocator.recover(FrameworkID("F2"), AgentID("A2"), held, w.now)
        assert who(w.batch()) == [("F2", "A2")]
    w.quota("role1", "cpus:2;mem:2048", "")
    w.allocator.recover(FrameworkID("F2"), AgentID("A2"), held, w.now)
    assert who(w.batch()) == [("F1", "A2")]


def test_quota_provides_guarantee() -> None:
    """What a role has declined for a while, and is guaranteed, is offered to nobody else meanwhile."""
    w = World()
    w.framework("F1", "quota-role")
    w.quota("quota-role", "cpus:2;mem:1024")
    w.framework("F2", "no-quota-role")
    w.agent("A1", EACH)
    assert who(w.run()) == [("F1", "A1")]
    w.agent("A2", EACH)
    grants = w.run()
    assert who(grants) == [("F1", "A2")]
    w.recover(grants, 2.0)
    assert w.run() == []
    assert w.batch() == []
    assert who(w.batch()) == [("F1", "A2")]


def test_quota_provides_limit() -> None:
    """A limit of nothing gives nothing, a limit of something no more than that; others have the rest."""
    w = World()
    w.framework("F1", "*")
    w.allocator.set_quota("*", Quota(limits=Limits.of(cpus=0, mem=0, disk=0)))
    w.agent("A1", "cpus:2;mem:1024;disk:1024")
    assert w.batch() == []
    w.framework("F2", "no-quota-role")
    assert who(w.run()) == [("F2", "A1")]
    w.quota("*", "", "cpus:1;mem:512;disk:512")
    w.agent("A2", "cpus:2;mem:1024;disk:1024")
    half = "cpus:1; mem:512; disk:512"
    assert what(w.run()) == {("F1", "A2"): half, ("F2", "A2"): half}


def test_remove_quota() -> None:
    """Without quota fairness decides alone."""
    w = World()
    w.quota("quota-role", "cpus:2;mem:1024")
    w.framework("F1", "quota-role")
    w.framework("F2", "no-quota-role")
    for name in ("A1", "A2"):
        w.agent(name, EACH, {"F1": res(EACH).allocate("quota-role")})
    assert w.run() == []
    w.allocator.set_quota("quota-role", NO_QUOTA)
    w.allocator.recover(F1, A1, res(EACH).allocate("quota-role"), w.now, used=True)
    assert who(w.batch()) == [("F2", "A1")]
    assert w.allocator.quotas == {}


def test_multiple_frameworks_in_role_with_quota() -> None:
    """Within the role frameworks are served by share; what one declines the other may have."""
    w = World()
    w.framework("F1a", "quota-role")
    w.quota("quota-role", "cpus:4;mem:2048")
    w.framework("F2", "no-quota-role")
    w.agent("A1", EACH)
    assert who(w.run()) == [("F1a", "A1")]
    w.framework("F1b", "quota-role")
    w.agent("A2", "cpus:2;mem:1024")
    assert who(w.run()) == [("F1b", "A2")]
    w.agent("A3", EACH)
    grants = w.run()
    assert who(grants) == [("F1a", "A3")]
    w.recover(grants, 5.0)
    assert who(w.batch()) == [("F1b", "A3")]


def test_quota_allocation_granularity() -> None:
    """A role gets no more than its quota of an agent, and others what is left."""
    w = World()
    w.framework("F1", "quota-role")
    w.quota("quota-role", "cpus:0.5;mem:200")
    w.agent("A1", EACH)
    assert what(w.run()) == {("F1", "A1"): "cpus:0.5; mem:200"}
    w.framework("F2", "no-quota-role")
    assert what(w.run()) == {("F2", "A1"): "cpus:0.5; mem:312"}


def test_quota_allocation_granularity_unchoppable_resource() -> None:
    """A MOUNT disk fits whole or not at all, what can be cut is cut."""
    w = World()
    w.quota("quota-role", "cpus:2;mem:2048;disk:150")
    small = res("cpus:0.5;mem:512")
    w.agent("A1", small + mount_disk(100))
    w.framework("F1", "quota-role")
    assert [grant.resources.unallocate() for grant in w.run()] == [small + mount_disk(100)]
    w.agent("A2", small + mount_disk(100))
    assert what(w.run()) == {("F1", "A2"): "cpus:0.5; mem:512"}
    w.agent("A3", "cpus:2;mem:2048;disk:150")
    assert what(w.run()) == {("F1", "A3"): "cpus:1; mem:1024; disk:50"}
    assert w.batch(2) == []


def test_quota_allocation_multiple_disk() -> None:
    """Disks of different sorts make up a quota together, in one offer."""
    w = World()
    w.quota("quota-role", "cpus:1;mem:512;disk:100")
    total = res("cpus:1;mem:512;disk:50") + mount_disk(50)
    w.agent("A1", total)
    w.framework("F1", "quota-role")
    assert [grant.resources.unallocate() for grant in w.run()] == [total]


def test_quota_role_allocate_non_quota_resource() -> None:
    """What a quota does not name it does not limit, but other quotas may have it held back."""
    w = World()
    w.quota("role1", "cpus:2")
    total = "cpus:1;mem:1024;ports:[31000-32000]"
    w.agent("A1", total)
    w.framework("F1", "role1")
    assert what(w.run()) == {("F1", "A1"): "ports:[31000-32000]; cpus:1; mem:1024"}
    w.quota("role2", "mem:1024")
    w.agent("A2", total)
    assert what(w.run()) == {("F1", "A2"): "ports:[31000-32000]; cpus:1"}
    w.agent("A3", total)
    assert what(w.run()) == {("F1", "A3"): "ports:[31000-32000]; mem:1024"}


def test_quota_absent_framework_whole_agent() -> None:
    """As much is held back for a role without frameworks as it is guaranteed, and no more."""
    w = World()
    w.quota("quota-role", "cpus:2;mem:1024")
    w.framework("F1", "no-quota-role")
    w.agent("A1", "cpus:2;mem:1024")
    assert w.batch() == []
    w.agent("A2", "cpus:2;mem:1024")
    assert len(w.run()) == 1
    assert w.batch() == []


def test_multi_quota_absent_frameworks() -> None:
    """A guarantee is given even if another role's must wait for it."""
    w = World()
    w.agent("A1", "cpus:2;mem:2048")
    w.quota("role1", "cpus:1;mem:1024")
    w.quota("role2", "cpus:2;mem:2048")
    w.framework("F2", "role2")
    assert what(w.run()) == {("F2", "A1"): "cpus:2; mem:2048"}
    w.agent("A2", "cpus:2;mem:2048")
    assert w.batch() == []


def test_multi_quota_with_frameworks() -> None:
    """A role gets what it lacks, whatever its share."""
    w = World()
    w.quota("role1", "cpus:1;mem:200")
    w.quota("role2", "cpus:2;mem:2000")
    w.framework("F1", "role1")
    w.framework("F2", "role2")
    w.agent("A1", "cpus:1;mem:1024", {"F1": res("cpus:1;mem:1024").allocate("role1")})
    w.agent("A2", "cpus:1;mem:1024", {"F2": res("cpus:1;mem:1024").allocate("role2")})
    w.agent("A3", "cpus:2;mem:2048")
    assert what(w.run()) == {("F2", "A3"): "cpus:1; mem:976"}
    assert w.batch() == []


def test_disproportionate_quota_vs_allocation() -> None:
    """An agent is cut to what the role still lacks of each resource."""
    w = World()
    w.quota("quota-role", "cpus:4;mem:1024")
    w.framework("F1", "quota-role")
    w.agent("A1", "cpus:2;mem:1024")
    assert what(w.run()) == {("F1", "A1"): "cpus:2; mem:1024"}
    w.agent("A2", "cpus:2;mem:1024")
    assert what(w.run()) == {("F1", "A2"): "cpus:2"}


# ---- roles below


def test_quota_with_nested_role_allocation() -> None:
    """What a role below holds is consumed above, and binds who is in the role above: not itself, as in Mesos."""
    w = World()
    w.framework("F1", "a/b")
    w.agent("A1", "cpus:1;mem:1024")
    assert who(w.run()) == [("F1", "A1")]
    w.quota("a", "cpus:1;mem:1024")
    w.framework("F2", "a")
    w.agent("A2", "cpus:1;mem:1024")
    assert who(w.batch()) == [("F1", "A2")]
    w.allocator.suppress(F1)
    w.agent("A3", "cpus:1;mem:1024")
    assert w.batch() == []
    w.framework("F3", "c")
    assert who(w.run()) == [("F3", "A3")]


def test_a_guarantee_is_for_roles_below() -> None:
    """What is held back for a role is for whoever is below it, too."""
    w = World()
    w.quota("a", "cpus:1;mem:1024")
    w.framework("F2", "c")
    w.framework("F1", "a/b")
    w.agent("A1", "cpus:1;mem:1024")
    assert who(w.run()) == [("F1", "A1")]


def test_quota_headroom_with_nested_role_allocation() -> None:
    """What is held in a role and below it is counted once when headroom is."""
    w = World()
    w.framework("F1", "a/b")
    w.agent("A1", "cpus:1;mem:100")
    w.run()
    w.framework("F2", "a")
    w.agent("A2", "cpus:1;mem:100")
    assert who(w.run()) == [("F2", "A2")]
    w.quota("quota-role", "cpus:1;mem:100")
    w.agent("A3", "cpus:1;mem:100")
    assert w.batch() == []
    w.agent("A4", "cpus:1;mem:100")
    assert len(w.run()) == 1
    assert w.batch() == []


# ---- beside the scenarios


def test_what_reopens_a_role_at_its_limit() -> None:
    """A task that ends anywhere, a higher limit, no limit: everything else is looked at with the next periodic run."""
    w = World()
    w.quota("a", "", "cpus:2")
    w.framework("F1", "a")
    for name in ("A1", "A2", "A3"):
        w.agent(name, "cpus:2")
    (grant,) = w.run()
    assert w.batch(2) == []
    w.recover(grant, DAY, part="cpus:1")
    assert w.run() == []  # declined; others are looked at in time
    (second,) = w.batch()
    assert second.agent_id != grant.agent_id
    assert second.resources == res("cpus:1").allocate("a")
    w.quota("a", "", "cpus:3.5")
    assert [str(grant.resources.unallocate()) for grant in w.batch()] == ["cpus:1.5"]
    w.allocator.set_quota("a", NO_QUOTA)
    left = NONE
    for third in w.batch():
        left += third.resources.unallocate()
    assert left == res("cpus:1.5")  # all but the one that was declined


def test_what_reopens_when_headroom_grows() -> None:
    """What is no longer guaranteed is not held back, wherever it is."""
    w = World()
    w.quota("a", "cpus:3", "")
    w.framework("F1", "b")
    w.agent("A1", "cpus:2")
    w.agent("A2", "cpus:2")
    (grant,) = w.run()
    assert grant.resources == res("cpus:1").allocate("b")
    assert w.batch() == []
    w.quota("a", "cpus:1", "")
    assert sum(grant.resources.scalar("cpus") for grant in w.batch()) == 2000


def test_no_disk_is_favoured() -> None:
    """Which of several disks a limit leaves is drawn."""
    roots = set()
    for seed in range(20):
        w = World(seed=seed)
        w.quota("a", "", "disk:100")
        w.framework("F1", "a")
        w.agent("A1", res("cpus:1;mem:100") + mount_disk(100, "disk1") + mount_disk(100, "disk2"))
        (grant,) = w.run()
        assert grant.resources.scalar("disk") == 100_000
        roots |= {str(kind) for kind, _ in grant.resources if kind.disk is not None}
    assert len(roots) == 2


def test_quota_metrics() -> None:
    """Guarantees, limits and what is offered or allocated, of each role that has a quota, until it has none."""
    w = World()
    quota = Quota(Quantities.of(cpus=1), Limits.of(mem=512))
    w.allocator.set_quota("a", quota)
    w.framework("F1", "a/b")
    w.agent("A1", "cpus:1;mem:1024;cpus(a):1")
    w.run()
    assert w.allocator.quotas == {"a": quota}
    assert w.allocator.offered_or_allocated_to("a") == Quantities.of(cpus=2, mem=1024)
    assert w.allocator.offered_or_allocated_to("b") == Quantities()
    w.allocator.set_quota("a", NO_QUOTA)
    assert w.allocator.quotas == {}


def test_a_disk_that_is_declined_does_not_hide_the_other() -> None:
    """Where a limit leaves one of two disks, the next look may draw the other one."""
    w = World()
    w.quota("a", "", "disk:100")
    w.framework("F1", "a", offer_filters={"a": ()})
    w.agent("A1", mount_disk(100, "disk1") + mount_disk(90, "disk2"))
    sizes = []
    for _ in range(30):
        for grant in w.batch():
            sizes.append(grant.resources.scalar("disk"))
            w.recover(grant, DAY)
    assert sorted(sizes) == [90_000, 100_000]


def test_room_for_what_does_not_come_back() -> None:
    """What an agent may hold that is still expected is offered to nobody, until it is back without, or given up."""
    w = World()
    w.quota("a", "", "cpus:6")
    info = res("cpus:2").messages(Format.POST_REFINEMENT)
    w.allocator.expect({AgentID(f"A{number}"): info for number in range(1, 6)}, w.now)
    w.framework("F1", "a", offer_filters={"a": ()})
    for number in range(1, 5):
        w.agent(f"A{number}", "cpus:2")
    granted = w.batch()
    assert sum(grant.resources.scalar("cpus") for grant in granted) == 4000
    assert w.batch() == []
    w.allocator.unexpect(AgentID("A5"))
    assert sum(grant.resources.scalar("cpus") for grant in w.batch()) == 2000
