"""What a change of one job means: for its gang, for whether it wants offers, for its end, and for who waits for that.

``settle`` is called after whatever has changed a job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from frameworks.batch import demand, words
from frameworks.batch.dag import End, Verdict
from frameworks.batch.entry import ELEMENTS, JOB, SUBMISSION, TASK, Entry, State, Task
from frameworks.batch.outcome import Outcome
from mesos_py.algebra.ranges import Ranges
from mesos_py.machine.frame import Frame
from mesos_py.machine.values import seconds

if TYPE_CHECKING:
    from frameworks.batch.core import Batch


def settle(m: Batch, entry: Entry, out: Frame) -> None:
    """Everything is as the job's tasks say."""
    if entry.end is not None:
        return
    if entry.job.gang and entry.stop is None and entry.broken is None:
        _mend(m, entry, out)
    if entry.stop is not None:
        give_up(m, entry)
        for task in entry.live.values():
            m.kill(task, entry.stop, out)
    if entry.is_over:
        end(m, entry, _end_of(entry), out)
    else:
        demand.want(m, entry, entry.startable > 0, out)


def _mend(m: Batch, entry: Entry, out: Frame) -> None:
    """All of a gang run or have succeeded, or all of them will be run again, or none."""
    if entry.failed:
        give_up(m, entry)
        for task in entry.live.values():
            m.kill(task, Outcome.CANCELLED, out)
    elif entry.fresh or entry.ready or entry.delayed:
        for task in entry.live.values():
            m.kill(task, Outcome.PREEMPTED, out)
        for task in list(entry.done.values()):
            del entry.done[task.position]
            entry.succeeded -= 1
            m.wait(task, out.now, out.now)
            m.keep(task.record_name, task.record("again"), out)


def give_up(m: Batch, entry: Entry) -> None:
    """What does not live will not."""
    entry.failed += len(entry.fresh) + len(entry.ready) + len(entry.delayed)
    entry.fresh = Ranges()
    for position in entry.delayed:
        m.timers.cancel(("retry", entry.name, position))
    entry.ready.clear()
    entry.delayed.clear()


def _end_of(entry: Entry) -> End:
    if entry.failed <= entry.job.tolerates and entry.stop is not Outcome.TIMED_OUT:
        return End.SUCCEEDED
    return End.CANCELLED if entry.stop is Outcome.CANCELLED else End.FAILED


def end(m: Batch, entry: Entry, how: End, out: Frame) -> None:
    """The job has ended, and those that wait for that know. One after the other: chains may be long."""
    work = [(entry, how)]
    while work:
        one, its_end = work.pop()
        one.end, one.ended = its_end, out.now
        one.fresh = Ranges()
        one.done.clear()
        demand.want(m, one, False, out)
        m.timers.cancel(("deadline", one.name))
        m.keep(f"{JOB}{one.name}", one.record(), out)
        be_ended(m, one)
        out.change(words.JobChanged(one.name, its_end.value, one.schedule))
        if one.schedule and one.submission in m.over:
            m.ended_runs[one.submission] = None
        for name in m.dependants.get(one.name, ()):
            other = m.entries[name]
            if other.end is None and other.is_pending:
                found = m.verdict(other)
                if found is Verdict.NEVER:
                    work.append((other, End.SKIPPED))
                elif found is Verdict.READY:
                    other.is_pending = False
                    settle(m, other, out)
    for number in [number for number in m.over if len(m.ended) > m.habits.ended_max]:
        if len(m.ended) > m.habits.ended_max and not needed(m, number):
            forget(m, number, out)


def be_ended(m: Batch, entry: Entry) -> None:
    """It is among those that have ended, and is forgotten when its submission is old."""
    m.ended[entry.name] = None
    members = [m.entries[name] for name in m.submissions[entry.submission]]
    if all(one.end is not None for one in members):
        m.over[entry.submission] = None
        at = max(one.ended + seconds(one.job.keep_s) for one in members)
        m.timers.set(("forget", entry.submission), at, words.ForgetDue(entry.name))


def needed(m: Batch, number: int) -> list[str]:
    """Names of jobs of other submissions that wait for one of this."""
    return [
        other
        for name in m.submissions[number] for other in m.dependants.get(name, ())
        if m.entries[other].end is None and m.entries[other].submission != number
    ]  # fmt: skip


def forget(m: Batch, number: int, out: Frame) -> None:
    """Nothing is kept of the submission, whose jobs have ended. Its definition goes first: what is left of a job that
    was not taken is removed by whoever comes next."""
    m.keep(f"{SUBMISSION}{number}", None, out)
    m.timers.cancel(("forget", number))
    m.over.pop(number, None)
    for name in m.submissions.pop(number):
        entry = m.entries.pop(name)
        m.ended.pop(name, None)
        m.keep(f"{JOB}{name}", None, out)
        m.keep(f"{ELEMENTS}{name}", None, out)
        for position in m.positions(entry):
            m.keep(f"{TASK}{name}.{position}", None, out)
        for need in entry.job.depends:
            m.dependants.get(need.job, {}).pop(name, None)
        m.dependants.pop(name, None)
        out.change(words.JobChanged(name, "forgotten", entry.schedule))


def reopen(m: Batch, entry: Entry, out: Frame) -> None:
    """What of it has not succeeded is to be run again; of a gang all."""
    m.ended.pop(entry.name, None)
    m.over.pop(entry.submission, None)
    m.timers.cancel(("forget", entry.submission))
    entry.end, entry.stop, entry.ended = None, None, 0
    entry.succeeded = entry.failed = 0
    entry.counted_from = out.now
    fresh = []
    for position in range(entry.job.size):
        record = m.records.get(f"{TASK}{entry.name}.{position}")
        if record is None:
            fresh.append((position, position))
            continue
        task, then = Task.restored(entry, position, record)
        if then == "succeeded" and not entry.job.gang:
            entry.succeeded += 1
            continue
        task.failures = task.losses = 0
        task.state = State.READY
        entry.ready[position] = task
        m.keep(task.record_name, task.record("again"), out)
    entry.fresh = Ranges(fresh)
    entry.is_pending = m.verdict(entry) is not Verdict.READY
    m.keep(f"{JOB}{entry.name}", entry.record(), out)
    arm_deadline(m, entry)
    out.change(words.JobChanged(entry.name, entry.state, entry.schedule))


def arm_deadline(m: Batch, entry: Entry) -> None:
    if entry.job.deadline_s is not None:
        at = entry.counted_from + seconds(entry.job.deadline_s)
        m.timers.set(("deadline", entry.name), at, words.DeadlineDue(entry.name))


