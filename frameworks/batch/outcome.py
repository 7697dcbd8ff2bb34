"""What became of an attempt to run a task, from what Mesos says of it.

===========  ======================================================================================
SUCCEEDED    its command exited with 0
FAILED       with something else, or by a signal
TIMED_OUT    it had its time and was ended
EXHAUSTED    it used more memory or disk than it may
NOT_RUN      nothing was run: its image, its files, its container, its definition
-----------  --------------------------------------------------------------------------------------
LOST         nobody knows, or its host is gone: not the task's fault, and it may have run
PREEMPTED    we have ended it for somebody more important, or an operator has emptied its host
CANCELLED    whoever owns it did not want it any more
===========  ======================================================================================

Those below the line are no failures: they do not count against ``retry.max``.
"""

from __future__ import annotations

import enum
import re

import attrs

from mesos_py.machine.usage import Usage
from mesos_py.wire.task import TaskState, TaskStatus


class Outcome(enum.Enum):
    """See above."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    EXHAUSTED = "exhausted"
    NOT_RUN = "not run"
    LOST = "lost"
    PREEMPTED = "preempted"
    CANCELLED = "cancelled"

    @property
    def is_failure(self) -> bool:
        return self in (Outcome.FAILED, Outcome.TIMED_OUT, Outcome.EXHAUSTED, Outcome.NOT_RUN)


@attrs.frozen
class End:
    """How an attempt ended. Mesos has no field for exit codes: they are read out of the message."""

    outcome: Outcome
    exit_code: int | None = None
    #: ``SIGKILL``
    signal: str | None = None
    message: str = ""
    #: None: whoever ran it has not said
    usage: Usage | None = None


_State, _Reason = TaskState, TaskStatus.Reason

_EXHAUSTED = (
    _Reason.REASON_CONTAINER_LIMITATION, _Reason.REASON_CONTAINER_LIMITATION_MEMORY,
    _Reason.REASON_CONTAINER_LIMITATION_DISK,
)  # fmt: skip
_NOT_RUN = (
    _Reason.REASON_CONTAINER_LAUNCH_FAILED, _Reason.REASON_TASK_INVALID, _Reason.REASON_TASK_UNAUTHORIZED,
    _Reason.REASON_EXECUTOR_REGISTRATION_TIMEOUT,
)  # fmt: skip
_PREEMPTED = (_Reason.REASON_CONTAINER_PREEMPTED, _Reason.REASON_AGENT_DRAINING)
_LOST = (
    _Reason.REASON_AGENT_REMOVED, _Reason.REASON_AGENT_RESTARTED, _Reason.REASON_EXECUTOR_REREGISTRATION_TIMEOUT,
)  # fmt: skip

MESSAGE_MAX = 500  # characters that are kept

_EXIT = re.compile(r"exited with status (\d{1,3})\b", re.ASCII)
_SIGNAL = re.compile(r"terminated with signal (\w+)", re.ASCII)
#: what strsignal says, as C++ Mesos writes it into messages
_SIGNALS = {
    "Hangup": "SIGHUP", "Interrupt": "SIGINT", "Quit": "SIGQUIT", "Illegal": "SIGILL", "Aborted": "SIGABRT",
    "Killed": "SIGKILL", "Segmentation": "SIGSEGV", "Broken": "SIGPIPE", "Terminated": "SIGTERM",
}  # fmt: skip


def end_of(status: TaskStatus) -> End:
    """What that end of a task means."""
    message = status.message or ""
    exit_code = _EXIT.search(message)
    by_signal = _SIGNAL.search(message)
    signal = None if by_signal is None else _SIGNALS.get(by_signal[1], by_signal[1])
    code = int(exit_code[1]) if exit_code is not None else 0 if status.state is _State.TASK_FINISHED else None
    return End(_outcome(status.state, status.reason), code, signal, message[:MESSAGE_MAX], Usage.of(status))


def _outcome(state: TaskState, reason: TaskStatus.Reason | None) -> Outcome:
    if state is _State.TASK_FINISHED:
        return Outcome.SUCCEEDED
    if reason is _Reason.REASON_MAX_COMPLETION_TIME_REACHED:
        return Outcome.TIMED_OUT
    if state is _State.TASK_ERROR or (state is _State.TASK_FAILED and reason in _NOT_RUN):
        return Outcome.NOT_RUN
    if state is _State.TASK_DROPPED and reason is _Reason.REASON_EXECUTOR_TERMINATED:  # it has no sandbox, or no user
        return Outcome.NOT_RUN
    if state is _State.TASK_FAILED and reason in _EXHAUSTED:
        return Outcome.EXHAUSTED
    if reason in _PREEMPTED:
        return Outcome.PREEMPTED
    if state is _State.TASK_FAILED and reason not in _LOST:
        return Outcome.FAILED
    if state is _State.TASK_KILLED:
        return Outcome.CANCELLED
    return Outcome.LOST
