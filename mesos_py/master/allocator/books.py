"""The books: who takes part, who holds what, and every place where that is counted, changed together.

A holding is counted at its agent (``ledger``), in the order of roles, in the order of the role's frameworks, and in
the index of holders. What frameworks hold that the allocator does not know yet (an agent came back before its
frameworks after a failover of the master) is counted at the agent, and in the orders once the framework is there.
"""

from __future__ import annotations

from collections.abc import Iterable

from mesos_py.algebra.quantities import Quantities
from mesos_py.algebra.quota import NO_QUOTA, Quota
from mesos_py.algebra.resources import NONE, Resources
from mesos_py.master.allocator.drf import DRFSorter
from mesos_py.master.allocator.filters import Declines, Framework, Slot, slots_in
from mesos_py.master.allocator.ledger import Agent
from mesos_py.master.allocator.lottery import RandomSorter
from mesos_py.master.allocator.options import AllocatorOptions
from mesos_py.master.allocator.roles import Role, RoleTree, by_role
from mesos_py.master.allocator.sorter import ClusterTotal, Random, Sorter
from mesos_py.wire.ids import AgentID, FrameworkID

RETIRED_MAX = 64  # numbers of closed slots that are cleared from all agents together


class Books:
    """No method decides anything about offers."""

    def __init__(self, options: AllocatorOptions, rng: Random) -> None:
        self._options, self._rng = options, rng
        self.total = ClusterTotal(options.fairness_exclude)
        self.agents: dict[AgentID, Agent] = {}
        self.frameworks: dict[FrameworkID, Framework] = {}
        self.declines = Declines()
        self.roles = RoleTree(self._new_framework_sorter)
        self.role_sorter: Sorter[Role] = DRFSorter(self.total) if options.role_sorter == "drf" else RandomSorter(rng)
        #: frameworks, known or not, that hold something, and where
        self.holders: dict[FrameworkID, dict[AgentID, None]] = {}
        #: bits of slots that may be offered something
        self.live = 0
        #: bits of slots that say themselves how much an offer must have
        self.picky = 0
        # Slots by number; numbers to use again, and numbers some agent's mask may still have.
        self._slots: list[Slot | None] = []
        self._free: list[int] = []
        self._retired: list[int] = []

    # ---- agents

    def add_agent(self, agent: Agent, total: Resources) -> None:
        self.agents[agent.id] = agent
        agent.set_total(total)
        self._count_total(agent)

    def set_total(self, agent: Agent, total: Resources) -> None:
        self._discount_total(agent)
        agent.set_total(total)
        self._count_total(agent)

    def remove_agent(self, agent: Agent) -> None:
        """Gone with all that was held on it."""
        self.forget_declines(agent)
        del self.agents[agent.id]
        for framework_id, resources in list(agent.held.items()):
            self.roles.count(agent.id, resources, -1, held=True, used=False)
            self.roles.count(agent.id, agent.used.get(framework_id, NONE), -1, held=False, used=True)
            self._discount(agent, framework_id, resources)
            self._forget_holder(framework_id, agent.id)
        self._discount_total(agent)

    def forget_declines(self, agent: Agent) -> None:
        """Nobody has declined anything of this agent."""
        mask = 0
        for slots in agent.refused.values():
            mask |= slots
        self.declines.forget_agent(agent, self.slots_in(mask))

    def _count_total(self, agent: Agent) -> None:
        self.total.add(agent.total.quantities())
        self.roles.reserve(agent.total)

    def _discount_total(self, agent: Agent) -> None:
        self.total.subtract(agent.total.quantities())
        self.roles.unreserve(agent.total)

    # ---- frameworks in roles

    def subscribe(self, framework: Framework, roles: Iterable[str], suppressed: Iterable[str]) -> None:
        """The framework is in exactly these roles; one it has left stays known while it holds something there."""
        wanted, quiet = dict.fromkeys(roles), dict.fromkeys(suppressed)
        for path in wanted:
            slot = framework.slots.get(path) or self._open_slot(framework, path)
            slot.subscribed, slot.suppressed = True, path in quiet
        for path, slot in list(framework.slots.items()):
            if path not in wanted:
                slot.subscribed = False
                self.declines.forget_slot(slot, self.agents)
                if not self._holds_in(framework.id, path):
                    self._close_slot(slot)
        for slot in framework.slots.values():
            self.refresh(slot)

    def subscribed(self, framework_id: FrameworkID, roles: Iterable[str]) -> list[Slot]:
        """The framework's slots in these roles (none given: in all) that it has not left."""
        framework = self.frameworks.get(framework_id)
        if framework is None:
            return []
        wanted = tuple(roles)
        slots = [slot for slot in framework.slots.values() if slot.subscribed]
        return [slot for slot in slots if slot.role.path in wanted] if wanted else slots

    def refresh(self, slot: Slot) -> None:
        """The slot takes part in offers, or no longer does."""
        if slot.role.path in slot.framework.minima:
            self.picky |= slot.bit
        else:
            self.picky &= ~slot.bit
        if slot.is_live:
            self.live |= slot.bit
            slot.role.frameworks.activate(slot.framework.id)
        else:
            self.live &= ~slot.bit
            slot.role.frameworks.deactivate(slot.framework.id)

    def reopen(self, framework: Framework) -> None:
        """The framework is another one: wherever it had nothing to get it may have now."""
        mask = 0
        for slot in framework.slots.values():
            mask |= slot.bit
        for agent in self.agents.values():
            if agent.closed & mask:
                agent.reopen()

    def slots_in(self, mask: int) -> list[Slot]:
        return slots_in(mask, self._slots)

    def _open_slot(self, framework: Framework, path: str) -> Slot:
        role = self.roles.ensure(path)
        if self._free:
            number = self._free.pop()
        else:
            number = len(self._slots)
            self._slots.append(None)
        slot = Slot(framework, role, 1 << number)
        self._slots[number] = framework.slots[path] = slot
        if not role.slots:
            self.role_sorter.add(path, role)
            self.role_sorter.activate(path)
        role.join(slot)
        self.roles.touch(role)
        role.frameworks.add(framework.id, slot)
        return slot

    def _close_slot(self, slot: Slot) -> None:
        """Nobody is in the slot and nothing is held in it: its number will be somebody else's."""
        framework, role = slot.framework, slot.role
        self.live &= ~slot.bit
        self.picky &= ~slot.bit
        self.declines.forget_slot(slot, self.agents)
        role.frameworks.remove(framework.id)
        role.leave(slot)
        self.roles.touch(role)
        del framework.slots[role.path]
        if not role.slots:
            self.role_sorter.remove(role.path)
        self.roles.tidy(role)
        number = slot.bit.bit_length() - 1
        self._slots[number] = None
        self._retired.append(number)
        if len(self._retired) > RETIRED_MAX:
            keep = ~sum(1 << retired for retired in self._retired)
            for agent in self.agents.values():
                agent.closed &= keep
                agent.cut &= keep
            self._free += self._retired
            self._retired = []

    def _new_framework_sorter(self) -> Sorter[Slot]:
        if self._options.framework_sorter == "drf":
            return DRFSorter(self.total, nested=False)
        return RandomSorter(self._rng, nested=False)

    # ---- holdings

    def grant(self, agent: Agent, slot: Slot, available: Resources) -> Resources:
        """This part of what is available is the slot's now; returns it, allocated."""
        allocated = available.allocate(slot.role.path)
        agent.hold(slot.framework.id, allocated, available, used=False)
        self.holders.setdefault(slot.framework.id, {})[agent.id] = None
        self.roles.count(agent.id, allocated, +1, held=True, used=False)
        self._count(slot, agent.id, allocated)
        return allocated

    def use(self, agent: Agent, framework_id: FrameworkID, resources: Resources) -> None:
        """What was offered is used. Tasks may share an offered volume: further copies of it are held as well."""
        if resources.any_shared:
            missing = (agent.used.get(framework_id, NONE) + resources).shared - agent.held.get(framework_id, NONE)
            if missing:
                self.hold(agent, framework_id, missing, used=False)
        agent.use(framework_id, resources)
        self.roles.count(agent.id, resources, +1, held=False, used=True)

    def hold(self, agent: Agent, framework_id: FrameworkID, resources: Resources, *, used: bool = True) -> None:
        """The framework has these though they were not offered: an agent reports its tasks."""
        agent.hold(framework_id, resources, resources.unallocate(), used=used)
        self.holders.setdefault(framework_id, {})[agent.id] = None
        self.roles.count(agent.id, resources, +1, held=True, used=used)
        self.count(agent, framework_id, resources)

    def release(self, agent: Agent, framework_id: FrameworkID, resources: Resources, *, used: bool) -> None:
        self._release(agent, framework_id, resources, resources if used else NONE)

    def _release(self, agent: Agent, framework_id: FrameworkID, resources: Resources, used: Resources) -> None:
        agent.release(framework_id, resources, used)
        self.roles.count(agent.id, resources, -1, held=True, used=False)
        self.roles.count(agent.id, used, -1, held=False, used=True)
        self._discount(agent, framework_id, resources)
        if framework_id not in agent.held:
            self._forget_holder(framework_id, agent.id)

    def release_all(self, framework: Framework) -> list[Agent]:
        """The framework holds nothing and is in no role; returns the agents where it held something."""
        agents = [self.agents[agent_id] for agent_id in self.holders.get(framework.id, ())]
        for agent in agents:
            self._release(agent, framework.id, agent.held[framework.id], agent.used.get(framework.id, NONE))
        for slot in list(framework.slots.values()):
            self._close_slot(slot)
        return agents

    def convert(
        self, agent: Agent, framework_id: FrameworkID, old: Resources, new: Resources, total: Resources
    ) -> None:
        """What the framework holds, and the agent's total with it, has changed its kind: no allocation."""
        self._discount_total(agent)
        agent.convert(framework_id, old, new, total)
        self._count_total(agent)
        self.roles.count(agent.id, old, -1, held=True, used=False)
        self.roles.count(agent.id, new, +1, held=True, used=False)
        framework = self.frameworks.get(framework_id)
        if framework is not None:
            for path, slot in list(framework.slots.items()):
                before, after = _allocated_to(path, old), _allocated_to(path, new)
                self.role_sorter.updated(path, agent.id, before, after)
                slot.role.frameworks.updated(framework_id, agent.id, before, after)
        if framework_id not in agent.held:
            self._forget_holder(framework_id, agent.id)

    def count(self, agent: Agent, framework_id: FrameworkID, resources: Resources) -> None:
        """Count a holding of a framework, if it is known, as allocated in its roles."""
        framework = self.frameworks.get(framework_id)
        if framework is None:
            return
        for path, part in by_role(resources):
            slot = framework.slots.get(path)
            if slot is None:  # it left the role, but has tasks in it
                slot = self._open_slot(framework, path)
                slot.subscribed = False
            self._count(slot, agent.id, part)

    def _count(self, slot: Slot, agent_id: AgentID, resources: Resources) -> None:
        self.role_sorter.allocated(slot.role.path, agent_id, resources)
        slot.role.frameworks.allocated(slot.framework.id, agent_id, resources)

    def _discount(self, agent: Agent, framework_id: FrameworkID, resources: Resources) -> None:
        framework = self.frameworks.get(framework_id)
        if framework is None:
            return
        for path, part in by_role(resources):
            slot = framework.slots[path]
            self.role_sorter.unallocated(path, agent.id, part)
            slot.role.frameworks.unallocated(framework_id, agent.id, part)
            if not slot.subscribed and not self._holds_in(framework_id, path):
                self._close_slot(slot)

    def _holds_in(self, framework_id: FrameworkID, path: str) -> bool:
        """Only asked about roles a framework has left."""
        for agent_id in self.holders.get(framework_id, ()):
            agent = self.agents.get(agent_id)
            if agent is not None and agent.held.get(framework_id, NONE).any(lambda kind: kind.allocated_role == path):
                return True
        return False

    def _forget_holder(self, framework_id: FrameworkID, agent_id: AgentID) -> None:
        held_on = self.holders[framework_id]
        held_on.pop(agent_id, None)
        if not held_on:
            del self.holders[framework_id]

    # ---- quota

    def set_quota(self, path: str, quota: Quota) -> None:
        """With the first quota counting begins, with the last one it ends."""
        roles = self.roles
        if not roles.is_counting and quota != NO_QUOTA:
            roles.is_counting = True
            self._count_all(roles, +1)
        roles.set_quota(path, quota)
        if roles.is_counting and not roles.quotas:
            self._count_all(roles, -1)
            roles.is_counting = False

    def counted(self) -> RoleTree:
        """The roles with all their sums; for a cluster without quota they are made now, once over all holdings."""
        return self.roles if self.roles.is_counting else self._recounted()

    def _recounted(self) -> RoleTree:
        """A tree with nothing but sums."""
        again = RoleTree(self._new_framework_sorter)
        for agent in self.agents.values():
            again.reserve(agent.total)
        again.is_counting = True
        self._count_all(again, +1)
        return again

    def _count_all(self, roles: RoleTree, sign: int) -> None:
        for agent in self.agents.values():
            roles.measure(agent.total, sign)
            for resources in agent.held.values():
                roles.count(agent.id, resources, sign, held=True, used=False)
            for resources in agent.used.values():
                roles.count(agent.id, resources, sign, held=False, used=True)

    # ---- for metrics

    def dominant_shares(self) -> dict[str, float]:
        sorter = self.role_sorter
        if not isinstance(sorter, DRFSorter):
            return {}
        return {role.path: sorter.share(role.path) for role in self.roles if role.slots}

    def active_filters(self) -> dict[str, int]:
        counts = {role.path: 0 for role in self.roles}
        for slot in self._slots:
            if slot is not None:
                counts[slot.role.path] += slot.declines
        return counts

    def check(self) -> None:
        """Every sum is the sum of its parts, every index has what it should."""
        self.roles.check()
        for sorter in (self.role_sorter, *(role.frameworks for role in self.roles)):
            if isinstance(sorter, DRFSorter):
                sorter.check()
        for number, slot in enumerate(self._slots):
            if slot is not None:
                assert slot.bit == 1 << number
                assert bool(self.live & slot.bit) == slot.is_live
                assert bool(self.picky & slot.bit) == (slot.role.path in slot.framework.minima)
                assert slot.declines == sum(map(len, slot.declined.values()))
                held = NONE
                for agent_id in self.holders.get(slot.framework.id, ()):
                    held += _allocated_to(slot.role.path, self.agents[agent_id].held[slot.framework.id])
                assert held or slot.subscribed, f"{slot.framework.id} has left '{slot.role.path}'"
                counted = slot.role.frameworks.held(slot.framework.id)
                assert counted >= held.quantities(), f"{slot.framework.id} holds {held}, counted is {counted}"
                assert held.any_shared or counted == held.quantities()
        total = Quantities()
        holders: dict[FrameworkID, dict[AgentID, None]] = {}
        for agent in self.agents.values():
            agent.check()
            total += agent.total.quantities()
            for framework_id in agent.held:
                holders.setdefault(framework_id, {})[agent.id] = None
        assert total == self.total.quantities
        assert holders == self.holders
        self._check_consumption()

    def _check_consumption(self) -> None:
        """What roles hold and use is what agents say, whether frameworks are known or not."""
        again = self._recounted()
        for role in self.roles:
            other = again.get(role.path)
            assert role.reserved == (other.reserved if other is not None else Quantities())
        if not self.roles.is_counting:
            return
        assert Quantities(again.measured) == Quantities(self.roles.measured)
        assert Quantities(again.held.sums) == Quantities(self.roles.held.sums)
        for role in (*again, *self.roles):
            mine, other = self.roles.get(role.path), again.get(role.path)
            assert mine is not None
            held, used = (other.held.sums, other.used.sums) if other is not None else ({}, {})
            assert Quantities(mine.held.sums) == Quantities(held), f"held in '{role.path}'"
            assert Quantities(mine.used.sums) == Quantities(used), f"used in '{role.path}'"


def _allocated_to(role: str, resources: Resources) -> Resources:
    return resources.filter(lambda kind: kind.allocated_role == role)
