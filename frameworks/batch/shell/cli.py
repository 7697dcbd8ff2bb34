"""``mesos-batch COMMAND``: the batch framework from a shell.

Exit codes are those of ``mesos-py``; ``wait`` and ``--wait`` exit with 0 if all jobs have succeeded, and with 1 if not.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from frameworks.batch.shell.client import NotThere, Refused
from mesos_py import __version__
from mesos_py.cli.command import EXIT_UNREACHABLE, CommandFailed
from mesos_py.cli.program import Program
from mesos_py.config import parse


def explain(error: BaseException) -> CommandFailed | None:
    """What a client raises."""
    if isinstance(error, NotThere):
        text = f"{error}; is it running? 'mesos-batch serve' starts it, --batch says where it is"
        return CommandFailed(text, EXIT_UNREACHABLE)
    return CommandFailed(str(error)) if isinstance(error, Refused) else None


PROGRAM = Program(
    name="mesos-batch", version=__version__, package="frameworks.batch.shell", explain=explain,
    commands={
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
        "pass": ("telling", "PASS", "count what has failed as succeeded"),
        "forget": ("telling", "FORGET", "forget ended jobs"),
        "schedules": ("telling", "SCHEDULES", "list schedules; pause, resume, run or drop one"),
    },
    notes=(
        "'mesos-batch COMMAND --help' tells its flags. --batch=HOST:PORT, or MESOS_BATCH in the environment,",
        "says where the framework is (HOST:PORT,HOST:PORT if it has standbys); --json prints what it answered.",
    ),
)  # fmt: skip

main = PROGRAM.main


async def run_framework(arguments: Sequence[str]) -> int:
    """``mesos-py framework run batch -- FLAGS``."""
    command = PROGRAM.command("serve")
    return await command.main(parse(arguments, command.options, os.environ))


if __name__ == "__main__":
    sys.exit(main())
