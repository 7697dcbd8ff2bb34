"""Apps as clients see them: the definition, and what is embedded in it.

Source: mesosphere/marathon .../core/appinfo/impl/AppInfoBaseData.scala, .../core/appinfo/AppInfo.scala.
"""

from __future__ import annotations

import enum
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from frameworks.marathon_py.core import Marathon
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.fields import show
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.timestamps import moment
from frameworks.marathon_py.instances.instance import Instance, InstanceTask
from frameworks.marathon_py.views import tasks
from frameworks.marathon_py.views.deployments import touching
from mesos_py.machine.values import SECOND, Nanos


class Embed(enum.Enum):
    """What may be shown with an app."""

    TASKS = "tasks"
    COUNTS = "counts"
    DEPLOYMENTS = "deployments"
    READINESS = "readiness"
    LAST_FAILURE = "lastTaskFailure"
    STATS = "taskStats"
    #: not of Marathon, and never but when it is named: strict clients know no such key
    HISTORY = "taskHistory"


#: of a list, whatever is asked for
ALWAYS = frozenset({Embed.COUNTS, Embed.DEPLOYMENTS})
#: of one app, whatever is asked for
OF_ONE = ALWAYS | {Embed.TASKS, Embed.LAST_FAILURE}

_NAMES: Mapping[str, tuple[Embed, ...]] = {
    "tasks": (Embed.TASKS, Embed.DEPLOYMENTS), "count": (Embed.COUNTS,), "counts": (Embed.COUNTS,),
    "deployments": (Embed.DEPLOYMENTS,), "readiness": (Embed.READINESS,), "lastTaskFailure": (Embed.LAST_FAILURE,),
    "failures": (Embed.TASKS, Embed.LAST_FAILURE, Embed.DEPLOYMENTS), "taskStats": (Embed.STATS,),
    "taskHistory": (Embed.HISTORY,),
}  # fmt: skip
_PREFIXES = ("group.apps.", "apps.", "app.")


def embeds(names: Iterable[str], prefixes: Sequence[str] = (*_PREFIXES, "")) -> frozenset[Embed]:
    """What is meant; names that are unknown mean nothing."""
    found: dict[Embed, None] = {}
    for name in names:
        prefix = next((one for one in prefixes if name.startswith(one)), None)
        if prefix is not None:
            found |= dict.fromkeys(_NAMES.get(name.removeprefix(prefix), ()))
    return frozenset(found)


def app(m: Marathon, one: App, embed: frozenset[Embed], now: Nanos) -> dict[str, Any]:
    """Its definition, and what was asked for."""
    shown = show(one)
    path = PathId(one.id)
    there = list(tasks.placed(m.of(path)))
    if Embed.COUNTS in embed:
        shown |= counts(there)
    if Embed.DEPLOYMENTS in embed:
        shown["deployments"] = [{"id": deployment} for deployment in touching(m, path)]
    if Embed.TASKS in embed:
        shown["tasks"] = [tasks.task(m, instance, task) for instance, task in there]
    if Embed.READINESS in embed:
        shown["readinessCheckResults"] = tasks.all_readiness(instance for instance, _ in there)
    if Embed.LAST_FAILURE in embed and (failure := tasks.last_failure(m, path)) is not None:
        shown["lastTaskFailure"] = failure
    if Embed.STATS in embed:
        shown["taskStats"] = stats(one, there, now)
    if Embed.HISTORY in embed:
        shown["taskHistory"] = tasks.history(m, path)
    return shown


def counts(there: Sequence[tuple[Instance, InstanceTask]]) -> dict[str, int]:
    """Tasks in Mesos' states, and by what their health checks say. Of an app without any, none is healthy."""
    states = [tasks.state(task) for _, task in there]
    healthy = [instance.healthy for instance, _ in there]
    return {
        "tasksStaged": states.count(tasks.STAGING), "tasksRunning": states.count(tasks.RUNNING),
        "tasksHealthy": healthy.count(True), "tasksUnhealthy": healthy.count(False),
    }  # fmt: skip


def stats(one: App, there: Sequence[tuple[Instance, InstanceTask]], now: Nanos) -> dict[str, Any]:
    """Counts and life times by what tasks run; of what there is none, nothing is said."""
    info = one.version_info
    scaled = info.last_scaling_at if info is not None else one.version
    latest = info.last_config_change_at if info is not None else one.version
    since = moment(scaled)
    groups = {
        "startedAfterLastScaling": [pair for pair in there if pair[1].staged_at >= since],
        "withLatestConfig": [pair for pair in there if pair[0].spec.version >= latest],
        "withOutdatedConfig": [pair for pair in there if pair[0].spec.version < latest],
        "totalSummary": list(there),
    }
    return {name: {"stats": _summary(pairs, now)} for name, pairs in groups.items() if pairs}


def _summary(pairs: Sequence[tuple[Instance, InstanceTask]], now: Nanos) -> dict[str, Any]:
    found: dict[str, Any] = {"counts": {name[5:].lower(): count for name, count in counts(pairs).items()}}
    lives = [(now - task.started_at) / SECOND for _, task in pairs if task.started_at is not None]
    if lives:
        found["lifeTime"] = {"averageSeconds": statistics.fmean(lives), "medianSeconds": statistics.median(lives)}
    return found
