"""Rows: registered once, merged explicitly, checked before they are handled."""

from __future__ import annotations

import pytest

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.problem import Problem, bad_request
from mesos_py.machine.table import Table, run


def test_a_kind_registered_twice_is_refused() -> None:
    """Within one table and across merged ones."""
    first, second = Table("first"), Table("second")
    first.on("a")(lambda core, event, out: None)
    second.on("a")(lambda core, event, out: None)
    with pytest.raises(ValueError, match="first: 'a' is handled twice"):
        first.on("a")(lambda core, event, out: None)
    with pytest.raises(ValueError, match="second: 'a' is handled in another table already"):
        Table.merge(first, second)


def test_check_runs_before_the_handler_and_its_problem_is_the_reply() -> None:
    """A refused event changes nothing."""
    table, seen = Table("calls"), list[str]()

    def check(core: object, event: Event) -> Problem | None:
        return bad_request("no") if event.body == "bad" else None

    @table.on("call", check=check)
    def call(core: object, event: Event, out: Frame) -> Problem | None:
        """Something is called."""
        seen.append(event.body)
        return bad_request("later") if event.body == "late" else None

    rows = Table.merge(table)
    replies = []
    for body in ("good", "bad", "late"):
        frame = Frame(0)
        run(rows, None, "call", Event("call", body), frame)
        replies.append(frame.reply)
    assert replies == [None, bad_request("no"), bad_request("later")]
    assert seen == ["good", "late"]
    assert rows["call"].doc == "Something is called."
