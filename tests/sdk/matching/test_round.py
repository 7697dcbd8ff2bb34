"""A round places as a naive scheduler would that looks at every host again for every task, only sooner."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from random import Random

import pytest

from mesos_py.algebra.resources import Resources
from mesos_py.sdk.matching import FILTERS, Census, Filter, Host, Level, Locality, Part, Request, Round, hosts_of
from mesos_py.sdk.matching.filters import names
from tests.sdk.matching.offered import host, offer, some_hosts, some_request

SEEDS = 500


class Naive:
    """Hosts as plain numbers, tasks one at a time, every question asked anew."""

    def __init__(self, hosts: Sequence[Host]) -> None:
        self.hosts = hosts
        self.free = {
            one: {
                "reserved": sum(amount for kind, amount in one.left if kind.name == "cpus" and kind.reservations),
                "cpus": sum(amount for kind, amount in one.left if kind.name == "cpus" and not kind.reservations),
                "mem": one.left.scalar("mem"),
                "ports": set(one.left.ranges("ports")),
            }
            for one in hosts
        }

    def place(self, request: Request, count: int, level: Level, placed: list[Host]) -> list[str]:
        found: list[str] = []
        for _ in range(count):
            fitting = [one for one in self.hosts if self.fits(request, one, level, placed)]
            if not fitting:
                break
            best = min(fitting, key=lambda one: self.preference(request, one, placed))
            self.use(request, best)
            placed.append(best)
            found.append(best.hostname)
        return found

    def has_room(self, request: Request, count: int, level: Level) -> bool:
        trial = Naive(self.hosts)
        trial.free = {one: {**free, "ports": {*free["ports"]}} for one, free in self.free.items()}
        return len(trial.place(request, count, level, [])) == count

    def fits(self, request: Request, one: Host, level: Level, placed: list[Host]) -> bool:
        wish, free = request.locality, self.free[one]
        if wish is not None:
            is_near = one.hostname in wish.hosts or (level >= Level.ZONE and one.zone in wish.zones)
            if not is_near and level is not Level.ANY:
                return False
        if one.has_gpus and not request.on_gpu_hosts:
            return False
        for constraint in request.constraints:
            value = {"hostname": one.hostname, "@zone": one.zone, "rack": one.value("rack")}[constraint.field]
            standing = [other.value(constraint.field) for other in placed]
            standing = [other for other in standing if other is not None]
            if not self.admits(constraint.operator.value, constraint.value, value, standing):
                return False
        only_reserved = request.accepts == ("a",)  # and of all there is, only some cpus are reserved
        if request.resources.get("cpus") > self.cpus(request, one):
            return False
        if request.resources.get("mem") > (0 if only_reserved else free["mem"]):
            return False
        return ports_of(request, set() if only_reserved else free["ports"]) is not None

    def cpus(self, request: Request, one: Host) -> int:
        free = self.free[one]
        unreserved = 0 if request.accepts == ("a",) else free["cpus"]
        return unreserved + (0 if request.accepts == ("*",) else free["reserved"])

    @staticmethod
    def admits(operator: str, wanted: str | None, value: str | None, standing: list[str]) -> bool:
        if value is None:
            return operator == "UNLIKE"
        sizes = {other: standing.count(other) for other in standing}
        return {
            "UNIQUE": lambda: value not in sizes,
            "MAX_PER": lambda: sizes.get(value, 0) < int(wanted or 0),
            "CLUSTER": lambda: value == (wanted or (standing or [value])[0]),
            "GROUP_BY": lambda: value not in sizes
            or (len(sizes) >= int(wanted or 0) and sizes[value] == min(sizes.values())),
            "LIKE": lambda: value in ("r1", "r2"),
            "UNLIKE": lambda: value != "r1",
            "IS": lambda: value == wanted,
        }[operator]()

    def preference(self, request: Request, one: Host, placed: list[Host]) -> tuple[int, int, int]:
        """Lowest heap first, heaps and hosts in the order given, near hosts before all."""
        wish = request.locality
        order = list(self.hosts)
        if wish is not None:
            order.sort(key=lambda other: wish.of(other.hostname, other.zone))
        fields = [constraint.field for constraint in request.constraints if constraint.operator.value == "GROUP_BY"]
        fields = list(dict.fromkeys([*fields, *([request.spread] if request.spread else [])]))
        heaps = list(dict.fromkeys([tuple(other.value(field) for field in fields) for other in order]))
        heap = tuple(one.value(field) for field in fields)
        height = sum(
            sum(other.value(field) == value for other in placed)
            for field, value in zip(fields, heap, strict=True) if value is not None
        )  # fmt: skip
        return height, heaps.index(heap), order.index(one)

    def use(self, request: Request, one: Host) -> None:
        free, cpus = self.free[one], request.resources.get("cpus")
        reserved = 0 if request.accepts == ("*",) else min(cpus, free["reserved"])
        free["reserved"] -= reserved
        free["cpus"] -= cpus - reserved
        free["mem"] -= request.resources.get("mem")
        free["ports"] -= set(ports_of(request, free["ports"]) or ())


def ports_of(request: Request, free: set[int]) -> tuple[int, ...] | None:
    """The lowest that are right; of ranges, of which two right assignments may differ, test_take has more."""
    choices = [sorted(free) if wish == 0 else sorted(free & {wish}) for wish in request.ports]
    return next((chosen for chosen in itertools.product(*choices) if len({*chosen}) == len(chosen)), None)


@pytest.mark.parametrize("block", range(4))
def test_places_are_those_of_a_naive_scheduler(block: int) -> None:
    """Same hosts, same order, same rest; a gang that does not fit leaves no trace."""
    for seed in range(block * SEEDS, (block + 1) * SEEDS):
        rng = Random(seed)
        hosts = some_hosts(rng)
        naive, round = Naive(hosts), Round(hosts)
        before = {one: one.left for one in hosts}
        taken: dict[Host, list[Resources]] = {}
        for _ in range(rng.randint(1, 5)):
            request, count, level = some_request(rng), rng.randint(0, 9), rng.choice(list(Level))
            census, standing = Census(request.fields), []
            part = Part(request, count, census, level)
            if rng.random() < 0.5:
                placed = round.place_all([part])
                if not naive.has_room(request, count, level):
                    assert placed is None, seed
                    assert all(not census.groups(field) for field in census.fields), seed
                    continue
                assert placed is not None, seed
                matches = placed[0]
            else:
                matches = round.place(part)
            assert [match.host.hostname for match in matches] == naive.place(request, count, level, standing), seed
            for match in matches:
                taken.setdefault(match.host, []).append(match.share.resources)
                assert match.share.resources.quantities() == request.resources, seed
                assert len({*match.share.ports}) == len(request.ports), seed
            for field in census.fields:
                values = [one.value(field) for one in standing if one.value(field) is not None]
                assert dict(census.groups(field)) == {value: values.count(value) for value in values}, seed
        for one in hosts:
            assert one.left + sum(taken.get(one, ()), Resources()) == before[one], seed


def test_a_class_is_judged_once_for_each_host() -> None:
    """However many tasks, and however often it is asked again."""
    for seed in range(SEEDS):
        rng = Random(seed)
        hosts, request = some_hosts(rng), some_request(rng)
        asked: list[str] = []
        spy = Filter("spy", lambda request, host, view, asked=asked: asked.append(host.hostname))  # type: ignore[misc]
        round, census = Round(hosts, filters=(spy, *FILTERS)), Census(request.fields)
        for _ in range(3):
            round.place(Part(request, 2, census))
        assert sorted(asked) == sorted({*asked}), seed


def test_a_funnel_counts_every_host_once() -> None:
    """Whoever wants more than there is has looked at every host; each was used, or refused by one filter."""
    for seed in range(SEEDS):
        rng = Random(seed)
        hosts, request, count = some_hosts(rng), some_request(rng), rng.randint(0, 9)
        round, part = Round(hosts), Part(request, count, Census(request.fields))
        matches = round.place(part)
        funnel = round.funnel(part)
        assert funnel.used == len({match.host for match in matches}), seed
        if len(matches) < count:
            assert funnel.seen == len(hosts), seed
        steps = funnel.steps(names())
        assert [step.declined for step in steps] == [funnel.refused.get(name, 0) for name in names()], seed
        assert sum(step.declined for step in steps) + funnel.used == funnel.seen, seed


def test_hosts_that_have_too_little_are_not_judged() -> None:
    """They are counted all the same."""
    asked: list[str] = []
    spy = Filter("spy", lambda request, host, view: asked.append(host.hostname))
    round = Round([host("h1", "cpus:1;mem:9"), host("h2", "cpus:2;mem:9"), host("h3", "mem:9")], filters=(spy,))
    part = Part(Request.of(cpus=2), 2)
    assert [match.host.hostname for match in round.place(part)] == ["h2"]
    assert asked == ["h2"]
    assert round.funnel(part).refused == {"resources": 2}


def test_constraints_are_named_before_what_there_is_too_little_of() -> None:
    """More of it would not help."""
    round = Round([host("h1", "cpus:1;mem:9"), host("h2", "cpus:1;mem:9")])
    part = Part(Request.of(cpus=2, constraints=[("hostname", "LIKE", "h2")]), 1)
    assert round.place(part) == []
    assert round.funnel(part).refused == {"attributes": 1, "resources": 1}


def test_alike_tasks_are_taken_together() -> None:
    """Fifty thousand tasks share as many shares as there are hosts that differ in nothing."""
    hosts = [host(f"h{number}", "cpus:10;mem:1000") for number in range(50)]
    matches = Round(hosts).place(Part(Request.of(cpus=0.1, mem=1), 5_000))
    assert len(matches) == 5_000
    assert len({id(match.share) for match in matches}) == 50


def test_two_offers_of_one_agent_are_one_host_for_one_role() -> None:
    offers = [
        offer("h1", "cpus:1;mem:10", role="a", id="o1"), offer("h1", "cpus:2;mem:10", role="a", id="o2"),
        offer("h1", "cpus:8;mem:10", role="b", id="o3"),
    ]  # fmt: skip
    hosts = hosts_of(offers)
    assert [(one.place, [offer.id for offer in one.offers]) for one in hosts] == [
        (("a-h1", "a"), ["o1", "o2"]), (("a-h1", "b"), ["o3"]),
    ]  # fmt: skip
    matches = Round(hosts).place(Part(Request.of(cpus=3, role="a"), 2))
    assert [match.host for match in matches] == [hosts[0]]


def test_spread_is_even_and_does_not_wait_for_room() -> None:
    """Three zones, one of them nearly full: the others take the rest."""
    hosts = [
        host("h1", "cpus:1;mem:1", zone="z1"),
        host("h2", "cpus:9;mem:1", zone="z2"),
        host("h3", "cpus:9;mem:1", zone="z3"),
    ]
    request = Request.of(cpus=1, spread="@zone")
    census = Census(request.fields)
    assert len(Round(hosts).place(Part(request, 9, census))) == 9
    assert census.groups("@zone") == {"z1": 1, "z2": 4, "z3": 4}


def test_near_hosts_come_first_and_far_ones_when_they_may() -> None:
    near = Locality(hosts=("h2",), zones=("z3",))
    request = Request.of(cpus=4, locality=near)

    def placed(level: Level) -> list[str]:
        hosts = [host("h1", zone="z1"), host("h2", zone="z2"), host("h3", zone="z3")]
        return [match.host.hostname for match in Round(hosts).place(Part(request, 3, level=level))]

    assert placed(Level.HOST) == ["h2"]
    assert placed(Level.ZONE) == ["h2", "h3"]
    assert placed(Level.ANY) == ["h2", "h3", "h1"]


def test_a_gang_that_is_held_keeps_what_there_is() -> None:
    hosts = [host("h1", "cpus:2;mem:1"), host("h2", "cpus:1;mem:1")]
    part = Part(Request.of(cpus=1), 5)
    assert Round(hosts).place_all([part]) is None
    assert [one.left.scalar("cpus") for one in hosts] == [2000, 1000]
    held = Round(hosts).place_all([part], or_some=True)
    assert held is not None
    assert len(held[0]) == 3
    assert [one.left.scalar("cpus") for one in hosts] == [0, 0]


def test_a_gang_that_failed_is_in_nobodys_way() -> None:
    """What it could not use is there for a smaller one of the same class, and for single tasks."""
    hosts = [host("h1", "cpus:2;mem:1"), host("h2", "cpus:1;mem:1")]
    request, census = Request.of(cpus=1, constraints=[("hostname", "MAX_PER", "2")]), Census(["hostname"])
    round = Round(hosts)
    assert round.place_all([Part(request, 4, census)]) is None
    assert round.funnel(Part(request, 4, census)).seen == 2
    placed = round.place_all([Part(request, 2, census)])
    assert placed is not None
    assert [match.host.hostname for match in placed[0]] == ["h1", "h1"]
    assert [match.host.hostname for match in round.place(Part(request, 2, census))] == ["h2"]


def test_parts_of_a_gang_are_placed_together() -> None:
    hosts = [host("h1", "cpus:3;mem:1"), host("h2", "cpus:3;mem:1")]
    leader, worker = Request.of(cpus=2), Request.of(cpus=1, spread="hostname")
    parts = [Part(leader, 1), Part(worker, 5, Census(worker.fields))]
    round = Round(hosts)
    assert round.place_all(parts) is None
    placed = round.place_all([parts[0], Part(worker, 4, Census(worker.fields))])
    assert placed is not None
    assert [[match.host.hostname for match in matches] for matches in placed] == [["h1"], ["h1", "h2", "h2", "h2"]]
