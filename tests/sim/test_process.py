"""Processes are stopped, go on and end between any two steps, and what they run does not notice."""

from __future__ import annotations

import asyncio
import gc

from mesos_py.machine.values import SECOND, seconds
from mesos_py.sim.loop import SimLoop
from mesos_py.sim.net import End, Network, Weather
from mesos_py.sim.process import Process


class World:
    """A process ``p`` on host ``s`` that listens, and a client outside of it."""

    def __init__(self) -> None:
        self.loop = SimLoop()
        self.net = Network(self.loop, 0, Weather())
        self.process = Process(self.loop, "p")
        self.seen: list[object] = []
        self.lost: list[str] = []
        self.server: End

    def listen(self) -> None:
        self.net.listen("s", "service", self._accept)

    def _accept(self, end: End) -> None:
        self.server = end
        end.listen(self.seen.append, self.lost.append)

    def connect(self) -> End:
        end: End = self.loop.run_until_complete(self.net.connect("c", "s", "service"))
        return end

    def wait(self, duration_s: float) -> None:
        self.loop.run_for(seconds(duration_s))


async def tick(world: World) -> None:
    """Says the time once a second."""
    try:
        while True:
            await asyncio.sleep(1)
            world.seen.append(world.loop.now // SECOND)
    finally:
        world.seen.append("finally")


def start(world: World) -> None:
    world.loop.create_task(tick(world), name="tick")


def test_a_stopped_process_does_nothing_until_it_goes_on() -> None:
    """Then it finds that time has passed."""
    world = World()
    world.process.enter(start, world)
    world.wait(2.5)
    world.process.stop()
    world.wait(10)
    assert world.seen == [1, 2]
    world.net.go_on(world.process)
    world.wait(1.6)
    assert world.seen == [1, 2, 12, 13]


def test_who_goes_on_reads_before_it_looks_at_the_clock() -> None:
    """As every event loop does after a wait: what it believed before it was stopped is what it acts on."""
    world = World()
    world.process.enter(world.listen)
    client = world.connect()
    world.process.enter(lambda: world.loop.call_later(5, world.seen.append, "it is late"))
    world.process.stop()
    client.send("hello")
    world.wait(10)
    assert world.seen == []
    world.net.go_on(world.process)
    world.wait(0)
    assert world.seen == ["hello", "it is late"]


def test_connections_to_a_stopped_process_are_made() -> None:
    """Its kernel does that; what is sent waits."""
    world = World()
    world.process.enter(world.listen)
    world.process.stop()
    client = world.connect()
    client.send("hello")
    world.wait(10)
    assert (world.seen, client.is_open) == ([], True)
    world.net.go_on(world.process)
    world.wait(1)
    assert world.seen == ["hello"]


def test_a_lost_connection_is_heard_of_when_the_process_goes_on() -> None:
    """Not before, and not never."""
    world = World()
    world.process.enter(world.listen)
    world.connect()
    world.process.stop()
    world.net.reset("c", "s")
    world.wait(1)
    assert world.lost == []
    world.net.go_on(world.process)
    world.wait(0)
    assert world.lost == ["reset"]


def test_a_killed_process_says_no_last_word() -> None:
    """No ``finally``, not even when nobody refers to it any more; others on its host live on."""
    world = World()
    world.process.enter(start, world)
    world.process.enter(world.listen)
    world.net.listen("s", "another", lambda end: None)
    client = world.connect()
    client.listen(world.seen.append, world.lost.append)
    world.server.send("before")
    world.wait(1.5)
    world.net.kill(world.process)
    gc.collect()
    world.server.send("after")
    world.wait(10)
    gc.collect()
    assert world.seen == ["before", 1]
    assert world.lost == ["closed by the other end"]
    assert world.net._services["s"].keys() == {"another"}
    world.net.go_on(world.process)
    world.wait(10)
    assert world.seen == ["before", 1]


def test_what_a_process_sent_arrives_though_it_is_stopped() -> None:
    """What is under way belongs to nobody."""
    world = World()
    world.process.enter(world.listen)
    client = world.connect()
    client.listen(world.seen.append, world.lost.append)
    world.process.enter(lambda: world.server.send("sent"))
    world.process.stop()
    world.wait(1)
    assert world.seen == ["sent"]
