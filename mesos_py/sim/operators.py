"""An operator, who sets quotas and weights: one thing after the other, each asked again until it is answered.

What he asks for is in the plan, as faults of the kind "operator asks". His last word, once nothing breaks any more,
lets everybody live: limits are lifted, and roles that somebody is in are guaranteed what their last tasks need.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from mesos_py.machine.frame import Event
from mesos_py.machine.problem import Problem
from mesos_py.master.events import ChangeQuota, ChangeWeights
from mesos_py.sim.book import PROBE_NEEDS, top
from mesos_py.wire.quota import QuotaConfig
from mesos_py.wire.value import Value

if TYPE_CHECKING:
    from mesos_py.sim.cluster import Cluster

Order = ChangeQuota | ChangeWeights

AGAIN_S = 1.0  # before a call that nobody has answered is made again
LOOK_S = 0.5  # whether the master is still there


def quota(
    role: str, *, guarantees: dict[str, float] | None = None, limits: dict[str, float] | None = None
) -> QuotaConfig:
    """In whole units; without any, the role has no quota."""
    return QuotaConfig(role=role, guarantees=_scalars(guarantees), limits=_scalars(limits))


def _scalars(amounts: dict[str, float] | None) -> dict[str, Value.Scalar]:
    return {name: Value.Scalar(value=amount) for name, amount in (amounts or {}).items()}


class Operators:
    """The one there is."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._orders: deque[Order] = deque()
        self._working: asyncio.Task[None] | None = None
        #: why he was refused what he has asked for, one after the other; None: he was not
        self.answers: list[str | None] = []
        #: whose quotas he has meant to set, and which of them are guaranteed something in the end
        self._roles: dict[str, None] = {}
        self.guaranteed: dict[str, None] = {}

    def ask(self, order: Order) -> None:
        """When what he has asked for before is answered."""
        for config in order.configs if isinstance(order, ChangeQuota) else ():
            self._roles[config.role] = None
        self._orders.append(order)
        if self._working is None:
            self._working = self._cluster.loop.create_task(self._work(), name="operators")
            self._working.add_done_callback(lambda done: done.result())

    def reform(self) -> None:
        """His last word."""
        while len(self._orders) > 1:  # what he has asked already is answered first
            self._orders.pop()
        (cpus, mem), configs = PROBE_NEEDS, []
        chance = self._cluster.rng("operators' last word")
        for role in self._roles:
            tasks = sum(top(one.role) == role for one in self._cluster.plan.frameworks)
            if tasks and chance.random() < 0.7:
                self.guaranteed[role] = None
                configs.append(quota(role, guarantees={"cpus": tasks * cpus, "mem": tasks * mem}))
            elif "/" not in role:
                configs.append(quota(role))
        if configs:
            self.ask(ChangeQuota(tuple(configs), force=True))

    def debts(self) -> list[str]:
        """Nobody has answered him yet."""
        return [f"I11 an operator is not answered: {order}" for order in self._orders]

    async def _work(self) -> None:
        while self._orders:
            order = self._orders[0]
            is_answered, reply = await self._ask(order)
            if not is_answered:
                await asyncio.sleep(AGAIN_S)
                continue
            self._orders.popleft()
            self.answers.append(reply.text if isinstance(reply, Problem) else None)
        self._working = None

    async def _ask(self, order: Order) -> tuple[bool, Any]:
        """Whether the master that leads has answered, and what."""
        leader = self._cluster.leader
        if leader is None:
            return False, None
        answer = leader.ask(Event(type(order), order))
        while not answer.done() and not leader.process.is_dead:
            await asyncio.wait((answer,), timeout=LOOK_S)
        return (True, answer.result()) if answer.done() else (False, None)
