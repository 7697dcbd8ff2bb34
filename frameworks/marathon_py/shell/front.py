"""The door of the process: what holds for every request, and who answers it.

::

    too many at once: 503 -> a browser's preflight -> who asks: 401 -> we lead: the API
                                                                       somebody else leads: relayed; events: redirected
                                                                       nobody knows yet: asked again, then 502

Source: mesosphere/marathon .../api/LeaderProxyFilter.scala, CORSFilter.scala, LimitConcurrentRequestsFilter.scala.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import attrs

from frameworks.marathon_py.shell.api.errors import Failed
from frameworks.marathon_py.shell.metrics.requests import Requests
from frameworks.marathon_py.shell.relay import Relay
from mesos_py.web.request import Request
from mesos_py.web.response import Chunked, Headers, HttpError, Response, problem
from mesos_py.web.router import Answer
from mesos_py.web.streams import RecordStream

EVENTS_PATH = "/v2/events"
TRIES, TRY_EVERY_S = 10, 0.25  # LeaderProxyFilter.scala
PREFLIGHT_MAX_AGE_S = 86_400

Site = Callable[[Request], Awaitable[Answer]]


@attrs.define(eq=False)
class Leadership:
    """Who leads, as far as we know."""

    #: URLs without a path: of this process, and of the leader (None: nobody is known to lead)
    ours: str
    leader: str | None = None
    #: answers requests, while we lead and have read what is kept
    site: Site | None = None
    #: nobody else can have been elected by now; whoever was stopped for long knows it before he is told
    is_held: Callable[[], bool] = attrs.field(default=lambda: True)


class Front:
    """What a ``web.Server`` asks."""

    def __init__(
        self, leadership: Leadership, relay: Relay, *, identify: Callable[[Request], Awaitable[None]],
        requests_max: int | None = None, origins: tuple[str, ...] = (), try_every_s: float = TRY_EVERY_S,
        requests: Requests | None = None,
    ) -> None:  # fmt: skip
        """``identify`` notes who asks on the request. Raises HttpError with the answer to who may not ask at all."""
        self._leadership, self._relay, self._identify = leadership, relay, identify
        self._requests_max, self._origins, self._try_every_s = requests_max, origins, try_every_s
        self.requests = requests or Requests()

    async def __call__(self, request: Request) -> Answer:
        requests, began = self.requests, time.monotonic()
        if self._requests_max is not None and requests.active >= self._requests_max:
            return problem(503, f"Too many concurrent requests! Allowed: {self._requests_max}.")
        requests.active += 1
        try:
            answer = await self._answer(request)
        except HttpError as error:
            answer = error.response
        finally:
            requests.active -= 1
        requests.answered(request, answer, time.monotonic() - began)
        if self._origins and isinstance(answer, Response | Chunked | RecordStream):
            answer.headers = (*answer.headers, *self._for_pages(request))
        return answer

    async def _answer(self, request: Request) -> Answer:
        if self._origins and request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            return Response(200)  # asked before anybody has said who he is
        await self._identify(request)
        leadership = self._leadership
        for attempt in range(TRIES + 1):
            if leadership.site is not None and leadership.is_held():
                return await leadership.site(request)
            if leadership.leader not in (None, leadership.ours):
                return await self._elsewhere(request, leadership.leader)
            if attempt < TRIES:
                await asyncio.sleep(self._try_every_s)
        raise Failed(502, "Could not determine the current leader")

    async def _elsewhere(self, request: Request, leader: str) -> Answer:
        if request.path.rstrip("/") == EVENTS_PATH:
            return Response(302, headers=(("Location", leader + request.target),))
        return await self._relay.hand(request, leader)

    def _for_pages(self, request: Request) -> Headers:
        """Pages of the origins that were named may read our answers."""
        origin = request.headers.get("Origin", "")
        allowed = origin if origin in self._origins else self._origins[-1]
        headers = [
            ("Access-Control-Allow-Origin", allowed), ("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS"),
            ("Access-Control-Max-Age", str(PREFLIGHT_MAX_AGE_S)),
        ]  # fmt: skip
        if wanted := request.headers.get("Access-Control-Request-Headers"):
            headers.append(("Access-Control-Allow-Headers", wanted))
        return tuple(headers)
