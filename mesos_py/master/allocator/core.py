"""The allocator: what has happened to agents and frameworks goes in, grants come out.

    allocate(now)    every agent somebody may want something of, in random order:
                       roles by share, frameworks of a role by share:
                         the first one who may have, and has not declined, what is available gets all of it

An offer is a grant: it counts as held from the moment ``allocate`` returns it, until ``recover`` (declined, rescinded,
task ended) gives it back; ``use`` notes that tasks have it now.

When a run happens
    at once         a new or changed agent, a new or revived framework, resources that came back (Mesos waits with the
                    latter for the next interval)
    periodically    every allocation_interval, over all agents; declines lapse then
``deadline`` tells when to call ``allocate`` next. A run may be cut into slices: what is left is state, and the next
call goes on with it. Within one call all resources of an agent are visited once.

Not decided here: quota (its stage of guarantees comes before ``_visit``, its limits cut ``_offerable``), inverse
offers (they follow a run, over the same agents), authorization, what an offer looks like.

Sources: Mesos src/master/allocator/mesos/hierarchical.cpp; spec of scenarios: hierarchical_allocator_tests.cpp.
Everything here is deterministic: ``now`` and ``rng`` come in, and no set is iterated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from mesos_py.algebra.conversions import Conversion, NotContained, apply_all
from mesos_py.algebra.offer_constraints import OfferConstraintsFilter
from mesos_py.algebra.quantities import Quantities, from_milli
from mesos_py.algebra.resources import NONE, Resources
from mesos_py.machine.values import SECOND, Nanos, seconds
from mesos_py.master.allocator.filters import (
    REFUSE_DEFAULT_S,
    REFUSE_MAX_S,
    Declines,
    Framework,
    Minimum,
    Slot,
    slots_in,
)
from mesos_py.master.allocator.ledger import Agent
from mesos_py.master.allocator.roles import Role, RoleTree
from mesos_py.master.allocator.sorter import ClusterTotal, DRFSorter, Random, RandomSorter, Sorter
from mesos_py.master.capabilities import AgentCapabilities, FrameworkCapabilities
from mesos_py.wire.ids import AgentID, FrameworkID
from mesos_py.wire.value import Attribute, DomainInfo

AGENTS_PER_SLICE = 500  # what keeps one frame below about 15 ms
FEW = 8  # up to so many open slots are ordered among themselves instead of walking everybody's order
RETIRED_MAX = 64  # bits of removed slots that are cleared from all agents together


@attrs.frozen(kw_only=True)
class AllocatorOptions:
    """Mesos: mesos::allocator::Options, from the master's flags."""

    allocation_interval: Nanos = SECOND
    #: "drf" or "random": --role_sorter
    role_sorter: str = "drf"
    #: "drf" or "random": --framework_sorter
    framework_sorter: str = "drf"
    #: resource names that do not count in shares: --fair_sharing_excluded_resource_names
    fairness_exclude: tuple[str, ...] = ()
    #: agents with GPUs are for GPU_RESOURCES frameworks only: --filter_gpu_resources
    filter_gpu_resources: bool = True
    #: an offer has at least one of these: --min_allocatable_resources
    min_allocatable: tuple[Quantities, ...] = (Quantities.of(cpus=0.01), Quantities.of(mem=32))
    #: fault domain of the master; agents of other regions are for REGION_AWARE frameworks only
    region: str | None = None


@attrs.define
class Grant:
    """These resources (allocated to ``role``) of the agent are the framework's until they come back."""

    framework_id: FrameworkID
    role: str
    agent_id: AgentID
    resources: Resources


class Allocator:
    """Methods in the order of an entity's life; none fails for an id it does not know, what is gone is gone."""

    def __init__(self, options: AllocatorOptions, rng: Random) -> None:
        self.options = options
        self._rng = rng
        self._total = ClusterTotal(options.fairness_exclude)
        self._agents: dict[AgentID, Agent] = {}
        self._frameworks: dict[FrameworkID, Framework] = {}
        #: frameworks, known or not, that hold something, and where
        self._holders: dict[FrameworkID, dict[AgentID, None]] = {}
        self._roles = RoleTree(self._new_framework_sorter)
        self._role_sorter: Sorter[Role] = DRFSorter(self._total) if options.role_sorter == "drf" else RandomSorter(rng)
        self._declines = Declines()
        self._minima = tuple(map(_minimum, options.min_allocatable))
        self._hostnames: frozenset[str] | None = None
        # Slots by number; the bits of live ones; numbers to use again, and those that must be cleared first.
        self._slots: list[Slot | None] = []
        self._live = 0
        self._free: list[int] = []
        self._retired: list[int] = []
        # Work: the next periodic run; whether all agents must be looked at; those left of such a look; those touched.
        self._next_periodic: Nanos = 0
        self._sweep = False
        self._queue: list[Agent] = []
        self._touched: dict[AgentID, None] = {}
        self._paused = False
        #: calls of ``allocate`` that had a reason; a counter for metrics
        self.runs = 0

    # ---- agents

    def add_agent(
        self,
        agent_id: AgentID,
        *,
        hostname: str,
        attributes: tuple[Attribute, ...] = (),
        domain: DomainInfo | None = None,
        capabilities: AgentCapabilities,
        total: Resources,
        used: Mapping[FrameworkID, Resources] | None = None,
    ) -> None:
        """An agent has registered. ``total`` is not allocated, ``used`` is; frameworks in it may yet be unknown."""
        assert agent_id not in self._agents, f"agent {agent_id} is added twice"
        agent = Agent(agent_id, hostname, tuple(attributes), domain, capabilities)
        self._agents[agent_id] = agent
        agent.set_total(total)
        self._total.add(agent.total.quantities())
        self._roles.reserve(agent.total)
        for framework_id, resources in (used or {}).items():
            self._hold(agent, framework_id, resources)
        self._touch(agent)

    def update_agent(
        self,
        agent_id: AgentID,
        *,
        total: Resources | None = None,
        attributes: tuple[Attribute, ...] | None = None,
        domain: DomainInfo | None = None,
        capabilities: AgentCapabilities | None = None,
    ) -> None:
        """What is given replaces what was. Other attributes make it another agent: all declines of it end."""
        agent = self._agents.get(agent_id)
        if agent is None:
            return
        before = (agent.total, agent.attributes, agent.domain, agent.capabilities)
        if attributes is not None and attributes != agent.attributes:
            agent.attributes = attributes
            self._forget_declines(agent)
        agent.domain = domain if domain is not None else agent.domain
        agent.capabilities = capabilities if capabilities is not None else agent.capabilities
        if total is not None:
            self._retotal(agent, total)
        if before != (agent.total, agent.attributes, agent.domain, agent.capabilities):
            agent.reopen()
            self._touch(agent)

    def activate_agent(self, agent_id: AgentID) -> None:
        """It is offered again."""
        agent = self._agents.get(agent_id)
        if agent is not None and not agent.active:
            agent.active = True
            self._touch(agent)

    def deactivate_agent(self, agent_id: AgentID) -> None:
        """It is not offered any more; what is held stays held."""
        agent = self._agents.get(agent_id)
        if agent is not None:
            agent.active = False

    def remove_agent(self, agent_id: AgentID) -> None:
        """It is gone with all that was held on it; nothing of it needs to be recovered."""
        agent = self._agents.pop(agent_id, None)
        if agent is None:
            return
        for framework_id, resources in list(agent.held.items()):
            self._untrack(agent, framework_id, resources)
            self._forget_holder(framework_id, agent_id)
        self._forget_declines(agent)
        self._roles.unreserve(agent.total)
        self._total.subtract(agent.total.quantities())
        self._touched.pop(agent_id, None)
        agent.active = False  # a run that has it queued passes it by

    def set_whitelist(self, hostnames: frozenset[str] | None) -> None:
        """Only agents on these hosts are offered; None: all. Takes effect with the next run."""
        self._hostnames = hostnames

    # ---- frameworks

    def add_framework(
        self,
        framework_id: FrameworkID,
        *,
        roles: Iterable[str],
        suppressed: Iterable[str] = (),
        capabilities: FrameworkCapabilities,
        offer_filters: Mapping[str, tuple[Quantities, ...]] | None = None,
        constraints: OfferConstraintsFilter | None = None,
        active: bool = True,
        used: Mapping[AgentID, Resources] | None = None,
    ) -> None:
        """A framework has subscribed, or is known again after a failover of the master.

        ``offer_filters``: role -> its min_allocatable_resources (only roles that have the field; () admits anything).
        ``used`` adds what it holds on agents that did not report it themselves.
        """
        assert framework_id not in self._frameworks, f"framework {framework_id} is added twice"
        framework = Framework(framework_id, capabilities, _minima(offer_filters), constraints, active)
        self._frameworks[framework_id] = framework
        for agent_id in self._holders.get(framework_id, ()):
            agent = self._agents[agent_id]
            self._track(agent, framework_id, agent.held[framework_id])
        for agent_id, resources in (used or {}).items():
            agent_or_none = self._agents.get(agent_id)
            if agent_or_none is not None and framework_id not in agent_or_none.held:
                self._hold(agent_or_none, framework_id, resources)
        self._subscribe(framework, roles, suppressed)
        self._sweep = True

    def update_framework(
        self,
        framework_id: FrameworkID,
        *,
        roles: Iterable[str],
        suppressed: Iterable[str] = (),
        capabilities: FrameworkCapabilities,
        offer_filters: Mapping[str, tuple[Quantities, ...]] | None = None,
        constraints: OfferConstraintsFilter | None = None,
    ) -> None:
        """Everything is as given from now on; agents it may now want are offered with the next periodic run."""
        framework = self._frameworks.get(framework_id)
        if framework is None:
            return
        framework.capabilities, framework.constraints = capabilities, constraints
        framework.minima = _minima(offer_filters)
        self._subscribe(framework, roles, suppressed)
        mask = 0
        for slot in framework.slots.values():
            mask |= slot.bit
        for agent in self._agents.values():
            if agent.closed & mask:
                agent.reopen()

    def activate_framework(self, framework_id: FrameworkID) -> None:
        """It is connected (again) and offered to."""
        framework = self._frameworks.get(framework_id)
        if framework is not None:
            framework.active = True
            self._refresh_live(framework)
            self._sweep = True

    def deactivate_framework(self, framework_id: FrameworkID) -> None:
        """It is not offered anything, and its declines end; what it holds stays held."""
        framework = self._frameworks.get(framework_id)
        if framework is not None:
            framework.active = False
            self._refresh_live(framework)
            for slot in framework.slots.values():
                self._declines.forget_slot(slot, self._agents)

    def remove_framework(self, framework_id: FrameworkID) -> None:
        """It is gone, and all that it held is available again."""
        framework = self._frameworks.get(framework_id)
        if framework is None:
            return
        for agent_id in list(self._holders.get(framework_id, ())):
            agent = self._agents[agent_id]
            self._release(agent, framework_id, agent.held[framework_id], used=True)
        for slot in list(framework.slots.values()):
            slot.subscribed = False
            self._close_slot(slot)
        del self._frameworks[framework_id]

    def suppress(self, framework_id: FrameworkID, roles: Iterable[str] = ()) -> None:
        """No offers in these roles (none given: in all)."""
        for slot in self._subscribed(framework_id, roles):
            slot.suppressed = True
            self._set_live(slot)

    def revive(self, framework_id: FrameworkID, roles: Iterable[str] = ()) -> None:
        """Offers in these roles (none given: in all), declined before or not."""
        for slot in self._subscribed(framework_id, roles):
            slot.suppressed = False
            self._declines.forget_slot(slot, self._agents)
            self._set_live(slot)
            self._sweep = True

    # ---- what is offered and used

    def use(self, framework_id: FrameworkID, agent_id: AgentID, resources: Resources) -> None:
        """Tasks or executors have these (allocated) resources of an offer now."""
        agent = self._agents.get(agent_id)
        if agent is not None:
            agent.use(framework_id, resources)

    def add_allocation(self, framework_id: FrameworkID, agent_id: AgentID, resources: Resources) -> None:
        """A task the allocator had not heard of uses these: an agent that came back reports it."""
        agent = self._agents.get(agent_id)
        if agent is not None:
            self._hold(agent, framework_id, resources)

    def recover(
        self,
        framework_id: FrameworkID,
        agent_id: AgentID,
        resources: Resources,
        now: Nanos,
        *,
        refuse_s: float | None = None,
        used: bool = False,
    ) -> None:
        """These (allocated to one role) are no longer held and can be offered, to others at once.

        ``used``: tasks had them; else they come out of an offer. ``refuse_s``: the framework declined them and does
        not want to see them, or less, for so long; 0: not before the next periodic run; None: it did not decline.
        """
        agent = self._agents.get(agent_id)
        if agent is None or not resources or framework_id not in agent.held:
            return
        self._release(agent, framework_id, resources, used=used)
        framework = self._frameworks.get(framework_id)
        if refuse_s is None or framework is None:
            return
        for role, declined in resources.allocations().items():
            slot = framework.slots.get(role)
            if slot is not None:
                self._declines.add(slot, agent, declined.unallocate(), self._refused_until(refuse_s, now))

    def update_allocation(
        self, framework_id: FrameworkID, agent_id: AgentID, offered: Resources, conversions: Iterable[Conversion]
    ) -> Resources:
        """``offered``, which the framework holds, is converted; returns what it has become. Raises NotContained."""
        agent = self._agents[agent_id]
        conversions = list(conversions)
        converted = apply_all(offered, conversions)
        total = apply_all(agent.total, [conversion.unallocate() for conversion in conversions])
        self._untrack(agent, framework_id, offered)
        self._roles.unreserve(agent.total)
        self._total.subtract(agent.total.quantities())
        agent.convert(framework_id, offered, converted, total)
        self._total.add(agent.total.quantities())
        self._roles.reserve(agent.total)
        self._track(agent, framework_id, converted, again=True)
        if framework_id not in agent.held:
            self._forget_holder(framework_id, agent_id)
        return converted

    def update_available(self, agent_id: AgentID, conversions: Iterable[Conversion]) -> str | None:
        """The agent's available resources are converted; the text why not, if they do not contain what is consumed."""
        agent = self._agents[agent_id]
        conversions = [conversion.unallocate() for conversion in conversions]
        try:
            apply_all(agent.available, conversions)
        except NotContained as problem:
            return str(problem)
        self._retotal(agent, apply_all(agent.total, conversions))
        self._touch(agent)
        return None

    def set_weights(self, weights: Mapping[str, float]) -> None:
        """Roles have these weights from now on; takes effect with the next run."""
        for path, weight in weights.items():
            self._roles.set_weight(path, weight)
            self._role_sorter.set_weight(path, weight)

    # ---- runs

    def pause(self) -> None:
        """No runs; what happens meanwhile is remembered."""
        self._paused = True

    def resume(self) -> None:
        self._paused = False

    def deadline(self) -> Nanos | None:
        """When ``allocate`` has something to do next: 0 is at once, None not before something else happens."""
        if self._paused:
            return None
        if self._touched or self._queue or self._sweep:
            return 0
        return self._next_periodic if self._live and self._agents else None

    def allocate(self, now: Nanos, *, budget: int | None = None) -> list[Grant]:
        """Grant what there is to whom it is due; looks at no more than ``budget`` agents, then ``deadline`` is 0."""
        grants: list[Grant] = []
        if self._paused:
            return grants
        if now >= self._next_periodic:
            self._next_periodic = now + self.options.allocation_interval
            self._declines.expire(now)
            self._sweep = True
        if not (self._touched or self._queue or self._sweep):
            return grants
        self.runs += 1
        for agent in self._candidates(budget):
            self._visit(agent, grants)
        return grants

    def _candidates(self, budget: int | None) -> list[Agent]:
        """Agents to look at now: those touched since, then the rest of a look at all; each group shuffled."""
        if self._sweep and not self._queue:
            self._sweep = False
            self._touched.clear()
            self._queue = [agent for agent in self._agents.values() if self._is_open(agent)]
            self._rng.shuffle(self._queue)
        found: list[Agent] = []
        if self._touched:
            touched = [self._agents[agent_id] for agent_id in self._touched]
            self._touched.clear()
            found = [agent for agent in touched if self._is_open(agent)]
            self._rng.shuffle(found)
        if budget is None:
            found += self._queue
            self._queue = []
        else:
            for agent in found[budget:]:
                self._touch(agent)
            del found[budget:]
            cut = max(len(self._queue) - (budget - len(found)), 0)
            found += self._queue[cut:]
            del self._queue[cut:]
        return found

    def _is_open(self, agent: Agent) -> bool:
        """True if a look at the agent may lead to a grant."""
        return bool(
            agent.active
            and agent.available
            and self._live & ~agent.closed
            and (self._hostnames is None or agent.hostname in self._hostnames)
        )

    def _visit(self, agent: Agent, grants: list[Grant]) -> None:
        """Stage 2 of Mesos: every role by share, every framework of it by share, until nothing is left."""
        if not agent.active or not agent.available:
            return
        open_slots = self._live & ~agent.closed
        shared_offered = NONE
        for slot in self._in_order(open_slots):
            offered = self._offerable(agent, slot, shared_offered)
            if not offered:
                if not shared_offered:
                    agent.closed |= slot.bit
                continue
            if agent.has_shared:
                shared_offered += offered.shared
            allocated = offered.allocate(slot.role.path)
            agent.hold(slot.framework.id, allocated, offered, used=False)
            self._holders.setdefault(slot.framework.id, {})[agent.id] = None
            self._count_allocated(slot, agent.id, allocated)
            grants.append(Grant(slot.framework.id, slot.role.path, agent.id, allocated))
            if not agent.available:
                return

    def _in_order(self, open_slots: int) -> Iterable[Slot]:
        """The open slots, best first: by role, then by framework. Lazy: mostly the first one takes it all."""
        if open_slots.bit_count() <= FEW:
            return self._few_in_order(open_slots)
        return self._many_in_order(open_slots)

    def _many_in_order(self, open_slots: int) -> Iterable[Slot]:
        for role in self._role_sorter.order():
            if role.mask & open_slots:
                for slot in role.frameworks.order():
                    if slot.bit & open_slots:
                        yield slot

    def _few_in_order(self, open_slots: int) -> Iterable[Slot]:
        """The same, without asking everybody."""
        by_role: dict[str, list[Slot]] = {}
        for slot in slots_in(open_slots, self._slots):
            by_role.setdefault(slot.role.path, []).append(slot)
        roles = self._role_sorter.ordered(by_role) if len(by_role) > 1 else map(self._roles.ensure, by_role)
        for role in roles:
            slots = by_role[role.path]
            yield from slots if len(slots) == 1 else role.frameworks.ordered([slot.framework.id for slot in slots])

    def _offerable(self, agent: Agent, slot: Slot, shared_offered: Resources = NONE) -> Resources:
        """What of the agent's available resources may be offered to the slot; nothing if it cannot or will not."""
        framework, role, able = slot.framework, slot.role.path, slot.framework.capabilities
        if able.multi_role and not agent.capabilities.multi_role:
            return NONE
        if "/" in role and not agent.capabilities.hierarchical_role:
            return NONE
        if agent.gpus and self.options.filter_gpu_resources and not able.gpu_resources:
            return NONE
        if agent.domain is not None and not able.region_aware and agent.region not in (None, self.options.region):
            return NONE
        if framework.constraints is not None and framework.constraints.excludes(
            role, hostname=agent.hostname, attributes=agent.attributes, domain=agent.domain
        ):
            return NONE
        offered = agent.available
        if not agent.is_plain:
            offered = offered.allocatable_to(role) - shared_offered
            offered = offered.filter(
                lambda kind: (
                    (able.shared_resources or not kind.shared)
                    and (able.revocable_resources or not kind.revocable)
                    and (able.reservation_refinement or len(kind.reservations) < 2)
                )
            )
        if not _is_enough(offered, framework.minima.get(role, self._minima)) or slot.refuses(agent.id, offered):
            return NONE
        return offered

    # ---- slots: one framework in one role

    def _subscribe(self, framework: Framework, roles: Iterable[str], suppressed: Iterable[str]) -> None:
        """The framework is in exactly these roles; one it has left stays known while it holds something there."""
        wanted = dict.fromkeys(roles)
        quiet = dict.fromkeys(suppressed)
        for path in wanted:
            slot = framework.slots.get(path) or self._open_slot(framework, path)
            slot.subscribed, slot.suppressed = True, path in quiet
        for path, slot in list(framework.slots.items()):
            if path not in wanted:
                slot.subscribed = False
                self._declines.forget_slot(slot, self._agents)
                if not self._holds_in(framework.id, path):
                    self._close_slot(slot)
        self._refresh_live(framework)

    def _open_slot(self, framework: Framework, path: str) -> Slot:
        role = self._roles.ensure(path)
        if self._free:
            number = self._free.pop()
        else:
            number = len(self._slots)
            self._slots.append(None)
        slot = Slot(framework, role, 1 << number)
        self._slots[number] = framework.slots[path] = slot
        if not role.slots:
            self._role_sorter.add(path, role)
            self._role_sorter.activate(path)
        role.slots[framework.id] = slot
        role.mask |= slot.bit
        role.frameworks.add(framework.id, slot)
        return slot

    def _close_slot(self, slot: Slot) -> None:
        """Nobody is in the slot and nothing is held in it: its number will be somebody else's."""
        framework, role = slot.framework, slot.role
        self._live &= ~slot.bit
        self._declines.forget_slot(slot, self._agents)
        role.frameworks.remove(framework.id)
        role.mask &= ~slot.bit
        del role.slots[framework.id], framework.slots[role.path]
        if not role.slots:
            self._role_sorter.remove(role.path)
        self._roles.tidy(role)
        number = slot.bit.bit_length() - 1
        self._slots[number] = None
        self._retired.append(number)
        if len(self._retired) > RETIRED_MAX:
            keep = ~sum(1 << retired for retired in self._retired)
            for agent in self._agents.values():
                agent.closed &= keep
            self._free += self._retired
            self._retired = []

    def _subscribed(self, framework_id: FrameworkID, roles: Iterable[str]) -> list[Slot]:
        framework = self._frameworks.get(framework_id)
        if framework is None:
            return []
        slots = [slot for slot in framework.slots.values() if slot.subscribed]
        wanted = tuple(roles)
        return [slot for slot in slots if slot.role.path in wanted] if wanted else slots

    def _refresh_live(self, framework: Framework) -> None:
        for slot in framework.slots.values():
            self._set_live(slot)

    def _set_live(self, slot: Slot) -> None:
        if slot.is_live:
            self._live |= slot.bit
            slot.role.frameworks.activate(slot.framework.id)
        else:
            self._live &= ~slot.bit
            slot.role.frameworks.deactivate(slot.framework.id)

    def _refused_until(self, refuse_s: float, now: Nanos) -> Nanos:
        """When a decline ends; see ``filters``. Nonsense means the default (Mesos: 5 s), and a year is the most."""
        if refuse_s == 0:
            return self._next_periodic
        if not 0 < refuse_s < float("inf"):
            refuse_s = REFUSE_MAX_S if refuse_s == float("inf") else REFUSE_DEFAULT_S
        return max(now + seconds(min(refuse_s, REFUSE_MAX_S)), self._next_periodic + 1)

    # ---- bookkeeping

    def _touch(self, agent: Agent) -> None:
        self._touched[agent.id] = None

    def _retotal(self, agent: Agent, total: Resources) -> None:
        self._roles.unreserve(agent.total)
        self._total.subtract(agent.total.quantities())
        agent.set_total(total)
        self._total.add(agent.total.quantities())
        self._roles.reserve(agent.total)

    def _hold(self, agent: Agent, framework_id: FrameworkID, resources: Resources) -> None:
        """Tasks the allocator did not offer for use these."""
        agent.hold(framework_id, resources, resources.unallocate(), used=True)
        self._holders.setdefault(framework_id, {})[agent.id] = None
        self._track(agent, framework_id, resources)

    def _release(self, agent: Agent, framework_id: FrameworkID, resources: Resources, *, used: bool) -> None:
        agent.release(framework_id, resources, used=used)
        self._untrack(agent, framework_id, resources)
        if framework_id not in agent.held:
            self._forget_holder(framework_id, agent.id)
        self._touch(agent)

    def _forget_holder(self, framework_id: FrameworkID, agent_id: AgentID) -> None:
        held_on = self._holders[framework_id]
        held_on.pop(agent_id, None)
        if not held_on:
            del self._holders[framework_id]

    def _track(self, agent: Agent, framework_id: FrameworkID, resources: Resources, *, again: bool = False) -> None:
        """Count as allocated in the sorters; ``again``: it was before, in another form."""
        framework = self._frameworks.get(framework_id)
        if framework is None:
            return  # counted when the framework is added
        for path, part in _by_role(resources):
            slot = framework.slots.get(path)
            if slot is None:  # it left the role, but has tasks in it
                slot = self._open_slot(framework, path)
                slot.subscribed = False
            if again:
                self._role_sorter.updated(path, agent.id, NONE, part)
                slot.role.frameworks.updated(framework_id, agent.id, NONE, part)
            else:
                self._count_allocated(slot, agent.id, part)

    def _count_allocated(self, slot: Slot, agent_id: AgentID, resources: Resources) -> None:
        self._role_sorter.allocated(slot.role.path, agent_id, resources)
        slot.role.frameworks.allocated(slot.framework.id, agent_id, resources)

    def _untrack(self, agent: Agent, framework_id: FrameworkID, resources: Resources) -> None:
        framework = self._frameworks.get(framework_id)
        if framework is None:
            return
        for path, part in _by_role(resources):
            slot = framework.slots[path]
            self._role_sorter.unallocated(path, agent.id, part)
            slot.role.frameworks.unallocated(framework_id, agent.id, part)
            if not slot.subscribed and not self._holds_in(framework_id, path):
                self._close_slot(slot)

    def _holds_in(self, framework_id: FrameworkID, path: str) -> bool:
        """Only asked about roles a framework has left."""
        for agent_id in self._holders.get(framework_id, ()):
            agent = self._agents.get(agent_id)
            if agent is not None and agent.held.get(framework_id, NONE).any(lambda kind: kind.allocated_role == path):
                return True
        return False

    def _forget_declines(self, agent: Agent) -> None:
        mask = 0
        for slots in agent.refused.values():
            mask |= slots
        self._declines.forget_agent(agent, slots_in(mask, self._slots))

    def _new_framework_sorter(self) -> Sorter[Slot]:
        if self.options.framework_sorter == "drf":
            return DRFSorter(self._total, nested=False)
        return RandomSorter(self._rng, nested=False)

    # ---- for metrics

    @property
    def total(self) -> Quantities:
        """Scalars of all agents."""
        return self._total.quantities

    @property
    def offered_or_allocated(self) -> Quantities:
        """Scalars held by frameworks the allocator knows."""
        return self._role_sorter.total()

    def dominant_shares(self) -> dict[str, float]:
        """Weighted dominant share of each role somebody is in; empty unless roles are sorted by DRF."""
        if not isinstance(self._role_sorter, DRFSorter):
            return {}
        return {role.path: self._role_sorter.share(role.path) for role in self._roles if role.slots}

    def active_filters(self) -> dict[str, int]:
        """Declines in force, by role."""
        counts: dict[str, int] = {}
        for slot in self._slots:
            if slot is not None and slot.declined:
                declined = sum(map(len, slot.declined.values()))
                counts[slot.role.path] = counts.get(slot.role.path, 0) + declined
        return counts

    def check(self) -> None:
        """Every invariant: ledgers, sums, bits, and that a closed slot has indeed nothing to get. For tests and sim."""
        self._roles.check()
        for sorter in (self._role_sorter, *(role.frameworks for role in self._roles)):
            if isinstance(sorter, DRFSorter):
                sorter.check()
        for number, slot in enumerate(self._slots):
            if slot is not None:
                assert slot.bit == 1 << number
                assert bool(self._live & slot.bit) == slot.is_live
        total = Quantities()
        for agent in self._agents.values():
            agent.check()
            total += agent.total.quantities()
            for framework_id in agent.held:
                assert agent.id in self._holders[framework_id]
            for slot in slots_in(agent.closed & self._live, self._slots):
                assert not self._offerable(agent, slot), f"{agent.id} is closed to {slot.framework.id}"
        assert total == self._total.quantities


def _by_role(resources: Resources) -> Iterable[tuple[str, Resources]]:
    """Nearly always one role, and then nothing is copied."""
    roles = dict.fromkeys(kind.allocated_role for kind, _ in resources)
    if len(roles) == 1:
        (role,) = roles
        assert role is not None, f"{resources} is allocated to no role"
        return ((role, resources),)
    return resources.allocations().items()


def _minimum(quantities: Quantities) -> Minimum:
    return tuple(quantities.items())


def _minima(offer_filters: Mapping[str, tuple[Quantities, ...]] | None) -> dict[str, tuple[Minimum, ...]]:
    return {role: tuple(map(_minimum, minima)) for role, minima in (offer_filters or {}).items()}


def _is_enough(offered: Resources, minima: tuple[Minimum, ...]) -> bool:
    """True if anything is offered and all amounts of some minimum are in it; no minima are always met."""
    if not offered:
        return False
    if not minima:
        return True
    scalars = offered.quantities()
    for minimum in minima:
        for name, amount in minimum:
            have = scalars.get(name)
            if have < amount and len(offered.ranges(name)) < from_milli(amount):
                break
        else:
            return True
    return False
