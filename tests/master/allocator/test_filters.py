"""Scenarios 12 to 23 of the allocator's spec: declines, suppression, minimums.

What is offered to others, or again, without waiting for the interval is ours; what must not be offered is Mesos'.
"""

from __future__ import annotations

import pytest

from mesos_py.machine.values import SECOND
from mesos_py.master.allocator.filters import DECLINES_MAX
from mesos_py.master.allocator.rounds import DECLINES_EAGER_MAX
from mesos_py.wire.ids import AgentID, FrameworkID
from tests.master.allocator.world import DAY, FRAMEWORK, World, minimum, res, what, who

F1, F2, A1, A2 = FrameworkID("F1"), FrameworkID("F2"), AgentID("A1"), AgentID("A2")


def test_offer_filter() -> None:
    """A decline for two intervals: nothing with the next batch, offered again after two."""
    w = World()
    w.framework("F1", "role1")
    w.agent("A1", "cpus:2;mem:1024")
    w.recover(w.run(), 2.0)
    assert w.run() == []
    assert w.batch() == []
    assert w.allocator.active_filters() == {"role1": 1}
    assert who(w.batch()) == [("F1", "A1")]
    assert w.allocator.active_filters() == {"role1": 0}


def test_small_offer_filter_timeout() -> None:
    """A timeout below the interval still covers the next batch."""
    w = World(interval=3 * SECOND)
    w.framework("F1", "role1")
    w.framework("F2", "role2")
    w.agent("A1", "cpus:1;mem:512", used={"F1": res("cpus:1;mem:512").allocate("role1")})
    w.agent("A2", "cpus:1;mem:512")
    (grant,) = w.run()
    assert who([grant]) == [("F2", "A2")]
    w.now += SECOND
    w.recover(grant, 1.0)
    (grant,) = w.run()
    assert who([grant]) == [("F1", "A2")]  # by event; F2 would be due, but has declined
    w.recover(grant)
    w.now = 3 * SECOND
    (grant,) = w.run()  # the second is over, the decline is not
    assert who([grant]) == [("F1", "A2")]
    w.recover(grant, 0)
    w.now = 6 * SECOND
    assert who(w.run()) == [("F2", "A2")]


def test_decline_zero_is_no_circle() -> None:
    """Refused for 0 s: others get it at once, the same framework with the next periodic run and not before."""
    w = World()
    w.framework("F1", "role1")
    w.framework("F2", "role2")
    w.agent("A1", "cpus:1;mem:512")
    (first,) = w.run()
    w.recover(first, 0)
    (second,) = w.run()
    assert second.framework_id != first.framework_id
    w.recover(second, 0)
    assert w.run() == []
    assert w.allocator.deadline() == SECOND
    assert len(w.batch()) == 1


def test_freed_resources_are_offered_at_once() -> None:
    """A task has ended: whoever is due gets what it used, also the framework it belonged to."""
    w = World()
    w.framework("F1", "role1")
    w.agent("A1", "cpus:1;mem:512")
    (grant,) = w.run()
    w.allocator.use(F1, A1, grant.resources)
    assert w.allocator.deadline() == SECOND
    w.allocator.recover(F1, A1, grant.resources, w.now, used=True)
    assert w.allocator.deadline() == 0
    assert who(w.run()) == [("F1", "A1")]


def test_revive_offers() -> None:
    """A decline for 1000 s, ended by a revive."""
    w = World()
    w.framework("F1", "role1")
    w.agent("A1", "cpus:2;mem:1024")
    w.recover(w.run(), 1000.0)
    assert w.batch(3) == []
    w.allocator.revive(F1)
    assert who(w.run()) == [("F1", "A1")]


def test_suppress_and_revive_offers() -> None:
    """Nothing while suppressed; a redundant revive does no harm."""
    w = World()
    w.framework("F1", "role1")
    w.agent("A1", "cpus:2;mem:1024")
    grants = w.run()
    w.allocator.suppress(F1)
    w.recover(grants)
    assert w.batch(2) == []
    w.allocator.revive(F1)
    grants = w.run()
    assert who(grants) == [("F1", "A1")]
    w.allocator.revive(F1)
    assert w.run() == []
    w.recover(grants)
    assert who(w.run()) == [("F1", "A1")]


def test_suppress_and_revive_offers_with_multi_role() -> None:
    """Suppression and declines are per role; reviving one role keeps the other's decline."""
    w = World()
    w.framework("F1", "role1", "role2", suppressed=["role1"])
    w.agent("A1", "cpus:2;mem:1024")
    (grant,) = w.run()
    assert grant.role == "role2"
    w.recover(grant, DAY)
    assert w.batch() == []
    w.allocator.revive(F1, ["role1"])
    (grant,) = w.run()
    assert grant.role == "role1"
    w.recover(grant, DAY)
    assert w.batch() == []


def test_deactivate_and_reactivate_framework() -> None:
    """Reactivation without suppression brings offers; declines ended with the deactivation."""
    w = World()
    w.framework("F1", "role1")
    w.agent("A1", "cpus:2;mem:1024")
    w.recover(w.run(), DAY)
    w.allocator.suppress(F1)
    w.allocator.deactivate_framework(F1)
    assert w.batch() == []
    w.allocator.update_framework(F1, roles=["role1"], capabilities=FRAMEWORK)
    assert w.batch() == []
    w.allocator.activate_framework(F1)
    assert who(w.run()) == [("F1", "A1")]


def test_remove_filters() -> None:
    """An agent with other attributes is another agent: declines of it end."""
    w = World()
    w.framework("F1", "role1")
    w.agent("A1", "cpus:2;mem:1024", attributes="rack:1")
    w.recover(w.run(), DAY)
    assert w.batch() == []
    w.allocator.update_agent(A1, attributes=())
    assert who(w.run()) == [("F1", "A1")]


def test_recover_resources() -> None:
    """Reserved and unreserved parts come back alone and are offered again."""
    w = World()
    w.agent("A1", "cpus:1;mem:100;cpus(role1):2;mem(role1):200")
    w.framework("F1", "role1")
    (grant,) = w.run()
    w.recover(grant, part="cpus(role1):2;mem(role1):200")
    assert what(w.batch()) == {
        ("F1", "A1"): "cpus(reservations: [(STATIC,role1)]):2; mem(reservations: [(STATIC,role1)]):200"
    }
    w.recover(grant, part="cpus:1;mem:100")
    (again,) = w.batch()
    assert (again.role, str(again.resources.unallocate())) == ("role1", "cpus:1; mem:100")


def test_more_than_was_declined_is_offered() -> None:
    """A decline covers what was offered and less; an agent that has gained resources is offered again."""
    w = World()
    w.framework("F1", "role1")
    w.framework("F2", "role2", active=False)
    w.agent("A1", "cpus:2;mem:1024", used={"F2": res("cpus:1;mem:512").allocate("role2")})
    w.recover(w.run(), DAY)
    assert w.batch() == []
    w.allocator.recover(F2, A1, res("cpus:0.5").allocate("role2"), w.now, used=True)
    assert what(w.run()) == {("F1", "A1"): "cpus:1.5; mem:512"}


def test_two_declines_of_one_agent() -> None:
    """Of overlapping declines each ends in its own time."""
    w = World()
    w.framework("F1", "role1")
    w.agent("A1", "cpus:2;mem:1024")
    (grant,) = w.run()
    w.recover(grant, 3.0, part="cpus:1;mem:512")
    w.recover(grant, 10.0, part="cpus:1;mem:256")
    # what is left of both is more than either covers
    assert what(w.run()) == {("F1", "A1"): "cpus:2; mem:768"}
    assert w.allocator.active_filters() == {"role1": 2}
    w.batch(3)
    assert w.allocator.active_filters() == {"role1": 1}


@pytest.mark.parametrize(
    ("refuse_s", "ends_after_s"),
    [(0.0, 1), (0.5, 2), (1.0, 2), (5.0, 5), (-1.0, 5), (float("nan"), 5), (4.2, 5)],
)
def test_decline_timeouts(refuse_s: float, ends_after_s: int) -> None:
    """Rounded up to a periodic run, never lapsing with the next one, nonsense is 5 s; 0 s ends with the next one."""
    w = World()
    w.framework("F1", "role1")
    w.agent("A1", "cpus:2;mem:1024")
    w.recover(w.run(), refuse_s)
    for second in range(1, 10):
        grants = w.batch()
        assert bool(grants) == (second == ends_after_s), second
        if grants:
            return


@pytest.mark.parametrize("refuse_s", [1e300, float("inf"), 366 * DAY])
def test_decline_for_a_year_at_most(refuse_s: float) -> None:
    w = World(interval=int(DAY) * SECOND)
    w.framework("F1", "role1")
    w.agent("A1", "cpus:2;mem:1024")
    w.recover(w.run(), refuse_s)
    assert w.batch(364) == []
    assert len(w.batch()) == 1


def test_declines_are_bounded() -> None:
    """A framework that declines ever other parts of an agent keeps only so many declines."""
    w = World()
    w.framework("F1", "role1")
    w.agent("A1", "cpus:20;mem:4096")
    (grant,) = w.run()
    for number in range(1, 8):
        w.recover(grant, DAY + number, part=f"cpus:1;mem:{number}")
    assert w.allocator.active_filters() == {"role1": 1}  # each covers the one before
    for number in range(DECLINES_MAX + 10):
        w.recover(grant, 2 * DAY, part=f"cpus:{(number + 1) / 1000};mem:{DECLINES_MAX + 10 - number}")
    assert w.allocator.active_filters() == {"role1": DECLINES_MAX}


def test_many_who_want_nothing_do_not_keep_the_master_busy() -> None:
    """Declined agents go round at once only so often per interval; then they wait for it."""
    w = World()
    for number in range(60):
        w.framework(f"F{number}", "role1")
    for number in range(30):
        w.agent(f"A{number}", "cpus:1;mem:512")
    offered = 0
    while grants := w.allocator.allocate(w.now):
        offered += len(grants)
        for grant in grants:
            w.allocator.recover(grant.framework_id, grant.agent_id, grant.resources, w.now, refuse_s=5.0)
    assert offered == 30 + DECLINES_EAGER_MAX
    assert w.allocator.deadline() == SECOND
    assert len(w.batch()) == 30


def test_what_is_left_of_an_accepted_offer_is_offered_at_once() -> None:
    """However many offers are accepted in an interval."""
    w = World()
    w.framework("F1", "role1")
    w.framework("F2", "role1")
    w.agent("A1", "cpus:2000;mem:64000")
    task = res("cpus:1").allocate("role1")
    for _ in range(DECLINES_EAGER_MAX + 10):
        (grant,) = w.allocator.allocate(w.now)
        w.allocator.use(grant.framework_id, A1, task)
        w.allocator.recover(grant.framework_id, A1, grant.resources - task, w.now, refuse_s=0.0)
        w.allocator.revive(grant.framework_id)
    w.allocator.check()


# ---- minimums


@pytest.mark.parametrize(
    ("total", "offered"),
    [
        ("cpus:0.009;mem:31", False),
        ("cpus:0.01;mem:31", True),
        ("cpus:0.009;mem:32", True),
        ("cpus:0.01", True),
        ("mem:32", True),
        ("cpus(role1):0.005;cpus:0.005", True),
        ("mem(role1):16;mem:16", True),
        ("mem(role1):16;mem:15", False),
        ("ports:[1-1000]", False),
    ],
)
def test_allocatable(total: str, offered: bool) -> None:
    """An offer has 0.01 cpus or 32 MB, reserved and unreserved counted together."""
    w = World()
    w.framework("F1", "role1")
    w.agent("A1", total)
    assert bool(w.run()) == offered


def test_framework_min_allocatable() -> None:
    """A framework may accept less than the cluster's default; the update works with the next batch."""
    w = World(min_allocatable=(minimum(cpus=2), minimum(mem=2048)))
    w.framework("F1", "role1")
    w.agent("A1", "cpus:1;mem:512")
    assert w.run() == []
    w.allocator.update_framework(
        F1, roles=["role1"], capabilities=FRAMEWORK, offer_filters={"role1": (minimum(cpus=0.5),)}
    )
    assert who(w.batch()) == [("F1", "A1")]


def test_framework_min_allocatable_may_be_more() -> None:
    """All amounts of one set must be there."""
    w = World()
    w.framework("F1", "role1", offer_filters={"role1": (minimum(cpus=1, mem=1024),)})
    w.agent("A1", "cpus:4;mem:512")
    assert w.run() == []
    w.allocator.update_agent(A1, total=res("cpus:4;mem:1024"))
    assert who(w.run()) == [("F1", "A1")]


def test_framework_empty_min_allocatable() -> None:
    """An empty list of sets: anything is offered."""
    w = World(min_allocatable=(minimum(cpus=2),))
    w.framework("F1", "role1", offer_filters={"role1": ()})
    w.agent("A1", "cpus:0.001")
    assert who(w.run()) == [("F1", "A1")]


def test_min_allocatable_counts_ranges() -> None:
    """A minimum may be a number of ports."""
    w = World()
    w.framework("F1", "role1", offer_filters={"role1": (minimum(ports=10),)})
    w.agent("A1", "cpus:1;ports:[1-9]")
    assert w.run() == []
    w.agent("A2", "cpus:1;ports:[1-5,11-15]")
    assert who(w.run()) == [("F1", "A2")]
