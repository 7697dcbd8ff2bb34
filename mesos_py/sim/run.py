"""One run: safety phase, heal, liveness phase, and what came of it.

::

    0 ........................... duration_s ................................ + LIVENESS_S at most
      faults, misbehaviour        heal      nothing breaks, everybody behaves
      checkers at every event               checkers still; debts must become empty, and be so for a while

A run ends early when it is settled. What ends it badly is a ``Violation`` of a checker, a failed ``check()`` or any
other exception of a core, a deadlock, or debts that are left when the time is up.
"""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any

import attrs
import structlog

from mesos_py.machine.values import SECOND, seconds
from mesos_py.sim import faults
from mesos_py.sim.census import Census
from mesos_py.sim.checkers.containers import Containers
from mesos_py.sim.checkers.facts import Facts
from mesos_py.sim.checkers.kills import Kills
from mesos_py.sim.checkers.lives import Lives
from mesos_py.sim.checkers.offers import Offers
from mesos_py.sim.checkers.presence import Presence
from mesos_py.sim.checkers.quotas import Quotas
from mesos_py.sim.checkers.tidings import Tidings
from mesos_py.sim.checkers.updates import Updates
from mesos_py.sim.checkers.writers import Writers
from mesos_py.sim.cluster import Checker, Cluster, Sabotage, Tamper
from mesos_py.sim.loop import SimLoop
from mesos_py.sim.plan import LIVENESS_S, Plan, draw
from mesos_py.sim.settled import debts

LOOK_EVERY_S = 10.0  # at the debts
PATIENCE_S = 700.0  # after healing: then all tasks are killed, since those that never end may leave no room
SETTLED_FOR = 3  # looks in a row without debts


@attrs.frozen(kw_only=True)
class Report:
    """What came of one run."""

    plan: Plan
    #: None: all is well
    violation: str | None
    #: what kind of thing it is, the same for all runs that fail for one reason
    signature: str
    #: equal for equal runs
    digest: str
    #: applied to cores
    events: int
    #: how long it was
    virtual_s: float
    tasks: int
    #: tasks by how they ended
    ends: dict[str, int]
    #: what the master and a reader's bound refused or cut off
    refusals: dict[str, int]
    #: why masters ended by themselves
    endings: dict[str, int]
    #: when each master took over, in virtual seconds, and its name
    reigns: tuple[tuple[float, str], ...]
    #: faults that have begun, by kind
    faults: dict[str, int] = attrs.Factory(dict)
    #: what came of them, see ``census``
    happened: dict[str, int] = attrs.Factory(dict)

    def text(self) -> str:
        """For a person: what failed, and how to see it again."""
        if self.violation is None:
            return f"seed {self.plan.seed}: well after {self.virtual_s:.0f} s, {self.events} events, {self.digest}"
        return f"{self.violation}\n{self.plan.text()}\nafter {self.virtual_s:.3f} virtual seconds, {self.events} events"


def simulate(seed: int) -> Report:
    """The run of ``seed``."""
    return run(draw(seed))


def run(
    plan: Plan, sabotage: Sabotage | None = None, *, tamper: Tamper | None = None, checkers: Sequence[Checker] = (),
    journal: str | None = None,
) -> Report:  # fmt: skip
    """The run of ``plan``, judged by ``checkers`` besides ours; never raises for what it finds.

    ``journal``: a directory in which everything that reaches masters and agents is recorded.
    """
    loop = SimLoop(plan.seed, lateness_max=plan.lateness_max)
    writers, facts, census = Writers(), Facts(), Census()
    offers, updates, lives = Offers(plan.offer_timeout_s), Updates(), Lives()
    cluster: Cluster | None = None
    violation, signature = None, ""

    async def main() -> None:
        nonlocal cluster
        judges: tuple[Checker, ...] = (
            writers, offers, updates, lives, Containers(), facts, Presence(), Kills(), Tidings(), Quotas(), census,
            *checkers,
        )  # fmt: skip
        cluster = Cluster(loop, plan, judges, sabotage, tamper, journal)
        faults.schedule(cluster, plan.faults)
        await asyncio.sleep(plan.duration_s)
        cluster.heal()
        await _settle(cluster, offers, updates, lives)
        cluster.stop()

    with silent():
        try:
            loop.run_until_complete(main())
        except Exception as error:
            violation, signature = _describe(error)
        finally:
            loop.close()
    ends: dict[str, int] = {}
    refusals: dict[str, int] = {}
    records = [] if cluster is None else [one for each in cluster.schedulers.values() for one in each.book.values()]
    for record in records:
        name = record.final.name.removeprefix("TASK_") if record.final is not None else "OPEN"
        ends[name] = ends.get(name, 0) + 1
    for scheduler in [] if cluster is None else cluster.schedulers.values():
        for text, count in scheduler.refusals.items():
            refusals[text[:60]] = refusals.get(text[:60], 0) + count
    return Report(
        plan=plan,
        violation=violation,
        signature=signature,
        digest="" if cluster is None else cluster.digest,
        events=0 if cluster is None else cluster.events,
        virtual_s=loop.now / SECOND,
        tasks=len(records),
        ends=ends,
        refusals=refusals,
        endings={} if cluster is None else cluster.endings,
        reigns=tuple(writers.reigns),
        faults={} if cluster is None else cluster.faults,
        happened=census.counts(facts_lost=facts.unkept, leaders=len(writers.reigns)),
    )


class NotSettled(Exception):
    """Debts are left."""


async def _settle(cluster: Cluster, offers: Offers, updates: Updates, lives: Lives) -> None:
    plan = cluster.plan
    until = cluster.loop.now + seconds(LIVENESS_S)
    clear = 0
    while clear < SETTLED_FOR:
        await asyncio.sleep(LOOK_EVERY_S)
        if plan.ends_all or cluster.loop.now > until - seconds(LIVENESS_S - PATIENCE_S):
            for scheduler in cluster.schedulers.values():
                scheduler.is_ending = True
        left = debts(cluster, offers, updates, lives)
        clear = 0 if left else clear + 1
        if left and cluster.loop.now > until:
            raise NotSettled("\n".join(left[:20]))


def _describe(error: BaseException) -> tuple[str, str]:
    """The story for a person, and the one line that tells this kind of failure from others."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, NotSettled):
        first = str(cause).partition("\n")[0]
        return f"not settled {LIVENESS_S:.0f} virtual seconds after healing:\n{cause}", f"not settled {first[:3]}"
    frames = traceback.extract_tb(cause.__traceback__)
    at = f"{frames[-1].filename.rpartition('mesos_py/')[2]}:{frames[-1].lineno}" if frames else ""
    story = "".join(traceback.format_exception(type(cause), cause, cause.__traceback__, limit=-4))
    return story.strip(), f"{type(cause).__name__} {getattr(cause, 'invariant', '')} {at}"


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Nothing is logged: what goes wrong ends the run and is told."""
    before = structlog.get_config()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory(), processors=[_silence])
    try:
        yield
    finally:
        structlog.configure(**before)


def _silence(logger: Any, name: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    raise structlog.DropEvent
