"""Tables for programs: one row a line, in columns, and nothing else."""

from __future__ import annotations

import pytest
from rich.text import Text

from mesos_py.cli.render import print_table


def test_a_table_that_goes_to_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is in a cell: lines of its own, other alphabets, colours."""
    rows = [["a", Text("running", style="green"), ""], ["\u4e2d\u6587", "one\ntwo", "three"], ["", "", ""]]
    print_table(("NAME", "STATE", "MORE"), rows, "nothing")
    assert capsys.readouterr().out == (
        "NAME  STATE    MORE\n"
        "a     running\n"
        "\u4e2d\u6587  one two  three\n"
        "\n"
    )  # fmt: skip
    print_table(("NAME",), [], "nothing")
    assert capsys.readouterr() == ("", "nothing\n")
