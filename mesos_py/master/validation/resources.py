"""Rules for the resources a task or executor wants, beyond each being well formed (algebra/validation).

Mesos: src/master/validation.cpp namespace resource, task::internal::validateResources.
"""

from __future__ import annotations

from collections.abc import Iterable

from mesos_py.algebra.kinds import SCALAR
from mesos_py.algebra.resources import Resources
from mesos_py.wire.resource import Resource


def invalid_disks(messages: Iterable[Resource]) -> str | None:
    """What a DiskInfo may say when it is used, not created."""
    for message in messages:
        disk = message.disk
        if disk is None:
            continue
        if disk.persistence is None:
            if disk.volume is not None:
                return "Non-persistent volume not supported"
            if disk.source is None:
                return "DiskInfo is set but empty"
            continue
        if disk.volume is None:
            return "Expecting 'volume' to be set for persistent volume"
        if disk.volume.host_path is not None:
            return "Expecting 'host_path' to be unset for persistent volume"
    return None


def mixed_revocable_reserved(resources: Resources) -> str | None:
    for kind, _ in resources:
        if kind.revocable and kind.is_dynamically_reserved:
            return "Dynamically reserved resources cannot be created from revocable resources"
    return None


def doubled_volume(resources: Resources) -> str | None:
    """Text without a prefix when one persistence id of a role is used twice."""
    seen: dict[tuple[str, str], None] = {}
    for kind, amount in resources:
        if kind.disk is None or kind.disk.persistence is None:
            continue
        key = (kind.reserved_role, kind.disk.persistence.id)
        if key in seen or (not kind.shared and amount != 1):
            return f"Persistence ID '{key[1]}' is not unique"
        seen[key] = None
    return None


def several_allocations(resources: Resources) -> str | None:
    roles = list(dict.fromkeys(kind.allocated_role or "" for kind, _ in resources))
    if len(roles) > 1:
        return f"The resources have multiple allocation roles ('{roles[1]}' and '{roles[0]}')"
    return None


def mixed_revocable(resources: Resources) -> str | None:
    """One name is used either revocable or not."""
    revocable: dict[str, bool] = {}
    for kind, _ in resources:
        if revocable.setdefault(kind.name, kind.revocable) != kind.revocable:
            return f"Cannot use both revocable and non-revocable '{kind.name}' at the same time"
    return None


def overlap(first: Resources, second: Resources) -> str | None:
    """Ranges or items that both want."""
    for kind, amount in first:
        if kind.type == SCALAR:
            continue
        for other, theirs in second:
            if other.name == kind.name and other.type == kind.type and amount & theirs:  # type: ignore[operator]
                return kind.name
    return None
