"""What Chronos tells of runs, and the rest of its REST API that its clients ask for.

Chronos keeps its history in Cassandra, if there is one, and loses its histograms when it ends; here both are made of
the attempts that are remembered. Histograms are of all attempts that have ended and of which it is known when they
began, in milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from frameworks.batch import words
from frameworks.batch.elements import elements
from frameworks.batch.entry import TASK, Attempt, Entry, Task, parsed
from frameworks.batch.outcome import Outcome
from frameworks.batch.schedule import moment_of
from frameworks.batch.shell.api import Call, Route
from frameworks.batch.shell.chronos import plan_of, routes, runs_of, summed
from frameworks.batch.shell.chronos_job import DATA
from mesos_py.machine.values import MILLISECOND, SECOND, Nanos
from mesos_py.web.response import TEXT, HttpError, Response, json
from mesos_py.web.router import Answer
from mesos_py.wire.ids import TaskID

ELEMENTS_MAX = 2**53  # more than that a client in JavaScript cannot read
HISTORY_MAX = 5  # newest attempts of a job that are told; Chronos: --job_history_limit

PERCENTILES = {
    "75thPercentile": 0.75, "95thPercentile": 0.95, "98thPercentile": 0.98, "99thPercentile": 0.99, "median": 0.5,
}  # fmt: skip

Run = tuple[Entry, int, Attempt]
"""One attempt, and of which job at which position."""


def _attempts(call: Call, name: str) -> Iterator[Run]:
    """Those that have ended and are remembered, run after run."""
    plan = plan_of(call, name)
    job = next(job for job in plan.schedule.jobs if job.name == name)
    for entry in runs_of(call, plan, job):
        record = call.batch.core.records.get(f"{TASK}{entry.name}.0")
        if record is not None:
            yield from ((entry, 0, attempt) for attempt in Task.restored(entry, 0, record)[0].history)


async def stat(call: Call) -> Answer:
    """Chronos: how long the runs of a job took, and its last ones."""
    runs = list(_attempts(call, call.name))
    newest = sorted(runs, key=lambda run: -run[2].ended)[:HISTORY_MAX]
    return json({"histogram": _histogram(runs), "taskStatHistory": [_told(call, run) for run in newest]})


def _told(call: Call, run: Run) -> dict[str, Any]:
    entry, position, attempt = run
    told: dict[str, Any] = {
        "taskId": f"{entry.name}.{position}.{entry.submission}.{attempt.number}", "jobName": call.name,
        "slaveId": attempt.agent_id, "startTime": _time(attempt.started), "endTime": _time(attempt.ended),
        "status": "Success" if attempt.outcome is Outcome.SUCCEEDED else "Fail",
    }  # fmt: skip
    if attempt.started is not None:
        told["duration"] = _duration((attempt.ended - attempt.started) // SECOND)
    if dict(entry.job.labels).get(DATA):
        told["numElementsProcessed"] = elements(call.batch.core, entry).get(told["taskId"], 0)
    return told


def _time(at: Nanos | None) -> str:
    return "N/A" if at is None else f"{moment_of(at):%m/%d/%y %H:%M:%S}"


def _duration(whole_s: int) -> str:
    """``2h5s``: parts that are nothing are left out, but seconds."""
    minutes, seconds = divmod(whole_s, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{amount}{unit}" for amount, unit in ((days, "d"), (hours, "h"), (minutes, "m")) if amount]
    return "".join([*parts, f"{seconds}s"])


def _histogram(runs: Sequence[Run]) -> dict[str, float]:
    took = sorted(
        (attempt.ended - attempt.started) / MILLISECOND for _, _, attempt in runs if attempt.started is not None
    )
    told = {name: percentile(took, part) for name, part in PERCENTILES.items()}
    return told | {"mean": sum(took) / len(took) if took else 0.0, "count": len(took)}


def percentile(ordered: Sequence[float], part: float) -> float:
    """As Chronos' library has it (com.codahale.metrics Snapshot.getValue): between the two values next to it."""
    place = part * (len(ordered) + 1)
    if not ordered or place < 1:
        return ordered[0] if ordered else 0.0
    if place >= len(ordered):
        return ordered[-1]
    low = math.floor(place)
    return ordered[low - 1] + (place - low) * (ordered[low] - ordered[low - 1])


async def progress(call: Call) -> Answer:
    """Chronos: a task of a data job has processed more: {"numAdditionalElementsProcessed": n}."""
    plan, task_id, body = plan_of(call, call.name), TaskID(call.parts["task"]), call.body()
    job = next(job for job in plan.schedule.jobs if job.name == call.name)
    more = body.get("numAdditionalElementsProcessed") if isinstance(body, dict) else None
    ours = parsed(task_id)
    if ours is None or ours[0] not in [entry.name for entry in runs_of(call, plan, job)]:
        raise HttpError(400, f"Invalid task id format {task_id}")
    if not dict(job.labels).get(DATA):
        raise HttpError(400, f"Job '{call.name}' is not enabled to track data")
    if type(more) is not int or not 0 <= more <= ELEMENTS_MAX:
        raise HttpError(400, f"numAdditionalElementsProcessed ({more}) is not positive")
    await call.ask(words.Processed(task_id, more))
    return Response(204)


async def stats(call: Call) -> Answer:
    """Chronos: jobs by how long they take: 75thPercentile to 99thPercentile, median, mean; seconds."""
    if call.name not in (*PERCENTILES, "mean"):
        return json([])
    names = [job.name for plan in call.batch.core.plans.values() for job in plan.schedule.jobs]
    times = {name: _histogram(runs)[call.name] / 1e3 for name in names if (runs := list(_attempts(call, name)))}
    return json([{"jobNameLabel": name, "time": times[name]} for name in sorted(times, key=lambda one: -times[one])])


async def mark(call: Call) -> Answer:
    """Chronos: the last run of a job counts as succeeded, and what depends on it is run."""
    plan = plan_of(call, call.name)
    job = next(job for job in plan.schedule.jobs if job.name == call.name)
    runs, done = runs_of(call, plan, job), False
    if runs and runs[-1].end is not None:
        try:
            await call.ask(words.Pass(runs[-1].name))
            done = True
        except HttpError as error:
            if error.response.status != 409:
                raise
    return Response(200, f"marked job {call.name} as successful: {str(done).lower()}".encode(), TEXT)


async def graph_csv(call: Call) -> Answer:
    """Chronos: ``node,name,lastResult,state`` and ``link,parent,child`` lines."""
    lines = []
    for plan in call.batch.core.plans.values():
        for job in plan.schedule.jobs:
            seen = summed(call, plan, job)
            lines.append(f"node,{job.name},{seen['status']},{seen['state']}")
            lines += [f"link,{need.job},{job.name}" for need in job.depends]
    return Response(200, "".join(f"{line}\n" for line in lines).encode(), TEXT)


async def graph_dot(call: Call) -> Answer:
    """Chronos: what depends on what, for graphviz."""
    lines = ["digraph G {"]
    for plan in call.batch.core.plans.values():
        for job in plan.schedule.jobs:
            lines += [f'  "{job.name}";', *[f'  "{need.job}" -> "{job.name}";' for need in job.depends]]
    return Response(200, "\n".join([*lines, "}", ""]).encode(), TEXT)


async def ping(call: Call) -> Answer:
    """Chronos: here we are."""
    return Response(200, b"pong", TEXT)


async def metrics(call: Call) -> Answer:
    """Chronos: numbers, by the names that they have here."""
    core = call.batch.core
    gauges = {
        "batch.jobs": len(core.entries), "batch.jobs.ended": len(core.ended), "batch.tasks.running": len(core.tasks),
        "batch.tasks.starting": core.starting, "batch.schedules": len(core.plans),
    }  # fmt: skip
    told: dict[str, Any] = {"version": "3.0.0", "gauges": {name: {"value": value} for name, value in gauges.items()}}
    body = orjson.dumps(told | {kind: {} for kind in ("counters", "histograms", "meters", "timers")})
    return Response(200, body, "application/json")


ROUTES = (
    *routes("GET", "/job/stat/{name}", stat), *routes("PUT", "/job/success/{name}", mark),
    *routes("POST", "/job/{name}/task/{task}/progress", progress),
    *routes("GET", "/stats/{name}", stats), *routes("GET", "/graph/dot", graph_dot),
    *routes("GET", "/graph/csv", graph_csv),
    Route("GET", "/ping", ping), Route("GET", "/metrics", metrics),
)  # fmt: skip
