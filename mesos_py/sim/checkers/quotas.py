"""I9: nothing is on offer that takes a role past its limit, whoever leads, and whoever has yet to come back.

The ledger outlives masters. What ran on an agent when its master ended counts, whatever the next one has heard of it,
until the agent has reported or is given up. Whoever knew of no more than has come back would pass limits then.

::

    used      tasks and executors, by agent, as the last master to hear of the agent had them
    offered   by the master that leads

A limit is for who is in a role. What roles below have counts when an offer is made, but they may be offered more at
any time, as in Mesos. What is used may be above it: if it was lowered by force, or if an agent passes it that had been
given up and is back; then there are no offers of what is short. Nor are there any, with quotas in the registry, before
most of the agents are back: guarantees are kept with what is free then.
"""

from __future__ import annotations

from collections.abc import Iterable

from mesos_py.algebra.quantities import Limits, Quantities
from mesos_py.algebra.quota import NO_QUOTA, Quota
from mesos_py.algebra.resources import Resources
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.problem import Problem
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.master import changes
from mesos_py.master.events import ChangeQuota, RegistryRecovered
from mesos_py.master.quotas import quota_of
from mesos_py.sim.book import FINAL, top
from mesos_py.sim.observe import Violation, is_master
from mesos_py.wire.ids import AgentID, OfferID
from mesos_py.wire.task import TaskState

RETURNED_PART = 0.8  # Mesos: src/master/constants.hpp, AGENT_RECOVERY_FACTOR of the allocator
RETURN_MAX = 600 * SECOND  # ALLOCATION_HOLD_OFF_RECOVERY_TIMEOUT

Held = tuple[str, Quantities]
"""Who has it, and how much."""


class Quotas:
    """One for all masters."""

    def __init__(self) -> None:
        #: of roles that have any; that they are kept is judged elsewhere (``facts``)
        self._quotas: dict[str, Quota] = {}
        self._used: dict[AgentID, dict[tuple[str, ...], Held]] = {}
        self._offered: dict[OfferID, Held] = {}
        #: agents that this master has met or given up, and until how many of them, or when, it may offer nothing
        self._settled: dict[AgentID, None] = {}
        self._awaited, self._waits_until = 0, 0

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None:
        if not is_master(process):
            return
        if event.kind is RegistryRecovered:
            agents, quotas = event.body.registry.agents, event.body.registry.quotas
            self._quotas = {role: quota_of(config) for role, config in quotas.items()}
            # Whom the registry has given up nobody counts with, though its tasks may be what they were.
            self._used = {agent_id: used for agent_id, used in self._used.items() if agent_id in agents}
            self._offered, self._settled = {}, {}
            self._awaited = int(RETURNED_PART * len(agents)) if quotas else 0
            self._waits_until = at + RETURN_MAX
        for change in frame.changes:
            self._fold(change, at)
        for role, quota in self._quotas.items() if frame.changes else ():
            self._judge(role, quota)
        if event.kind is ChangeQuota and not isinstance(frame.reply, Problem):
            for config in event.body.configs:
                self._judge_change(config.role, quota_of(config), is_forced=event.body.force)

    def _fold(self, change: object, at: Nanos) -> None:
        match change:
            case changes.AgentAdded():
                self._used[change.agent_id] = {}
                self._settled[change.agent_id] = None
            case changes.AgentUnreachable() | changes.AgentRemoved() | changes.AgentGone():
                self._used.pop(change.agent_id, None)
                self._settled[change.agent_id] = None
            case changes.QuotaUpdated():
                self._quotas[change.role] = change.quota
                if change.quota == NO_QUOTA:
                    del self._quotas[change.role]
            case changes.OfferSent():
                if self._quotas and len(self._settled) < self._awaited and at < self._waits_until:
                    back = f"{len(self._settled)} of {self._awaited} agents are back"
                    raise Violation("I9", f"{change.offer_id} is made when {back}")
                self._offered[change.offer_id] = held = (change.offer.role, change.offer.resources.quantities())
                self._judge_offer(*held)
            case changes.OfferEnded():
                del self._offered[change.offer_id]
            case changes.TaskAdded():
                if not change.task.is_terminal:
                    self._use(change.agent_id, (change.framework_id, change.task_id), change.task.resources)
            case changes.TaskUpdated():
                if change.state in FINAL or change.state is TaskState.TASK_UNREACHABLE:
                    self._free(change.agent_id, (change.framework_id, change.task_id))
            case changes.TaskRemoved():
                self._free(change.agent_id, (change.framework_id, change.task_id))
            case changes.ExecutorAdded():
                resources = Resources.of(change.executor.resources)
                self._use(change.agent_id, ("executor", change.framework_id, change.executor_id), resources)
            case changes.ExecutorRemoved():
                self._free(change.agent_id, ("executor", change.framework_id, change.executor_id))

    def _use(self, agent_id: AgentID, what: tuple[str, ...], resources: Resources) -> None:
        for role, allocated in resources.allocations().items():
            self._used[agent_id][what] = (role, allocated.quantities())

    def _free(self, agent_id: AgentID, what: tuple[str, ...]) -> None:
        self._used.get(agent_id, {}).pop(what, None)

    # ---- sums

    def used(self, role: str, *, known: bool = False) -> Quantities:
        """By tasks and executors, ``known`` to the master that leads, of a top-level role and of those below it."""
        agents = [used for agent_id, used in self._used.items() if not known or agent_id in self._settled]
        return _sum(role, (held for used in agents for held in used.values()))

    def offered(self, role: str) -> Quantities:
        return _sum(role, self._offered.values())

    # ---- judgements

    def _judge_offer(self, role: str, amounts: Quantities) -> None:
        """What the role is offered now is within its limits, with all that is in use and on offer there and below."""
        limits = self._quotas.get(role, NO_QUOTA).limits
        concerned = Limits({name: limit for name, limit in limits.items() if amounts.get(name)})
        if concerned and not concerned.admits((used := self.used(role)) + (offered := self.offered(role))):
            raise Violation("I9", f"{role} is limited to {limits}; {used} are in use and {offered} on offer")

    def _judge(self, role: str, quota: Quota) -> None:
        """What is on offer in the very role is within its limits, with what is in use in it."""
        offered = _sum_own(role, self._offered.values())
        over = {name: limit for name, limit in quota.limits.items() if offered.get(name)}
        if not over:
            return
        used = _sum_own(role, (held for used in self._used.values() for held in used.values()))
        if not Limits(over).admits(used + offered):
            raise Violation("I9", f"{role} is limited to {quota.limits}; {used} are in use and {offered} on offer")

    def _judge_change(self, role: str, quota: Quota, *, is_forced: bool) -> None:
        """It is so, and what the master knows to be in use is beyond it by force alone."""
        if self._quotas.get(role, NO_QUOTA) != quota:
            raise Violation("I9", f"{role} was given {quota}, but has {self._quotas.get(role)}")
        known = self.used(role, known=True)
        if not (is_forced or quota.limits.admits(known)):
            raise Violation("I9", f"{role} uses {known}, and is limited to {quota.limits} without force")


def _sum(role: str, held: Iterable[Held]) -> Quantities:
    return sum((amounts for whose, amounts in held if top(whose) == role), Quantities())


def _sum_own(role: str, held: Iterable[Held]) -> Quantities:
    return sum((amounts for whose, amounts in held if whose == role), Quantities())
