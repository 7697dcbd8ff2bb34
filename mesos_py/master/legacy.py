"""The endpoints from before the v1 API: parameters in, views out; texts of what they refuse.

Endpoints whose calls come with later issues refuse bad input as Mesos does and answer 501 to the rest.
Mesos: src/master/http.cpp, src/master/quota_handler.cpp, src/master/weights_handler.cpp.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from mesos_py.machine.driver import Driver
from mesos_py.master.core import Master
from mesos_py.master.entities import Task
from mesos_py.master.events import ChangeWeights, RemoveQuota, SetQuota, TeardownFramework
from mesos_py.master.http import READONLY, READWRITE, Gate, tell
from mesos_py.master.paced import json_answer, last
from mesos_py.master.quotas import status_of
from mesos_py.master.views import roles, state, tasks
from mesos_py.master.views.context import Context
from mesos_py.web.request import Request
from mesos_py.web.response import Chunked, HttpError, Response, json, method_not_allowed, problem
from mesos_py.web.router import Router
from mesos_py.wire.codec import json as codec
from mesos_py.wire.codec.errors import ConversionError
from mesos_py.wire.codec.json_syntax import explain
from mesos_py.wire.ids import AgentID, FrameworkID, TaskID
from mesos_py.wire.quota import QuotaRequest
from mesos_py.wire.role import WeightInfo


class LegacyEndpoints:
    """/state and its like."""

    def __init__(self, core: Master, driver: Driver, context: Context) -> None:
        self._core = core
        self._driver = driver
        self._context = context

    def add_to(self, router: Router, gate: Gate) -> None:
        for path, handler in (
            ("/state", self.state),
            ("/state-summary", self.summary),
            ("/slaves", self.slaves),
            ("/frameworks", self.frameworks),
            ("/tasks", self.tasks),
            ("/roles", self.roles),
            ("/maintenance/status", self.maintenance_status),
        ):
            router.add(path, handler, realm=READONLY, gate=gate.leader)
        for path, handler, methods in (
            ("/weights", self.weights, ("GET", "PUT")),
            ("/quota", self.quota, ()),
            ("/maintenance/schedule", self.maintenance_schedule, ("GET", "POST")),
            ("/machine/down", self.machines, ("POST",)),
            ("/machine/up", self.machines, ("POST",)),
            ("/reserve", self.resources, ("POST",)),
            ("/unreserve", self.resources, ("POST",)),
            ("/create-volumes", self.volumes, ("POST",)),
            ("/destroy-volumes", self.volumes, ("POST",)),
            ("/teardown", self.teardown, ("POST",)),
        ):
            router.add(path, handler, realm=READWRITE, gate=gate.leader, methods=methods)
        router.add("/redirect", gate.redirect)
        router.add("/registrar(1)/registry", self.registry, realm=READONLY)

    # ---- reading

    async def state(self, request: Request) -> Response | Chunked:
        await self._driver.barrier()
        return await json_answer(state.state_pieces(self._context, self._core.state), request.query.get("jsonp"))

    async def summary(self, request: Request) -> Response | Chunked:
        await self._driver.barrier()
        return await json_answer(state.summary_pieces(self._context, self._core.state), request.query.get("jsonp"))

    async def slaves(self, request: Request) -> Response | Chunked:
        await self._driver.barrier()
        wanted = request.query.get("slave_id")
        pieces = state.slaves_pieces(self._core.state, only=AgentID(wanted) if wanted else None, full=True)
        return await json_answer(_braced(pieces), request.query.get("jsonp"))

    async def frameworks(self, request: Request) -> Response | Chunked:
        await self._driver.barrier()
        wanted = request.query.get("framework_id")
        pieces = state.frameworks_pieces(self._core.state, only=FrameworkID(wanted) if wanted else None)
        return await json_answer(_braced(pieces, b',"unregistered_frameworks":[]}'), request.query.get("jsonp"))

    async def tasks(self, request: Request) -> Response | Chunked:
        await self._driver.barrier()
        query = request.query
        framework_id, task_id = query.get("framework_id"), query.get("task_id")
        found = tasks.legacy_list(
            self._core.state,
            framework_id=FrameworkID(framework_id) if framework_id else None,
            task_id=TaskID(task_id) if task_id else None,
            limit=_number(query.get("limit"), tasks.LIMIT_DEFAULT),
            offset=_number(query.get("offset"), 0),
            ascending=query.get("order") == "asc",
        )
        return await json_answer(_braced(_array("tasks", found)), query.get("jsonp"))

    async def roles(self, request: Request) -> Response:
        await self._driver.barrier()
        found = await last(roles.figures(self._core.state, self._core.options, self._core.registry))
        return json({"roles": roles.roles_list(found, self._core.registry)}, request.query.get("jsonp"))

    async def registry(self, request: Request) -> Response:
        await self._driver.barrier()
        is_known = self._context.elected_ns is not None
        known = state.registry_object(self._core.registry, self._context.info) if is_known else {}
        return json(known, request.query.get("jsonp"))

    async def maintenance_status(self, request: Request) -> Response:
        return json({}, request.query.get("jsonp"))

    # ---- reading and changing, some of it one day

    async def weights(self, request: Request) -> Response:
        if request.method == "GET":
            await self._driver.barrier()
            return json(roles.weights_list(self._core.registry), request.query.get("jsonp"))
        body = request.body()
        shown = _shown(body)
        prefix = f"Failed to parse update weights request JSON '{shown}': "
        found = _json(body, prefix)
        if not isinstance(found, list):
            raise HttpError(400, f"{prefix}Unexpected JSON type parsed")
        try:
            infos = tuple(codec.from_value(WeightInfo, each) for each in found)
        except ConversionError as error:
            raise HttpError(400, f"Failed to convert weights JSON array to protobuf '{shown}': {error.text}") from None
        return await tell(self._driver, ChangeWeights(infos), request)

    async def quota(self, request: Request) -> Response:
        if request.method == "GET":
            await self._driver.barrier()
            return json(codec.to_value(status_of(self._core.registry.quotas)), request.query.get("jsonp"))
        if request.method == "DELETE":
            return await self._remove_quota(request)
        if request.method == "POST":
            return await self._set_quota(request)
        return method_not_allowed(("GET", "POST", "DELETE"), request.method)

    async def _remove_quota(self, request: Request) -> Response:
        path = request.path if request.path.startswith("/master/") else f"/master{request.path}"
        tokens = [token for token in path.split("/") if token]
        if len(tokens) < 3:
            counted = f"expected 3 tokens, found {len(tokens)} tokens"
            return problem(400, f"Failed to parse remove quota request for path '{path}': {counted}")
        return await tell(self._driver, RemoveQuota("/".join(tokens[2:]), path), request)

    async def _set_quota(self, request: Request) -> Response:
        shown = _shown(request.body())
        prefix = f"Failed to parse set quota request JSON '{shown}': "
        found = _json(request.body(), prefix)
        if not isinstance(found, dict):
            raise HttpError(400, f"{prefix}Unexpected JSON type parsed")
        try:
            body = SetQuota(codec.from_value(QuotaRequest, found))
        except ConversionError as error:
            raise HttpError(400, f"Failed to validate set quota request JSON '{shown}': {error.text}") from None
        return await tell(self._driver, body, request)

    async def maintenance_schedule(self, request: Request) -> Response:
        if request.method == "GET":
            return json({}, request.query.get("jsonp"))
        _json(request.body())
        return not_yet("Maintenance")

    async def machines(self, request: Request) -> Response:
        _json(request.body())
        return not_yet("Maintenance")

    async def resources(self, request: Request) -> Response:
        return self._operation(request, "resources")

    async def volumes(self, request: Request) -> Response:
        return self._operation(request, "volumes")

    def _operation(self, request: Request, field: str) -> Response:
        form = request.form()
        agent_id = AgentID(_field(form, "slaveId"))
        _json(_field(form, field).encode(), f"Error in parsing '{field}' query parameter in the request body: ")
        if agent_id not in self._core.state.agents:
            return problem(400, "No agent found with specified ID")
        return not_yet(f"Changing {field}")

    async def teardown(self, request: Request) -> Response:
        return await tell(self._driver, TeardownFramework(FrameworkID(_field(request.form(), "frameworkId"))), request)


def not_yet(what: str) -> Response:
    """The answer to well-formed calls that this master cannot do."""
    return problem(501, f"{what} is not implemented by this master.")


def _braced(pieces: Iterator[bytes], end: bytes = b"}") -> Iterator[bytes]:
    yield b"{"
    yield from pieces
    yield end


def _array(name: str, found: list[Task]) -> Iterator[bytes]:
    yield b'"%s":[' % name.encode()
    separator = b""
    for task in found:
        yield separator + tasks.task_json(task)
        separator = b","
    yield b"]"


def _field(form: dict[str, str], name: str) -> str:
    value = form.get(name)
    if value is None:
        raise HttpError(400, f"Missing '{name}' query parameter in the request body")
    return value


def _number(text: str | None, default: int) -> int:
    """What is not a number counts as not given."""
    try:
        return default if text is None else int(text)
    except ValueError:
        return default


def _json(body: bytes, prefix: str = "") -> object:
    """The body as JSON. Raises HttpError 400."""
    try:
        parsed: object = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise HttpError(400, prefix + explain(body, error.pos)) from None
    return parsed


def _shown(body: bytes) -> str:
    return body[:1000].decode("utf-8", "replace")
