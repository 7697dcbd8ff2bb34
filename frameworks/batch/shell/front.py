"""Who answers a request: the API, while we lead; else who leads, by a redirect, as masters do; 503 if nobody does.

A leader that is just being elected, or reads what was kept, is waited for a little. Everybody answers for himself at
``/v1/leader`` and ``/health``, so that who looks after instances can tell a standby from one that hangs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import attrs
import orjson

from mesos_py import __version__
from mesos_py.web.request import Request
from mesos_py.web.response import JSON, Response, problem, redirect
from mesos_py.web.router import Answer

TRIES, TRY_EVERY_S = 10, 0.25  # as Marathon has it


@attrs.define(eq=False)
class Front:
    """What a ``web.Server`` asks."""

    #: HOST:PORT under which clients find this instance
    ours: str = ""
    #: and the one that leads, as far as we know; None: none does
    leader: str | None = None
    #: answers requests, while we lead and have read what is kept
    api: Callable[[Request], Awaitable[Answer]] | None = None

    async def __call__(self, request: Request) -> Answer:
        path = request.path.rstrip("/")
        if path == "/v1/leader":
            return _json({"leader": self.leader, "leading": self.api is not None})
        if path == "/health" and self.api is None:
            return _json({"leading": False, "leader": self.leader, "version": __version__})
        for _ in range(TRIES):
            if self.api is not None:
                return await self.api(request)
            if self.leader not in (None, self.ours):
                return redirect(f"http://{self.leader}{request.target}")
            await asyncio.sleep(TRY_EVERY_S)
        return problem(503, "No leader elected" if self.leader is None else "What was kept is still being read")

    def hear(self, leader: str | None) -> None:
        """The election has a result."""
        self.leader = leader


def _json(value: object) -> Response:
    return Response(200, orjson.dumps(value), JSON)
