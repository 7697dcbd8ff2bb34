"""Quota: what a role is guaranteed and what it may not exceed.

Mesos: include/mesos/v1/quota/quota.proto.
"""

from __future__ import annotations

from collections.abc import Mapping

from mesos_py.wire.resource import Resource
from mesos_py.wire.schema import mapping, message, opt, rep, req
from mesos_py.wire.value import Value


@message
class QuotaInfo:
    """Old form of a guarantee."""

    role: str | None = opt(1)
    principal: str | None = opt(2)
    guarantee: tuple[Resource, ...] = rep(3)


@message
class QuotaRequest:
    """Old form of setting a guarantee."""

    force: bool | None = opt(1)
    role: str | None = opt(2)
    guarantee: tuple[Resource, ...] = rep(3)


@message
class QuotaConfig:
    """A role's guarantees and limits."""

    role: str = req(1)
    #: scalar name -> amount
    guarantees: Mapping[str, Value.Scalar] = mapping(2)
    #: absent name = no limit
    limits: Mapping[str, Value.Scalar] = mapping(3)


@message
class QuotaStatus:
    """The quota of all roles."""

    #: legacy mirror of guarantees
    infos: tuple[QuotaInfo, ...] = rep(1)
    configs: tuple[QuotaConfig, ...] = rep(2)
