"""What should run, as its owner declares it: how many of which task, where, and what becomes of those that end.

An instance is a numbered place; what fills it is a task. Each time a place is filled is an incarnation, and the task's
id says all three: ``web.3.1732900000017`` fills instance 3 of ``web``. Incarnations are counted through the whole
framework, from the millisecond on in which it began, and reserved before they are used: no id is ever used twice,
whatever is forgotten, be it everything.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable

import attrs

from mesos_py.algebra.quantities import Quantities
from mesos_py.algebra.resources import Resources
from mesos_py.machine.values import Nanos, seconds
from mesos_py.sdk.matching import Request
from mesos_py.wire.command import Environment
from mesos_py.wire.ids import AgentID, TaskID
from mesos_py.wire.resource import Resource
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskInfo

COUNT_MAX = 1_000_000  # instances of one spec
NAME_MAX = 200
_NAME = re.compile(r"[\w-][\w.-]*", re.ASCII)
_TASK_ID = re.compile(r"(?P<name>.+)\.(?P<number>\d{1,7})\.(?P<incarnation>\d{1,19})", re.ASCII)


class Restart(enum.Enum):
    """What is done about a task that has ended by itself. One that was lost with its agent is always replaced."""

    #: started again however it ended: a service
    ALWAYS = "always"
    #: started again until it finishes: a job
    ON_FAILURE = "on failure"
    #: it has had its run
    NEVER = "never"


class Selection(enum.Enum):
    """Of several instances that are equally dispensable, the one that is killed first."""

    YOUNGEST = "youngest"
    OLDEST = "oldest"
    #: the one with the highest number: where numbers mean something
    HIGHEST = "highest"


@attrs.frozen(kw_only=True)
class Backoff:
    """How long an instance waits after its n-th failure in a row: ``first_s * factor ** (n - 1)``, at most ``max_s``.

    A task that has run for ``max_s`` starts the count anew. Marathon: backoffSeconds, backoffFactor.
    """

    first_s: float = attrs.field(default=1.0, validator=attrs.validators.ge(0))
    factor: float = attrs.field(default=1.15, validator=attrs.validators.ge(1))
    max_s: float = attrs.field(default=300.0, validator=attrs.validators.ge(0))

    def delay(self, failures: int) -> Nanos:
        if failures == 0:
            return 0
        delay_s = self.first_s
        for _ in range(min(failures - 1, 1_000)):
            delay_s *= self.factor
            if delay_s >= self.max_s:
                break
        return seconds(min(delay_s, self.max_s))


@attrs.frozen
class Launch:
    """What a task needs to know of its place when it is made."""

    spec: str
    number: int
    incarnation: int
    task_id: TaskID
    agent_id: AgentID
    hostname: str
    resources: tuple[Resource, ...]
    ports: tuple[int, ...]


Maker = Callable[[Launch], TaskInfo]


def _check_name(spec: Spec, attribute: object, name: str) -> None:
    if len(name) > NAME_MAX or not _NAME.fullmatch(name):
        raise ValueError(f"'{name}' is no name for a spec: letters, digits, '_', '-' and '.', at most {NAME_MAX}")


def _check_task(spec: Spec, attribute: object, task: TaskInfo | Maker) -> None:
    if isinstance(task, TaskInfo) and task.executor is not None and task.executor.resources:
        raise ValueError(f"the executor of '{spec.name}' cannot have resources: only what tasks need is matched")


def _check_count(spec: Spec, attribute: object, count: int) -> None:
    if not 0 <= count <= COUNT_MAX:
        raise ValueError(f"{count} instances of '{spec.name}': it must be 0 to {COUNT_MAX}")


@attrs.frozen(eq=False)
class Spec:
    """``Spec("web", sdk.command("web", "exec serve $PORT0"), count=3, request=Request.of(cpus=1, mem=64, ports=[0]))``.

    Raises ValueError for what makes no sense.
    """

    name: str = attrs.field(validator=_check_name)
    #: a task that all are copies of but for id, agent, resources and PORT variables; or a pure function that makes one
    #: (with an executor, if any, that asks for no resources)
    task: TaskInfo | Maker = attrs.field(validator=_check_task)
    count: int = attrs.field(default=1, validator=_check_count, kw_only=True)
    #: what each needs of a host; by default the scalars that the task to be copied names
    request: Request = attrs.field(kw_only=True)
    #: the higher the sooner
    priority: int = attrs.field(default=0, kw_only=True)
    restart: Restart = attrs.field(default=Restart.ALWAYS, kw_only=True)
    #: an instance that has failed so often in a row is given up; None: never
    failures_max: int | None = attrs.field(default=None, kw_only=True)
    backoff: Backoff = attrs.field(factory=Backoff, kw_only=True)
    #: a task that does not run so long after it was asked for is killed, and has failed; None: it may take its time
    start_s: float | None = attrs.field(default=None, kw_only=True)
    #: how long a task on an unreachable agent is waited for before it is replaced; None: for ever
    unreachable_s: float | None = attrs.field(default=0.0, kw_only=True)
    selection: Selection = attrs.field(default=Selection.YOUNGEST, kw_only=True)
    #: of its tasks: those that were launched under another one are replaced when it is declared
    version: str = attrs.field(default="", kw_only=True)
    #: while they are, so many instances may be missing at a time; a gang is replaced as a whole
    away_max: int = attrs.field(default=1, validator=attrs.validators.ge(1), kw_only=True)
    #: specs of the same gang start together or not at all, and again if one of them is lost
    gang: str | None = attrs.field(default=None, kw_only=True)

    @request.default
    def _request_of_task(self) -> Request:
        if not isinstance(self.task, TaskInfo):
            raise ValueError(f"'{self.name}' needs a request: what its tasks need is not known before they are made")
        return Request(resources=Quantities(Resources.of(self.task.resources).quantities().items()))

    def make(self, launch: Launch) -> TaskInfo:
        """The task to launch."""
        if not isinstance(self.task, TaskInfo):
            made = self.task(launch)
            return evolve(made, task_id=launch.task_id, agent_id=launch.agent_id, resources=launch.resources)
        made = self.task
        command = made.command
        if command is not None and launch.ports:
            named = {f"PORT{index}": str(port) for index, port in enumerate(launch.ports)} | {
                "PORT": str(launch.ports[0])
            }
            given = command.environment.variables if command.environment is not None else ()
            variables = (*given, *(Environment.Variable(name=name, value=value) for name, value in named.items()))
            command = evolve(command, environment=Environment(variables=variables))
        return evolve(
            made, task_id=launch.task_id, agent_id=launch.agent_id, resources=launch.resources, command=command
        )


def task_id_of(name: str, number: int, incarnation: int) -> TaskID:
    return TaskID(f"{name}.{number}.{incarnation}")


def parsed(task_id: TaskID) -> tuple[str, int, int] | None:
    """Name, number and incarnation; None: it is no id of ours."""
    match = _TASK_ID.fullmatch(task_id)
    return None if match is None else (match["name"], int(match["number"]), int(match["incarnation"]))
