"""Scenarios 1 to 11 and 80 of the allocator's spec: who is next.

Named after the tests of Mesos' src/tests/hierarchical_allocator_tests.cpp they restate.
"""

from __future__ import annotations

import pytest

from mesos_py.algebra.parse import parse_resources
from mesos_py.algebra.resources import Resources
from mesos_py.wire.ids import AgentID, FrameworkID
from tests.master.allocator.world import World, able, agents_of, res, what, who


def test_unreserved_drf() -> None:
    """Roles are compared first, then the frameworks within the role with the lower share."""
    w = World()
    w.agent("A1", "cpus:2;mem:1024")
    w.framework("F1", "role1")
    assert what(w.run()) == {("F1", "A1"): "cpus:2; mem:1024"}
    w.framework("F2", "role2")
    assert w.run() == []
    w.agent("A2", "cpus:1;mem:512")
    assert who(w.run()) == [("F2", "A2")]
    w.agent("A3", "cpus:3;mem:2048")  # role1 has 1/3 of the cpus, role2 1/6
    assert who(w.run()) == [("F2", "A3")]
    w.framework("F3", "role1")
    assert w.run() == []
    w.agent("A4", "cpus:4;mem:4096")  # role1 has 1/5, role2 2/5; within role1 F3 has nothing
    assert who(w.run()) == [("F3", "A4")]
    w.framework("F4", "role1")
    assert w.run() == []
    w.agent("A5", "cpus:1;mem:512")  # role2 has less than role1, though F4 has nothing
    assert who(w.run()) == [("F2", "A5")]


@pytest.mark.parametrize("name", ["cpus", "mem", "disk", "licenses"])
def test_dominant_share_is_the_largest(name: str) -> None:
    """Whichever scalar a role has most of is its share."""
    w = World()
    w.framework("F1", "role1")
    amounts = dict.fromkeys(["cpus", "mem", "disk", "licenses"], 100) | {name: 900}
    w.agent("A1", ";".join(f"{key}:{amount}" for key, amount in amounts.items()))
    assert who(w.run()) == [("F1", "A1")]
    w.framework("F2", "role2")
    w.agent("A2", "cpus:100;mem:100;disk:100;licenses:100")
    assert who(w.run()) == [("F2", "A2")]
    assert w.allocator.dominant_shares() == {"role1": 0.9, "role2": 0.5}


def test_reserved_drf() -> None:
    """What is reserved for a role counts in its share once it is allocated; within the role all is shared fairly."""
    w = World()
    w.agent("A1", "cpus:1;mem:512;cpus(role1):1;mem(role1):512")
    w.framework("F1", "role1")
    assert who(w.run()) == [("F1", "A1")]
    w.framework("F2", "role2")
    assert w.run() == []
    w.agent("A2", "cpus:2;mem:512")
    assert who(w.run()) == [("F2", "A2")]
    w.agent("A3", "cpus:2;mem:512")
    assert who(w.run()) == [("F2", "A3")]
    w.framework("F3", "role1")
    assert w.run() == []
    w.agent("A4", "cpus(role1):2;mem(role1):1024")
    assert who(w.run()) == [("F3", "A4")]


def test_drf_with_fairness_exclusion() -> None:
    """An excluded resource is allocated but changes no share: the outcome is that of UnreservedDRF."""
    w = World(fairness_exclude=("gpus",))
    gpus = able(gpu_resources=True)
    w.agent("A1", "cpus:2;mem:1024;gpus:1")
    w.framework("F1", "role1", capabilities=gpus)
    assert what(w.run()) == {("F1", "A1"): "cpus:2; mem:1024; gpus:1"}
    w.framework("F2", "role2", capabilities=gpus)
    w.agent("A2", "cpus:1;mem:512")
    assert who(w.run()) == [("F2", "A2")]
    w.agent("A3", "cpus:3;mem:2048")
    assert who(w.run()) == [("F2", "A3")]
    w.framework("F3", "role1", capabilities=gpus)
    w.agent("A4", "cpus:4;mem:4096")
    assert who(w.run()) == [("F3", "A4")]


def test_nested_role_drf() -> None:
    """Subtrees compete at each level: d/f gets the agent, not a/c, although a/c has nothing either."""
    w = World()
    w.agent("A1", "cpus:2;mem:1024")
    w.framework("F1", "a/b")
    assert who(w.run()) == [("F1", "A1")]
    w.framework("F2", "a/c")
    w.framework("F3", "d/e")
    w.agent("A2", "cpus:1;mem:512")
    assert who(w.run()) == [("F3", "A2")]
    w.framework("F4", "d/f")
    w.agent("A3", "cpus:2;mem:1024")
    assert who(w.run()) == [("F4", "A3")]


def test_same_share_fairness() -> None:
    """Equal shares take turns: whoever was allocated less often is next."""
    w = World()
    w.framework("F1", "*")
    w.framework("F2", "*")
    w.agent("A1", "cpus:2;mem:1024")
    counts = {"F1": 0, "F2": 0}
    grants = w.run()
    for _ in range(10):
        (grant,) = grants
        counts[grant.framework_id] += 1
        w.recover(grant, 0)
        grants = w.batch()
    assert counts == {"F1": 5, "F2": 5}


def test_coarse_grained() -> None:
    """Whole agents are granted: two frameworks get one each, not half of both."""
    w = World()
    w.agent("A1", "cpus:2;mem:1024")
    w.agent("A2", "cpus:2;mem:1024")
    w.framework("F1", "role1")
    grants = w.run()
    assert who(grants) == [("F1", "A1"), ("F1", "A2")]
    w.recover(grants)
    w.framework("F2", "role2")
    grants = w.run()
    assert agents_of(grants) == {"F1": 1, "F2": 1}
    assert {grant.agent_id for grant in grants} == {"A1", "A2"}


@pytest.mark.parametrize("agents_first", [True, False])
def test_used_resources_count_whoever_comes_first(agents_first: bool) -> None:
    """AddFramework/AddSlave with used resources: the order of arrival changes no share."""
    w = World()
    used = {"F1": res("cpus:1;mem:512").allocate("role1")}

    def add_agents() -> None:
        w.agent("A1", "cpus:1;mem:512", used=used)
        w.agent("A2", "cpus:1;mem:512", used={"F2": res("cpus:1;mem:512").allocate("role2")})

    if agents_first:
        add_agents()
    w.framework("F1", "role1")
    w.framework("F2", "role2")
    if not agents_first:
        add_agents()
    assert w.run() == []
    assert w.allocator.dominant_shares() == {"role1": 0.5, "role2": 0.5}
    w.agent("A3", "cpus:1;mem:512")
    first = agents_of(w.run())
    w.agent("A4", "cpus:1;mem:512")
    second = agents_of(w.run())
    assert first | second == {"F1": 1, "F2": 1}


def test_used_resources_said_with_the_framework() -> None:
    """A framework added with what it uses on agents that did not report it."""
    w = World()
    w.agent("A1", "cpus:2;mem:1024")
    w.framework("F1", "role1", used={AgentID("A1"): res("cpus:1;mem:512").allocate("role1")})
    assert what(w.run()) == {("F1", "A1"): "cpus:1; mem:512"}


def test_update_weight() -> None:
    """Agents are shared in proportion to the weights of roles."""
    w = World()
    for number in range(6):
        w.agent(f"A{number}", "cpus:2;mem:1024")
    w.framework("F1", "role1")
    w.framework("F2", "role2")
    grants = w.run()
    assert agents_of(grants) == {"F1": 3, "F2": 3}
    w.recover(grants)
    w.allocator.set_weights({"role2": 2.0})
    grants = w.batch()
    assert agents_of(grants) == {"F1": 2, "F2": 4}
    w.recover(grants)
    w.framework("F3", "role3")
    w.allocator.set_weights({"role3": 3.0})
    assert agents_of(w.batch()) == {"F1": 1, "F2": 2, "F3": 3}


def test_weight_of_a_role_nobody_is_in_yet() -> None:
    """A weight set before the role exists holds when it does; 1 is the default again."""
    w = World()
    w.allocator.set_weights({"role2": 2.0, "role1": 1.0})
    for number in range(6):
        w.agent(f"A{number}", "cpus:2;mem:1024")
    w.framework("F1", "role1")
    w.framework("F2", "role2")
    assert agents_of(w.run()) == {"F1": 2, "F2": 4}


def test_add_resource_provider() -> None:
    """What a resource provider brings, and what of it is used, changes total and shares."""
    w = World()
    unit, double = "cpus:1;mem:100;disk:10", "cpus:2;mem:200;disk:20"
    w.framework("F1", "role1", active=False)
    w.framework("F2", "role2", active=False)
    w.agent("A1", unit)
    w.allocator.update_agent(AgentID("A1"), total=res(unit) + res(double))
    w.allocator.add_allocation(FrameworkID("F1"), AgentID("A1"), res(double).allocate("role1"))
    w.allocator.activate_framework(FrameworkID("F2"))
    assert what(w.run()) == {("F2", "A1"): "cpus:1; mem:100; disk:10"}
    w.allocator.activate_framework(FrameworkID("F1"))
    w.agent("A2", unit)
    assert who(w.run()) == [("F2", "A2")]


def test_add_resource_provider_overallocated() -> None:
    """Use beyond the total takes from what there is, never below nothing."""
    w = World()
    w.agent("A1", "cpus:2;mem:200;disk:20")
    w.framework("F1", "role1")
    w.framework("F2", "role2", active=False)
    w.allocator.add_allocation(FrameworkID("F2"), AgentID("A1"), res("cpus:1;mem:100;disk:10").allocate("role2"))
    assert what(w.run()) == {("F1", "A1"): "cpus:1; mem:100; disk:10"}
    w.allocator.update_agent(AgentID("A1"), total=res("cpus:1;mem:100;disk:10"))
    assert w.batch() == []


def test_offers_list_ranges_before_scalars() -> None:
    """The order clients see in golden captures: what is no plain scalar comes first."""
    w = World()
    w.agent("A1", "cpus:64;mem:65536;disk:100000;ports:[31000-32000]")
    w.framework("F1", "*")
    assert what(w.run()) == {("F1", "A1"): "ports:[31000-32000]; cpus:64; mem:65536; disk:100000"}


def test_reserved_resources_stay_in_front() -> None:
    assert [resource.name for resource in parse_resources("cpus:1;ports:[1-2]")] == ["cpus", "ports"]
    w = World()
    w.agent("A1", "mem:64;cpus(role1):1")
    w.framework("F1", "role1")
    (grant,) = w.run()
    assert [kind.name for kind, _ in grant.resources] == ["cpus", "mem"]
    assert isinstance(grant.resources, Resources)
