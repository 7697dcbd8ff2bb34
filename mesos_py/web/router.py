"""Path -> route: the longest registered prefix wins, by whole segments, with or without a trailing slash.

``/api/v1/operator`` reaches ``/api/v1``; ``/state.json`` reaches nothing. Endpoints of a Mesos process exist bare and
under its id (``/state``, ``/master/state``). Mesos: 3rdparty/libprocess/src/process.cpp ProcessBase::_consume.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from mesos_py.web.request import Request
from mesos_py.web.response import Chunked, Response
from mesos_py.web.streams import RecordStream

Answer = Response | Chunked | RecordStream | web.StreamResponse
Handler = Callable[[Request], Awaitable[Answer]]


class Route:
    """One endpoint: what answers it, and to whom."""

    __slots__ = ("exact", "gate", "handler", "methods", "realm")

    def __init__(
        self,
        handler: Handler,
        *,
        realm: str | None = None,
        methods: tuple[str, ...] = (),
        gate: Callable[[Request], Response | None] | None = None,
        exact: bool = False,
    ) -> None:
        self.handler = handler
        #: None: never authenticated
        self.realm = realm
        #: empty: not looked at, or looked at by the handler
        self.methods = methods
        #: whether this process answers at all now; None: always
        self.gate = gate
        #: nothing below the path is the endpoint's
        self.exact = exact


class Router:
    """Routes by path; ``prefixes`` are the process ids under which everything exists a second time."""

    def __init__(self, *prefixes: str) -> None:
        self._prefixes = prefixes
        self._routes: dict[str, Route] = {}

    def add(
        self,
        path: str,
        handler: Handler,
        *,
        realm: str | None = None,
        methods: tuple[str, ...] = (),
        gate: Callable[[Request], Response | None] | None = None,
        exact: bool = False,
    ) -> None:
        """Serve ``path`` and everything below it that has no longer match. Doubled paths are an error."""
        route = Route(handler, realm=realm, methods=methods, gate=gate, exact=exact)
        for full in (path, *(f"{prefix}{path}" for prefix in self._prefixes)):
            if full in self._routes:
                raise ValueError(f"{full} has two handlers")
            self._routes[full] = route

    def find(self, path: str) -> Route | None:
        """The route that serves ``path``, None when there is none."""
        route = self._routes.get(path)
        if route is not None:
            return route
        shorter = path.rstrip("/") or "/"
        if (route := self._routes.get(shorter)) is not None:
            return route
        for _ in range(16):  # segments; no endpoint lies deeper
            shorter = shorter.rpartition("/")[0]
            if not shorter:
                return None
            route = self._routes.get(shorter)
            if route is not None:
                return None if route.exact else route
        return None

    def paths(self) -> list[str]:
        return sorted(self._routes)
