"""What the API asks of the process that it is part of; ``shell.serve`` composes the real one, tests have their own.

Relaying to the leader, authentication, TLS, CORS, compression and limits on requests are done before a request comes
here: here answers who leads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from frameworks.marathon_py.core import Marathon
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.groups import Group
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import Pod
from mesos_py.machine.values import Nanos
from mesos_py.web.request import Request
from mesos_py.web.response import Response
from mesos_py.web.router import Answer

Action = str
"""``create``, ``update``, ``delete`` or ``view``: what somebody wants to do to a ``Resource``."""

Resource = App | Pod | Group | PathId | str
"""A definition (or the id of one that is to be), or one of these of the process."""

LEADER, EVENTS, SYSTEM_METRICS, SYSTEM_CONFIG, PLUGINS = "leader", "events", "metrics", "config", "plugins"


class Program(Protocol):
    """This process, while it leads. Who is authenticated is ``request.principal`` when a handler sees the request."""

    @property
    def core(self) -> Marathon: ...

    @property
    def framework_id(self) -> str | None:
        """None: no master has given us one yet."""
        ...

    @property
    def master_url(self) -> str | None:
        """Of the master that has listened last; None: none has."""
        ...

    @property
    def flags(self) -> Mapping[str, Any]:
        """Every flag by its name as a value of JSON, in the unit of the flag; None: unset. No secret is in it."""
        ...

    @property
    def address(self) -> str:
        """HOST:PORT under which we are the leader."""
        ...

    @property
    def url(self) -> str:
        """The same for ``X-Marathon-Leader``: http, or https if that is all there is."""
        ...

    def now(self) -> Nanos:
        """As the core knows it."""
        ...

    async def ask(self, body: object) -> Any:
        """The core's reply, once everything that it says is kept."""
        ...

    async def stored(self) -> None:
        """Everything said so far is kept: nobody sees what a crash could take back."""
        ...

    def listen(self) -> asyncio.Queue[Any]:
        """Facts from now on, each as (number, fact) when it is kept; None: too many were not taken. Raises
        RuntimeError when there are too many who listen."""
        ...

    def leave(self, queue: asyncio.Queue[Any]) -> None: ...

    def streamed(self, size: int) -> None:
        """So many bytes of events were sent to somebody."""
        ...

    # ---- the process

    async def abdicate(self, backup: str | None, restore: str | None) -> None:
        """Somebody else leads soon, and this process ends; he makes the backup, and restores, before he serves. What
        was asked for is kept when this returns. Raises ValueError for a URI that is neither file:// nor s3://."""
        ...

    def may(self, request: Request, action: Action, resource: Resource) -> bool:
        """Without a plug-in that authorizes, everything."""
        ...

    def forbidden(self, request: Request) -> Response:
        """The answer to who may not, as the plug-in writes it."""
        ...

    @property
    def plugins(self) -> tuple[Mapping[str, Any], ...]:
        """As ``GET /v2/plugins`` lists them."""
        ...

    async def ask_plugin(self, name: str, path: str, request: Request) -> Answer | None:
        """Of a plug-in that answers requests, to what is below ``/v2/plugins/{name}/``; None: there is none."""
        ...

    # ---- the log

    @property
    def log_levels(self) -> Mapping[str, str]:
        """Of each logger by its name, as ``GET /logging`` shows them."""
        ...

    def set_log_level(self, name: str, level: str, for_s: float | None) -> None:
        """Of a logger: trace, debug, info, warn or error, for so long, or for good. Raises ValueError when there are
        too many that have one."""
        ...

    # ---- metrics

    def metrics(self) -> Mapping[str, Any]:
        """As ``GET /metrics`` shows them."""
        ...

    def exposition(self) -> str | None:
        """The same for Prometheus; None: it is switched off."""
        ...
