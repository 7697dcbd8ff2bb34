"""What is read is what was heard, for every kind of event there is; and digests tell frames apart."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from mesos_py.journal.classes import Unreadable, Unrecordable
from mesos_py.journal.events import Later, brief_digest, digest, told
from mesos_py.journal.files import LENGTH_AND_CRC
from mesos_py.journal.records import bytes_of, read, record
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.problem import bad_request
from mesos_py.machine.values import value
from mesos_py.master.changes import OfferEnd
from mesos_py.master.events import OfferExpired, RegistryRecovered
from mesos_py.master.registry import Registry, RemoveAgent
from mesos_py.wire import internal
from mesos_py.wire.ids import AgentID, OfferID
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.task import TaskState, TaskStatus
from tests.journal.samples import KINDS, kind_id, sample


def payload(event: Event, now: int = 0) -> bytes:
    return bytes_of(record(told(event, now), b""))[LENGTH_AND_CRC.size :]


def again(event: Event, now: int = 0) -> tuple[Event, int]:
    kept = read(payload(event, now))
    return kept.event, kept.now


@pytest.mark.parametrize("kind", KINDS, ids=kind_id)
def test_every_kind_of_event_comes_back(kind: Any) -> None:
    """Kind, body, peer, principal, size and time."""
    for seed in range(8):
        event = sample(kind, seed)
        kept, now = again(event, 1_700_000_000_123_456_789)
        assert now == 1_700_000_000_123_456_789
        assert (kept.kind, kept.peer, kept.principal, kept.size) == (
            event.kind, event.peer, event.principal, event.size
        )  # fmt: skip
        assert type(kept.body) is type(event.body)
        if isinstance(event.body, RegistryRecovered):
            assert kept.body.registry.message() == event.body.registry.message()
        else:
            assert kept.body == event.body


@pytest.mark.parametrize("kind", KINDS[::5], ids=kind_id)
def test_altered_bytes_are_refused_or_read(kind: Any) -> None:
    """Whatever a journal holds, reading it raises nothing else than Unreadable."""
    rng = random.Random(5)
    refused = 0
    for seed in range(100):
        data = bytearray(payload(sample(kind, seed), seed))
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            read(bytes(data[: rng.randrange(len(data) // 2, len(data) + 1)]))
        except Unreadable:
            refused += 1
    assert refused > 20


def test_an_event_is_kept_as_it_was_when_it_was_heard() -> None:
    """A core takes over what the event brings, and changes it."""
    registry = Registry()
    heard = record(told(Event(RegistryRecovered, RegistryRecovered(registry)), 0), b"")
    assert isinstance(heard, Later), "and yet a large one is not made in the loop"
    registry.gone[AgentID("later")] = 1
    assert read(heard.make()[LENGTH_AND_CRC.size :]).event.body.registry.gone == {}


@pytest.mark.parametrize("event", [Event("text"), Event(dict), Event(internal.Pong, object())], ids=("a", "b", "c"))
def test_what_no_core_understands_cannot_be_recorded(event: Event) -> None:
    with pytest.raises(Unrecordable):
        told(event, 0)


# ---- digests


@attrs.define(eq=False)
class Entity:
    id: str
    state: str = "new"


@value
class EntityChanged:
    entity_id: str
    state: TaskState
    end: OfferEnd | None
    names: tuple[str, ...]
    entity: Entity
    status: TaskStatus | None = None


def changed() -> EntityChanged:
    return EntityChanged("e", TaskState.TASK_RUNNING, OfferEnd.ACCEPTED, ("a", "b"), Entity("e"))


def frame() -> Frame:
    """With something of everything."""
    made = Frame(1, 7)
    made.send("peer", internal.Pong())
    made.send("peer", Call(type=Call.Type.KILL, kill=None))
    made.close("peer")
    made.write(RemoveAgent(AgentID("S1")))
    made.change(OfferExpired(OfferID("O1")))
    made.change(changed())
    made.reply = bad_request("no")
    return made


@pytest.mark.parametrize("digest", [digest, brief_digest])
def test_equal_frames_have_equal_digests(digest: Callable[[Frame], bytes]) -> None:
    """What becomes of an entity is not what the frame says, nor is when it says it."""
    later = frame()
    later.changes[1].entity.state = "old"
    later.now = 99
    assert digest(later) == digest(frame())


BRIEF = {
    "order": lambda frame: frame.sends.reverse(),
    "peer": lambda frame: setattr(frame.sends[0], "peer", "other"),
    "kind": lambda frame: setattr(frame.sends[0], "message", internal.Ping(connected=True)),
    "more": lambda frame: frame.close("peer"),
    "write": lambda frame: frame.writes.clear(),
    "id": lambda frame: frame.changes.append(EntityChanged("f", TaskState.TASK_RUNNING, None, (), Entity("f"))),
    "state": lambda frame: frame.changes.append(attrs.evolve(frame.changes.pop(), state=TaskState.TASK_LOST)),
    "end": lambda frame: frame.changes.append(attrs.evolve(frame.changes.pop(), end=OfferEnd.DECLINED)),
    "names": lambda frame: frame.changes.append(attrs.evolve(frame.changes.pop(), names=("a", "c"))),
    "reply": lambda frame: setattr(frame, "reply", None),
    "number": lambda frame: setattr(frame, "cause", 8),
}
FULL = {
    "message": lambda frame: setattr(frame.sends[1], "message", Call(type=Call.Type.REVIVE)),
    "volatile": lambda frame: setattr(frame.sends[0], "volatile", True),
    "fact": lambda frame: frame.writes.append(RemoveAgent(frame.writes.pop().agent_id + "2")),
    "text": lambda frame: setattr(frame, "reply", bad_request("yes")),
}


@pytest.mark.parametrize("what", [*BRIEF, *FULL])
def test_different_frames_have_different_digests(what: str) -> None:
    """Anything that is said, written, changed or answered counts; what is in words a brief one does not know."""
    other = frame()
    (BRIEF | FULL)[what](other)
    assert digest(other) != digest(frame())
    assert (brief_digest(other) != brief_digest(frame())) == (what in BRIEF)
