"""What to run for an executor or task: command line, environment, sandbox. Pure functions of what was asked for.

Environment, later wins: what the agent passes < CommandInfo.environment; a command task gets its executor's
environment below its own; a task in a group gets none of its executor's. Nothing of the agent's own environment leaks.

Mesos: src/slave/containerizer/containerizer.cpp executorEnvironment, src/slave/slave.cpp Slave::getExecutorInfo,
src/launcher/executor.cpp, src/launcher/default_executor.cpp.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from functools import lru_cache

from attrs import evolve

from mesos_py.agent import paths
from mesos_py.agent.containerizer import ContainerSpec, Lines
from mesos_py.agent.containerizer.docker.tasks import environment, is_docker
from mesos_py.agent.containerizer.isolation import SANDBOX_PATH, parse_isolation
from mesos_py.agent.containerizer.isolators.volumes import shows_sandbox
from mesos_py.agent.demand import Demand
from mesos_py.agent.entities import Executor
from mesos_py.agent.options import AgentOptions
from mesos_py.algebra.durations import format_duration
from mesos_py.wire import checkpoint
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.command import CommandInfo, Environment
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.ids import ExecutorID, FrameworkID
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.resource import Resource
from mesos_py.wire.secret import Secret
from mesos_py.wire.task import TaskInfo
from mesos_py.wire.value import DurationInfo, Value

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # where the environment names none
COMMAND_EXECUTOR_CPUS = 0.1  # Mesos: src/slave/constants.hpp, DEFAULT_EXECUTOR_CPUS
COMMAND_EXECUTOR_MEM_MB = 32.0  # Mesos: src/slave/constants.hpp, DEFAULT_EXECUTOR_MEM
REAP_INTERVAL_NS = 1_000_000_000  # added to the shutdown grace period; Mesos: MAX_REAP_INTERVAL
MARGIN_NS = 1_000_000_000  # likewise
COMMAND_SHOWN = 15  # characters of a command that are shown as they are; longer ones end with "..."
UNKNOWN_CONTAINER = "unknown container"  # no containerizer takes it; Mesos: src/slave/slave.cpp executorLaunched
NO_EXECUTABLE = "/"  # cannot be executed, so that a command without a value fails as an unknown command does
NO_COMMAND = CommandInfo()
TERMINAL_ROWS, TERMINAL_COLUMNS = 24, 80  # where nobody says more
SIZE_MAX = 0xFFFF  # struct winsize
NO_RESOLVER = "Default resolver cannot resolve references"  # Mesos: src/secret/resolver.cpp


# ---- executors made for command tasks


def command_executor_info(options: AgentOptions, framework_id: FrameworkID, task: TaskInfo) -> ExecutorInfo:
    """The executor that a command task is shown with."""
    command = task.command
    assert command is not None
    policy = task.kill_policy
    grace = None
    if policy is not None and policy.grace_period is not None:
        grace = DurationInfo(nanoseconds=policy.grace_period.nanoseconds + MARGIN_NS + REAP_INTERVAL_NS)
    return ExecutorInfo(
        executor_id=ExecutorID(task.task_id),
        framework_id=framework_id,
        command=_shown_command(options.launcher_dir, command.user, command.uris, command.environment),
        resources=_overhead(_role(task)),
        name=f"Command Executor (Task: {task.task_id}) (Command: {_command_text(command)})",
        source=task.task_id,
        container=task.container,
        discovery=task.discovery,
        labels=task.labels,
        shutdown_grace_period=grace,
    )


def _shown_command(
    launcher_dir: str, user: str | None, uris: tuple[CommandInfo.URI, ...], environment: Environment | None
) -> CommandInfo:
    return CommandInfo(
        shell=False,
        value=f"{launcher_dir}/mesos-executor",
        arguments=("mesos-executor", f"--launcher_dir={launcher_dir}"),
        user=user,
        uris=uris,
        environment=environment,
    )


def _command_text(command: CommandInfo) -> str:
    if command.shell:
        return f"sh -c '{_cut(command.value)}'" if command.value is not None else "NO COMMAND"
    if command.value is None:
        return "NO EXECUTABLE"
    return f"[{_cut(', '.join((command.value, *command.arguments)))}]"


def _cut(text: str) -> str:
    return text if len(text) <= COMMAND_SHOWN else text[: COMMAND_SHOWN - 3] + "..."


@lru_cache(maxsize=1024)
def _overhead(role: str | None) -> tuple[Resource, ...]:
    allocation = None if role is None else Resource.AllocationInfo(role=role)
    return tuple(
        Resource(name=name, type=Value.Type.SCALAR, scalar=Value.Scalar(value=amount), allocation_info=allocation)
        for name, amount in (("cpus", COMMAND_EXECUTOR_CPUS), ("mem", COMMAND_EXECUTOR_MEM_MB))
    )


def _role(task: TaskInfo) -> str | None:
    """The role its resources are allocated to."""
    for resource in task.resources:
        if resource.allocation_info is not None:
            return resource.allocation_info.role
    return None


# ---- environments


def executor_environment(
    options: AgentOptions, agent: AgentInfo, endpoint: str, pid: str, executor: Executor, ip: str
) -> dict[str, str]:
    """What every executor learns from its environment; the names and formats are those of Mesos."""
    checkpoint = executor.checkpoint
    env = dict(options.executor_environment_variables or {})
    env["LIBPROCESS_IP"] = ip
    env["LIBPROCESS_PORT"] = "0"
    env["MESOS_AGENT_ENDPOINT"] = endpoint
    env["MESOS_CHECKPOINT"] = "1" if checkpoint else "0"
    env["MESOS_DIRECTORY"] = executor.sandbox
    env["MESOS_EXECUTOR_ID"] = executor.id
    env["MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"] = format_duration(shutdown_grace_period(options, executor.info))
    env["MESOS_FRAMEWORK_ID"] = executor.framework.id
    env["MESOS_HTTP_COMMAND_EXECUTOR"] = "0"
    env["MESOS_SANDBOX"] = executor.sandbox
    env["MESOS_SLAVE_ID"] = agent.id or ""
    env["MESOS_SLAVE_PID"] = pid
    if checkpoint:
        env["MESOS_RECOVERY_TIMEOUT"] = format_duration(options.recovery_timeout)
        env["MESOS_SUBSCRIPTION_BACKOFF_MAX"] = format_duration(options.executor_reregistration_timeout)
    return env


def shutdown_grace_period(options: AgentOptions, info: ExecutorInfo) -> int:
    """Nanoseconds between SHUTDOWN and the end of the container."""
    if info.shutdown_grace_period is not None:
        return info.shutdown_grace_period.nanoseconds
    return options.executor_shutdown_grace_period


def _add_command_environment(env: dict[str, str], command: CommandInfo | None) -> None:
    if command is not None and command.environment is not None:
        for variable in command.environment.variables:
            if variable.type is Environment.Variable.Type.VALUE and variable.value is not None:
                env[variable.name] = variable.value
            elif variable.secret is not None and variable.secret.value is not None:
                env[variable.name] = variable.secret.value.data.decode("utf-8", "surrogateescape")


def _with_path(env: dict[str, str], container: ContainerInfo | None = None) -> dict[str, str]:
    """An image has its own idea of PATH."""
    has_image = is_docker(container) or (
        container is not None and container.mesos is not None and container.mesos.image is not None
    )
    if "PATH" not in env and not has_image:
        env["PATH"] = PATH
    return env


# ---- containers


def entitlement(
    options: AgentOptions, executor: Executor
) -> tuple[tuple[Resource, ...], Mapping[str, Value.Scalar]]:
    """What the executor and its unfinished tasks may use together, and their limits."""
    return executor.demand.used.messages(), executor.demand.limits(enable_cfs=options.cgroups_enable_cfs)


def container_of(options: AgentOptions, executor: Executor) -> ContainerInfo | None:
    """What the executor's container is like, which --default_container_info may say; it is shown as it was asked for.

    Mesos: src/slave/slave.cpp Slave::launchExecutor
    """
    return executor.info.container or options.default_container_info


def nested_user(options: AgentOptions, executor: Executor, command: CommandInfo | None) -> str | None:
    """As whom what is nested in the executor's container runs; None: as the agent does."""
    return (command.user if options.switch_user and command is not None else None) or executor.user


def command_task(options: AgentOptions, env: dict[str, str], executor: Executor, task: TaskInfo) -> ContainerSpec:
    """The executor's container, in which the task's command runs itself."""
    command = task.command or NO_COMMAND
    container = container_of(options, executor)
    if is_docker(container):
        env = environment(options, executor.container_id)  # nothing of the executor's, which runs elsewhere
    _add_command_environment(env, command)
    role = _role(task)
    if role is not None:
        env["MESOS_ALLOCATION_ROLE"] = role
    executable, argv = _argv(command)
    return ContainerSpec(
        container_id=executor.container_id,
        sandbox=executor.sandbox,
        latest_link=paths.latest_link(executor.sandbox),
        argv=argv,
        executable=executable,
        env=_with_path(env, container),
        user=executor.user,
        uris=command.uris,
        is_kept=executor.checkpoint,
        container=container,
        lines=lines_of(container),
        command=command,
        resources=(*executor.info.resources, *task.resources),
        limits=Demand.of(executor.info, (task,)).limits(enable_cfs=options.cgroups_enable_cfs),
    )


def custom_executor(options: AgentOptions, env: dict[str, str], executor: Executor) -> ContainerSpec:
    """The executor's container, in which the framework's own executor runs."""
    command = executor.info.command or NO_COMMAND
    container = container_of(options, executor)
    if is_docker(container):
        env = {**env, **environment(options, executor.container_id)}
    _add_command_environment(env, command)
    executable, argv = _argv(command)
    resources, bounds = entitlement(options, executor)
    return ContainerSpec(
        container_id=executor.container_id,
        sandbox=executor.sandbox,
        latest_link=paths.latest_link(executor.sandbox),
        argv=argv,
        executable=executable,
        env=_with_path(env, container),
        user=executor.user,
        uris=command.uris,
        is_kept=executor.checkpoint,
        container=container,
        lines=lines_of(container),
        command=command,
        resources=resources,
        limits=bounds,
    )


def unsupported(
    options: AgentOptions, container: ContainerInfo | None, command: CommandInfo | None,
    networks: Sequence[NetworkInfo] = (),
) -> str | None:  # fmt: skip
    """Why no containerizer of ours can run it: a process without its image, volumes or secrets is another task.

    ``networks`` are what its tree is to join.
    """
    if command is not None and command.environment is not None:
        for variable in command.environment.variables:
            if variable.secret is not None and variable.secret.type is Secret.Type.REFERENCE:
                return NO_RESOLVER
    if ("docker" if is_docker(container) else "mesos") not in options.containerizers:
        return UNKNOWN_CONTAINER
    if networks and options.network_cni_config_dir is None:
        return f"Unknown CNI network '{networks[0].name}'"
    if container is None or is_docker(container):
        return None
    isolation = parse_isolation(options.isolation)
    has_files = "filesystem/linux" in isolation
    has_images = has_files and options.image_providers is not None
    if container.mesos is not None and container.mesos.image is not None and not has_images:
        return "Container root filesystems not supported"
    has_parts = SANDBOX_PATH in isolation and all(map(shows_sandbox, container.volumes))
    if not container.volumes or has_files or has_parts:
        return None
    return "Volumes in ContainerInfo is not supported"


def nested_task(
    options: AgentOptions, executor: Executor, task: TaskInfo, container_id: str, ip: str
) -> ContainerSpec:
    """A container inside the executor's, for one task of a group."""
    command = task.command or NO_COMMAND  # a task of a group may come without: it has an executor
    sandbox = paths.nested_sandbox(executor.sandbox, container_id)
    env = {"MESOS_SANDBOX": sandbox}
    _add_command_environment(env, command)
    env["MESOS_CONTAINER_IP"] = ip
    role = _role(task)
    if role is not None:
        env["MESOS_ALLOCATION_ROLE"] = role
    executable, argv = _argv(command)
    return ContainerSpec(
        container_id=container_id,
        parent_id=executor.container_id,
        sandbox=sandbox,
        argv=argv,
        executable=executable,
        env=_with_path(env, task.container),
        user=nested_user(options, executor, command),
        uris=command.uris,
        is_kept=executor.checkpoint,
        container=task.container,
        lines=lines_of(task.container),
        command=command,
        parent_sandbox=executor.sandbox,
        root_container=container_of(options, executor),
        resources=task.resources,
        limits=task.limits,
    )


def api_container(record: checkpoint.Container, ip: str, *, is_kept: bool) -> ContainerSpec:
    """A container launched over the API: it gets nothing of what its parent has but a place in its sandbox."""
    command = record.command or NO_COMMAND
    env = {"MESOS_SANDBOX": record.sandbox}
    _add_command_environment(env, command)
    env["MESOS_CONTAINER_IP"] = ip
    executable, argv = _argv(command)
    return ContainerSpec(
        container_id=record.key,
        parent_id=record.root,
        sandbox=record.sandbox,
        argv=argv,
        executable=executable,
        env=_with_path(env, record.container),
        user=record.user,
        uris=command.uris,
        is_kept=is_kept,
        container=record.container,
        lines=lines_of(record.container),
        command=command,
        parent_sandbox=None if record.parent is None else posixpath.dirname(posixpath.dirname(record.sandbox)),
        resources=record.resources,
        limits=record.limits,
    )


def pod(options: AgentOptions, env: dict[str, str], executor: Executor) -> ContainerSpec:
    """An executor's container without a process, for what is to run inside it."""
    return ContainerSpec(
        container_id=executor.container_id,
        sandbox=executor.sandbox,
        argv=(NO_EXECUTABLE,),
        executable=NO_EXECUTABLE,
        env=_with_path(env),
        user=executor.user,
        root_container=container_of(options, executor),
    )


def session(parent: ContainerSpec, record: checkpoint.Container) -> ContainerSpec:
    """What runs inside ``parent`` for somebody: all of the parent's but what it runs.

    Mesos: containers of class DEBUG, src/slave/containerizer/mesos/containerizer.cpp.
    """
    command = record.command or NO_COMMAND
    return evolve(
        beside(parent, command),
        container_id=record.key,
        parent_id=record.root,
        inside=parent.container_id,
        lines=lines_of(record.container) or Lines(),
        command=command,
        user=record.user,
        uris=command.uris,
        is_kept=False,
    )


def beside(task: ContainerSpec, command: CommandInfo) -> ContainerSpec:
    """``command`` next to the container of a task: its user, sandbox and environment, and the command's own."""
    env = dict(task.env)
    _add_command_environment(env, command)
    executable, argv = _argv(command)
    return evolve(task, argv=argv, executable=executable, env=env, latest_link=None, uris=(), lines=None)


def lines_of(container: ContainerInfo | None) -> Lines | None:
    """What others may attach to; Mesos gives a terminal no size if none is named."""
    if container is None or container.tty_info is None:
        return None
    size = container.tty_info.window_size
    if size is None or not size.rows or not size.columns:
        return Lines(rows=TERMINAL_ROWS, columns=TERMINAL_COLUMNS)
    return Lines(rows=min(size.rows, SIZE_MAX), columns=min(size.columns, SIZE_MAX))


def _argv(command: CommandInfo) -> tuple[str, tuple[str, ...]]:
    """Executable and argument list: ``/bin/sh -c value``, or the value with exactly its arguments."""
    if command.value is None:
        return NO_EXECUTABLE, (NO_EXECUTABLE,)
    if command.shell:
        return "/bin/sh", ("sh", "-c", command.value)
    return command.value, command.arguments or (command.value,)
