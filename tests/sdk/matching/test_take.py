"""What is taken of a host: exactly what was asked for, what is reserved first, and ports whenever there are some."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesos_py.algebra.parse import parse_resources
from mesos_py.algebra.ranges import Ranges
from mesos_py.algebra.resources import Resources
from mesos_py.sdk.matching import Refusal, Request, Share
from mesos_py.sdk.matching.request import Port
from mesos_py.sdk.matching.take import Taker, copies, times
from mesos_py.wire.resource import Resource
from mesos_py.wire.value import Label, Labels, Value
from tests.algebra.strategies import messages
from tests.builders import scalar

Reservation = Resource.ReservationInfo


def left(text: str) -> Resources:
    return Resources.of(parse_resources(text))


def labelled(cpus: float, role: str, **labels: str) -> Resource:
    pairs = Labels(labels=tuple(Label(key=key, value=value) for key, value in labels.items()))
    return scalar("cpus", cpus, reservations=(Reservation(type=Reservation.Type.DYNAMIC, role=role, labels=pairs),))


amounts = st.integers(0, 4000)
wishes = st.one_of(
    st.just(0), st.integers(1, 9), st.tuples(st.integers(1, 6), st.integers(0, 4)).map(lambda p: (p[0], p[0] + p[1]))
)


@given(st.lists(messages(), max_size=8), amounts, amounts, st.sampled_from([(), ("*",), ("a",)]))
@settings(max_examples=300, deadline=None)
def test_a_share_is_what_was_asked_for(offered: list[Resource], cpus: int, mem: int, accepts: tuple[str, ...]) -> None:
    """It is there, it sums up, it is of what may be used, and nothing unreserved goes before something reserved."""
    pool = Resources.of(offered)
    request = Request.of(cpus=cpus / 1000, mem=mem / 1000, accepts=accepts)
    usable = pool.filter(
        lambda kind: kind.disk is None and not kind.shared and not kind.revocable and kind.type == Value.Type.SCALAR
        and (not accepts or kind.reserved_role in accepts)
        and not any(info.labels is not None for info in kind.reservations[-1:])
    )  # fmt: skip
    share = Taker(request).take(pool)
    missing = Taker(request).refusals(pool)
    if isinstance(share, Refusal):
        assert missing[0] == share
        for refusal in missing:
            assert usable.scalar(refusal.name) + refusal.missing == request.resources.get(refusal.name)
        return
    assert missing == ()
    assert share.resources <= pool
    assert share.resources.quantities() == request.resources
    assert share.resources.filter(lambda kind: kind not in usable) == Resources()
    rest = usable - share.resources
    for kind, _ in share.resources:
        for other, _ in rest:
            assert other.name != kind.name or len(other.reservations) <= len(kind.reservations)


@given(st.frozensets(st.integers(1, 12)), st.lists(wishes, max_size=4), st.integers(0, 2**32))
@settings(max_examples=500, deadline=None)
def test_ports_are_found_whenever_there_are_some(free: frozenset[int], ports: list[Port], seed: int) -> None:
    """An assignment is refused if and only if trying all of them finds none."""
    fixed = [port for port in ports if isinstance(port, int) and port]
    if len({*fixed}) < len(fixed):
        with pytest.raises(ValueError, match="unique"):
            Request.of(ports=ports)
        return
    choices = [
        [port for port in free if port == wish or wish == 0 or (isinstance(wish, tuple) and wish[0] <= port <= wish[1])]
        for wish in ports
    ]
    possible = {chosen for chosen in itertools.product(*choices) if len({*chosen}) == len(chosen)}
    pool = Resources([(kind, Ranges([(port, port) for port in free])) for kind, _ in left("ports:[1-1]")])
    for rng in (None, random.Random(seed)):
        share = Taker(Request.of(ports=ports), rng).take(pool)
        if isinstance(share, Refusal):
            assert possible == set()
        else:
            assert share.ports in possible
            assert {*share.resources.ranges("ports")} == {*share.ports}


def test_chance_does_not_give_the_same_port_again_and_again() -> None:
    taker = Taker(Request.of(ports=[0, 0]), random.Random(7))
    given_ports = set()
    for _ in range(20):
        share = taker.take(left("ports:[31000-31999]"))
        assert isinstance(share, Share)
        given_ports.add(share.ports)
    assert len(given_ports) > 10


def test_labelled_reservations_are_for_those_who_name_them() -> None:
    pool = Resources.of([labelled(2, "a", task="db"), scalar("cpus", 1)])
    own = Taker(Request.of(cpus=2, labels={"task": "db"})).take(pool)
    assert isinstance(own, Share)
    assert own.resources == pool.reserved()
    other = Taker(Request.of(cpus=2, labels={"task": "web"})).take(pool)
    assert other == Refusal("resources", "cpus", "2", "1", 1000, 0.5)
    assert other.text == "cpus: 2 wanted, 1 found"


def test_revocable_resources_are_for_those_who_ask() -> None:
    pool = Resources.of([scalar("cpus", 4, revocable=Resource.RevocableInfo()), scalar("cpus", 1)])
    assert isinstance(Taker(Request.of(cpus=2)).take(pool), Refusal)
    share = Taker(Request.of(cpus=2, revocable=True)).take(pool)
    assert isinstance(share, Share)
    assert share.resources.revocable() == share.resources


def test_copies_are_as_many_as_taking_one_by_one() -> None:
    """Reserved resources first, then a share that is a bit of both, then the rest."""
    pool, counts = left("cpus(a):2.5;cpus:2.5;mem:100"), []
    taker = Taker(Request.of(cpus=1, mem=10))
    while isinstance(share := taker.take(pool), Share):
        counts.append(copies(share, pool, 10))
        pool -= times(share, counts[-1])
    assert counts == [2, 1, 2]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"cpus": -1}, "cpus cannot be -1"), ({"mem": float("nan")}, "mem cannot be nan"),
        ({"ports": [70_000]}, "70000 is no port"), ({"ports": [(9, 8)]}, "no port"), ({"ports": [80, 80]}, "unique"),
        ({"ports": [0] * 1_001}, "at most 1000 ports"), ({"constraints": [("hostname", "NEAR")]}, "operator must be"),
    ],
)  # fmt: skip
def test_a_request_that_makes_no_sense_is_refused(fields: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Request.of(**fields)  # type: ignore[arg-type]
