"""What a ContainerID names: an executor's container, that of a task in a group, or one launched over the API.

A place is what the calls about containers need to know of any of them; and what runs there, for whoever is to be run
inside. Pure functions of the agent's state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from mesos_py.agent import paths, specs
from mesos_py.agent.api_containers import ApiContainer, Phase, text_of
from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.containerizer.docker.tasks import is_docker
from mesos_py.agent.entities import Executor
from mesos_py.wire.checkpoint import Kind
from mesos_py.wire.ids import ContainerID

if TYPE_CHECKING:
    from mesos_py.agent.core import Agent


@attrs.frozen(kw_only=True)
class Place:
    """One container that is there, or an API container that has ended."""

    #: what the containerizer calls it, and the outermost one around it
    key: str
    root: str
    sandbox: str
    #: unix user it runs as
    user: str | None
    #: it outlives the agent
    is_kept: bool
    #: its process runs, or has run
    is_launched: bool
    #: it is being destroyed, or has ended
    is_ending: bool
    #: dockerd runs it
    is_docker: bool = False
    #: None: it is an executor's or a task's
    container: ApiContainer | None = None
    #: an executor's own container that has no process
    is_pod: bool = False
    #: what runs there
    spec: Callable[[], ContainerSpec]


def find(agent: Agent, container_id: ContainerID) -> Place | None:
    """None: there is no such container."""
    parent = container_id.parent
    if parent is None:
        executor = agent.state.containers.get(container_id.value)
        if executor is not None:
            return None if executor.is_over else _of_executor(agent, executor)
    elif parent.parent is None:
        executor = agent.state.containers.get(parent.value)
        if executor is not None and container_id.value in executor.nested:
            return _of_task(agent, executor, container_id.value)
    container = agent.api_containers.by_text.get(text_of(container_id))
    return None if container is None else _of_api(agent, container)


def root_sandbox(agent: Agent, container_id: ContainerID) -> str | None:
    """The sandbox of the outermost container; None: that is not there."""
    while container_id.parent is not None:
        container_id = container_id.parent
    place = find(agent, container_id)
    return None if place is None else place.sandbox


def sandbox_of(agent: Agent, container_id: ContainerID) -> str | None:
    """Where it is or would be, below that of its root."""
    if container_id.parent is None:
        return paths.standalone_sandbox(agent.work_dir, container_id.value)
    names = []
    while container_id.parent is not None:
        names.append(container_id.value)
        container_id = container_id.parent
    sandbox = root_sandbox(agent, container_id)
    for name in reversed(names):
        sandbox = None if sandbox is None else paths.nested_sandbox(sandbox, name)
    return sandbox


def _of_executor(agent: Agent, executor: Executor) -> Place:
    return Place(
        key=executor.container_id,
        root=executor.container_id,
        sandbox=executor.sandbox,
        user=executor.user,
        is_kept=executor.checkpoint,
        is_launched=executor.container_status is not None,
        is_ending=_is_ending(executor),
        is_docker=is_docker(executor.info.container or agent.options.default_container_info),
        is_pod=executor.kind is Kind.DEFAULT,
        spec=lambda: _executor_spec(agent, executor),
    )


def _is_ending(executor: Executor) -> bool:
    """It is told to, or made to; a command task's container is as good as gone once its end is acknowledged."""
    return executor.ends_at is not None or (executor.kind is Kind.COMMAND and executor.is_idle)


def _executor_spec(agent: Agent, executor: Executor) -> ContainerSpec:
    env = agent.executor_environment(executor)
    if executor.kind is Kind.CUSTOM:
        return specs.custom_executor(agent.options, env, executor)
    if executor.kind is Kind.COMMAND:
        tasks = (*executor.queued.values(), *executor.launched.values(), *executor.terminated.values())
        return specs.command_task(agent.options, env, executor, tasks[0].info)
    return specs.pod(agent.options, env, executor)


def _of_task(agent: Agent, executor: Executor, key: str) -> Place:
    task_id = executor.nested[key]
    sandbox = paths.nested_sandbox(executor.sandbox, key)
    task = executor.task(task_id)
    command = None if task is None else task.info.command

    def spec() -> ContainerSpec:
        assert task is not None
        return specs.nested_task(agent.options, executor, task.info, key, agent.ip)

    return Place(
        key=key,
        root=executor.container_id,
        sandbox=sandbox,
        user=specs.nested_user(agent.options, executor, command),
        is_kept=executor.checkpoint,
        is_launched=key in executor.nested_status,
        is_ending=task is None or _is_ending(executor),
        spec=spec,
    )


def _of_api(agent: Agent, container: ApiContainer) -> Place:
    record = container.record
    return Place(
        key=record.key,
        root=record.root or record.key,
        sandbox=record.sandbox,
        user=record.user,
        is_kept=container.is_kept,
        is_launched=container.phase is not Phase.LAUNCHING,
        is_ending=container.is_ending,
        container=container,
        spec=lambda: specs.api_container(record, agent.ip, is_kept=container.is_kept),
    )
