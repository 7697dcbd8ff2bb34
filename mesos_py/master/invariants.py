"""What must hold of a master's state after every event; tests check it after every frame, a running master (``audit``)
one agent after the other.

I1 no double allocation, I9 limits, and the agreement of every index with every other. Linear in everything.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from mesos_py.algebra.quantities import Quantities
from mesos_py.algebra.resources import NONE, Resources
from mesos_py.master.entities import TERMINAL, Agent
from mesos_py.master.quotas import quota_of
from mesos_py.wire.ids import FrameworkID

if TYPE_CHECKING:
    from mesos_py.master.core import Master
    from mesos_py.master.state import State

#: timers of the master itself; all others belong to somebody, whom their key names
OWN_TIMERS = (("removal",), ("recovery",), ("registry gc",), ("withdrawal",))


def check_state(state: State) -> None:
    """Raises AssertionError at the first disagreement."""
    _check_frameworks(state)
    for agent in state.agents.values():
        check_agent(state, agent)
    _check_offers(state)
    _check_counts(state)


def _check_frameworks(state: State) -> None:
    for framework_id, framework in state.frameworks.items():
        assert framework.id == framework_id == framework.info.id
        assert framework_id not in state.completed_frameworks
        assert (framework_id in state.removed_frameworks) == framework.is_ending
        assert framework.connected == (framework.peer is not None)
        assert not (framework.recovered and framework.connected)
        assert framework.connected or not framework.active
        if framework.peer is not None:
            assert state.peers[framework.peer] is framework
        for task_id, task in framework.tasks.items():
            assert task.id == task_id
            assert task.framework_id == framework_id
            assert state.agents[task.agent_id].tasks[framework_id][task_id] is task
            assert task_id not in framework.unreachable_tasks
        for task_id, task in framework.unreachable_tasks.items():
            agent = state.agents.get(task.agent_id) or state.unreachable_agents[task.agent_id]
            assert (framework_id, task_id) in agent.lost, f"nobody is expected to bring {task_id} back"
        for agent_id, executors in framework.executors.items():
            assert executors
            assert state.agents[agent_id].executors[framework_id] is executors


def check_agent(state: State, agent: Agent) -> None:
    """Of all that is offered, used and remembered of one agent; linear in that. Raises AssertionError, LookupError."""
    agent_id = agent.id
    assert state.agents[agent_id] is agent
    assert agent_id == agent.info.id
    others = (state.recovered_agents, state.unreachable_agents, state.gone_agents)
    assert not any(agent_id in other for other in others)
    assert agent.active <= agent.connected
    if agent.connected:
        assert state.peers[agent.peer] is agent
    used: dict[FrameworkID, Resources] = {}
    for framework_id, tasks in agent.tasks.items():
        assert tasks
        for task_id, task in tasks.items():
            assert state.frameworks[framework_id].tasks[task_id] is task
            if not TERMINAL[task.state]:
                used[framework_id] = used.get(framework_id, NONE) + task.resources
    for framework_id, executors in agent.executors.items():
        assert executors
        assert state.frameworks[framework_id].executors[agent_id] is executors
        for executor in executors.values():
            used[framework_id] = used.get(framework_id, NONE) + Resources.of(executor.resources)
    used = {framework_id: resources for framework_id, resources in used.items() if resources}
    assert used == agent.used, (used, agent.used)
    for framework_id, resources in used.items():
        assert state.frameworks[framework_id].used[agent_id] == resources
    assert not agent.offers or agent.active
    for offer_id, offer in agent.offers.items():
        assert state.offers[offer_id] is offer
        assert state.frameworks[offer.framework_id].offers[offer_id] is offer
    live = [(framework_id, task_id) for framework_id, tasks in agent.tasks.items() for task_id in tasks]
    assert agent.killed.keys() <= {*live, *agent.lost}
    free = agent.total - agent.total_used().unallocate()
    offered = agent.total_offered().unallocate().nonshared
    assert offered <= free, f"{agent_id}: {offered} offered of {free}"


def _check_offers(state: State) -> None:
    for offer_id, offer in state.offers.items():
        framework = state.frameworks[offer.framework_id]
        assert framework.offers[offer_id] is offer
        if offer_id not in state.withdrawn:
            assert framework.connected, "an offer nobody can answer"
            assert offer.role in framework.roles
        assert state.agents[offer.agent_id].offers[offer_id] is offer
        assert all(kind.allocated_role == offer.role for kind, _ in offer.resources)
    assert state.withdrawn.keys() <= state.offers.keys()
    assert sum(len(framework.offers) for framework in state.frameworks.values()) == len(state.offers)
    assert sum(len(agent.offers) for agent in state.agents.values()) == len(state.offers)


def _check_counts(state: State) -> None:
    frameworks, agents = state.frameworks.values(), state.agents.values()
    assert state.frameworks_connected == sum(framework.connected for framework in frameworks)
    assert state.frameworks_active == sum(framework.active for framework in frameworks)
    assert state.agents_connected == sum(agent.connected for agent in agents)
    assert state.agents_active == sum(agent.active for agent in agents)
    assert state.unreachable_task_count == sum(len(framework.unreachable_tasks) for framework in frameworks)
    lost = [agent.lost for agent in agents] + [agent.lost for agent in state.unreachable_agents.values()]
    assert state.unreachable_task_count == sum(map(len, lost))
    counts = dict.fromkeys(state.task_counts, 0)
    for framework in frameworks:
        for task in framework.tasks.values():
            counts[task.state] += 1
    assert counts == state.task_counts
    assert len(state.peers) == sum(framework.connected for framework in frameworks) + state.agents_connected
    total = sum((agent.total for agent in agents), NONE).quantities()
    sums = state.total
    for name, amount in total.items():
        assert sums.plain.get(name, 0) + sums.revocable.get(name, 0) == amount


def check_quotas(m: Master) -> None:
    """I9: no offer can take who is in a role over its limits; and the allocator has the quotas that are kept.

    What roles below hold counts when offers are made, but they may get more at any time, so it is not looked at here.
    What is used may exceed a limit that was forced, or with an agent that was given up and is back: then no offer that
    could be accepted has anything of what is exceeded.
    """
    assert m.allocator.quotas == {role: quota_of(config) for role, config in m.registry.quotas.items()}
    held = {role: Quantities() for role in m.allocator.quotas}
    if not held:
        return
    used = chain.from_iterable(framework.used.values() for framework in m.state.frameworks.values())
    for role, part in chain.from_iterable(resources.allocations().items() for resources in used):
        if role in held:
            held[role] += _unreserved(part)
    for role, part in chain.from_iterable(agent.total.reservations().items() for agent in m.state.agents.values()):
        if role in held:
            held[role] += part.quantities()
    offered = {role: Quantities() for role in held}
    for offer in m.state.offers.values():
        if offer.role in held and offer.id not in m.state.withdrawn:
            offered[offer.role] += _unreserved(offer.resources)
    for role, quota in m.allocator.quotas.items():
        for name, limit in quota.limits.items():
            exceeds = held[role].get(name) + offered[role].get(name) > limit
            assert not (exceeds and offered[role].get(name)), f"'{role}' could exceed its limit of {name}: {held[role]}"


def _unreserved(resources: Resources) -> Quantities:
    return resources.filter(lambda kind: not kind.reservations and not kind.revocable).quantities()


def check_timers(m: Master) -> None:
    """Whoever is waited for has a timer or its place in a queue, and every timer is somebody's."""
    state, timers, waiting = m.state, m.timers, m.removals.waiting
    for agent in state.agents.values():
        assert agent.id in m.pings
        assert (("reregister", agent.id) in timers or agent.id in waiting) == (not agent.connected)
    for agent_id in state.recovered_agents:
        assert (("reregister", agent_id) in timers) != (agent_id in waiting)
    assert all(agent_id in state.agents or agent_id in state.recovered_agents for agent_id in waiting)
    assert ("removal",) in timers or not waiting
    for framework in state.frameworks.values():
        assert (("heartbeat", framework.id) in timers) == framework.connected
        is_away = not framework.connected and not framework.recovered and not framework.is_ending
        assert (("failover", framework.id) in timers) == is_away
        assert (("ending", framework.id) in timers) == framework.is_ending
        for named in (False, True):
            assert framework.connected or ("reconcile", framework.id, named) not in timers
    assert ("withdrawal",) in timers or not state.withdrawn
    for offer_id in state.offers:
        assert (("offer", offer_id) in timers) == (m.options.offer_timeout_s is not None)
    alive = (state.frameworks, state.agents, state.recovered_agents, state.offers)
    for key in timers.pending():
        assert isinstance(key, tuple)
        assert key in OWN_TIMERS or key[0] == "pings" or any(key[1] in those for those in alive), (
            f"a timer of nobody: {key}"
        )
