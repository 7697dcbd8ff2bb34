"""What operators ask for, drawn from a seed: of roles that frameworks are in and of one that nobody is in."""

from __future__ import annotations

import random
from collections.abc import Mapping

from mesos_py.master.events import ChangeWeights
from mesos_py.sim.operators import Order
from mesos_py.wire.role import WeightInfo
from mesos_py.wire.value import Value

ROLES = ("*", "r1", "r2", "r3")
WEIGHTS = (0.5, 1.0, 2.0, 7.0, -1.0)


def draw(rng: random.Random) -> Order:
    """One thing to ask for."""
    return ChangeWeights(tuple([WeightInfo(role=role, weight=rng.choice(WEIGHTS)) for role in _roles(rng)]))


def _roles(rng: random.Random) -> list[str]:
    return rng.sample(ROLES, rng.choice((1, 1, 2)))


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
