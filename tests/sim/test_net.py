"""Connections as TCP has them: order, loss only with the connection, ends that do not know."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from mesos_py.machine.values import MILLISECOND, SECOND, seconds
from mesos_py.sim.loop import SimLoop
from mesos_py.sim.net import UNREAD_MAX, End, Network, Weather


class Pair:
    """Client ``c`` and server ``s``, connected."""

    def __init__(self, seed: int = 0, **weather: int) -> None:
        self.loop = SimLoop(seed)
        self.net = Network(self.loop, seed, Weather(**weather))
        self.heard: dict[str, list[object]] = {"c": [], "s": []}
        self.lost: dict[str, str] = {}
        self.server: End
        self.net.listen("s", "service", self._accept)
        self.client = self.run(lambda: self.net.connect("c", "s", "service"))
        self._listen("c", self.client)

    def run(self, what: Callable[[], Awaitable[End]]) -> End:
        end: End = self.loop.run_until_complete(what())
        return end

    def _accept(self, end: End) -> None:
        self.server = end
        self._listen("s", end)

    def _listen(self, name: str, end: End) -> None:
        end.listen(self.heard[name].append, lambda why: self.lost.__setitem__(name, why))

    def wait(self, duration_s: float) -> None:
        self.loop.run_for(seconds(duration_s))


def test_order_is_kept_within_a_connection() -> None:
    """However different the delays of single messages are."""
    for seed in range(10):
        pair = Pair(seed, delay_max=SECOND)
        for number in range(50):
            pair.client.send(number)
        pair.wait(10)
        assert pair.heard["s"] == list(range(50))


def test_what_waits_for_a_cut_to_heal_arrives() -> None:
    """TCP tries again; neither end notices."""
    pair = Pair(give_up=60 * SECOND)
    pair.net.cut("c", "s")
    pair.client.send("late")
    pair.wait(30)
    assert pair.heard["s"] == []
    pair.net.mend("c", "s")
    pair.wait(1)
    assert pair.heard["s"] == ["late"]
    assert pair.lost == {}


def test_what_is_healed_has_no_spikes() -> None:
    """Neither the links that there are nor those to come; before that there were."""
    pair = Pair(spikes=0.5, spike=100 * SECOND)
    links = [pair.net.link("c", "s")]
    assert max(links[0].delay() for _ in range(50)) > 10 * SECOND
    pair.net.heal()
    links.append(pair.net.link("c", "new"))
    assert max(link.delay() for link in links for _ in range(50)) < SECOND


def test_a_cut_that_lasts_leaves_a_half_open_connection() -> None:
    """The sender gives up; the other end learns it when it speaks."""
    pair = Pair(give_up=10 * SECOND)
    pair.net.cut("c", "s")
    pair.client.send("never")
    pair.wait(20)
    assert pair.lost == {"c": "timed out"}
    pair.net.mend("c", "s")
    pair.wait(100)
    assert "s" not in pair.lost
    pair.server.send("hello?")
    pair.wait(1)
    assert pair.lost["s"] == "reset by the other end"
    assert pair.heard == {"c": [], "s": []}


def test_cuts_are_one_way_and_add_up() -> None:
    """The other direction works; two cuts need two mends."""
    pair = Pair()
    pair.net.cut("c", "s")
    pair.net.cut("c", "s")
    pair.client.send("up")
    pair.server.send("down")
    pair.net.mend("c", "s")
    pair.wait(1)
    assert pair.heard == {"c": ["down"], "s": []}
    pair.net.mend("c", "s")
    pair.wait(1)
    assert pair.heard["s"] == ["up"]


def test_closing_delivers_what_was_sent() -> None:
    """And only then tells the other end."""
    pair = Pair()
    pair.client.send("last")
    pair.client.close()
    pair.wait(1)
    assert pair.heard["s"] == ["last"]
    assert pair.lost == {"s": "closed by the other end"}


def test_a_reset_loses_what_is_under_way_and_may_be_heard_late() -> None:
    """One end knows at once."""
    pair = Pair(delay_min=SECOND, delay_max=2 * SECOND)
    pair.client.send("gone")
    assert pair.net.reset("c", "s", 30 * SECOND) == 1
    pair.wait(10)
    assert pair.lost == {"c": "reset"}
    pair.wait(30)
    assert pair.lost == {"c": "reset", "s": "reset"}
    assert pair.heard["s"] == []


def test_a_reader_that_does_not_read_is_cut_off() -> None:
    """At the bound, not at the end of memory."""
    pair = Pair()
    pair.net.pause("c", "s", True)
    for number in range(UNREAD_MAX + 1):
        pair.server.send(number)
    pair.wait(1)
    assert pair.lost["s"] == "the other end does not read"
    assert pair.net.unread_max <= UNREAD_MAX


def test_a_crashed_host_refuses() -> None:
    """Its connections end, its services are not there."""
    pair = Pair()
    pair.net.crash("s")
    pair.wait(1)
    assert pair.lost == {"c": "closed by the other end"}
    with pytest.raises(ConnectionError, match="refused"):
        pair.run(lambda: pair.net.connect("c", "s", "service"))


def test_who_closes_at_once_turns_the_client_away() -> None:
    """As HTTP answers 503 to an upgrade: the client has never been connected, and decides itself when to try again."""
    pair = Pair()
    pair.net.listen("s", "busy", lambda end: end.close())
    with pytest.raises(ConnectionError, match="turned away"):
        pair.run(lambda: pair.net.connect("c", "s", "busy"))
    assert pair.net.turned_away == 1
    pair.wait(1)
    assert pair.lost == {}


def test_clogs_delay_one_direction() -> None:
    """Until they end."""
    pair = Pair(delay_max=MILLISECOND)
    pair.net.clog("c", "s", 5 * SECOND)
    pair.client.send("slow")
    pair.server.send("quick")
    pair.wait(1)
    assert pair.heard == {"c": ["quick"], "s": []}
    pair.wait(5)
    assert pair.heard["s"] == ["slow"]


def test_an_end_that_is_lost_before_anybody_listens_says_so_then() -> None:
    """Between connecting and listening there is time enough (seed 20514)."""
    pair = Pair()
    end = pair.run(lambda: pair.net.connect("c", "s", "service"))
    pair.net.reset("c", "s")
    pair.wait(1)
    lost: list[str] = []
    end.listen(lambda message: None, lost.append)
    assert lost == ["reset"]
