"""A replayed core as the endpoints of its program would have shown it.

The same code makes these answers that made the ones of the run; only what the core does not know (when its program was
started, its flags) comes from the journal's heads.
"""

from __future__ import annotations

from typing import Any, cast

import attrs

from mesos_py.agent.api import legacy as agent_views
from mesos_py.agent.core import Agent
from mesos_py.journal.classes import Unreadable
from mesos_py.journal.replay import Replay
from mesos_py.machine.driver import Driver
from mesos_py.machine.values import SECOND
from mesos_py.master.core import Master
from mesos_py.master.events import RegistryRecovered
from mesos_py.master.legacy import LegacyEndpoints
from mesos_py.master.views.context import Context
from mesos_py.web.request import Request, decode_form
from mesos_py.web.response import Chunked, Response, json

#: path -> name of the method of LegacyEndpoints
MASTER_PATHS = {
    "/state": "state", "/state-summary": "summary", "/slaves": "slaves", "/frameworks": "frameworks",
    "/tasks": "tasks", "/roles": "roles", "/quota": "quota", "/weights": "weights",
    "/registrar(1)/registry": "registry",
}  # fmt: skip
AGENT_PATHS = ("/state",)


async def show(replay: Replay, target: str) -> bytes:
    """Replays to the end, and answers a request for path and query. Raises Unreadable and LookupError."""
    path, _, query = target.partition("?")
    elected_ns = None
    for step in replay.steps():
        if step.record.event.kind is RegistryRecovered:
            elected_ns = step.record.now
    core = replay.core
    about = replay.head.about
    if isinstance(core, Master):
        context = Context(
            info=core.info,
            flags=about.get("flags", {}),
            started_ns=about.get("started_ns", 0),
            elected_ns=elected_ns or about.get("elected_ns"),
            leader=core.info,
        )
        endpoints = LegacyEndpoints(core, cast(Driver, _NothingPending()), context)
        name = _known(path, MASTER_PATHS)
        return await _body(await getattr(endpoints, MASTER_PATHS[name])(cast(Request, _Question(decode_form(query)))))
    if isinstance(core, Agent):
        _known(path, AGENT_PATHS)
        return await _body(json(agent_views.state(core, core.options, about.get("started_ns", 0) / SECOND)))
    raise Unreadable("; ".join(replay.notes) or "nothing happened before that")


def _known(path: str, paths: Any) -> str:
    if path not in paths:
        raise LookupError(f"nothing is shown at {path}, but at {', '.join(paths)}")
    return path


async def _body(answer: Response | Chunked) -> bytes:
    if isinstance(answer, Response):
        return answer.body
    return b"".join([piece async for piece in answer.pieces])


@attrs.frozen
class _Question:
    """A request as far as those endpoints look at it."""

    query: dict[str, str]
    method: str = "GET"


class _NothingPending:
    """A driver of a core whose facts are all durable."""

    async def barrier(self) -> None:
        return
