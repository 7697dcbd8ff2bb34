"""The queue for those who ask: what waits, and what became of the offers.

How often offers were of no use, and why, is counted as they come. What is wrong with the last offer of each agent is
found out when somebody asks: it is judged as it was left, against what runs by now. So a spec that waits costs nothing
while nobody looks, and who looks sees all reasons of every agent.

Source: mesosphere/marathon .../core/launchqueue/LaunchStats.scala, .../api/v2/QueueResource (json/Formats.scala).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import Pod
from frameworks.marathon_py.launching import backoff, reasons
from frameworks.marathon_py.launching.backoff import config_of
from frameworks.marathon_py.launching.queue import Entry
from frameworks.marathon_py.launching.request import census, hindrance, request
from mesos_py.machine.values import Nanos
from mesos_py.sdk.matching import Census, Filter, Host, Refusal, Request, View
from mesos_py.sdk.matching.explain import judge

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon


@attrs.frozen
class Step:
    """One reason in the order in which offers are counted: how many had come so far, how many it turned away."""

    reason: str
    processed: int
    declined: int


@attrs.frozen
class Unused:
    """The last offer of an agent, which is of no use. What was left of it is ``host.left``."""

    host: Host
    at: Nanos
    refusals: tuple[Refusal, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """All of them, in Marathon's words; there may be none."""
        return reasons.of(self.refusals)


@attrs.frozen(kw_only=True)
class Attempt:
    """What there is too little of, in one role."""

    spec: App | Pod
    role: str
    #: instances that are to be launched, or were asked for and not heard of
    count: int
    since: Nanos
    #: until then nothing is launched after a failure; None: it need not wait
    not_before: Nanos | None
    #: offers that were looked at for it, and those that were no use
    processed: int
    unused: int
    last_used_at: Nanos | None
    last_unused_at: Nanos | None
    #: of all offers since it began, and of the last one of each agent
    all_offers: tuple[Step, ...]
    last_offers: tuple[Step, ...]
    offers: tuple[Unused, ...]


def attempts(m: Marathon, now: Nanos) -> Iterator[Attempt]:
    """Everything that is in the queue. Things may go on between two of them."""
    judging = Judging(m, now)
    for spec_id in list(m.queue):
        for role in list(m.queue.get(spec_id, ())):
            entry = m.queue.get(spec_id, {}).get(role)
            spec = spec_in(m, spec_id, role)
            if entry is not None and spec is not None:
                yield _attempt(m, judging, spec, role, entry, now)


def _attempt(m: Marathon, judging: Judging, spec: App | Pod, role: str, entry: Entry, now: Nanos) -> Attempt:
    offers = tuple([one for one in judging.of(spec, entry.since) if one.refusals])
    counts: dict[str, int] = {}
    for one in offers:
        name = reasons.first(one.reasons)
        if name is not None:
            counts[name] = counts.get(name, 0) + 1
    return Attempt(
        spec=spec, role=role, count=len(entry.launching), since=entry.since,
        not_before=backoff.until(m, config_of(spec), now), processed=entry.processed, unused=entry.unused,
        last_used_at=entry.last_used_at, last_unused_at=entry.last_unused_at,
        all_offers=_steps(reasons.counted(entry.funnel)), last_offers=_steps(counts), offers=offers,
    )  # fmt: skip


def _steps(counts: dict[str, int]) -> tuple[Step, ...]:
    """All ten, in order."""
    left, steps = sum(counts.values()), []
    for name in reasons.FUNNEL:
        declined = counts.get(name, 0)
        steps.append(Step(name, left, declined))
        left -= declined
    return tuple(steps)


def spec_in(m: Marathon, spec_id: PathId, role: str) -> App | Pod | None:
    """The definition that waits in that role: today's, unless that has another one."""
    current = m.specs.get(spec_id)
    if current is not None and current.role == role:
        return current
    found = [one.spec for one in m.of_spec.get(spec_id, {}).values() if one.spec.role == role]
    return max(found, key=lambda spec: spec.version, default=None)


class Judging:
    """Equal requests are judged once, unless constraints look at other instances."""

    def __init__(self, m: Marathon, now: Nanos) -> None:
        self._m, self._now = m, now
        self._known: dict[Request, tuple[Unused, ...]] = {}

    def of(self, spec: App | Pod, since: Nanos) -> tuple[Unused, ...]:
        """The last offers of agents since then; those without refusals would have done."""
        if hindrance(self._m, spec) is not None:
            return ()
        asked = request(self._m, spec)
        counted = census(self._m, spec, asked)
        filters = reasons.filters(self._m, spec)
        if asked.fields or filters is not reasons.FILTERS:
            found = self._judge(asked, counted, filters)
        else:
            if asked not in self._known:
                self._known[asked] = self._judge(asked, counted, filters)
            found = self._known[asked]
        return tuple([one for one in found if one.at >= since])

    def _judge(self, asked: Request, counted: Census, filters: tuple[Filter, ...]) -> tuple[Unused, ...]:
        m = self._m
        view = View(self._now, m.home_region, reasons.draining_s(m), census=counted)
        return tuple([
            Unused(seen.host, seen.at, judge(asked, seen.host, view, filters))
            for place, seen in m.seen.items() if place[1] == asked.role
        ])  # fmt: skip
