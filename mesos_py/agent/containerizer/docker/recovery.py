"""Which of dockerd's containers are whose, when an agent begins. Pure.

=====================  ============================================  ==============================================
container              the agent knows of it and has heard no end    it does not
=====================  ============================================  ==============================================
ours, runs             goes on                                       an orphan: removed if --docker_kill_orphans
ours, has ended        its end is told                               removed when its time has come
unmarked, Mesos' name  goes on                                       an orphan, running or not
another agent's        never looked at
=====================  ============================================  ==============================================

Ours are marked with our work directory. Those with a name of Mesos' and no mark were left by a C++ agent: it marks
nothing, and when it begins it removes whatever has such a name, as we do then. So C++ agents and ours share no dockerd.
Mesos: src/slave/containerizer/docker.cpp DockerContainerizerProcess::recover, parse
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import attrs

from mesos_py.agent.containerizer.docker import described
from mesos_py.agent.containerizer.docker.request import PREFIX, WORK_DIR

_UUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
#: ``mesos-UUID``, ``mesos-AGENT.UUID``, ``mesos-AGENT.UUID.executor``
_OF_MESOS: Final = re.compile(rf"{PREFIX}(?:[^.]+\.)?{_UUID}(?:\.executor)?")


@attrs.frozen(kw_only=True)
class Sorted:
    """Names of containers."""

    #: expected, whether they run or not
    ours: tuple[str, ...]
    orphans: tuple[str, ...]
    #: have ended, and that is known
    over: tuple[str, ...]


def sort(summaries: Iterable[Mapping[str, Any]], expected: Collection[str], work_dir: str) -> Sorted:
    """``summaries`` is dockerd's answer to GET /containers/json?all=1, ``expected`` are ids."""
    ours, orphans, over = [], [], []
    for summary in summaries:
        name = described.name(summary)
        mark = (summary.get("Labels") or {}).get(WORK_DIR)
        if mark not in (None, work_dir) or not name.startswith(PREFIX):
            continue
        if name.removeprefix(PREFIX) in expected:
            ours.append(name)
        elif mark is None:
            if _OF_MESOS.fullmatch(name):
                orphans.append(name)
        elif summary.get("State") in ("exited", "dead", "removing"):
            over.append(name)
        else:
            orphans.append(name)
    return Sorted(ours=tuple(ours), orphans=tuple(orphans), over=tuple(over))
