"""What has ended: of each app its last failure and its last ends, of each pod its last instances, for people to see.

A failure is any end but TASK_FINISHED and TASK_KILLED, and a kill for the sake of a health check. Ends of an app's
tasks that somebody has asked for are none to be remembered: what flaps is seen, and a rolling update writes nothing
here. What is kept of an app or a pod goes with its last instance, when it is not defined any more.

Source: mesosphere/marathon .../state/TaskFailure.scala, docs/.../types/podStatus.raml.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import attrs

from frameworks.marathon_py.broken import NotUnderstood, of_record
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.instances.instance import Condition, Instance, InstanceTask
from mesos_py.machine.frame import Frame
from mesos_py.machine.values import Nanos
from mesos_py.wire.task import TaskState, TaskStatus

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon

FAILURE, HISTORY, ENDED = "marathon/failure", "marathon/history", "marathon/ended"  # before the id of the spec
ENDED_MAX = 10  # instances of one pod, or tasks of one app, that are remembered

_NO_FAILURES = (Condition.FINISHED, Condition.KILLED)
_EXIT_CODE = re.compile(r"exited with status (\d{1,3})", re.ASCII)


@attrs.frozen(kw_only=True)
class EndedTask:
    """How a task of an app has ended."""

    task_id: str
    #: as Mesos calls it
    state: str
    message: str
    hostname: str
    agent_id: str
    #: of the definition
    version: str
    #: None: it never ran
    started_at: Nanos | None
    at: Nanos


@attrs.frozen(kw_only=True)
class EndedContainer:
    """How one container of a pod has ended."""

    task_id: str
    name: str
    state: str
    message: str = ""
    #: None: it is not known, or it ended by a signal
    exit_code: int | None = None


@attrs.frozen(kw_only=True)
class EndedInstance:
    """One incarnation of a pod's instance that is over."""

    instance_id: str
    #: None: it never ran
    started_at: Nanos | None
    at: Nanos
    message: str
    containers: tuple[EndedContainer, ...]


# ---- noted


def note(m: Marathon, instance: Instance, condition: Condition, out: Frame) -> None:
    """All of its tasks have ended: that is remembered."""
    if isinstance(instance.spec, App):
        _note_app(m, instance, condition, out)
    else:
        worst = sorted(instance.tasks.values(), key=lambda one: one.condition is not condition)
        started = [task.started_at for task in instance.tasks.values() if task.started_at is not None]
        ended = EndedInstance(
            instance_id=instance.id, started_at=min(started, default=None), at=out.now,
            message=next((text for one in worst if (text := _message(one))), ""),
            containers=tuple(container(one) for one in instance.tasks.values()),
        )  # fmt: skip
        history = (*m.ended.get(instance.spec_id, ()), ended)[-ENDED_MAX:]
        m.ended[instance.spec_id] = history
        m.keep(f"{ENDED}{instance.spec_id}", _dumped([attrs.asdict(one) for one in history]), out)


def _note_app(m: Marathon, instance: Instance, condition: Condition, out: Frame) -> None:
    (task,) = instance.tasks.values()
    state, message, placed, spec_id = _state(task), _message(task), instance.placed, instance.spec_id
    if instance.unhealthy_because:
        state = TaskState.TASK_KILLED.name
        message = f"Task was killed since health check failed. Reason: {instance.unhealthy_because}"
    ended = EndedTask(
        task_id=task.id, state=state, message=message, hostname=placed.hostname if placed is not None else "",
        agent_id=placed.agent_id if placed is not None else "", version=instance.spec.version,
        started_at=task.started_at, at=out.now,
    )  # fmt: skip
    if condition not in _NO_FAILURES or instance.unhealthy_because:
        m.failures[spec_id] = ended
        m.keep(f"{FAILURE}{spec_id}", _dumped(attrs.asdict(ended)), out)
    if not instance.is_killed or instance.unhealthy_because:
        m.histories[spec_id] = history = (*m.histories.get(spec_id, ()), ended)[-ENDED_MAX:]
        m.keep(f"{HISTORY}{spec_id}", _dumped([attrs.asdict(one) for one in history]), out)


def container(task: InstanceTask) -> EndedContainer:
    """As it would be remembered if it ended now."""
    message = _message(task)
    found = _EXIT_CODE.search(message)
    code = int(found[1]) if found is not None else 0 if task.condition is Condition.FINISHED else None
    return EndedContainer(task_id=task.id, name=task.container, state=_state(task), message=message, exit_code=code)


def _state(task: InstanceTask) -> str:
    return task.status.state.name if task.status is not None else TaskState.TASK_UNKNOWN.name


def _message(task: InstanceTask) -> str:
    status: TaskStatus | None = task.status
    return status.message or "" if status is not None else ""


# ---- kept


def settle(m: Marathon, out: Frame) -> None:
    """Of what is not defined any more, and has no instance, nothing is remembered."""
    for spec_id in m.moved:
        if spec_id not in m.specs and spec_id not in m.of_spec:
            _forget(m, spec_id, out)


def _forget(m: Marathon, spec_id: PathId, out: Frame) -> None:
    for kept in (m.failures, m.histories, m.ended):
        kept.pop(spec_id, None)
    for kind in (FAILURE, HISTORY, ENDED):
        m.keep(f"{kind}{spec_id}", None, out)


def _read(m: Marathon, name: str, contents: bytes) -> None:
    if name.startswith(FAILURE):
        m.failures[PathId(name.removeprefix(FAILURE))] = EndedTask(**json.loads(contents))
    elif name.startswith(HISTORY):
        m.histories[PathId(name.removeprefix(HISTORY))] = tuple(EndedTask(**one) for one in json.loads(contents))
    elif name.startswith(ENDED):
        m.ended[PathId(name.removeprefix(ENDED))] = tuple(_restored(one) for one in json.loads(contents))


def begin(m: Marathon, out: Frame) -> None:
    """As it was kept. It is for people: what cannot be understood is complained of, and no reason not to start."""
    for name, contents in list(m.records.items()):
        try:
            with of_record(name):
                _read(m, name, contents)
        except NotUnderstood as error:
            m.complaints.append(str(error))
    known = dict.fromkeys([*m.failures, *m.histories, *m.ended])
    for spec_id in [one for one in known if one not in m.specs and one not in m.of_spec]:
        _forget(m, spec_id, out)


def _restored(kept: dict[str, Any]) -> EndedInstance:
    return EndedInstance(**kept | {"containers": tuple(EndedContainer(**one) for one in kept["containers"])})


def _dumped(kept: object) -> bytes:
    return json.dumps(kept, separators=(",", ":")).encode()
