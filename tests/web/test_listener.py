"""Connections are taken as the loop has time for them, and none is lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
from collections.abc import Iterator

from mesos_py.web.listener import ACCEPTED_PER_ROUND, Listener


class Counting(asyncio.Protocol):
    """Counts the connections of all its kind."""

    count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        type(self).count += 1
        transport.close()


@contextlib.contextmanager
def listening() -> Iterator[Listener]:
    Counting.count = 0
    listener = Listener("127.0.0.1", 0, Counting)
    try:
        yield listener
    finally:
        listener.close()


def come(listener: Listener) -> socket.socket:
    return socket.create_connection(("127.0.0.1", listener.port))


async def test_a_crowd_is_let_in_some_at_a_time() -> None:
    """No round of the loop takes more than a few, and everybody is let in."""
    with listening() as listener:
        crowd = [come(listener) for _ in range(5 * ACCEPTED_PER_ROUND)]
        most = before = 0
        async with asyncio.timeout(60):
            while Counting.count < len(crowd):
                await asyncio.sleep(0)  # one round
                most = max(most, Counting.count - before)
                before = Counting.count
        assert 1 < most <= ACCEPTED_PER_ROUND
        for one in crowd:
            one.close()


async def test_without_descriptors_it_waits_and_goes_on() -> None:
    """What cannot be accepted now stays in the backlog until it can."""
    with listening() as listener, socket.socket() as one:
        one.connect(("127.0.0.1", listener.port))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
        try:
            async with asyncio.timeout(60):
                while listener._resuming is None:
                    await asyncio.sleep(0)
            assert Counting.count == 0
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        async with asyncio.timeout(60):
            while Counting.count == 0:
                await asyncio.sleep(0.01)


async def test_a_closed_one_lets_nobody_in() -> None:
    with listening() as listener:
        listener.close()
        with contextlib.suppress(ConnectionRefusedError):
            come(listener).close()
            raise AssertionError("somebody listens")
