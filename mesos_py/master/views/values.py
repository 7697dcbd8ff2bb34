"""Legacy JSON of small values: resources in one object, attributes, labels, times.

Mesos: src/common/http.cpp (model, json functions), src/common/resources_utils.cpp.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from mesos_py.algebra.kinds import RANGES, SCALAR
from mesos_py.algebra.ranges import Ranges
from mesos_py.algebra.resources import NONE, Resources
from mesos_py.machine.values import Nanos
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.codec import json as codec
from mesos_py.wire.resource import Resource
from mesos_py.wire.value import Attribute, Labels, Value

#: Shown even when there is nothing of them.
ALWAYS = ("disk", "mem", "gpus", "cpus")
MERGED_FROM = 5_000  # intervals of one name that have come together, 2 ms


def seconds(moment: Nanos) -> float:
    """As legacy JSON tells a time."""
    return moment / 1e9


class Total:
    """A sum of resources as legacy JSON shows it: numbers, ``"[1-5, 8-9]"``, ``"{a, b}"``; reservations are not told
    apart.

    Revocable ones stand under ``<name>_revocable``. A shared volume counts once however often it is used.
    """

    __slots__ = ("_merged_at", "_ranges", "_scalars", "_sets", "_shared")

    def __init__(self) -> None:
        self._scalars: dict[str, int] = dict.fromkeys(ALWAYS, 0)
        self._ranges: dict[str, list[tuple[int, int]]] = {}
        self._merged_at: dict[str, int] = {}
        self._sets: dict[str, set[str]] = {}
        self._shared: dict[int, None] = {}

    def add(self, resources: Resources) -> None:
        """Ranges are merged whenever they are twice as many as when they were merged last."""
        for kind, amount in resources:
            name = f"{kind.name}_revocable" if kind.revocable else kind.name
            if kind.type == SCALAR:
                if kind.whole is not None:
                    if kind.shared:
                        if id(kind.base) in self._shared:
                            continue
                        self._shared[id(kind.base)] = None
                        amount = kind.whole
                    else:
                        amount = kind.whole * amount  # type: ignore[operator]
                self._scalars[name] = self._scalars.get(name, 0) + amount  # type: ignore[operator]
            elif kind.type == RANGES:
                intervals = self._ranges.setdefault(name, [])
                intervals.extend(amount.intervals)  # type: ignore[union-attr]
                if len(intervals) > self._merged_at.get(name, MERGED_FROM):
                    merged = self._ranges[name] = list(Ranges(intervals).intervals)
                    self._merged_at[name] = max(MERGED_FROM, 2 * len(merged))
            else:
                self._sets.setdefault(name, set()).update(amount)  # type: ignore[arg-type]

    def shown(self) -> dict[str, Any]:
        shown: dict[str, Any] = {name: amount / 1000 for name, amount in self._scalars.items()}
        for name, intervals in self._ranges.items():
            shown[name] = str(Ranges(intervals))
        for name, items in self._sets.items():
            shown[name] = "{" + ", ".join(sorted(items)) + "}"
        return shown


def resources_object(parts: Iterable[Resources]) -> dict[str, Any]:
    """The sum of a few ``parts`` as a ``Total`` shows it."""
    total = Total()
    for resources in parts:
        total.add(resources)
    return total.shown()


@functools.lru_cache(maxsize=4096)
def resources_json(resources: Resources) -> orjson.Fragment:
    """The same object, encoded. Tasks and agents are made alike, so most are encoded already."""
    return orjson.Fragment(orjson.dumps(resources_object((resources,))))


def sum_json(parts: Sequence[Resources]) -> orjson.Fragment | dict[str, Any]:
    """The sum of ``parts``, to be encoded within something else; mostly there is one part, or none."""
    if len(parts) > 1:
        return resources_object(parts)
    return resources_json(parts[0] if parts else NONE)


def countable(resources: Resources) -> dict[str, float]:
    """Like quantities, and ranges and sets by how many they hold: how /roles tells them."""
    counts: dict[str, float] = {name: amount / 1000 for name, amount in resources.quantities().items()}
    for kind, amount in resources:
        if kind.type != SCALAR and amount:
            size = len(amount) if not isinstance(amount, Ranges) else sum(e - b + 1 for b, e in amount.intervals)  # type: ignore[arg-type]
            counts[kind.name] = counts.get(kind.name, 0.0) + size
    return dict(sorted(counts.items()))


def attributes_object(attributes: Sequence[Attribute]) -> dict[str, Any]:
    """Name -> number, text, ranges or set. Of attributes of the same name the last is shown."""
    shown: dict[str, Any] = {}
    for attribute in attributes:
        if attribute.type is Value.Type.SCALAR:
            shown[attribute.name] = attribute.scalar.value if attribute.scalar is not None else 0.0
        elif attribute.type is Value.Type.RANGES:
            ranges = attribute.ranges.range if attribute.ranges is not None else ()
            shown[attribute.name] = str(Ranges((interval.begin, interval.end) for interval in ranges))
        elif attribute.type is Value.Type.SET:
            items = attribute.set.item if attribute.set is not None else ()
            shown[attribute.name] = "{" + ", ".join(items) + "}"
        else:
            shown[attribute.name] = attribute.text.value if attribute.text is not None else ""
    return shown


def labels_list(labels: Labels) -> list[dict[str, Any]]:
    return [
        {"key": label.key} if label.value is None else {"key": label.key, "value": label.value}
        for label in labels.labels
    ]


def message(made: Any) -> dict[str, Any]:
    """A wire message within legacy JSON."""
    return codec.to_value(made)


def resource_messages(resources: Iterable[Resource]) -> list[dict[str, Any]]:
    return [codec.to_value(resource) for resource in resources]


def capability_names(capabilities: Iterable[AgentInfo.Capability]) -> list[str]:
    return [capability.type.name if capability.type is not None else "UNKNOWN" for capability in capabilities]
