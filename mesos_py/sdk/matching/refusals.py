"""Why a host was not taken: as data, in words, and counted.

A refusal names the filter, the thing it looked at, what was wanted and what was found; its text is made of these, so
that words and data cannot differ. A ``Funnel`` counts each host under one filter that refused it: the first, but for
hosts that obviously have too little, which a round leaves out beforehand. How many came to each, how many it turned
away, is what Marathon's /v2/queue shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from mesos_py.algebra.quantities import Milli


@attrs.frozen
class Refusal:
    """One filter's no. ``missing``: how much more of ``name`` would have done, in thousandths; 0: that is no amount."""

    filter: str
    name: str
    wanted: str
    found: str
    missing: Milli = 0
    #: ``missing`` as a part of what is wanted; more than 1 for what no amount helps with
    distance: float = 2.0

    @property
    def text(self) -> str:
        return f"{self.name}: {self.wanted} wanted, {self.found or 'nothing'} found"


@attrs.frozen
class Step:
    """One filter in a funnel."""

    filter: str
    #: how many hosts came to it
    processed: int
    #: and how many of them it turned away
    declined: int


class Funnel:
    """Hosts counted by what became of them; ``merge`` adds another one."""

    __slots__ = ("refused", "seen", "things")

    def __init__(self) -> None:
        self.seen = 0
        #: by name of filter
        self.refused: dict[str, int] = {}
        #: the same by filter and the thing it looked at
        self.things: dict[tuple[str, str], int] = {}

    def refuse(self, filter: str, thing: str) -> None:
        self.refused[filter] = self.refused.get(filter, 0) + 1
        self.things[filter, thing] = self.things.get((filter, thing), 0) + 1

    def merge(self, other: Funnel) -> None:
        self.seen += other.seen
        for name, count in other.refused.items():
            self.refused[name] = self.refused.get(name, 0) + count
        for key, count in other.things.items():
            self.things[key] = self.things.get(key, 0) + count

    @property
    def used(self) -> int:
        """Hosts on which something was placed."""
        return self.seen - sum(self.refused.values())

    def steps(self, filters: Iterable[str]) -> tuple[Step, ...]:
        """One step for each filter, in the order given, those that refused nothing included."""
        steps, left = [], self.seen
        for name in filters:
            declined = self.refused.get(name, 0)
            steps.append(Step(name, left, declined))
            left -= declined
        return tuple(steps)


@attrs.frozen
class Near:
    """The host that came nearest, and all that was wrong with it: the smallest change that would fit."""

    agent_id: str
    hostname: str
    refusals: tuple[Refusal, ...]

    @property
    def text(self) -> str:
        return f"{self.hostname}: " + "; ".join(refusal.text for refusal in self.refusals)


def distance(refusals: Sequence[Refusal]) -> tuple[int, float]:
    """Smaller is nearer: first how many refusals no amount helps with, then how large a part of what is wanted is
    missing, summed up."""
    return (
        sum(refusal.distance > 1 for refusal in refusals),
        sum(refusal.distance for refusal in refusals if refusal.distance <= 1),
    )
