"""What is loaded is what was dumped: every object once, every order kept, nothing run."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import Any

import msgpack
import pytest

from mesos_py.algebra.kinds import Kind
from mesos_py.algebra.offer_constraints import OfferConstraintsFilter
from mesos_py.algebra.ranges import Ranges
from mesos_py.algebra.resources import Resources
from mesos_py.journal.classes import SHELLS, Unreadable, Unrecordable, class_named, name_of
from mesos_py.journal.graph import dump, load, unpacked
from mesos_py.machine.timers import Timers
from mesos_py.master.allocator.sorter import Node
from mesos_py.master.options import Options
from mesos_py.wire.constraints import AttributeConstraint, OfferConstraints
from mesos_py.wire.task import TaskState
from tests import builders
from tests.master.test_master_machine import walk
from tests.master.world import launched

ROOT = Path(__file__).resolve().parents[2]


def again(root: Any) -> Any:
    return load(unpacked(dump(root)))


def records(root: Any) -> list[Any]:
    return list(unpacked(dump(root)))


VALUES: list[Any] = [
    None, True, False, 0, -1, 2**63, 2**64, -(2**70), 2**300, 0.1, float("inf"), "", "é\udc80", b"\x00\xff", (),
    (1, ("a",)),
    [1, [2]], {"b": 1, "a": 2}, {(1, "x"): [], TaskState.TASK_RUNNING: 1}, {1, 2, 300}, frozenset({"a", "b"}),
    deque([1, 2], maxlen=2), deque([3]), TaskState, TaskState.TASK_LOST, builders.task("t"),
    Ranges([(1, 5), (7, 9)]), Resources.of(builders.resources(cpus=1.5, mem=32)),
    Resources.of((builders.ports((31000, 31005)), builders.scalar("cpus", 2, "eng"))),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_come_back(value: Any) -> None:
    loaded = again([value])[0]
    assert loaded == value
    assert type(loaded) is type(value)
    if isinstance(value, dict):
        assert list(loaded) == list(value)
    if isinstance(value, deque):
        assert loaded.maxlen == value.maxlen


def test_one_object_in_two_places_is_one_object_again() -> None:
    """Also when it contains itself."""
    inner: dict[str, Any] = {}
    outer = [inner, inner, {"in": inner}]
    inner["out"] = outer
    loaded = again(outer)
    assert loaded[0] is loaded[1] is loaded[2]["in"]
    assert loaded[0]["out"] is loaded


def test_objects_that_refer_to_each_other() -> None:
    """Entities by identity, as keys too; made without being called."""
    node: Node[Any] = Node("a", None, 1.0)
    node.children["b"] = Node("a/b", node, 1.0)
    node.order.append(node.key)
    ((key, children),) = again({node: node.children}).items()
    assert children is key.children
    assert children["b"].parent is key
    assert key.key == (0.0, 0, "a", key)
    assert key.order == [key.key]


def test_kinds_are_interned_again() -> None:
    """They are compared by identity."""
    kind = Kind.of(builders.scalar("cpus", 1, "eng"))
    assert again([kind])[0] is kind
    held = {Resources([(kind, 1000)]): 1}
    assert again(held)[Resources([(kind, 1000)])] == 1


def test_chance_goes_on_where_it_was() -> None:
    rng = random.Random(3)
    rng.gauss(0, 1)
    loaded = again(rng)
    assert [loaded.random(), loaded.getrandbits(128), loaded.gauss(0, 1)] == [
        rng.random(), rng.getrandbits(128), rng.gauss(0, 1)
    ]  # fmt: skip


def test_methods_are_bound_to_what_they_were_bound_to() -> None:
    timers = Timers()
    loaded, cancel = again([timers, timers.cancel])
    loaded.set("a", 1, "a")
    assert cancel("a")
    assert len(loaded) == 0


def test_compiled_constraints_are_compiled_again() -> None:
    selector = AttributeConstraint.Selector(attribute_name="rack")
    predicate = AttributeConstraint.Predicate(exists=AttributeConstraint.Predicate.Exists())
    group = OfferConstraints.RoleConstraints.Group(
        attribute_constraints=(AttributeConstraint(selector=selector, predicate=predicate),)
    )
    constraints = OfferConstraints(role_constraints={"eng": OfferConstraints.RoleConstraints(groups=(group,))})
    loaded = again(OfferConstraintsFilter(constraints))
    assert loaded.excludes("eng", hostname="h")
    assert not loaded.excludes("ops", hostname="h")


def test_what_is_derived_is_left_out() -> None:
    """It is made again when it is asked for."""
    world, _, scheduler, wire = launched()
    task = world.state.frameworks[scheduler.id].tasks["t"]
    task.json = b"x" * 10_000
    assert task.cached_wire is wire
    assert sum(map(len, dump(task))) < 10_000
    loaded = again(task)
    assert (loaded.json, loaded.cached_wire) == (None, None)
    assert loaded.wire() == wire


def test_secrets_among_options_are_left_out() -> None:
    """A journal may be sent with a bug report."""
    options = Options(credentials="ops hunter2", zk="zk://me:hunter2@host:2181/mesos")
    assert b"hunter2" not in b"".join(dump(options))
    assert again(options).zk == "zk://me:***@host:2181/mesos"
    assert again(options).port == options.port


@pytest.mark.parametrize("seed", [1, 2])
def test_a_core_comes_back_whole(seed: int) -> None:
    """Every index, timer and sum, and the same records when it is dumped again."""
    core = walk(seed, 300).world.master
    loaded = again(core)
    loaded.check()
    assert records(loaded) == records(core)


def test_a_long_chain_takes_no_stack() -> None:
    chain: list[Any] = []
    for _ in range(100_000):
        chain = [chain]
    loaded, length = again(chain), 0
    while loaded:
        (loaded,), length = loaded, length + 1
    assert length == 100_000


def test_hash_seeds_change_nothing() -> None:
    """Sets are written in an order of their own."""
    program = (
        "import hashlib\nfrom mesos_py.journal.graph import dump\n"
        "values = [{'a', 'b', 'c', 'd'}, frozenset({'x', 'y', 'z'}), {b'1', b'2', b'3'}]\n"
        "print(hashlib.sha256(b''.join(dump(values))).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program], env=os.environ | {"PYTHONHASHSEED": seed}, cwd=ROOT, capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }  # fmt: skip
    assert len(digests) == 1


# ---- what is refused


NOTHING_OF_A_CORE = [object(), lambda: None, sys, ValueError("x"), open, 1j, bytearray(b"x")]


@pytest.mark.parametrize("thing", NOTHING_OF_A_CORE, ids=lambda thing: type(thing).__name__)
def test_what_no_core_is_made_of_cannot_be_recorded(thing: Any) -> None:
    with pytest.raises(Unrecordable):
        list(dump([thing]))


@pytest.mark.parametrize(
    "name",
    [
        "os:system", "builtins:eval", "subprocess:Popen", "journal.files:RunDirectory", "machine.driver:Driver", "",
        "wire.task:TaskInfo.__init__", "wire.task:nothing", "wire.task:TaskInfo.__class__", "wire.nothing:X",
        "machine.timers:heapq", "master.core:Timers", "..wire.task:TaskInfo", "wire.task", "wire.task:",
        *[f"{shell.removeprefix('mesos_py.')}:X" for shell in SHELLS], "agent.fetcher.fetching:X",
    ],
)  # fmt: skip
def test_names_of_anything_but_classes_of_cores_are_refused(name: str) -> None:
    """A class where it is defined, in a module of a core."""
    with pytest.raises(Unreadable):
        class_named(name)


def test_names_are_those_of_classes() -> None:
    assert name_of(TaskState) == "wire.task:TaskState"
    assert class_named("wire.scheduler_api:Call.Subscribe").__qualname__ == "Call.Subscribe"


def test_altered_records_are_refused_or_loaded() -> None:
    """Nothing but Unreadable comes of a file that somebody has changed."""
    rng = random.Random(11)
    good = [msgpack.packb(record, unicode_errors="surrogatepass") for record in records(walk(1, 60).world.master)]
    refused = 0
    for _ in range(150):
        data = bytearray(b"".join(good))
        for _ in range(rng.randrange(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            load(unpacked([bytes(data)]))
        except Unreadable:
            refused += 1
    assert refused > 50


def test_a_class_with_other_attributes_was_recorded_by_another_version() -> None:
    changed = records(Node("a", None, 1.0))
    changed[0][2] = "grown_up"
    with pytest.raises(Unreadable, match="had other attributes when it was recorded: grown_up, sums"):
        load(changed)
