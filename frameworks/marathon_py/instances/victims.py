"""Which instances go when there are too many: a pure function of a definition and its instances.

First those that somebody has named, then those that wait for an offer, for they are nowhere. Then whatever GROUP_BY
constraints want, from the largest groups; then those that are least there (out of reach, staging, starting, running);
then the youngest or the oldest, as ``killSelection`` says. Of those that run the ill ones go first, then those of which
checks have said nothing yet, at which Marathon does not look: it would keep them, and end those that are well. Source:
mesosphere/marathon .../core/deployment/impl/ScalingProposition.scala, .../mesos/Constraints.scala
selectInstancesToKill.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.pods import Pod
from frameworks.marathon_py.instances.instance import Condition, Instance, Placed

_WEIGHTS = {
    Condition.SCHEDULED: 0, Condition.UNREACHABLE: 1, Condition.PROVISIONED: 2, Condition.STAGING: 2,
    Condition.STARTING: 3,
}  # fmt: skip
_ILL, _UNSURE, _WELL = 4, 5, 6  # those that run
_OTHERS = 0  # those that end anyway


def victims(spec: App | Pod, instances: Sequence[Instance], count: int) -> list[Instance]:
    """``count`` of them, or all, in the order in which they go."""
    is_oldest_first = kill_selection(spec) == "OLDEST_FIRST"

    def rank(instance: Instance) -> tuple[bool, int, int, str]:
        started = max((task.started_at or task.staged_at for task in instance.tasks.values()), default=instance.since)
        return not instance.is_sentenced, _weight(instance), started if is_oldest_first else -started, instance.id

    line = sorted(instances, key=rank)
    fields = grouped_by(spec)
    if not fields:
        return line[:count]
    first = [one for one in line if one.is_sentenced or one.placed is None]
    others = [one for one in line if not one.is_sentenced and one.placed is not None]
    return [*first[:count], *_spread(others, fields, count - len(first))]


def _weight(instance: Instance) -> int:
    """Those with less go first."""
    if instance.is_well:
        return _WELL
    if instance.condition is Condition.RUNNING:
        return _ILL if instance.healthy is False else _UNSURE
    return _WEIGHTS.get(instance.condition, _OTHERS)


def _spread(line: list[Instance], fields: Sequence[str], count: int) -> list[Instance]:
    """One after the other from the largest groups, so that groups stay alike."""
    values = {one.id: [value_of(one.placed, name) for name in fields] for one in line}
    sizes = [Counter(values[one.id][at] for one in line) for at in range(len(fields))]
    chosen = []
    for _ in range(min(count, len(line))):
        best = max(line, key=lambda one: [sizes[at][value] for at, value in enumerate(values[one.id])])
        line.remove(best)
        for at, value in enumerate(values[best.id]):
            sizes[at][value] -= 1
        chosen.append(best)
    return chosen


def value_of(placed: Placed | None, field: str) -> str | None:
    """What a constraint on that field looks at; None: there is none."""
    if placed is None:
        return None
    if field in ("hostname", "@hostname"):
        return placed.hostname
    if field == "@region":
        return placed.region
    if field == "@zone":
        return placed.zone
    return placed.attributes.get(field)


def grouped_by(spec: App | Pod) -> list[str]:
    """The fields over whose values its instances are spread."""
    words = spec.constraints if isinstance(spec, App) else [one.words for one in spec.scheduling.placement.constraints]
    return [one[0] for one in words if one[1].upper() == "GROUP_BY"]


def kill_selection(spec: App | Pod) -> str:
    return spec.kill_selection if isinstance(spec, App) else spec.scheduling.kill_selection
