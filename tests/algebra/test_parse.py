"""Grammars of flags: resources, attributes, durations, sizes; and what may be a role."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesos_py.algebra import durations, roles
from mesos_py.algebra.parse import parse_attributes, parse_resources
from mesos_py.algebra.quantities import Limits, Quantities, from_milli, milli_text, to_milli
from mesos_py.algebra.resources import Resources
from tests.golden import golden_dir


@pytest.mark.parametrize(
    ("flag", "text"),
    [
        ("", "{}"),
        ("cpus:64;mem:65536;disk:100000;ports:[31000-32000]", "cpus:64; mem:65536; disk:100000; ports:[31000-32000]"),
        (" cpus : 1.5 ;\n mem: 32 ;", "cpus:1.5; mem:32"),
        ("cpus(eng):1;cpus(*):2;cpus:3", "cpus(reservations: [(STATIC,eng)]):1; cpus:5"),
        ("ports:[ 8-9 , 1-5 ];labels:{a, b}", "ports:[1-5, 8-9]; labels:{a, b}"),
        ("gpus:0;cpus:1", "cpus:1"),
        ('[{"name":"cpus","type":"SCALAR","scalar":{"value":2},"role":"eng"}]', "cpus(reservations: [(STATIC,eng)]):2"),
    ],
)
def test_resources(flag: str, text: str) -> None:
    assert str(Resources.of(parse_resources(flag))) == text


def test_resources_mentioned_with_zero_are_mentioned() -> None:
    """gpus:0 says that there are none, which is more than saying nothing."""
    assert [resource.name for resource in parse_resources("gpus:0;cpus:1")] == ["gpus", "cpus"]


def test_default_role() -> None:
    """Goes to what names no role; "*" is a role that is named."""
    made = Resources.of(parse_resources("cpus:1;cpus(*):2;cpus(b):4", "a"))
    assert {role: part.scalar("cpus") for role, part in made.reservations().items()} == {"a": 1000, "b": 4000}
    assert made.unreserved().scalar("cpus") == 2000


@pytest.mark.parametrize(
    ("flag", "problem"),
    [
        ("cpus", "missing or extra ':' in 'cpus'"),
        ("cpus:1:2", "missing or extra ':'"),
        ("cpus:", "missing or extra ':'"),
        (":1", "missing or extra ':'"),
        ("cpus:many", "expecting a number, ranges or a set"),
        ("cpus:-1", "value <= 0"),
        ("cpus:1e400", "not finite"),
        ("cpus(eng:1", "mismatched parentheses"),
        ("(eng):1", "mismatched parentheses"),
        ("cpus(a b):1", "backspace or whitespace"),
        ("ports:[5-1]", "Bad range '5-1'"),
        ("ports:[1-99999999999999999999]", "Bad range"),
        ("ports:[a-b]", "Expecting ranges"),
        ("ports:[1-2", "Expecting ranges"),
        ("labels:{a", "Expecting a set"),
        ("[1]", "no JSON array of resources"),
        ('[{"name":"cpus"}]', "no JSON array of resources"),
        ('[{"name":"cpus","type":"SCALAR"}]', "Invalid scalar resource"),
        ("[", "no JSON array of resources"),
    ],
)
def test_bad_resources(flag: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r"Bad value|Expecting|Bad range") as refused:
        parse_resources(flag)
    assert problem in str(refused.value)


def test_attributes() -> None:
    """Text, scalar or ranges; a colon may be part of a text."""
    made = parse_attributes("rack:r7; level:3.5;ports:[1-10];url:http://x:80;rack:r8")
    assert [(attribute.name, attribute.type.name) for attribute in made] == [
        ("rack", "TEXT"),
        ("level", "SCALAR"),
        ("ports", "RANGES"),
        ("url", "TEXT"),
        ("rack", "TEXT"),
    ]
    assert made[3].text is not None
    assert made[3].text.value == "http://x:80"


@pytest.mark.parametrize("flag", ["rack", "rack:", ":r", "rack:{a,b}", "ports:[1-"])
def test_bad_attributes(flag: str) -> None:
    with pytest.raises(ValueError, match=r"Bad value|Expecting"):
        parse_attributes(flag)


# ---- durations and sizes


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("10secs", 10 * durations.SECOND),
        ("1mins", 60 * durations.SECOND),
        ("1.5secs", 1_500_000_000),
        ("2weeks", 14 * 86_400 * durations.SECOND),
        ("0ns", 0),
        ("-5ms", -5_000_000),
        (".5hrs", 1_800 * durations.SECOND),
    ],
)
def test_durations(text: str, nanos: int) -> None:
    assert durations.parse_duration(text) == nanos


@pytest.mark.parametrize("text", ["", "10", "secs", "10 secs", "10sec", "1e3secs", "nansecs", "99999999weeks"])
def test_bad_durations(text: str) -> None:
    with pytest.raises(ValueError, match=r"nvalid|unit|range"):
        durations.parse_duration(text)


@given(st.integers(-durations.DURATION_MAX_NS, durations.DURATION_MAX_NS))
def test_durations_round_trip(nanos: int) -> None:
    assert durations.parse_duration(durations.format_duration(nanos)) == nanos


def test_durations_as_captured() -> None:
    """Every duration and size among the flags of the C++ master is printed as it was read."""
    import json

    flags = json.loads((golden_dir() / "master" / "flags.json").read_text())["flags"]
    seen = 0
    for text in flags.values():
        for parse, show in (
            (durations.parse_duration, durations.format_duration),
            (durations.parse_size, durations.format_size),
        ):
            try:
                value = parse(text)
            except ValueError:
                continue
            assert show(value) == text
            seen += 1
    assert seen > 10


@pytest.mark.parametrize(("text", "size"), [("10MB", 10 << 20), ("4KB", 4096), ("0B", 0), ("1TB", 1 << 40)])
def test_sizes(text: str, size: int) -> None:
    assert durations.parse_size(text) == size
    assert durations.format_size(size) == text


@pytest.mark.parametrize("text", ["", "10", "MB", "1.5GB", "10mb", "-1B", "99999999999TB"])
def test_bad_sizes(text: str) -> None:
    with pytest.raises(ValueError, match=r"size|unit|Size"):
        durations.parse_size(text)


# ---- roles


@pytest.mark.parametrize(
    ("role", "text"),
    [
        ("*", None),
        ("eng", None),
        ("eng/web-1/x_y.z", None),
        ("", "Role names cannot be the empty string"),
        ("a/..", "Role 'a/..' cannot include '..' as a component"),
        (".", "Role '.' cannot include '.' as a component"),
        ("a/*", "Role 'a/*' cannot include '*' as a component"),
        ("/x", "Role '/x' cannot start with a slash"),
        ("x/", "Role 'x/' cannot end with a slash"),
        ("a//b", "Role 'a//b' cannot contain two adjacent slashes"),
        ("-a", "Role component '-a' is invalid because it begins with a dash"),
        ("a b", "Role component 'a b' is invalid because it contains backspace or whitespace"),
        ("a/b\x08", "Role component 'b\x08' is invalid because it contains backspace or whitespace"),
        ("b\x7f", "Role component 'b\x7f' is invalid because it contains backspace or whitespace"),
    ],
)
def test_roles(role: str, text: str | None) -> None:
    assert roles.invalid_role(role) == text
    assert roles.invalid_roles(["ok", role]) == text


def test_role_paths() -> None:
    assert roles.ancestors("a/b/c") == ["a/b", "a"]
    assert roles.ancestors("a") == []
    assert roles.is_strict_subrole("a/b", "a")
    assert not roles.is_strict_subrole("a", "a")
    assert not roles.is_strict_subrole("ab", "a")


# ---- quantities


@pytest.mark.parametrize(
    ("amount", "milli"),
    [(0.1 + 0.2, 300), (1.0, 1000), (0.0005, 1), (0.00049, 0), (-0.0005, -1), (1e15, 10**18), (-0.0, 0)],
)
def test_fixed_point(amount: float, milli: int) -> None:
    """Thousandths, halves away from zero."""
    assert to_milli(amount) == milli


@given(st.integers(-(2**52), 2**52))
def test_fixed_point_round_trips(milli: int) -> None:
    assert to_milli(from_milli(milli)) == milli


amounts = st.dictionaries(st.sampled_from("abc"), st.integers(0, 9))


@given(amounts, amounts)
def test_quantities(left: dict, right: dict) -> None:
    """Absent is zero, and nothing is less than nothing."""
    a, b = Quantities(left), Quantities(right)
    assert (a + b) - b == a
    assert a <= a + b
    assert (a <= b) == all(left.get(name, 0) <= right.get(name, 0) for name in "abc")
    assert {name: (a - b).get(name) for name in "abc"} == {
        name: max(left.get(name, 0) - right.get(name, 0), 0) for name in "abc"
    }
    assert 0 not in dict((a - b).items()).values()


@given(amounts, amounts)
def test_limits(limits: dict, used: dict) -> None:
    """Absent is unlimited; zero is a limit."""
    allowed, taken = Limits(limits), Quantities(used)
    assert allowed.admits(taken) == all(used.get(name, 0) <= amount for name, amount in limits.items())
    left = allowed - taken
    assert set(dict(left.items())) == set(limits)
    assert left.get("z") is None


def test_amounts_in_text() -> None:
    assert [milli_text(milli) for milli in (64_000, 100, 10**9, 10**18)] == ["64", "0.1", "1000000", "1e+15"]
    assert str(Quantities.of(mem=32, cpus=0.5)) == "cpus:0.5; mem:32"
    assert str(Limits()) == "{}"
