"""The parsed form of a seccomp profile.

Mesos: include/mesos/seccomp/seccomp.proto.
"""

from __future__ import annotations

from mesos_py.wire.linux import CapabilityInfo
from mesos_py.wire.schema import WireEnum, message, opt, rep, req


@message
class ContainerSeccompProfile:
    """Which system calls are allowed to whom, and what happens to the others."""

    class Architecture(WireEnum):
        UNKNOWN = 0
        ARCH_X86 = 1
        ARCH_X86_64 = 2
        ARCH_X32 = 3
        ARCH_ARM = 4
        ARCH_AARCH64 = 5
        ARCH_MIPS = 6
        ARCH_MIPSEL = 7
        ARCH_MIPS64 = 8
        ARCH_MIPSEL64 = 9
        ARCH_MIPS64N32 = 10
        ARCH_MIPSEL64N32 = 11
        ARCH_PPC = 12
        ARCH_PPC64 = 13
        ARCH_PPC64LE = 14
        ARCH_S390 = 15
        ARCH_S390X = 16

    @message
    class Syscall:
        class Action(WireEnum):
            UNKNOWN = 0
            ACT_KILL = 1
            ACT_TRAP = 2
            ACT_ERRNO = 3
            ACT_TRACE = 4
            ACT_ALLOW = 5

        @message
        class Arg:
            class Operator(WireEnum):
                UNKNOWN = 0
                CMP_NE = 1
                CMP_LT = 2
                CMP_LE = 3
                CMP_EQ = 4
                CMP_GE = 5
                CMP_GT = 6
                CMP_MASKED_EQ = 7

            index: int = req(1, kind="uint32")
            op: Operator = req(2)
            value: int = req(3, kind="uint64")
            value_two: int = req(4, kind="uint64")

        @message
        class Filter:
            capabilities: tuple[CapabilityInfo.Capability, ...] = rep(1)

        names: tuple[str, ...] = rep(1)
        action: Action = req(2)
        args: tuple[Arg, ...] = rep(3)
        includes: Filter | None = opt(4)
        excludes: Filter | None = opt(5)

    default_action: ContainerSeccompProfile.Syscall.Action = req(1)
    architectures: tuple[Architecture, ...] = rep(2)
    syscalls: tuple[Syscall, ...] = rep(3)
