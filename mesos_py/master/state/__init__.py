"""All a master remembers, with every index, and the only code that changes it.

``State`` is what is remembered; the functions of ``frameworks``, ``agents``, ``tasks``, ``executors`` and ``offers``
change it. Each of them keeps all indexes in step and appends its change to the frame; handlers in ``calls/`` decide,
this package obeys. What is said to whom, and what the allocator is told, is not decided here.

Indexes that must agree (``check`` says how)::

    frameworks[f].tasks[t]  is  agents[a].tasks[f][t]          the same Task
    frameworks[f].executors[a]  is  agents[a].executors[f]     the same dict
    frameworks[f].used[a]  ==  agents[a].used[f]  ==  its live, non-terminal tasks plus executors
    offers[o]  is  frameworks[f].offers[o]  is  agents[a].offers[o]
    withdrawn[o]  is of an offer o
    peers[p]  is the framework or agent whose connection p is
    frameworks[f].unreachable_tasks[t]  is of an agent, registered or unreachable, that has lost[f, t]

Mesos: src/master/master.hpp (struct Master: slaves, frameworks, offers).
"""

from __future__ import annotations

from typing import TypeVar

from mesos_py.algebra.resources import Resources
from mesos_py.machine.frame import PeerID
from mesos_py.machine.values import Nanos
from mesos_py.master.changes import OfferEnd
from mesos_py.master.entities import Agent, Framework, Offer, RecoveredAgent, UnreachableAgent
from mesos_py.master.invariants import check_state
from mesos_py.master.options import Options
from mesos_py.master.sums import Sums
from mesos_py.wire.ids import AgentID, FrameworkID, OfferID
from mesos_py.wire.task import TaskState


class State:
    """Frameworks, agents, tasks, offers. Reading is free; nothing outside this package changes it."""

    def __init__(self, options: Options) -> None:
        self.options = options
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
        #: how those of ``offers`` will end that nobody can answer any more; in the order in which they will
        self.withdrawn: dict[OfferID, OfferEnd] = {}
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

    def offer(self, offer_id: OfferID) -> Offer | None:
        """None when it has ended, or is about to."""
        return None if offer_id in self.withdrawn else self.offers.get(offer_id)

    def framework_of(self, peer: PeerID) -> Framework | None:
        found = self.peers.get(peer)
        return found if isinstance(found, Framework) else None

    def agent_of(self, peer: PeerID | None) -> Agent | None:
        """The registered agent at the other end of ``peer``."""
        found = self.peers.get(peer) if peer is not None else None
        return found if isinstance(found, Agent) else None

    # ---- what all who change it need

    def leave(self, peer: PeerID | None, holder: Framework | Agent) -> None:
        """``peer`` is not the holder's any more; it may be somebody else's already."""
        if peer is not None and self.peers.get(peer) is holder:
            del self.peers[peer]

    def use(self, framework: Framework, agent: Agent, resources: Resources) -> None:
        if resources:
            used = agent.used.get(framework.id)
            agent.used[framework.id] = framework.used[agent.id] = resources if used is None else used + resources
            self.used.add(resources)

    def unuse(self, framework: Framework, agent: Agent, resources: Resources) -> None:
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


def trim(bounded: dict[K, V], size: int) -> list[V]:
    """Forget the oldest entries beyond ``size``; returns them."""
    return [bounded.pop(next(iter(bounded))) for _ in range(len(bounded) - size)]
