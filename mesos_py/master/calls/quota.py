"""What roles are guaranteed and may not exceed: an operator changes it at run time, and every later master knows.

Only top-level roles have quota; what the roles below them hold counts as theirs::

    UPDATE_QUOTA    a list of roles with their guarantees and limits, all of it or nothing
    SET_QUOTA       as before Mesos 1.9: one role without quota is given a guarantee that is its limit, too
    REMOVE_QUOTA    one role has none any more

A limit that is exceeded already (of which, as in Mesos, SET_QUOTA is not asked), or guarantees that the cluster does
not have, want ``force``. Agents that have yet to come back after a failover may hold all that they have in any role, so
a new or lower limit that they might exceed wants it, too; and they are capacity. Nothing is killed for a limit: the
role is offered nothing more until it is below its limit, and guarantees are kept when there is enough again. So it is
with an agent that was given up and is back with tasks that there is no room for any more.

What was offered before is taken back as far as the new quota says so: of the role, what would exceed its limits; of
others, what its guarantee is missing. Offers are accepted or taken back in one order, so what a scheduler accepts too
late was no offer any more, and what it accepts in time counts against the limit.

Mesos: src/master/quota_handler.cpp, src/master/quota.cpp. It rescinds by rough estimates, since its allocator runs
apart from its master; here both know the same, and no more is taken back than has to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from mesos_py.algebra.quantities import Limits, Quantities
from mesos_py.algebra.quota import NO_QUOTA, Quota
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.problem import Kind, Problem, bad_request
from mesos_py.machine.table import Table
from mesos_py.master.calls import offers
from mesos_py.master.changes import QuotaUpdated
from mesos_py.master.entities import Agent, Offer
from mesos_py.master.events import ChangeQuota, RemoveQuota, SetQuota
from mesos_py.master.quotas import config_of, guarantee_and_limit, quota_of, total_guarantees
from mesos_py.master.registry import UpdateQuota
from mesos_py.master.state import State
from mesos_py.master.validation.quota import invalid_config, invalid_request
from mesos_py.wire.quota import QuotaConfig

if TYPE_CHECKING:
    from mesos_py.master.core import Master

table = Table("quota")
FORCE = "(use 'force' flag to bypass this check)"


def recover_quota(m: Master) -> None:
    """A new master's roles have the quota that the registry says."""
    for role, config in m.registry.quotas.items():
        m.allocator.set_quota(role, quota_of(config))


@table.on(ChangeQuota)
def change_quota(m: Master, event: Event, out: Frame) -> Problem | None:
    """All of these roles have the quota that is said, or none does."""
    change: ChangeQuota = event.body
    for config in change.configs:
        wrong = _invalid(m, config)
        if wrong is not None:
            return bad_request(wrong)
    if not change.force:
        wrong = _exceeded(m, change.configs) or _overcommitted(m, change.configs)
        if wrong is not None:
            return bad_request(f"Invalid QuotaConfig: {wrong} {FORCE}")
    _change(m, change.configs, out)
    return None


@table.on(SetQuota)
def set_quota(m: Master, event: Event, out: Frame) -> Problem | None:
    """A role that had no quota has this guarantee, and the same limit."""
    request = event.body.request
    role = request.role or ""
    wrong = invalid_request(request)
    if wrong is None and not m.options.allows_role(role):
        wrong = f"Unknown role '{role}'"
    if wrong is None and role in m.registry.quotas:
        wrong = f"Cannot set quota for role '{role}' which already has quota"
    config = guarantee_and_limit(role, request.guarantee)
    wrong = wrong or invalid_config(config)
    if wrong is not None:
        return bad_request(f"Failed to validate set quota request: {wrong}")
    if "/" in role:
        return bad_request(f"Setting quota on nested role '{role}' is not supported yet")
    if not request.force:
        wrong = _overcommitted(m, (config,))
        if wrong is not None:
            text = "Quota guarantees overcommit the cluster (use 'force' to bypass this check)"
            return Problem(Kind.CONFLICT, f"{text}: {wrong[:1].upper()}{wrong[1:]}")
    _change(m, (config,), out)
    return None


@table.on(RemoveQuota)
def remove_quota(m: Master, event: Event, out: Frame) -> Problem | None:
    """The role has neither guarantee nor limit."""
    role, path = event.body.role, event.body.path
    asked = "" if path is None else f" for path '{path}'"
    if path is not None and not m.options.allows_role(role):
        return bad_request(f"Failed to validate remove quota request{asked}: Unknown role '{role}'")
    if role not in m.registry.quotas:
        return bad_request(f"Failed to remove quota{asked}: Role '{role}' has no quota set")
    _change(m, (QuotaConfig(role=role),), out)
    return None


# ---- whether it may be


def _invalid(m: Master, config: QuotaConfig) -> str | None:
    """Why this is no quota of a role of this cluster."""
    if not m.options.allows_role(config.role):
        return f"Invalid QuotaConfig: '{config.role}' is not on the roles whitelist"
    if "/" in config.role:
        return f"Updating quota on nested role '{config.role}' is not supported yet"
    wrong = invalid_config(config)
    return None if wrong is None else f"Invalid QuotaConfig: {wrong}"


def _exceeded(m: Master, configs: tuple[QuotaConfig, ...]) -> str | None:
    """Which role has more already than it would be allowed, or may have on agents that have yet to come back."""
    wanted = {config.role: quota_of(config).limits for config in configs}
    limited = [role for role, limits in wanted.items() if limits]
    for role, consumed in m.allocator.consumed_by(limited).items() if limited else ():
        limits, before = wanted[role], m.allocator.quota(role).limits
        more = f"this is more than the requested limits '{limits}'"
        if not limits.admits(consumed):
            return f"Role '{role}' is already consuming '{consumed}'; {more}"
        lower = [name for name, most in limits.items() if (was := before.get(name)) is None or most < was]
        possible = consumed + _awaited(m, lower)
        if not limits.admits(possible):
            count = len(m.allocator.expected.agents)
            return f"Role '{role}' may be consuming '{possible}' with {count} agents yet to come back; {more}"
    return None


def _overcommitted(m: Master, configs: tuple[QuotaConfig, ...]) -> str | None:
    """Why guarantees could not all be kept: all agents, connected or yet to come back, have less together.

    Mesos does not count the latter, so that after a failover it refuses at first what it had accepted.
    """
    wanted = total_guarantees((m.registry.quotas | {config.role: config for config in configs}).values())
    capacity = Quantities(m.state.total.plain) + _awaited(m, wanted)
    if wanted <= capacity:
        return None
    return f"total quota guarantees '{wanted}' exceed cluster capacity '{capacity}'"


def _awaited(m: Master, names: Iterable[str]) -> Quantities:
    """So much of these resources is on agents that have not come back to this master, and may be anybody's."""
    return Quantities({name: m.allocator.expected.amount(name) for name in names})


# ---- what it means


def _change(m: Master, configs: tuple[QuotaConfig, ...], out: Frame) -> None:
    """It is kept, the allocator keeps to it, and offers that it does not allow are no more."""
    quotas = {config.role: quota_of(config) for config in configs}
    if not quotas:
        return
    m.persist(UpdateQuota(tuple(config_of(role, quota) for role, quota in quotas.items())), out)
    for role, quota in sorted(quotas.items(), key=lambda item: item[1] == NO_QUOTA):
        m.allocator.set_quota(role, quota)  # what is taken away comes last: without any quota nothing is counted
        out.change(QuotaUpdated(role, quota))
    _take_back(m, quotas, out)


def _take_back(m: Master, quotas: Mapping[str, Quota], out: Frame) -> None:
    """The roles are offered no more than their limits leave, and others not what their guarantees are missing.

    As if nothing was free at this moment: what is free may be kept for somebody else's guarantee.
    """
    outstanding = _Outstanding(m.state)
    for role, quota in quotas.items():
        if quota == NO_QUOTA:
            continue
        held, left = m.allocator.offered_or_consumed(role), _left(m, quota.limits)
        alive = held - outstanding.void(role)
        outstanding.take((role,), Quantities({name: alive.get(name) - most for name, most in left.items()}))
        outstanding.take(outstanding.others(role), quota.guarantees - (held - outstanding.void(role)))
    offers.withdraw(m, outstanding.taken, out)


def take_back_over_limits(m: Master, agent: Agent, out: Frame) -> None:
    """The agent has brought tasks or reservations that nobody counted with: offers their roles' limits do not leave."""
    if not m.allocator.quotas:
        return
    kinds = [kind for resources in agent.used.values() for kind, _ in resources]
    roles = [kind.allocated_role or "" for kind in kinds] + list(agent.total.reservations())
    exceeded = {}
    for role in dict.fromkeys(role.partition("/")[0] for role in roles):
        limits = m.allocator.quota(role).limits
        if not _left(m, limits).admits(m.allocator.offered_or_consumed(role)):
            exceeded[role] = Quota(limits=limits)
    if exceeded:
        _take_back(m, exceeded, out)


def _left(m: Master, limits: Limits) -> Limits:
    """What agents that have not come back after a failover leave of the limits: they may run whatever they can."""
    return limits - _awaited(m, dict(limits.items()))


class _Outstanding:
    """The offers there are by top-level role, oldest first, each looked at once however many roles are changed."""

    def __init__(self, state: State) -> None:
        self.taken: list[Offer] = []
        self._alive: dict[str, list[tuple[Offer, Quantities]]] = {}
        #: what they have together
        self._left: dict[str, Quantities] = {}
        self._void: dict[str, Quantities] = {}
        for offer in state.offers.values():
            role, countable = offer.role.partition("/")[0], _countable(offer)
            if offer.id in state.withdrawn:
                self._void[role] = self.void(role) + countable
            else:
                self._alive.setdefault(role, []).append((offer, countable))
                self._left[role] = self._left.get(role, Quantities()) + countable

    def void(self, role: str) -> Quantities:
        """So much of what counts as offered to the role, or below it, is on its way back."""
        return self._void.get(role, Quantities())

    def others(self, role: str) -> list[str]:
        return [other for other in self._alive if other != role]

    def take(self, roles: Iterable[str], wanted: Quantities) -> None:
        """Offers to these roles are taken back that have so much together, or all that have anything of it."""
        for role in roles:
            alive, kept = self._alive.get(role, []), []
            for position, (offer, freed) in enumerate(alive):
                if not any(map(self._left[role].get, wanted)):
                    kept += alive[position:]
                    break
                if any(map(freed.get, wanted)):
                    wanted -= freed
                    self._left[role] -= freed
                    self._void[role] = self.void(role) + freed
                    self.taken.append(offer)
                else:
                    kept.append((offer, freed))
            self._alive[role] = kept


def _countable(offer: Offer) -> Quantities:
    """What of an offer counts as held only while it is one: reservations count anyway, revocable resources never."""
    return offer.resources.filter(lambda kind: not kind.reservations and not kind.revocable).quantities()
