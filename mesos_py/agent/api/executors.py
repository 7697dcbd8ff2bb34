"""POST /api/v1/executor: executors' calls and their event streams.

The order of refusals is Mesos'; what needs the core's knowledge comes back from it as Problems.
Mesos: src/slave/http.cpp, Http::executor.
"""

from __future__ import annotations

import itertools
from typing import Final

from mesos_py.agent import events, validation
from mesos_py.agent.rim import AgentRim
from mesos_py.machine.driver import Driver, Stopped
from mesos_py.machine.frame import Event, PeerID
from mesos_py.machine.problem import Problem
from mesos_py.web import negotiate
from mesos_py.web.calls import decode
from mesos_py.web.request import Request
from mesos_py.web.response import ACCEPTED, Response, problem
from mesos_py.web.router import Answer
from mesos_py.web.streams import RecordStream
from mesos_py.wire.executor_api import Call

KINDS: Final[dict[Call.Type, type]] = {
    Call.Type.SUBSCRIBE: Call.Subscribe,
    Call.Type.UPDATE: Call.Update,
    Call.Type.MESSAGE: Call.Message,
}


class ExecutorApi:
    """The executors' endpoint."""

    def __init__(self, driver: Driver, rim: AgentRim) -> None:
        self._driver = driver
        self._rim = rim
        self._numbers = itertools.count(1)

    async def __call__(self, request: Request) -> Answer:
        call = await decode(Call, negotiate.content_type(request.headers), request)
        refused = validation.executor_call(call)
        if refused is not None:
            return problem(400, refused)
        if call.type is Call.Type.SUBSCRIBE:
            return await self._subscribe(request, call)
        if call.type is Call.Type.HEARTBEAT:
            return ACCEPTED
        assert call.type is not None
        kind = KINDS.get(call.type)
        if kind is None:
            return problem(501)
        return await self._ask(Event(kind, call, size=len(request.body()))) or ACCEPTED

    async def _subscribe(self, request: Request, call: Call) -> Answer:
        peer = PeerID(f"executor-{next(self._numbers)}")
        stream = RecordStream(negotiate.accepted(request.headers), on_closed=lambda _: self._lost(peer))
        self._rim.streams[peer] = stream
        refused = await self._ask(Event(Call.Subscribe, call, peer, size=len(request.body())))
        if refused is not None:
            self._rim.streams.pop(peer, None)
            return refused
        return stream

    async def _ask(self, event: Event) -> Response | None:
        try:
            reply = await self._driver.ask(event)
        except Stopped:
            return problem(503)
        return problem(int(reply.kind), reply.text) if isinstance(reply, Problem) else None

    def _lost(self, peer: PeerID) -> None:
        self._rim.streams.pop(peer, None)
        self._driver.tell(Event(events.ExecutorDisconnected, events.ExecutorDisconnected(peer)))
