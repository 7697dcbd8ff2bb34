"""POST /api/v1 of the agent: the operator API, JSON and protobuf.

Which calls are served is the table at the end of the class; those about containers are in ``container_http.py``.
Mesos: src/slave/http.cpp, Http::api.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson

from mesos_py.agent import validation, views
from mesos_py.agent.api.attach import AttachApi
from mesos_py.agent.api.containers import ContainerApi
from mesos_py.agent.api.media import RECORDIO, Media, RecordReader
from mesos_py.agent.core import Agent
from mesos_py.agent.provisioner.provisioner import Provisioner, ProvisionError
from mesos_py.agent.statistics import Statistics
from mesos_py.build import VERSION
from mesos_py.files import Files, FilesError
from mesos_py.web.calls import decode
from mesos_py.web.metrics import MetricsEndpoints
from mesos_py.web.request import Request
from mesos_py.web.response import OK, PROTOBUF, Response, json_bytes, problem
from mesos_py.web.router import Answer
from mesos_py.web.system import LoggingLevel
from mesos_py.wire.agent_api import Call
from mesos_py.wire.agent_api import Response as Said
from mesos_py.wire.codec import protobuf
from mesos_py.wire.misc import Flag, Metric
from mesos_py.wire.schema import evolve

NO_CALL = Call()
NOT_SERVED = "{} is not supported by this agent"

#: Calls that answer with a stream.
STREAMING = (Call.Type.LAUNCH_NESTED_CONTAINER_SESSION, Call.Type.ATTACH_CONTAINER_OUTPUT)

Handler = Callable[[Call], Awaitable[Said | Response]]


class OperatorApi:
    """The operators' endpoint."""

    def __init__(
        self,
        agent: Agent,
        files: Files,
        statistics: Statistics,
        metrics: MetricsEndpoints,
        logging: LoggingLevel,
        images: Provisioner | None,
        containers: ContainerApi,
        attached: AttachApi,
    ) -> None:
        self._attached = attached
        self._containers = containers
        self._agent = agent
        self._files = files
        self._statistics = statistics
        self._metrics = metrics
        self._logging = logging
        self._images = images
        self._rows = self._table()

    async def __call__(self, request: Request) -> Answer:
        media = Media.of(request)
        records = None
        if media.message_content is None:
            call = await decode(Call, media.content, request)
        else:
            records = RecordReader(request, media.message_content)
            call = await anext(records, NO_CALL)
            if call is NO_CALL:
                return problem(400, "Received EOF while reading request body")
        refused = validation.agent_call(call)
        if refused is not None:
            return problem(400, refused)
        assert call.type is not None
        name = call.type.name
        if records is not None and call.type is not Call.Type.ATTACH_CONTAINER_INPUT:
            return problem(415, f"Streaming 'Content-Type' {RECORDIO} is not supported for {name} call")
        if records is None and call.type is Call.Type.ATTACH_CONTAINER_INPUT:
            return problem(415, f"Expecting 'Content-Type' to be {RECORDIO} for {name} call")
        if media.accept == RECORDIO and call.type not in STREAMING:
            return problem(406, f"Streaming response is not supported for {name} call")
        if records is not None:
            return await self._attached.input(call, records)
        if call.type is Call.Type.LAUNCH_NESTED_CONTAINER_SESSION:
            return await self._attached.session(call, request, media)
        if call.type is Call.Type.ATTACH_CONTAINER_OUTPUT:
            return await self._attached.output(call, request, media)
        row = self._rows.get(call.type)
        if row is None:
            return problem(501, None if call.type is Call.Type.UNKNOWN else NOT_SERVED.format(name))
        answer = await row(call)
        if isinstance(answer, Response):
            return answer
        if media.accept == PROTOBUF:
            return Response(200, protobuf.encode(answer), PROTOBUF)
        return json_bytes(orjson.dumps(views.json_value(answer)))

    # ---- reads

    async def get_health(self, call: Call) -> Said:
        return Said(type=Said.Type.GET_HEALTH, get_health=Said.GetHealth(healthy=True))

    async def get_flags(self, call: Call) -> Said:
        flags = tuple([Flag(name=name, value=text) for name, text in self._agent.options.flags().items()])
        return Said(type=Said.Type.GET_FLAGS, get_flags=Said.GetFlags(flags=flags))

    async def get_version(self, call: Call) -> Said:
        return Said(type=Said.Type.GET_VERSION, get_version=Said.GetVersion(version_info=VERSION))

    async def get_metrics(self, call: Call) -> Said:
        metrics = tuple([Metric(name=name, value=number) for name, number in self._metrics.numbers().items()])
        return Said(type=Said.Type.GET_METRICS, get_metrics=Said.GetMetrics(metrics=metrics))

    async def get_logging_level(self, call: Call) -> Said:
        level = Said.GetLoggingLevel(level=self._logging.level)
        return Said(type=Said.Type.GET_LOGGING_LEVEL, get_logging_level=level)

    async def set_logging_level(self, call: Call) -> Response:
        assert call.set_logging_level is not None
        self._logging.raise_to(call.set_logging_level.level, call.set_logging_level.duration.nanoseconds)
        return OK

    async def get_state(self, call: Call) -> Said:
        return Said(type=Said.Type.GET_STATE, get_state=views.get_state(self._agent.state))

    async def get_agent(self, call: Call) -> Said:
        return Said(type=Said.Type.GET_AGENT, get_agent=views.get_agent(self._agent.state))

    async def get_frameworks(self, call: Call) -> Said:
        return Said(type=Said.Type.GET_FRAMEWORKS, get_frameworks=views.get_frameworks(self._agent.state))

    async def get_executors(self, call: Call) -> Said:
        return Said(type=Said.Type.GET_EXECUTORS, get_executors=views.get_executors(self._agent.state))

    async def get_tasks(self, call: Call) -> Said:
        return Said(type=Said.Type.GET_TASKS, get_tasks=views.get_tasks(self._agent.state))

    async def get_operations(self, call: Call) -> Said:
        return Said(type=Said.Type.GET_OPERATIONS, get_operations=Said.GetOperations())

    async def get_resource_providers(self, call: Call) -> Said:
        return Said(type=Said.Type.GET_RESOURCE_PROVIDERS, get_resource_providers=Said.GetResourceProviders())

    async def get_containers(self, call: Call) -> Said:
        wanted = call.get_containers
        nested = wanted is not None and bool(wanted.show_nested)
        standalone = wanted is not None and bool(wanted.show_standalone)
        statistics = await self._statistics.measure(nested=nested)
        shown = views.get_containers(self._agent.state, statistics, nested=nested)
        others = self._agent.api_containers.running(nested=nested, standalone=standalone)
        containers = evolve(
            shown, containers=(*shown.containers, *views.get_api_containers(others, statistics))
        )
        # Mesos says nothing at all when there is none.
        return Said(type=Said.Type.GET_CONTAINERS, get_containers=containers if containers.containers else None)

    # ---- files

    async def list_files(self, call: Call) -> Said | Response:
        assert call.list_files is not None
        try:
            infos = tuple(self._files.browse(call.list_files.path))
        except FilesError as error:
            return problem(error.status, error.text)
        return Said(type=Said.Type.LIST_FILES, list_files=Said.ListFiles(file_infos=infos))

    async def read_file(self, call: Call) -> Said | Response:
        wanted = call.read_file
        assert wanted is not None
        try:
            _, data, size = self._files.read(wanted.path, wanted.offset, wanted.length)
        except FilesError as error:
            return problem(error.status, error.text)
        return Said(type=Said.Type.READ_FILE, read_file=Said.ReadFile(size=size, data=data))

    # ---- containers

    async def prune_images(self, call: Call) -> Response:
        """Without --image_providers there are no images: all unused ones are gone, as Mesos says, too."""
        if self._images is not None:
            try:
                await self._images.prune(() if call.prune_images is None else call.prune_images.excluded_images)
            except ProvisionError as error:
                return problem(400, str(error))
        return OK

    def _table(self) -> dict[Call.Type, Handler]:
        types = Call.Type
        return {
            types.GET_HEALTH: self.get_health,
            types.GET_FLAGS: self.get_flags,
            types.GET_VERSION: self.get_version,
            types.GET_METRICS: self.get_metrics,
            types.GET_LOGGING_LEVEL: self.get_logging_level,
            types.SET_LOGGING_LEVEL: self.set_logging_level,
            types.GET_STATE: self.get_state,
            types.GET_AGENT: self.get_agent,
            types.GET_FRAMEWORKS: self.get_frameworks,
            types.GET_EXECUTORS: self.get_executors,
            types.GET_TASKS: self.get_tasks,
            types.GET_OPERATIONS: self.get_operations,
            types.GET_RESOURCE_PROVIDERS: self.get_resource_providers,
            types.GET_CONTAINERS: self.get_containers,
            types.LIST_FILES: self.list_files,
            types.READ_FILE: self.read_file,
            types.PRUNE_IMAGES: self.prune_images,
            **self._containers.table(),
        }

