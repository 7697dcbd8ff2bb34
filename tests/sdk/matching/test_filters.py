"""Each filter refuses what it must, says why in words and as data, and is counted."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from mesos_py.machine.values import SECOND
from mesos_py.sdk.matching import FILTERS, Census, Constraint, Host, Level, Locality, Refusal, Request, View, explain
from mesos_py.sdk.matching.filters import group, names
from mesos_py.wire.value import DurationInfo, TimeInfo, Unavailability
from tests.sdk.matching.offered import host

WINDOW = Unavailability(
    start=TimeInfo(nanoseconds=100 * SECOND), duration=DurationInfo(nanoseconds=50 * SECOND)
)  # fmt: skip
BY_NAME = {one.name: one.refuse for one in FILTERS} | {"group": group}


@pytest.mark.parametrize(
    ("name", "request_fields", "one", "view", "text"),
    [
        ("role", {"role": "a"}, {"role": "b"}, {}, "role: a wanted, b found"),
        ("role", {"role": "a"}, {"role": "a"}, {}, None),
        ("region", {}, {"zone": "z", "region": "far"}, {"home_region": "here"}, "@region: here wanted, far found"),
        ("region", {"constraints": [("@zone", "IS", "z")]}, {"zone": "z", "region": "far"}, {"home_region": "here"},
         None),
        ("region", {}, {}, {"home_region": "here"}, None),
        ("maintenance", {}, {"unavailability": WINDOW}, {"now": 120 * SECOND},
         "maintenance: none wanted, a window from 100 s since the epoch found"),
        ("maintenance", {}, {"unavailability": WINDOW}, {"now": 99 * SECOND}, None),
        ("maintenance", {}, {"unavailability": WINDOW}, {"now": 99 * SECOND, "draining_s": 5},
         "maintenance: none wanted, a window from 100 s since the epoch found"),
        ("maintenance", {}, {"unavailability": WINDOW}, {"now": 150 * SECOND}, None),
        ("maintenance", {}, {"unavailability": WINDOW}, {"now": 120 * SECOND, "draining_s": None}, None),
        ("capabilities", {"capabilities": ["B", "A"]}, {}, {}, "capabilities: A, B wanted, nobody knows which found"),
        ("locality", {"locality": Locality(hosts=("h1",))}, {}, {"level": Level.HOST},
         "locality: h1 wanted, h in zone none found"),
        ("locality", {"locality": Locality(hosts=("h1",), zones=("z",))}, {"zone": "z"}, {"level": Level.HOST},
         "locality: h1 wanted, h in zone z found"),
        ("locality", {"locality": Locality(hosts=("h1",), zones=("z",))}, {"zone": "z"}, {"level": Level.ZONE}, None),
        ("locality", {"locality": Locality(hosts=("h1",))}, {}, {"level": Level.ANY}, None),
        ("attributes", {"constraints": [("rack", "LIKE", "r[12]")]}, {"attributes": "rack:r3"}, {},
         "rack: LIKE r[12] wanted, r3 found"),
        ("attributes", {"constraints": [("rack", "LIKE", "r[12]")]}, {}, {}, "rack: LIKE r[12] wanted, nothing found"),
        ("attributes", {"constraints": [("rack", "UNLIKE", "r[12]")]}, {}, {}, None),
        ("attributes", {"constraints": [("level", "IS", "3")]}, {"attributes": "level:3.0"}, {}, None),
        ("attributes", {"constraints": [("p", "IS", "[1-3,7-9]")]}, {"attributes": "p:[7-9,1-3]"}, {}, None),
        ("attributes", {"constraints": [("rack", "CLUSTER", "r1")]}, {"attributes": "rack:r2"}, {},
         "rack: CLUSTER r1 wanted, r2 found"),
        ("gpus", {"cpus": 1}, {"resources": "cpus:1;gpus:2"}, {},
         "gpus: a host without any wanted, a host that offers some found"),
        ("gpus", {"gpus": 1}, {"resources": "cpus:1;gpus:2"}, {}, None),
        ("gpus", {"on_gpu_hosts": True}, {"resources": "cpus:1;gpus:2"}, {}, None),
    ],
)  # fmt: skip
def test_a_filter(name: str, request_fields: Any, one: Any, view: Any, text: str | None) -> None:
    refusal = BY_NAME[name](Request.of(**request_fields), host("h", **one), View(**view))
    assert (None if refusal is None else refusal.text) == text
    assert refusal is None or refusal.filter == name


def test_capabilities_are_those_that_somebody_told() -> None:
    told = Host.of(host("h").offers, capabilities=["A", "B"])
    refuse = BY_NAME["capabilities"]
    assert refuse(Request.of(capabilities=["A"]), told, View()) is None
    refusal = refuse(Request.of(capabilities=["C"]), told, View())
    assert refusal == Refusal("capabilities", "capabilities", "C", "others")


#: operator and value; values of tasks that stand already; whether a host with "a", "b", none passes
AMONG = [
    ("UNIQUE", None, "", "yyn"), ("UNIQUE", None, "a", "nyn"), ("UNIQUE", None, "ab", "nnn"),
    ("CLUSTER", None, "", "yyn"), ("CLUSTER", None, "bb", "nyn"),
    ("MAX_PER", "2", "aab", "nyn"), ("MAX_PER", "0", "", "nnn"),
    ("GROUP_BY", None, "", "yyn"), ("GROUP_BY", None, "a", "yyn"), ("GROUP_BY", None, "aab", "nyn"),
    ("GROUP_BY", "2", "a", "nyn"), ("GROUP_BY", "3", "ab", "nnn"), ("GROUP_BY", "3", "abc", "yyn"),
    ("GROUP_BY", "3", "abbc", "ynn"),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "value", "standing", "verdicts"), AMONG)
def test_constraints_among_tasks(operator: str, value: str | None, standing: str, verdicts: str) -> None:
    constraint = Constraint.of("rack", operator.lower(), *([value] if value is not None else []))
    census = Census(["rack"])
    for found in standing:
        census.add({"rack": found})
    census.add({})  # a task on a host without a rack
    for found, verdict in zip(["a", "b", None], verdicts, strict=True):
        assert constraint.admits_among(found, census) is (verdict == "y"), found


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((), "Missing field and operator"), (("a",), "either 2 or 3 fields"),
        (("a", "b", "c", "d"), "either 2 or 3 fields"),
        (("a", "NEAR"), "operator must be one of the following"), (("", "UNIQUE"), "missing field"),
        (("a", "UNIQUE", "x"), "UNIQUE does not accept a value"), (("a", "MAX_PER"), "an integer value"),
        (("a", "MAX_PER", "-1"), "MAX_PER requires an integer value"), (("a", "GROUP_BY", "x"), "GROUP BY must define"),
        (("a", "LIKE"), "non-empty, regular expression"), (("a", "UNLIKE", "("), "is not a valid regular expression"),
        (("a", "IS"), "IS only supports"),
    ],
)  # fmt: skip
def test_a_bad_constraint_is_refused_in_marathons_words(words: tuple[str, ...], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Constraint.of(*words)


def test_an_explanation_names_every_refusal_and_the_nearest_host() -> None:
    """The nearest is the one where amounts alone are missing, and the least of them."""
    hosts = [
        host("h1", "cpus:9;mem:9", attributes="rack:r9"),
        host("h2", "cpus:1;mem:9", attributes="rack:r1"),
        host("h3", "cpus:3.5;mem:9", attributes="rack:r1"),
    ]
    request = Request.of(cpus=4, mem=1, constraints=[("rack", "IS", "r1")])
    found = explain(request, hosts)
    assert [[refusal.filter for refusal in judgement.refusals] for judgement in found.judgements] == [
        ["attributes"], ["resources"], ["resources"],
    ]  # fmt: skip
    assert found.nearest is not None
    assert found.nearest.refusals == (Refusal("resources", "cpus", "4", "3.5", 500, 0.125),)
    assert found.text == (
        "0 of 3 hosts fit; 1 refused by attributes, 2 refused by resources; "
        "nearest is h3: cpus: 4 wanted, 3.5 found"
    )
    assert [(step.filter, step.processed, step.declined) for step in found.steps if step.processed < 3] == [
        ("gpus", 2, 0), ("group", 2, 0), ("resources", 2, 2), ("ports", 0, 0),
    ]  # fmt: skip
    assert [step.filter for step in found.steps] == list(names())


def test_an_explanation_says_how_many_have_room() -> None:
    """Asking takes nothing, and other tasks of the group count."""
    hosts = [host("h1", "cpus:3;mem:9"), host("h2", "cpus:1;mem:9")]
    assert explain(Request.of(cpus=1), hosts, wanted=9).text == "2 of 2 hosts fit, with room for 4 of 9 tasks"
    request = Request.of(cpus=1, constraints=[("hostname", "MAX_PER", "2")])
    census = Census(request.fields)
    census.add({"hostname": "h1"})
    for _ in range(2):
        assert explain(request, hosts, View(census=census), wanted=9).room == 2
    assert census.groups("hostname") == {"h1": 1}


def test_the_smallest_change_fits() -> None:
    """What an explanation says is missing, once it is there, is enough."""
    hosts = [host("h1", "cpus:1;mem:10"), host("h2", "cpus:3;mem:1")]
    request = Request.of(cpus=4, mem=12)
    nearest = explain(request, hosts).nearest
    assert nearest is not None
    missing = {refusal.name: refusal.missing / 1000 for refusal in nearest.refusals}
    assert missing == {"cpus": 3.0, "mem": 2.0}
    grown = host("h1", f"cpus:{1 + missing['cpus']};mem:{10 + missing['mem']}")
    assert explain(request, [grown]).fitting == 1
    assert explain(request, []).text == "no host has been offered"


def test_waiting_levels() -> None:
    """Host, then zone, then any; a level without names is not waited for."""
    both = Locality(hosts=("h",), zones=("z",), host_wait_s=2, zone_wait_s=3)
    waited = [0, 2 * SECOND - 1, 2 * SECOND, 5 * SECOND - 1, 5 * SECOND]
    assert [both.allowed(at) for at in waited] == [Level.HOST, Level.HOST, Level.ZONE, Level.ZONE, Level.ANY]
    assert [both.changes_after(at) for at in waited] == [2 * SECOND, 1, 3 * SECOND, 1, None]
    assert [attrs.evolve(both, hosts=()).allowed(at) for at in (0, 3 * SECOND)] == [Level.ZONE, Level.ANY]
    assert [attrs.evolve(both, zones=()).allowed(at) for at in (0, 2 * SECOND)] == [Level.HOST, Level.ANY]
    assert Locality().allowed(0) is Level.ANY
