"""``mesos-py COMMAND``: finds the command, reads its flags, runs it, and turns how it ended into an exit code."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Sequence

import uvloop

from mesos_py import MESOS_VERSION, __version__
from mesos_py.cli.command import EXIT_OK, EXIT_REFUSED, EXIT_USAGE, Command, CommandFailed, say
from mesos_py.config import UsageError, help_text, parse
from mesos_py.logs import LogOptions, set_up

#: name -> (module, the Command in it, what it does); modules are loaded only when asked for
COMMANDS = {
    "local": ("mesos_py.cli.local", "COMMAND", "run a whole cluster on this machine"),
    "master": ("mesos_py.cli.servers", "MASTER", "run a master"),
    "agent": ("mesos_py.cli.servers", "AGENT", "run an agent"),
    "run": ("mesos_py.cli.run", "COMMAND", "run one command as a task, and exit as it does"),
    "ps": ("mesos_py.cli.show", "PS", "list tasks"),
    "agents": ("mesos_py.cli.show", "AGENTS", "list agents"),
    "frameworks": ("mesos_py.cli.show", "FRAMEWORKS", "list frameworks"),
    "logs": ("mesos_py.cli.logs", "COMMAND", "print what a task wrote"),
    "exec": ("mesos_py.cli.exec", "EXEC", "run something where a task runs"),
    "attach": ("mesos_py.cli.exec", "ATTACH", "see and type what the terminal of a task does"),
    "kill": ("mesos_py.cli.kill", "COMMAND", "end a task"),
    "replay": ("mesos_py.cli.replay", "COMMAND", "show a master or an agent as it was, from its journal"),
    "story": ("mesos_py.cli.story", "COMMAND", "tell what happened to a task, agent or framework, and why"),
    "registry": ("mesos_py.cli.registry", "COMMAND", "look at the registry, back it up, restore it"),
    "sim": ("mesos_py.cli.sim", "COMMAND", "simulate clusters with faults"),
    "certify": ("mesos_py.cli.certify", "COMMAND", "run a framework through fault scenarios"),
    "framework": ("mesos_py.cli.framework", "COMMAND", "list installed frameworks, or run one"),
    "call": ("mesos_py.cli.call", "COMMAND", "make any operator call"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code; see ``mesos_py.cli``."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("help", "--help", "-h"):
        if len(words) > 1 and words[1] in COMMANDS:
            words = [words[1], "--help"]
        else:
            print(_overview())
            return EXIT_OK if words else EXIT_USAGE
    if words[0] in ("version", "--version"):
        print(f"mesos-py {__version__} (speaks Mesos {MESOS_VERSION})")
        return EXIT_OK
    name, rest = words[0], words[1:]
    if name not in COMMANDS:
        close = difflib.get_close_matches(name, COMMANDS, n=1)
        say(f"mesos-py: no command '{name}'" + (f"; did you mean '{close[0]}'?" if close else ""))
        return EXIT_USAGE
    module, attribute, _ = COMMANDS[name]
    command: Command = getattr(importlib.import_module(module), attribute)
    flags = rest[: rest.index("--")] if "--" in rest else rest
    if "--help" in flags or "-h" in flags:
        print(help_text(command.usage, command.about, command.options), end="")
        return EXIT_OK
    return _run(name, command, rest)


def _run(name: str, command: Command, arguments: Sequence[str]) -> int:
    try:
        line = parse(arguments, command.options, os.environ)
        if LogOptions not in command.options:  # others set it up as their flags say
            set_up(LogOptions(logging_level="WARNING"))
        return uvloop.run(command.main(line))
    except UsageError as error:
        say(f"mesos-py {name}: {error}\n'mesos-py {name} --help' lists its flags")
        return EXIT_USAGE
    except CommandFailed as failed:
        say(f"mesos-py {name}: {failed}")
        return failed.code
    except ExceptionGroup as group:  # of a TaskGroup, whose tasks may fail together
        failures, bugs = group.split(CommandFailed)
        if bugs is not None or failures is None:
            raise
        say(f"mesos-py {name}: {failures.exceptions[0]}")
        return EXIT_REFUSED
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read us has seen enough, as in: mesos-py ps | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered must go somewhere
        return EXIT_OK


def _overview() -> str:
    lines = ["Usage: mesos-py COMMAND [flags]", ""]
    lines += [f"  {name:<12}{about}" for name, (_, _, about) in COMMANDS.items()]
    lines += [
        "", "'mesos-py COMMAND --help' tells its flags. Commands that ask a master take --master=HOST:PORT, or",
        "MESOS_MASTER from the environment, and --json. Exit codes: 0 done, 1 refused or not found, 2 wrong command",
        "line, 69 not reachable; 'run' exits as its task did, or with 125 if it could not be run to an end;",
        "so does 'exec'.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
