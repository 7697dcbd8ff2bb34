"""The story of an entity is what named it."""

from __future__ import annotations

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.journal import Journal
from mesos_py.machine.values import value


@value
class TaskMoved:
    task_id: str
    agent_id: str


def test_large_events_push_older_ones_out() -> None:
    """Bounded in bytes as well as in entries; the newest is always kept."""
    journal = Journal(length=5, bytes_max=100)
    for number, size in enumerate([10, 10, 90, 10, 500, 0, 1, 1, 1, 1, 1]):
        journal.record(Event("call", size=size), Frame(number, number))
        sizes = [entry.event.size for entry in journal]
        assert len(sizes) <= 5
        assert sum(sizes) <= 100 or len(sizes) == 1
        assert journal.tail(1)[0].cause == number


def test_a_story_holds_the_entries_that_name_the_entity() -> None:
    """By any of its ids, oldest first, and nothing else."""
    journal = Journal()
    for number, task_id in enumerate(["a", "b", "a", "c"]):
        frame = Frame(number, number)
        frame.change(TaskMoved(task_id, f"agent-{number}"))
        journal.record(Event("move"), frame)
    assert [entry.cause for entry in journal.story("a")] == [0, 2]
    assert [entry.cause for entry in journal.story("agent-1", "c")] == [1, 3]
    assert journal.story("nobody") == []
