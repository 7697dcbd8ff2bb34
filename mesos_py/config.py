"""Reads command lines and environments into the option classes that ``flags.py`` declares.

    --name=value   --name value   --name, --no-name (booleans)   -x, -xy (short)   --  (what follows are plain words)

``--work_dir`` and ``--work-dir`` are the same. A value ``file:///path`` stands for the file's text. A flag that is not
on the command line is taken from ``MESOS_<NAME>``, or as ``prefix`` says; what neither names has its default. Several
classes may be read from one line: a name that two of them declare goes to both (``mesos-py local`` takes the flags of
master and agent).

What is wrong raises UsageError with a text for whoever typed it. Mesos: 3rdparty/stout/include/stout/flags/flags.hpp.
"""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import attrs

from mesos_py.flags import REQUIRED, Flag, flags_of

T = TypeVar("T")

FILE_SCHEME = "file://"
VARIABLES = "MESOS_"
HELP_WIDTH = 100
HELP_INDENT = 6


class UsageError(Exception):
    """The command line cannot be understood."""


@attrs.frozen(kw_only=True)
class CommandLine:
    """What was given, checked against every class it was read for."""

    #: texts of each flag, by name, in order
    given: Mapping[str, tuple[str, ...]]
    #: words that are no flags
    words: tuple[str, ...]
    #: words after ``--``
    rest: tuple[str, ...]
    #: of variables in the environment that stand for flags
    prefix: str = VARIABLES

    def make(self, cls: type[T], **instead: Any) -> T:
        """An instance of ``cls``; ``instead`` are fields that are decided already. Raises UsageError."""
        values = dict(instead)
        for flag in flags_of(cls):
            if flag.field in values:
                continue
            if flag.name in self.given:
                values[flag.field] = _value(flag, self.given[flag.name])
            elif flag.default is REQUIRED:
                raise UsageError(f"--{flag.name} is required (or {flag.variable(self.prefix)} in the environment)")
        return cls(**values)


def parse(
    arguments: Sequence[str], classes: Iterable[type[Any]], environ: Mapping[str, str] | None = None,
    prefix: str = VARIABLES,
) -> CommandLine:  # fmt: skip
    """Raises UsageError for unknown flags, missing and bad values; ``--help`` and ``-h`` are up to the caller."""
    flags = _index(classes)
    given: dict[str, list[str]] = {}
    words: list[str] = []
    rest: tuple[str, ...] = ()
    queue = list(arguments)
    while queue:
        word = queue.pop(0)
        if word == "--":
            rest = tuple(queue)
            break
        if not word.startswith("-") or word == "-":
            words.append(word)
            continue
        if _is_bundle(flags, word):
            queue = [*[f"-{letter}" for letter in word[1:]], *queue]
            continue
        written, equals, text = word.partition("=")
        flag, negated = _find(flags, written)
        if flag.is_boolean:
            if negated and equals:
                raise UsageError(f"{written} takes no value")
            text = "false" if negated else text if equals else "true"
        elif not equals:
            if not queue or queue[0] == "--":
                raise UsageError(f"{written} needs a value: {written}={flag.kind.metavar}")
            text = queue.pop(0)
        values = given.setdefault(flag.name, [])
        if not flag.kind.repeated:
            values.clear()  # the last one counts
        values.append(_from_file(flag, written, text))
    for names in flags.values():
        for flag in names:
            variable = flag.variable(prefix)
            if flag.name not in given and environ is not None and variable in environ:
                given[flag.name] = [_from_file(flag, variable, environ[variable])]
            if flag.name in given:
                _value(flag, given[flag.name])
    texts_of = {name: tuple(texts) for name, texts in given.items()}
    return CommandLine(given=texts_of, words=tuple(words), rest=rest, prefix=prefix)


def help_text(usage: str, about: str, classes: Iterable[type[Any]], prefix: str = VARIABLES) -> str:
    """Everything a program accepts, by group, as plain text."""
    groups: dict[str, dict[str, Flag]] = {}
    for cls in classes:
        for flag in flags_of(cls):
            if not any(flag.name in group for group in groups.values()):
                groups.setdefault(flag.group or "Options", {})[flag.name] = flag
    lines = [f"Usage: {usage}", "", *_wrapped(about)]
    for title, group in groups.items():
        lines += ["", f"{title}:"]
        for flag in group.values():
            lines += [_heading(flag), *textwrap.wrap(
                flag.help, HELP_WIDTH, initial_indent=" " * HELP_INDENT, subsequent_indent=" " * HELP_INDENT)]
    lines += ["", f"Every flag may also be set as {prefix}<NAME> in the environment; file:///path reads a value."]
    return "\n".join(lines) + "\n"


def _wrapped(about: str) -> list[str]:
    lines: list[str] = []
    for paragraph in textwrap.dedent(about).strip().split("\n\n"):
        indented = any(line.startswith(" ") for line in paragraph.splitlines())
        lines += [*(paragraph.splitlines() if indented else textwrap.wrap(paragraph, HELP_WIDTH)), ""]
    return lines[:-1]


def _heading(flag: Flag) -> str:
    short = f"-{flag.short}, " if flag.short else ""
    if flag.is_boolean:
        written = f"--[no-]{flag.name}" if flag.default is True else f"--{flag.name}"
    else:
        written = f"--{flag.name}={flag.kind.metavar}"
    if flag.default is REQUIRED:
        return f"  {short}{written}   (required)"
    if flag.default in (None, "", (), {}, False):
        return f"  {short}{written}"
    return f"  {short}{written}   (default: {flag.kind.show(flag.default)})"


def _index(classes: Iterable[type[Any]]) -> dict[str, list[Flag]]:
    flags: dict[str, list[Flag]] = {}
    for cls in classes:
        for flag in flags_of(cls):
            flags.setdefault(flag.name, []).append(flag)
    return flags


def _is_bundle(flags: Mapping[str, list[Flag]], word: str) -> bool:
    """Several short flags in one word, none of which takes a value: ``-it``."""
    short = {same[0].short for same in flags.values() if same[0].short and same[0].is_boolean}
    return len(word) > 2 and word[1] != "-" and set(word[1:]) <= short


def _find(flags: Mapping[str, list[Flag]], written: str) -> tuple[Flag, bool]:
    """The flag and whether it was negated."""
    if not written.startswith("--"):
        for same in flags.values():
            if same[0].short and written == f"-{same[0].short}":
                return same[0], False
        raise UsageError(f"unknown flag {written}")
    name = written[2:].replace("-", "_")
    if name in flags:
        return flags[name][0], False
    positive = name.removeprefix("no_")
    if positive != name and positive in flags and flags[positive][0].is_boolean:
        return flags[positive][0], True
    close = difflib.get_close_matches(name, flags, n=1)
    raise UsageError(f"unknown flag {written}" + (f"; did you mean --{close[0]}?" if close else ""))


def _value(flag: Flag, texts: Sequence[str]) -> Any:
    try:
        if flag.kind.repeated:
            return tuple(flag.kind.parse(text) for text in texts)
        return flag.kind.parse(texts[-1])
    except ValueError as error:
        raise UsageError(f"--{flag.name}: {error}") from error


def _from_file(flag: Flag, written: str, text: str) -> str:
    names_file = text.startswith(FILE_SCHEME) or (flag.kind.names_file and text.startswith("/"))
    if flag.kind.literal or not names_file:
        return text
    try:
        return Path(text.removeprefix(FILE_SCHEME)).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{written}: cannot read {text}: {error}") from error
