"""What is kept for the moment a core fails is bounded."""

from __future__ import annotations

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.journal import Journal


def test_large_events_push_older_ones_out() -> None:
    """Bounded in bytes as well as in entries; the newest is always kept."""
    journal = Journal(length=5, bytes_max=100)
    for number, size in enumerate([10, 10, 90, 10, 500, 0, 1, 1, 1, 1, 1]):
        journal.record(Event("call", size=size), Frame(number, number))
        sizes = [entry.event.size for entry in journal]
        assert len(sizes) <= 5
        assert sum(sizes) <= 100 or len(sizes) == 1
        assert journal.tail(1)[0].cause == number
