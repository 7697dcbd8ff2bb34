"""How much of what a container says is kept: flags, a task's own variables, and what is refused."""

from __future__ import annotations

import re

import pytest

from mesos_py.agent.containerizer.rotation import LogBounds, Rotation, parse_max, parse_options
from mesos_py.agent.options import AgentOptions
from mesos_py.config import UsageError, parse
from mesos_py.wire.command import CommandInfo, Environment

Variable = Environment.Variable


def command(**variables: str) -> CommandInfo:
    found = tuple([Variable(name=name, value=value) for name, value in variables.items()])
    return CommandInfo(value="true", environment=Environment(variables=found))


def test_a_task_overrides_what_holds_for_all() -> None:
    """Each of the four by itself; variables with other beginnings are its own affair."""
    rotation = Rotation(LogBounds(stdout_max=8192, stdout_keep=1, stderr_max=8192, stderr_keep=1))
    assert rotation.bounds(None) == rotation.bounds(CommandInfo(value="true")) == rotation.default
    assert rotation.bounds(
        command(CONTAINER_LOGGER_MAX_STDOUT_SIZE="5KB", CONTAINER_LOGGER_LOGROTATE_STDERR_OPTIONS="rotate 7", MAX="x")
    ) == LogBounds(stdout_max=5 << 10, stdout_keep=1, stderr_max=8192, stderr_keep=7)
    assert Rotation(rotation.default, "LOG_").bounds(command(LOG_MAX_STDERR_SIZE="1MB")).stderr_max == 1 << 20


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"CONTAINER_LOGGER_MAX_SIZE": "1MB"}, "Failed to load unknown flag 'max_size'"),
        (
            {"CONTAINER_LOGGER_MAX_STDERR_SIZE": "4095B"},
            "Failed to load flag 'max_stderr_size': Expected --max_stdout_size and --max_stderr_size of at least 4096",
        ),
        ({"CONTAINER_LOGGER_MAX_STDOUT_SIZE": "much"}, "Failed to load flag 'max_stdout_size': "),
        (
            {"CONTAINER_LOGGER_LOGROTATE_STDOUT_OPTIONS": "rotate 9\ncompress"},
            "Failed to load flag 'logrotate_stdout_options': of logrotate's options only 'rotate COUNT' is known",
        ),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_the_words_of_mesos(variables: dict[str, str], text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"Failed to load executor logger settings: {text}")):
        Rotation(LogBounds()).bounds(command(**variables))


def test_of_the_options_of_logrotate_the_one_that_bounds_is_known() -> None:
    assert parse_options("") == 0
    assert parse_options("  rotate 9\n\tsize 5M\n") == 9
    assert parse_max("4KB") == 4096
    for text in ("rotate", "rotate -1", "rotate 1001", "rotate 1 2", "postrotate", "rotate 2\nmaxage 3"):
        with pytest.raises(ValueError, match="found"):
            parse_options(text)


def test_flags_that_make_no_sense_end_the_agent_at_once() -> None:
    for flags in (["--container_logger=mine"], ["--max_stdout_size=100B"], ["--logrotate_stderr_options=compress"]):
        with pytest.raises(UsageError):
            parse(["--master=127.0.0.1:1", "--work_dir=w", *flags], [AgentOptions], {}).make(AgentOptions)
