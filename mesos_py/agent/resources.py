"""What an agent has to offer: what ``--resources`` says, and for what it does not name, what the machine has.

Detected: cpus = cores; mem = all but 1 GB, half when there are less than 2 GB; disk = the size of the work directory's
file system but 5 GB, half below 10 GB; ports 31000-32000. A name given with 0 is not detected and not offered.

Mesos: src/slave/containerizer/containerizer.cpp, Containerizer::resources.
"""

from __future__ import annotations

import os
import shutil

from mesos_py.agent.containerizer.gpus import nvml
from mesos_py.agent.containerizer.isolation import GPU, parse_isolation
from mesos_py.agent.options import AgentOptions
from mesos_py.algebra.parse import parse_resources
from mesos_py.algebra.resources import Resources
from mesos_py.wire.resource import Resource
from mesos_py.wire.value import Value

GB = 1 << 30
MB = 1 << 20
DEFAULT_CPUS = 1  # Mesos: src/slave/constants.hpp
DEFAULT_MEM_BYTES = GB  # likewise
DEFAULT_DISK_BYTES = 10 * GB  # likewise
DEFAULT_PORTS = (31000, 32000)  # likewise


def of_agent(options: AgentOptions) -> tuple[Resource, ...]:
    """What an agent with these flags offers. Raises ValueError for what makes no sense or is not there."""
    gpus = 0
    if GPU in parse_isolation(options.isolation):
        gpus = len(nvml.find(nvml.load(), options.nvidia_gpu_devices))
    found = detect(options.resources, options.default_role, os.path.realpath(options.work_dir), gpus=gpus)
    if gpus:
        named = sum([one.scalar.value for one in found if one.name == "gpus" and one.scalar is not None])
        nvml.check(gpus, options.nvidia_gpu_devices, named)
    return found


def detect(flag: str, default_role: str, work_dir: str, *, gpus: int = 0) -> tuple[Resource, ...]:
    """All resources of this machine's agent, in the order in which Mesos lists them; ``*`` is not said.

    ``gpus`` are there, and may be given to containers.

    Raises ValueError for a flag that makes no sense.
    """
    given = parse_resources(flag, default_role) if flag else ()
    named = {resource.name for resource in given}
    found: list[Resource] = []
    for name, amount in (("cpus", _cpus), ("mem", _mem_mb), ("disk", lambda: _disk_mb(work_dir))):
        if name not in named:
            found.append(_scalar(name, amount()))
    if gpus and "gpus" not in named:
        found.append(_scalar("gpus", gpus))
    if "ports" not in named:
        found.append(_ports())
    ordered = [*found, *given] if not given else [*given, *found]
    role = default_role if default_role != "*" else None
    if role is not None and found:
        found_roles = parse_resources(";".join(_text(resource, role) for resource in found), default_role)
        ordered = [*given, *found_roles]
    return Resources.of(ordered).messages()


def _text(resource: Resource, role: str) -> str:
    if resource.scalar is not None:
        return f"{resource.name}({role}):{resource.scalar.value}"
    return f"{resource.name}({role}):[{DEFAULT_PORTS[0]}-{DEFAULT_PORTS[1]}]"


def _scalar(name: str, amount: float) -> Resource:
    return Resource(name=name, type=Value.Type.SCALAR, scalar=Value.Scalar(value=float(amount)))


def _ports() -> Resource:
    begin, end = DEFAULT_PORTS
    ranges = Value.Ranges(range=(Value.Range(begin=begin, end=end),))
    return Resource(name="ports", type=Value.Type.RANGES, ranges=ranges)


def _cpus() -> int:
    return os.cpu_count() or DEFAULT_CPUS


def _mem_mb() -> int:
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return DEFAULT_MEM_BYTES // MB
    return (total - GB if total >= 2 * GB else total // 2) // MB


def _disk_mb(work_dir: str) -> int:
    path = os.path.abspath(work_dir)
    while not os.path.exists(path):
        path = os.path.dirname(path)
    try:
        total = shutil.disk_usage(path).total
    except OSError:
        return DEFAULT_DISK_BYTES // MB
    return (total - 5 * GB if total >= 10 * GB else total // 2) // MB
