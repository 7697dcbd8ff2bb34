"""Whether an agent that was started with other settings may go on as the one it was, with Mesos' texts.

``equal``: nothing may be different. ``additive``: what the master has been promised stays, more may come.
Mesos: src/slave/compatibility.cpp, --reconfiguration_policy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from mesos_py.algebra.attributes import find, ranges_of, shown
from mesos_py.algebra.kinds import Amount, Kind, amount_text
from mesos_py.algebra.quantities import to_milli
from mesos_py.algebra.ranges import Ranges
from mesos_py.algebra.resources import Resources
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.codec import json
from mesos_py.wire.schema import evolve
from mesos_py.wire.value import Attribute, Value

_RULE = "\n------------------------------------------------------------"
#: twice as they stand in Mesos
_PREFIX = "Configuration change not permitted under 'additive' policy: "
_WHO = "Configuration change not permitted under `additive` policy: "


def equal(old: AgentInfo, new: AgentInfo) -> str | None:
    """What is wrong with ``new``, None when nothing is. Ids do not count: a new one has none yet."""
    if old == evolve(new, id=old.id):
        return None
    parts = (
        "Incompatible agent info detected. ",
        _RULE,
        f"Old agent info:\n{json.encode(evolve(old, id=None)).decode()}",
        _RULE,
        f"New agent info:\n{json.encode(new).decode()}",
        _RULE,
    )
    return "\n".join(parts)


def additive(old: AgentInfo, new: AgentInfo) -> str | None:
    """The same."""
    if old.hostname != new.hostname:
        return f"{_WHO}Hostname changed from {old.hostname} to {new.hostname}"
    if old.port != new.port:
        return f"{_WHO}Port changed from {old.port} to {new.port}"
    if old.domain is not None and old.domain != new.domain:
        return f"{_WHO}Domain changed from {old.domain} to {new.domain}"
    resources = dict(Resources.of(new.resources))
    for kind, amount in Resources.of(old.resources):
        problem = _resource(kind, amount, resources.get(kind))
        if problem is not None:
            return problem
    for attribute in old.attributes:
        problem = _attribute(attribute, find(new.attributes, attribute.name))
        if problem is not None:
            return problem
    return None


POLICIES: Final[Mapping[str, Callable[[AgentInfo, AgentInfo], str | None]]] = {"equal": equal, "additive": additive}


def _resource(kind: Kind, old: Amount, new: Amount | None) -> str | None:
    if new is None:
        return f"{_PREFIX.replace(': ', '. ')}Resource not found: {kind.head}:{amount_text(old)}"
    if isinstance(old, int) and isinstance(new, int):
        if old <= new:
            return None
        return (
            f"{_PREFIX}Value of scalar resource '{kind.name}' decreased from {amount_text(old)} to {amount_text(new)}"
        )
    is_there = old <= new  # type: ignore[operator]  # of one kind are amounts of one type
    what = "range" if isinstance(old, Ranges) else "set"
    if is_there:
        return None
    return (
        f"{_PREFIX}Previous value of {what} resource '{kind.name}' ({amount_text(old)}) "
        f"not included in current {amount_text(new)}"
    )


def _attribute(old: Attribute, new: Attribute | None) -> str | None:
    name = old.name
    if new is None:
        return f"{_PREFIX}Couldn't find attribute {name}:{_text(old)}"
    if new.type != old.type:
        return f"{_PREFIX}Type of attribute '{name}' changed from {old.type.name} to {new.type.name}"
    if old.type == Value.Type.RANGES:
        if ranges_of(old) <= ranges_of(new):
            return None
        return f"Previous value of ranges resource '{name}' ({_text(old)}) not included in current {_text(new)}"
    if old.scalar is not None and new.scalar is not None:
        is_same = to_milli(old.scalar.value) == to_milli(new.scalar.value)
    else:
        is_same = shown(old) == shown(new)
    if is_same:
        return None
    return f"{_PREFIX}Value of {old.type.name.lower()} attribute '{name}' changed from {_text(old)} to {_text(new)}"


def _text(attribute: Attribute) -> str:
    value = shown(attribute)
    return value if isinstance(value, str) else format(value, ".15g")
