"""A framework's session: the whole table of its phases and events, and random walks through it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from mesos_py.machine.frame import Disconnected, Tick
from mesos_py.sdk.session import words
from mesos_py.sdk.session.core import ROWS
from mesos_py.sdk.session.phase import Phase
from mesos_py.wire.ids import OfferID, TaskID
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as MasterEvent
from tests.sdk.world import (
    World,
    error,
    heartbeat,
    launch,
    offers,
    rescind,
    subscribed,
    update,
)

Type = Call.Type
U1 = b"1" * 16


def test_every_call_and_every_event_has_a_row() -> None:
    """Nothing that a program or a master may say is without a meaning; SUBSCRIBE is the session's own."""
    missing = [one.name for one in Type if one not in ROWS and one.name not in ("UNKNOWN", "SUBSCRIBE")]
    payloads = [one for one in vars(MasterEvent).values() if isinstance(one, type) and one is not MasterEvent.Type]
    assert missing == []
    assert [one.__name__ for one in payloads if one not in ROWS] == []


# ---- the table


def waiting(w: World) -> None:
    w.begin()
    w.lose()


def connecting(w: World) -> None:
    w.begin()


def is_subscribed(w: World) -> None:
    w.subscribe()
    w.hear(offers("o1"))


def over(w: World) -> None:
    w.subscribe()
    w.hear(error("no"))


EVENTS: dict[str, tuple[Callable[[World], Any], dict[str, str]]] = {
    # what happens: the phase after it, by the phase before (the same, if nothing is said)
    "leader found": (lambda w: w.tell(words.LeaderFound("n:5050")),
                     {"WAITING": "CONNECTING", "SUBSCRIBED": "CONNECTING"}),
    "same leader": (lambda w: w.tell(words.LeaderFound("m:5050")), {"WAITING": "CONNECTING"}),
    "retry due": (lambda w: w.wait(0.1), {"WAITING": "CONNECTING"}),
    "not subscribed": (lambda w: w.tell(words.NotSubscribed("503"), w.session.peer),
                       {"CONNECTING": "WAITING", "SUBSCRIBED": "WAITING"}),
    "elsewhere": (lambda w: w.tell(words.SentElsewhere("n:5050"), w.session.peer), {"SUBSCRIBED": "CONNECTING"}),
    "nowhere": (lambda w: w.tell(words.SentElsewhere(None), w.session.peer),
                {"CONNECTING": "WAITING", "SUBSCRIBED": "WAITING"}),
    "refused": (lambda w: w.tell(words.SubscribeRefused("401"), w.session.peer),
                {"CONNECTING": "OVER", "SUBSCRIBED": "OVER"}),
    "disconnected": (lambda w: w.lose(), {"CONNECTING": "WAITING", "SUBSCRIBED": "WAITING"}),
    "subscribed": (lambda w: w.hear(subscribed()), {"CONNECTING": "SUBSCRIBED"}),
    "offers": (lambda w: w.hear(offers("o2")), {}),
    "rescind": (lambda w: w.hear(rescind("o1")), {}),
    "update": (lambda w: w.hear(update("t", "RUNNING", U1)), {}),
    "heartbeat": (lambda w: w.hear(heartbeat()), {}),
    "error": (lambda w: w.hear(error("no")), {"CONNECTING": "OVER", "SUBSCRIBED": "OVER"}),
    "removed": (lambda w: w.hear(error("Framework has been removed")),
                {"CONNECTING": "CONNECTING", "SUBSCRIBED": "OVER"}),
    "failed over": (lambda w: w.hear(error("Framework failed over")), {"CONNECTING": "OVER", "SUBSCRIBED": "OVER"}),
    "another's word": (lambda w: w.hear(error("no"), "master-0"), {}),
    "another's end": (lambda w: w.apply(Disconnected, "", "master-0"), {}),
    "accept": (lambda w: w.call(Type.ACCEPT, accept=launch("t")), {}),
    "decline": (lambda w: w.call(Type.DECLINE, decline=Call.Decline(offer_ids=(OfferID("o1"),))), {}),
    "kill": (lambda w: w.call(Type.KILL, kill=Call.Kill(task_id=TaskID("t"))), {}),
    "suppress": (lambda w: w.call(Type.SUPPRESS), {}),
    "revive": (lambda w: w.call(Type.REVIVE), {}),
    "unwanted": (lambda w: w.tell(words.OffersWanted(False)), {}),
    "teardown": (lambda w: w.call(Type.TEARDOWN), {}),
    "paused": (lambda w: w.tell(words.ReadingPaused(), w.session.peer), {}),
    "resumed": (lambda w: w.tell(words.ReadingResumed(), w.session.peer), {}),
    "handled": (lambda w: w.tell(words.Handled(update("t", "RUNNING", U1))), {}),
    "call refused": (lambda w: w.tell(words.CallRefused(Call(type=Type.KILL), 403, "Framework is not subscribed"),
                                      w.session.peer), {"CONNECTING": "WAITING", "SUBSCRIBED": "WAITING"}),
    "call taken": (lambda w: w.tell(words.CallTaken(Call(type=Type.TEARDOWN))), {}),
    "keep": (lambda w: w.tell(words.KeepAsked("k", b"v")), {}),
    "tick": (lambda w: w.apply(Tick), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("before", [waiting, connecting, is_subscribed, over])
def test_every_event_in_every_phase(before: Callable[[World], None], name: str) -> None:
    """Whatever happens whenever leads to the phase that the table says; invariants hold after every event."""
    w = World()
    before(w)
    phase = w.session.phase
    happens, after = EVENTS[name]
    happens(w)
    assert w.session.phase is Phase[after.get(phase.name, phase.name)]


def test_random_walks_keep_every_promise() -> None:
    """However events follow each other: invariants hold, and the program hears of each update once."""
    names = [name for name in EVENTS if name not in ("error", "refused", "failed over", "teardown", "retry due")]
    for seed in range(60):
        rng = random.Random(seed)
        w = World(seed=seed)
        w.begin()
        acknowledged: list[bytes] = []
        for step in range(120):
            happens, _ = EVENTS["subscribed" if rng.random() < 0.5 else rng.choice(names)]
            happens(w)
            w.wait(rng.random() * 3)
            uuid = step.to_bytes(16, "big")
            for _ in range(rng.randint(0, 2)):
                w.hear(update(f"t{rng.randint(0, 3)}", rng.choice(("RUNNING", "KILLING")), uuid))
            heard = [event for event in w.take_told() if event.update is not None and event.update.status.uuid == uuid]
            assert len({event.update.status.task_id for event in heard if event.update}) == len(heard)
            for event in heard:
                w.tell(words.Handled(event))
            acknowledged += [call.acknowledge.uuid for call in w.take_calls(Type.ACKNOWLEDGE) if call.acknowledge]
        assert acknowledged or w.session.is_over
