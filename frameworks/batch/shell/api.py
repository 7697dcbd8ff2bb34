"""REST: jobs, tasks, schedules and events over HTTP, JSON both ways. One row of ``ROUTES`` is one call.

The OpenAPI document at ``/v1/openapi.json`` follows from these rows and from the definitions' own fields. Whatever is
refused is answered with a status and a sentence as plain text, and has changed nothing; what is answered well is kept.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import attrs
import orjson

from frameworks.batch import views, words
from frameworks.batch.dag import Dependency
from frameworks.batch.fields import Invalid, read, schema
from frameworks.batch.job import File, Job, Resources, Submission
from frameworks.batch.retry import Retry
from frameworks.batch.schedule import Schedule
from frameworks.batch.shell.program import BatchScheduler
from mesos_py import __version__
from mesos_py.machine.problem import Problem
from mesos_py.sdk import NotKept
from mesos_py.web.request import Request
from mesos_py.web.response import JSON, Chunked, HttpError, Response, json
from mesos_py.web.router import Answer

BODY_BYTES_MAX = 16 << 20
COMPLAINTS_MAX = 100
KEEPALIVE_S = 15.0  # between two lines of an event stream

SCHEMAS = (Submission, Job, Resources, File, Dependency, Retry, Schedule)


@attrs.frozen
class Call:
    """What a handler is given."""

    batch: BatchScheduler
    request: Request
    #: parts of the path by the names that they have in the route's
    parts: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.parts.get("name", "")

    @property
    def query(self) -> dict[str, str]:
        return self.request.query

    def body(self) -> Any:
        """Raises HttpError 400."""
        if len(self.request.body()) > BODY_BYTES_MAX:
            raise HttpError(413)
        try:
            return orjson.loads(self.request.body())
        except orjson.JSONDecodeError as error:
            raise HttpError(400, f"The body is no JSON: {error}") from error

    def entry(self) -> Any:
        """Raises HttpError 404."""
        entry = self.batch.core.entries.get(self.name)
        if entry is None:
            raise HttpError(404, f"there is no job '{self.name}'")
        return entry

    def plan(self) -> Any:
        """Raises HttpError 404."""
        plan = self.batch.core.plans.get(self.name)
        if plan is None:
            raise HttpError(404, f"there is no schedule '{self.name}'")
        return plan

    async def ask(self, body: Any) -> Any:
        """The reply. Raises HttpError for a Problem."""
        reply = await self.batch.ask(body)
        if isinstance(reply, Problem):
            raise HttpError(int(reply.kind), reply.text)
        return reply


Handler = Callable[[Call], Awaitable[Answer]]


@attrs.frozen
class Route:
    method: str
    #: ``{name}`` stands for one part, and so does any other word
    path: str
    handler: Handler
    #: class of what the body must be, if there is one
    takes: type[Any] | None = None

    @property
    def about(self) -> str:
        return (self.handler.__doc__ or "").strip().partition("\n")[0]


# ---- jobs


async def submit(call: Call) -> Answer:
    """Take a job, or several that depend on each other ({"jobs": [...]}), all or none; answers with their names."""
    try:
        submission = Submission.of(call.body(), call.batch.core.entries)
    except Invalid as error:
        status = 409 if error.text.endswith("already") else 400
        raise HttpError(status, str(error)) from error
    names = await call.ask(words.Submit(submission))
    answer = {"jobs": list(names), "warnings": await call.batch.warnings(submission.jobs)}
    return Response(201, orjson.dumps(answer), JSON)


async def list_jobs(call: Call) -> Answer:
    """Jobs that match ?state= (or open), user, queue, schedule, label=NAME=VALUE; the newest first; offset, limit."""
    return json({"jobs": views.jobs(call.batch.core, call.query)})


async def get_job(call: Call) -> Answer:
    """One job: its definition as it was taken, and its state."""
    return json(views.job(call.batch.core, call.entry()))


async def get_tasks(call: Call) -> Answer:
    """Its tasks that were ever started, with their attempts; ?state=, offset, limit."""
    return json({"tasks": views.tasks(call.batch.core, call.entry(), call.query)})


async def get_why(call: Call) -> Answer:
    """Why it does not run: where it stands in the line, what it waits for, what hosts lack."""
    entry = call.entry()
    found = views.why(call.batch.core, entry, call.batch.now())
    if entry.end is None and entry.broken is None:
        found["reasons"] += await call.batch.warnings([entry.job])
    return json(found)


async def cancel(call: Call) -> Answer:
    """Nothing of it is started any more, and what runs is ended."""
    return await _job(call, words.Cancel(call.name))


async def hold(call: Call) -> Answer:
    """Nothing of it is started until it is released."""
    return await _job(call, words.Hold(call.name))


async def release(call: Call) -> Answer:
    """It goes on."""
    return await _job(call, words.Release(call.name))


async def retry(call: Call) -> Answer:
    """What of an ended job has not succeeded is run again, and what was skipped because of it."""
    return await _job(call, words.Again(call.name))


async def pass_(call: Call) -> Answer:
    """An ended job counts as succeeded, and what was skipped because of it is run."""
    return await _job(call, words.Pass(call.name))


async def _job(call: Call, body: Any) -> Answer:
    await call.ask(body)
    return json(views.job(call.batch.core, call.entry()))


async def forget(call: Call) -> Answer:
    """An ended job is forgotten, with those that it was submitted with."""
    await call.ask(words.Drop(call.name))
    return Response(204)


# ---- schedules


async def list_schedules(call: Call) -> Answer:
    """All schedules."""
    core = call.batch.core
    shown = [views.schedule(core, plan) for plan in core.plans.values()]
    return json({"schedules": [*shown, *itertools.starmap(views.broken_schedule, core.broken_plans.items())]})


async def get_schedule(call: Call) -> Answer:
    """One schedule: its definition as it was put, its next time, its runs."""
    broken = call.batch.core.broken_plans.get(call.name)
    if broken is not None:
        return json(views.broken_schedule(call.name, broken))
    return json(views.schedule(call.batch.core, call.plan()))


async def put_schedule(call: Call) -> Answer:
    """The schedule is this one from now on, new or not; what runs goes on."""
    body = call.body()
    try:
        made = read(Schedule, {"name": call.name, **body} if isinstance(body, Mapping) else body)
    except Invalid as error:
        raise HttpError(400, str(error)) from error
    if made.name != call.name:
        raise HttpError(400, f"name: '{made.name}' is not the one in the path")
    await call.ask(words.PutSchedule(made))
    return json(views.schedule(call.batch.core, call.plan()))


async def drop_schedule(call: Call) -> Answer:
    """Nothing more is started for it; its runs go on."""
    await call.ask(words.DropSchedule(call.name))
    return Response(204)


async def pause(call: Call) -> Answer:
    """Nothing is started until it is resumed; times that pass meanwhile are not missed."""
    return await _schedule(call, words.PauseSchedule(call.name, True))


async def resume(call: Call) -> Answer:
    """It goes on."""
    return await _schedule(call, words.PauseSchedule(call.name, False))


async def _schedule(call: Call, body: Any) -> Answer:
    await call.ask(body)
    return json(views.schedule(call.batch.core, call.plan()))


async def run(call: Call) -> Answer:
    """It is run now, whatever the calendar says; answers with the names of the jobs."""
    names = await call.ask(words.RunSchedule(call.name))
    return Response(201, orjson.dumps({"jobs": list(names)}), JSON)


# ---- the rest


async def events(call: Call) -> Answer:
    """Server-sent events from now on: job, task_launched, task_ended, run_skipped; slow readers are cut off."""
    try:
        queue = call.batch.listen()
    except RuntimeError as error:
        raise HttpError(503, str(error)) from error
    return Chunked(_lines(call.batch, queue), "text/event-stream", headers=(("Cache-Control", "no-cache"),))


_NAMES: Mapping[type[Any], str] = {
    words.JobChanged: "job", words.TaskLaunched: "task_launched", words.TaskEnded: "task_ended",
    words.RunSkipped: "run_skipped",
}  # fmt: skip


async def _lines(batch: BatchScheduler, queue: asyncio.Queue[Any]) -> AsyncIterator[bytes]:
    try:
        yield b": events\n\n"
        while True:
            try:
                async with asyncio.timeout(KEEPALIVE_S):
                    told = await queue.get()
            except TimeoutError:
                yield b": still here\n\n"
                continue
            if told is None:
                return
            number, fact = told
            text = orjson.dumps(attrs.asdict(fact))
            yield b"id: %d\nevent: %s\ndata: %s\n\n" % (number, _NAMES[type(fact)].encode(), text)
    finally:
        batch.leave(queue)


async def health(call: Call) -> Answer:
    """Whether a master listens to us, how much there is, and what could not be understood of what was kept."""
    core = call.batch.core
    return json({
        "leading": True, "subscribed": call.batch.is_subscribed, "framework_id": call.batch.framework_id,
        "version": __version__,
        "jobs": len(core.entries), "ended": len(core.ended), "running": len(core.tasks), "schedules": len(core.plans),
        "complaints": core.complaints[:COMPLAINTS_MAX],
    })  # fmt: skip


async def openapi(call: Call) -> Answer:
    """This document."""
    return json(document())


ROUTES = (
    Route("POST", "/v1/jobs", submit, Submission), Route("GET", "/v1/jobs", list_jobs),
    Route("GET", "/v1/jobs/{name}", get_job), Route("DELETE", "/v1/jobs/{name}", forget),
    Route("GET", "/v1/jobs/{name}/tasks", get_tasks), Route("GET", "/v1/jobs/{name}/why", get_why),
    Route("POST", "/v1/jobs/{name}/cancel", cancel), Route("POST", "/v1/jobs/{name}/hold", hold),
    Route("POST", "/v1/jobs/{name}/release", release), Route("POST", "/v1/jobs/{name}/retry", retry),
    Route("POST", "/v1/jobs/{name}/pass", pass_),
    Route("GET", "/v1/schedules", list_schedules), Route("GET", "/v1/schedules/{name}", get_schedule),
    Route("PUT", "/v1/schedules/{name}", put_schedule, Schedule),
    Route("DELETE", "/v1/schedules/{name}", drop_schedule), Route("POST", "/v1/schedules/{name}/pause", pause),
    Route("POST", "/v1/schedules/{name}/resume", resume), Route("POST", "/v1/schedules/{name}/run", run),
    Route("GET", "/v1/events", events), Route("GET", "/health", health), Route("GET", "/v1/openapi.json", openapi),
)  # fmt: skip


def document() -> dict[str, Any]:
    """OpenAPI 3.1; ``/v1/leader`` is answered by ``front``."""
    leader = {
        "operationId": "leader", "summary": "Tell who leads, HOST:PORT or null, and whether this instance does.",
        "responses": {"default": {"description": "JSON, of any instance; other calls are redirected to the leader."}},
    }  # fmt: skip
    paths: dict[str, dict[str, Any]] = {"/v1/leader": {"get": leader}}
    for route in ROUTES:
        operation: dict[str, Any] = {
            "operationId": route.handler.__name__, "summary": route.about,
            "responses": {"default": {"description": "JSON, or a sentence about what is wrong as plain text."}},
        }  # fmt: skip
        if "{name}" in route.path:
            operation["parameters"] = [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}]
        if route.takes is not None:
            content = {"schema": {"$ref": f"#/components/schemas/{route.takes.__name__}"}}
            operation["requestBody"] = {"required": True, "content": {JSON: content}}
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0", "info": {"title": "mesos-batch", "version": __version__}, "paths": paths,
        "components": {"schemas": {cls.__name__: schema(cls) for cls in SCHEMAS}},
    }  # fmt: skip


class Api:
    """Answers requests; what a ``web.Server`` asks."""

    def __init__(self, batch: BatchScheduler, routes: tuple[Route, ...] = ROUTES) -> None:
        self._batch = batch
        self._routes = [(re.compile(_pattern(route.path)), route) for route in routes]

    async def __call__(self, request: Request) -> Answer:
        path = request.path.rstrip("/") or "/"
        found = [(match, route) for pattern, route in self._routes if (match := pattern.fullmatch(path)) is not None]
        if not found:
            raise HttpError(404)
        origin = request.headers.get("Origin")
        if origin is not None and origin.partition("://")[2] != request.headers.get("Host"):
            raise HttpError(403, "pages of other sites may not speak for whoever looks at them")
        for match, route in found:
            if route.method == request.method:
                try:
                    answer = await route.handler(Call(self._batch, request, match.groupdict()))
                    await self._batch.stored()  # nobody sees what a crash could take back
                    return answer
                except ValueError as error:  # of a query
                    raise HttpError(400, str(error)) from error
                except NotKept as error:
                    why = "this instance leads no more: the next one knows whether this was done"
                    raise HttpError(503, why) from error
        allowed = ", ".join(route.method for _, route in found)
        raise HttpError(405, f"405 Method Not Allowed: {allowed} may be.", (("Allow", allowed),))


def _pattern(path: str) -> str:
    return re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path))
