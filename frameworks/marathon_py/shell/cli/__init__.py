"""``marathon-py COMMAND``: Marathon from a shell.

Exit codes are those of ``mesos-py``; with ``--wait``, and of ``deployment watch``, 1 also if the deployment has not
ended well. ``serve`` exits as Marathon does.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence

from frameworks.marathon_py.shell.client import NotThere, Refused
from mesos_py import __version__
from mesos_py.cli.command import EXIT_UNREACHABLE, CommandFailed
from mesos_py.cli.program import Program

VARIABLES = "MARATHON_"
PACKAGE = "frameworks.marathon_py.shell"


def explain(error: BaseException) -> CommandFailed | None:
    """What a client raises."""
    if isinstance(error, NotThere):
        text = f"{error}; is it running? 'marathon-py serve' starts it, --url says where it is"
        return CommandFailed(text, EXIT_UNREACHABLE)
    if isinstance(error, Refused) and error.deployments:
        ids = ", ".join(error.deployments)
        return CommandFailed(f"deployment {ids} is in the way; --force cancels it, 'deployment watch' waits for it")
    return CommandFailed(str(error)) if isinstance(error, Refused) else None


def _noun(name: str, module: str, about: str, **commands: str) -> Program:
    return Program(
        name=f"marathon-py {name}", version=__version__, package=f"{PACKAGE}.cli", prefix=VARIABLES, explain=explain,
        about=about, commands={verb: (module, verb.upper(), text) for verb, text in commands.items()},
        notes=(f"'marathon-py {name} COMMAND --help' tells its flags.",),
    )  # fmt: skip


APP = _noun(
    "app", "apps", "services that are kept running",
    add="run an app", update="change an app", scale="run more or fewer instances", restart="replace all instances",
    rm="end an app", ls="list apps", show="everything about an app, and its tasks", versions="list its versions",
    rollback="make a former version the new one", kill="end tasks",
)  # fmt: skip
GROUP = _noun(
    "group", "groups", "trees of apps that are changed together",
    add="run everything in a new group", update="make a group what a file says", scale="multiply its instances",
    rm="end everything in a group", ls="list groups", show="print a group", versions="list its versions",
    rollback="make it what it was at a version",
)  # fmt: skip
POD = _noun(
    "pod", "pods", "containers that run together",
    add="run a pod", update="change a pod", scale="run more or fewer instances", rm="end a pod", ls="list pods",
    show="everything about a pod, and its instances", versions="list its versions",
    rollback="make a former version the new one",
)  # fmt: skip
DEPLOYMENT = _noun(
    "deployment", "deployments", "changes that are being carried out",
    ls="list those that go on", watch="show how far one is, until it has ended", cancel="take a change back",
    **{"continue": "let one go on that waits after its canaries"},
)  # fmt: skip

PROGRAM = Program(
    name="marathon-py", version=__version__, package=PACKAGE, prefix=VARIABLES, explain=explain,
    others={"serve": ("serve", "main", "run Marathon")},
    nouns={"app": APP, "group": GROUP, "pod": POD, "deployment": DEPLOYMENT},
    commands={
        "queue": ("cli.looking", "QUEUE", "list what waits to be launched"),
        "why": ("cli.looking", "WHY", "tell why an app or a pod waits"),
        "events": ("cli.looking", "EVENTS", "print what happens, line by line"),
        "leader": ("cli.looking", "LEADER", "tell who leads; have another one lead"),
        "info": ("cli.looking", "INFO", "print settings"),
    },
    notes=(
        "'marathon-py serve' runs Marathon, with its own flags.",
        "'marathon-py COMMAND --help' tells the flags of others. --url=http://HOST:PORT, or MARATHON_URL in the",
        "environment, says where Marathon is (several with commas between); --json prints what it answered.",
    ),
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code. ``serve`` reads its command line as Marathon does."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["serve"]:
        serve: Callable[[Sequence[str]], int] = importlib.import_module(f"{PACKAGE}.serve").main
        return serve(words[1:])
    return PROGRAM.main(words)
