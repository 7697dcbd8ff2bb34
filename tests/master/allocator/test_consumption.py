"""What roles consume, offer and use: sums of whole subtrees that follow every change."""

from __future__ import annotations

from mesos_py.algebra.kinds import Format
from mesos_py.algebra.quantities import Limits, Quantities
from mesos_py.algebra.quota import NO_QUOTA, Quota
from mesos_py.machine.values import SECOND
from mesos_py.master.allocator.expected import WAIT
from mesos_py.wire.ids import AgentID, FrameworkID
from tests.master.allocator.world import World, res, who

A1, A2, F1 = AgentID("A1"), AgentID("A2"), FrameworkID("F1")
of = Quantities.of


def test_quota_of_a_role() -> None:
    """What was set is what is there; NO_QUOTA leaves nothing behind."""
    w = World()
    quota = Quota(of(cpus=1), Limits.of(cpus=2))
    w.allocator.set_quota("a", quota)
    w.allocator.check()
    assert (w.allocator.quota("a"), w.allocator.quota("b")) == (quota, NO_QUOTA)
    w.allocator.set_quota("a", NO_QUOTA)
    w.allocator.check()
    assert w.allocator.quota("a") == NO_QUOTA
    assert w.allocator.active_filters() == {}


def test_offered_used_and_given_back() -> None:
    """An offer is offered_or_consumed at once, and consumed as far as tasks use it; ancestors count it, too."""
    w = World()
    w.agent("A1", "cpus:4;mem:100")
    w.framework("F1", "a/b")
    (grant,) = w.run()
    for role in ("a/b", "a"):
        assert w.allocator.consumed(role) == Quantities()
        assert w.allocator.offered_or_consumed(role) == of(cpus=4, mem=100)
    task = res("cpus:1").allocate("a/b")
    w.allocator.use(F1, A1, task)
    w.recover(grant, 1000, part="cpus:3;mem:100")
    assert w.allocator.consumed("a") == w.allocator.offered_or_consumed("a") == of(cpus=1)
    w.allocator.recover(F1, A1, task, w.now, used=True)
    w.allocator.check()
    assert w.allocator.offered_or_consumed("a") == Quantities()


def test_reservations_are_consumed() -> None:
    """Used or not, and once."""
    w = World()
    w.agent("A1", "cpus(a):2;cpus:1;mem(a/b):100")
    assert w.allocator.consumed("a") == of(cpus=2, mem=100)
    assert w.allocator.consumed("a/b") == of(mem=100)
    w.framework("F1", "a/b")
    w.run()
    assert w.allocator.consumed("a") == of(cpus=2, mem=100)
    assert w.allocator.offered_or_consumed("a") == of(cpus=3, mem=100)
    w.allocator.remove_agent(A1)
    w.allocator.check()
    assert w.allocator.offered_or_consumed("a") == Quantities()


def test_what_unknown_frameworks_use_is_consumed() -> None:
    """After a failover tasks come back before their frameworks."""
    w = World()
    w.agent("A1", "cpus:4", {"F1": res("cpus:3").allocate("a/b")})
    w.allocator.check()
    assert w.allocator.consumed("a") == of(cpus=3)
    w.framework("F1", "a/b")
    w.allocator.check()
    assert w.allocator.consumed("a") == of(cpus=3)
    w.allocator.remove_framework(F1)
    w.allocator.check()
    assert w.allocator.consumed("a") == Quantities()


# ---- after a failover

INFO = res("cpus:2;mem:100;ports:[1-2]").messages(Format.POST_REFINEMENT)


def test_without_quota_nobody_waits() -> None:
    w = World()
    w.allocator.expect(dict.fromkeys((A1, A2), INFO), w.now)
    w.framework("F1", "a")
    w.agent("A1", "cpus:2;mem:100")
    assert who(w.run()) == [("F1", "A1")]


def test_with_quota_all_wait_for_four_in_five() -> None:
    """Scenario 74 of the spec: three of four; an agent that is given up is not waited for."""
    w = World()
    w.allocator.set_quota("a", Quota(limits=Limits.of(cpus=1000)))
    w.allocator.expect({AgentID(f"A{number}"): INFO for number in range(1, 6)}, w.now)
    w.framework("F1", "a")
    for number in range(1, 4):
        w.agent(f"A{number}", "cpus:2;mem:100")
        assert w.run() == []
    assert w.allocator.deadline() == w.now + WAIT
    w.allocator.unexpect(AgentID("A4"))
    assert w.allocator.deadline() == 0
    assert who(w.run()) == [("F1", "A1"), ("F1", "A2"), ("F1", "A3")]


def test_nobody_waits_longer_than_ten_minutes() -> None:
    w = World()
    w.allocator.set_quota("a", Quota(limits=Limits.of(cpus=1000)))
    w.allocator.expect(dict.fromkeys((A1, A2, AgentID("A3")), INFO), w.now)
    w.framework("F1", "a")
    w.agent("A1", "cpus:2;mem:100")
    w.now = WAIT - SECOND
    assert w.run() == []
    assert w.batch() != []


def test_nobody_waits_for_nobody() -> None:
    w = World()
    w.allocator.set_quota("a", Quota(limits=Limits.of(cpus=1000)))
    w.allocator.expect({}, w.now)
    w.framework("F1", "a")
    w.agent("A1", "cpus:2;mem:100")
    assert who(w.run()) == [("F1", "A1")]
