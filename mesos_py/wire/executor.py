"""Executors, as frameworks describe them.

Mesos: include/mesos/v1/mesos.proto.
"""

from __future__ import annotations

from mesos_py.wire.command import CommandInfo
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.discovery import DiscoveryInfo
from mesos_py.wire.ids import ExecutorID, FrameworkID
from mesos_py.wire.resource import Resource
from mesos_py.wire.schema import WireEnum, message, opt, rep, req
from mesos_py.wire.value import DurationInfo, Labels


@message
class ExecutorInfo:
    """An executor: a program that runs tasks of its framework."""

    class Type(WireEnum):
        UNKNOWN = 0
        DEFAULT = 1
        CUSTOM = 2

    #: mandatory in LAUNCH_GROUP; inferred from command in LAUNCH
    type: Type | None = opt(15)
    executor_id: ExecutorID = req(1)
    #: filled by master for LAUNCH; must be set by scheduler for LAUNCH_GROUP
    framework_id: FrameworkID | None = opt(8)
    command: CommandInfo | None = opt(7)
    container: ContainerInfo | None = opt(11)
    resources: tuple[Resource, ...] = rep(5)
    name: str | None = opt(9)
    #: legacy label
    source: str | None = opt(10)
    #: opaque bytes
    data: bytes | None = opt(4)
    discovery: DiscoveryInfo | None = opt(12)
    #: overrides --executor_shutdown_grace_period
    shutdown_grace_period: DurationInfo | None = opt(13)
    labels: Labels | None = opt(14)
