"""Scenarios 75 to 79 of the allocator's spec: agents and frameworks come, change and go; runs pause and are sliced."""

from __future__ import annotations

from mesos_py.algebra.offer_constraints import OfferConstraintsFilter
from mesos_py.algebra.quantities import Quantities
from mesos_py.wire.constraints import AttributeConstraint, OfferConstraints
from mesos_py.wire.ids import AgentID, FrameworkID
from tests.master.allocator.world import AGENT, DAY, FRAMEWORK, World, who

F1, F2, A1, A2 = FrameworkID("F1"), FrameworkID("F2"), AgentID("A1"), AgentID("A2")


def test_allocation_runs_metric() -> None:
    """One run for an agent added, one for a framework added."""
    w = World()
    before = w.allocator.runs
    w.agent("A1", "cpus:1;mem:100")
    w.run()
    w.framework("F1", "role1")
    w.run()
    assert w.allocator.runs == before + 2


def test_resource_metrics() -> None:
    """Total and offered_or_allocated follow what happens."""
    w = World()
    assert (w.allocator.total, w.allocator.offered_or_allocated) == (Quantities(), Quantities())
    w.agent("A1", "cpus:2;mem:100;ports:[1-2]")
    assert w.allocator.total == Quantities.of(cpus=2, mem=100)
    w.framework("F1", "role1")
    grants = w.run()
    assert w.allocator.offered_or_allocated == Quantities.of(cpus=2, mem=100)
    w.recover(grants)
    assert w.allocator.offered_or_allocated == Quantities()
    w.allocator.remove_agent(A1)
    assert w.allocator.total == Quantities()


def test_framework_removal() -> None:
    """What a removed framework held is available; the role goes when nobody is in it."""
    w = World()
    w.framework("F1", "role1")
    w.agent("A1", "cpus:2;mem:100")
    w.run()
    assert w.allocator.dominant_shares() == {"role1": 1.0}
    w.framework("F2", "role2")
    w.allocator.remove_framework(F1)
    assert who(w.run()) == [("F2", "A1")]
    assert w.allocator.dominant_shares() == {"role2": 1.0}


def test_role_left_with_tasks_in_it() -> None:
    """A framework that leaves a role keeps what it holds there, counted, until that comes back."""
    w = World()
    w.framework("F1", "role1")
    w.agent("A1", "cpus:2;mem:100")
    (grant,) = w.run()
    w.allocator.update_framework(F1, roles=["role2"], capabilities=FRAMEWORK)
    w.allocator.check()
    assert w.allocator.dominant_shares() == {"role1": 1.0, "role2": 0.0}
    w.recover(grant)
    assert w.allocator.dominant_shares() == {"role2": 0.0}
    (grant,) = w.run()
    assert grant.role == "role2"


def test_role_left_then_agent_lost() -> None:
    """What is declined in a role that was left is no decline; with the agent goes the last trace of the role."""
    w = World()
    w.framework("F1", "role1")
    w.agent("A1", "cpus:2;mem:100")
    (grant,) = w.run()
    w.allocator.update_framework(F1, roles=["role2"], capabilities=FRAMEWORK)
    w.recover(grant, DAY, part="cpus:1")
    assert w.allocator.active_filters() == {"role1": 0, "role2": 0}
    w.allocator.remove_agent(A1)
    w.allocator.check()
    assert w.allocator.dominant_shares() == {"role2": 0.0}


def test_offer_constraints() -> None:
    """Only agents that satisfy the constraints are offered; others come when the constraints change."""
    constraint = AttributeConstraint
    constraints = OfferConstraints(
        role_constraints={
            "role1": OfferConstraints.RoleConstraints(
                groups=(
                    OfferConstraints.RoleConstraints.Group(
                        attribute_constraints=(
                            constraint(
                                selector=constraint.Selector(
                                    pseudoattribute_type=constraint.Selector.PseudoattributeType.HOSTNAME
                                ),
                                predicate=constraint.Predicate(text_equals=constraint.Predicate.TextEquals(value="A1")),
                            ),
                        )
                    ),
                )
            )
        }
    )
    w = World()
    w.agent("A1", "cpus:2;mem:100")
    w.agent("A2", "cpus:2;mem:100")
    w.framework("F1", "role1", constraints=OfferConstraintsFilter(constraints))
    assert who(w.batch()) == [("F1", "A1")]
    w.allocator.update_framework(F1, roles=["role1"], capabilities=FRAMEWORK)
    assert who(w.batch()) == [("F1", "A2")]


def test_deactivated_agent() -> None:
    """Not offered while deactivated; what comes back waits."""
    w = World()
    w.framework("F1", "role1")
    w.agent("A1", "cpus:2;mem:100")
    grants = w.run()
    w.allocator.deactivate_agent(A1)
    w.recover(grants)
    assert w.batch(2) == []
    w.allocator.activate_agent(A1)
    assert who(w.run()) == [("F1", "A1")]


def test_slices() -> None:
    """A run cut into slices grants the same; deadline says at once until it is done."""
    w = World()
    for number in range(10):
        w.agent(f"A{number}", "cpus:2;mem:100", capabilities=AGENT)
    w.framework("F1", "role1")
    grants = []
    for _ in range(4):
        assert w.allocator.deadline() == 0
        slice_ = w.allocator.allocate(w.now, budget=3)
        assert len(slice_) <= 3
        grants += slice_
        w.allocator.check()
    assert len(grants) == 10
    assert w.allocator.allocate(w.now, budget=3) == []
    assert w.allocator.deadline() != 0
