"""Why a Resource message is not a resource, in Mesos' words.

Source: Mesos src/common/resources.cpp Resources::validate and src/master/validation.cpp resource::validate. What a
resource may be used for (principals, roles of the framework, volumes that exist) is not decided here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

from mesos_py.algebra.kinds import DYNAMIC, RANGES, SCALAR, SET, Reservation, Source, intervals_of, resource_text
from mesos_py.algebra.quantities import to_milli
from mesos_py.algebra.roles import DEFAULT_ROLE, invalid_role, is_strict_subrole
from mesos_py.wire.resource import Resource


def validate(resource: Resource) -> str | None:
    """The first thing wrong with a message, None if nothing is."""
    if not resource.name:
        return "Empty resource name"
    return (
        _invalid_value(resource) or _invalid_disk(resource) or _invalid_reservations(resource) or _invalid_use(resource)
    )


def validate_all(resources: Iterable[Resource]) -> str | None:
    """The first invalid message: ``Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0``."""
    for resource in resources:
        text = validate(resource)
        if text is not None:
            return f"Resource '{resource_text(resource)}' is invalid: {text}"
    return None


def _invalid_value(resource: Resource) -> str | None:
    """A scalar that is exactly zero passes, as in Mesos: it is an empty resource, not an invalid one."""
    scalar, ranges, set_ = resource.scalar, resource.ranges, resource.set
    if resource.type == SCALAR:
        if scalar is None or ranges is not None or set_ is not None:
            return "Invalid scalar resource"
        if not math.isfinite(scalar.value):
            return "Invalid scalar resource: value is not finite"
        if to_milli(scalar.value) <= 0 and scalar.value != 0.0:
            return "Invalid scalar resource: value <= 0"
        return None
    if resource.type == RANGES:
        if ranges is None or scalar is not None or set_ is not None:
            return "Invalid ranges resource"
        return _invalid_ranges(list(intervals_of(resource)))
    if resource.type == SET:
        if set_ is None or scalar is not None or ranges is not None:
            return "Invalid set resource"
        if len(set(set_.item)) < len(set_.item):
            return "Invalid set resource: duplicated elements"
        return None
    return "Unsupported resource type"


def _invalid_ranges(intervals: list[tuple[int, int]]) -> str | None:
    """Linear but for one sort: a message may hold millions."""
    if any(begin > end for begin, end in intervals):
        return "Invalid ranges resource: begin > end"
    intervals.sort()
    if any(left[1] >= right[0] for left, right in itertools.pairwise(intervals)):
        return "Invalid ranges resource: overlapping ranges"
    return None


def _invalid_disk(resource: Resource) -> str | None:
    if resource.disk is None:
        return None
    if resource.name != "disk":
        return "DiskInfo should not be set for " + resource.name + " resource"
    source = resource.disk.source
    if source is not None and source.type in (Source.Type.BLOCK, Source.Type.RAW):
        name = source.type.name
        if source.mount is not None:
            return f"Mount should not be set for {name} disk source"
        if source.path is not None:
            return f"Path should not be set for {name} disk source"
    return None


def _invalid_reservations(resource: Resource) -> str | None:
    role, legacy, stack = resource.role, resource.reservation, resource.reservations
    if not stack:
        if role is not None and (text := invalid_role(role)) is not None:
            return f"Invalid reservation: {text}"
        if legacy is not None:
            if legacy.type is not None:
                return "'Resource.ReservationInfo.type' must not be set for the 'Resource.reservation' field"
            if legacy.role is not None:
                return "'Resource.ReservationInfo.role' must not be set for the 'Resource.reservation' field"
            if role is None or role == DEFAULT_ROLE:
                return 'Invalid reservation: role "*" cannot be dynamically reserved'
        return None
    for index, info in enumerate(stack):
        text = _invalid_reservation(info)
        if text is None and index > 0:
            text = _invalid_refinement(stack[index - 1], info)
        if text is not None:
            return text
    last = stack[-1].role
    if role is not None and role != last:
        return (
            f"Invalid resource format: 'Resource.role' field with '{role}' does not match"
            f" the last reservation role '{last}'"
        )
    if legacy is not None and (len(stack) > 1 or stack[0].type != DYNAMIC):
        return "Invalid resource format: 'Resource.reservation' must not be set"
    return None


def _invalid_reservation(info: Reservation) -> str | None:
    if not info.type:  # unset or UNKNOWN
        return "Invalid reservation: 'type' is missing"
    if info.role is None:
        return "Invalid reservation: 'role' is missing"
    text = invalid_role(info.role)
    if text is not None:
        return f"Invalid reservation: {text}"
    if info.role == DEFAULT_ROLE:
        return 'Invalid reservation: role "*" cannot be reserved'
    return None


def _invalid_refinement(ancestor: Reservation, refined: Reservation) -> str | None:
    if refined.type != DYNAMIC:
        return "Invalid refined reservation: A refined reservation cannot be STATIC"
    if not is_strict_subrole(refined.role or "", ancestor.role or ""):
        return f"Invalid refined reservation: role '{refined.role}' is not a refinement of '{ancestor.role}'"
    return None


def _invalid_use(resource: Resource) -> str | None:
    if resource.shared is not None:
        if resource.name != "disk":
            return f"Resource {resource.name} cannot be shared"
        if resource.disk is None or resource.disk.persistence is None:
            return "Only persistent volumes can be shared"
    return None
