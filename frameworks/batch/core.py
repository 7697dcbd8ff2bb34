"""Batch jobs: what is started when, and what is made of its end. Pure; its shell is ``shell.program``.

::

    submit.py    jobs taken, cancelled, held, run again, forgotten       offers.py   offers used, held, given back
    updates.py   what became of tasks                                    demand.py   jobs with something to start
    calendar.py  schedules: runs that are due                            begun.py    what a predecessor has left
    settle.py    what a change of one job means for it and others    elements.py what tasks have processed

It stands behind a session of the SDK, which keeps every task before it is asked for, repeats kills until they have
worked, and acknowledges an update when we have dealt with it. What is promised here:

* **A job that was taken is not lost.** The reply to a submission leaves when its record is kept.
* **At least once.** A task is run again when nobody can know whether it has done its work: its host is lost, or out of
  reach for ``unreachable_s``. With ``on_lost: fail`` it is at most once, and has failed then. Nothing else runs a task
  twice: an end is kept before it is acknowledged, and the session's book says what was asked for.
* **A gang** has all of its tasks running or done, or none but those that are being ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import attrs

from frameworks.batch import begun, calendar, demand, elements, holds, offers, preempt, submit, updates, words
from frameworks.batch.broken import Broken
from frameworks.batch.calendar import Plan
from frameworks.batch.dag import Verdict, verdict
from frameworks.batch.entry import TASK, Entry, State, Task
from frameworks.batch.holds import Held
from frameworks.batch.outcome import Outcome
from frameworks.batch.shares import Shares
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table, dispatch
from mesos_py.machine.timers import Timers
from mesos_py.machine.values import Nanos
from mesos_py.sdk.launcher import wishes
from mesos_py.sdk.matching import Host
from mesos_py.sdk.session.behind import SESSION, Kept
from mesos_py.wire.ids import AgentID, OfferID, TaskID
from mesos_py.wire.offer import Offer
from mesos_py.wire.scheduler_api import Call

if TYPE_CHECKING:
    from random import Random

ROWS = Table.merge(
    submit.table, begun.table, offers.table, holds.table, updates.table, wishes.table, calendar.table, preempt.table,
    elements.table,
)  # fmt: skip


@attrs.frozen(kw_only=True)
class Habits:
    """What holds for all jobs."""

    #: how long what is not used is not offered again, unless more is wanted meanwhile
    refuse_s: float = 120.0
    #: at least so long between two requests for offers
    revive_every_s: float = 1.0
    #: how long a job may hold offers that are not enough yet
    hold_s: float = 60.0
    #: a job that has found no room for so long may hold, too, not only a gang
    patience_s: float = 60.0
    #: a job that has found no room for so long may have tasks of lower priority ended; None: never
    preempt_after_s: float | None = 30.0
    #: tasks that were asked for and are not known to run; beyond that nothing more is started. Without a bound the
    #: updates of a large array come faster than they are dealt with, and masters leave those who are slow
    starting_max: int = 2_000
    #: launched in one turn, of some 50 ms, before others have theirs; a gang is launched whole
    launches_max: int = 200
    #: jobs that have ended and are remembered; the oldest are forgotten beyond that
    ended_max: int = 10_000


class Batch:
    """All jobs. Only its own methods and those of the tables change it."""

    def __init__(self, rng: Random, habits: Habits | None = None) -> None:
        self.rng = rng
        self.habits = habits or Habits()
        self.entries: dict[str, Entry] = {}
        self.plans: dict[str, Plan] = {}
        #: schedules that cannot be understood
        self.broken_plans: dict[str, Broken] = {}
        #: what was wrong with the records that earlier runs have kept
        self.complaints: list[str] = []
        #: those that live
        self.tasks: dict[TaskID, Task] = {}
        #: jobs that have something to start, by role and name
        self.waiting: dict[str, dict[str, Entry]] = {}
        #: names of those that depend on a job, by its name
        self.dependants: dict[str, dict[str, None]] = {}
        #: names of the jobs of each submission that are known still
        self.submissions: dict[int, dict[str, None]] = {}
        #: jobs that have ended, and submissions all of whose jobs have; in that order
        self.ended: dict[str, None] = {}
        self.over: dict[int, None] = {}
        #: submissions that are runs of schedules and have just ended
        self.ended_runs: dict[int, None] = {}
        #: tasks that were asked for and are not known to run
        self.starting = 0
        self.shares = Shares()
        self.timers = Timers()
        self.next_submission = 1
        self.has_begun = False
        #: everything that is kept of us: what is asked for rarely is read here
        self.records: dict[str, bytes] = {}
        self.hold: Held | None = None
        #: offers that are still to be looked at, as the timer "match" says
        self.unused: dict[OfferID, Offer] = {}
        #: roles in which offers are wanted, as we have said; in which they are to be asked for again; in which
        #: something was given back since they were last asked for
        self.wanted: dict[str, None] = {}
        self.renewed: dict[str, None] = {}
        self.refused: dict[str, None] = {}
        #: something was not started because too much is starting
        self.is_full = False
        #: the last that each agent offered
        self.seen: dict[AgentID, Host] = {}
        self._cause = 0

    def apply(self, event: Event, now: Nanos) -> Frame:
        """Everything ``event`` causes. What it has in ``writes`` must survive before ``sends`` leave."""
        self._cause += 1
        out = Frame(now, self._cause)
        dispatch(ROWS, self, event, out)
        calendar.settle_runs(self, out)
        holds.forget(self, out)
        wishes.settle(self, out)
        preempt.settle(self, out)
        return out

    def deadline(self) -> Nanos | None:
        return self.timers.deadline()

    # ---- the ways in which things change

    def keep(self, name: str, contents: bytes | None, out: Frame) -> None:
        """The record survives."""
        if contents is None:
            if self.records.pop(name, None) is None:
                return
        else:
            self.records[name] = contents
        out.write(Kept(name, contents))

    def launch(self, task: Task, host: Host, out: Frame) -> None:
        """It is asked for, on that host."""
        entry = task.entry
        entry.ready.pop(task.position, None)
        task.state, task.attempt = State.LIVE, task.attempt + 1
        task.agent_id, task.hostname, task.container_id = host.agent_id, host.hostname, ""
        task.started, task.is_running, task.stop = out.now, False, None
        entry.since = out.now
        task.values = host.values(entry.census.fields)  # the census has them from the round
        self.be_live(task, out.now)
        if entry.started is None:
            entry.started = out.now
            out.change(words.JobChanged(entry.name, "running", entry.schedule))

    def be_live(self, task: Task, now: Nanos) -> None:
        task.entry.live[task.position] = task
        self.tasks[task.id] = task
        self.starting += 1
        self.shares.add(task.entry.job.user, task.entry.cost, now)

    def be_running(self, task: Task, now: Nanos) -> None:
        """It is known to run; whoever waited for that may be started."""
        if not task.is_running:
            task.is_running = True
            self.starting -= 1
            demand.relax(self, now)

    def leave(self, task: Task, now: Nanos) -> None:
        """It does not live any more."""
        entry = task.entry
        self.be_running(task, now)
        del self.tasks[task.id], entry.live[task.position]
        self.timers.cancel(("unreachable", task.id))
        self.shares.remove(entry.job.user, entry.cost, now)
        entry.census.remove(task.values)
        task.values, task.stop = {}, None

    def wait(self, task: Task, not_before: Nanos, now: Nanos) -> None:
        """It is to be run again, not before then."""
        entry = task.entry
        if not_before > now:
            task.state, task.not_before = State.DELAYED, not_before
            entry.delayed[task.position] = task
            self.timers.set(("retry", *self.key(task)), not_before, words.RetryDue(entry.name, task.position))
        else:
            task.state = State.READY
            entry.ready[task.position] = task

    def kill(self, task: Task, outcome: Outcome, out: Frame) -> None:
        """It is to end; if it does not end well, the end will be called that."""
        if task.stop is None:
            kill = Call.Kill(task_id=task.id, agent_id=task.agent_id)
            out.send(SESSION, Call(type=Call.Type.KILL, kill=kill))
        task.stop = outcome

    @staticmethod
    def key(task: Task) -> tuple[str, int]:
        return task.entry.name, task.position

    # ---- looking

    def waiting_entries(self) -> Iterator[Entry]:
        for entries in self.waiting.values():
            yield from entries.values()

    def positions(self, entry: Entry) -> Iterable[int]:
        """Of its tasks; of a job that cannot be understood those that anything is known of, too."""
        if entry.broken is None:
            return range(entry.job.size)
        prefix = f"{TASK}{entry.name}."
        kept = (name.removeprefix(prefix) for name in self.records if name.startswith(prefix))
        return sorted({*range(entry.job.size), *entry.live, *(int(one) for one in kept if one.isdecimal())})

    def verdict(self, entry: Entry) -> Verdict:
        """Whether what it depends on has ended as it must; what is forgotten has."""
        known = {need.job: self.entries.get(need.job) for need in entry.job.depends}
        needs = [need for need in entry.job.depends if known[need.job] is not None]
        return verdict(needs, {name: other.end for name, other in known.items() if other is not None})

    def check(self) -> None:
        """What is always true."""
        live: dict[TaskID, Task] = {}
        for name, entry in self.entries.items():
            assert name == entry.name
            assert name in self.submissions[entry.submission]
            positions = [*entry.fresh, *entry.ready, *entry.delayed, *entry.live, *entry.done]
            assert len({*positions}) == len(positions), (name, positions)
            for tasks, state in (
                (entry.ready, State.READY), (entry.delayed, State.DELAYED), (entry.live, State.LIVE),
                (entry.done, State.DONE),
            ):  # fmt: skip
                assert all(task.state is state and task.position == at for at, task in tasks.items())
            assert all(("retry", name, position) in self.timers for position in entry.delayed)
            live |= {task.id: task for task in entry.live.values()}
            if entry.broken is not None:
                assert entry.end is not None or not entry.startable
            elif entry.end is None:
                known = entry.succeeded + entry.failed - len(entry.done)
                assert len(positions) + known == entry.job.size, (name, positions, known)
                assert not entry.is_over
            else:
                assert entry.is_over
                assert name in self.ended
            is_waiting = name in self.waiting.get(entry.job.queue, {})
            assert not is_waiting or entry.startable
            if entry.job.gang and entry.end is None and entry.broken is None:
                is_whole = len(entry.live) + len(entry.done) == entry.job.gang
                assert is_whole or all(task.stop is not None for task in entry.live.values())
        assert live == self.tasks
        assert self.starting == sum(not task.is_running for task in live.values())
        assert all(self.waiting.values())
        assert self.wanted.keys() == self.waiting.keys()
        assert (self.hold is not None) == ("hold" in self.timers)
        assert not self.unused or "match" in self.timers
        assert self.hold is None or not self.hold.offers.keys() & self.unused.keys()
