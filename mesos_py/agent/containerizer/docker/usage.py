"""What a container of docker uses, from its cgroups and links: both are found by its first process, and dockerd is not
asked.

Mesos: src/slave/containerizer/docker.cpp DockerContainerizerProcess::cgroupsStatistics
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from mesos_py.agent.containerizer.cgroups import readings
from mesos_py.agent.containerizer.networks import traffic
from mesos_py.agent.usage import measure
from mesos_py.wire.resource import Resource
from mesos_py.wire.schema import evolve
from mesos_py.wire.stats import ResourceStatistics

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def usage(pid: int, resources: Sequence[Resource], hierarchy: str) -> ResourceStatistics:
    """``hierarchy`` is where cgroups are mounted; without any the first process alone is measured."""
    measured = evolve(measure((pid,), resources), **_traffic(pid))
    paths = _paths(pid)
    if not paths:
        return measured
    is_v2 = list(paths) == [""]

    def read(controller: str, name: str) -> str | None:
        path = paths.get("" if is_v2 else controller)
        if path is None:
            return None
        try:
            with open(f"{hierarchy}/{'' if is_v2 else controller}{path}/{name}", encoding="ascii") as file:
                return file.read()
        except OSError:
            return None  # a kernel that counts less, or the container is gone

    fields = (
        readings.of_v2(read, is_counted=True) if is_v2
        else readings.of_v1(read, ticks_per_s=_TICKS_PER_S, is_counted=True)
    )  # fmt: skip
    return evolve(measured, **fields)


def _traffic(pid: int) -> dict[str, int]:
    """What went through its links; nothing where they are the host's."""
    try:
        if os.readlink(f"/proc/{pid}/ns/net") == os.readlink("/proc/self/ns/net"):
            return {}
        text = Path(f"/proc/{pid}/net/dev").read_text(encoding="ascii")
    except OSError:
        return {}  # it has just ended
    links = [line.partition(":")[0].strip() for line in text.splitlines()[2:]]
    return traffic.total(text, [link for link in links if link != "lo"])


def _paths(pid: int) -> dict[str, str]:
    """Controller to cgroup; v2's is the empty name, and left out where v1 has controllers."""
    found = {}
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
            for line in file.read().splitlines():
                _, controllers, path = line.split(":", 2)
                for controller in controllers.split(","):
                    found[controller] = path if path != "/" else ""
    except OSError:
        return {}
    is_v2 = not any(found[name] for name in found if name and not name.startswith("name="))
    return {name: path for name, path in found.items() if bool(name) != is_v2 and path}
