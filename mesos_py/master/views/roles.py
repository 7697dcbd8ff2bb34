"""Roles as the master shows them: who is in them, what they hold, their weights.

A role's figures include those of its sub-roles. Mesos: src/master/readonly_handler.cpp roles, src/master/http.cpp
_getRoles, src/master/master.hpp struct Role.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from mesos_py.algebra.roles import DEFAULT_ROLE
from mesos_py.master.options import Options
from mesos_py.master.registry import Registry
from mesos_py.master.state import State
from mesos_py.master.views.values import countable
from mesos_py.wire.ids import FrameworkID
from mesos_py.wire.master_api import Response
from mesos_py.wire.quota import QuotaConfig
from mesos_py.wire.resource import Resource
from mesos_py.wire.role import Role, WeightInfo
from mesos_py.wire.value import Value

Amounts = dict[str, float]

STEP = 500  # entries looked at between two pauses


@attrs.define(eq=False)
class RoleFigures:
    """What one role and its sub-roles hold, by name."""

    allocated: Amounts = attrs.field(factory=dict)
    offered: Amounts = attrs.field(factory=dict)
    reserved: Amounts = attrs.field(factory=dict)
    #: what counts as quota: reservations, and what is allocated without being reserved or revocable
    consumed: Amounts = attrs.field(factory=dict)
    #: subscribed to, or holding something of, this very role
    frameworks: dict[FrameworkID, None] = attrs.field(factory=dict)

    @property
    def resources(self) -> Amounts:
        """Allocated and offered together."""
        both = dict(self.allocated)
        _add(both, self.offered)
        return dict(sorted(both.items()))


def figures(state: State, options: Options, registry: Registry) -> Iterator[dict[str, RoleFigures]]:
    """All roles there are, by name. Linear in what is allocated; yields as it grows, at last complete and sorted."""
    roles: dict[str, RoleFigures] = {}
    seen = 0
    for name in options.roles or ():
        _role(roles, name)
    for name in (*registry.weights, *registry.quotas):
        _role(roles, name)
    for framework in list(state.frameworks.values()):
        for name in framework.roles:
            _role(roles, name).frameworks[framework.id] = None
        for used in list(framework.used.values()):
            for name, resources in used.allocations().items():
                _role(roles, name).frameworks[framework.id] = None
                unreserved = countable(resources.unreserved().nonrevocable())
                for role in _path(roles, name):
                    _add(role.allocated, countable(resources))
                    _add(role.consumed, unreserved)
            seen += 1
            if seen % STEP == 0:
                yield roles
        for offer in list(framework.offers.values()):
            _role(roles, offer.role).frameworks[framework.id] = None
            for role in _path(roles, offer.role):
                _add(role.offered, countable(offer.resources))
            seen += 1
            if seen % STEP == 0:
                yield roles
    for agent in list(state.agents.values()):
        for name, resources in agent.total.reservations().items():
            amounts = countable(resources)
            for role in _path(roles, name):
                _add(role.reserved, amounts)
                _add(role.consumed, amounts)
        seen += 1
        if seen % STEP == 0:
            yield roles
    shown = roles if options.roles is None else {name: _role(roles, name) for name in (*options.roles, DEFAULT_ROLE)}
    yield dict(sorted(shown.items()))


def _role(roles: dict[str, RoleFigures], name: str) -> RoleFigures:
    """The role, it and its ancestors made when they are new."""
    found = roles.get(name)
    if found is None:
        found = roles[name] = RoleFigures()
        parent = name.rpartition("/")[0]
        if parent:
            _role(roles, parent)
    return found


def _path(roles: dict[str, RoleFigures], name: str) -> Iterator[RoleFigures]:
    """The role and its ancestors."""
    while name:
        yield _role(roles, name)
        name = name.rpartition("/")[0]


def _add(amounts: Amounts, more: Amounts) -> None:
    for name, amount in more.items():
        amounts[name] = round(amounts.get(name, 0.0) + amount, 3)


def roles_list(found: dict[str, RoleFigures], registry: Registry) -> list[dict[str, Any]]:
    """The list of /roles."""
    return [
        {
            "name": name,
            "weight": registry.weights.get(name, 1.0),
            "quota": _quota(name, registry) | {"consumed": dict(sorted(role.consumed.items()))},
            "resources": role.resources,
            "allocated": dict(sorted(role.allocated.items())),
            "offered": dict(sorted(role.offered.items())),
            "reserved": dict(sorted(role.reserved.items())),
            "frameworks": list(role.frameworks),
        }
        for name, role in found.items()
    ]


def _quota(role: str, registry: Registry) -> dict[str, Any]:
    config = registry.quotas.get(role, QuotaConfig(role=role))
    return {"role": role, "guarantee": _amounts(config.guarantees), "limit": _amounts(config.limits)}


def _amounts(scalars: Mapping[str, Value.Scalar]) -> Amounts:
    return {name: scalar.value for name, scalar in sorted(scalars.items())}


def get_roles(found: dict[str, RoleFigures], registry: Registry) -> Response:
    """GET_ROLES; only scalars are told."""
    roles = []
    for name, role in found.items():
        resources = tuple(
            Resource(name=kind, type=Value.Type.SCALAR, scalar=Value.Scalar(value=amount))
            for kind, amount in role.resources.items()
            if kind not in ("ports", "ephemeral_ports")
        )
        weight = registry.weights.get(name, 1.0)
        roles.append(Role(name=name, weight=weight, frameworks=tuple(role.frameworks), resources=resources))
    return Response(type=Response.Type.GET_ROLES, get_roles=Response.GetRoles(roles=tuple(roles)))


def weights_list(registry: Registry) -> list[dict[str, Any]]:
    """The list of GET /weights: those that were set."""
    return [{"role": role, "weight": weight} for role, weight in sorted(registry.weights.items())]


def get_weights(registry: Registry) -> Response:
    """GET_WEIGHTS; without weights the answer has no payload at all, as in Mesos."""
    weights = tuple(WeightInfo(role=role, weight=weight) for role, weight in sorted(registry.weights.items()))
    payload = Response.GetWeights(weight_infos=weights) if weights else None
    return Response(type=Response.Type.GET_WEIGHTS, get_weights=payload)
