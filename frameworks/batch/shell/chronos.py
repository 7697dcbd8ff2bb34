"""Chronos' REST API (mesos/chronos 3.0), so that clients of it go on working: its jobs are schedules and jobs of ours.

A scheduled job is a schedule whose runs have one job of the same name; a dependent job is another job of those runs,
which depends on the success of its parents. So a dependent job's parents must all hang on one scheduled job, which is
the one thing of Chronos that is not taken (400). What it would run is what we run: ``retries``, ``disabled``,
``concurrent``, ``maxCompletionTime``, ``environmentVariables``, ``fetch`` and so on are fields of ours; those that mean
nothing here (mails, custom executors) are refused where they would change what is run, and else ignored.

Unlike Chronos it forgets nothing of a run's history, and never rewrites a schedule.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

import attrs
import orjson

from frameworks.batch import words
from frameworks.batch.calendar import Plan
from frameworks.batch.dag import Dependency, End
from frameworks.batch.fields import Invalid, read
from frameworks.batch.job import Job
from frameworks.batch.launching import SOFT_ERROR
from frameworks.batch.schedule import ALLOW, FORBID, Schedule, moment_of
from frameworks.batch.shell.api import Call, Handler, Route
from frameworks.batch.shell.chronos_job import (
    DATA,
    DESCRIPTION,
    OPERATORS,
    OWNER_NAME,
    SCHEDULE,
    as_list,
    read_job,
    wired,
)  # fmt: skip
from mesos_py.machine.values import MILLISECOND, Nanos
from mesos_py.web.response import JSON, REASONS, HttpError, Response, json
from mesos_py.web.router import Answer

UNREAD = "Cannot parse schedule"
_ZONE = re.compile(r"(?<=\d)(?:Z|[+-]\d\d:?\d\d)$", re.ASCII)


def _body(call: Call) -> Mapping[str, Any]:
    body = call.body()
    if not isinstance(body, Mapping):
        raise HttpError(400, "must be an object")
    return body


async def _put(call: Call, schedule: Schedule) -> Answer:
    await call.ask(words.PutSchedule(schedule))
    return Response(204)


async def put_scheduled(call: Call) -> Answer:
    """Chronos: create or replace a scheduled job."""
    body = _body(call)
    former = call.batch.core.plans.get(str(body.get("name")))
    zone, told = body.get("scheduleTimeZone") or "", body.get("schedule") or ""
    interval = _local(told) if zone and isinstance(told, str) else told
    try:
        job = read_job(body, ())
        if interval != told:
            job = attrs.evolve(job, labels=tuple(sorted([*job.labels, (SCHEDULE, told)])))
        others = tuple(one for one in former.schedule.jobs if one.name != job.name) if former is not None else ()
        value = {
            "name": job.name, "interval": interval, "jobs": [{"name": job.name, "command": "x"}],
            "time_zone": zone or "UTC", "paused": bool(body.get("disabled")),
            "overlap": ALLOW if body.get("concurrent") else FORBID,
        }  # fmt: skip
        schedule = attrs.evolve(read(Schedule, value), jobs=wired((job, *others)))
    except Invalid as error:
        if error.path not in ("interval", "cron"):  # "cron" if there is no schedule at all
            raise HttpError(400, str(error)) from error
        why = error.text.partition(": ")[2] if error.text.startswith(UNREAD) else error.text
        raise HttpError(400, f"{UNREAD} '{told}': {why}") from error
    return await _put(call, schedule)


def _local(schedule: str) -> str:
    """Chronos reads the start again in the time zone, whatever zone it has said itself."""
    repeat, slash, rest = schedule.partition("/")
    start, second, period = rest.partition("/")
    return f"{repeat}{slash}{_ZONE.sub('', start)}{second}{period}"


async def put_dependent(call: Call) -> Answer:
    """Chronos: create or replace a job that runs when its parents have succeeded."""
    body = _body(call)
    parents = tuple(dict.fromkeys(map(str, as_list(body, "parents"))))
    if not parents:
        raise HttpError(400, "parents: there must be one at least")
    plans = [_plan_with(call, name) for name in parents]
    if None in plans:
        raise HttpError(400, f"parents: Job '{parents[plans.index(None)]}' not found")
    roots = list(dict.fromkeys(plan.schedule.name for plan in plans if plan is not None))
    if len(roots) > 1:
        raise HttpError(400, f"parents: they hang on several scheduled jobs: {', '.join(roots)}")
    plan = plan_of(call, parents[0])
    try:
        job = read_job(body, parents)
        others = tuple(one for one in plan.schedule.jobs if one.name != job.name)
        schedule = attrs.evolve(plan.schedule, jobs=wired((*others, job)))
    except Invalid as error:
        raise HttpError(400, str(error)) from error
    return await _put(call, schedule)


def plan_of(call: Call, name: str) -> Plan:
    """The schedule that has a job of that name. Raises HttpError 400: Chronos knows no 404."""
    plan = _plan_with(call, name)
    if plan is None:
        raise HttpError(400, f"Job '{name}' not found")
    return plan


def _plan_with(call: Call, name: str) -> Plan | None:
    plans = call.batch.core.plans.values()
    return next((plan for plan in plans if any(job.name == name for job in plan.schedule.jobs)), None)


async def list_jobs(call: Call) -> Answer:
    """Chronos: all jobs."""
    plans = call.batch.core.plans.values()
    return json([_shown(call, plan, job) for plan in plans for job in plan.schedule.jobs])


async def search(call: Call) -> Answer:
    """Chronos: jobs whose name or command contains ?name=, command= or any=; offset, limit."""
    wanted = {key: call.query[key].lower() for key in ("name", "command", "any") if key in call.query}
    found = [_shown(call, plan, job) for plan in call.batch.core.plans.values() for job in plan.schedule.jobs]
    found = [one for one in found if all(_contains(one, key, text) for key, text in wanted.items())]
    offset, limit = int(call.query.get("offset", "0")), int(call.query.get("limit", "10"))
    return json(found[max(offset, 0) :][: max(limit, 0)])


def _contains(shown: dict[str, Any], key: str, text: str) -> bool:
    keys = ("name", "command") if key == "any" else (key,)
    return any(text in str(shown[one]).lower() for one in keys)


async def get_job(call: Call) -> Answer:
    """Chronos: one job."""
    plan = plan_of(call, call.name)
    return json(next(_shown(call, plan, job) for job in plan.schedule.jobs if job.name == call.name))


def _shown(call: Call, plan: Plan, job: Job) -> dict[str, Any]:
    schedule, needed, told, labels = plan.schedule, job.resources, _told(call, plan, job), dict(job.labels)
    last_success = max((at for at, is_good in told if is_good), default=0)
    last_error = max((at for at, is_good in told if not is_good), default=0)
    names = {ours: theirs for theirs, ours in OPERATORS.items()}
    shown: dict[str, Any] = {
        "name": job.name, "command": job.command or " ".join(job.arguments), "shell": bool(job.command),
        "cpus": needed.cpus, "mem": needed.mem, "disk": needed.disk, "retries": job.retry.max,
        "disabled": schedule.paused, "concurrent": schedule.overlap == ALLOW, "highPriority": job.priority > 0,
        "softError": bool(labels.get(SOFT_ERROR)), "owner": labels.get("owner", ""),
        "ownerName": labels.get(OWNER_NAME, ""), "description": labels.get(DESCRIPTION, ""),
        "dataProcessingJobType": bool(labels.get(DATA)),
        "environmentVariables": [{"name": name, "value": value} for name, value in job.env],
        "fetch": [{"uri": file.uri, "extract": file.extract, "executable": file.executable, "cache": file.cache}
                  for file in job.files],
        "constraints": [
            [part for part in (one.field, names.get(one.operator.value, one.operator.value), one.value) if part]
            for one in job.constraints
        ],
        "runAsUser": job.run_as, "maxCompletionTime": job.time_limit_s or 0,
        "successCount": plan.succeeded, "errorCount": plan.failed,
        "errorsSinceLastSuccess": sum(not is_good and at > last_success for at, is_good in told),
        "lastSuccess": _moment(last_success), "lastError": _moment(last_error),
    }  # fmt: skip
    if job.image:
        shown["container"] = {"type": "DOCKER", "image": job.image}
    if job.depends:
        return shown | {"parents": [need.job for need in job.depends]}
    return shown | {"schedule": _schedule(plan), "scheduleTimeZone": schedule.time_zone}


def _schedule(plan: Plan) -> str:
    """As it was posted."""
    told = (dict(job.labels).get(SCHEDULE) for job in plan.schedule.jobs)
    return next(filter(None, told), plan.schedule.interval or plan.schedule.cron)


def _told(call: Call, plan: Plan, job: Job) -> list[tuple[Nanos, bool]]:
    """When its runs that are remembered ended, the oldest first, and whether well. Killed ones count as neither."""
    ended = [entry for entry in runs_of(call, plan, job) if entry.end in (End.SUCCEEDED, End.FAILED)]
    return [(entry.ended, entry.end is End.SUCCEEDED) for entry in ended]


def _moment(at: Nanos) -> str:
    """``2030-01-01T02:00:00.000Z``; nothing if it never was."""
    return f"{moment_of(at):%Y-%m-%dT%H:%M:%S}.{at // MILLISECOND % 1_000:03d}Z" if at else ""


async def summary(call: Call) -> Answer:
    """Chronos: names, last outcomes and states."""
    jobs = [summed(call, plan, job) for plan in call.batch.core.plans.values() for job in plan.schedule.jobs]
    return json({"jobs": jobs})


def summed(call: Call, plan: Plan, job: Job) -> dict[str, Any]:
    runs, told = runs_of(call, plan, job), _told(call, plan, job)
    running = sum(bool(entry.live) for entry in runs)
    state = f"{running} running" if running else "queued" if any(entry.end is None for entry in runs) else "idle"
    status = "fresh" if not told else "success" if told[-1][1] else "failure"
    return {
        "name": job.name, "status": status, "state": state, "disabled": plan.schedule.paused,
        "schedule": _schedule(plan), "parents": [need.job for need in job.depends],
    }  # fmt: skip


def runs_of(call: Call, plan: Plan, job: Job) -> list[Any]:
    """Jobs of ours that are runs of this one, the oldest first."""
    core = call.batch.core
    members = [name for number in plan.runs for name in core.submissions.get(number, ())]
    return [core.entries[name] for name in members if name.endswith(f".{job.name}")]


async def run_now(call: Call) -> Answer:
    """Chronos: run a job, and what depends on it, now; ?arguments= come after those it has."""
    plan = plan_of(call, call.name)
    arguments = tuple(call.query.get("arguments", "").replace(";", "").split())  # as Chronos does
    is_whole = not next(job for job in plan.schedule.jobs if job.name == call.name).depends
    await call.ask(words.RunSchedule(plan.schedule.name, arguments, "" if is_whole else call.name))
    return Response(204)


async def remove(call: Call) -> Answer:
    """Chronos: a job is no more, and what runs of it is ended; those that depend on it depend on its parents."""
    plan = plan_of(call, call.name)
    await _end_runs(call, plan)
    gone = next(job for job in plan.schedule.jobs if job.name == call.name)
    rest = tuple(_without(job, gone) for job in plan.schedule.jobs if job.name != call.name)
    if gone.depends:
        return await _put(call, attrs.evolve(plan.schedule, jobs=rest))
    await call.ask(words.DropSchedule(plan.schedule.name))
    for job in rest:  # children of a scheduled job have its schedule
        if not job.depends:
            left = attrs.evolve(plan.schedule, name=job.name, jobs=rest)
            await call.ask(words.PutSchedule(attrs.evolve(left, jobs=left.below(job.name))))
    return Response(204)


def _without(job: Job, gone: Job) -> Job:
    if not any(need.job == gone.name for need in job.depends):
        return job
    kept = {need.job: need for need in job.depends if need.job != gone.name}
    inherited: dict[str, Dependency] = {need.job: need for need in gone.depends}
    return attrs.evolve(job, depends=tuple({**inherited, **kept}.values()))


async def kill(call: Call) -> Answer:
    """Chronos: what runs of a job is ended."""
    await _end_runs(call, plan_of(call, call.name))
    return Response(204)


async def _end_runs(call: Call, plan: Plan) -> None:
    job = next(job for job in plan.schedule.jobs if job.name == call.name)
    for entry in runs_of(call, plan, job):
        if entry.end is None:
            await call.ask(words.Cancel(entry.name))


async def leader(call: Call) -> Answer:
    """Chronos: who leads, which is whoever answers."""
    return Response(200, orjson.dumps({"leader": call.request.headers.get("Host", "")}), "application/json")


BASES = ("/v1/scheduler", "/scheduler")  # the latter before Chronos 3


def routes(method: str, path: str, handler: Handler) -> tuple[Route, ...]:
    """Below Chronos' paths, with errors as its clients read them."""

    @functools.wraps(handler)
    async def answer(call: Call) -> Answer:
        try:
            return await handler(call)
        except HttpError as error:
            status, text = error.response.status, error.response.body.decode()
        except ValueError as error:  # of a query
            status, text = 400, str(error)
        return Response(status, orjson.dumps({"message": text, "status": REASONS[status]}), JSON)

    return tuple(Route(method, f"{base}{path}", answer) for base in BASES)


ROUTES = (
    *routes("POST", "/iso8601", put_scheduled), *routes("POST", "/dependency", put_dependent),
    *routes("GET", "/jobs", list_jobs), *routes("GET", "/jobs/summary", summary),
    *routes("GET", "/jobs/search", search), *routes("GET", "/job/{name}", get_job),
    *routes("PUT", "/job/{name}", run_now), *routes("DELETE", "/job/{name}", remove),
    *routes("DELETE", "/task/kill/{name}", kill), *routes("GET", "/leader", leader),
)  # fmt: skip
