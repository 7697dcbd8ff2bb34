"""The agent's HTTP endpoints, bare and under ``/slave(1)``.

Before the core exists and while it recovers, everything that needs it answers 503. What each endpoint shows is in
``views`` (operator API) and ``legacy`` (JSON of old).
Mesos: src/slave/http.cpp.
"""

from __future__ import annotations

from mesos_py.agent.containerizer import Containerizer
from mesos_py.agent.core import Agent
from mesos_py.agent.executor_http import ExecutorApi
from mesos_py.agent.options import AgentOptions
from mesos_py.agent.registration import Phase
from mesos_py.agent.rim import AgentRim
from mesos_py.files import Files
from mesos_py.machine.driver import Driver
from mesos_py.web.app import Application
from mesos_py.web.auth import Authenticator
from mesos_py.web.request import Request
from mesos_py.web.response import Response, problem
from mesos_py.web.router import Answer, Router

PREFIX = "/slave(1)"
READONLY = "mesos-agent-readonly"
READWRITE = "mesos-agent-readwrite"
EXECUTOR = "mesos-agent-executor"
NOT_RECOVERED = "Agent has not finished recovery"


class AgentHttp:
    """The dispatcher of one agent's server; ``serve`` opens the endpoints that need the core."""

    def __init__(self, options: AgentOptions, files: Files) -> None:
        self._options = options
        self._files = files
        self._core: Agent | None = None
        self._app: Application | None = None

    def serve(self, core: Agent, driver: Driver, rim: AgentRim, containerizer: Containerizer) -> None:
        """From now on everything is answered."""
        self._core = core
        router = Router(PREFIX)
        router.add("/api/v1/executor", ExecutorApi(driver, rim), realm=EXECUTOR, methods=("POST",), gate=self._gate)
        self._app = Application(router, Authenticator({}))

    async def __call__(self, request: Request) -> Answer:
        if self._app is None:
            return problem(503, NOT_RECOVERED)
        return await self._app(request)

    def _gate(self, request: Request) -> Response | None:
        core = self._core
        if core is None or core.registration.phase is Phase.RECOVERING:
            return problem(503, NOT_RECOVERED)
        return None
