"""Quota as operators and the registry write it, and as it is counted with: there and back, in one place.

Mesos: src/master/quota.cpp Quota::Quota, src/master/quota_handler.cpp Master::QuotaHandler::_status.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mesos_py.algebra.quantities import Limits, Milli, Quantities, from_milli, to_milli
from mesos_py.algebra.quota import Quota
from mesos_py.wire.quota import QuotaConfig, QuotaInfo, QuotaStatus
from mesos_py.wire.resource import Resource
from mesos_py.wire.value import Value


def quota_of(config: QuotaConfig) -> Quota:
    """What the config says, in thousandths; it has been validated."""
    return Quota(Quantities(_milli(config.guarantees)), Limits(_milli(config.limits)))


def config_of(role: str, quota: Quota) -> QuotaConfig:
    """The reverse: amounts as they are counted, without guarantees of nothing."""
    return QuotaConfig(role=role, guarantees=_scalars(quota.guarantees.items()), limits=_scalars(quota.limits.items()))


def guarantee_and_limit(role: str, guarantee: Iterable[Resource]) -> QuotaConfig:
    """What a quota of before Mesos 1.9 means: the guarantee is the limit, too."""
    amounts = {each.name: each.scalar or Value.Scalar(value=0.0) for each in guarantee}
    return QuotaConfig(role=role, guarantees=amounts, limits=amounts)


def total_guarantees(configs: Iterable[QuotaConfig]) -> Quantities:
    """Together. Only top-level roles have quota, so nothing is counted twice."""
    return sum((quota_of(config).guarantees for config in configs), Quantities())


def status_of(quotas: Mapping[str, QuotaConfig]) -> QuotaStatus:
    """All of them, by role; the guarantees in their old form, too."""
    configs = [config for _, config in sorted(quotas.items())]
    infos = [
        QuotaInfo(
            role=config.role,
            guarantee=tuple(
                Resource(name=name, type=Value.Type.SCALAR, role="*", scalar=scalar)
                for name, scalar in config.guarantees.items()
            ),
        )
        for config in configs
    ]
    return QuotaStatus(infos=tuple(infos), configs=tuple(configs))


def _milli(amounts: Mapping[str, Value.Scalar]) -> dict[str, Milli]:
    return {name: to_milli(scalar.value) for name, scalar in amounts.items()}


def _scalars(amounts: Iterable[tuple[str, Milli]]) -> dict[str, Value.Scalar]:
    return {name: Value.Scalar(value=from_milli(amount)) for name, amount in sorted(amounts)}
