"""The allocator: what has happened to agents and frameworks goes in, grants come out.

    allocate(now)    every agent somebody may want something of, in random order: who gets what of it (``visits``)

An offer is a grant: it counts as held from the moment ``allocate`` returns it, until ``recover`` (declined, rescinded,
task ended) gives it back; ``use`` notes that tasks have it now.

When a run happens
    at once         a new or changed agent, a new or revived framework, resources that came back (Mesos waits with the
                    latter for the next interval)
    periodically    every allocation_interval, over all agents; declines lapse then
``deadline`` tells when to call ``allocate`` next. A run may be cut into slices: what is left is state, and the next
call goes on with it. Within one call all resources of an agent are visited once.

Not decided here: inverse offers (they follow a run, over the same agents), authorization, what an offer looks like.

Deterministic: ``now`` and ``rng`` come in. Source: Mesos src/master/allocator/mesos/hierarchical.cpp.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mesos_py.algebra.conversions import Conversion, NotContained, apply_all
from mesos_py.algebra.offer_constraints import OfferConstraintsFilter
from mesos_py.algebra.quantities import Quantities
from mesos_py.algebra.quota import NO_QUOTA, Quota
from mesos_py.algebra.resources import Resources
from mesos_py.machine.values import Nanos
from mesos_py.master.allocator.books import Books
from mesos_py.master.allocator.expected import Expected
from mesos_py.master.allocator.filters import Framework, declined_until
from mesos_py.master.allocator.ledger import Agent
from mesos_py.master.allocator.offering import Offering, minima_by_role
from mesos_py.master.allocator.options import AGENTS_PER_SLICE, AllocatorOptions, Grant
from mesos_py.master.allocator.quotas import Quotas
from mesos_py.master.allocator.rounds import Rounds
from mesos_py.master.allocator.sorter import Random
from mesos_py.master.allocator.visits import Visits
from mesos_py.master.capabilities import AgentCapabilities, FrameworkCapabilities
from mesos_py.wire.ids import AgentID, FrameworkID
from mesos_py.wire.resource import Resource
from mesos_py.wire.value import Attribute, DomainInfo

__all__ = ["AGENTS_PER_SLICE", "Allocator", "AllocatorOptions", "Grant"]


class Allocator:
    """Methods in the order of an entity's life; none fails for an id it does not know, what is gone is gone."""

    def __init__(self, options: AllocatorOptions, rng: Random) -> None:
        self.options = options
        self._books = Books(options, rng)
        #: who may still come back after a failover; for reading
        self.expected = Expected()
        offering = Offering(options)
        self._quotas = Quotas(self._books, self.expected, offering.default_minima, rng)
        self._visits = Visits(self._books, offering, self._quotas)
        self._rounds = Rounds(options.allocation_interval, rng)
        #: calls of ``allocate`` that had a reason; a counter for metrics
        self.runs = 0

    # ---- after a failover

    def expect(self, agents: Mapping[AgentID, tuple[Resource, ...]], now: Nanos) -> None:
        """Agents that earlier masters knew may come back with tasks; those that do not must be given up (``unexpect``).

        Comes after quotas are set. If there are any, nothing is offered until most agents are back (see ``expected``).
        """
        self.expected.expect(agents)
        self._quotas.measure_again()
        if self._books.roles.quotas:
            self.expected.hold(now)

    def unexpect(self, agent_id: AgentID) -> None:
        """It will not come back, as far as anybody can tell."""
        self.expected.forget(agent_id)

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
        assert agent_id not in self._books.agents, f"agent {agent_id} is added twice"
        agent = Agent(agent_id, hostname, tuple(attributes), domain, capabilities, self._books.roles.slots_below)
        self.expected.forget(agent_id)
        self._books.add_agent(agent, total)
        for framework_id, resources in (used or {}).items():
            self._books.hold(agent, framework_id, resources)
        self._rounds.touch(agent)

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
        agent = self._books.agents.get(agent_id)
        if agent is None:
            return
        before = (agent.total, agent.attributes, agent.domain, agent.capabilities)
        if attributes is not None and attributes != agent.attributes:
            agent.attributes = attributes
            self._books.forget_declines(agent)
        agent.domain = domain if domain is not None else agent.domain
        agent.capabilities = capabilities if capabilities is not None else agent.capabilities
        if total is not None:
            self._books.set_total(agent, total)
        if before != (agent.total, agent.attributes, agent.domain, agent.capabilities):
            agent.reopen()
            self._rounds.touch(agent)

    def activate_agent(self, agent_id: AgentID) -> None:
        """It is offered again."""
        agent = self._books.agents.get(agent_id)
        if agent is not None and not agent.active:
            agent.active = True
            agent.reopen()
            self._rounds.touch(agent)

    def deactivate_agent(self, agent_id: AgentID) -> None:
        """It is not offered any more; what is held stays held."""
        agent = self._books.agents.get(agent_id)
        if agent is not None:
            agent.active = False

    def remove_agent(self, agent_id: AgentID) -> None:
        """It is gone with all that was held on it; nothing of it needs to be recovered."""
        agent = self._books.agents.get(agent_id)
        if agent is None:
            return
        self._books.remove_agent(agent)
        self._rounds.forget(agent)
        agent.active = False  # a sweep that has it queued passes it by

    def set_whitelist(self, hostnames: frozenset[str] | None) -> None:
        """Only agents on these hosts are offered; None: all. Takes effect with the next run."""
        self._visits.hostnames = hostnames

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
        assert framework_id not in self._books.frameworks, f"framework {framework_id} is added twice"
        framework = Framework(framework_id, capabilities, minima_by_role(offer_filters), constraints, active)
        self._books.frameworks[framework_id] = framework
        for agent_id in self._books.holders.get(framework_id, ()):
            agent = self._books.agents[agent_id]
            self._books.count(agent, framework_id, agent.held[framework_id])
        for agent_id, resources in (used or {}).items():
            reported = self._books.agents.get(agent_id)
            if reported is not None and framework_id not in reported.held:
                self._books.hold(reported, framework_id, resources)
        self._books.subscribe(framework, roles, suppressed)
        self._rounds.sweep()

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
        framework = self._books.frameworks.get(framework_id)
        if framework is None:
            return
        framework.capabilities, framework.constraints = capabilities, constraints
        framework.minima = minima_by_role(offer_filters)
        self._books.subscribe(framework, roles, suppressed)
        self._books.reopen(framework)

    def activate_framework(self, framework_id: FrameworkID) -> None:
        """It is connected (again) and offered to."""
        if (framework := self._books.frameworks.get(framework_id)) is not None:
            framework.active = True
            for slot in framework.slots.values():
                self._books.refresh(slot)
            self._rounds.sweep()

    def deactivate_framework(self, framework_id: FrameworkID) -> None:
        """It is not offered anything, and its declines end; what it holds stays held."""
        if (framework := self._books.frameworks.get(framework_id)) is not None:
            framework.active = False
            for slot in framework.slots.values():
                self._books.refresh(slot)
                self._books.declines.forget_slot(slot, self._books.agents)

    def remove_framework(self, framework_id: FrameworkID) -> None:
        """It is gone, and all that it held is available again."""
        framework = self._books.frameworks.get(framework_id)
        if framework is None:
            return
        for agent in self._books.release_all(framework):
            self._rounds.touch(agent)
        del self._books.frameworks[framework_id]

    def suppress(self, framework_id: FrameworkID, roles: Iterable[str] = ()) -> None:
        """No offers in these roles (none given: in all)."""
        for slot in self._books.subscribed(framework_id, roles):
            slot.suppressed = True
            self._books.refresh(slot)

    def revive(self, framework_id: FrameworkID, roles: Iterable[str] = ()) -> None:
        """Offers in these roles (none given: in all), declined before or not."""
        for slot in self._books.subscribed(framework_id, roles):
            slot.suppressed = False
            self._books.declines.forget_slot(slot, self._books.agents)
            self._books.refresh(slot)
            self._rounds.sweep()

    # ---- what is offered and used

    def use(self, framework_id: FrameworkID, agent_id: AgentID, resources: Resources) -> None:
        """Tasks or executors have these (allocated) resources of an offer now; of shared volumes, any copies."""
        agent = self._books.agents.get(agent_id)
        if agent is not None:
            self._books.use(agent, framework_id, resources)

    def add_allocation(self, framework_id: FrameworkID, agent_id: AgentID, resources: Resources) -> None:
        """A task the allocator had not heard of uses these: an agent that came back reports it."""
        agent = self._books.agents.get(agent_id)
        if agent is not None:
            self._books.hold(agent, framework_id, resources)

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
        """These (allocated to one role) are no longer held and can be offered, to others at once (see ``rounds``).

        ``used``: tasks had them; else they come out of an offer. ``refuse_s``: the framework declined them and does
        not want to see them, or less, for so long; 0: not before the next periodic run; None: it did not decline.
        """
        agent = self._books.agents.get(agent_id)
        if agent is None or not resources or framework_id not in agent.held:
            return
        self._books.release(agent, framework_id, resources, used=used)
        framework = self._books.frameworks.get(framework_id)
        if refuse_s is None or framework is None:
            self._rounds.touch(agent)
            return
        self._rounds.touch_declined(agent)
        until = declined_until(refuse_s, now, self._rounds.next_periodic)
        for role, declined in resources.allocations().items():
            slot = framework.slots.get(role)
            if slot is not None and slot.subscribed:
                self._books.declines.add(slot, agent, declined.unallocate(), until)

    def update_allocation(
        self, framework_id: FrameworkID, agent_id: AgentID, offered: Resources, conversions: Iterable[Conversion]
    ) -> Resources:
        """``offered``, which the framework holds, is converted; returns what it has become. Raises NotContained."""
        agent = self._books.agents[agent_id]
        conversions = list(conversions)
        converted = apply_all(offered, conversions)
        total = apply_all(agent.total, [conversion.unallocate() for conversion in conversions])
        self._books.convert(agent, framework_id, offered, converted, total)
        return converted

    def update_available(self, agent_id: AgentID, conversions: Iterable[Conversion]) -> str | None:
        """The agent's available resources are converted; the text why not, if they do not contain what is consumed."""
        agent = self._books.agents[agent_id]
        conversions = [conversion.unallocate() for conversion in conversions]
        try:
            apply_all(agent.available, conversions)
        except NotContained as problem:
            return str(problem)
        self._books.set_total(agent, apply_all(agent.total, conversions))
        self._rounds.touch(agent)
        return None

    def set_weights(self, weights: Mapping[str, float]) -> None:
        """Roles have these weights from now on; takes effect with the next run."""
        for path, weight in weights.items():
            self._books.roles.set_weight(path, weight)
            self._books.role_sorter.set_weight(path, weight)

    # ---- quota

    def set_quota(self, role: str, quota: Quota) -> None:
        """The role has this quota from now on; takes effect with the next periodic run."""
        self._books.set_quota(role, quota)

    @property
    def quotas(self) -> Mapping[str, Quota]:
        """Of all roles that have one."""
        return self._books.roles.quotas

    def quota(self, role: str) -> Quota:
        """What was set for the role; NO_QUOTA if nothing was."""
        return self._books.roles.quotas.get(role, NO_QUOTA)

    def consumed(self, role: str) -> Quantities:
        """Used or reserved by the role and all below it, not revocable. In constant time, if there is any quota."""
        return self.consumed_by((role,))[role]

    def consumed_by(self, roles: Iterable[str]) -> dict[str, Quantities]:
        """Of several roles: without quota what all hold is looked at once."""
        tree = self._books.counted()
        return {role: found.consumed if (found := tree.get(role)) is not None else Quantities() for role in roles}

    def offered_or_consumed(self, role: str) -> Quantities:
        """Like ``consumed``, with what is offered."""
        found = self._books.counted().get(role)
        return found.offered_or_consumed if found is not None else Quantities()

    # ---- runs

    def deadline(self) -> Nanos | None:
        """When ``allocate`` has something to do next: 0 is at once, None not before something else happens."""
        if (until := self.expected.hold_until) is not None:
            return until
        if self._rounds.is_due:
            return 0
        return self._rounds.next_periodic if self._books.live and self._books.agents else None

    def allocate(self, now: Nanos, *, budget: int | None = None) -> list[Grant]:
        """Grant what there is to whom it is due; looks at no more than ``budget`` agents, then ``deadline`` is 0."""
        if self.expected.is_held(now):
            return []
        if self._rounds.begin_period(now):
            self._books.declines.expire(now)
            self._quotas.measure_again()
        if not self._rounds.is_due:
            return []
        self.runs += 1
        if self._rounds.begins_sweep:
            self._quotas.reopen()
        return self._visits.visit(self._rounds.take(self._books.agents.values(), self._visits.is_open, budget))

    # ---- for metrics

    @property
    def total(self) -> Quantities:
        """Scalars of all agents."""
        return self._books.total.quantities

    @property
    def offered_or_allocated(self) -> Quantities:
        """Scalars held by frameworks the allocator knows."""
        return self._books.role_sorter.total()

    def offered_or_allocated_to(self, role: str) -> Quantities:
        """All scalars held in the role and below it, by frameworks the allocator knows."""
        return self._books.role_sorter.below(role)

    def dominant_shares(self) -> dict[str, float]:
        """Weighted dominant share of each role somebody is in; empty unless roles are sorted by DRF."""
        return self._books.dominant_shares()

    def active_filters(self) -> dict[str, int]:
        """Declines in force, by role; every role there is. Linear in the frameworks' roles."""
        return self._books.active_filters()

    def check(self) -> None:
        """Every invariant: the books, and that a closed slot has indeed nothing to get. For tests and simulation."""
        self._books.check()
        self._visits.check()
        assert not self.expected.agents.keys() & self._books.agents.keys()
