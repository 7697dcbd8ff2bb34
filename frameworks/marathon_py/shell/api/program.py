"""What the API asks of the process that it is part of, and of those who guard it. The process is ``shell.program``.

Relaying to the leader, authentication by header, TLS, CORS and limits on requests happen before a request comes here:
here answers who leads.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import attrs

from frameworks.marathon_py.core import Marathon
from mesos_py.machine.values import Nanos
from mesos_py.web.metrics import Sample
from mesos_py.web.request import Request
from mesos_py.web.response import Response


class Program(Protocol):
    """A Marathon that leads, and has read what is kept."""

    @property
    def core(self) -> Marathon: ...

    def now(self) -> Nanos: ...

    async def ask(self, body: Any) -> Any:
        """The reply to a request of ``words``, once all that it says is kept."""

    async def stored(self) -> None:
        """Wait until everything that has happened so far is kept."""

    def listen(self) -> asyncio.Queue[Any]:
        """Facts of ``words`` from now on, in their order, each as (number, fact); None: too many were not taken.

        Raises RuntimeError when too many listen.
        """

    def leave(self, queue: asyncio.Queue[Any]) -> None: ...

    @property
    def framework_id(self) -> str | None: ...

    @property
    def address(self) -> str:
        """``host:port`` of this process, as it is advertised."""

    @property
    def url(self) -> str:
        """``http://host:port``, or https where there is no http."""

    @property
    def leader(self) -> str | None:
        """``host:port`` of who leads."""

    @property
    def configuration(self) -> Mapping[str, Mapping[str, Any]]:
        """``marathon_config``, ``zookeeper_config`` and ``http_config`` of ``/v2/info``."""

    def abdicate(self, backup: str | None, restore: str | None) -> None:
        """Lead no more, half a second from now. Raises ValueError for a URI that nobody can use."""

    def samples(self) -> Iterable[Sample]:
        """Metrics by Marathon's names, such as ``marathon.apps.active.gauge``."""

    @property
    def plugins(self) -> tuple[Plugin, ...]: ...


class Plugin(Protocol):
    """Something of the operator's that was loaded."""

    #: as ``/v2/plugins`` lists it: id, plugin, implementation, tags, info
    about: Mapping[str, Any]

    async def handle(self, request: Request, rest: str) -> Response | None:
        """What is below ``/v2/plugins/ID/``; None: it serves nothing."""


class Action(enum.Enum):
    """What somebody wants to do, on a spec's or a group's id, or on a ``Resource``."""

    CREATE_SPEC = "CreateRunSpec"
    UPDATE_SPEC = "UpdateRunSpec"
    DELETE_SPEC = "DeleteRunSpec"
    VIEW_SPEC = "ViewRunSpec"
    CREATE_GROUP = "CreateGroup"
    UPDATE_GROUP = "UpdateGroup"
    DELETE_GROUP = "DeleteGroup"
    VIEW_GROUP = "ViewGroup"
    VIEW_RESOURCE = "ViewResource"
    UPDATE_RESOURCE = "UpdateResource"


class Resource(enum.Enum):
    """What is no spec and no group."""

    LEADER = "Leader"
    EVENTS = "Events"
    METRICS = "SystemMetrics"
    CONFIG = "SystemConfig"
    PLUGINS = "Plugins"


class Guard(Protocol):
    """Who may do what."""

    async def identify(self, request: Request) -> Any:
        """Who asks. Raises HttpError with the answer: 401, 503."""

    def may(self, who: Any, action: Action, on: str | Resource) -> bool: ...

    def refusal(self, who: Any, request: Request) -> Response:
        """What somebody hears who may not."""


@attrs.frozen
class Everybody:
    """All is allowed."""

    async def identify(self, request: Request) -> Any:
        return None

    def may(self, who: Any, action: Action, on: str | Resource) -> bool:
        return True

    def refusal(self, who: Any, request: Request) -> Response:
        return Response(403)
