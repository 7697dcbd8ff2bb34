"""How resources are printed and refused: texts clients see, from captures of a C++ master where there are any."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesos_py.algebra.kinds import Format, resource_text
from mesos_py.algebra.parse import parse_resources
from mesos_py.algebra.quantities import Limits
from mesos_py.algebra.resources import Resources
from mesos_py.algebra.validation import validate, validate_all
from mesos_py.wire.codec.json import from_value, to_value
from mesos_py.wire.resource import Resource
from tests.golden import golden_dir


def resource(**members: object) -> Resource:
    """From Mesos' JSON; cpus:1 unless told otherwise."""
    if members.keys() & {"ranges", "set"} and "scalar" not in members:
        given = {"name": "ports", "type": "RANGES" if "ranges" in members else "SET"} | members
    else:
        given = {"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}} | members
    return from_value(Resource, {key: value for key, value in given.items() if value is not None})


DYNAMIC = {"type": "DYNAMIC", "role": "resrole", "principal": "ops"}
VOLUME = {"persistence": {"id": "vol1", "principal": "ops"}, "volume": {"mode": "RW", "container_path": "data"}}


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({}, "cpus:1"),
        ({"scalar": {"value": 0.1}, "allocation_info": {"role": "*"}}, "cpus(allocated: *):0.1"),
        ({"scalar": {"value": 1e6}}, "cpus:1000000"),
        ({"scalar": {"value": -1}}, "cpus:-1"),
        ({"scalar": None}, "cpus:0"),
        ({"ranges": {"range": [{"begin": 5, "end": 9}, {"begin": 7, "end": 8}]}}, "ports:[5-9, 7-8]"),
        ({"set": {"item": ["b", "a"]}}, "ports:{b, a}"),
        ({"role": "eng"}, "cpus(reservations: [(STATIC,eng)]):1"),
        ({"role": "*"}, "cpus:1"),
        ({"reservations": [DYNAMIC]}, "cpus(reservations: [(DYNAMIC,resrole,ops)]):1"),
        ({"role": "eng", "reservation": {"principal": "ops"}}, "cpus(reservations: [(DYNAMIC,eng,ops)]):1"),
        (
            {"reservations": [{"type": "STATIC", "role": "a"}, {"type": "DYNAMIC", "role": "a/b"}]},
            "cpus(reservations: [(STATIC,a), (DYNAMIC,a/b)]):1",
        ),
        (
            {"name": "disk", "reservations": [DYNAMIC], "disk": VOLUME},
            "disk(reservations: [(DYNAMIC,resrole,ops)])[vol1:data]:1",
        ),
        ({"name": "disk", "disk": VOLUME, "shared": {}}, "disk[vol1:data]<SHARED>:1"),
        ({"name": "disk", "disk": {"source": {"type": "MOUNT", "mount": {"root": "/m"}}}}, "disk[MOUNT:/m]:1"),
        (
            {"name": "disk", "disk": {"source": {"type": "RAW", "id": "i", "profile": "p"}}},
            "disk[RAW(,i,p)]:1",
        ),
        ({"revocable": {}}, "cpus{REV}:1"),
    ],
)
def test_text(members: dict, text: str) -> None:
    assert resource_text(resource(**members)) == text


def test_text_of_many() -> None:
    assert str(Resources()) == "{}"
    assert str(Resources.of(parse_resources("cpus:0.1;mem:32")).allocate("*")) == (
        "cpus(allocated: *):0.1; mem(allocated: *):32"
    )
    shared = resource(name="disk", disk=VOLUME, shared={})
    assert str(Resources.of([shared, shared])) == "disk[vol1:data]<SHARED>:1<2>"


def test_text_as_in_captures() -> None:
    """Every "Total resources X ... more than available Y" of the captures is what we would say."""
    text = (golden_dir() / "scheduler" / "invalid_tasks.txt").read_text()
    checked = 0
    for block in text.split("=== "):
        asked = re.search(r">>> ACCEPT operations: (\[.*\])\n", block)
        said = re.search(r"Total resources (.*?) required by task and its executor is more than available", block)
        if asked and said:
            given = json.loads(asked[1])[0]["launch"]["task_infos"][0]["resources"]
            parsed = [from_value(Resource, {"allocation_info": {"role": "*"}} | item) for item in given]
            assert str(Resources.of(parsed)) == said[1]
            checked += 1
    assert checked >= 5


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({}, None),
        ({"scalar": {"value": 0}}, None),
        ({"scalar": {"value": 0.001}}, None),
        ({"name": ""}, "Empty resource name"),
        ({"scalar": None}, "Invalid scalar resource"),
        ({"ranges": {"range": []}, "scalar": {"value": 1}, "type": "SCALAR"}, "Invalid scalar resource"),
        ({"scalar": {"value": -1}}, "Invalid scalar resource: value <= 0"),
        ({"scalar": {"value": 0.0001}}, "Invalid scalar resource: value <= 0"),
        ({"scalar": {"value": "Infinity"}}, "Invalid scalar resource: value is not finite"),
        ({"type": "RANGES"}, "Invalid ranges resource"),
        ({"type": "SET"}, "Invalid set resource"),
        ({"type": "TEXT"}, "Unsupported resource type"),
        ({"ranges": {"range": [{"begin": 5, "end": 1}]}}, "Invalid ranges resource: begin > end"),
        (
            {"ranges": {"range": [{"begin": 31000, "end": 31005}, {"begin": 31003, "end": 31009}]}},
            "Invalid ranges resource: overlapping ranges",
        ),
        ({"set": {"item": ["a", "a"]}}, "Invalid set resource: duplicated elements"),
        ({"disk": VOLUME}, "DiskInfo should not be set for cpus resource"),
        (
            {"name": "disk", "disk": {"source": {"type": "BLOCK", "mount": {"root": "/m"}}}},
            "Mount should not be set for BLOCK disk source",
        ),
        ({"role": "*", "reservation": {}}, 'Invalid reservation: role "*" cannot be dynamically reserved'),
        ({"reservations": [{"type": "DYNAMIC", "role": "*"}]}, 'Invalid reservation: role "*" cannot be reserved'),
        ({"reservations": [{"role": "a"}]}, "Invalid reservation: 'type' is missing"),
        ({"reservations": [{"type": "STATIC"}]}, "Invalid reservation: 'role' is missing"),
        (
            {"reservations": [{"type": "STATIC", "role": "a"}, {"type": "STATIC", "role": "a/b"}]},
            "Invalid refined reservation: A refined reservation cannot be STATIC",
        ),
        (
            {"reservations": [{"type": "STATIC", "role": "a"}, {"type": "DYNAMIC", "role": "b"}]},
            "Invalid refined reservation: role 'b' is not a refinement of 'a'",
        ),
        ({"shared": {}}, "Resource cpus cannot be shared"),
        ({"name": "disk", "shared": {}}, "Only persistent volumes can be shared"),
    ],
)
def test_validate(members: dict, text: str | None) -> None:
    assert validate(resource(**members)) == text


def test_validate_all_names_the_resource() -> None:
    """As in golden/scheduler/invalid_tasks.txt and golden/mutate/RESERVE_star.txt."""
    assert validate_all([resource(), resource(scalar={"value": -1})]) == (
        "Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0"
    )
    star = resource(reservations=[{"type": "DYNAMIC", "role": "*", "principal": "ops"}])
    assert validate_all([star]) == (
        "Resource 'cpus(reservations: [(DYNAMIC,*,ops)]):1' is invalid: "
        'Invalid reservation: role "*" cannot be reserved'
    )
    assert validate_all([resource()]) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.0, 1e308, -1e308, 5e-324])
def test_absurd_scalars_are_survived(value: float) -> None:
    """X23: whatever is not refused has a canonical amount."""
    odd = resource(scalar={"value": 1.0})
    odd = Resource(name="cpus", type=odd.type, scalar=type(odd.scalar)(value=value))
    validate(odd)
    made = Resources.of([odd])
    assert made - made == Resources()
    assert 0 <= made.scalar("cpus") < 2**63


numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 2**64 - 1)
bounds = st.fixed_dictionaries({"begin": st.integers(0, 2**64 - 1), "end": st.integers(0, 50)})
infos = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["UNKNOWN", "STATIC", "DYNAMIC"]),
        "role": st.sampled_from(["", "*", "a", "a/b"]),
    },
)
sources = st.fixed_dictionaries(
    {"type": st.sampled_from(["UNKNOWN", "PATH", "MOUNT", "BLOCK", "RAW"])},
    optional={"id": st.text(max_size=2), "path": st.just({"root": "/p"}), "mount": st.just({})},
)
disks = st.fixed_dictionaries({}, optional={"persistence": st.just({"id": "v"}), "source": sources})
anything = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["", "cpus", "disk", "ports"]),
        "type": st.sampled_from(["SCALAR", "RANGES", "SET", "TEXT"]),
    },
    optional={
        "scalar": st.fixed_dictionaries({"value": numbers}),
        "ranges": st.fixed_dictionaries({"range": st.lists(bounds, max_size=3)}),
        "set": st.fixed_dictionaries({"item": st.lists(st.text(max_size=1), max_size=3)}),
        "role": st.sampled_from(["", "*", "a", "a b"]),
        "reservation": infos,
        "reservations": st.lists(infos, max_size=3),
        "disk": disks,
        "shared": st.just({}),
        "revocable": st.just({}),
        "allocation_info": st.sampled_from([{}, {"role": "a"}]),
    },
)


@settings(max_examples=150, deadline=None)
@given(st.lists(anything, max_size=3))
def test_whatever_decodes_can_be_judged(given_members: list) -> None:
    """No message raises: it is refused with a text or is canonical, and can be printed and subtracted either way."""
    messages = [from_value(Resource, members) for members in given_members]
    for message in messages:
        assert resource_text(message)
        problem = validate(message)
        made = Resources.of([message])
        assert str(made)
        assert made - made == Resources()
        if problem is None:
            assert Resources.of(made.messages()) == made
            assert validate_all(made.messages()) is None
    Resources.of(messages).allocate("x").shrink(Limits())


@pytest.mark.parametrize(
    ("members", "format", "told"),
    [
        ({}, Format.POST_REFINEMENT, {}),
        ({}, Format.PRE_REFINEMENT, {"role": "*"}),
        ({}, Format.ENDPOINT, {"role": "*"}),
        ({"role": "a"}, Format.POST_REFINEMENT, {"reservations": [{"role": "a", "type": "STATIC"}]}),
        ({"role": "a"}, Format.PRE_REFINEMENT, {"role": "a"}),
        ({"role": "a"}, Format.ENDPOINT, {"role": "a", "reservations": [{"role": "a", "type": "STATIC"}]}),
        (
            {"reservations": [DYNAMIC]},
            Format.PRE_REFINEMENT,
            {"role": "resrole", "reservation": {"principal": "ops"}},
        ),
        (
            {"reservations": [DYNAMIC]},
            Format.ENDPOINT,
            {"role": "resrole", "reservation": {"principal": "ops"}, "reservations": [DYNAMIC]},
        ),
        (
            {"reservations": [{"type": "STATIC", "role": "a"}, {"type": "DYNAMIC", "role": "a/b"}]},
            Format.ENDPOINT,
            {"reservations": [{"type": "STATIC", "role": "a"}, {"type": "DYNAMIC", "role": "a/b"}]},
        ),
    ],
)
def test_formats(members: dict, format: Format, told: dict) -> None:
    """Which fields tell the reservations, by receiver."""
    (message,) = Resources.of([resource(**members)]).messages(format)
    shown = {k: v for k, v in to_value(message).items() if k in ("role", "reservation", "reservations")}
    assert shown == told


def test_endpoint_format_as_captured() -> None:
    """/slaves of the C++ master, read and written again."""
    slaves = json.loads((golden_dir() / "master" / "slaves.json").read_text())
    full = slaves["slaves"][0]["unreserved_resources_full"]
    told = Resources.of(from_value(Resource, item) for item in full).messages(Format.ENDPOINT)
    assert [to_value(message) for message in told] == full
