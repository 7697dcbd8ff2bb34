"""A log is there for people; that it cannot be written ends nothing."""

from __future__ import annotations

import io

import pytest
import structlog

from mesos_py.logs import Lines, Threshold


def test_a_full_disk_loses_lines_and_no_more() -> None:
    """The other place gets them all."""
    kept = io.StringIO()
    full = io.TextIOWrapper(io.FileIO("/dev/full", "w"), write_through=True)  # type: ignore[arg-type]
    for number in range(3):
        print(number, file=Lines(full, kept), flush=True)  # type: ignore[type-var]
    assert kept.getvalue() == "0\n1\n2\n"


def test_what_is_written_may_change_while_a_program_runs() -> None:
    threshold = Threshold("WARNING")
    written = []

    def write(method: str) -> None:
        written.append(threshold(None, method, {"event": method})["event"])

    for method in ("debug", "info"):
        with pytest.raises(structlog.DropEvent):
            write(method)
    for method in ("warning", "warn", "error", "exception", "critical"):
        write(method)
    threshold.level = "DEBUG"
    write("debug")
    assert written == ["warning", "warn", "error", "exception", "critical", "debug"]
