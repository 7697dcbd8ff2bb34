"""What the agent and its containerizer keep on disk or hand to helper programs, with v1 names.

Mesos: include/mesos/slave/containerizer.proto, include/mesos/fetcher/fetcher.proto, src/messages/state.proto.
"""

from __future__ import annotations

from collections.abc import Mapping

from mesos_py.wire.command import CommandInfo, Environment
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.ids import ContainerID, ExecutorID, FrameworkID
from mesos_py.wire.linux import CapabilityInfo, RLimitInfo
from mesos_py.wire.resource import Resource
from mesos_py.wire.schema import WireEnum, mapping, message, oneof, opt, rep, req
from mesos_py.wire.seccomp import ContainerSeccompProfile
from mesos_py.wire.task import TaskInfo, TaskState, TaskStatus
from mesos_py.wire.value import DurationInfo, Value


class ContainerClass(WireEnum):
    """DEBUG containers live in their parent and die with their session."""

    DEFAULT = 1
    DEBUG = 2


@message
class ContainerLimitation:
    """Which limit a container ran into."""

    resources: tuple[Resource, ...] = rep(1)
    message: str | None = opt(2)
    reason: TaskStatus.Reason | None = opt(3)


@message
class ContainerState:
    """A container as checkpointed."""

    executor_info: ExecutorInfo | None = opt(1)
    container_id: ContainerID = req(2)
    pid: int = req(3, kind="uint64")
    directory: str = req(4)
    ephemeral_volumes: tuple[str, ...] = rep(5)
    container_info: ContainerInfo | None = opt(6)


@message
class ContainerRecoverInfo:
    """What a containerizer found again after a restart."""

    checkpointed_container_states: tuple[ContainerState, ...] = rep(1)
    orphan_container_ids: tuple[ContainerID, ...] = rep(2)
    known_container_ids: tuple[ContainerID, ...] = rep(3)


@message
class ContainerConfig:
    """Everything needed to prepare a container."""

    @message
    class Docker:
        """Present or not; no fields."""

    @message
    class Appc:
        """Present or not; no fields."""

    directory: str = req(3)
    user: str | None = opt(4)
    rootfs: str | None = opt(5)
    docker: Docker | None = opt(7)
    executor_info: ExecutorInfo | None = opt(8)
    task_info: TaskInfo | None = opt(9)
    appc: Appc | None = opt(10)
    command_info: CommandInfo = req(11)
    container_info: ContainerInfo | None = opt(12)
    resources: tuple[Resource, ...] = rep(13)
    container_class: ContainerClass | None = opt(14)
    ephemeral_volumes: tuple[str, ...] = rep(15)
    limits: Mapping[str, Value.Scalar] = mapping(16)


@message
class ContainerMountInfo:
    """Arguments of one mount(2)."""

    target: str = req(1)
    source: str | None = opt(2)
    type: str | None = opt(3)
    flags: int | None = opt(4, kind="uint32")
    options: str | None = opt(5)


@message
class ContainerFileOperation:
    """Something done to files before the command starts."""

    class Operation(WireEnum):
        SYMLINK = 1
        MOUNT = 2
        RENAME = 3
        MKDIR = 4

    @message
    class Symlink:
        source: str | None = opt(1)
        target: str | None = opt(2)

    @message
    class Rename:
        source: str | None = opt(1)
        target: str | None = opt(2)

    @message
    class Mkdir:
        target: str | None = opt(1)
        recursive: bool | None = opt(2)

    operation: Operation | None = opt(1)
    symlink: Symlink | None = oneof(2, "parameters")
    mkdir: Mkdir | None = oneof(3, "parameters")
    rename: Rename | None = oneof(4, "parameters")
    mount: ContainerMountInfo | None = oneof(5, "parameters")


@message
class ContainerLaunchInfo:
    """Everything needed to start the process of a prepared container."""

    #: deprecated
    pre_exec_commands: tuple[CommandInfo, ...] = rep(1)
    environment: Environment | None = opt(2)
    rootfs: str | None = opt(3)
    clone_namespaces: tuple[int, ...] = rep(4, kind="int32")
    command: CommandInfo | None = opt(5)
    working_directory: str | None = opt(6)
    effective_capabilities: CapabilityInfo | None = opt(7)
    rlimits: RLimitInfo | None = opt(8)
    enter_namespaces: tuple[int, ...] = rep(9, kind="int32")
    user: str | None = opt(10)
    tty_slave_path: str | None = opt(14)
    task_environment: Environment | None = opt(15)
    bounding_capabilities: CapabilityInfo | None = opt(16)
    mounts: tuple[ContainerMountInfo, ...] = rep(17)
    seccomp_profile: ContainerSeccompProfile | None = opt(18)
    supplementary_groups: tuple[int, ...] = rep(19, kind="uint32")
    task_supplementary_groups: tuple[int, ...] = rep(20, kind="uint32")
    masked_paths: tuple[str, ...] = rep(21)
    file_operations: tuple[ContainerFileOperation, ...] = rep(22)
    no_new_privileges: bool | None = opt(23)


@message
class ContainerTermination:
    """How a container ended."""

    message: str | None = opt(2)
    status: int | None = opt(3, kind="int32")
    state: TaskState | None = opt(4)
    reason: TaskStatus.Reason | None = opt(5)
    limited_resources: tuple[Resource, ...] = rep(6)


@message
class ContainerLayers:
    """The layers of a root filesystem."""

    paths: tuple[str, ...] = rep(1)
    config: str | None = opt(2)


@message
class QoSCorrection:
    """What the QoS controller wants done to protect others."""

    class Type(WireEnum):
        KILL = 1

    @message
    class Kill:
        framework_id: FrameworkID | None = opt(1)
        executor_id: ExecutorID | None = opt(2)
        container_id: ContainerID | None = opt(3)

    type: Type = req(1)
    kill: Kill | None = opt(2)


@message
class Entry:
    """One named value with the uuid of its version."""

    name: str = req(1)
    uuid: bytes = req(2)
    value: bytes = req(3)


@message
class StateOperation:
    """One record of a replicated key-value log."""

    class Type(WireEnum):
        SNAPSHOT = 1
        EXPUNGE = 2
        DIFF = 3

    @message
    class Snapshot:
        entry: Entry = req(1)

    @message
    class Diff:
        entry: Entry = req(1)

    @message
    class Expunge:
        name: str = req(1)

    type: Type = req(1)
    snapshot: Snapshot | None = opt(2)
    expunge: Expunge | None = opt(3)
    diff: Diff | None = opt(4)


@message
class FetcherInfo:
    """What the fetcher is to fetch, and where to."""

    @message
    class Item:
        class Action(WireEnum):
            BYPASS_CACHE = 0
            DOWNLOAD_AND_CACHE = 1
            RETRIEVE_FROM_CACHE = 2

        uri: CommandInfo.URI = req(1)
        action: Action = req(2)
        cache_filename: str | None = opt(3)

    sandbox_directory: str = req(1)
    cache_directory: str | None = opt(2)
    items: tuple[Item, ...] = rep(3)
    user: str | None = opt(4)
    frameworks_home: str | None = opt(5)
    stall_timeout: DurationInfo | None = opt(6)
