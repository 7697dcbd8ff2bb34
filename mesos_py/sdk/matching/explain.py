"""Why a task does not run: every filter asked about every host, and the host that came nearest.

A round stops at the first filter that refuses a host, which is what being fast takes. Here all of them answer, about
hosts as they are now: after a round, with what is left of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from mesos_py.sdk.matching.filters import FILTERS, Filter, View, group, names
from mesos_py.sdk.matching.host import Host
from mesos_py.sdk.matching.refusals import Funnel, Near, Refusal, Step, distance
from mesos_py.sdk.matching.request import Request
from mesos_py.sdk.matching.round import Part, Round
from mesos_py.sdk.matching.take import Taker


@attrs.frozen
class Judgement:
    """All that is wrong with one host; nothing: a task fits."""

    host: Host
    refusals: tuple[Refusal, ...]


@attrs.frozen
class Explanation:
    """Why a request is refused, if it is."""

    judgements: tuple[Judgement, ...]
    steps: tuple[Step, ...]
    #: None: there is no host, or one that fits
    nearest: Near | None
    #: how many tasks were asked about, and how many of them have room on all the hosts together
    wanted: int
    room: int

    @property
    def fitting(self) -> int:
        """Hosts on which a task fits."""
        return sum(not judgement.refusals for judgement in self.judgements)

    @property
    def text(self) -> str:
        """``0 of 3 hosts fit; 1 refused by attributes, 2 by resources; nearest is h2: cpus: 4 wanted, 3.5 found``."""
        if not self.judgements:
            return "no host has been offered"
        parts = [f"{self.fitting} of {len(self.judgements)} hosts fit"]
        if self.wanted > 1 and self.room:
            parts[0] += f", with room for {self.room} of {self.wanted} tasks"
        declined = [f"{step.declined} refused by {step.filter}" for step in self.steps if step.declined]
        if declined:
            parts.append(", ".join(declined))
        if self.nearest is not None:
            parts.append(f"nearest is {self.nearest.text}")
        return "; ".join(parts)


def judge(request: Request, host: Host, view: View, filters: Iterable[Filter] = FILTERS) -> tuple[Refusal, ...]:
    """Every refusal, in the order of the filters."""
    asked = [one.refuse(request, host, view) for one in filters]
    asked.append(group(request, host, view))
    return (*filter(None, asked), *Taker(request).refusals(host.left))


def explain(
    request: Request, hosts: Iterable[Host], view: View | None = None, filters: Sequence[Filter] = FILTERS,
    wanted: int = 1,
) -> Explanation:  # fmt: skip
    """Why ``wanted`` such tasks do not run. Of hosts that come equally near, the first one is named."""
    view, hosts = view or View(), tuple(hosts)
    judgements = tuple([Judgement(host, judge(request, host, view, filters)) for host in hosts])
    funnel = Funnel()
    for judgement in judgements:
        funnel.seen += 1
        if judgement.refusals:
            first = judgement.refusals[0]
            funnel.refuse(first.filter, first.name)
    best = min(judgements, key=lambda judgement: distance(judgement.refusals), default=None)
    nearest = None
    if best is not None and best.refusals:
        nearest = Near(best.host.agent_id, best.host.hostname, best.refusals)
    return Explanation(
        judgements, funnel.steps(names(filters)), nearest, wanted, room(request, hosts, view, filters, wanted)
    )


def room(request: Request, hosts: Iterable[Host], view: View, filters: Sequence[Filter], limit: int) -> int:
    """For how many tasks there is room, at most ``limit``; nothing is taken."""
    round = Round(
        [attrs.evolve(host) for host in hosts], filters=filters, now=view.now, home_region=view.home_region,
        draining_s=view.draining_s,
    )  # fmt: skip
    return len(round.place(Part(request, limit, view.census.copy(), view.level)))
