"""The tasks of a framework: what was launched where, and what became of it. Written before a launch is asked for.

Kept is a record for each task, when it is launched and when the program has dealt with its end; the states in between
are found out again by reconciling. What an update means for a task::

    with a uuid, not the last word yet    news; if the state is final it is the last word
    with a uuid, after the last word      an echo: acknowledged, and nobody is told
    without (what the master knows)       news if the state is another; a task that was taken for lost may be back

``TASK_UNKNOWN`` counts as an end: whoever waits for more may wait for ever. An agent that comes back after it opens the
task again, as it does after ``TASK_LOST`` and ``TASK_GONE`` without a uuid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from mesos_py.machine.values import SECOND, Nanos
from mesos_py.wire.codec import protobuf
from mesos_py.wire.ids import AgentID, TaskID
from mesos_py.wire.task import KillPolicy, TaskState, TaskStatus

ENDED_MAX = 100_000  # tasks that have ended and are still known; the oldest are forgotten beyond that

ENDS = frozenset({
    TaskState.TASK_FINISHED, TaskState.TASK_FAILED, TaskState.TASK_KILLED, TaskState.TASK_ERROR, TaskState.TASK_LOST,
    TaskState.TASK_DROPPED, TaskState.TASK_GONE, TaskState.TASK_GONE_BY_OPERATOR, TaskState.TASK_UNKNOWN,
})  # fmt: skip


def is_end(state: TaskState) -> bool:
    """Nothing more is to be expected of a task in this state."""
    return state in ENDS


@attrs.define(eq=False)
class Task:
    """One task as its framework knows it."""

    id: TaskID
    #: where it was launched; None: nobody has said
    agent_id: AgentID | None
    #: when it was asked for; None: not by us, or nobody has written it down
    launched: Nanos | None = None
    #: TASK_STAGING until anything was heard
    state: TaskState = TaskState.TASK_STAGING
    #: what was heard last; None: nothing, or it was before this run
    status: TaskStatus | None = None
    #: its end was told by whoever ran it: there is nothing that could change it
    is_final: bool = False
    #: it is to be killed, however often that must be said
    is_unwanted: bool = False
    #: how, if that was said
    kill_policy: KillPolicy | None = None
    #: the master has said how it ended, and whoever ran it has not yet
    is_repeated: bool = False
    #: uuid of the update that the program has now
    pending: bytes | None = None
    #: uuid of the last update that was acknowledged
    handled: bytes | None = None

    @property
    def has_ended(self) -> bool:
        return self.state in ENDS

    @property
    def has_finished(self) -> bool:
        """It has ended well."""
        return self.state is TaskState.TASK_FINISHED

    @property
    def has_failed(self) -> bool:
        """It has ended in any other way, and may have to be done again."""
        return self.has_ended and not self.has_finished

    @property
    def is_running(self) -> bool:
        return self.state is TaskState.TASK_RUNNING

    @property
    def is_unreachable(self) -> bool:
        """Its agent is out of reach: it may run there, and may come back."""
        return self.state is TaskState.TASK_UNREACHABLE

    def is_said_by(self, status: TaskStatus) -> bool:
        """It is the update that was heard last, once more."""
        return self.status is not None and status.uuid is not None and self.status.uuid == status.uuid

    def record(self) -> bytes:
        """What is kept of it."""
        uuid = self.status.uuid if self.is_final and self.status is not None else None
        at = self.launched / SECOND if self.launched is not None else None
        status = TaskStatus(task_id=self.id, state=self.state, agent_id=self.agent_id, uuid=uuid, timestamp=at)
        return protobuf.encode(status)

    @staticmethod
    def of(record: bytes) -> Task:
        """As it was kept. Raises DecodeError."""
        kept = protobuf.decode(TaskStatus, record)
        state = kept.state if kept.state in ENDS else TaskState.TASK_STAGING
        at = round(kept.timestamp * SECOND) if kept.timestamp is not None else None
        return Task(kept.task_id, kept.agent_id, at, state, is_final=kept.uuid is not None, handled=kept.uuid)


class Book(Mapping[TaskID, Task]):
    """All tasks, in the order of their launches."""

    def __init__(self) -> None:
        self._tasks: dict[TaskID, Task] = {}
        #: not ended
        self._open: dict[TaskID, Task] = {}
        self._ended: dict[TaskID, None] = {}

    def __getitem__(self, task_id: TaskID) -> Task:
        return self._tasks[task_id]

    def __iter__(self) -> Iterator[TaskID]:
        return iter(self._tasks)

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def open(self) -> Mapping[TaskID, Task]:
        """Those that are not known to have ended."""
        return self._open

    def add(self, task: Task) -> None:
        self._tasks[task.id] = task
        self._file(task)

    def forget(self, task_id: TaskID) -> bool:
        """False: it is not there."""
        self._open.pop(task_id, None)
        self._ended.pop(task_id, None)
        return self._tasks.pop(task_id, None) is not None

    def surplus(self) -> TaskID | None:
        """The task to be forgotten next; None: there is room."""
        return next(iter(self._ended)) if len(self._ended) > ENDED_MAX else None

    def hear(self, status: TaskStatus) -> bool:
        """What ``status`` means is known; False: it is nothing new. An update that comes again is, to whoever has not
        dealt with it."""
        task = self._tasks.get(status.task_id)
        if task is None:
            task = Task(status.task_id, status.agent_id)
            self.add(task)
            is_known = False
        else:
            is_known = task.status is not None or task.has_ended
            if task.is_said_by(status):
                return True
        if task.is_final or (is_known and status.uuid is None and status.state is task.state):
            return False
        task.state, task.status = status.state, status
        task.agent_id = status.agent_id or task.agent_id
        task.is_final = status.uuid is not None and status.state in ENDS
        self._file(task)
        return True

    def _file(self, task: Task) -> None:
        if task.has_ended:
            self._open.pop(task.id, None)
            self._ended.setdefault(task.id)
        else:
            self._ended.pop(task.id, None)
            self._open[task.id] = task

    def check(self) -> None:
        """Every task is either open or ended."""
        assert {**self._open, **self._ended}.keys() == self._tasks.keys()
        assert all(not task.has_ended for task in self._open.values())
