"""Scenario 80 of the allocator's spec: the order of clients. The maintained order is checked against a full sort."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesos_py.algebra.quantities import Quantities
from mesos_py.algebra.resources import Resources
from mesos_py.master.allocator.drf import DRFSorter
from mesos_py.master.allocator.lottery import RandomSorter
from mesos_py.master.allocator.sorter import ClusterTotal
from mesos_py.wire.ids import AgentID
from tests.master.allocator.test_agents import volume
from tests.master.allocator.world import res

A1, A2 = AgentID("A1"), AgentID("A2")


def drf(total: str, *clients: str) -> DRFSorter[str]:
    cluster = ClusterTotal()
    cluster.add(res(total).quantities())
    sorter: DRFSorter[str] = DRFSorter(cluster)
    for client in clients:
        sorter.add(client, client)
        sorter.activate(client)
    return sorter


def test_by_share_then_count_then_name() -> None:
    sorter = drf("cpus:10;mem:10", "b", "a", "c")
    assert list(sorter.order()) == ["a", "b", "c"]
    sorter.allocated("a", A1, res("cpus:1"))
    sorter.allocated("b", A1, res("mem:2"))
    assert list(sorter.order()) == ["c", "a", "b"]
    sorter.unallocated("a", A1, res("cpus:1"))
    assert list(sorter.order()) == ["c", "a", "b"]  # a has nothing, but was allocated something once
    sorter.unallocated("b", A1, res("mem:2"))
    sorter.allocated("c", A1, res("cpus:1"))
    assert list(sorter.order()) == ["a", "b", "c"]
    sorter.check()


def test_weights() -> None:
    """Twice the weight, half the share."""
    sorter = drf("cpus:10", "a", "b")
    sorter.set_weight("a", 2.0)
    sorter.allocated("a", A1, res("cpus:3"))
    sorter.allocated("b", A1, res("cpus:2"))
    assert list(sorter.order()) == ["a", "b"]
    assert sorter.share("a") == 0.15
    sorter.set_weight("a", 1.0)
    assert list(sorter.order()) == ["b", "a"]


def test_hierarchy() -> None:
    """Siblings compare by subtree; "eng" itself competes with its children as a virtual leaf."""
    sorter = drf("cpus:10", "eng", "eng/web", "ops")
    sorter.allocated("eng", A1, res("cpus:1"))
    assert list(sorter.order()) == ["ops", "eng/web", "eng"]
    sorter.allocated("ops", A1, res("cpus:2"))
    assert list(sorter.order()) == ["eng/web", "eng", "ops"]
    sorter.allocated("eng/web", A1, res("cpus:2"))
    assert list(sorter.order()) == ["ops", "eng", "eng/web"]
    assert list(sorter.ordered(["eng/web", "ops", "eng"])) == ["ops", "eng", "eng/web"]
    sorter.unallocated("eng/web", A1, res("cpus:2"))
    sorter.remove("eng/web")  # eng is a plain leaf again, with what it holds
    assert list(sorter.order()) == ["eng", "ops"]
    assert sorter.share("eng") == 0.1
    sorter.check()


@pytest.mark.parametrize(
    "order", [["eng", "eng/a", "eng/a/x"], ["eng/a/x", "eng/a", "eng"], ["eng/a", "eng", "eng/a/x"]]
)
def test_the_order_of_arrival_does_not_matter(order: list[str]) -> None:
    sorter = drf("cpus:10", *order)
    assert sorted(sorter.order()) == sorted(order)
    sorter.allocated("eng", A1, res("cpus:2"))
    sorter.allocated("eng/a/x", A1, res("cpus:1"))
    assert list(sorter.order()) == ["eng/a", "eng/a/x", "eng"]
    for client in ("eng", "eng/a/x"):
        sorter.unallocated(client, A1, res("cpus:2" if client == "eng" else "cpus:1"))
    for client in order:
        sorter.remove(client)
        sorter.check()
    assert len(sorter) == 0
    assert list(sorter.order()) == []


def test_inactive_clients_are_not_returned_but_count() -> None:
    sorter = drf("cpus:10", "a/x", "a/y", "b")
    sorter.allocated("a/x", A1, res("cpus:5"))
    sorter.allocated("b", A1, res("cpus:1"))
    sorter.deactivate("a/x")
    assert list(sorter.order()) == ["b", "a/y"]
    sorter.activate("a/x")
    assert list(sorter.order()) == ["b", "a/y", "a/x"]


def test_changing_the_total_changes_the_order() -> None:
    """What was mostly cpus is mostly memory now."""
    cluster = ClusterTotal()
    cluster.add(Quantities.of(cpus=10, mem=100))
    sorter: DRFSorter[str] = DRFSorter(cluster, nested=False)
    for client, held in (("a", "cpus:2;mem:1"), ("b", "cpus:1;mem:10")):
        sorter.add(client, client)
        sorter.activate(client)
        sorter.allocated(client, A1, res(held))
    assert list(sorter.order()) == ["b", "a"]
    cluster.add(Quantities.of(cpus=90))
    assert list(sorter.order()) == ["a", "b"]
    cluster.subtract(Quantities.of(cpus=90))
    assert list(sorter.order()) == ["b", "a"]


def test_shared_volumes_count_once_per_agent() -> None:
    """However many copies a client, or a subtree, holds."""
    shared = Resources.of([volume(10, shared=True)])
    sorter = drf("disk:100", "a/x", "a/y", "b")
    sorter.allocated("a/x", A1, shared)
    sorter.allocated("a/x", A1, shared)
    sorter.allocated("a/y", A1, shared)
    assert [sorter.share(client) for client in ("a/x", "a/y")] == [0.1, 0.1]
    assert sorter.total() == Quantities.of(disk=10)
    sorter.allocated("a/y", A2, shared)
    assert sorter.total() == Quantities.of(disk=20)
    sorter.unallocated("a/x", A1, shared)
    assert sorter.share("a/x") == 0.1
    sorter.unallocated("a/x", A1, shared)
    assert sorter.share("a/x") == 0.0
    assert sorter.total() == Quantities.of(disk=20)
    sorter.check()


def test_an_iteration_is_not_disturbed() -> None:
    sorter = drf("cpus:10", "a", "b", "c")
    seen = []
    for client in sorter.order():
        seen.append(client)
        sorter.allocated(client, A1, res("cpus:1"))
    assert seen == ["a", "b", "c"]


PATHS = ["a", "a/b", "a/b/c", "a/d", "e", "e/f", "g"]
steps = st.lists(
    st.tuples(
        st.sampled_from(["add", "remove", "activate", "deactivate", "allocate", "unallocate", "weight", "total"]),
        st.sampled_from(PATHS),
        st.integers(1, 3),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(steps, st.booleans())
def test_maintained_order_is_the_sorted_order(story: list, look_often: bool) -> None:
    """Twin: a sorter that has lived through a story orders like one built from what is the case now."""
    cluster = ClusterTotal()
    cluster.add(Quantities.of(cpus=100))
    sorter: DRFSorter[str] = DRFSorter(cluster)
    held: dict[str, list[int]] = {}
    active: dict[str, bool] = {}
    weights: dict[str, float] = {}
    for step, path, number in story:
        if step == "add" and path not in held:
            sorter.add(path, path)
            held[path], active[path] = [], False
        elif step == "weight":
            sorter.set_weight(path, float(number))
            weights[path] = float(number)
        elif step == "total":
            cluster.add(Quantities.of(cpus=number))
        elif path not in held:
            continue
        elif step == "remove" and not held[path]:
            sorter.remove(path)
            del held[path], active[path]
        elif step in ("activate", "deactivate"):
            getattr(sorter, step)(path)
            active[path] = step == "activate"
        elif step == "allocate":
            sorter.allocated(path, A1, res(f"cpus:{number}"))
            held[path].append(number)
        elif step == "unallocate" and held[path]:
            sorter.unallocated(path, A1, res(f"cpus:{held[path].pop()}"))
        if look_often:
            list(sorter.order())
        sorter.check()
    assert sorted(sorter.order()) == sorted(path for path, is_active in active.items() if is_active)
    assert [sorter.share(path) for path in held] == [
        sum(held[path]) * 1000 / cluster.quantities.get("cpus") / _leaf_weight(path, held, weights) for path in held
    ]
    order = list(sorter.order())
    assert list(sorter.ordered(reversed(order))) == order


def _leaf_weight(path: str, clients: dict, weights: dict[str, float]) -> float:
    """A client with clients below it is a virtual leaf, whose weight is its own: 1."""
    is_virtual = any(other.startswith(path + "/") for other in clients)
    return 1.0 if is_virtual else weights.get(path, 1.0)


# ---- random


def test_random_sorter_draws_by_weight() -> None:
    """First place goes to clients in proportion to their weights, level by level."""
    sorter: RandomSorter[str] = RandomSorter(random.Random(7))
    for path, weight in (("a/x", 1.0), ("a/y", 3.0), ("b", 2.0), ("c", 9.0)):
        sorter.add(path, path)
        sorter.set_weight(path, weight)
        if path != "c":
            sorter.activate(path)
    sorter.set_weight("a", 2.0)
    first = Counter(next(iter(sorter.order())) for _ in range(4000))
    expected = {"a/x": 0.125, "a/y": 0.375, "b": 0.5}
    for path, chance in expected.items():
        assert abs(first[path] / 4000 - chance) < 0.04, first
    assert sorted(sorter.order()) == ["a/x", "a/y", "b"]
    few = Counter(sorter.ordered(["a/x", "a/y"])[0] for _ in range(2000))
    assert abs(few["a/y"] / 2000 - 0.75) < 0.05


def test_random_sorter_keeps_accounts() -> None:
    sorter: RandomSorter[str] = RandomSorter(random.Random(7))
    sorter.add("a", "a")
    sorter.allocated("a", A1, res("cpus:2"))
    sorter.updated("a", A1, res("cpus:1"), res("mem:1"))
    assert sorter.total() == Quantities.of(cpus=1, mem=1)
    sorter.unallocated("a", A1, res("cpus:1;mem:1"))
    assert sorter.total() == Quantities()


@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0, 1.0), (1000.0, 1.0, 1.0, 1.0), (1000.0, 1000.0, 0.001, 0.001)])
def test_random_order_has_everybody_once(weights: tuple[float, ...]) -> None:
    """However unlikely it is that the last ones are drawn; and nobody who is not active."""
    sorter: RandomSorter[str] = RandomSorter(random.Random(7))
    for client, weight in zip("abcd", weights, strict=True):
        sorter.add(client, client)
        sorter.activate(client)
        sorter.set_weight(client, weight)
    for _ in range(50):
        assert sorted(sorter.order()) == ["a", "b", "c", "d"]
    sorter.deactivate("a")
    assert sorted(sorter.order()) == ["b", "c", "d"]
    assert sorted(sorter.ordered(["d", "b"])) == ["b", "d"]


def test_random_second_place_follows_weights_too() -> None:
    """Of those that are left; whether they are drawn one after the other or shuffled."""
    sorter: RandomSorter[str] = RandomSorter(random.Random(7))
    for client, weight in (("a", 6.0), ("b", 3.0), ("c", 1.0)):
        sorter.add(client, client)
        sorter.activate(client)
        sorter.set_weight(client, weight)
    second = Counter(list(sorter.order())[1] for _ in range(6000))
    # b comes second after a (6/10 * 3/4) or after c (1/10 * 3/9)
    assert second["b"] / 6000 == pytest.approx(0.45 + 1 / 30, abs=0.03)
