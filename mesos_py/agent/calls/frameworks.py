"""What the master says about whole frameworks and executors, their messages, and acknowledgements.

Mesos: src/slave/slave.cpp Slave::shutdownFramework, updateFramework, schedulerMessage, shutdownExecutor,
statusUpdateAcknowledgement, shutdown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.agent import events, words
from mesos_py.agent.calls import descendants, endings
from mesos_py.agent.checkpoint import facts
from mesos_py.agent.entities import Framework
from mesos_py.agent.lifecycle import ExecutorState
from mesos_py.agent.registration import Phase
from mesos_py.agent.updates import Acknowledged
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.wire import executor_api, internal
from mesos_py.wire.schema import evolve

if TYPE_CHECKING:
    from mesos_py.agent.core import Agent

rows = Table("frameworks")

Said = executor_api.Event


@rows.on(internal.AcknowledgeUpdate)
def acknowledge_update(agent: Agent, event: Event, out: Frame) -> None:
    """The framework knows the head of the task's stream; the last one makes the task history."""
    message: internal.AcknowledgeUpdate = event.body
    if not agent.hears(event):
        return
    stream = agent.updates.stream(message.framework_id, message.task_id)
    acknowledged = agent.updates.acknowledge(message.framework_id, message.task_id, message.uuid, out)
    framework = agent.state.frameworks.get(message.framework_id)
    if acknowledged is not Acknowledged.ENDED or framework is None or stream is None:
        return
    executor = framework.executors.get(stream.executor_id)
    if executor is not None and executor.container_id == stream.container_id:
        task = agent.state.complete_task(executor, message.task_id)
        if task is not None:
            endings.forget_task(executor, task, out)
        endings.remove_if_over(agent, executor, out)


@rows.on(internal.FrameworkToExecutor)
def framework_to_executor(agent: Agent, event: Event, out: Frame) -> None:
    """The data goes to the executor if it runs; else it is lost."""
    message: internal.FrameworkToExecutor = event.body
    framework = agent.state.frameworks.get(message.framework_id)
    executor = framework.executors.get(message.executor_id) if framework is not None else None
    if (
        not agent.hears(event)
        or framework is None
        or framework.terminating
        or executor is None
        or executor.state is not ExecutorState.RUNNING
        or executor.peer is None
    ):
        agent.state.count("slave/invalid_framework_messages")
        return
    agent.state.count("slave/valid_framework_messages")
    out.send(executor.peer, Said(type=Said.Type.MESSAGE, message=Said.Message(data=message.data)))


@rows.on(internal.ShutdownExecutor)
def shutdown_executor(agent: Agent, event: Event, out: Frame) -> None:
    """The executor is told to end and ended after its grace period."""
    message: internal.ShutdownExecutor = event.body
    framework = agent.state.frameworks.get(message.framework_id)
    if agent.hears(event) and framework is not None:
        executor = framework.executors.get(message.executor_id)
        if executor is not None:
            endings.shut_down(agent, executor, out)


@rows.on(internal.ShutdownFramework)
def shutdown_framework(agent: Agent, event: Event, out: Frame) -> None:
    """All its executors end; what its tasks say on the way interests nobody."""
    framework = agent.state.frameworks.get(event.body.framework_id)
    if agent.hears(event):
        if framework is not None:
            tear_down(agent, framework, out)
        else:
            agent.updates.forget(event.body.framework_id, out)


@rows.on(internal.UpdateFramework)
def update_framework(agent: Agent, event: Event, out: Frame) -> None:
    """Later statuses follow its new capabilities, and a scheduler that has just come hears at once what it has missed.

    Mesos: src/slave/slave.cpp Slave::updateFramework.
    """
    info = event.body.framework
    framework = agent.state.frameworks.get(info.id)
    if not agent.hears(event) or framework is None:
        return
    # What is kept of its tasks cannot become more or less with a flag; masters do not let it change either.
    info = evolve(info, checkpoint=framework.info.checkpoint)
    agent.state.update_framework(framework, info)
    if info.checkpoint:
        out.write(facts.FrameworkSaved(info.id, info, framework.terminating))
    agent.updates.repeat(framework.id, out)


@rows.on(internal.ShutdownAgent)
def shutdown_agent(agent: Agent, event: Event, out: Frame) -> None:
    """Everything is killed; the process ends when nothing is left."""
    if agent.hears(event):
        end_for_good(agent, out)


@rows.on(events.StopRequested)
def stop_requested(agent: Agent, event: Event, out: Frame) -> None:
    """The process ends; with ``unregister`` as the last of all that runs here, and the master is told farewell."""
    registration = agent.registration
    if event.body.unregister:
        if agent.state.id is not None and registration.peer is not None:
            out.send(registration.peer, internal.UnregisterAgent(agent_id=agent.state.id))
            out.close(registration.peer)
        end_for_good(agent, out)
        return
    registration.phase = Phase.TERMINATING
    agent.updates.pause()
    out.send(words.PROCESS, words.Exit(None))


def end_for_good(agent: Agent, out: Frame) -> None:
    """Everything is told to end, and the process ends with the last of it. A later agent here is another one."""
    for framework in list(agent.state.frameworks.values()):
        tear_down(agent, framework, out)
    for container in list(agent.api_containers.by_key.values()):
        if not container.is_ending:
            descendants.destroy(agent, container, out)
    agent.registration.phase, agent.registration.ordered_down = Phase.TERMINATING, True
    agent.updates.pause()
    out.write(facts.AgentForgotten())
    if not agent.state.frameworks:
        out.send(words.PROCESS, words.Exit(None))


def tear_down(agent: Agent, framework: Framework, out: Frame) -> None:
    """Forget what is to be said about its tasks and end its executors."""
    if framework.terminating:
        return
    agent.state.terminate_framework(framework)
    if framework.info.checkpoint:
        out.write(facts.FrameworkSaved(framework.id, framework.info, True))
    agent.updates.forget(framework.id, out)
    for executor in list(framework.executors.values()):
        if executor.is_over:
            endings.remove_if_over(agent, executor, out)
        else:
            endings.shut_down(agent, executor, out)
    endings.remove_idle_framework(agent, framework, out)
