"""What people see: jobs, tasks, schedules, and why a job does not run. Functions of the core that change nothing.

Times are ISO 8601 in UTC; None where nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from frameworks.batch.broken import Broken
from frameworks.batch.calendar import Plan, next_of
from frameworks.batch.core import Batch
from frameworks.batch.dag import End
from frameworks.batch.entry import TASK, Attempt, Entry, Kept, State, Task
from frameworks.batch.fields import show
from frameworks.batch.outcome import Outcome
from frameworks.batch.queue import Line
from frameworks.batch.schedule import moment_of
from mesos_py.machine.usage import Usage
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.sdk.matching import Host, View, explain

MIB = 1 << 20
LISTED_MAX = 1_000  # of a list, at once
FAILURES_SHOWN, LOOKED_AT_MAX = 3, 100_000  # of the tasks of a job, to say why it has failed


def time_text(nanos: Nanos | None) -> str | None:
    return None if not nanos else moment_of(nanos).isoformat().replace("+00:00", "Z")


# ---- jobs


def summary(entry: Entry) -> dict[str, Any]:
    """A row of a list."""
    return {
        "name": entry.name, "state": entry.state, "user": entry.job.user, "queue": entry.job.queue,
        "priority": entry.job.priority, "schedule": entry.schedule or None, "submitted": time_text(entry.submitted),
        "started": time_text(entry.started), "ended": time_text(entry.ended), "held": entry.is_held,
        "broken": entry.broken.why if entry.broken is not None else None,
        "tasks": {
            "total": entry.job.size, "succeeded": entry.succeeded, "failed": entry.failed, "running": len(entry.live),
            "waiting": len(entry.fresh) + len(entry.ready) + len(entry.delayed),
        },
    }  # fmt: skip


def job(m: Batch, entry: Entry) -> dict[str, Any]:
    """All of it, with its definition exactly as it was taken."""
    dependants, broken = list(m.dependants.get(entry.name, ())), entry.broken
    definition = show(entry.job) if broken is None or broken.definition is None else broken.definition
    return summary(entry) | {"due": time_text(entry.due), "dependants": dependants, "definition": definition}


def jobs(m: Batch, query: dict[str, str]) -> list[dict[str, Any]]:
    """Those that match, the newest first; ``offset`` and ``limit`` of them. Raises ValueError."""
    found = [entry for entry in reversed(m.entries.values()) if _matches(entry, query)]
    return [summary(entry) for entry in _page(found, query)]


def _matches(entry: Entry, query: dict[str, str]) -> bool:
    state = query.get("state")
    if state is not None and state != entry.state and not (state == "open" and entry.end is None):
        return False
    label = query.get("label")
    if label is not None:
        name, _, value = label.partition("=")
        if dict(entry.job.labels).get(name) != value:
            return False
    return all(
        query.get(key) in (None, value)
        for key, value in (("user", entry.job.user), ("queue", entry.job.queue), ("schedule", entry.schedule))
    )


def _page(found: list[Any], query: dict[str, str]) -> list[Any]:
    offset, limit = int(query.get("offset", "0")), int(query.get("limit", str(LISTED_MAX)))
    if offset < 0 or not 0 < limit <= LISTED_MAX:
        raise ValueError(f"offset must be 0 or more, limit 1 to {LISTED_MAX}")
    return found[offset : offset + limit]


# ---- tasks


def tasks(m: Batch, entry: Entry, query: dict[str, str]) -> list[dict[str, Any]]:
    """Those that were ever started, by index, with all attempts that are remembered. Raises ValueError."""
    wanted = query.get("state")
    found = [one for one in _tasks(m, entry) if wanted in (None, one["state"])]
    return list(_page(found, query))


def _tasks(m: Batch, entry: Entry) -> Iterator[dict[str, Any]]:
    for position in m.positions(entry):
        task = entry.live.get(position) or entry.ready.get(position) or entry.delayed.get(position)
        record = m.records.get(f"{TASK}{entry.name}.{position}")
        if task is None and record is None:
            continue
        kept = Kept.of(record) if record is not None else Kept("", ())
        yield {
            "index": entry.job.index(position), "state": _state(task) if task is not None else kept.then,
            "running": _running(task) if task is not None and task.state is State.LIVE else None,
            "attempts": [_attempt(entry, position, attempt) for attempt in kept.history],
        }  # fmt: skip


def _state(task: Task) -> str:
    if task.state is not State.LIVE:
        return str(task.state.value)
    if task.stop is not None:
        return "stopping"
    return "running" if task.is_running else "starting"


def _running(task: Task) -> dict[str, Any]:
    return {
        "task_id": task.id, "attempt": task.attempt, "agent_id": task.agent_id, "hostname": task.hostname or None,
        "container_id": task.container_id or None, "started": time_text(task.started),
    }  # fmt: skip


def _attempt(entry: Entry, position: int, attempt: Attempt) -> dict[str, Any]:
    """``reserved_cpu_seconds`` is what was set aside for it; the rest of usage is as far as its agent says (docs)."""
    ran_s = (attempt.ended - attempt.started) / SECOND if attempt.started is not None else None
    return {
        "task_id": f"{entry.name}.{position}.{entry.submission}.{attempt.number}", "attempt": attempt.number,
        "outcome": attempt.outcome.value, "exit_code": attempt.exit_code, "signal": attempt.signal,
        "message": attempt.message, "agent_id": attempt.agent_id, "hostname": attempt.hostname or None,
        "container_id": attempt.container_id or None, "started": time_text(attempt.started),
        "ended": time_text(attempt.ended), "seconds": ran_s,
        "reserved_cpu_seconds": None if ran_s is None else ran_s * entry.job.resources.cpus, **_usage(attempt.usage),
    }  # fmt: skip


def _usage(usage: Usage | None) -> dict[str, Any]:
    """None: not known. ``memory_of`` is what ``memory_mb`` was the most of: all of it, or one process."""
    if usage is None:
        return {"cpu_seconds": None, "memory_mb": None, "memory_of": None}
    most, of = (usage.peak_bytes, "container") if usage.peak_bytes is not None else (usage.largest_bytes, "process")
    return {
        "cpu_seconds": (usage.user_us + usage.system_us) / 1e6,
        "memory_mb": None if most is None else round(most / MIB, 1), "memory_of": None if most is None else of,
    }  # fmt: skip


# ---- why


def why(m: Batch, entry: Entry, now: Nanos) -> dict[str, Any]:
    """Where it stands in the line, what it waits for, and what would fit."""
    reasons = list(_reasons(m, entry, now))
    position = None
    explanation = None
    if entry.name in m.waiting.get(entry.job.queue, {}):
        line = [one.name for one in Line(m.waiting_entries(), m.shares, now).rest()]
        position = line.index(entry.name) + 1
        found = explain(entry.request, _hosts(m, entry), View(now=now, census=entry.census))
        explanation = found.text
        if not reasons:
            reasons.append("it waits for offers" if position == 1 else f"{position - 1} jobs are served before it")
    return {
        "job": entry.name, "state": entry.state, "position": position, "reasons": reasons, "offers": explanation,
        "share": m.shares.level(entry.job.user, now),
    }  # fmt: skip


def _hosts(m: Batch, entry: Entry) -> list[Host]:
    return [host for host in m.seen.values() if host.place[1] == entry.job.queue]


def _reasons(m: Batch, entry: Entry, now: Nanos) -> Iterator[str]:
    if entry.end is not None:
        yield f"it has ended: {entry.end.value}"
        yield from _causes(m, entry)
        return
    if entry.stop is not None:
        yield f"it is being ended ({entry.stop.value}); {len(entry.live)} tasks run still"
    if entry.broken is not None:
        yield f"nothing of it is started: {entry.broken.why}"
    if entry.is_held:
        yield "it is held"
    if entry.is_pending:
        for need in entry.job.depends:
            other = m.entries.get(need.job)
            if other is not None and other.end is None:
                yield f"it waits for the {need.on} of '{need.job}', which is {other.state}"
    if entry.delayed:
        soonest = min(task.not_before for task in entry.delayed.values())
        yield f"{len(entry.delayed)} tasks wait after a failure, the first for {(soonest - now) / SECOND:.0f} s more"
    if entry.live and not (entry.fresh or entry.ready or entry.delayed):
        yield f"all that is left of it runs: {len(entry.live)} of {entry.job.size} tasks"
    elif len(entry.live) >= entry.job.parallel_max:
        yield f"{len(entry.live)} of its tasks run, and no more may at a time"
    if entry.job.gang and entry.live and any(task.stop is not None for task in entry.live.values()):
        yield "the rest of its gang has still to end before it is started again"


def _causes(m: Batch, entry: Entry) -> Iterator[str]:
    """Why it has not ended well, as far as that is remembered."""
    if entry.end is End.SKIPPED:
        for need in entry.job.depends:
            other = m.entries.get(need.job)
            if other is not None and other.end is not None:
                yield f"it needed the {need.on} of '{need.job}', which has {_ended(other.end)}"
    if entry.stop is Outcome.TIMED_OUT:
        yield "its deadline has passed"
    if entry.failed and entry.end is not End.SKIPPED:
        yield f"{entry.failed} of {entry.job.size} tasks have not succeeded"
        yield from islice(_failures(m, entry), FAILURES_SHOWN)


def _ended(end: End) -> str:
    return end.value if end in (End.SUCCEEDED, End.FAILED) else f"been {end.value}"


def _failures(m: Batch, entry: Entry) -> Iterator[str]:
    for position in islice(m.positions(entry), LOOKED_AT_MAX):
        record = m.records.get(f"{TASK}{entry.name}.{position}")
        kept = Kept.of(record) if record is not None else None
        if kept is not None and kept.then == "failed" and kept.history:
            last = kept.history[-1]
            more = f": {last.message}" if last.message else ""
            yield f"index {entry.job.index(position)}, attempt {last.number}: {last.outcome.value}{more}"


# ---- schedules


def schedule(m: Batch, plan: Plan) -> dict[str, Any]:
    """Its definition exactly as it was taken, and how it goes."""
    runs = [number for number in plan.runs if number in m.submissions]
    return {
        "name": plan.schedule.name, "paused": plan.schedule.paused, "next": next_of(m, plan),
        "succeeded": plan.succeeded, "failed": plan.failed, "skipped": plan.skipped,
        "runs": [_run(m, number) for number in runs[-plan.schedule.keep_runs :]],
        "definition": show(plan.schedule), "broken": None,
    }  # fmt: skip


def broken_schedule(name: str, broken: Broken) -> dict[str, Any]:
    """One that nothing is run for until it is put again."""
    return {
        "name": name, "paused": False, "next": None, "succeeded": 0, "failed": 0, "skipped": 0, "runs": [],
        "definition": broken.definition, "broken": broken.why,
    }  # fmt: skip


def _run(m: Batch, number: int) -> dict[str, Any]:
    members = [m.entries[name] for name in m.submissions[number]]
    return {"due": time_text(members[0].due), "jobs": {one.name: one.state for one in members}}
