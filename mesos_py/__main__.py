"""``mesos-py COMMAND``."""

from __future__ import annotations

import sys

from mesos_py import MESOS_VERSION, __version__
from mesos_py.cli.program import Program

PROGRAM = Program(
    name="mesos-py", version=f"{__version__} (speaks Mesos {MESOS_VERSION})", package="mesos_py.cli",
    commands={
        "local": ("local", "COMMAND", "run a whole cluster on this machine"),
        "master": ("servers", "MASTER", "run a master"),
        "agent": ("servers", "AGENT", "run an agent"),
        "run": ("run", "COMMAND", "run one command as a task, and exit as it does"),
        "ps": ("show", "PS", "list tasks"),
        "agents": ("show", "AGENTS", "list agents"),
        "frameworks": ("show", "FRAMEWORKS", "list frameworks"),
        "quota": ("quota", "COMMAND", "show what roles are guaranteed and may not exceed, or change it"),
        "weights": ("weights", "COMMAND", "show what roles weigh in fair sharing, or change it"),
        "logs": ("logs", "COMMAND", "print what a task wrote"),
        "exec": ("exec", "EXEC", "run something where a task runs"),
        "attach": ("exec", "ATTACH", "see and type what the terminal of a task does"),
        "kill": ("kill", "COMMAND", "end a task"),
        "replay": ("replay", "COMMAND", "show a master or an agent as it was, from its journal"),
        "story": ("story", "COMMAND", "tell what happened to a task, agent or framework, and why"),
        "registry": ("registry", "COMMAND", "look at the registry, back it up, restore it"),
        "sim": ("sim", "COMMAND", "simulate clusters with faults"),
        "certify": ("certify", "COMMAND", "run a framework through fault scenarios"),
        "framework": ("framework", "COMMAND", "list installed frameworks, or run one"),
        "call": ("call", "COMMAND", "make any operator call"),
    },
    notes=(
        "'mesos-py COMMAND --help' tells its flags. Commands that ask a master take --master=HOST:PORT, or",
        "MESOS_MASTER from the environment, and --json. Exit codes: 0 done, 1 refused or not found, 2 wrong command",
        "line, 69 not reachable; 'run' exits as its task did, or with 125 if it could not be run to an end;",
        "so does 'exec'.",
    ),
)  # fmt: skip

main = PROGRAM.main

if __name__ == "__main__":
    sys.exit(main())
