"""The agent's operator and container API: POST /api/v1. `Response` comes from agent_response.

Mesos: include/mesos/v1/agent/agent.proto.
"""

from __future__ import annotations

from collections.abc import Mapping

from mesos_py.wire.agent_response import Response
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.ids import ContainerID, ResourceProviderID
from mesos_py.wire.image import Image
from mesos_py.wire.linux import TTYInfo
from mesos_py.wire.provider import ResourceProviderInfo
from mesos_py.wire.resource import Resource
from mesos_py.wire.schema import WireEnum, mapping, message, opt, rep, req
from mesos_py.wire.value import DurationInfo, Value

__all__ = ["Call", "ProcessIO", "Response"]


@message
class ProcessIO:
    """One record of an attach or session stream: data of a standard stream, or control."""

    class Type(WireEnum):
        UNKNOWN = 0
        DATA = 1
        CONTROL = 2

    @message
    class Data:
        class Type(WireEnum):
            UNKNOWN = 0
            STDIN = 1
            STDOUT = 2
            STDERR = 3

        type: Type | None = opt(1)
        #: empty STDIN data = EOF
        data: bytes | None = opt(2)

    @message
    class Control:
        class Type(WireEnum):
            UNKNOWN = 0
            TTY_INFO = 1
            HEARTBEAT = 2

        @message
        class Heartbeat:
            interval: DurationInfo | None = opt(1)

        type: Type | None = opt(1)
        tty_info: TTYInfo | None = opt(2)
        heartbeat: Heartbeat | None = opt(3)

    type: Type | None = opt(1)
    data: Data | None = opt(2)
    control: Control | None = opt(3)


@message
class Call:
    """What an operator or executor asks of the agent."""

    class Type(WireEnum):
        UNKNOWN = 0
        GET_HEALTH = 1
        GET_FLAGS = 2
        GET_VERSION = 3
        GET_METRICS = 4
        GET_LOGGING_LEVEL = 5
        SET_LOGGING_LEVEL = 6
        LIST_FILES = 7
        READ_FILE = 8
        GET_STATE = 9
        GET_CONTAINERS = 10
        GET_FRAMEWORKS = 11
        GET_EXECUTORS = 12
        GET_TASKS = 13
        LAUNCH_NESTED_CONTAINER = 14
        WAIT_NESTED_CONTAINER = 15
        KILL_NESTED_CONTAINER = 16
        LAUNCH_NESTED_CONTAINER_SESSION = 17
        ATTACH_CONTAINER_INPUT = 18
        ATTACH_CONTAINER_OUTPUT = 19
        GET_AGENT = 20
        REMOVE_NESTED_CONTAINER = 21
        LAUNCH_CONTAINER = 22
        WAIT_CONTAINER = 23
        KILL_CONTAINER = 24
        REMOVE_CONTAINER = 25
        GET_RESOURCE_PROVIDERS = 26
        ADD_RESOURCE_PROVIDER_CONFIG = 27
        UPDATE_RESOURCE_PROVIDER_CONFIG = 28
        REMOVE_RESOURCE_PROVIDER_CONFIG = 29
        PRUNE_IMAGES = 30
        GET_OPERATIONS = 31
        MARK_RESOURCE_PROVIDER_GONE = 32

    @message
    class GetMetrics:
        timeout: DurationInfo | None = opt(1)

    @message
    class SetLoggingLevel:
        level: int = req(1, kind="uint32")
        duration: DurationInfo = req(2)

    @message
    class ListFiles:
        path: str = req(1)

    @message
    class ReadFile:
        path: str = req(1)
        offset: int = req(2, kind="uint64")
        length: int | None = opt(3, kind="uint64")

    @message
    class GetContainers:
        show_nested: bool | None = opt(1)
        show_standalone: bool | None = opt(2)

    @message
    class LaunchNestedContainer:
        container_id: ContainerID = req(1)
        command: CommandInfo | None = opt(2)
        container: ContainerInfo | None = opt(3)

    @message
    class WaitNestedContainer:
        container_id: ContainerID = req(1)

    @message
    class KillNestedContainer:
        container_id: ContainerID = req(1)
        #: default SIGKILL (9)
        signal: int | None = opt(2, kind="int32")

    @message
    class RemoveNestedContainer:
        container_id: ContainerID = req(1)

    @message
    class LaunchNestedContainerSession:
        container_id: ContainerID = req(1)
        command: CommandInfo | None = opt(2)
        container: ContainerInfo | None = opt(3)

    @message
    class AttachContainerInput:
        class Type(WireEnum):
            UNKNOWN = 0
            CONTAINER_ID = 1
            PROCESS_IO = 2

        #: first record CONTAINER_ID, later records PROCESS_IO
        type: Type | None = opt(1)
        container_id: ContainerID | None = opt(2)
        process_io: ProcessIO | None = opt(3)

    @message
    class AttachContainerOutput:
        container_id: ContainerID = req(1)

    @message
    class LaunchContainer:
        #: no parent = standalone container
        container_id: ContainerID = req(1)
        command: CommandInfo | None = opt(2)
        resources: tuple[Resource, ...] = rep(3)
        container: ContainerInfo | None = opt(4)
        limits: Mapping[str, Value.Scalar] = mapping(5)

    @message
    class WaitContainer:
        container_id: ContainerID = req(1)

    @message
    class KillContainer:
        container_id: ContainerID = req(1)
        #: default SIGKILL (9)
        signal: int | None = opt(2, kind="int32")

    @message
    class RemoveContainer:
        container_id: ContainerID = req(1)

    @message
    class AddResourceProviderConfig:
        info: ResourceProviderInfo = req(1)

    @message
    class UpdateResourceProviderConfig:
        info: ResourceProviderInfo = req(1)

    @message
    class RemoveResourceProviderConfig:
        type: str = req(1)
        name: str = req(2)

    @message
    class MarkResourceProviderGone:
        resource_provider_id: ResourceProviderID = req(1)

    @message
    class PruneImages:
        excluded_images: tuple[Image, ...] = rep(1)

    type: Type | None = opt(1)
    get_metrics: GetMetrics | None = opt(2)
    set_logging_level: SetLoggingLevel | None = opt(3)
    list_files: ListFiles | None = opt(4)
    read_file: ReadFile | None = opt(5)
    #: deprecated
    launch_nested_container: LaunchNestedContainer | None = opt(6)
    #: deprecated
    wait_nested_container: WaitNestedContainer | None = opt(7)
    #: deprecated
    kill_nested_container: KillNestedContainer | None = opt(8)
    launch_nested_container_session: LaunchNestedContainerSession | None = opt(9)
    attach_container_input: AttachContainerInput | None = opt(10)
    attach_container_output: AttachContainerOutput | None = opt(11)
    #: deprecated
    remove_nested_container: RemoveNestedContainer | None = opt(12)
    launch_container: LaunchContainer | None = opt(13)
    wait_container: WaitContainer | None = opt(14)
    kill_container: KillContainer | None = opt(15)
    remove_container: RemoveContainer | None = opt(16)
    add_resource_provider_config: AddResourceProviderConfig | None = opt(17)
    update_resource_provider_config: UpdateResourceProviderConfig | None = opt(18)
    remove_resource_provider_config: RemoveResourceProviderConfig | None = opt(19)
    get_containers: GetContainers | None = opt(20)
    prune_images: PruneImages | None = opt(21)
    mark_resource_provider_gone: MarkResourceProviderGone | None = opt(22)
