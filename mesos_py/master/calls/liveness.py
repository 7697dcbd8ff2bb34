r"""Is the agent there? Pings, lost connections, and what becomes of agents that stay away.

A ping goes out every ``agent_ping_timeout``; after ``max_agent_ping_timeouts`` of them in a row without a pong the
agent is given up. A connection that breaks says less: the agent has ``agent_reregister_timeout`` to come back, and so
has one that an earlier master had admitted. An agent that is given up is unreachable: nobody knows what its tasks do.
It may come back at any time (calls/reregister).

How many agents are given up in a time may be limited (``removals``); those who wait for their turn are cut off already:

=====================  =====================================  =========================================
\                      waits for its turn                     unreachable
=====================  =====================================  =========================================
offers                 rescinded, no new ones                 as before
partition-aware tasks  told UNREACHABLE                       as before
other tasks            nothing is said, they are believed     told LOST
registry, FAILURE      still admitted, nothing is said        written, told
=====================  =====================================  =========================================

So who can act upon UNREACHABLE does not wait, and who takes LOST for the end is spared it if the agent comes back. In
Mesos the limit holds back everything (MESOS-7721).

Mesos: src/master/master.cpp SlaveObserver, Master::agentReregisterTimeout, markUnreachable, disconnect.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mesos_py.algebra.durations import format_duration
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import Nanos, seconds
from mesos_py.master import words
from mesos_py.master.calls.losses import recover, strip, tell_failure, unwatch
from mesos_py.master.calls.offers import rescind_all
from mesos_py.master.changes import AgentRemovalScheduled
from mesos_py.master.entities import Agent, Task
from mesos_py.master.events import AgentSilent, PingsDue, RemovalDue, ReregisterExpired
from mesos_py.master.registry import MarkAgentUnreachable
from mesos_py.master.state.agents import disconnect_agent, lose_agent, pinged, ponged
from mesos_py.master.state.executors import remove_executor
from mesos_py.master.state.tasks import remove_task, update_task
from mesos_py.wire.ids import AgentID
from mesos_py.wire.internal import Ping, Pong
from mesos_py.wire.task import TaskState, TaskStatus

if TYPE_CHECKING:
    from mesos_py.master.core import Master

table = Table("liveness")
_Reason = TaskStatus.Reason
_PING = Ping(connected=True)


def ping(m: Master, agent: Agent, out: Frame) -> None:
    """Ask now, and from then on whenever an interval has passed, together with all that are asked in that round."""
    pinged(agent)
    if agent.connected:
        out.send(agent.peer, _PING, volatile=True)
    _ask_again(m, m.pings.first(out.now), (agent.id,))


def _ask_again(m: Master, at: Nanos, agent_ids: Iterable[AgentID]) -> None:
    m.pings.join(at, agent_ids)
    m.timers.set(("pings", at), at, PingsDue(at))


@table.on(PingsDue)
def pings_due(m: Master, event: Event, out: Frame) -> None:
    """A ping without pong counts; after too many in a row the agent is given up."""
    asked = m.pings.take(event.body.at)
    for agent_id in asked:
        agent = m.state.agents[agent_id]
        if pinged(agent) >= m.options.max_agent_ping_timeouts:
            m.timers.set(("silent", agent_id), out.now, AgentSilent(agent_id))  # may be more than this frame can tell
        if agent.connected:
            out.send(agent.peer, _PING, volatile=True)
    if asked:
        _ask_again(m, m.pings.after(out.now), asked)


@table.on(AgentSilent)
def agent_silent(m: Master, event: Event, out: Frame) -> None:
    """The agent is given up, unless it has been heard at the last moment."""
    agent = m.state.agents[event.body.agent_id]
    if agent.unanswered > m.options.max_agent_ping_timeouts:
        give_up(m, agent.id, "health check timed out", out)


@table.on(Pong)
def pong(m: Master, event: Event, out: Frame) -> None:
    """The agent is there."""
    agent = m.state.agent_of(event.peer)
    if agent is not None:
        ponged(agent)


def disconnected(m: Master, agent: Agent, out: Frame) -> None:
    """No offers of the agent; tasks of frameworks that do not checkpoint are lost, the others wait for it.

    Lost here means told so: a connection that broke says nothing about the tasks, and an agent that only reconnects
    brings them back (calls/reregister).
    """
    _part(m, agent, out)
    text = f"Agent {agent.hostname} disconnected"
    for framework_id in tuple(dict.fromkeys((*agent.tasks, *agent.executors))):
        framework = m.state.frameworks[framework_id]
        if framework.info.checkpoint:
            continue
        for task in tuple(agent.tasks.get(framework_id, {}).values()):
            if not task.is_terminal:
                recover(m, framework_id, agent.id, task.resources, out)
            _lose_sight(m, task, TaskState.TASK_LOST, _Reason.REASON_AGENT_DISCONNECTED, text, out)
        for executor_id in tuple(agent.executors.get(framework_id, ())):
            freed = remove_executor(m.state, framework, agent, executor_id, out)
            recover(m, framework_id, agent.id, freed, out)


def _part(m: Master, agent: Agent, out: Frame) -> None:
    """The agent is disconnected and has its time to come back."""
    rescind_all(m, agent, out)
    m.allocator.deactivate_agent(agent.id)
    disconnect_agent(m.state, agent, out)
    timeout = seconds(m.options.agent_reregister_timeout_s)
    m.timers.set(("reregister", agent.id), out.now + timeout, ReregisterExpired(agent.id))


@table.on(ReregisterExpired)
def reregister_expired(m: Master, event: Event, out: Frame) -> None:
    """The agent has not come back in time."""
    agent_id = event.body.agent_id
    timeout = format_duration(seconds(m.options.agent_reregister_timeout_s))
    since = "disconnecting" if agent_id in m.state.agents else "master failover"
    give_up(m, agent_id, f"agent did not reregister within {timeout} after {since}", out)


# ---- giving agents up


def give_up(m: Master, agent_id: AgentID, text: str, out: Frame) -> None:
    """The agent, registered or recovered, is unreachable, now or when its turn comes."""
    if agent_id in m.removals.waiting:
        return
    out.change(AgentRemovalScheduled(agent_id, text))
    if m.removals.admits(agent_id, text, out.now):
        _mark_unreachable(m, agent_id, text, out)
        return
    agent = m.state.agents.get(agent_id)
    if agent is not None:
        _cut_off(m, agent, text, out)
    _await_turn(m)


def _await_turn(m: Master) -> None:
    due = m.removals.deadline()
    if due is not None:
        m.timers.set(("removal",), due, RemovalDue())


@table.on(RemovalDue)
def removal_due(m: Master, event: Event, out: Frame) -> None:
    """The next agent is given up, unless all that waited are back."""
    if m.removals.waiting:
        _mark_unreachable(m, *m.removals.take(out.now), out)
    _await_turn(m)


def _cut_off(m: Master, agent: Agent, text: str, out: Frame) -> None:
    """It has to reregister to be believed again; partition-aware frameworks do not wait for its turn."""
    if agent.connected:
        out.close(agent.peer)  # half-open: it helps nobody
        _part(m, agent, out)
    for framework_id, tasks in tuple(agent.tasks.items()):
        if m.state.frameworks[framework_id].capabilities.partition_aware:
            for task in tuple(tasks.values()):
                if not task.is_terminal:
                    recover(m, framework_id, agent.id, task.resources, out)
                _lose_sight(m, task, TaskState.TASK_UNREACHABLE, _Reason.REASON_AGENT_REMOVED, text, out, at=out.now)


def _mark_unreachable(m: Master, agent_id: AgentID, text: str, out: Frame) -> None:
    """Nobody knows what the agent's tasks do; its resources are nobody's until it is back."""
    m.persist(MarkAgentUnreachable(agent_id, out.now), out)
    unwatch(m, agent_id, out)
    agent = m.state.agents.get(agent_id)
    if agent is not None:
        for framework_id, tasks in tuple(agent.tasks.items()):
            aware = m.state.frameworks[framework_id].capabilities.partition_aware
            state = TaskState.TASK_UNREACHABLE if aware else TaskState.TASK_LOST
            for task in tuple(tasks.values()):
                _lose_sight(m, task, state, _Reason.REASON_AGENT_REMOVED, text, out, at=out.now)
        strip(m, agent, out)
        if agent.connected:
            out.close(agent.peer)  # what it says is ignored until it reregisters; a half-open connection helps nobody
    lose_agent(m.state, agent_id, text, out)
    tell_failure(m, agent_id, out)


def _lose_sight(
    m: Master,
    task: Task,
    state: TaskState,
    reason: TaskStatus.Reason,
    text: str,
    out: Frame,
    *,
    at: Nanos | None = None,
) -> None:
    """The task is told as lost, or as unreachable since ``at``; its agent may bring it back.

    One that has ended already is left as it ended: its last update comes with the agent, if it does.
    """
    if not task.is_terminal:
        status = words.status(
            task.id,
            state,
            reason,
            text,
            out.now,
            agent_id=task.agent_id,
            executor_id=task.executor_id,
            unreachable_ns=at,
        )
        update_task(m.state, task, status, None, out)
        m.say(m.state.frameworks[task.framework_id], words.update(status), out)
    remove_task(m.state, task, out, unreachable=True)
