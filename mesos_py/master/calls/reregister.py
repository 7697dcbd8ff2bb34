"""An agent with an id comes (back) and reports what it runs.

=====================  ======================================================================================
the master holds it    then
=====================  ======================================================================================
gone                   it is told to shut down
registered             the report and what is remembered are compared: what the agent lacks it is asked about,
                       what the master lacks is added
recovered              it is added as reported (the master has failed over)
unreachable, unknown   it is reachable again, added as reported, and each framework is told how its tasks are
=====================  ======================================================================================

Tasks that were told lost and that the agent does not name have ended (``_settle``).
Tasks that were told lost may thereby be running again; frameworks know (Mesos: since 1.5 such tasks are not killed).
Mesos: src/master/master.cpp Master::reregisterSlave, __reregisterSlave, reconcileKnownSlave.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.algebra.resources import Resources
from mesos_py.machine.frame import Event, Frame, PeerID
from mesos_py.machine.table import Table
from mesos_py.master import words
from mesos_py.master.calls import subscription
from mesos_py.master.calls.liveness import disconnected, ping
from mesos_py.master.calls.losses import recover, settle_lost, tell_allocator, unwatch
from mesos_py.master.calls.offers import rescind_all
from mesos_py.master.calls.quota import take_back_over_limits
from mesos_py.master.capabilities import AgentCapabilities
from mesos_py.master.changes import Dropped
from mesos_py.master.entities import Agent, Framework, Task, task_of_report
from mesos_py.master.registry import MarkAgentReachable, UpdateAgent
from mesos_py.master.state.agents import add_agent, reconnect_agent
from mesos_py.master.state.executors import add_executor, remove_executor
from mesos_py.master.state.tasks import add_task, forget_past_tasks
from mesos_py.master.validation.agent import invalid_report, refused_agent, total_resources
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.ids import AgentID, FrameworkID, TaskID
from mesos_py.wire.internal import (
    AgentReregistered,
    KillTask,
    ReconcileTasks,
    ReregisterAgent,
    ShutdownAgent,
    ShutdownFramework,
    UpdateFramework,
)
from mesos_py.wire.task import Task as WireTask
from mesos_py.wire.task import TaskState, TaskStatus

if TYPE_CHECKING:
    from mesos_py.master.core import Master

table = Table("reregistration")
_Reason = TaskStatus.Reason


@table.on(ReregisterAgent)
def reregister_agent(m: Master, event: Event, out: Frame) -> None:
    """The agent is registered, connected and offered again, and master and agent agree on what it runs."""
    report: ReregisterAgent = event.body
    peer, agent_id = event.peer, report.agent.id
    assert peer is not None
    why = invalid_report(report, m.state.frameworks) or refused_agent(report, event.principal, m.options, m.info.domain)
    if why is not None or agent_id is None:
        out.change(Dropped("ReregisterAgent", why or "agent has no id", agent_id=agent_id))
        return
    if agent_id in m.state.gone_agents:
        out.send(peer, ShutdownAgent(message="Agent has been marked gone"))
        return
    known = m.state.agents.get(agent_id)
    if known is not None and _address(known.pid, known.hostname) != _address(report.pid, report.agent.hostname):
        out.send(peer, ShutdownAgent(message="Agent attempted to reregister with different IP / hostname"))
        return
    for info in report.frameworks:
        if info.id not in m.state.frameworks and info.id not in m.state.removed_frameworks:
            subscription.recover(m, info, out)
    _leave_other_connection(m, agent_id, report, peer, out)
    was_overdue = m.removals.since(agent_id) is not None
    unwatch(m, agent_id, out)
    if known is not None:
        _compare(m, known, report, peer, out)
    else:
        _add(m, agent_id, report, peer, out, was_overdue=was_overdue)
    agent = m.state.agents[agent_id]
    take_back_over_limits(m, agent, out)
    _repeat_kills(agent, out)
    for info in report.frameworks:
        if info.id in m.state.removed_frameworks:
            out.send(peer, ShutdownFramework(framework_id=info.id))
        else:
            current = m.state.frameworks[info.id].info  # type: ignore[index]
            if current != info:
                out.send(peer, UpdateFramework(framework=current))
    ping(m, agent, out)


def _repeat_kills(agent: Agent, out: Frame) -> None:
    """What frameworks asked for before the agent was away, or while it was, is asked for again."""
    for (framework_id, task_id), policy in agent.killed.items():
        task = agent.tasks.get(framework_id, {}).get(task_id)
        if task is not None and not task.is_terminal:
            out.send(agent.peer, KillTask(framework_id=framework_id, task_id=task_id, kill_policy=policy))


def _address(pid: str, hostname: str) -> tuple[str, str]:
    """IP and hostname: an agent may change its port but not its host."""
    return pid.rpartition("@")[2].rpartition(":")[0], hostname


def _welcome(m: Master, agent: Agent, reconciliations: tuple[ReconcileTasks, ...], out: Frame) -> None:
    word = AgentReregistered(
        agent_id=agent.id,
        total_ping_timeout_seconds=m.options.total_ping_timeout_s,
        reconciliations=reconciliations,
    )
    out.send(agent.peer, word)


# ---- an agent the master did not hold as registered


def _add(
    m: Master, agent_id: AgentID, report: ReregisterAgent, peer: PeerID, out: Frame, *, was_overdue: bool
) -> None:
    """``was_overdue``: it waited for its turn to be given up, and partition-aware frameworks may have been told so."""
    recovered = m.state.recovered_agents.get(agent_id)
    unreachable = m.state.unreachable_agents.get(agent_id)
    before = recovered or unreachable
    deactivated = before is not None and before.deactivated
    agent = Agent(
        id=agent_id,
        info=report.agent,
        pid=report.pid,
        peer=peer,
        version=report.version,
        capabilities=AgentCapabilities.of(report.capabilities),
        total=total_resources(report.agent.resources, report.checkpointed_resources),
        active=not deactivated,
        deactivated=deactivated,
        drain_info=None if before is None else before.drain_info,
        registered_time_ns=out.now,
        reregistered_time_ns=out.now,
        url=words.url_of(report.agent.hostname, report.pid),
    )
    if recovered is None:
        m.persist(MarkAgentReachable(report.agent), out)
    elif recovered.info != report.agent:
        m.persist(UpdateAgent(report.agent), out)
    add_agent(m.state, agent, out, returning=True)
    back = _add_reported(m, agent, report, out)
    _settle(m, agent, out)
    tell_allocator(m, agent)
    _welcome(m, agent, (), out)
    if recovered is None:
        text = "Unreachable agent re-reregistered" if unreachable is not None else "Unknown agent reregistered"
        _tell_back(m, back, text, out)
    elif was_overdue:
        aware = [task for task in back if m.state.frameworks[task.framework_id].capabilities.partition_aware]
        _tell_back(m, aware, "Unreachable agent re-reregistered", out)


def _add_reported(m: Master, agent: Agent, report: ReregisterAgent, out: Frame) -> list[Task]:
    """Tasks and executors the master lacks on this agent; returns the tasks."""
    back: dict[FrameworkID, dict[TaskID, None]] = {}
    tasks: list[Task] = []
    for reported in report.tasks:
        framework = m.state.framework(reported.framework_id)
        if framework is None:
            continue  # removed: the agent is told to shut it down
        held = framework.tasks.get(reported.task_id)
        if held is not None:
            if held.agent_id != agent.id:
                _kill_stale(agent, framework, reported, held, out)
            continue
        task = task_of_report(reported, framework, agent)
        tasks.append(task)
        back.setdefault(framework.id, {})[task.id] = None
    for framework_id, reported_ids in back.items():
        forget_past_tasks(m.state, m.state.frameworks[framework_id], reported_ids)
    for task in tasks:
        add_task(m.state, task, out)
    for executor in report.executors:
        _add_executor(m, agent, executor, out)
    return tasks


def _kill_stale(agent: Agent, framework: Framework, reported: WireTask, held: Task, out: Frame) -> None:
    """The id was used again on another agent after this one was lost for so long that its tasks were forgotten."""
    why = f"the task is on agent {held.agent_id}"
    out.change(Dropped("ReregisterAgent", why, framework_id=framework.id, agent_id=agent.id, task_id=reported.task_id))
    out.send(agent.peer, KillTask(framework_id=framework.id, task_id=reported.task_id))


def _add_executor(m: Master, agent: Agent, executor: ExecutorInfo, out: Frame) -> None:
    framework = m.state.framework(executor.framework_id)
    if framework is not None and agent.executor(framework.id, executor.executor_id) is None:
        add_executor(m.state, framework, agent, executor, out)


def _settle(m: Master, agent: Agent, out: Frame) -> None:
    """What the agent was lost with and has not named is no more, and told as reconciling would; Mesos is silent."""
    text = "Reconciliation: Task is unknown to the agent"
    settle_lost(m, agent, TaskState.TASK_GONE, _Reason.REASON_RECONCILIATION, text, out)


def _tell_back(m: Master, tasks: list[Task], text: str, out: Frame) -> None:
    """Each connected framework learns how its tasks are."""
    for task in tasks:
        framework = m.state.frameworks[task.framework_id]
        status = words.latest(task, task.state, _Reason.REASON_AGENT_REREGISTERED, text, out.now)
        m.say(framework, words.update(status), out)


# ---- an agent that is registered


def _compare(m: Master, agent: Agent, report: ReregisterAgent, peer: PeerID, out: Frame) -> None:
    total = total_resources(report.agent.resources, report.checkpointed_resources)
    if agent.info != report.agent:
        m.persist(UpdateAgent(report.agent), out)
    if agent.info != report.agent or agent.total != total:
        rescind_all(m, agent, out)  # they are of an agent that is not like that any more
    if agent.connected and agent.peer != peer:
        out.close(agent.peer)
    reconnect_agent(
        m.state,
        agent,
        out,
        peer=peer,
        info=report.agent,
        pid=report.pid,
        version=report.version,
        capabilities=AgentCapabilities.of(report.capabilities),
        total=total,
        url=words.url_of(report.agent.hostname, report.pid),
    )
    m.allocator.update_agent(
        agent.id,
        total=agent.total,
        attributes=agent.info.attributes,
        domain=agent.info.domain,
        capabilities=agent.capabilities,
    )
    if agent.active:
        m.allocator.activate_agent(agent.id)
    _forget_executors(m, agent, report, out)
    used = dict(agent.used)
    back = _add_reported(m, agent, report, out)
    _settle(m, agent, out)
    for framework_id, resources in agent.used.items():
        added = resources - used.get(framework_id, Resources())
        if added:
            rescind_all(m, agent, out)  # what is used cannot be on offer
            m.allocator.add_allocation(framework_id, agent.id, added)
    _welcome(m, agent, _missing(m, agent, report), out)
    _tell_back(m, back, "Agent reregistered", out)


def _forget_executors(m: Master, agent: Agent, report: ReregisterAgent, out: Frame) -> None:
    """Executors the agent does not have any more use nothing."""
    alive = {(executor.framework_id, executor.executor_id) for executor in report.executors}
    for framework_id, executors in tuple(agent.executors.items()):
        for executor_id in tuple(executors):
            if (framework_id, executor_id) not in alive:
                framework = m.state.frameworks[framework_id]
                freed = remove_executor(m.state, framework, agent, executor_id, out)
                recover(m, framework_id, agent.id, freed, out)


def _missing(m: Master, agent: Agent, report: ReregisterAgent) -> tuple[ReconcileTasks, ...]:
    """What the master believes the agent runs and the agent did not name; the agent answers with updates.

    A restarted agent may have forgotten an end that was told and not acknowledged, of a task that it refused. It is
    reminded of that very update: a task has one end.
    """
    named = {(task.framework_id, task.task_id) for task in report.tasks}
    found = []
    for framework_id, tasks in agent.tasks.items():
        framework = m.state.framework(framework_id)
        if framework is None:
            continue
        statuses = tuple(
            task.told_end
            or TaskStatus(
                task_id=task.id,
                state=task.state,
                source=TaskStatus.Source.SOURCE_MASTER,
                reason=_Reason.REASON_RECONCILIATION,
                message="Reconciliation: Task is unknown to the agent",
                agent_id=agent.id,
                executor_id=task.executor_id,
            )
            for task in tasks.values()
            if (framework_id, task.id) not in named
        )
        if statuses:
            found.append(ReconcileTasks(framework_id=framework_id, framework=framework.info, statuses=statuses))
    return tuple(found)


def _leave_other_connection(m: Master, agent_id: AgentID, report: ReregisterAgent, peer: PeerID, out: Frame) -> None:
    """One connection is one agent: another agent on it, or at the same address, is not there any more."""
    address = (report.agent.hostname, report.pid)
    for other in (m.state.agent_of(peer), m.state.addresses.get(address)):
        if other is not None and other.id != agent_id and other.connected:
            disconnected(m, other, out)
