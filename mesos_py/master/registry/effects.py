"""What a restore would mean for each agent and each role: what the registry says now, and what it would then. Pure.

===============  ==================  ==================  =================  =============================
now \\ then       admitted            unreachable         gone               unknown
===============  ==================  ==================  =================  =============================
admitted         (offers may change) comes back          **is shut down**   comes back as if it was new
unreachable      awaited             -                   is shut down       forgotten
gone             awaited, allowed    allowed             -                  allowed
unknown          awaited             known to be lost    is shut down       -
===============  ==================  ==================  =================  =============================

Every restore makes another master lead. Agents and frameworks register with it by themselves, and tasks go on
meanwhile: the one way in which a restore ends tasks is to have their agent marked gone. Quota and weights hold from
then on as the registry says; a role that has more than a limit of then is offered nothing more until it has less.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping

import attrs

from mesos_py.coordination import Key
from mesos_py.master.quotas import quota_of
from mesos_py.master.registry import Registry
from mesos_py.master.registry.store import KINDS
from mesos_py.wire.ids import AgentID


class Standing(enum.Enum):
    """What a registry says of an agent."""

    ADMITTED = "admitted"
    UNREACHABLE = "unreachable"
    GONE = "gone"
    UNKNOWN = "unknown"


@attrs.frozen
class Fate:
    """What becomes of an agent, and of the tasks that it runs."""

    agent: str
    tasks: str = "go on"
    ends_tasks: bool = False


_AWAITED = "awaited for --agent_reregister_timeout; marked unreachable if it does not come back"
_ALLOWED = "may register again, though it was marked gone and its tasks were told to be gone"
_RETURNS = "unreachable until it reregisters, which it does by itself if it runs"
_NEW = "forgotten; if it runs it reregisters under its id and is admitted again, if not nobody is told of its tasks"
_SHUT_DOWN = Fate("told to shut down when it reregisters", "killed", ends_tasks=True)

FATES: Mapping[tuple[Standing, Standing], Fate] = {
    (Standing.ADMITTED, Standing.UNREACHABLE): Fate(_RETURNS, "go on; frameworks are told when it is back"),
    (Standing.ADMITTED, Standing.GONE): _SHUT_DOWN,
    (Standing.ADMITTED, Standing.UNKNOWN): Fate(_NEW, "go on; frameworks are told when it is back"),
    (Standing.UNREACHABLE, Standing.ADMITTED): Fate(_AWAITED),
    (Standing.UNREACHABLE, Standing.GONE): _SHUT_DOWN,
    (Standing.UNREACHABLE, Standing.UNKNOWN): Fate(_NEW, "go on; frameworks are told when it is back"),
    (Standing.GONE, Standing.ADMITTED): Fate(f"{_ALLOWED}; {_AWAITED}"),
    (Standing.GONE, Standing.UNREACHABLE): Fate(_ALLOWED),
    (Standing.GONE, Standing.UNKNOWN): Fate(_ALLOWED),
    (Standing.UNKNOWN, Standing.ADMITTED): Fate(_AWAITED),
    (Standing.UNKNOWN, Standing.UNREACHABLE): Fate(_RETURNS),
    (Standing.UNKNOWN, Standing.GONE): _SHUT_DOWN,
}


@attrs.frozen
class Effect:
    """One agent that a restore means something for."""

    agent_id: AgentID
    #: "" where neither registry knows it
    hostname: str
    now: Standing
    then: Standing
    fate: Fate


def effects(now: Registry, then: Registry) -> Iterator[Effect]:
    """Each agent whose standing would change, or whether it is offered; by id."""
    for agent_id in sorted({*_ids(now), *_ids(then)}):
        before, after = standing(now, agent_id), standing(then, agent_id)
        fate = FATES.get((before, after)) or _offers(now, then, agent_id)
        if fate is not None:
            yield Effect(agent_id, hostname(now, agent_id) or hostname(then, agent_id), before, after, fate)


def standing(registry: Registry, agent_id: AgentID) -> Standing:
    if agent_id in registry.agents:
        return Standing.ADMITTED
    if agent_id in registry.unreachable:
        return Standing.UNREACHABLE
    return Standing.GONE if agent_id in registry.gone else Standing.UNKNOWN


def hostname(registry: Registry, agent_id: AgentID) -> str:
    found = registry.agents.get(agent_id)
    return "" if found is None else found.info.hostname


@attrs.frozen
class RoleEffect:
    """One role that has quota or a weight now or then, and not the same."""

    role: str
    now: str
    then: str


def role_effects(now: Registry, then: Registry) -> Iterator[RoleEffect]:
    """Each role of which something else would be said; by name."""
    for role in sorted({*now.quotas, *now.weights, *then.quotas, *then.weights}):
        before, after = said_of(now, role), said_of(then, role)
        if before != after:
            yield RoleEffect(role, before, after)


def said_of(registry: Registry, role: str) -> str:
    """``guaranteed cpus:2; limited to cpus:4, mem:512; weighs 3``; "nothing"."""
    config, weight = registry.quotas.get(role), registry.weights.get(role)
    said = []
    if config is not None:
        quota = quota_of(config)
        for how, amounts in (("guaranteed", quota.guarantees), ("limited to", quota.limits)):
            if amounts:
                said.append(f"{how} {str(amounts).replace('; ', ', ')}")
    if weight is not None:
        said.append(f"weighs {weight:.15g}")
    return "; ".join(said) or "nothing"


def other_changes(now: Mapping[Key, bytes], then: Mapping[Key, bytes]) -> dict[str, int]:
    """How many records of each kind that is about neither agents nor roles would be others."""
    found: dict[str, int] = {}
    for key in sorted({*now, *then}):
        if key[0] in OTHER_KINDS and now.get(key) != then.get(key):
            found[key[0]] = found.get(key[0], 0) + 1
    return found


#: capabilities follow from the others
OTHER_KINDS = frozenset(KINDS) - {"master", "agents", "unreachable", "gone", "quota", "weights", "capabilities"}


def _ids(registry: Registry) -> Iterator[AgentID]:
    yield from registry.agents
    yield from registry.unreachable
    yield from registry.gone


def _offers(now: Registry, then: Registry, agent_id: AgentID) -> Fate | None:
    """Whether the agent's resources are offered, if that changes."""
    before = now.agents.get(agent_id) or now.unreachable.get(agent_id)
    after = then.agents.get(agent_id) or then.unreachable.get(agent_id)
    if before is None or after is None or before.deactivated == after.deactivated:
        return None
    return Fate("deactivated again: not offered" if after.deactivated else "offered again, though it was deactivated")
