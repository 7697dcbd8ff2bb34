"""A program of commands: what is typed finds its command, and how that ends is an exit code and one line on stderr."""

from __future__ import annotations

import asyncio

import attrs
import pytest

from mesos_py.cli.command import EXIT_UNREACHABLE, Command, CommandFailed
from mesos_py.cli.program import EXIT_INTERRUPTED, Program
from mesos_py.config import CommandLine
from mesos_py.flags import INTEGER, option
from mesos_py.logs import LogOptions


class TheirError(Exception):
    """A library's."""


def explain(error: BaseException) -> CommandFailed | None:
    return CommandFailed(f"they say: {error}", EXIT_UNREACHABLE) if isinstance(error, TheirError) else None


@attrs.frozen(kw_only=True)
class Options:
    code: int = option(INTEGER, 0, "To exit with.")


async def _end(line: CommandLine) -> int:
    async def fail(error: BaseException) -> None:
        raise error

    match line.words:
        case ("failed",):
            raise CommandFailed("not found")
        case ("theirs",):
            raise TheirError("gone")
        case ("bug",):
            raise KeyError("bug")
        case ("together", *others):
            async with asyncio.TaskGroup() as group:
                group.create_task(fail(TheirError("gone")))
                for other in others:
                    group.create_task(fail(KeyError(other)))
        case ("interrupted",):
            raise KeyboardInterrupt
    return line.make(Options).code


END = Command(usage="tool end [--code=N]", about="End somehow.", options=(Options, LogOptions), main=_end)
TOOL = Program(
    name="tool", version="7", package="tests.cli", commands={"end": ("test_program", "END", "end somehow")},
    notes=("That is all.",), explain=explain,
)  # fmt: skip


@pytest.mark.parametrize(("typed", "code", "out", "error"), [
    ("", 2, "Usage: tool COMMAND [flags]\n\n  end         end somehow\n\nThat is all.\n", ""),
    ("help", 0, "Usage: tool COMMAND [flags]\n\n  end         end somehow\n\nThat is all.\n", ""),
    ("--version", 0, "tool 7\n", ""),
    ("emd", 2, "", "tool: no command 'emd'; did you mean 'end'?\n"),
    ("end --code=3", 3, "", ""),
    ("end --cod=3", 2, "", "'tool end --help' lists its flags\n"),
    ("end failed", 1, "", "tool end: not found\n"),
    ("end theirs", 69, "", "tool end: they say: gone\n"),
    ("end together", 69, "", "tool end: they say: gone\n"),
    ("end interrupted", EXIT_INTERRUPTED, "", ""),
])  # fmt: skip
def test_how_a_command_ends(
    typed: str, code: int, out: str, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert TOOL.main(typed.split()) == code
    said = capsys.readouterr()
    assert said.out == out
    assert said.err.endswith(error) and bool(said.err) == bool(error)


@pytest.mark.parametrize("typed", ["help end", "end --help", "end -h"])
def test_help_of_a_command(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert TOOL.main(typed.split()) == 0
    said = capsys.readouterr().out
    assert "tool end [--code=N]" in said and "To exit with." in said


@pytest.mark.parametrize("typed", ["end bug", "end together bug"])
def test_a_bug_is_not_explained_away(typed: str) -> None:
    with pytest.raises((KeyError, ExceptionGroup), match=r"bug|unhandled"):
        TOOL.main(typed.split())
