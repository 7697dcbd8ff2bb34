"""How executors and tasks live: two tables (state, event) -> what comes of it.

Executor::

    REGISTERING --subscribe--> RUNNING --shutdown--> TERMINATING --exit--> TERMINATED
        |  '------------------ shutdown ----------------^                     ^
        '--------------------------------- exit ------------------------------'

Task: an update is taken whatever the state, unless the task has ended; only what an executor may not say is refused.
Order among the states before the end is the executor's business (Mesos does not judge it either).

Mesos: src/slave/slave.cpp, Slave::subscribe, Slave::_shutdownExecutor, Slave::executorTerminated,
Executor::updateTaskState.
"""

from __future__ import annotations

import enum
from typing import Final

from mesos_py.wire.task import TaskState


class ExecutorState(enum.Enum):
    #: its container is being launched, or it has not subscribed yet; tasks are queued
    REGISTERING = "REGISTERING"
    RUNNING = "RUNNING"
    #: told to shut down; its container is destroyed when the grace period is over
    TERMINATING = "TERMINATING"
    #: nothing runs any more; kept until its tasks' updates are acknowledged
    TERMINATED = "TERMINATED"


class ExecutorEvent(enum.Enum):
    SUBSCRIBE = "subscribe"
    SHUTDOWN = "shutdown"
    EXIT = "exit"


class Action(enum.Enum):
    #: send SUBSCRIBED and what is queued
    WELCOME = "welcome"
    #: close the previous stream first
    WELCOME_AGAIN = "welcome again"
    #: it has come too late: tell it to shut down
    TURN_AWAY = "turn away"
    REFUSE = "refuse"
    #: send SHUTDOWN, start the grace period
    SHUT_DOWN = "shut down"
    #: settle its tasks
    BURY = "bury"
    NOTHING = "nothing"


_REGISTERING, _RUNNING = ExecutorState.REGISTERING, ExecutorState.RUNNING
_TERMINATING, _TERMINATED = ExecutorState.TERMINATING, ExecutorState.TERMINATED

EXECUTOR: Final[dict[tuple[ExecutorState, ExecutorEvent], tuple[ExecutorState, Action]]] = {
    (_REGISTERING, ExecutorEvent.SUBSCRIBE): (_RUNNING, Action.WELCOME),
    (_REGISTERING, ExecutorEvent.SHUTDOWN): (_TERMINATING, Action.SHUT_DOWN),
    (_REGISTERING, ExecutorEvent.EXIT): (_TERMINATED, Action.BURY),
    (_RUNNING, ExecutorEvent.SUBSCRIBE): (_RUNNING, Action.WELCOME_AGAIN),
    (_RUNNING, ExecutorEvent.SHUTDOWN): (_TERMINATING, Action.SHUT_DOWN),
    (_RUNNING, ExecutorEvent.EXIT): (_TERMINATED, Action.BURY),
    (_TERMINATING, ExecutorEvent.SUBSCRIBE): (_TERMINATING, Action.TURN_AWAY),
    (_TERMINATING, ExecutorEvent.SHUTDOWN): (_TERMINATING, Action.NOTHING),
    (_TERMINATING, ExecutorEvent.EXIT): (_TERMINATED, Action.BURY),
    (_TERMINATED, ExecutorEvent.SUBSCRIBE): (_TERMINATED, Action.REFUSE),
    (_TERMINATED, ExecutorEvent.SHUTDOWN): (_TERMINATED, Action.NOTHING),
    (_TERMINATED, ExecutorEvent.EXIT): (_TERMINATED, Action.NOTHING),
}


class Verdict(enum.Enum):
    """What becomes of an executor's update."""

    TAKE = "take"
    #: the task has ended already; harmless
    IGNORE = "ignore"
    #: no executor may say so; it is shut down
    REFUSE = "refuse"


TERMINAL: Final[frozenset[TaskState]] = frozenset(
    {
        TaskState.TASK_FINISHED,
        TaskState.TASK_FAILED,
        TaskState.TASK_KILLED,
        TaskState.TASK_LOST,
        TaskState.TASK_ERROR,
        TaskState.TASK_DROPPED,
        TaskState.TASK_GONE,
        TaskState.TASK_GONE_BY_OPERATOR,
    }
)

TASK: Final[dict[tuple[TaskState, TaskState], Verdict]] = {
    (state, said): Verdict.REFUSE
    if said is TaskState.TASK_STAGING
    else Verdict.IGNORE
    if state in TERMINAL
    else Verdict.TAKE
    for state in TaskState
    for said in TaskState
}


def is_terminal(state: TaskState) -> bool:
    return state in TERMINAL
