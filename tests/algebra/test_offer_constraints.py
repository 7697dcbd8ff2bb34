"""Which agents a framework wants to hear of; and expressions that cannot stop the master."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesos_py.algebra.offer_constraints import InvalidConstraints, OfferConstraintsFilter
from mesos_py.algebra.parse import parse_attributes
from mesos_py.algebra.regex import Regex, RegexError
from mesos_py.wire.codec.json import from_value
from mesos_py.wire.constraints import OfferConstraints
from mesos_py.wire.value import DomainInfo

DOMAIN = from_value(DomainInfo, {"fault_domain": {"region": {"name": "r1"}, "zone": {"name": "z1"}}})


def constraints(*groups: list[dict]) -> OfferConstraintsFilter:
    given_groups = [{"attribute_constraints": group} for group in groups]
    return OfferConstraintsFilter(
        from_value(OfferConstraints, {"role_constraints": {"role": {"groups": given_groups}}})
    )


def on(name: str, predicate: dict) -> dict:
    pseudo = {"@HOSTNAME": "HOSTNAME", "@REGION": "REGION", "@ZONE": "ZONE"}.get(name)
    selector = {"pseudoattribute_type": pseudo} if pseudo else {"attribute_name": name}
    return {"selector": selector, "predicate": predicate}


def holds(filter: OfferConstraintsFilter, attributes: str = "", *, hostname: str = "h1", domain: bool = False) -> bool:
    return not filter.excludes(
        "role", hostname=hostname, attributes=parse_attributes(attributes), domain=DOMAIN if domain else None
    )


PREDICATES = {
    "exists": {"exists": {}},
    "not_exists": {"not_exists": {}},
    "equals": {"text_equals": {"value": "r7"}},
    "not_equals": {"text_not_equals": {"value": "r7"}},
    "matches": {"text_matches": {"regex": "r[0-9]"}},
    "not_matches": {"text_not_matches": {"regex": "r[0-9]"}},
}


@pytest.mark.parametrize(
    ("attributes", "true"),
    [
        ("", {"not_exists", "not_equals", "not_matches"}),
        ("rack:r7", {"exists", "equals", "matches"}),
        ("rack:r7;rack:other", {"exists", "equals", "matches"}),
        ("rack:r8", {"exists", "not_equals", "matches"}),
        ("rack:r77", {"exists", "not_equals", "not_matches"}),
        ("rack:7", {"exists", "equals", "not_equals", "matches", "not_matches"}),
        ("rack:[1-2]", {"exists", "equals", "not_equals", "matches", "not_matches"}),
    ],
)
def test_predicates(attributes: str, true: set[str]) -> None:
    """The table of spec section 9: what is no text passes every test of text."""
    for name, predicate in PREDICATES.items():
        assert holds(constraints([on("rack", predicate)]), attributes) == (name in true), name


def test_pseudo_attributes() -> None:
    hostname = constraints([on("@HOSTNAME", {"text_equals": {"value": "h1"}})])
    assert holds(hostname)
    assert not holds(hostname, hostname="h2")
    region = constraints([on("@REGION", {"text_equals": {"value": "r1"}}), on("@ZONE", {"exists": {}})])
    assert holds(region, domain=True)
    assert not holds(region)


def test_groups() -> None:
    """Any group of which every constraint holds; roles without constraints are never excluded."""
    both = constraints([on("a", PREDICATES["exists"]), on("b", PREDICATES["exists"])], [on("c", PREDICATES["exists"])])
    assert [holds(both, given_attributes) for given_attributes in ("a:x;b:x", "c:x", "a:x", "")] == [
        True,
        True,
        False,
        False,
    ]
    assert not both.excludes("other role", hostname="h")


@pytest.mark.parametrize(
    ("groups", "text"),
    [
        ([], "groups' must not be empty"),
        ([[]], "attribute_constraints' must not be empty"),
        ([[{"selector": {}, "predicate": {"exists": {}}}]], "selector' must be set"),
        ([[{"selector": {"pseudoattribute_type": "UNKNOWN"}, "predicate": {"exists": {}}}]], "Unknown pseudoattribute"),
        ([[on("a", {})]], "Unknown predicate type"),
        ([[on("a", {"text_matches": {"regex": "("}})]], "Failed to construct regex from pattern '('"),
        ([[on("a", {"text_matches": {"regex": "(a)\\1"}})]], "Failed to construct regex"),
        ([[on("a", {"text_matches": {"regex": "a{200}"}})]], "is too complex: program size of 201 is larger than"),
    ],
)
def test_invalid(groups: list, text: str) -> None:
    with pytest.raises(InvalidConstraints, match=re.escape(text)):
        constraints(*groups)


# ---- regular expressions

ATOMS = ["a", "b", "ab", ".", "[ab]", "[^a]", "(a|b)", "(?:ab|)", "\\w", "\\d", "[a-c]", "^", "$", "\\."]
OPERATORS = ["", "", "", "*", "+", "?", "{2}", "{1,}", "{0,2}", "*?", "+?"]
pieces = st.tuples(st.sampled_from(ATOMS), st.sampled_from(OPERATORS)).filter(lambda p: p[0] not in "^$" or not p[1])
patterns = st.lists(pieces, max_size=5).map(lambda parts: "".join(atom + operator for atom, operator in parts))


@settings(max_examples=300, deadline=None)
@given(st.lists(patterns, min_size=1, max_size=3), st.text("abc.1\n", max_size=6))
def test_like_re(alternatives: list[str], text: str) -> None:
    """Where both can, ours and Python's agree; but for "$" before a last new line, which is not the end in RE2."""
    pattern = "|".join(alternatives)
    theirs = re.fullmatch(pattern.replace("$", "\\Z"), text, re.ASCII) is not None
    assert Regex(pattern).fullmatch(text) == theirs, (pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("(?i)Host-[0-9]+", "hOST-42", True),
        ("(?s)a.b", "a\nb", True),
        ("a.b", "a\nb", False),
        ("[[:alpha:]]+[[:^digit:]]", "abc", True),
        ("[]a]+", "]a]", True),
        ("[a\\-z]+", "a-z", True),
        ("[\\d-]+", "1-2", True),
        ("\\x41\\x{42}", "AB", True),
        ("(?P<name>x)(?<other>y)", "xy", True),
        ("a{,2}", "a{,2}", True),
        ("\\Aa\\z", "a", True),
        ("a\\$", "a$", True),
        ("\\S\\D\\W", "ab-", True),
        ("ü+", "üü", True),
    ],
)
def test_regex(pattern: str, text: str, matches: bool) -> None:
    assert Regex(pattern).fullmatch(text) == matches


@pytest.mark.parametrize(
    "pattern",
    ["(", ")", "a)", "[", "[a", "*", "a|*", "\\", "(?=a)", "(?<!a)", "(a)\\1", "\\b", "\\pL", "[b-a]", "[[:x:]]",
     "a{2,1}", "a{1001}", "((a{100}){100}){100}", "(" * 200 + ")" * 200, "\\xzz", "[\\", "(?"],
)  # fmt: skip
def test_refused(pattern: str) -> None:
    """What RE2 refuses, and what would be too large; without recursing or growing beyond bounds."""
    with pytest.raises(RegexError):
        Regex(pattern)


def test_time_is_linear_in_the_text() -> None:
    """X24: what takes a backtracking matcher longer than the universe has is a walk over the text."""
    for pattern in ("(a+)+$", "(a|aa)+$", "(.*a){12}$", "(a?){40}a{40}"):
        assert not Regex(pattern).fullmatch("a" * 5000 + "!")
