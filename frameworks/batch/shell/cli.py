"""``mesos-batch COMMAND``: the batch framework from a shell.

Exit codes are those of ``mesos-py``: 0 done, 1 refused or not found, 2 wrong command line, 69 not reachable; ``wait``
and ``--wait`` exit with 0 if all jobs have succeeded, and with 1 if not.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Sequence

import uvloop

from frameworks.batch.shell.client import NotThere, Refused
from mesos_py import __version__
from mesos_py.cli.command import EXIT_OK, EXIT_REFUSED, EXIT_UNREACHABLE, EXIT_USAGE, Command, CommandFailed, say
from mesos_py.config import UsageError, help_text, parse

#: name -> (module, the Command in it, what it does)
COMMANDS = {
    "serve": ("serve", "COMMAND", "run the framework"),
    "submit": ("submitting", "SUBMIT", "run a command as a job"),
    "array": ("submitting", "ARRAY", "run a command once for each index"),
    "dag": ("submitting", "DAG", "take jobs that depend on each other from a file"),
    "cron": ("submitting", "CRON", "run a command by a calendar"),
    "ps": ("showing", "PS", "list jobs"),
    "show": ("showing", "SHOW", "everything about a job, and its attempts"),
    "why": ("showing", "WHY", "tell why a job does not run"),
    "logs": ("showing", "LOGS", "print what a task of a job wrote"),
    "wait": ("showing", "WAIT", "wait for jobs, and show how far they are"),
    "events": ("showing", "EVENTS", "print what happens, line by line"),
    "cancel": ("telling", "CANCEL", "end jobs"),
    "hold": ("telling", "HOLD", "start nothing more of jobs"),
    "release": ("telling", "RELEASE", "let held jobs go on"),
    "retry": ("telling", "RETRY", "run again what has failed"),
    "forget": ("telling", "FORGET", "forget ended jobs"),
    "schedules": ("telling", "SCHEDULES", "list schedules; pause, resume, run or drop one"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("help", "--help", "-h"):
        print(_overview())
        return EXIT_OK if words else EXIT_USAGE
    if words[0] in ("version", "--version"):
        print(f"mesos-batch {__version__}")
        return EXIT_OK
    name, rest = words[0], words[1:]
    if name not in COMMANDS:
        close = difflib.get_close_matches(name, COMMANDS, n=1)
        say(f"mesos-batch: no command '{name}'" + (f"; did you mean '{close[0]}'?" if close else ""))
        return EXIT_USAGE
    module, attribute, _ = COMMANDS[name]
    command: Command = getattr(importlib.import_module(f"frameworks.batch.shell.{module}"), attribute)
    flags = rest[: rest.index("--")] if "--" in rest else rest
    if "--help" in flags or "-h" in flags:
        print(help_text(command.usage, command.about, command.options), end="")
        return EXIT_OK
    return _run(name, command, rest)


def _run(name: str, command: Command, arguments: Sequence[str]) -> int:
    try:
        return uvloop.run(command.main(parse(arguments, command.options, os.environ)))
    except UsageError as error:
        say(f"mesos-batch {name}: {error}\n'mesos-batch {name} --help' lists its flags")
        return EXIT_USAGE
    except CommandFailed as failed:
        say(f"mesos-batch {name}: {failed}")
        return failed.code
    except Refused as refused:
        say(f"mesos-batch {name}: {refused}")
        return EXIT_REFUSED
    except NotThere as error:
        say(f"mesos-batch {name}: {error}; is it running? 'mesos-batch serve' starts it, --batch says where it is")
        return EXIT_UNREACHABLE
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read us has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK


async def run_framework(arguments: Sequence[str]) -> int:
    """``mesos-py framework run batch -- FLAGS``."""
    command: Command = importlib.import_module("frameworks.batch.shell.serve").COMMAND
    return await command.main(parse(arguments, command.options, os.environ))


def _overview() -> str:
    lines = ["Usage: mesos-batch COMMAND [flags]", ""]
    lines += [f"  {name:<12}{about}" for name, (_, _, about) in COMMANDS.items()]
    lines += ["", "'mesos-batch COMMAND --help' tells its flags. --batch=HOST:PORT, or MESOS_BATCH in the environment,"]
    lines += ["says where the framework is; --json prints what it answered."]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
