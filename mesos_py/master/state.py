"""All a master remembers, with every index, and the only code that changes it.

Each method keeps all indexes in step and appends its change to the frame; handlers in ``calls/`` decide, this file
obeys. What is said to whom, and what the allocator is told, is not decided here.

Indexes that must agree (``check`` says how)::

    frameworks[f].tasks[t]  is  agents[a].tasks[f][t]          the same Task
    frameworks[f].executors[a]  is  agents[a].executors[f]     the same dict
    frameworks[f].used[a]  ==  agents[a].used[f]  ==  its live, non-terminal tasks plus executors
    offers[o]  is  frameworks[f].offers[o]  is  agents[a].offers[o]
    peers[p]  is the framework or agent whose connection p is
    frameworks[f].unreachable_tasks[t]  is of an agent, registered or unreachable, that has lost[f, t]

Mesos: src/master/master.hpp (struct Master: slaves, frameworks, offers).
"""

from __future__ import annotations

from collections import deque
from typing import TypeVar

from mesos_py.algebra.resources import Resources
from mesos_py.machine.frame import Frame, PeerID
from mesos_py.machine.values import Nanos
from mesos_py.master import changes
from mesos_py.master.capabilities import AgentCapabilities, FrameworkCapabilities, subscribed_roles
from mesos_py.master.changes import OfferEnd, Removal
from mesos_py.master.entities import (
    TERMINAL,
    Agent,
    Framework,
    Offer,
    RecoveredAgent,
    Task,
    UnreachableAgent,
)
from mesos_py.master.invariants import check_state
from mesos_py.master.options import Options
from mesos_py.master.registry import Registry
from mesos_py.master.sums import Sums
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.constraints import OfferConstraints
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import AgentID, ExecutorID, FrameworkID, OfferID, TaskID
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskState, TaskStatus
from mesos_py.wire.value import URL

__all__ = [
    "Agent",
    "Framework",
    "Offer",
    "RecoveredAgent",
    "State",
    "Task",
    "UnreachableAgent",
]


MAX_REMOVED_FRAMEWORKS = 100_000  # ids; as many as Mesos keeps of removed agents
MAX_STATUSES_PER_TASK = 100  # entries; states may alternate for as long as a task lives


class State:
    """Frameworks, agents, tasks, offers; reading is free, changing goes through the methods."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self.frameworks: dict[FrameworkID, Framework] = {}
        #: bounded ring, oldest first
        self.completed_frameworks: dict[FrameworkID, Framework] = {}
        #: ids that have been removed, many more than are shown as completed: agents that come back may have tasks left
        self.removed_frameworks: dict[FrameworkID, None] = {}
        #: registered: connected or given time to come back
        self.agents: dict[AgentID, Agent] = {}
        #: admitted by the registry, not seen since this master leads
        self.recovered_agents: dict[AgentID, RecoveredAgent] = {}
        self.unreachable_agents: dict[AgentID, UnreachableAgent] = {}
        #: marked gone by an operator, and when
        self.gone_agents: dict[AgentID, Nanos] = {}
        self.offers: dict[OfferID, Offer] = {}
        self.peers: dict[PeerID, Framework | Agent] = {}
        #: registered agents by hostname and pid, which name at most one
        self.addresses: dict[tuple[str, str], Agent] = {}

        # What gauges need without walking.
        #: live tasks by state, terminal but unacknowledged ones included
        self.task_counts: dict[TaskState, int] = dict.fromkeys(TaskState, 0)
        self.unreachable_task_count = 0
        self.frameworks_connected = 0
        self.frameworks_active = 0
        self.agents_connected = 0
        self.agents_active = 0
        self.total = Sums()
        #: by tasks and executors
        self.used = Sums()

    # ---- looking

    def framework(self, framework_id: FrameworkID | None) -> Framework | None:
        """None when it is unknown, completed, or about to be."""
        found = self.frameworks.get(framework_id)  # type: ignore[arg-type]
        return None if found is None or found.is_ending else found

    def framework_of(self, peer: PeerID) -> Framework | None:
        found = self.peers.get(peer)
        return found if isinstance(found, Framework) else None

    def agent_of(self, peer: PeerID | None) -> Agent | None:
        """The registered agent at the other end of ``peer``."""
        found = self.peers.get(peer) if peer is not None else None
        return found if isinstance(found, Agent) else None

    # ---- frameworks, in the order of their lives

    def add_framework(self, framework: Framework, out: Frame) -> None:
        """A framework subscribes for the first time or is recovered."""
        self.removed_frameworks.pop(framework.id, None)
        self.frameworks[framework.id] = framework
        framework.completed_tasks = deque(maxlen=self._options.max_completed_tasks_per_framework)
        if framework.connected:
            self.frameworks_connected += 1
            if framework.peer is not None:
                self.peers[framework.peer] = framework
        if framework.active:
            self.frameworks_active += 1
        out.changes.append(changes.FrameworkAdded(framework.id, framework))

    def update_framework(
        self,
        framework: Framework,
        info: FrameworkInfo,
        suppressed: dict[str, None],
        constraints: OfferConstraints | None,
        out: Frame,
    ) -> None:
        """The framework's info is replaced; callers have seen to what may not change."""
        framework.info = info
        framework.capabilities = FrameworkCapabilities.of(info)
        framework.roles = subscribed_roles(info)
        framework.suppressed = suppressed
        framework.offer_constraints = constraints
        framework.json = None
        out.changes.append(changes.FrameworkUpdated(framework.id, framework))

    def suppress(self, framework: Framework, roles: tuple[str, ...], suppressed: bool) -> None:
        for role in roles:
            if suppressed:
                framework.suppressed[role] = None
            else:
                framework.suppressed.pop(role, None)
        framework.json = None

    def connect_framework(self, framework: Framework, peer: PeerID, now: Nanos) -> None:
        """``peer`` is the framework's stream from now on; the one before it, if any, means nothing any more."""
        self._leave(framework.peer, framework)
        self.frameworks_connected += not framework.connected
        self.frameworks_active += not framework.active
        if framework.recovered:
            framework.registered_time_ns = now
        framework.reregistered_time_ns = now
        framework.peer, framework.connected, framework.recovered, framework.active = peer, True, False, True
        framework.json = None
        self.peers[peer] = framework

    def disconnect_framework(self, framework: Framework, out: Frame) -> None:
        """Its stream is gone; offers are taken back by the caller before."""
        self._leave(framework.peer, framework)
        self.frameworks_connected -= framework.connected
        self.frameworks_active -= framework.active
        framework.peer, framework.connected, framework.active = None, False, False
        framework.json = None
        out.changes.append(changes.FrameworkDisconnected(framework.id, framework))

    def end_framework(self, framework: Framework) -> None:
        """Removed: it is nobody's any more, though it still has tasks and executors; offers are gone already."""
        self._leave(framework.peer, framework)
        self.frameworks_connected -= framework.connected
        self.frameworks_active -= framework.active
        framework.peer, framework.connected, framework.active, framework.recovered = None, False, False, False
        framework.is_ending = True
        framework.json = None
        self.removed_frameworks[framework.id] = None
        _trim(self.removed_frameworks, MAX_REMOVED_FRAMEWORKS)

    def remove_framework(self, framework: Framework, out: Frame) -> None:
        """Remembered among the completed ones. Its tasks and executors are gone, too."""
        framework.is_ending = False
        framework.unregistered_time_ns = out.now
        framework.json = None
        del self.frameworks[framework.id]
        self.completed_frameworks[framework.id] = framework
        _trim(self.completed_frameworks, self._options.max_completed_frameworks)
        out.changes.append(changes.FrameworkRemoved(framework.id, framework))

    # ---- agents, in the order of their lives

    def recover(self, registry: Registry) -> None:
        """Agents that earlier masters knew; nothing else is known yet."""
        for agent_id, agent in registry.agents.items():
            self.recovered_agents[agent_id] = RecoveredAgent(
                info=agent.info, drain_info=agent.drain_info, deactivated=agent.deactivated
            )
        for agent_id, lost in sorted(registry.unreachable.items(), key=lambda item: item[1].since_ns):
            self.unreachable_agents[agent_id] = UnreachableAgent(
                since_ns=lost.since_ns, drain_info=lost.drain_info, deactivated=lost.deactivated
            )
        self.gone_agents.update(sorted(registry.gone.items(), key=lambda item: item[1]))

    def add_agent(self, agent: Agent, out: Frame, *, returning: bool) -> None:
        """Admitted, or back: recovered, unreachable or unknown to this master until now."""
        self.recovered_agents.pop(agent.id, None)
        before = self.unreachable_agents.pop(agent.id, None)
        if before is not None:
            agent.lost = before.lost
        self.agents[agent.id] = agent
        self.peers[agent.peer] = agent
        self.addresses[agent.address] = agent
        self.agents_connected += agent.connected
        self.agents_active += agent.active
        self.total.add(agent.total)
        out.changes.append(changes.AgentAdded(agent.id, agent, returning))

    def reconnect_agent(
        self,
        agent: Agent,
        out: Frame,
        *,
        peer: PeerID,
        info: AgentInfo,
        pid: str,
        version: str,
        capabilities: AgentCapabilities,
        total: Resources,
        url: URL | None,
    ) -> None:
        """A registered agent has reregistered: everything it says about itself replaces what was known."""
        self._leave(agent.peer, agent)
        self.peers[peer] = agent
        if self.addresses.get(agent.address) is agent:
            del self.addresses[agent.address]
        self.agents_connected += not agent.connected
        active = not agent.deactivated
        self.agents_active += active - agent.active
        agent.peer, agent.info, agent.pid, agent.version = peer, info, pid, version
        agent.url = url
        self.addresses[agent.address] = agent
        agent.capabilities, agent.connected, agent.active = capabilities, True, active
        agent.reregistered_time_ns = out.now
        agent.unanswered = 0
        if total != agent.total:
            self.total.add(agent.total, -1)
            self.total.add(total)
            agent.total = total
        agent.json = None
        out.changes.append(changes.AgentUpdated(agent.id, agent))

    def move_agent(self, agent: Agent, peer: PeerID) -> None:
        """``peer`` is the connected agent's channel from now on."""
        self._leave(agent.peer, agent)
        agent.peer = peer
        self.peers[peer] = agent

    def pinged(self, agent: Agent) -> int:
        """Once more; how many pings before it are unanswered."""
        before = agent.unanswered
        agent.unanswered = before + 1
        return before

    def ponged(self, agent: Agent) -> None:
        agent.unanswered = 0

    def disconnect_agent(self, agent: Agent, out: Frame) -> None:
        """Its connection is gone; it keeps its tasks and is given time to come back."""
        self._leave(agent.peer, agent)
        self.agents_connected -= agent.connected
        self.agents_active -= agent.active
        agent.connected = agent.active = False
        agent.json = None
        out.changes.append(changes.AgentDisconnected(agent.id, agent))

    def _forget_agent(self, agent: Agent) -> None:
        """Tasks, executors and offers are gone already."""
        self._leave(agent.peer, agent)
        self.agents_connected -= agent.connected
        self.agents_active -= agent.active
        agent.connected = agent.active = False
        self.total.add(agent.total, -1)
        if self.addresses.get(agent.address) is agent:
            del self.addresses[agent.address]
        del self.agents[agent.id]

    def remove_agent(self, agent: Agent, cause: Removal, out: Frame) -> None:
        """Gone for good as far as this master knows."""
        self._forget_agent(agent)
        out.changes.append(changes.AgentRemoved(agent.id, agent, cause))

    def lose_agent(self, agent_id: AgentID, message: str, out: Frame) -> None:
        """A registered or recovered agent becomes unreachable."""
        recovered = self.recovered_agents.pop(agent_id, None)
        lost = recovered or self.agents[agent_id]
        unreachable = UnreachableAgent(since_ns=out.now, drain_info=lost.drain_info, deactivated=lost.deactivated)
        if isinstance(lost, Agent):
            self._forget_agent(lost)
            unreachable.lost = lost.lost
        self.unreachable_agents[agent_id] = unreachable
        out.changes.append(changes.AgentUnreachable(agent_id, message, recovered is not None))

    def mark_gone(self, agent_id: AgentID, out: Frame) -> None:
        """An agent, wherever it was, will never be back; it has no tasks left here, live or lost."""
        if agent_id in self.agents:
            self._forget_agent(self.agents[agent_id])
        else:
            self.recovered_agents.pop(agent_id, None)
            self.unreachable_agents.pop(agent_id, None)
        self.gone_agents[agent_id] = out.now
        out.changes.append(changes.AgentGone(agent_id))

    def forget_agents(self, unreachable: tuple[AgentID, ...], gone: tuple[AgentID, ...], out: Frame) -> None:
        """They are unknown from now on, and so are the tasks they were lost with."""
        for agent_id in unreachable:
            for framework_id, task_id in self.unreachable_agents.pop(agent_id).lost:
                del self.frameworks[framework_id].unreachable_tasks[task_id]
                self.unreachable_task_count -= 1
        for agent_id in gone:
            del self.gone_agents[agent_id]
        out.changes.append(changes.AgentsForgotten(unreachable, gone))

    # ---- tasks

    def add_task(self, task: Task, out: Frame) -> None:
        """Launched or reported; counts as used unless terminal already. Agent and framework must be known."""
        framework, agent = self.frameworks[task.framework_id], self.agents[task.agent_id]
        framework.tasks[task.id] = task
        here = agent.tasks.get(task.framework_id)
        if here is None:
            here = agent.tasks[task.framework_id] = {}
        here[task.id] = task
        self.task_counts[task.state] += 1
        if not TERMINAL[task.state]:
            self._use(framework, agent, task.resources)
        out.changes.append(changes.TaskAdded(task.id, task.framework_id, task.agent_id, task))

    def update_task(self, task: Task, status: TaskStatus, latest: TaskState | None, out: Frame) -> bool:
        """The task has got ``status`` and is in ``latest`` (or the status') state; True when it ended by this.

        A terminal task stays in the state it ended in. Statuses of one state in a row are collapsed to the last.
        """
        framework = self.frameworks.get(task.framework_id)
        is_live = framework is not None and framework.tasks.get(task.id) is task
        previous = task.state
        state = previous if TERMINAL[previous] else (latest if latest is not None else status.state)
        if state is not previous:
            task.state = state
            if is_live:
                self.task_counts[previous] -= 1
                self.task_counts[state] += 1
        kept = status if status.data is None else evolve(status, data=None)
        statuses = task.statuses
        if statuses and statuses[-1].state is status.state:
            task.statuses = (*statuses[:-1], kept) if len(statuses) > 1 else (kept,)
        else:
            task.statuses = (*statuses[-MAX_STATUSES_PER_TASK + 1 :], kept)
        task.cached_wire = task.json = None
        ended = TERMINAL[state] and not TERMINAL[previous]
        if ended and is_live:
            assert framework is not None
            self._unuse(framework, self.agents[task.agent_id], task.resources)
        out.changes.append(
            changes.TaskUpdated(task.id, task.framework_id, task.agent_id, previous, state, status, task)
        )
        return ended

    def forwarded(self, task: Task, state: TaskState, uuid: bytes | None) -> None:
        """An update of the task is on its way to the framework."""
        task.status_update_state, task.status_update_uuid = state, uuid
        task.cached_wire = task.json = None

    def remember_kill(self, agent: Agent, task: Task) -> None:
        """The kill is repeated when the agent reregisters with the task alive."""
        agent.killed[task.framework_id, task.id] = None

    def remove_task(self, task: Task, out: Frame, *, unreachable: bool = False) -> None:
        """No longer live: completed, or lost with its agent until that is back or the bound pushes it out."""
        framework, agent = self.frameworks[task.framework_id], self.agents[task.agent_id]
        del framework.tasks[task.id]
        here = agent.tasks[task.framework_id]
        del here[task.id]
        if not here:
            del agent.tasks[task.framework_id]
        if agent.killed:
            agent.killed.pop((task.framework_id, task.id), None)
        self.task_counts[task.state] -= 1
        if not TERMINAL[task.state]:
            self._unuse(framework, agent, task.resources)
        if unreachable:
            framework.unreachable_tasks[task.id] = task
            agent.lost[framework.id, task.id] = None
            self.unreachable_task_count += 1
            for forgotten in _trim(framework.unreachable_tasks, self._options.max_unreachable_tasks_per_framework):
                self._strike_lost(forgotten)
        else:
            framework.completed_tasks.append(task)
        out.changes.append(changes.TaskRemoved(task.id, task.framework_id, task.agent_id, task))

    def lost_with(self, agent: Agent | UnreachableAgent) -> list[Task]:
        """Tasks that were told lost with the agent."""
        return [self.frameworks[framework_id].unreachable_tasks[task_id] for framework_id, task_id in agent.lost]

    def complete_lost(self, task: Task) -> None:
        """A task that was lost with its agent is known to have ended."""
        framework = self.frameworks[task.framework_id]
        del framework.unreachable_tasks[task.id]
        self._strike_lost(task)
        framework.completed_tasks.append(task)

    def _strike_lost(self, task: Task) -> None:
        """It is off the list of what its agent may bring back."""
        self.unreachable_task_count -= 1
        agent = self.agents.get(task.agent_id) or self.unreachable_agents[task.agent_id]
        del agent.lost[task.framework_id, task.id]

    def forget_past_tasks(self, framework: Framework, reported: dict[TaskID, None]) -> None:
        """Tasks that an agent brings back are neither unreachable nor completed; linear in the completed ones."""
        for task_id in reported:
            lost = framework.unreachable_tasks.pop(task_id, None)
            if lost is not None:
                self._strike_lost(lost)
        if any(task.id in reported for task in framework.completed_tasks):
            kept = [task for task in framework.completed_tasks if task.id not in reported]
            framework.completed_tasks = deque(kept, maxlen=framework.completed_tasks.maxlen)

    # ---- executors

    def add_executor(self, framework: Framework, agent: Agent, executor: ExecutorInfo, out: Frame) -> None:
        here = agent.executors.get(framework.id)
        if here is None:
            here = agent.executors[framework.id] = framework.executors[agent.id] = {}
        here[executor.executor_id] = executor
        self._use(framework, agent, Resources.of(executor.resources))
        out.changes.append(changes.ExecutorAdded(executor.executor_id, framework.id, agent.id, executor))

    def remove_executor(self, framework: Framework, agent: Agent, executor_id: ExecutorID, out: Frame) -> Resources:
        """Returns what it had used."""
        here = agent.executors[framework.id]
        resources = Resources.of(here.pop(executor_id).resources)
        if not here:
            del agent.executors[framework.id], framework.executors[agent.id]
        self._unuse(framework, agent, resources)
        out.changes.append(changes.ExecutorRemoved(executor_id, framework.id, agent.id))
        return resources

    # ---- offers

    def add_offer(self, offer: Offer, out: Frame) -> None:
        self.offers[offer.id] = offer
        self.frameworks[offer.framework_id].offers[offer.id] = offer
        self.agents[offer.agent_id].offers[offer.id] = offer
        out.changes.append(changes.OfferSent(offer.id, offer.framework_id, offer.agent_id, offer))

    def remove_offer(self, offer: Offer, end: OfferEnd, out: Frame) -> None:
        del self.offers[offer.id]
        del self.frameworks[offer.framework_id].offers[offer.id]
        del self.agents[offer.agent_id].offers[offer.id]
        out.changes.append(changes.OfferEnded(offer.id, offer.framework_id, offer.agent_id, end))

    # ---- connections and usage

    def _leave(self, peer: PeerID | None, holder: Framework | Agent) -> None:
        """``peer`` is not the holder's any more; it may be somebody else's already."""
        if peer is not None and self.peers.get(peer) is holder:
            del self.peers[peer]

    def _use(self, framework: Framework, agent: Agent, resources: Resources) -> None:
        if resources:
            used = agent.used.get(framework.id)
            agent.used[framework.id] = framework.used[agent.id] = resources if used is None else used + resources
            self.used.add(resources)

    def _unuse(self, framework: Framework, agent: Agent, resources: Resources) -> None:
        if resources:
            left = agent.used[framework.id] - resources
            if left:
                agent.used[framework.id] = framework.used[agent.id] = left
            else:
                del agent.used[framework.id], framework.used[agent.id]
            self.used.add(resources, -1)

    # ---- invariants

    def check(self) -> None:
        """Every index agrees with every other; linear in everything. Raises AssertionError."""
        check_state(self)


K = TypeVar("K")
V = TypeVar("V")


def _trim(bounded: dict[K, V], size: int) -> list[V]:
    """Forget the oldest entries beyond ``size``; returns them."""
    return [bounded.pop(next(iter(bounded))) for _ in range(len(bounded) - size)]
