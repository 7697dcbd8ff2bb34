"""Explicit registration: one row per event kind, merged by the core that uses them.

No import side effects and no base classes: a module builds a ``Table()``, a core merges the tables it names, and a
kind registered twice is an error at import time rather than a surprise at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from mesos_py.machine.frame import Event, Frame, Kind, Tick
from mesos_py.machine.problem import Problem
from mesos_py.machine.values import value

Handler = Callable[..., Problem | None]
H = TypeVar("H", bound=Handler)


@value
class Row:
    """What a kind of event means: what is checked first, and what then happens."""

    kind: Kind
    handler: Handler
    #: pure check (core, body) -> Problem | None, run before the handler and before anything changes
    check: Callable[..., Problem | None] | None

    @property
    def doc(self) -> str:
        """First sentence of the handler's docstring: what is true afterwards."""
        return (self.handler.__doc__ or "").strip().partition("\n")[0]


class Table:
    """Rows of one noun (``calls = Table("scheduler calls")``)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._rows: dict[Kind, Row] = {}

    def on(self, kind: Kind, *, check: Callable[..., Problem | None] | None = None) -> Callable[[H], H]:
        """Register the decorated ``handler(core, event, frame)`` for ``kind``."""

        def register(handler: H) -> H:
            if kind in self._rows:
                raise ValueError(f"{self.name}: {kind!r} is handled twice")
            self._rows[kind] = Row(kind, handler, check)
            return handler

        return register

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    @staticmethod
    def merge(*tables: Table) -> dict[Kind, Row]:
        """All rows of ``tables``; a kind that stands in two tables is an error."""
        rows: dict[Kind, Row] = {}
        for table in tables:
            for row in table:
                if row.kind in rows:
                    raise ValueError(f"{table.name}: {row.kind!r} is handled in another table already")
                rows[row.kind] = row
        return rows


def run(rows: dict[Kind, Row], core: Any, kind: Kind, event: Any, out: Frame) -> None:
    """Check, then handle: the one way an event goes through a core. A Problem becomes the reply."""
    row = rows[kind]
    problem = row.check(core, event) if row.check is not None else None
    if problem is None:
        problem = row.handler(core, event, out)
    if problem is not None:
        out.reply = problem


def dispatch(rows: dict[Kind, Row], core: Any, event: Event, out: Frame) -> None:
    """``event`` by its row, a Tick by those of the ``core.timers`` that are due; what has no row is for nobody."""
    if event.kind is Tick:
        for due in core.timers.due(out.now):
            out.due.append(due)
            run(rows, core, type(due), Event(type(due), due), out)
    elif event.kind in rows:
        run(rows, core, event.kind, event, out)
