"""POST /api/v1/scheduler, and what all of the master's endpoints share: who answers, and when.

A scheduler's call is decoded and checked here; whether it is allowed now is the core's to say, and comes back as a
Problem. SUBSCRIBE is answered with an open stream before the core is asked: refusals arrive as an ERROR event.
Mesos: src/master/http.cpp Master::Http::scheduler.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from mesos_py.machine.driver import Driver
from mesos_py.machine.frame import Event
from mesos_py.machine.problem import Problem
from mesos_py.master.calls.callers import known_caller
from mesos_py.master.core import Master
from mesos_py.master.leadership import Leadership
from mesos_py.master.metrics import Metrics
from mesos_py.master.streams import Schedulers
from mesos_py.master.validation.calls import scheduler_call
from mesos_py.web import negotiate
from mesos_py.web.calls import decode
from mesos_py.web.request import Request
from mesos_py.web.response import (
    ACCEPTED,
    OK,
    HttpError,
    Response,
    method_not_allowed,
    problem,
    redirect,
)
from mesos_py.web.router import Answer
from mesos_py.wire.ids import OfferID
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.schema import evolve

READONLY = "mesos-master-readonly"
READWRITE = "mesos-master-readwrite"
SCHEDULER = "mesos-master-scheduler"

STREAM_ID = "Mesos-Stream-Id"

DECLINED_AT_ONCE = 500  # offers, about 10 ms

_Type = Call.Type


def answer_to(reply: Any, done: Response = OK) -> Response:
    """A core's reply as an answer: nothing to object is ``done``, a Problem its status and text."""
    if reply is None:
        return done
    assert isinstance(reply, Problem)
    return problem(int(reply.kind), reply.text)


async def tell(driver: Driver, word: Any, request: Request) -> Response:
    """The core's answer to an operator's word, whose class is the kind of the event that it is."""
    return answer_to(await driver.ask(Event(type(word), word, principal=request.principal)))


class Gate:
    """Whether this master answers: only the leader does, and calls only once it has recovered."""

    def __init__(self, leadership: Leadership) -> None:
        self._leadership = leadership

    def leader(self, request: Request) -> Response | None:
        """None for the leader; else where to go, or that nobody leads."""
        if self._leadership.may_answer:
            return None
        location = self._leadership.location(request.target)
        return problem(503, "No leader elected") if location is None else redirect(location)

    def recovered(self, request: Request) -> Response | None:
        """Like ``leader``, and the registry has been read."""
        if self._leadership.may_answer and self._leadership.is_recovered:
            return None
        return self.leader(request) or problem(503, "Master has not finished recovery")

    async def redirect(self, request: Request) -> Response:
        """/redirect: to the leader, even if that is this master."""
        if request.path.rstrip("/") not in ("/redirect", "/master/redirect"):
            return problem(404)
        location = self._leadership.location()
        return problem(503, "No leader elected") if location is None else redirect(location)


class SchedulerEndpoint:
    """Calls of schedulers."""

    def __init__(self, core: Master, driver: Driver, schedulers: Schedulers, metrics: Metrics) -> None:
        self._core = core
        self._driver = driver
        self._schedulers = schedulers
        self._metrics = metrics

    async def __call__(self, request: Request) -> Answer:
        if request.method != "POST":
            return method_not_allowed(("POST",), request.method)
        headers = request.headers
        call: Call = await decode(Call, negotiate.content_type(headers), request)
        invalid = scheduler_call(call, request.principal)
        if invalid is not None:
            raise HttpError(400, f"Failed to validate scheduler::Call: {invalid}")
        kind = call.type
        stream_id = headers.get(STREAM_ID)
        if kind is _Type.SUBSCRIBE:
            return self._subscribe(call, request, stream_id)
        if kind is _Type.RECONCILE_OPERATIONS:
            negotiate.accepted(headers)
        event = Event(kind, call, stream_id, request.principal, len(request.body()))
        if kind is _Type.UNKNOWN:
            refusal = known_caller(self._core, event)
            return problem(501) if refusal is None else answer_to(refusal)
        self._metrics.called(call)
        reply = await (decline if kind is _Type.DECLINE else Driver.ask)(self._driver, event)
        return answer_to(reply, OK if kind is _Type.UPDATE_FRAMEWORK else ACCEPTED)

    def _subscribe(self, call: Call, request: Request, stream_id: str | None) -> Answer:
        content_type = negotiate.accepted(request.headers)
        if stream_id is not None:
            raise HttpError(400, "Subscribe calls should not include the 'Mesos-Stream-Id' header")
        self._metrics.called(call)
        peer = str(uuid.uuid4())
        stream = self._schedulers.open(peer, content_type, ((STREAM_ID, peer),))
        self._driver.tell(Event(_Type.SUBSCRIBE, call, peer, request.principal, len(request.body())))
        return stream


async def decline(driver: Driver, event: Event) -> Any:
    """The reply to a DECLINE. Of many offers some are declined, then others: it is the same, and others have their turn
    in between."""
    call: Call = event.body
    assert call.decline is not None
    left = call.decline.offer_ids
    each = event.size // max(len(left), 1)
    while True:
        some, left = left[:DECLINED_AT_ONCE], left[DECLINED_AT_ONCE:]
        try:
            reply = await driver.ask(_declining(event, some, each))
            if reply is not None or not left:
                return reply
            await asyncio.sleep(0)
        except asyncio.CancelledError:  # who has said it has gone, and has said it all the same
            if left:
                driver.tell(_declining(event, left, each))
            raise


def _declining(event: Event, offer_ids: tuple[OfferID, ...], each: int) -> Event:
    call: Call = event.body
    assert call.decline is not None
    part = evolve(call, decline=evolve(call.decline, offer_ids=offer_ids))
    return Event(event.kind, part, event.peer, event.principal, each * len(offer_ids))
