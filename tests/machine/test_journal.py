"""The story of an entity is what named it."""

from __future__ import annotations

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.journal import Journal
from mesos_py.machine.values import value


@value
class TaskMoved:
    task_id: str
    agent_id: str


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
