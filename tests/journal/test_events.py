"""What is read is what was heard, for every kind of event there is; and digests tell frames apart."""

from __future__ import annotations

import random
from typing import Any

import attrs
import pytest

from mesos_py.journal.classes import Unreadable, Unrecordable
from mesos_py.journal.events import decode, digest, encode
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.problem import bad_request
from mesos_py.master.events import OfferExpired, RegistryRecovered
from mesos_py.master.registry import Registry, RemoveAgent
from mesos_py.wire import internal
from mesos_py.wire.ids import AgentID, OfferID
from mesos_py.wire.scheduler_api import Call
from tests import builders
from tests.journal.samples import KINDS, kind_id, sample


@pytest.mark.parametrize("kind", KINDS, ids=kind_id)
def test_every_kind_of_event_comes_back(kind: Any) -> None:
    """Kind, body, peer, principal, size and time."""
    for seed in range(8):
        event = sample(kind, seed)
        read, now = decode(encode(event, 1_700_000_000_123_456_789))
        assert now == 1_700_000_000_123_456_789
        assert (read.kind, read.peer, read.principal, read.size) == (
            event.kind, event.peer, event.principal, event.size
        )  # fmt: skip
        assert type(read.body) is type(event.body)
        if isinstance(event.body, RegistryRecovered):
            assert read.body.registry.message() == event.body.registry.message()
        else:
            assert read.body == event.body


@pytest.mark.parametrize("kind", KINDS[::5], ids=kind_id)
def test_altered_bytes_are_refused_or_read(kind: Any) -> None:
    """Whatever a journal holds, reading it raises nothing else than Unreadable."""
    rng = random.Random(5)
    refused = 0
    for seed in range(100):
        data = bytearray(encode(sample(kind, seed), seed))
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            decode(bytes(data[: rng.randrange(len(data) // 2, len(data) + 1)]))
        except Unreadable:
            refused += 1
    assert refused > 20


def test_an_event_is_kept_as_it_was_when_it_was_heard() -> None:
    """A core takes over what the event brings, and changes it."""
    registry = Registry()
    data = encode(Event(RegistryRecovered, RegistryRecovered(registry)), 0)
    registry.gone[AgentID("later")] = 1
    assert decode(data)[0].body.registry.gone == {}


@pytest.mark.parametrize("event", [Event("text"), Event(dict), Event(internal.Pong, object())], ids=("a", "b", "c"))
def test_what_no_core_understands_cannot_be_recorded(event: Event) -> None:
    with pytest.raises(Unrecordable):
        encode(event, 0)


# ---- digests


@attrs.define(eq=False)
class Entity:
    id: str
    state: str = "new"


def frame() -> Frame:
    """With something of everything."""
    made = Frame(1, 7)
    made.send("peer", internal.Pong())
    made.send("peer", Call(type=Call.Type.KILL, kill=None))
    made.close("peer")
    made.write(RemoveAgent(AgentID("S1")))
    made.change(OfferExpired(OfferID("O1")))
    made.change(Entity("e"))
    made.reply = bad_request("no")
    return made


def test_equal_frames_have_equal_digests() -> None:
    assert digest(frame()) == digest(frame())
    later = frame()
    later.changes[1].state = "old"
    later.now = 99
    assert digest(later) == digest(frame()), "what becomes of an entity is not what the frame says"


@pytest.mark.parametrize("different", range(8))
def test_different_frames_have_different_digests(different: int) -> None:
    """Anything that is said, written, changed or answered counts, and so does the order."""
    changed = frame()
    match different:
        case 0:
            changed.sends.reverse()
        case 1:
            changed.sends[0].peer = "other"
        case 2:
            changed.send("peer", internal.Pong(), volatile=True)
        case 3:
            changed.writes[0] = RemoveAgent(AgentID("S2"))
        case 4:
            changed.changes[1] = Entity("f")
        case 5:
            changed.reply = bad_request("yes")
        case 6:
            changed.cause += 1
        case 7:
            changed.send("peer", builders.framework_info())
    assert digest(changed) != digest(frame())
