"""Facts as records, and records as the state an agent recovers from. Who keeps the records is another's choice.

::

    agent/""                    boot/""
    frameworks/F                executors/F/C
    tasks/F/C/T                 progress/F/C/T
    updates/F/C/T/NUMBER        acknowledged/F/C/T
    containers/K                of the API; K is what the containerizer calls it

F, C and T are ids of framework, container (the run of an executor) and task; no id has a slash (they name directories,
too). Values are messages of wire/checkpoint.py in msgpack. Records of ended, acknowledged things are removed, so what
is kept is bounded by what runs and what nobody has acknowledged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from mesos_py.agent.checkpoint import facts
from mesos_py.wire import checkpoint
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.codec import msgpack
from mesos_py.wire.codec.errors import DecodeError
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskInfo, TaskStatus

Key = tuple[str, str]
"""Kind and name of one record."""

AGENT: Final[Key] = ("agent", "")
BOOT: Final[Key] = ("boot", "")

#: what a record of each kind holds
MESSAGES: Final[Mapping[str, type]] = {
    "agent": AgentInfo,
    "boot": checkpoint.Boot,
    "frameworks": checkpoint.Framework,
    "executors": checkpoint.Executor,
    "tasks": TaskInfo,
    "progress": checkpoint.Progress,
    "updates": TaskStatus,
    "acknowledged": checkpoint.Acknowledged,
    "containers": checkpoint.Container,
}


class Unreadable(Exception):
    """Records that make no sense: nobody should go on from a guess of what they were."""


# ---- facts to records


def changes(written: Iterable[Any]) -> dict[Key, bytes | None]:
    """New contents of the records that ``written`` is about; None: the record goes."""
    found: dict[Key, Any] = {}
    for fact in written:
        _RECORDS[type(fact)](fact, found)
    return {key: None if message is None else msgpack.encode(message) for key, message in found.items()}


def _agent_admitted(fact: facts.AgentAdmitted, found: dict[Key, Any]) -> None:
    found[AGENT] = fact.info


def _agent_forgotten(fact: facts.AgentForgotten, found: dict[Key, Any]) -> None:
    found[AGENT] = None


def _framework_saved(fact: facts.FrameworkSaved, found: dict[Key, Any]) -> None:
    found["frameworks", fact.framework_id] = checkpoint.Framework(info=fact.info, terminating=fact.terminating)


def _framework_forgotten(fact: facts.FrameworkForgotten, found: dict[Key, Any]) -> None:
    found["frameworks", fact.framework_id] = None


def _executor_saved(fact: facts.ExecutorSaved, found: dict[Key, Any]) -> None:
    found["executors", f"{fact.framework_id}/{fact.executor.container_id}"] = fact.executor


def _executor_forgotten(fact: facts.ExecutorForgotten, found: dict[Key, Any]) -> None:
    found["executors", f"{fact.framework_id}/{fact.container_id}"] = None


def _task_saved(fact: facts.TaskSaved, found: dict[Key, Any]) -> None:
    found["tasks", f"{fact.framework_id}/{fact.container_id}/{fact.task.task_id}"] = fact.task


def _progress_saved(fact: facts.ProgressSaved, found: dict[Key, Any]) -> None:
    found["progress", f"{fact.framework_id}/{fact.container_id}/{fact.task_id}"] = fact.progress


def _task_forgotten(fact: facts.TaskForgotten, found: dict[Key, Any]) -> None:
    name = f"{fact.framework_id}/{fact.container_id}/{fact.task_id}"
    found["tasks", name] = found["progress", name] = None


def _update_received(fact: facts.UpdateReceived, found: dict[Key, Any]) -> None:
    found["updates", f"{fact.framework_id}/{fact.container_id}/{fact.task_id}/{fact.number}"] = fact.status


def _updates_acknowledged(fact: facts.UpdatesAcknowledged, found: dict[Key, Any]) -> None:
    name = f"{fact.framework_id}/{fact.container_id}/{fact.task_id}"
    found["acknowledged", name] = checkpoint.Acknowledged(count=fact.count)


def _updates_forgotten(fact: facts.UpdatesForgotten, found: dict[Key, Any]) -> None:
    name = f"{fact.framework_id}/{fact.container_id}/{fact.task_id}"
    for number in range(fact.first, fact.end):
        found["updates", f"{name}/{number}"] = None
    if fact.is_all:
        found["acknowledged", name] = None


def _container_saved(fact: facts.ContainerSaved, found: dict[Key, Any]) -> None:
    found["containers", fact.container.key] = fact.container


def _container_forgotten(fact: facts.ContainerForgotten, found: dict[Key, Any]) -> None:
    found["containers", fact.key] = None


_RECORDS: Final[Mapping[type, Callable[[Any, dict[Key, Any]], None]]] = {
    facts.AgentAdmitted: _agent_admitted,
    facts.AgentForgotten: _agent_forgotten,
    facts.FrameworkSaved: _framework_saved,
    facts.FrameworkForgotten: _framework_forgotten,
    facts.ExecutorSaved: _executor_saved,
    facts.ExecutorForgotten: _executor_forgotten,
    facts.TaskSaved: _task_saved,
    facts.ProgressSaved: _progress_saved,
    facts.TaskForgotten: _task_forgotten,
    facts.UpdateReceived: _update_received,
    facts.UpdatesAcknowledged: _updates_acknowledged,
    facts.UpdatesForgotten: _updates_forgotten,
    facts.ContainerSaved: _container_saved,
    facts.ContainerForgotten: _container_forgotten,
}


# ---- records to state and back


def records_of(state: checkpoint.AgentState) -> dict[Key, bytes]:
    """The records that amount to ``state``."""
    found: dict[Key, Any] = {}
    if state.boot_id is not None:
        found[BOOT] = checkpoint.Boot(id=state.boot_id)
    if state.info is not None:
        found[AGENT] = state.info
    for framework in state.frameworks:
        framework_id = framework.info.id
        found["frameworks", framework_id or ""] = evolve(framework, executors=())
        for executor in framework.executors:
            run = f"{framework_id}/{executor.container_id}"
            found["executors", run] = evolve(executor, tasks=())
            for task in executor.tasks:
                name = f"{run}/{task.info.task_id}"
                found["tasks", name] = task.info
                if task.progress is not None:
                    found["progress", name] = task.progress
                if task.acknowledged:
                    found["acknowledged", name] = checkpoint.Acknowledged(count=task.acknowledged)
                for number, status in enumerate(task.updates, task.first):
                    found["updates", f"{name}/{number}"] = status
    for container in state.containers:
        found["containers", container.key] = container
    return {key: msgpack.encode(message) for key, message in found.items()}


def state_of(records: Mapping[Key, bytes]) -> checkpoint.AgentState:
    """What the agent that wrote ``records`` knew. Raises Unreadable."""
    state, problems = readable(records)
    if problems:
        raise Unreadable(problems[0])
    return state


def readable(records: Mapping[Key, bytes]) -> tuple[checkpoint.AgentState, list[str]]:
    """The same as far as it can be read, and what is wrong with the rest."""
    shelf = _Shelf(records)
    frameworks = shelf.take("frameworks")
    executors = shelf.take("executors", under=frameworks)
    tasks = shelf.take("tasks", under=executors)
    progress = shelf.take("progress", under=tasks)
    acknowledged = shelf.take("acknowledged", under=tasks)
    updates: dict[str, dict[int, TaskStatus]] = {}
    for name, status in shelf.take("updates", under=tasks).items():
        task_name, _, number = name.rpartition("/")
        updates.setdefault(task_name, {})[int(number)] = status
    whole: dict[str, list[checkpoint.Task]] = {}
    for name, info in tasks.items():
        numbered = sorted(updates.get(name, {}).items())
        first = numbered[0][0] if numbered else 0
        count = acknowledged[name].count if name in acknowledged else 0
        if [number for number, _ in numbered] != list(range(first, first + len(numbered))) or not (
            first <= count <= first + len(numbered)
        ):
            shelf.problems.append(f"the updates of task {name} are not all there")
            continue
        task = checkpoint.Task(
            info=info,
            progress=progress.get(name),
            updates=tuple([status for _, status in numbered]),
            first=first,
            acknowledged=count,
        )
        whole.setdefault(name.rpartition("/")[0], []).append(task)
    runs: dict[str, list[checkpoint.Executor]] = {}
    for name, executor in executors.items():
        runs.setdefault(name.partition("/")[0], []).append(evolve(executor, tasks=tuple(whole.get(name, ()))))
    boot, info = shelf.take("boot"), shelf.take("agent")
    state = checkpoint.AgentState(
        boot_id=boot[""].id if boot else None,
        info=info.get(""),
        frameworks=tuple([evolve(one, executors=tuple(runs.get(name, ()))) for name, one in frameworks.items()]),
        containers=tuple(shelf.take("containers").values()),
    )
    shelf.refuse_others()
    return state, shelf.problems


class _Shelf:
    """All records; taken down kind by kind, in the order of their names."""

    def __init__(self, records: Mapping[Key, bytes]) -> None:
        self._kinds: dict[str, dict[str, bytes]] = {}
        for (kind, name), contents in sorted(records.items()):
            self._kinds.setdefault(kind, {})[name] = contents
        self.problems: list[str] = []

    def take(self, kind: str, under: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Those that can be read, and whose names lie ``under`` (one level below) one that could."""
        found = {}
        for name, contents in self._kinds.pop(kind, {}).items():
            try:
                message: Any = msgpack.decode(MESSAGES[kind], contents)
            except DecodeError as error:
                self.problems.append(f"the record {kind}/{name} cannot be read: {error}")
                continue
            owner = name if kind in ("progress", "acknowledged") else name.rpartition("/")[0]
            if under is not None and owner not in under:
                self.problems.append(f"the record {kind}/{name} belongs to nothing")
                continue
            found[name] = message
        return found

    def refuse_others(self) -> None:
        for kind in self._kinds:
            self.problems.append(f"there are records of a kind '{kind}', which this program does not know")
