"""Flags: every way to write one, every way to get it wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from mesos_py import config, flags
from mesos_py.agent.options import AgentOptions
from mesos_py.algebra.quantities import Quantities
from mesos_py.cli.local import LocalOptions
from mesos_py.config import UsageError, help_text, parse
from mesos_py.flags import option, shown
from mesos_py.logs import LogOptions
from mesos_py.master.options import Options


@attrs.frozen(kw_only=True)
class Example:
    name: str = option(flags.TEXT, help="Required.")
    work_dir: str = option(flags.TEXT, "/var", "Where.")
    wait_s: float | None = option(flags.SECONDS, None, "How long.")
    lookup: bool = option(flags.BOOLEAN, True, "Whether.", short="l")
    env: tuple[str, ...] = option(flags.REPEATED, (), "Again and again.")
    inner: int = 7


def read(*arguments: str, environ: dict[str, str] | None = None) -> Example:
    return parse(arguments, [Example], environ).make(Example)


@attrs.frozen(kw_only=True)
class Short:
    input: bool = option(flags.BOOLEAN, False, "Whether.", short="i")
    tty: bool = option(flags.BOOLEAN, False, "Whether.", short="t")
    user: str | None = option(flags.TEXT, None, "Who.", short="u")


def test_short_flags_in_one_word() -> None:
    """``-it`` is ``-i -t``; not so when one of them is unknown, or takes a value."""
    assert parse(["-it", "x"], [Short]).make(Short) == Short(input=True, tty=True)
    for word in ("-ix", "-iu"):
        with pytest.raises(UsageError, match=f"unknown flag {word}"):
            parse([word, "x"], [Short])


@pytest.mark.parametrize(
    ("arguments", "field", "value"),
    [
        (["--name=a"], "name", "a"),
        (["--name", "a"], "name", "a"),
        (["--name", "--a"], "name", "--a"),
        (["--name=a=b"], "name", "a=b"),
        (["--name=a", "--work-dir=/x"], "work_dir", "/x"),
        (["--name=a", "--work_dir", "/x"], "work_dir", "/x"),
        (["--name=a", "--name=b"], "name", "b"),
        (["--name=a", "--wait=1mins"], "wait_s", 60.0),
        (["--name=a", "--wait=250ms"], "wait_s", 0.25),
        (["--name=a"], "wait_s", None),
        (["--name=a", "--no-lookup"], "lookup", False),
        (["--name=a", "--no_lookup"], "lookup", False),
        (["--name=a", "--lookup=false"], "lookup", False),
        (["--name=a", "--no-lookup", "-l"], "lookup", True),
        (["--name=a", "--env=A=1", "--env", "B=file:///x"], "env", ("A=1", "B=file:///x")),
        (["--name=a"], "inner", 7),
    ],
)
def test_every_way_to_write_a_flag(arguments: list[str], field: str, value: object) -> None:
    """Dashes and underscores, equals and blanks mean the same."""
    assert getattr(read(*arguments), field) == value


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "--name is required (or MESOS_NAME in the environment)"),
        (["--nane=a"], "unknown flag --nane; did you mean --name?"),
        (["--nothing_like_it"], "unknown flag --nothing_like_it"),
        (["-x"], "unknown flag -x"),
        (["--name"], "--name needs a value: --name=TEXT"),
        (["--name=a", "--no-lookup=true"], "--no-lookup takes no value"),
        (["--name=a", "--no-work-dir"], "unknown flag --no-work-dir"),
        (["--name=a", "--lookup=maybe"], "--lookup: expecting true or false, found 'maybe'"),
        (["--name=a", "--wait=10"], "--wait: Invalid duration '10': expecting a number and a unit, such as '10secs'"),
        (["--name=a", "--wait=-1secs"], "--wait: expecting a duration that is not negative, found '-1secs'"),
        (["--name=file:///does/not/exist"], "--name: cannot read file:///does/not/exist"),
    ],
)
def test_every_mistake_has_a_text(arguments: list[str], text: str) -> None:
    """Whoever typed it learns what was expected."""
    with pytest.raises(UsageError) as caught:
        read(*arguments)
    assert str(caught.value).startswith(text)


def test_the_command_line_wins_over_the_environment() -> None:
    """MESOS_<NAME> stands in for a flag that was not given, and is checked alike."""
    environ = {"MESOS_NAME": "e", "MESOS_WORK_DIR": "/e", "MESOS_UNKNOWN": "x"}
    assert read("--name=a", environ=environ) == Example(name="a", work_dir="/e")
    with pytest.raises(UsageError, match="--lookup"):
        read("--name=a", environ={"MESOS_LOOKUP": "perhaps"})


def test_programs_may_have_variables_of_their_own() -> None:
    """MARATHON_<NAME>, where the prefix says so; MESOS_<NAME> means nothing then."""
    environ = {"MARATHON_NAME": "m", "MESOS_WORK_DIR": "/e"}
    line = parse([], [Example], environ, prefix="MARATHON_")
    assert line.given == {"name": ("m",)}
    with pytest.raises(UsageError, match="MARATHON_NAME"):
        parse([], [Example], {}, prefix="MARATHON_").make(Example)
    assert "as MARATHON_<NAME>" in help_text("x", "About.", [Example], prefix="MARATHON_")


def test_a_value_may_come_from_a_file(tmp_path: Path) -> None:
    """file:///path stands for the text in it, less the blanks around."""
    (tmp_path / "value").write_text("from file\n")
    assert read(f"--name=file://{tmp_path}/value").name == "from file"


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_secret_comes_from_a_file_and_is_not_shown(scheme: str, tmp_path: Path) -> None:
    """/flags is for everybody unless authentication is on."""
    (tmp_path / "credentials").write_text("ops sesame\n")
    options = parse([f"--credentials={scheme}{tmp_path}/credentials"], [Options]).make(Options)
    assert options.credentials == "ops sesame"
    assert shown(options)["credentials"] == "***"


def test_words_and_the_rest() -> None:
    """Words may stand between flags; after -- everything is a word."""
    line = parse(["logs", "-l", "task", "--", "--name", "-x"], [Example])
    assert line.words == ("logs", "task")
    assert line.rest == ("--name", "-x")


@pytest.mark.parametrize(
    ("arguments", "field", "value"),
    [
        (["--min_allocatable_resources=cpus:1;mem:32|disk:100"], "min_allocatable_resources",
         (Quantities.of(cpus=1, mem=32), Quantities.of(disk=100))),
        (["--min_allocatable_resources="], "min_allocatable_resources", ()),
        (["--weights=a=2,b=0.5"], "weights", {"a": 2.0, "b": 0.5}),
        (["--min_allocatable_resources= | cpus:1; |"], "min_allocatable_resources", (Quantities.of(cpus=1),)),
        (["--roles=a,b/c"], "roles", ("a", "b/c")),
        (["--agent_reregister_timeout=15mins"], "agent_reregister_timeout_s", 900.0),
        (["--no-filter_gpu_resources"], "filter_gpu_resources", False),
        (["--role_sorter=random"], "role_sorter", "random"),
    ],
)
def test_flags_of_the_master(arguments: list[str], field: str, value: object) -> None:
    """Mesos' names and grammars."""
    assert getattr(parse(arguments, [Options]).make(Options), field) == value


@pytest.mark.parametrize(
    "argument",
    [
        "--agent_reregister_timeout=9mins", "--agent_ping_timeout=0secs", "--max_agent_ping_timeouts=0",
        "--role_sorter=fair", "--weights=a", "--weights=a=0", "--weights=a=nan", "--port=70000", "--port=http",
        "--min_allocatable_resources=cpus", "--min_allocatable_resources=cpus:many", "--allocation_interval=0ns",
        "--offer_timeout=0secs", "--roles=a b", "--roles=a,..", "--weights=a//b=1", "--credentials=/nowhere",
    ],
)
def test_the_master_refuses(argument: str) -> None:
    """Bounds are Mesos' bounds, told before anything starts."""
    with pytest.raises(UsageError, match=argument.partition("=")[0]):
        parse([argument], [Options])


@pytest.mark.parametrize(
    "argument",
    ["--executor_reregistration_timeout=16secs", "--gc_disk_headroom=2", "--executor_environment_variables=[]",
     '--executor_environment_variables={"a":1}', "--isolation=cgroups/spaceships", "--fetcher_cache_size=2 GB"],
)
def test_the_agent_refuses(argument: str) -> None:
    """Bounds are Mesos' bounds, told before anything starts."""
    with pytest.raises(UsageError, match=argument.partition("=")[0]):
        parse([argument], [AgentOptions])


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(weights={"a": 2.0}, roles=("a",), offer_timeout_s=90.0, fairness_excluded=("gpus",)),
        AgentOptions(master="h:1", work_dir="/x"),
        AgentOptions(master="h:1", work_dir="/x", executor_environment_variables={"A": "1"}, fetcher_cache_size=1),
    ],
)
def test_what_is_shown_can_be_given(options: Any) -> None:
    """/flags shows texts that give the same options when they are typed."""
    arguments = [f"--{name}={text}" for name, text in shown(options).items()]
    assert parse(arguments, [type(options)]).make(type(options)) == options


@pytest.mark.parametrize("classes", [(Options, LogOptions), (AgentOptions, LogOptions), (LocalOptions,), (Example,)])
def test_help_names_every_flag(classes: tuple[type[Any], ...]) -> None:
    """No flag without a sentence; no line too wide for a terminal."""
    text = help_text("mesos-py x", "About.", classes)
    for cls in classes:
        for flag in flags.flags_of(cls):
            assert flag.help.endswith("."), flag.name
            assert flag.name in text
    assert max(map(len, text.splitlines())) <= config.HELP_WIDTH + 20
