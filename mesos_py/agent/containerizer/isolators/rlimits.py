"""posix/rlimits: the limits of each process (setrlimit) that a task asks for.

Mesos: src/slave/containerizer/mesos/isolators/posix/rlimits.cpp, src/posix/rlimits.cpp
"""

from __future__ import annotations

import resource
from typing import Final

from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.machine.problem import Problem, bad_request
from mesos_py.wire.linux import RLimitInfo

INFINITY: Final = -1
_Type = RLimitInfo.RLimit.Type

NUMBERS: Final = {
    _Type.RLMT_AS: resource.RLIMIT_AS, _Type.RLMT_CORE: resource.RLIMIT_CORE, _Type.RLMT_CPU: resource.RLIMIT_CPU,
    _Type.RLMT_DATA: resource.RLIMIT_DATA, _Type.RLMT_FSIZE: resource.RLIMIT_FSIZE,
    _Type.RLMT_MEMLOCK: resource.RLIMIT_MEMLOCK, _Type.RLMT_MSGQUEUE: resource.RLIMIT_MSGQUEUE,
    _Type.RLMT_NICE: resource.RLIMIT_NICE, _Type.RLMT_NOFILE: resource.RLIMIT_NOFILE,
    _Type.RLMT_NPROC: resource.RLIMIT_NPROC, _Type.RLMT_RSS: resource.RLIMIT_RSS,
    _Type.RLMT_RTPRIO: resource.RLIMIT_RTPRIO, _Type.RLMT_SIGPENDING: resource.RLIMIT_SIGPENDING,
    _Type.RLMT_STACK: resource.RLIMIT_STACK,
    _Type.RLMT_LOCKS: 10,  # asm-generic/resource.h; the kernel takes it and ignores it since 2.4.25
}  # fmt: skip

#: By its soft limit containers are told apart (supervisor/procfs.py), and it limits no ordinary process anyway.
OURS: Final = _Type.RLMT_RTTIME


def setup(spec: ContainerSpec) -> list[tuple[str, str]] | Problem:
    """Numbers of resources, and their soft and hard limit."""
    info = None if spec.container is None else spec.container.rlimit_info
    found = []
    for limit in () if info is None else info.rlimits:
        if limit.type is None or (limit.type not in NUMBERS and limit.type is not OURS):
            return bad_request(f"Failed to set rlimit: unknown rlimit type {limit.type}")
        if (limit.soft is None) != (limit.hard is None):
            return bad_request(f"Failed to set rlimit {limit.type.name}: both hard and soft limits or none")
        if limit.soft is not None and limit.hard is not None and limit.soft > limit.hard:
            return bad_request(f"Failed to set rlimit {limit.type.name}: its soft limit is above the hard one")
        if limit.type is not OURS:
            soft, hard = [INFINITY if bound is None else bound for bound in (limit.soft, limit.hard)]
            found.append((str(NUMBERS[limit.type]), f"{soft} {hard}"))
    return found
