"""What the difference of two definitions of an app, or of a pod, means: nothing, other numbers, or other instances.

=================  ===========================================  ==================================================
change             what differs                                 timestamps that are now
=================  ===========================================  ==================================================
NONE               nothing that matters                         none
SCALING            instances only                               version, lastScalingAt
CONFIG             anything else, be it a label                 version, lastScalingAt, lastConfigChangeAt
(a restart)        nothing, but somebody asked for it           version, lastConfigChangeAt
=================  ===========================================  ==================================================

Instances of an older ``lastConfigChangeAt`` are replaced. What is a set to Marathon (constraints, health checks,
dependencies, accepted roles) has no order here, either.

Source: mesosphere/marathon .../state/AppDefinition.scala isUpgrade, .../upgrade/GroupVersioningUtil.scala.
"""

from __future__ import annotations

import enum
from typing import Any, TypeVar

import attrs

from frameworks.marathon_py.definitions.app import App, VersionInfo
from frameworks.marathon_py.definitions.pods import Pod

RunSpec = TypeVar("RunSpec", App, Pod)

#: what makes no instance another: names, numbers, what the server keeps, what has no effect
_NO_CONFIG: dict[type[Any], tuple[str, ...]] = {
    App: ("id", "instances", "executor_resources", "residency", "version", "version_info"),
    Pod: ("id", "scaling", "executor_resources", "version", "version_info"),
}
_SETS = ("constraints", "health_checks", "dependencies", "accepted_resource_roles")


class Change(enum.Enum):
    """Of one definition to the next, the larger ones last."""

    NONE = enum.auto()
    SCALING = enum.auto()
    CONFIG = enum.auto()


def differing(old: RunSpec, new: RunSpec) -> tuple[str, ...]:
    """The fields for which instances are replaced."""
    cls = type(old)
    names = [one.name for one in attrs.fields(cls) if one.name not in _NO_CONFIG[cls]]
    return tuple(name for name in names if _value(old, name) != _value(new, name))


def change(old: RunSpec, new: RunSpec) -> Change:
    if differing(old, new):
        return Change.CONFIG
    return Change.SCALING if old.instances != new.instances else Change.NONE


def versioned(old: RunSpec | None, new: RunSpec, now: str, is_restart: bool = False) -> RunSpec:
    """``new`` with the versions it has as the successor of ``old``; ``now`` is a timestamp as clients see them."""
    if old is None or old.version_info is None or change(old, new) is Change.CONFIG:
        return _with(new, now, scaled=now, configured=now)
    before = old.version_info
    is_scaling = change(old, new) is Change.SCALING
    if not is_scaling and not is_restart:
        return attrs.evolve(new, version=old.version, version_info=before)
    return _with(
        new, now,
        scaled=now if is_scaling else before.last_scaling_at,
        configured=now if is_restart else before.last_config_change_at,
    )  # fmt: skip


def needs_restart(old: RunSpec, new: RunSpec) -> bool:
    """Instances of ``old`` are replaced by those of ``new``; both have versions."""
    if old.version_info is None or new.version_info is None:
        return change(old, new) is Change.CONFIG
    return old.version_info.last_config_change_at != new.version_info.last_config_change_at


def _with(spec: RunSpec, version: str, scaled: str, configured: str) -> RunSpec:
    info = VersionInfo(last_scaling_at=scaled, last_config_change_at=configured)
    return attrs.evolve(spec, version=version, version_info=info)


def _value(spec: App | Pod, name: str) -> Any:
    value = getattr(spec, name)
    return frozenset(value) if name in _SETS else value
