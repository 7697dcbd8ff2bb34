"""A program of commands: finds the one that was typed, reads its flags, runs it, and says how it has ended.

Exit codes: 0 done, 1 refused or not found, 2 wrong command line, 69 not reachable, 130 interrupted; commands may have
more of their own.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import uvloop

from mesos_py.cli.command import EXIT_OK, EXIT_USAGE, Command, CommandFailed, say
from mesos_py.config import VARIABLES, UsageError, help_text, parse
from mesos_py.logs import LogOptions, set_up

EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


@attrs.frozen(kw_only=True)
class Program:
    """One that a person types. Modules of commands are loaded only when asked for."""

    name: str
    #: what ``--version`` prints behind the name
    version: str
    #: where the modules are
    package: str
    #: name -> (module, the Command in it, what it does)
    commands: Mapping[str, tuple[str, str, str]]
    #: whose commands follow a word of ours: ``marathon-py app add``
    nouns: Mapping[str, Program] = attrs.field(factory=dict)
    #: commands that read their arguments themselves: name -> (module, a function that returns the exit code, about)
    others: Mapping[str, tuple[str, str, str]] = attrs.field(factory=dict)
    #: of a noun: what its commands are about
    about: str = ""
    #: of variables that stand for flags
    prefix: str = VARIABLES
    #: what the list of commands ends with
    notes: Sequence[str] = ()
    #: an end of a command by what its libraries raise; None: that is a bug
    explain: Callable[[BaseException], CommandFailed | None] = attrs.field(default=lambda error: None)

    def main(self, arguments: Sequence[str] | None = None) -> int:
        """The exit code; None: of the process's own arguments."""
        words = list(sys.argv[1:] if arguments is None else arguments)
        if not words or words[0] in ("help", "--help", "-h"):
            if len(words) > 1 and words[1] in self.commands:
                words = [words[1], "--help"]
            else:
                print(self._overview())
                return EXIT_OK if words else EXIT_USAGE
        if words[0] in ("version", "--version"):
            print(f"{self.name} {self.version}")
            return EXIT_OK
        name, rest = words[0], words[1:]
        if name in self.nouns:
            return self.nouns[name].main(rest)
        if name in self.others:
            return int(self._member(*self.others[name][:2])(rest))
        if name not in self.commands:
            close = difflib.get_close_matches(name, [*self.nouns, *self.others, *self.commands], n=1)
            say(f"{self.name}: no command '{name}'" + (f"; did you mean '{close[0]}'?" if close else ""))
            return EXIT_USAGE
        command = self.command(name)
        flags = rest[: rest.index("--")] if "--" in rest else rest
        if "--help" in flags or "-h" in flags:
            print(help_text(command.usage, command.about, command.options, self.prefix), end="")
            return EXIT_OK
        return self._run(name, command, rest)

    def command(self, name: str) -> Command:
        found: Command = self._member(*self.commands[name][:2])
        return found

    def _member(self, module: str, attribute: str) -> Any:
        return getattr(importlib.import_module(f"{self.package}.{module}"), attribute)

    def _run(self, name: str, command: Command, arguments: Sequence[str]) -> int:
        try:
            line = parse(arguments, command.options, os.environ, self.prefix)
            if LogOptions not in command.options:  # others set it up as their flags say
                set_up(LogOptions(logging_level="WARNING"))
            return uvloop.run(command.main(line))
        except UsageError as error:
            say(f"{self.name} {name}: {error}\n'{self.name} {name} --help' lists its flags")
            return EXIT_USAGE
        except KeyboardInterrupt:
            return EXIT_INTERRUPTED
        except BrokenPipeError:  # whoever read us has seen enough, as in: mesos-py ps | head
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered must go somewhere
            return EXIT_OK
        except Exception as error:
            failed = self._failed(error)
            if failed is None:
                raise
            say(f"{self.name} {name}: {failed}")
            return failed.code

    def _failed(self, error: BaseException) -> CommandFailed | None:
        """None: not in a way that a command may. Of a TaskGroup's, whose tasks may fail together, the first counts."""
        if isinstance(error, BaseExceptionGroup):
            failures = [self._failed(one) for one in error.exceptions]
            return None if None in failures else failures[0]
        return error if isinstance(error, CommandFailed) else self.explain(error)

    def _overview(self) -> str:
        lines = [f"Usage: {self.name} COMMAND [flags]", ""]
        for name, noun in self.nouns.items():
            lines += [f"  {name:<12}{noun.about}", f"  {'':<14}{'|'.join(noun.commands)}"]
        lines += [f"  {name:<12}{about}" for name, (_, _, about) in {**self.others, **self.commands}.items()]
        return "\n".join([*lines, "", *self.notes])
