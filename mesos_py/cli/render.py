"""How answers look: tables for people, JSON for programs.

A table fits the terminal; when the output is no terminal it is as wide as it needs to be, without colours or
borders, one row a line, so that ``grep`` and ``awk`` work on it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

STATE_STYLES = {
    "TASK_RUNNING": "green", "TASK_FINISHED": "dim", "TASK_KILLED": "yellow", "TASK_KILLING": "yellow",
    "TASK_STAGING": "cyan", "TASK_STARTING": "cyan", "active": "green", "completed": "dim",
}
BAD_STATE_STYLE = "red"
PLAIN_WIDTH = 10_000
FITTED_MAX = 1000  # rows; to fit 50,000 of them to a terminal takes rich most of a minute
AMOUNTS_ALWAYS = ("cpus", "mem")


def print_json(value: Any, *, line: bool = False) -> None:
    """Indented for reading; ``line``: on one line, as one of many."""
    sys.stdout.buffer.write(orjson.dumps(value, option=0 if line else orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.buffer.flush()


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]], empty: str) -> None:
    """``empty`` is said, on stderr, instead of a table without rows."""
    rows = list(rows)
    if not rows:
        print(empty, file=sys.stderr)
        return
    if not sys.stdout.isatty() or len(rows) > FITTED_MAX:
        sys.stdout.writelines(_plain([columns, *rows]))
        sys.stdout.flush()
        return
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*[cell if isinstance(cell, Text) else Text(cell) for cell in row])
    Console(highlight=False).print(table)


def _plain(rows: Iterable[Sequence[str | Text]]) -> Iterator[str]:
    """Lines, one for each row."""
    texts = [[" ".join(str(cell).splitlines()) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*texts, strict=True)]
    for row in texts:
        cells = [cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip() + "\n"


def state_text(state: str) -> Text:
    short = state.removeprefix("TASK_").lower() if state.startswith("TASK_") else state
    return Text(short, style=STATE_STYLES.get(state, BAD_STATE_STYLE))


def health_text(healthy: bool | None) -> Text:
    """Of a task; empty when its health was never looked at."""
    if healthy is None:
        return Text("")
    return Text("healthy") if healthy else Text("unhealthy", style=BAD_STATE_STYLE)


def amounts(resources: Iterable[dict[str, Any]]) -> dict[str, float]:
    """Sums of scalars by name."""
    sums: dict[str, float] = {}
    for resource in resources:
        if resource["type"] == "SCALAR":
            sums[resource["name"]] = round(sums.get(resource["name"], 0.0) + resource["scalar"].get("value", 0.0), 3)
    return sums


def amount_text(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") if value % 1 else f"{value:.0f}"


def used_text(name: str, used: dict[str, float], total: dict[str, float]) -> str:
    """``1.5/4``: used of total."""
    return f"{amount_text(used.get(name, 0.0))}/{amount_text(total.get(name, 0.0))}"


def age_text(since_s: float | None) -> str:
    """``42s``, ``3m``, ``2h``, ``5d``; "" when nobody knows."""
    if not since_s:
        return ""
    age_s = max(0, time.time() - since_s)
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if age_s >= 2 * size:
            return f"{age_s / size:.0f}{unit}"
    return f"{age_s:.0f}s"


def seconds_of(moment: dict[str, Any] | None) -> float | None:
    """A TimeInfo as seconds since the epoch."""
    return moment["nanoseconds"] / 1e9 if moment else None
