"""Status-update streams: at least once, in order, and exactly one end (I3, I4)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesos_py.agent.lifecycle import TERMINAL
from mesos_py.agent.updates import PENDING_MAX, Acknowledged, RetryUpdate, Taken, Updates
from mesos_py.machine.frame import Frame, Send
from mesos_py.machine.timers import Timers
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.wire.ids import ExecutorID, FrameworkID, TaskID
from mesos_py.wire.task import TaskState, TaskStatus

F, E = FrameworkID("f"), ExecutorID("e")
STATES = (TaskState.TASK_STARTING, TaskState.TASK_RUNNING, TaskState.TASK_FINISHED, TaskState.TASK_FAILED)


def status(task_id: str, uuid: int, state: TaskState = TaskState.TASK_RUNNING) -> TaskStatus:
    return TaskStatus(task_id=TaskID(task_id), state=state, uuid=uuid.to_bytes(16, "big"))


class Rig:
    """Streams, a clock, and what was said to the master."""

    def __init__(self) -> None:
        self.timers = Timers()
        self.updates = Updates(self.timers, self)
        #: of the last that has left
        self.told: TaskStatus | None = None
        self.now: Nanos = 0
        self.frame = Frame(0)

    def out(self) -> Frame:
        self.frame = Frame(self.now)
        return self.frame

    def forwarded(
        self, framework_id: FrameworkID, executor_id: ExecutorID, task_id: TaskID, status: TaskStatus
    ) -> None:
        assert task_id == status.task_id
        self.told = status

    def receive(self, one: TaskStatus, *, checkpoint: bool = False) -> Taken:
        taken = self.updates.receive(F, E, "c", checkpoint, one, self.out())
        self.updates.check()
        return taken

    def acknowledge(self, one: TaskStatus) -> Acknowledged:
        result = self.updates.acknowledge(F, one.task_id, one.uuid or b"", self.out())
        self.updates.check()
        return result

    def advance(self, duration: Nanos) -> list[TaskStatus]:
        """What is repeated meanwhile."""
        self.now += duration
        out = self.out()
        for event in self.timers.due(self.now):
            assert isinstance(event, RetryUpdate)
            self.updates.retry(event, out)
        self.updates.check()
        return self.said()

    def said(self) -> list[TaskStatus]:
        return [word.message.status for word in self.frame.sends if isinstance(word, Send)]


def test_only_the_head_is_under_way() -> None:
    """The next leaves when the head is acknowledged; latest_state is that of the last received."""
    rig = Rig()
    rig.updates.resume("m", rig.out())
    first, second = status("t", 1, TaskState.TASK_STARTING), status("t", 2)
    assert rig.receive(first) is Taken.NEW
    assert rig.said() == [first]
    assert rig.receive(second) is Taken.NEW
    assert rig.said() == []
    (repeated,) = rig.advance(10 * SECOND)
    assert repeated == first
    (word,) = rig.frame.sends
    assert isinstance(word, Send)
    assert word.message.latest_state is TaskState.TASK_RUNNING
    assert rig.acknowledge(second) is Acknowledged.UNEXPECTED
    assert rig.acknowledge(first) is Acknowledged.MORE
    assert rig.said() == [second]


def test_retry_doubles_from_ten_seconds_to_ten_minutes() -> None:
    rig = Rig()
    rig.updates.resume("m", rig.out())
    rig.receive(status("t", 1))
    for wait in (10, 20, 40, 80, 160, 320, 600, 600, 600):
        assert rig.advance(wait * SECOND - 1) == []
        assert len(rig.advance(1)) == 1


def test_resuming_sends_heads_at_once_and_starts_the_back_off_anew() -> None:
    rig = Rig()
    rig.updates.resume("m", rig.out())
    rig.receive(status("t", 1))
    rig.advance(10 * SECOND)
    rig.updates.pause()
    rig.receive(status("u", 2))
    assert rig.advance(3600 * SECOND) == []
    rig.updates.resume("m2", rig.out())
    assert [one.task_id for one in rig.said()] == ["t", "u"]
    assert len(rig.advance(10 * SECOND)) == 2


def test_a_framework_that_comes_back_hears_its_heads_at_once() -> None:
    """Nothing of other frameworks is said again, and nothing at all while there is no master."""
    rig = Rig()
    rig.updates.resume("m", rig.out())
    rig.receive(status("t", 1))
    rig.receive(status("t", 2))
    rig.updates.receive(FrameworkID("g"), E, "c", False, status("u", 3), Frame(0))
    rig.advance(9 * SECOND)
    rig.updates.repeat(F, rig.out())
    assert rig.said() == [status("t", 1)]
    assert [one.task_id for one in rig.advance(1 * SECOND)] == ["u"]
    assert rig.advance(9 * SECOND) == [status("t", 1)]
    rig.updates.pause()
    rig.updates.repeat(F, rig.out())
    assert rig.said() == []


def test_a_stream_ends_with_the_acknowledgement_of_its_end() -> None:
    rig = Rig()
    rig.updates.resume("m", rig.out())
    end = status("t", 1, TaskState.TASK_FINISHED)
    rig.receive(end)
    assert rig.receive(status("t", 2)) is Taken.LATE
    assert rig.receive(end) is Taken.DUPLICATE
    assert rig.acknowledge(end) is Acknowledged.ENDED
    assert rig.acknowledge(end) is Acknowledged.UNEXPECTED
    assert len(rig.updates) == 0
    assert len(rig.timers) == 0


def test_bounded() -> None:
    """A task that says more than can be delivered is told to wait."""
    rig = Rig()
    for uuid in range(PENDING_MAX):
        rig.updates.receive(F, E, "c", False, status("t", uuid), Frame(0))
    assert rig.receive(status("t", PENDING_MAX)) is Taken.FULL


def test_forgetting_a_framework() -> None:
    rig = Rig()
    rig.updates.resume("m", rig.out())
    rig.receive(status("t", 1))
    rig.updates.forget(F, rig.out())
    assert len(rig.updates) == 0
    assert rig.advance(3600 * SECOND) == []


@pytest.mark.parametrize("checkpoint", [True, False])
def test_facts(checkpoint: bool) -> None:
    """Of checkpointing frameworks every update and acknowledgement survives, before it is said."""
    rig = Rig()
    rig.updates.resume("m", rig.out())
    one = status("t", 1)
    rig.receive(one, checkpoint=checkpoint)
    assert len(rig.frame.writes) == int(checkpoint)
    rig.acknowledge(one)
    assert len(rig.frame.writes) == int(checkpoint)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("receive"), st.sampled_from("tu"), st.integers(0, 8), st.sampled_from(STATES)),
        st.tuples(st.just("acknowledge"), st.sampled_from("tu"), st.integers(0, 8), st.just(None)),
        st.tuples(st.just("acknowledge head"), st.sampled_from("tu"), st.just(0), st.just(None)),
        st.tuples(st.sampled_from(["pause", "resume", "wait"]), st.just(""), st.just(0), st.just(None)),
    ),
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_whatever_happens_updates_arrive_in_order_and_the_end_is_last(
    steps: list[tuple[str, str, int, TaskState | None]],
) -> None:
    """I3 and I4 of one life of each task: first arrivals follow the order of receipt, all arrive, one end at most."""
    rig = Rig()
    rig.updates.resume("m", rig.out())
    taken: dict[str, list[bytes]] = {"t": [], "u": []}
    arrived: dict[str, list[bytes]] = {"t": [], "u": []}
    over: set[str] = set()

    def listen() -> None:
        for one in rig.said():
            seen = arrived[one.task_id]
            if one.uuid not in seen:
                seen.append(one.uuid or b"")

    for kind, task_id, uuid, state in steps:
        if kind == "receive" and state is not None and task_id not in over:
            one = status(task_id, uuid, state)
            if rig.receive(one) is Taken.NEW:
                taken[task_id].append(one.uuid or b"")
        elif kind.startswith("acknowledge"):
            stream = rig.updates.stream(F, TaskID(task_id))
            head = stream.pending[0] if stream is not None and stream.pending else None
            one = head if kind.endswith("head") and head is not None else status(task_id, uuid)
            delivered = head is not None and head.uuid in arrived[task_id]
            if not delivered:
                continue  # nobody acknowledges what never arrived
            if rig.acknowledge(one) is Acknowledged.ENDED:
                over.add(task_id)
        elif kind == "pause":
            rig.updates.pause()
        elif kind == "resume":
            rig.updates.resume("m", rig.out())
        elif kind == "wait":
            rig.advance(600 * SECOND)
        listen()
    # Afterwards everybody listens and acknowledges: everything that was taken arrives, in order.
    rig.updates.resume("m", rig.out())
    listen()
    while heads := [stream.pending[0] for stream in rig.updates if stream.pending]:
        for head in heads:
            rig.acknowledge(head)
            listen()
    assert arrived == taken
    for stream in rig.updates:
        assert not stream.pending
    assert TERMINAL
