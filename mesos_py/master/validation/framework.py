"""Why a FrameworkInfo is refused, on its own and against the one it is to replace.

Order and texts: Mesos src/master/validation.cpp namespace framework, src/master/master.cpp Master::subscribe.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from mesos_py.algebra.offer_constraints import InvalidConstraints, OfferConstraintsFilter
from mesos_py.algebra.quantities import Quantities, to_milli
from mesos_py.algebra.roles import invalid_role
from mesos_py.master.capabilities import FrameworkCapabilities, subscribed_roles
from mesos_py.master.options import Options
from mesos_py.validation.ids import invalid_id
from mesos_py.wire.constraints import OfferConstraints
from mesos_py.wire.framework import FrameworkInfo, OfferFilters

MAX_FAILOVER_S = 2**63 / 1e9  # seconds; a Duration of Mesos is int64 nanoseconds


def invalid_framework(info: FrameworkInfo, options: Options) -> str | None:
    """The first thing wrong with ``info`` at a master with these options."""
    return (
        invalid_info(info)
        or _roles_not_allowed(info, options)
        or _user_not_allowed(info, options.root_submissions)
    )


def invalid_info(info: FrameworkInfo) -> str | None:
    """The first thing wrong with ``info`` at any master."""
    return (
        _invalid_roles(info)
        or (invalid_id(info.id) if info.id else None)
        or _invalid_offer_filters(info.offer_filters)
        or _invalid_failover_timeout(info.failover_timeout)
    )


def invalid_suppressed(suppressed: tuple[str, ...], roles: tuple[str, ...]) -> str | None:
    other = [role for role in dict.fromkeys(suppressed) if role not in roles]
    return f"Suppressed roles {_listed(other)} are not contained in the set of roles" if other else None


def invalid_constraints(constraints: OfferConstraints | None, roles: tuple[str, ...]) -> str | None:
    """Roles first, then each constraint (which costs compiling its regular expressions)."""
    if constraints is None:
        return None
    for role in constraints.role_constraints:
        if role not in roles:
            # The missing blank is Mesos' own.
            return f"Offer constraints specify `role_constraints` for a role '{role}'not contained in the set of roles"
    try:
        OfferConstraintsFilter(constraints)
    except InvalidConstraints as problem:
        return f"Offer constraints are not valid: {problem}"
    return None


def compiled(constraints: OfferConstraints | None) -> OfferConstraintsFilter | None:
    """Of constraints that have passed ``invalid_constraints``."""
    return None if constraints is None else OfferConstraintsFilter(constraints)


def minima(filters: Mapping[str, OfferFilters]) -> dict[str, tuple[Quantities, ...]]:
    """What each role wants an offer to hold at least one of; only roles that say so."""
    return {
        role: tuple(
            Quantities({name: to_milli(scalar.value) for name, scalar in quantities.quantities.items()})
            for quantities in offer_filters.min_allocatable_resources.quantities
        )
        for role, offer_filters in filters.items()
        if offer_filters.min_allocatable_resources is not None
    }


# ---- updates


def changed_principal(old: FrameworkInfo, new: FrameworkInfo) -> str | None:
    if (old.principal or "") != (new.principal or ""):
        return "Changing framework's principal is not allowed."
    return None


def changed_fixed_fields(old: FrameworkInfo, new: FrameworkInfo) -> str | None:
    """UPDATE_FRAMEWORK refuses what SUBSCRIBE silently leaves as it was."""
    if new.user != old.user:
        return f"Updating 'FrameworkInfo.user' is unsupported; attempted to update from '{old.user}' to '{new.user}'"
    if new.checkpoint != old.checkpoint:
        before, after = (str(flag).lower() for flag in (old.checkpoint, new.checkpoint))
        return f"Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from '{before}' to '{after}'"
    return None


# ---- single rules


def _invalid_roles(info: FrameworkInfo) -> str | None:
    if FrameworkCapabilities.of(info).multi_role:
        if info.role is not None:
            return "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"
        seen: dict[str, int] = {}
        for role in info.roles:
            seen[role] = seen.get(role, 0) + 1
        doubled = [role for role, count in seen.items() if count > 1]
        if doubled:
            return f"'FrameworkInfo.roles' contains duplicate items: {_listed(doubled)}"
        for role in info.roles:
            text = invalid_role(role)
            if text is not None:
                return f"'FrameworkInfo.roles' contains invalid role: {text}"
        return None
    if info.roles:
        return "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable"
    text = invalid_role(info.role) if info.role is not None else None
    return f"'FrameworkInfo.role' is not a valid role: {text}" if text is not None else None


def _invalid_offer_filters(filters: Mapping[str, OfferFilters]) -> str | None:
    for offer_filters in filters.values():
        minimum = offer_filters.min_allocatable_resources
        for quantities in minimum.quantities if minimum is not None else ():
            if not quantities.quantities:
                return "Resource quantities must contain at least one quantity"
            for name, scalar in quantities.quantities.items():
                if math.isnan(scalar.value):
                    return f"Invalid resource quantity for '{name}': NaN values are not supported"
                if math.isinf(scalar.value):
                    return f"Invalid resource quantity for '{name}': Infinite values are not supported"
                if scalar.value < 0:
                    return f"Invalid resource quantity for '{name}': Negative values are not supported"
    return None


def _invalid_failover_timeout(timeout_s: float) -> str | None:
    """Only the range is checked, as in Mesos; a negative timeout passes and means none."""
    if not abs(timeout_s) < MAX_FAILOVER_S:  # so that NaN is out as well
        return f"The framework failover_timeout ({timeout_s:g}) is invalid"
    return None


def _roles_not_allowed(info: FrameworkInfo, options: Options) -> str | None:
    other = [role for role in subscribed_roles(info) if not options.allows_role(role)]
    return f"Roles {_listed(other)} are not present in the master's --roles" if other else None


def _user_not_allowed(info: FrameworkInfo, root_submissions: bool) -> str | None:
    if info.user == "root" and not root_submissions:
        return "User 'root' is not allowed to run frameworks without --root_submissions set"
    return None


def _listed(items: list[str]) -> str:
    """As Mesos prints a set of strings."""
    return "{ " + ", ".join(sorted(items)) + " }"
