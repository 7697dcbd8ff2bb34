"""POST /api/v1: the operator API. One row per call: what is read, what is changed, what is not there yet.

Reads wait behind the driver's barrier, so that nobody is shown a fact that may not survive. Calls that come with later
issues refuse what Mesos refuses about their form and the agents they name, and answer 501 to the rest.
Mesos: src/master/http.cpp Master::Http::api.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import chain
from typing import Any

import structlog

from mesos_py.build import VERSION
from mesos_py.files import Files
from mesos_py.machine.driver import Driver
from mesos_py.master.core import Master
from mesos_py.master.events import ChangeQuota, ChangeWeights, MarkGone, RemoveQuota, SetQuota, TeardownFramework
from mesos_py.master.http import tell
from mesos_py.master.legacy import not_yet
from mesos_py.master.paced import collect, json_answer, last
from mesos_py.master.quotas import status_of
from mesos_py.master.streams import ENCODERS, Operators
from mesos_py.master.validation.calls import MASTER_PAYLOADS, master_call
from mesos_py.master.views import agents, frameworks, roles, state, tasks
from mesos_py.master.views.context import Context
from mesos_py.master.views.sections import (
    Section,
    json_pieces,
    protobuf_pieces,
    respond,
    subscribed_json,
    subscribed_protobuf,
)
from mesos_py.web import negotiate
from mesos_py.web.calls import decode
from mesos_py.web.metrics import MetricsEndpoints
from mesos_py.web.request import Request
from mesos_py.web.response import JSON, OK, HttpError, Response, problem
from mesos_py.web.router import Answer
from mesos_py.web.system import LoggingLevel
from mesos_py.wire.ids import AgentID
from mesos_py.wire.maintenance import ClusterStatus, Schedule
from mesos_py.wire.master_api import Call
from mesos_py.wire.master_api import Response as Told
from mesos_py.wire.misc import Flag, Metric

log = structlog.get_logger(__name__)

_Type = Call.Type

#: What a call asks for, told as a section, made when it is encoded.
SECTIONS: dict[Call.Type, Callable[[Any], Section]] = {
    _Type.GET_STATE: state.get_state,
    _Type.GET_AGENTS: agents.get_agents,
    _Type.GET_FRAMEWORKS: frameworks.get_frameworks,
    _Type.GET_EXECUTORS: frameworks.get_executors,
    _Type.GET_TASKS: tasks.get_tasks,
}

#: What a call that changes something says to the core, made of the call's payload.
WORDS: dict[Call.Type, Callable[[Any], Any]] = {
    _Type.TEARDOWN: lambda said: TeardownFramework(said.framework_id),
    _Type.MARK_AGENT_GONE: lambda said: MarkGone(said.agent_id),
    _Type.UPDATE_WEIGHTS: lambda said: ChangeWeights(said.weight_infos),
    _Type.UPDATE_QUOTA: lambda said: ChangeQuota(said.quota_configs, bool(said.force)),
    _Type.SET_QUOTA: lambda said: SetQuota(said.quota_request),
    _Type.REMOVE_QUOTA: lambda said: RemoveQuota(said.role),
}


class OperatorEndpoint:
    """Calls of operators."""

    def __init__(
        self,
        core: Master,
        driver: Driver,
        context: Context,
        *,
        files: Files,
        operators: Operators,
        metrics: MetricsEndpoints,
        logging: LoggingLevel,
    ) -> None:
        self._core = core
        self._driver = driver
        self._context = context
        self._files = files
        self._operators = operators
        self._metrics = metrics
        self._logging = logging
        self._reads: dict[Call.Type, Callable[[Call], Told | Awaitable[Told]]] = {
            _Type.GET_HEALTH: self._health,
            _Type.GET_FLAGS: self._flags,
            _Type.GET_VERSION: self._version,
            _Type.GET_METRICS: self._get_metrics,
            _Type.GET_LOGGING_LEVEL: self._logging_level,
            _Type.LIST_FILES: self._list_files,
            _Type.READ_FILE: self._read_file,
            _Type.GET_ROLES: self._roles,
            _Type.GET_WEIGHTS: self._weights,
            _Type.GET_MASTER: self._master,
            _Type.GET_OPERATIONS: self._operations,
            _Type.GET_MAINTENANCE_STATUS: self._maintenance_status,
            _Type.GET_MAINTENANCE_SCHEDULE: self._maintenance_schedule,
            _Type.GET_QUOTA: self._quota,
        }

    async def __call__(self, request: Request) -> Answer:
        headers = request.headers
        call: Call = await decode(Call, negotiate.content_type(headers), request)
        invalid = master_call(call)
        if invalid is not None:
            raise HttpError(400, f"Failed to validate master::Call: {invalid}")
        content_type = negotiate.accepted(headers)
        kind = call.type
        assert kind is not None
        if kind is _Type.SUBSCRIBE:
            return await self._subscribe(content_type)
        word = WORDS.get(kind)
        if word is not None or kind is _Type.SET_LOGGING_LEVEL:
            log.info("operator call", call=kind.name, principal=request.principal, remote=request.remote)
            if word is None:
                return self._set_logging_level(call)
            return await tell(self._driver, word(_payload(call)), request)
        await self._driver.barrier()
        section = SECTIONS.get(kind)
        if section is not None:
            return await self._section(kind, section(self._core.state), content_type)
        read = self._reads.get(kind)
        if read is None:
            return problem(501) if kind is _Type.UNKNOWN else self._later(call)
        told = read(call)
        if not isinstance(told, Told):
            told = await told
        return Response(200, ENCODERS[content_type](told), content_type)

    async def _section(self, kind: Call.Type, section: Section, content_type: str) -> Answer:
        answer = respond(Told.Type[kind.name], section)
        if content_type == JSON:
            return await json_answer(json_pieces(answer))
        return Response(200, b"".join(await last(protobuf_pieces(answer))), content_type)

    # ---- reads

    def _health(self, call: Call) -> Told:
        return Told(type=Told.Type.GET_HEALTH, get_health=Told.GetHealth(healthy=True))

    def _flags(self, call: Call) -> Told:
        flags = tuple(Flag(name=name, value=text) for name, text in self._context.flags.items())
        return Told(type=Told.Type.GET_FLAGS, get_flags=Told.GetFlags(flags=flags))

    def _version(self, call: Call) -> Told:
        return Told(type=Told.Type.GET_VERSION, get_version=Told.GetVersion(version_info=VERSION))

    async def _get_metrics(self, call: Call) -> Told:
        samples = sorted(await self._metrics.collect(), key=lambda sample: sample.name)
        metrics = tuple(Metric(name=sample.name, value=float(sample.number)) for sample in samples)
        return Told(type=Told.Type.GET_METRICS, get_metrics=Told.GetMetrics(metrics=metrics))

    def _logging_level(self, call: Call) -> Told:
        level = Told.GetLoggingLevel(level=self._logging.level)
        return Told(type=Told.Type.GET_LOGGING_LEVEL, get_logging_level=level)

    def _list_files(self, call: Call) -> Told:
        assert call.list_files is not None
        infos = tuple(self._files.browse(call.list_files.path))
        return Told(type=Told.Type.LIST_FILES, list_files=Told.ListFiles(file_infos=infos))

    def _read_file(self, call: Call) -> Told:
        wanted = call.read_file
        assert wanted is not None
        _, data, size = self._files.read(wanted.path, wanted.offset, wanted.length)
        return Told(type=Told.Type.READ_FILE, read_file=Told.ReadFile(size=size, data=data))

    async def _roles(self, call: Call) -> Told:
        found = await last(roles.figures(self._core.state, self._core.options, self._core.registry))
        return roles.get_roles(found, self._core.registry)

    def _weights(self, call: Call) -> Told:
        return roles.get_weights(self._core.registry)

    def _master(self, call: Call) -> Told:
        return state.get_master(self._context)

    def _operations(self, call: Call) -> Told:
        known = self._core.state.agents.values()
        operations = tuple(chain.from_iterable(agent.operations.values() for agent in known if agent.operations))
        return Told(type=Told.Type.GET_OPERATIONS, get_operations=Told.GetOperations(operations=operations))

    def _maintenance_status(self, call: Call) -> Told:
        status = Told.GetMaintenanceStatus(status=ClusterStatus())
        return Told(type=Told.Type.GET_MAINTENANCE_STATUS, get_maintenance_status=status)

    def _maintenance_schedule(self, call: Call) -> Told:
        schedule = Told.GetMaintenanceSchedule(schedule=Schedule())
        return Told(type=Told.Type.GET_MAINTENANCE_SCHEDULE, get_maintenance_schedule=schedule)

    def _quota(self, call: Call) -> Told:
        return Told(type=Told.Type.GET_QUOTA, get_quota=Told.GetQuota(status=status_of(self._core.registry.quotas)))

    # ---- changes

    def _set_logging_level(self, call: Call) -> Response:
        wanted = call.set_logging_level
        assert wanted is not None
        self._logging.raise_to(wanted.level, wanted.duration.nanoseconds)
        return OK

    def _later(self, call: Call) -> Response:
        """Calls of later issues: the refusals that depend on the agent they name, else 501."""
        kind = call.type
        assert kind is not None
        agent_id: AgentID | None = getattr(_payload(call), "agent_id", None)
        known = self._core.state
        if agent_id is not None and agent_id not in known.agents:
            if kind is _Type.REACTIVATE_AGENT:
                return problem(400, "Agent is not deactivated")
            if kind in (_Type.DRAIN_AGENT, _Type.DEACTIVATE_AGENT):
                if agent_id not in known.recovered_agents and agent_id not in known.unreachable_agents:
                    return problem(400, "Unknown agent")
            else:
                return problem(400, "No agent found with specified ID")
        return not_yet(kind.name)

    # ---- events

    async def _subscribe(self, content_type: str) -> Answer:
        """A stream: the state, a heartbeat, then what changes. What changes meanwhile waits for the state."""
        await self._driver.barrier()
        stream = self._operators.open(content_type)
        try:
            snapshot = state.get_state(self._core.state)
            interval = self._core.options.heartbeat_interval_s
            if content_type == JSON:
                subscribed = subscribed_json(await collect(json_pieces(snapshot)), interval)
            else:
                subscribed = subscribed_protobuf(await last(protobuf_pieces(snapshot)), interval)
        except asyncio.CancelledError:  # the peer has gone already
            stream.lost()
            raise
        self._operators.begin(stream, subscribed)
        return stream


def _payload(call: Call) -> Any:
    """The part of the call that its type says; None: this type has none."""
    name = MASTER_PAYLOADS.get(call.type)  # type: ignore[arg-type]
    return None if name is None else getattr(call, name)
