"""Roles and their weights.

Mesos: include/mesos/v1/mesos.proto.
"""

from __future__ import annotations

from mesos_py.wire.ids import FrameworkID
from mesos_py.wire.resource import Resource
from mesos_py.wire.schema import message, opt, rep, req


@message
class Role:
    """A role in use."""

    name: str = req(1)
    weight: float = req(2)
    frameworks: tuple[FrameworkID, ...] = rep(3)
    #: allocated resources (v1 GET_ROLES)
    resources: tuple[Resource, ...] = rep(4)


@message
class WeightInfo:
    """A role's weight in fair sharing."""

    weight: float = req(1)
    role: str | None = opt(2)
