"""A DECLINE of many offers, as the shell tells it to the core."""

from __future__ import annotations

import asyncio

import pytest

from mesos_py.machine.driver import Driver
from mesos_py.machine.frame import Close, Event, Frame, Send
from mesos_py.machine.problem import Problem, bad_request
from mesos_py.master.http import decline
from mesos_py.wire.ids import OfferID
from mesos_py.wire.scheduler_api import Call


class Told:
    """A core that remembers which offers it was told to decline, and when others had a turn."""

    def __init__(self) -> None:
        self.declined: list[list[str]] = []
        self.sizes: list[int] = []
        self.problem: Problem | None = None

    def apply(self, told: Event, now: int) -> Frame:
        assert (told.peer, told.principal) == ("peer", "ann")
        self.declined.append([*told.body.decline.offer_ids])
        self.sizes.append(told.size)
        frame = Frame(now, len(self.declined))
        frame.reply = self.problem
        return frame

    def deadline(self) -> None:
        return None


class Silent:
    """There is nobody to say anything to."""

    def send(self, word: Send | Close) -> None:
        raise AssertionError(f"{word} was said")

    def publish(self, frame: Frame) -> None:
        pass


def declining(count: int) -> Event:
    decline = Call.Decline(offer_ids=tuple([OfferID(str(number)) for number in range(count)]))
    return Event(Call.Type.DECLINE, Call(type=Call.Type.DECLINE, decline=decline), "peer", "ann", 10 * count)


async def test_others_have_their_turn_while_many_offers_are_declined() -> None:
    """Whoever has said it may be gone before all is done; a refusal is the answer to all of it."""
    everything = [str(number) for number in range(1_200)]
    core = Told()
    driver = Driver(core, None, Silent())
    declined = asyncio.create_task(decline(driver, declining(1_200)))
    await asyncio.sleep(0)
    assert [len(some) for some in core.declined] == [500]
    assert await declined is None
    assert [len(some) for some in core.declined] == [500, 500, 200]
    assert [one for some in core.declined for one in some] == everything
    assert sum(core.sizes) == 12_000

    core.declined.clear()
    declined = asyncio.create_task(decline(driver, declining(1_200)))
    await asyncio.sleep(0)
    declined.cancel()
    with pytest.raises(asyncio.CancelledError):
        await declined
    assert [one for some in core.declined for one in some] == everything

    core.declined.clear()
    core.problem = bad_request("no")
    assert await decline(driver, declining(1_200)) == core.problem
    assert len(core.declined) == 1
    core.declined.clear()
    assert await decline(driver, declining(0)) == core.problem
    assert core.declined == [[]]
