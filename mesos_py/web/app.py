"""The dispatcher: path, who asks, whether this process may answer at all, method, handler; in Mesos' order.

Errors a client matches on depend on that order: 404, 401, what the ``gate`` says (not the leader, not recovered), 405,
and then whatever the handler finds.
"""

from __future__ import annotations

from collections.abc import Callable

from mesos_py.files import FilesError
from mesos_py.web.auth import Authenticator
from mesos_py.web.request import Request
from mesos_py.web.response import Response, method_not_allowed, problem
from mesos_py.web.router import Answer, Router

Gate = Callable[[Request], Response | None]


class Application:
    """Routes behind authentication."""

    def __init__(self, router: Router, authenticator: Authenticator, *, disabled: tuple[str, ...] = ()) -> None:
        self.router = router
        self.authenticator = authenticator
        #: endpoints switched off by the operator (--firewall_rules)
        self.disabled = frozenset(disabled)

    async def __call__(self, request: Request) -> Answer:
        path = request.path
        route = self.router.find(path)
        if route is None:
            return problem(404)
        if self.disabled and path in self.disabled:
            return problem(403, f"Endpoint '{path}' is disabled")
        if route.realm is not None:
            request.principal = self.authenticator.authenticate(request.headers.get("authorization"), route.realm)
        if route.gate is not None:
            refused = route.gate(request)
            if refused is not None:
                return refused
        if route.methods and request.method not in route.methods:
            return method_not_allowed(route.methods, request.method)
        try:
            return await route.handler(request)
        except FilesError as error:
            return problem(error.status, error.text)
