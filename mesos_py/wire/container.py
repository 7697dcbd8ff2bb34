"""The container around a task or executor, as asked for (ContainerInfo) and as it is (ContainerStatus).

Mesos: include/mesos/v1/mesos.proto.
"""

from __future__ import annotations

from mesos_py.wire.ids import ContainerID
from mesos_py.wire.image import Image
from mesos_py.wire.linux import Device, LinuxInfo, RLimitInfo, TTYInfo
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.schema import WireEnum, message, opt, rep, req
from mesos_py.wire.value import Parameter
from mesos_py.wire.volume import Volume


@message
class ContainerInfo:
    """The container a task or executor asks for."""

    class Type(WireEnum):
        DOCKER = 1
        MESOS = 2

    @message
    class DockerInfo:
        class Network(WireEnum):
            HOST = 1
            BRIDGE = 2
            NONE = 3
            USER = 4

        @message
        class PortMapping:
            host_port: int = req(1, kind="uint32")
            container_port: int = req(2, kind="uint32")
            protocol: str | None = opt(3)

        image: str = req(1)
        network: Network = opt(2, default=Network.HOST)
        port_mappings: tuple[PortMapping, ...] = rep(3)
        privileged: bool = opt(4, default=False)
        #: extra docker CLI options; key "name" is rejected
        parameters: tuple[Parameter, ...] = rep(5)
        #: default false: pull only when image absent
        force_pull_image: bool | None = opt(6)
        #: deprecated
        volume_driver: str | None = opt(7)

    @message
    class MesosInfo:
        image: Image | None = opt(1)

    type: Type = req(1)
    volumes: tuple[Volume, ...] = rep(2)
    hostname: str | None = opt(4)
    docker: DockerInfo | None = opt(3)
    mesos: MesosInfo | None = opt(5)
    network_infos: tuple[NetworkInfo, ...] = rep(7)
    linux_info: LinuxInfo | None = opt(8)
    rlimit_info: RLimitInfo | None = opt(9)
    #: allocate a TTY (mesos containerizer)
    tty_info: TTYInfo | None = opt(10)


@message
class CgroupInfo:
    """What is known of a container's cgroups."""

    @message
    class Blkio:
        class Operation(WireEnum):
            UNKNOWN = 0
            TOTAL = 1
            READ = 2
            WRITE = 3
            SYNC = 4
            ASYNC = 5
            DISCARD = 6

        @message
        class Value:
            op: CgroupInfo.Blkio.Operation | None = opt(1)
            value: int | None = opt(2, kind="uint64")

        @message
        class CFQ:
            @message
            class Statistics:
                device: Device.Number | None = opt(1)
                sectors: int | None = opt(2, kind="uint64")
                time: int | None = opt(3, kind="uint64")
                io_serviced: tuple[CgroupInfo.Blkio.Value, ...] = rep(4)
                io_service_bytes: tuple[CgroupInfo.Blkio.Value, ...] = rep(5)
                io_service_time: tuple[CgroupInfo.Blkio.Value, ...] = rep(6)
                io_wait_time: tuple[CgroupInfo.Blkio.Value, ...] = rep(7)
                io_merged: tuple[CgroupInfo.Blkio.Value, ...] = rep(8)
                io_queued: tuple[CgroupInfo.Blkio.Value, ...] = rep(9)

        @message
        class Throttling:
            @message
            class Statistics:
                device: Device.Number | None = opt(1)
                io_serviced: tuple[CgroupInfo.Blkio.Value, ...] = rep(2)
                io_service_bytes: tuple[CgroupInfo.Blkio.Value, ...] = rep(3)

        @message
        class Statistics:
            cfq: tuple[CgroupInfo.Blkio.CFQ.Statistics, ...] = rep(1)
            cfq_recursive: tuple[CgroupInfo.Blkio.CFQ.Statistics, ...] = rep(2)
            throttling: tuple[CgroupInfo.Blkio.Throttling.Statistics, ...] = rep(3)

    @message
    class NetCls:
        #: 0xAAAABBBB major/minor
        classid: int | None = opt(1, kind="uint32")

    net_cls: NetCls | None = opt(1)


@message
class ContainerStatus:
    """The container as it is."""

    container_id: ContainerID | None = opt(4)
    #: actual addresses of the container
    network_infos: tuple[NetworkInfo, ...] = rep(1)
    cgroup_info: CgroupInfo | None = opt(2)
    executor_pid: int | None = opt(3, kind="uint32")
