"""What operators ask for, drawn from a seed: quotas of roles that frameworks are in and of one that nobody is in.

Most is meant well and much too tight: limits below what is in use, guarantees beyond what there is, by force or not.
Some of it must be refused.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from mesos_py.master.events import ChangeQuota, ChangeWeights
from mesos_py.sim.operators import Order, quota
from mesos_py.wire.quota import QuotaConfig
from mesos_py.wire.role import WeightInfo
from mesos_py.wire.value import Value

ROLES = ("*", "r1", "r2", "r3")
CPUS = (0.0, 0.3, 0.5, 1.0, 2.0, 4.0)
MEM = (32.0, 64.0, 200.0, 512.0, 2048.0)
WEIGHTS = (0.5, 1.0, 2.0, 7.0, -1.0)
REFUSED = 0.05  # part of the quotas that make no sense


def draw(rng: random.Random) -> Order:
    """One thing to ask for."""
    if rng.random() < 0.15:
        infos = [WeightInfo(role=role, weight=rng.choice(WEIGHTS)) for role in _roles(rng)]
        return ChangeWeights(tuple(infos))
    return ChangeQuota(tuple([_config(rng, role) for role in _roles(rng)]), force=rng.random() < 0.6)


def _roles(rng: random.Random) -> list[str]:
    return rng.sample(ROLES, rng.choice((1, 1, 2)))


def _config(rng: random.Random, role: str) -> QuotaConfig:
    if rng.random() < 0.2:
        return quota(role)
    amounts = {"cpus": rng.choice(CPUS), "mem": rng.choice(MEM)}
    limits = {name: amount for name, amount in amounts.items() if rng.random() < 0.7}
    most = 3.0 if rng.random() < REFUSED else 1.0  # of the limit
    part = most * rng.choice((0.0, 0.0, 0.5, 1.0))
    guarantees = {
        name: round(part * amount, 3) for name, amount in amounts.items() if part * amount and rng.random() < 0.7
    }
    return quota(f"{role}/x" if rng.random() < REFUSED else role, guarantees=guarantees, limits=limits)


def text(order: Order) -> str:
    """For a person."""
    if isinstance(order, ChangeWeights):
        return "weights " + ", ".join(f"{one.role} {one.weight:g}" for one in order.infos)
    force = " by force" if order.force else ""
    return f"quotas{force} " + ", ".join(
        f"{one.role} {_amounts(one.guarantees) or 'nothing'} up to {_amounts(one.limits) or 'anything'}"
        for one in order.configs
    )


def _amounts(amounts: Mapping[str, Value.Scalar]) -> str:
    return "; ".join(f"{name}:{amount.value:g}" for name, amount in amounts.items())
