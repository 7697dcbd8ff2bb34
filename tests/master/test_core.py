"""The core as a whole: every call has a row, runs repeat exactly, and it says itself when it wants to be called."""

from __future__ import annotations

import random
from typing import Any

import pytest

from mesos_py.machine.frame import Event, Frame, Send, Tick
from mesos_py.master.changes import Dropped
from mesos_py.master.core import ROWS, TIMERS_PER_FRAME, Master
from mesos_py.master.entities import TERMINAL
from mesos_py.master.options import Options
from mesos_py.wire import internal
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as Word
from mesos_py.wire.task import TaskState
from tests import builders
from tests.master.test_master_machine import walk
from tests.master.world import World


@pytest.mark.parametrize("type_", [type_ for type_ in Call.Type if type_ is not Call.Type.UNKNOWN])
def test_every_call_has_one_row(type_: Call.Type) -> None:
    assert ROWS[type_].doc, "and says what is true afterwards"
    assert (ROWS[type_].check is None) == (type_ is Call.Type.SUBSCRIBE)


@pytest.mark.parametrize("tag", [tag for tag in internal.TAGS if tag < 20])
def test_every_message_of_agents_has_a_row(tag: int) -> None:
    assert internal.TAGS[tag] in ROWS


def test_terminal_states_are_those_of_mesos() -> None:
    alive = [state.name for state in TaskState if not TERMINAL[state]]
    assert alive == [
        "TASK_STARTING",
        "TASK_RUNNING",
        "TASK_STAGING",
        "TASK_KILLING",
        "TASK_UNREACHABLE",
        "TASK_UNKNOWN",
    ]


class Recorder:
    """Wraps a core to remember what reaches it."""

    def __init__(self, core: Master) -> None:
        self._core = core
        self.events: list[tuple[Event, int]] = []

    def apply(self, event: Event, now: int) -> Frame:
        self.events.append((event, now))
        return self._core.apply(event, now)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._core, name)


def said(frame: Frame) -> tuple[Any, ...]:
    return (
        frame.cause,
        frame.writes,
        frame.sends,
        frame.reply,
        [type(change).__name__ for change in frame.changes],
    )


def test_the_same_events_make_the_same_frames() -> None:
    """I15: what a core says depends on its events, their times and its seed, and on nothing else."""
    world = World(Options(offer_timeout_s=3.0), seed=5)
    world.master = recorder = Recorder(world.master)  # type: ignore[assignment]
    agents = [world.agent(hostname=f"h{number}") for number in range(5)]
    schedulers = [world.scheduler(name=name, roles=(name,)) for name in "abc"]
    for turn in range(8):
        world.advance(1.0)
        for scheduler in schedulers:
            for offer in scheduler.offers()[:2]:
                scheduler.accept([offer], builders.launch(builders.task(f"t{turn}", offer.agent_id, cpus=0.5)))
    agents[0].disconnect()
    schedulers[0].disconnect()
    world.advance(100)
    fresh = Master(builders.master_info(), Options(offer_timeout_s=3.0), random.Random(5))
    assert [said(fresh.apply(event, now)) for event, now in recorder.events] == [said(frame) for frame in world.frames]


def test_a_frame_handles_a_bounded_number_of_timers() -> None:
    """What is left is due at once."""
    world = World(check=False)
    count = TIMERS_PER_FRAME + 50
    for number in range(count):
        world.scheduler(name=f"f{number}")
    world.settle()
    world.now += 16 * 10**9
    frame = world.apply(Tick)
    heartbeats = [word for word in frame.sends if isinstance(word, Send) and word.message.type is Word.Type.HEARTBEAT]
    assert len(heartbeats) == TIMERS_PER_FRAME
    deadline = world.master.deadline()
    assert deadline is not None
    assert deadline <= world.now


def test_an_idle_master_wants_nothing() -> None:
    assert World().master.deadline() is None


def test_events_are_counted_by_kind() -> None:
    machine = walk(3, 50)
    handled = machine.world.master.handled
    assert handled[internal.RegisterAgent] >= 2
    assert handled[Call.Type.SUBSCRIBE] >= 2


@pytest.mark.parametrize("kind", [Call.Type.UNKNOWN, internal.AgentRegistered, internal.Ping])
def test_words_that_are_not_for_a_master_are_dropped(kind: Any) -> None:
    """An agent that says what masters say must not stop the master."""
    world = World()
    agent = world.agent()
    frame = world.apply(kind, object(), agent.peer)
    assert (frame.sends, frame.writes) == ([], [])
    assert [type(change) for change in frame.changes] == [Dropped]
    assert frame.reply.text == "501 Not Implemented."
