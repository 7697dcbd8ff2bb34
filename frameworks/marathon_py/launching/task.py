"""The task of an app's instance, as Mesos is asked for it. Pods are in ``pod``.

Source: mesosphere/marathon src/main/scala/mesosphere/mesos/TaskBuilder.scala.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import attrs

from frameworks.marathon_py.definitions import paths
from frameworks.marathon_py.definitions.app import UNLIMITED, App, EnvSecret, Fetch, ResourceLimits
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import Pod
from frameworks.marathon_py.launching import checks, container, discovery, environment
from frameworks.marathon_py.launching.discovery import labels_of
from frameworks.marathon_py.launching.ports import HostPorts
from frameworks.marathon_py.launching.request import executor_of, needs
from mesos_py.algebra.kinds import Amount, Kind
from mesos_py.algebra.quantities import Quantities
from mesos_py.algebra.resources import Resources
from mesos_py.machine.values import seconds
from mesos_py.wire.command import CommandInfo, Environment
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.ids import AgentID, ExecutorID, TaskID
from mesos_py.wire.secret import Secret
from mesos_py.wire.task import KillPolicy, TaskInfo
from mesos_py.wire.value import DurationInfo, Value

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon

Variable = Environment.Variable


@attrs.frozen
class Slot:
    """Where a task is going to be, and what it has there."""

    agent_id: AgentID
    hostname: str
    resources: Resources
    host_ports: HostPorts


def task_info(m: Marathon, app: App, task_id: TaskID, slot: Slot) -> TaskInfo:
    """Its executor's resources are a part of the slot's."""
    secret = finder(m, app)
    made = container.of_app(app, task_id, slot.host_ports, m.settings.mesos_bridge_name, secret)
    told = environment.of_app(
        app, task_id, slot.hostname, slot.host_ports, m.habits.env_vars_prefix, is_enforced(m, app), m.rng
    )  # fmt: skip
    command = _command(app, environment_info(told, secret))
    executor, own = None, slot.resources
    path = executor_of(m, app)
    if path is not None:
        own, rest = part(slot.resources, needs(m, app)["app"], with_ports=True)
        executor = ExecutorInfo(
            type=ExecutorInfo.Type.CUSTOM, executor_id=ExecutorID(f"marathon-{task_id}"), container=made,
            command=_of_executor(path, app, command), resources=rest.messages(),
        )  # fmt: skip
    return TaskInfo(
        name=paths.task_name(PathId(app.id)), task_id=task_id, agent_id=slot.agent_id, resources=own.messages(),
        limits=limits(app.resource_limits), executor=executor, command=None if executor is not None else command,
        container=None if executor is not None else made,
        health_check=checks.health_of_app(app, slot.host_ports), check=checks.check_of_app(app, slot.host_ports),
        kill_policy=kill_policy(app.task_kill_grace_period_seconds), labels=labels_of(app.labels),
        discovery=discovery.of_app(app, slot.host_ports),
    )  # fmt: skip


def _command(app: App, told: Environment) -> CommandInfo:
    """Arguments go before a command. An image has a program of its own, of which they are the arguments."""
    uris = tuple(map(uri, app.fetch))
    if app.args:
        program = app.args[0] if app.container is None else None
        return CommandInfo(
            shell=False, value=program, arguments=app.args, environment=told, uris=uris, user=app.user
        )  # fmt: skip
    return CommandInfo(shell=app.cmd is not None, value=app.cmd, environment=told, uris=uris, user=app.user)


def _of_executor(path: str, app: App, command: CommandInfo) -> CommandInfo:
    """The executor is told what the app would run."""
    path = f"'{path}'"
    line = app.cmd if app.cmd is not None else " ".join(app.args)
    return CommandInfo(
        value=f"chmod ug+rx {path} && exec {path} {line}", environment=command.environment, uris=command.uris,
        user=command.user,
    )  # fmt: skip


# ---- of pods, too


def uri(given: Fetch) -> CommandInfo.URI:
    return CommandInfo.URI(
        value=given.uri, extract=given.extract, executable=given.executable, cache=given.cache,
        output_file=given.dest_path,
    )  # fmt: skip


def limits(given: ResourceLimits | None) -> Mapping[str, Value.Scalar]:
    if given is None:
        return {}
    named = {"cpus": given.cpus, "mem": given.mem}
    return {
        name: Value.Scalar(value=math.inf if limit == UNLIMITED else float(limit))
        for name, limit in named.items() if limit is not None
    }  # fmt: skip


def kill_policy(grace_s: float | None) -> KillPolicy | None:
    if grace_s is None:
        return None
    return KillPolicy(grace_period=DurationInfo(nanoseconds=seconds(grace_s)))


def environment_info(told: environment.Environment, secret: container.FindSecret) -> Environment:
    return Environment(variables=tuple(_variables(told, secret)))


def _variables(told: environment.Environment, secret: container.FindSecret) -> Iterable[Variable]:
    for name, text in told.items():
        if isinstance(text, EnvSecret):
            yield Variable(name=name, type=Variable.Type.SECRET, secret=secret(text.secret))
        else:
            yield Variable(name=name, value=text)


def finder(m: Marathon, spec: App | Pod) -> container.FindSecret:
    """Asked by the names of the spec's secrets; that there is somebody who finds them was looked at before."""

    def find(name: str) -> Secret:
        find_secret = m.hooks.find_secret
        found = find_secret(spec.secrets[name].source) if find_secret is not None else None
        assert found is not None, name
        return Secret(type=Secret.Type.VALUE, value=Secret.Value(data=found))

    return find


def is_enforced(m: Marathon, spec: App | Pod) -> bool:
    """The top-level group that it is in enforces its role."""
    top = m.root.group(paths.joined(paths.segments(spec.id)[:1]))
    return top is not None and top.enforce_role


def part(have: Resources, needed: Quantities, *, with_ports: bool = False) -> tuple[Resources, Resources]:
    """As much of ``have`` as is needed, and what is left of it."""
    taken: list[tuple[Kind, Amount]] = []
    missing = dict(needed.items())
    for kind, amount in have:
        if isinstance(amount, int):
            count = min(amount, missing.get(kind.name, 0))
            if count:
                missing[kind.name] -= count
                taken.append((kind, count))
        elif with_ports:
            taken.append((kind, amount))
    found = Resources(taken)
    return found, have - found
