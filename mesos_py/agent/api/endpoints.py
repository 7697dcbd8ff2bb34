"""The agent's HTTP endpoints, bare and under ``/slave(1)``.

Before the core exists and while it recovers, what needs it answers 503. What is shown is decided in ``views``
(operator API) and ``legacy`` (the JSON of old); here are paths, parameters and who may.
Mesos: src/slave/http.cpp, src/slave/slave.cpp Slave::initialize.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

from mesos_py.agent.api import container_metrics, legacy
from mesos_py.agent.api.attach import AttachApi
from mesos_py.agent.api.containers import ContainerApi
from mesos_py.agent.api.executors import ExecutorApi
from mesos_py.agent.api.metrics import Metrics
from mesos_py.agent.api.operator import OperatorApi
from mesos_py.agent.containerizer import Containerizer
from mesos_py.agent.core import Agent
from mesos_py.agent.fetcher.cache import Cache
from mesos_py.agent.options import AgentOptions
from mesos_py.agent.provisioner.provisioner import Provisioner
from mesos_py.agent.registration import Phase
from mesos_py.agent.rim import AgentRim
from mesos_py.agent.statistics import Statistics
from mesos_py.files import Files, FilesError
from mesos_py.machine.driver import Driver
from mesos_py.machine.values import SECOND
from mesos_py.web.app import Application
from mesos_py.web.auth import Authenticator
from mesos_py.web.files import FileEndpoints
from mesos_py.web.metrics import MetricsEndpoints, Sample
from mesos_py.web.request import Request
from mesos_py.web.response import Response, json, problem
from mesos_py.web.router import Answer, Router
from mesos_py.web.system import LoggingLevel, SystemEndpoints

PREFIX: Final = "/slave(1)"
READONLY: Final = "mesos-agent-readonly"
READWRITE: Final = "mesos-agent-readwrite"
EXECUTOR: Final = "mesos-agent-executor"
NOT_RECOVERED = "Agent has not finished recovery"
CONTAINERS_QUERY = ("container_id", "framework_id", "executor_id")
BAD_CONTAINERS_QUERY = (
    "Supported query parameters are container_id only, framework_id only, or executor_id and framework_id only"
)


class AgentHttp:
    """The dispatcher of one agent's server; ``serve`` opens it."""

    def __init__(self, options: AgentOptions, files: Files) -> None:
        self._options = options
        self._files = files
        self._started_ns = time.time_ns()
        self._app: Application | None = None
        self._core: Agent
        self._driver: Driver
        self._statistics: Statistics
        #: what is measured about the agent, for the composition root to complete
        self.metrics: Metrics

    def serve(
        self, core: Agent, driver: Driver, rim: AgentRim, containerizer: Containerizer, images: Provisioner | None,
        cache: Cache,
    ) -> None:  # fmt: skip
        """From now on everything is answered."""
        options = self._options
        self._core, self._driver = core, driver
        self._statistics = Statistics(core, containerizer)
        self.metrics = Metrics(core, started_ns=self._started_ns, cache=cache, images=images)
        level = LoggingLevel(_set_logging_level)
        metrics = MetricsEndpoints(self._samples, measure=self._measure)
        calls = ContainerApi(driver, rim, core.work_dir)
        heartbeat_s = options.http_heartbeat_interval / SECOND
        attached = AttachApi(core, calls, containerizer, heartbeat_s=heartbeat_s)
        operator = OperatorApi(core, self._files, self._statistics, metrics, level, images, calls, attached)
        router = Router(PREFIX)
        gate, post = self._gate, ("POST",)
        router.add("/api/v1", operator, realm=READWRITE, methods=post, gate=self._gate_of_executors)
        executors = ExecutorApi(driver, rim)
        router.add("/api/v1/executor", executors, realm=EXECUTOR, methods=post, gate=self._gate_of_executors)
        router.add("/state", self.state, realm=READONLY, gate=gate)
        router.add("/containers", self.containers, realm=READONLY, gate=gate)
        router.add("/monitor/statistics", self.monitor_statistics, realm=READONLY, gate=gate)
        router.add("/containerizer/debug", self.containerizer_debug, realm=READONLY)
        metrics.add_to(router, realm=READONLY)
        FileEndpoints(self._files).add_to(router, realm=READONLY)
        SystemEndpoints(flags=options.flags(), logging=level, started_ns=self._started_ns).add_to(
            router, readonly=READONLY, readwrite=READWRITE
        )
        self._app = Application(router, Authenticator({}))

    def about(self) -> dict[str, Any]:
        """What a journal needs to know to show what is shown here."""
        return {"started_ns": self._started_ns}

    async def __call__(self, request: Request) -> Answer:
        if self._app is None:
            return problem(503, NOT_RECOVERED)
        try:
            return await self._app(request)
        except FilesError as error:
            return problem(error.status, error.text)

    # ---- endpoints

    async def state(self, request: Request) -> Response:
        shown = legacy.state(self._core, self._options, self._started_ns / 1e9)
        return json(shown, request.query.get("jsonp"))

    async def containers(self, request: Request) -> Response:
        query = request.query
        wanted: dict[str, str] = {name: query[name] for name in CONTAINERS_QUERY if name in query}
        if wanted and set(wanted) not in ({"container_id"}, {"framework_id"}, {"framework_id", "executor_id"}):
            return problem(400, BAD_CONTAINERS_QUERY)
        nested = query.get("show_nested") == "true"
        statistics = await self._statistics.measure(nested=nested)
        standalone = query.get("show_standalone") == "true"
        shown = legacy.containers(self._core, statistics, wanted, nested=nested, standalone=standalone)
        return json(shown, query.get("jsonp"))

    async def monitor_statistics(self, request: Request) -> Response:
        statistics = await self._statistics.measure()
        return json(legacy.monitor_statistics(self._core, statistics), request.query.get("jsonp"))

    async def containerizer_debug(self, request: Request) -> Response:
        return json({"pending": []}, request.query.get("jsonp"))

    # ---- parts

    def _samples(self) -> Iterator[Sample]:
        return self.metrics.samples(self._driver.now())

    async def _measure(self) -> Iterable[Sample]:
        return container_metrics.samples(self._core, await self._statistics.measure())

    def _gate(self, request: Request) -> Response | None:
        if self._core.registration.phase in (Phase.RECOVERING, Phase.RECONNECTING):
            return problem(503, NOT_RECOVERED)
        return None

    def _gate_of_executors(self, request: Request) -> Response | None:
        if self._core.registration.phase is Phase.RECOVERING:
            return problem(503, NOT_RECOVERED)
        return None


def _set_logging_level(level: int) -> None:
    """0 is usual; anything above shows everything."""
    logging.getLogger("mesos_py").setLevel(logging.DEBUG if level > 0 else logging.INFO)
