"""The shape of a command, and the ways it may end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from typing import Any

import attrs

from mesos_py.config import CommandLine

EXIT_OK = 0
EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 69  # EX_UNAVAILABLE of sysexits.h
EXIT_NOT_RUN = 125  # as docker run and others say "it was not your command that failed"


@attrs.frozen(kw_only=True)
class Command:
    """One subcommand of a ``program.Program``."""

    #: a whole line
    usage: str
    #: what it does, a paragraph or more
    about: str
    #: classes of its options
    options: tuple[type[Any], ...]
    main: Callable[[CommandLine], Coroutine[Any, Any, int]]


class CommandFailed(Exception):
    """Ends a command with a text on stderr and an exit code."""

    def __init__(self, text: str, code: int = EXIT_REFUSED) -> None:
        super().__init__(text)
        self.code = code


def say(text: str) -> None:
    """To whoever watches, not to whoever reads the output."""
    print(text, file=sys.stderr, flush=True)
