"""Chronos' REST API (mesos/chronos 3.0), so that clients of it go on working: its jobs are schedules and jobs of ours.

A scheduled job is a schedule whose runs have one job of the same name; a dependent job is another job of those runs,
which depends on the success of its parents. So a dependent job's parents must all hang on one scheduled job, which is
the one thing of Chronos that is not taken (400). What it would run is what we run: ``retries``, ``disabled``,
``concurrent``, ``maxCompletionTime``, ``environmentVariables``, ``fetch`` and so on are fields of ours; those that mean
nothing here (mails, custom executors) are refused where they would change what is run, and else ignored.

Unlike Chronos it answers 404 for unknown jobs, forgets nothing of a run's history, and never rewrites a schedule.
"""

from __future__ import annotations

import functools
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
from mesos_py.machine.values import MILLISECOND, Nanos
from mesos_py.web.response import JSON, REASONS, TEXT, HttpError, Response, json
from mesos_py.web.router import Answer

RETRY_DELAY_S = 60.0  # Chronos: --failure_retry
RETRIES, CPUS, MEM, DISK = 2, 0.1, 128.0, 256.0

"""Label of a job whose children run though it has failed."""

#: fields that would change what is run in a way that we cannot
_REFUSED = ("executor", "executorFlags", "taskInfoData")
_REFUSED_OF_CONTAINERS = ("volumes", "parameters", "networkName", "networkInfos")

#: operators of Chronos that are called otherwise here
_OPERATORS = {"EQUALS": "IS"}


def _job(value: Mapping[str, Any], parents: tuple[str, ...]) -> Job:
    """Raises Invalid."""
    for name in _REFUSED:
        if value.get(name):
            raise Invalid(name, "is not taken: tasks are commands")
    container = _object(value.get("container") or {}, "container")
    for name in _REFUSED_OF_CONTAINERS:
        if container.get(name):
            raise Invalid(f"container.{name}", "is not taken: of a container there is the image")
    if value.get("uris") and value.get("fetch"):
        raise Invalid("fetch", "or 'uris', not both")
    fetched = [{"uri": uri} for uri in _list(value, "uris")] + [
        {"uri": one.get("uri", ""), "extract": one.get("extract", True), "executable": one.get("executable", False),
         "cache": one.get("cache", False), "output": one.get("destPath") or ""}
        for one in _objects(value, "fetch")
    ]  # fmt: skip
    arguments = [_text(one, "arguments") for one in _list(value, "arguments")]
    is_shell = value.get("shell", True)
    made: dict[str, Any] = {
        "name": value.get("name", ""),
        "resources": {
            "cpus": value.get("cpus", CPUS), "mem": value.get("mem", MEM), "disk": value.get("disk", DISK),
        },
        "env": {one.get("name", ""): one.get("value", "") for one in _objects(value, "environmentVariables")},
        "files": fetched, "image": container.get("image", ""),
        "retry": {"max": value.get("retries", RETRIES), "delay_s": RETRY_DELAY_S, "factor": 1},
        "priority": 1 if value.get("highPriority") else 0, "constraints": _constraints(value),
        "run_as": value.get("runAsUser") or "", "depends": [{"job": parent} for parent in parents],
        "wait_for_hosts": True,  # as Chronos does; its clients know of no refusal
        "labels": {"owner": value.get("owner") or "", SOFT_ERROR: "true" if value.get("softError") else ""},
    }  # fmt: skip
    command = _text(value.get("command", ""), "command")
    made |= {"arguments": [command, *arguments]} if not is_shell else {"command": " ".join([command, *arguments])}
    if value.get("maxCompletionTime"):
        made["time_limit_s"] = value["maxCompletionTime"]
    return read(Job, made)


def _list(value: Mapping[str, Any], name: str) -> list[Any]:
    found = value.get(name) or []
    if not isinstance(found, list):
        raise Invalid(name, "must be a list")
    return found


def _object(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Invalid(path, "must be an object")
    return value


def _objects(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    return [_object(one, f"{name}[{place}]") for place, one in enumerate(_list(value, name))]


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise Invalid(path, "must be a string")
    return value


def _constraints(value: Mapping[str, Any]) -> list[Any]:
    """With the operators' names of ours; what makes no sense stays as it is, and is refused by whoever reads it."""
    return [
        [_OPERATORS.get(part, part) if place == 1 and isinstance(part, str) else part for place, part in enumerate(one)]
        if isinstance(one, list) else one
        for one in _list(value, "constraints")
    ]  # fmt: skip


def _wired(jobs: tuple[Job, ...]) -> tuple[Job, ...]:
    """Whoever depends on a job whose errors are soft runs when that has failed, too."""
    soft = {job.name for job in jobs if dict(job.labels).get(SOFT_ERROR)}
    return tuple([
        attrs.evolve(job, depends=tuple([
            attrs.evolve(need, on="completion" if need.job in soft else "success") for need in job.depends
        ]))
        for job in jobs
    ])  # fmt: skip


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
    try:
        job = _job(body, ())
        others = tuple(one for one in former.schedule.jobs if one.name != job.name) if former is not None else ()
        value = {
            "name": job.name, "interval": body.get("schedule", ""), "jobs": [{"name": job.name, "command": "x"}],
            "time_zone": body.get("scheduleTimeZone") or "UTC", "paused": bool(body.get("disabled")),
            "overlap": ALLOW if body.get("concurrent") else FORBID,
        }  # fmt: skip
        schedule = attrs.evolve(read(Schedule, value), jobs=_wired((job, *others)))
    except Invalid as error:
        raise HttpError(400, str(error)) from error
    return await _put(call, schedule)


async def put_dependent(call: Call) -> Answer:
    """Chronos: create or replace a job that runs when its parents have succeeded."""
    body = _body(call)
    parents = tuple(dict.fromkeys(map(str, _list(body, "parents"))))
    if not parents:
        raise HttpError(400, "parents: there must be one at least")
    plans = [_plan_with(call, name) for name in parents]
    if None in plans:
        raise HttpError(400, f"parents: there is no job '{parents[plans.index(None)]}'")
    roots = list(dict.fromkeys(plan.schedule.name for plan in plans if plan is not None))
    if len(roots) > 1:
        raise HttpError(400, f"parents: they hang on several scheduled jobs: {', '.join(roots)}")
    plan = plan_of(call, parents[0])
    try:
        job = _job(body, parents)
        others = tuple(one for one in plan.schedule.jobs if one.name != job.name)
        schedule = attrs.evolve(plan.schedule, jobs=_wired((*others, job)))
    except Invalid as error:
        raise HttpError(400, str(error)) from error
    return await _put(call, schedule)


def plan_of(call: Call, name: str) -> Plan:
    """The schedule that has a job of that name. Raises HttpError 404."""
    plan = _plan_with(call, name)
    if plan is None:
        raise HttpError(404, f"there is no job '{name}'")
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
    schedule, needed, told = plan.schedule, job.resources, _told(call, plan, job)
    last_success = max((at for at, is_good in told if is_good), default=0)
    last_error = max((at for at, is_good in told if not is_good), default=0)
    names = {ours: theirs for theirs, ours in _OPERATORS.items()}
    shown: dict[str, Any] = {
        "name": job.name, "command": job.command or " ".join(job.arguments), "shell": bool(job.command),
        "cpus": needed.cpus, "mem": needed.mem, "disk": needed.disk, "retries": job.retry.max,
        "disabled": schedule.paused, "concurrent": schedule.overlap == ALLOW, "highPriority": job.priority > 0,
        "softError": bool(dict(job.labels).get(SOFT_ERROR)), "owner": dict(job.labels).get("owner", ""),
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
    return shown | {"schedule": schedule.interval or schedule.cron, "scheduleTimeZone": schedule.time_zone}


def _told(call: Call, plan: Plan, job: Job) -> list[tuple[Nanos, bool]]:
    """When its runs that are remembered ended, the oldest first, and whether well. Killed ones count as neither."""
    ended = [entry for entry in runs_of(call, plan, job) if entry.end in (End.SUCCEEDED, End.FAILED)]
    return [(entry.ended, entry.end is End.SUCCEEDED) for entry in ended]


def _moment(at: Nanos) -> str:
    """``2030-01-01T02:00:00.000Z``; nothing if it never was."""
    return f"{moment_of(at):%Y-%m-%dT%H:%M:%S}.{at // MILLISECOND % 1_000:03d}Z" if at else ""


async def summary(call: Call) -> Answer:
    """Chronos: names, last outcomes and states."""
    jobs = [_summed(call, plan, job) for plan in call.batch.core.plans.values() for job in plan.schedule.jobs]
    return json({"jobs": jobs})


def _summed(call: Call, plan: Plan, job: Job) -> dict[str, Any]:
    runs, told = runs_of(call, plan, job), _told(call, plan, job)
    running = sum(bool(entry.live) for entry in runs)
    state = f"{running} running" if running else "queued" if any(entry.end is None for entry in runs) else "idle"
    status = "fresh" if not told else "success" if told[-1][1] else "failure"
    return {
        "name": job.name, "status": status, "state": state, "disabled": plan.schedule.paused,
        "schedule": plan.schedule.interval or plan.schedule.cron, "parents": [need.job for need in job.depends],
    }  # fmt: skip


def runs_of(call: Call, plan: Plan, job: Job) -> list[Any]:
    """Jobs of ours that are runs of this one, the oldest first."""
    core = call.batch.core
    members = [name for number in plan.runs for name in core.submissions.get(number, ())]
    return [core.entries[name] for name in members if name.endswith(f".{job.name}")]


async def run_now(call: Call) -> Answer:
    """Chronos: run a scheduled job, and what depends on it, now; ?arguments= come after those it has."""
    plan = plan_of(call, call.name)
    arguments = call.query.get("arguments", "").replace(";", "")  # as Chronos does
    await call.ask(words.RunSchedule(plan.schedule.name, tuple(arguments.split())))
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
            await call.ask(words.PutSchedule(attrs.evolve(plan.schedule, name=job.name, jobs=_below(job, rest))))
    return Response(204)


def _without(job: Job, gone: Job) -> Job:
    if not any(need.job == gone.name for need in job.depends):
        return job
    kept = {need.job: need for need in job.depends if need.job != gone.name}
    inherited: dict[str, Dependency] = {need.job: need for need in gone.depends}
    return attrs.evolve(job, depends=tuple({**inherited, **kept}.values()))


def _below(root: Job, jobs: tuple[Job, ...]) -> tuple[Job, ...]:
    """It, and whatever hangs on it alone."""
    names, found, is_more = {root.name: None}, [root], True
    while is_more:
        more = [
            job for job in jobs
            if job.name not in names and job.depends and all(need.job in names for need in job.depends)
        ]  # fmt: skip
        names |= {job.name: None for job in more}
        found += more
        is_more = bool(more)
    return tuple(found)


async def kill(call: Call) -> Answer:
    """Chronos: what runs of a job is ended."""
    await _end_runs(call, plan_of(call, call.name))
    return Response(204)


async def _end_runs(call: Call, plan: Plan) -> None:
    job = next(job for job in plan.schedule.jobs if job.name == call.name)
    for entry in runs_of(call, plan, job):
        if entry.end is None:
            await call.ask(words.Cancel(entry.name))


async def graph_csv(call: Call) -> Answer:
    """Chronos: ``node,name,lastResult,state`` and ``link,parent,child`` lines."""
    lines = []
    for plan in call.batch.core.plans.values():
        for job in plan.schedule.jobs:
            seen = _summed(call, plan, job)
            lines.append(f"node,{job.name},{seen['status']},{seen['state']}")
            lines += [f"link,{need.job},{job.name}" for need in job.depends]
    return Response(200, "".join(f"{line}\n" for line in lines).encode(), TEXT)


async def leader(call: Call) -> Answer:
    """Chronos: who leads, which is whoever answers."""
    return Response(200, orjson.dumps({"leader": call.request.headers.get("Host", "")}), "application/json")


BASE = "/v1/scheduler"


def route(method: str, path: str, handler: Handler) -> Route:
    """Below Chronos' path, with errors as its clients read them."""

    @functools.wraps(handler)
    async def answer(call: Call) -> Answer:
        try:
            return await handler(call)
        except HttpError as error:
            status, text = error.response.status, error.response.body.decode()
        except ValueError as error:  # of a query
            status, text = 400, str(error)
        return Response(status, orjson.dumps({"message": text, "status": REASONS[status]}), JSON)

    return Route(method, f"{BASE}{path}", answer)


ROUTES = (
    route("POST", "/iso8601", put_scheduled), route("POST", "/dependency", put_dependent),
    route("GET", "/jobs", list_jobs), route("GET", "/jobs/summary", summary), route("GET", "/jobs/search", search),
    route("GET", "/job/{name}", get_job), route("PUT", "/job/{name}", run_now), route("DELETE", "/job/{name}", remove),
    route("DELETE", "/task/kill/{name}", kill), route("GET", "/graph/csv", graph_csv), route("GET", "/leader", leader),
)  # fmt: skip
