"""A log is there for people; that it cannot be written ends nothing."""

from __future__ import annotations

import io

from mesos_py.logs import Lines


def test_a_full_disk_loses_lines_and_no_more() -> None:
    """The other place gets them all."""
    kept = io.StringIO()
    full = io.TextIOWrapper(io.FileIO("/dev/full", "w"), write_through=True)  # type: ignore[arg-type]
    for number in range(3):
        print(number, file=Lines(full, kept), flush=True)  # type: ignore[type-var]
    assert kept.getvalue() == "0\n1\n2\n"
