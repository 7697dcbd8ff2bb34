"""What only Linux has: capabilities, namespaces, seccomp, rlimits, terminals, devices.

Mesos: include/mesos/v1/mesos.proto.
"""

from __future__ import annotations

from mesos_py.wire.schema import WireEnum, message, opt, rep, req


@message
class CapabilityInfo:
    """A set of Linux capabilities."""

    class Capability(WireEnum):
        UNKNOWN = 0
        CHOWN = 1000
        DAC_OVERRIDE = 1001
        DAC_READ_SEARCH = 1002
        FOWNER = 1003
        FSETID = 1004
        KILL = 1005
        SETGID = 1006
        SETUID = 1007
        SETPCAP = 1008
        LINUX_IMMUTABLE = 1009
        NET_BIND_SERVICE = 1010
        NET_BROADCAST = 1011
        NET_ADMIN = 1012
        NET_RAW = 1013
        IPC_LOCK = 1014
        IPC_OWNER = 1015
        SYS_MODULE = 1016
        SYS_RAWIO = 1017
        SYS_CHROOT = 1018
        SYS_PTRACE = 1019
        SYS_PACCT = 1020
        SYS_ADMIN = 1021
        SYS_BOOT = 1022
        SYS_NICE = 1023
        SYS_RESOURCE = 1024
        SYS_TIME = 1025
        SYS_TTY_CONFIG = 1026
        MKNOD = 1027
        LEASE = 1028
        AUDIT_WRITE = 1029
        AUDIT_CONTROL = 1030
        SETFCAP = 1031
        MAC_OVERRIDE = 1032
        MAC_ADMIN = 1033
        SYSLOG = 1034
        WAKE_ALARM = 1035
        BLOCK_SUSPEND = 1036
        AUDIT_READ = 1037
        PERFMON = 1038
        BPF = 1039
        CHECKPOINT_RESTORE = 1040

    capabilities: tuple[Capability, ...] = rep(1)


@message
class SeccompInfo:
    """Which system calls are allowed."""

    #: file under --seccomp_config_dir
    profile_name: str | None = opt(1)
    unconfined: bool | None = opt(2)


@message
class LinuxInfo:
    """Linux-only settings of a container."""

    class IpcMode(WireEnum):
        UNKNOWN = 0
        PRIVATE = 1
        SHARE_PARENT = 2

    #: old name of effective_capabilities
    capability_info: CapabilityInfo | None = opt(1)
    bounding_capabilities: CapabilityInfo | None = opt(2)
    effective_capabilities: CapabilityInfo | None = opt(3)
    share_pid_namespace: bool | None = opt(4)
    seccomp: SeccompInfo | None = opt(5)
    ipc_mode: IpcMode | None = opt(6)
    #: MB; only with ipc_mode PRIVATE
    shm_size: int | None = opt(7, kind="uint32")
    #: nested: share parent cgroups (true); own cgroups (false) needed for limits in task groups
    share_cgroups: bool = opt(8, default=True)


@message
class RLimitInfo:
    """Resource limits of a process (setrlimit)."""

    @message
    class RLimit:
        """Hard and soft both set or both unset (=unlimited); soft<=hard."""

        class Type(WireEnum):
            UNKNOWN = 0
            RLMT_AS = 1
            RLMT_CORE = 2
            RLMT_CPU = 3
            RLMT_DATA = 4
            RLMT_FSIZE = 5
            RLMT_LOCKS = 6
            RLMT_MEMLOCK = 7
            RLMT_MSGQUEUE = 8
            RLMT_NICE = 9
            RLMT_NOFILE = 10
            RLMT_NPROC = 11
            RLMT_RSS = 12
            RLMT_RTPRIO = 13
            RLMT_RTTIME = 14
            RLMT_SIGPENDING = 15
            RLMT_STACK = 16

        type: Type | None = opt(1)
        hard: int | None = opt(2, kind="uint64")
        soft: int | None = opt(3, kind="uint64")

    rlimits: tuple[RLimit, ...] = rep(1)


@message
class TTYInfo:
    """A terminal and its size."""

    @message
    class WindowSize:
        rows: int = req(1, kind="uint32")
        columns: int = req(2, kind="uint32")

    window_size: WindowSize | None = opt(1)


@message
class Device:
    """A device, by path or by number."""

    @message
    class Number:
        major_number: int = req(1, kind="uint64")
        minor_number: int = req(2, kind="uint64")

    path: str | None = opt(1)
    number: Number | None = opt(2)


@message
class DeviceAccess:
    """What may be done to a device."""

    @message
    class Access:
        read: bool | None = opt(1)
        write: bool | None = opt(2)
        mknod: bool | None = opt(3)

    device: Device = req(1)
    access: Access = req(2)


@message
class DeviceWhitelist:
    """The contents of --allowed_devices."""

    allowed_devices: tuple[DeviceAccess, ...] = rep(1)
