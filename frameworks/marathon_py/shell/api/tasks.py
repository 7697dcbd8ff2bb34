"""Tasks, of one app or of all, looked at and killed.

Source: mesosphere/marathon .../api/v2/TasksResource.scala, AppTasksResource.scala, .../api/EndpointsHelper.scala.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions import paths
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.fields import items, read_as, text
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.service_ports import service_ports
from frameworks.marathon_py.instances.instance import Instance, InstanceTask, instance_of
from frameworks.marathon_py.shell.api import errors, paced
from frameworks.marathon_py.shell.api.apps import app_of
from frameworks.marathon_py.shell.api.call import Call, answer, read, started
from frameworks.marathon_py.shell.api.errors import Failed
from frameworks.marathon_py.shell.api.site import Row
from frameworks.marathon_py.views import tasks as views
from mesos_py.web.response import JSON, Response
from mesos_py.web.router import Answer
from mesos_py.wire.ids import TaskID

Found = tuple[Instance, InstanceTask]

TEXT = "text/plain"
TEXT_FEATURE = "text_plain_tasks"  # of --deprecated_features
_STATES = {"running": "TASK_RUNNING", "staging": "TASK_STAGING"}
_TASK_ID = re.compile(r".+[._][^._]+")  # of all releases


# ---- reading


async def list_tasks(call: Call) -> Answer:
    """All tasks of apps; status: running or staging ones only."""
    lines = _as_text(call, _apps(call))
    if lines is not None:
        return lines
    named = [*call.query.get("status", ()), *call.query.get("status[]", ())]
    wanted = [_STATES[one] for one in named if one in _STATES]
    there = [pair for app in _apps(call) for pair in _tasks_of(call, app)]
    found = [pair for pair in there if not wanted or views.state(pair[1]) in wanted]
    return await paced.array("tasks", (partial(views.task, call.core, *pair) for pair in found))


def _apps(call: Call) -> Iterator[App]:
    return (one for one in call.core.specs.values() if isinstance(one, App) and call.may("view", one))


def _tasks_of(call: Call, app: App) -> list[Found]:
    return list(views.placed(call.core.of(PathId(app.id))))


def _as_text(call: Call, apps: Iterable[App]) -> Response | None:
    """For load balancers of former days, where that is still asked for; None: as JSON. Raises Failed 406."""
    if call.accepts(JSON):
        return None
    if TEXT_FEATURE not in (call.program.flags.get("deprecated_features") or ()) or not call.accepts(TEXT):
        raise Failed(406)
    return Response(200, "".join(_lines(call, apps)).encode(), TEXT)


def _lines(call: Call, apps: Iterable[App]) -> Iterator[str]:
    """Each app's service ports, and where its tasks have theirs."""
    for app in sorted(apps, key=lambda one: one.id):
        name = paths.safe(PathId(app.id))
        running = [pair for pair in _tasks_of(call, app) if views.state(pair[1]) == views.RUNNING]
        hosts = [(one.placed.hostname if one.placed is not None else "", task) for one, task in running]
        ports = service_ports(app)
        if not ports:
            yield f"{name}\t \t" + "".join(f"{host}\t" for host, _ in hosts) + "\n"
        for index, port in enumerate(ports):
            ends = [f"{host}:{_port(task, index)}\t" for host, task in hosts]
            yield f"{name}\t{port}\t{''.join(ends)}\n"


def _port(task: InstanceTask, index: int) -> int:
    return (task.host_ports[index] if index < len(task.host_ports) else None) or 0


async def list_of_app(call: Call) -> Answer:
    """The tasks of an app."""
    apps = [app_of(call, call.path_id)]
    lines = _as_text(call, apps)
    return lines if lines is not None else await _listed(call, apps)


async def list_below(call: Call) -> Answer:
    """The tasks of all apps of a group and of the groups below it."""
    group = call.core.root.group(call.path_id)
    if group is None:
        raise errors.no_group(call.path_id)
    return await _listed(call, (one for one in group.all_specs() if isinstance(one, App) and call.may("view", one)))


async def _listed(call: Call, apps: Iterable[App]) -> Answer:
    found = [pair for app in apps for pair in _tasks_of(call, app)]
    shown = (partial(views.task, call.core, *pair, with_service_ports=False) for pair in found)
    return await paced.array("tasks", shown)


# ---- killing


async def kill_of_app(call: Call) -> Answer:
    """The tasks of an app, or those on one host, are killed: to be launched again, or, with scale, for good."""
    _look_at_flags(call)
    app = app_of(call, call.path_id)
    host = call.text("host")
    found = [
        pair for pair in _tasks_of(call, app)
        if host in (None, "*") or (pair[0].placed is not None and pair[0].placed.hostname == host)
    ]  # fmt: skip
    return await _kill(call, found, "tasks")


async def kill_one(call: Call) -> Answer:
    """One task of an app is killed."""
    _look_at_flags(call)
    app = app_of(call, call.path_id)
    name = call.parts["task"]
    found = [pair for pair in _tasks_of(call, app) if pair[1].id == name]
    if not found:
        raise errors.no_task(name)
    return await _kill(call, found, "task")


async def kill_many(call: Call) -> Answer:
    """The tasks of these ids are killed; those that there are not are none."""
    _look_at_flags(call)
    body = call.json()
    ids: tuple[str, ...] = read(partial(read_as, items(text())), body.get("ids") if isinstance(body, dict) else body)
    wrong = next((one for one in ids if _TASK_ID.fullmatch(one) is None), None)
    if wrong is not None:
        raise Failed(400, f"Invalid task id '{wrong}'. [It names no app]")
    found = [pair for one in dict.fromkeys(ids) for pair in _task(call, one)]
    for app in dict.fromkeys(instance.spec_id for instance, _ in found):
        call.need("update", app)
    return await _kill(call, found, "tasks")


def _task(call: Call, name: str) -> Iterator[Found]:
    instance = call.core.instances.get(instance_of(TaskID(name)) or "")
    if instance is not None and isinstance(instance.spec, App):
        yield from (pair for pair in views.placed([instance]) if pair[1].id == name)


def _look_at_flags(call: Call) -> None:
    """Raises Failed 400, before anything else is looked at."""
    if call.flag("scale") and call.flag("wipe"):
        raise Failed(400, "You cannot use scale and wipe at the same time.")


async def _kill(call: Call, found: list[Found], name: str) -> Answer:
    """Answers with the tasks as they were."""
    shown: list[Any] = [views.task(call.core, *pair) for pair in found]
    ids = tuple(dict.fromkeys(instance.id for instance, _ in found))
    reply = await call.ask(words.KillInstances(ids, call.flag("scale"), call.flag("wipe"), call.flag("force")))
    if isinstance(reply, words.Started):
        return started(reply)
    return answer({name: shown[0] if name == "task" else shown})


_KILLING = ("scale", "wipe", "force")

ROWS = (
    Row(method="GET", path="/v2/tasks", handler=list_tasks, query=("status",), produces=""),
    Row(method="POST", path="/v2/tasks/delete", handler=kill_many, takes="TaskIds", query=_KILLING),
    Row(method="GET", path="/v2/apps/*/tasks", handler=list_below),
    Row(method="GET", path="/v2/apps/{id}/*/tasks", handler=list_below),
    Row(method="GET", path="/v2/apps/{id}/tasks", handler=list_of_app, action="view", produces=""),
    Row(
        method="DELETE", path="/v2/apps/{id}/tasks", handler=kill_of_app, action="update",
        query=("host", *_KILLING),
    ),
    Row(method="DELETE", path="/v2/apps/{id}/tasks/{task}", handler=kill_one, action="update", query=_KILLING),
)  # fmt: skip
