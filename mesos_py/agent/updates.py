"""Status-update streams: one per task, first in first out, each update repeated until it is acknowledged.

Only the head of a stream is under way; the next follows when the head's uuid comes back. Nothing is sent while there
is no registered master; on ``resume`` every head leaves at once and its back-off starts anew. A stream ends with the
acknowledgement of a terminal update.

Bounds: a stream holds ``PENDING_MAX`` updates; its executor is told to try later beyond that. Of acknowledged updates
the last ``REMEMBERED_MAX`` are remembered, so that one said again by an executor that missed our answer is known.

Mesos: src/slave/task_status_update_manager.cpp.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Protocol

import attrs

from mesos_py.agent.checkpoint import facts
from mesos_py.agent.lifecycle import TERMINAL
from mesos_py.agent.options import STATUS_UPDATE_RETRY_MAX, STATUS_UPDATE_RETRY_MIN
from mesos_py.machine.frame import Frame, PeerID
from mesos_py.machine.timers import Timers
from mesos_py.machine.values import Nanos, value
from mesos_py.wire.ids import ExecutorID, FrameworkID, TaskID
from mesos_py.wire.internal import StatusUpdate
from mesos_py.wire.task import TaskStatus

PENDING_MAX = 10_000  # updates of one task waiting for acknowledgement; a task says a handful in its life
REMEMBERED_MAX = 100  # acknowledged updates of one task; executors have a few under way at a time


@value
class RetryUpdate:
    """The head of this stream has been under way for long enough."""

    framework_id: FrameworkID
    task_id: TaskID


class Taken(enum.Enum):
    """What became of an update."""

    NEW = "new"
    #: has been received before, perhaps even acknowledged
    DUPLICATE = "duplicate"
    #: came after a terminal one
    LATE = "late"
    #: too many are pending
    FULL = "full"


class Acknowledged(enum.Enum):
    """What an acknowledgement did."""

    MORE = "more"
    #: the stream has ended: the framework knows the task's last state
    ENDED = "ended"
    #: there is no such stream, or its head is another update
    UNEXPECTED = "unexpected"


@attrs.define(eq=False)
class Stream:
    """What is still to be told about one task."""

    framework_id: FrameworkID
    task_id: TaskID
    executor_id: ExecutorID
    container_id: str
    #: whether facts about it are written
    checkpoint: bool
    pending: deque[TaskStatus] = attrs.Factory(deque)
    #: uuids of the updates remembered, oldest first
    seen: dict[bytes, None] = attrs.Factory(dict)
    #: number of the oldest update remembered; the first one of a task has 0
    first: int = 0
    #: a terminal update was received
    closing: bool = False
    #: until the head is repeated
    retry: Nanos = STATUS_UPDATE_RETRY_MIN

    @property
    def end(self) -> int:
        """Number of the next update."""
        return self.first + len(self.seen)

    @property
    def acknowledged(self) -> int:
        """So many updates are acknowledged."""
        return self.end - len(self.pending)


class Tasks(Protocol):
    """Where it is remembered what the master has been told of tasks."""

    def forwarded(
        self, framework_id: FrameworkID, executor_id: ExecutorID, task_id: TaskID, status: TaskStatus
    ) -> None: ...


class Updates:
    """All streams of an agent. ``peer`` is the registered master, None while there is none."""

    def __init__(self, timers: Timers, tasks: Tasks) -> None:
        self._timers, self._tasks = timers, tasks
        self._streams: dict[tuple[FrameworkID, TaskID], Stream] = {}
        self.peer: PeerID | None = None

    def __len__(self) -> int:
        return len(self._streams)

    def __iter__(self) -> Iterator[Stream]:
        return iter(self._streams.values())

    def stream(self, framework_id: FrameworkID, task_id: TaskID) -> Stream | None:
        return self._streams.get((framework_id, task_id))

    def receive(
        self,
        framework_id: FrameworkID,
        executor_id: ExecutorID,
        container_id: str,
        checkpoint: bool,
        status: TaskStatus,
        out: Frame,
    ) -> Taken:
        """``status``, which has a uuid, will be delivered; the stream is made when it is the task's first."""
        uuid = status.uuid
        assert uuid is not None
        key = (framework_id, status.task_id)
        stream = self._streams.get(key)
        if stream is None:
            stream = Stream(framework_id, status.task_id, executor_id, container_id, checkpoint)
            self._streams[key] = stream
        elif uuid in stream.seen:
            return Taken.DUPLICATE
        elif stream.closing:
            return Taken.LATE
        elif len(stream.pending) >= PENDING_MAX:
            return Taken.FULL
        if checkpoint:
            out.write(facts.UpdateReceived(framework_id, container_id, status.task_id, stream.end, status))
        stream.seen[uuid] = None
        stream.pending.append(status)
        stream.closing = status.state in TERMINAL
        if len(stream.pending) == 1:
            stream.retry = STATUS_UPDATE_RETRY_MIN
            self._forward(stream, out)
        return Taken.NEW

    def acknowledge(self, framework_id: FrameworkID, task_id: TaskID, uuid: bytes, out: Frame) -> Acknowledged:
        """The head is delivered; the next one leaves, or the stream ends."""
        key = (framework_id, task_id)
        stream = self._streams.get(key)
        if stream is None or not stream.pending or stream.pending[0].uuid != uuid:
            return Acknowledged.UNEXPECTED
        delivered = stream.pending.popleft()
        if delivered.state in TERMINAL:
            self._end(stream, out)
            return Acknowledged.ENDED
        if stream.checkpoint:
            fact = facts.UpdatesAcknowledged(framework_id, stream.container_id, task_id, stream.acknowledged)
            out.write(fact)
        self._trim(stream, out)
        if stream.pending:
            stream.retry = STATUS_UPDATE_RETRY_MIN
            self._forward(stream, out)
        else:
            self._timers.cancel(key)
        return Acknowledged.MORE

    def retry(self, event: RetryUpdate, out: Frame) -> None:
        """Send the head again and wait twice as long for its acknowledgement."""
        stream = self._streams.get((event.framework_id, event.task_id))
        if stream is not None and stream.pending and self.peer is not None:
            stream.retry = min(2 * stream.retry, STATUS_UPDATE_RETRY_MAX)
            self._forward(stream, out)

    def pause(self) -> None:
        """There is no master to tell: nothing leaves until ``resume``."""
        self.peer = None
        for key in self._streams:
            self._timers.cancel(key)

    def resume(self, peer: PeerID, out: Frame) -> None:
        """Every head leaves at once, in the order in which the streams began."""
        self.peer = peer
        self._repeat(self._streams.values(), out)

    def repeat(self, framework_id: FrameworkID, out: Frame) -> None:
        """Heads of that framework leave at once: somebody else may be listening now."""
        if self.peer is not None:
            self._repeat([stream for stream in self if stream.framework_id == framework_id], out)

    def _repeat(self, streams: Iterable[Stream], out: Frame) -> None:
        for stream in streams:
            if stream.pending:
                stream.retry = STATUS_UPDATE_RETRY_MIN
                self._forward(stream, out)

    def forget(self, framework_id: FrameworkID, out: Frame) -> None:
        """Nobody is interested any more in what is left to say about the framework's tasks."""
        for stream in [stream for key, stream in self._streams.items() if key[0] == framework_id]:
            self._end(stream, out)

    def recover(self, stream: Stream) -> None:
        """A former agent's stream goes on; nothing leaves before ``resume``."""
        assert self.peer is None
        self._streams[stream.framework_id, stream.task_id] = stream

    def check(self) -> None:
        """Invariants: a head under way has a timer, a closing stream ends with its only terminal update."""
        for key, stream in self._streams.items():
            assert (key in self._timers) == (self.peer is not None and bool(stream.pending)), key
            terminal = [status.state in TERMINAL for status in stream.pending]
            assert not any(terminal[:-1]), key
            if stream.pending:
                assert terminal[-1] == stream.closing, key

    def _end(self, stream: Stream, out: Frame) -> None:
        key = (stream.framework_id, stream.task_id)
        self._timers.cancel(key)
        del self._streams[key]
        self._forget(stream, stream.end, out, is_all=True)

    def _trim(self, stream: Stream, out: Frame) -> None:
        if stream.acknowledged - stream.first > REMEMBERED_MAX:
            self._forget(stream, stream.first + 1, out, is_all=False)
            del stream.seen[next(iter(stream.seen))]
            stream.first += 1

    def _forget(self, stream: Stream, end: int, out: Frame, *, is_all: bool) -> None:
        if stream.checkpoint:
            fact = facts.UpdatesForgotten(
                stream.framework_id, stream.container_id, stream.task_id, stream.first, end, is_all
            )
            out.write(fact)

    def _forward(self, stream: Stream, out: Frame) -> None:
        if self.peer is None:
            return
        pending = stream.pending
        self._tasks.forwarded(stream.framework_id, stream.executor_id, stream.task_id, pending[0])
        out.send(
            self.peer,
            StatusUpdate(framework_id=stream.framework_id, status=pending[0], latest_state=pending[-1].state),
        )
        self._timers.set(
            (stream.framework_id, stream.task_id),
            out.now + stream.retry,
            RetryUpdate(stream.framework_id, stream.task_id),
        )
