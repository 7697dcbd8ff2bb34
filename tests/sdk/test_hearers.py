"""Listening to facts: in their order, and nobody waits for who is slow."""

from __future__ import annotations

import pytest

from mesos_py.sdk.hearers import BEHIND_MAX, HEARERS_MAX, Hearers


def test_facts_come_in_their_order_and_are_counted() -> None:
    hearers = Hearers()
    hearers.tell(["before"])
    queue = hearers.listen()
    hearers.tell(["a", "b"])
    assert [queue.get_nowait() for _ in range(queue.qsize())] == [(2, "a"), (3, "b")]
    hearers.leave(queue)
    hearers.tell(["c"])
    assert queue.empty() and len(hearers) == 0


def test_a_hearer_who_does_not_read_is_cut_off() -> None:
    """The others hear on."""
    hearers = Hearers()
    slow, quick = hearers.listen(), hearers.listen()
    for number in range(BEHIND_MAX + 5):
        hearers.tell([number])
        quick.get_nowait()
    found = [slow.get_nowait() for _ in range(slow.qsize())]
    assert len(found) == BEHIND_MAX + 1 and found[-1] is None
    assert len(hearers) == 1


def test_there_is_room_for_so_many() -> None:
    hearers = Hearers()
    queues = [hearers.listen() for _ in range(HEARERS_MAX)]
    with pytest.raises(RuntimeError, match="listen already"):
        hearers.listen()
    hearers.leave(queues[0])
    assert hearers.listen() is not queues[0]
