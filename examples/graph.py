"""A graph of jobs, run by the batch framework inside a program of one's own.

    python examples/graph.py            # on the cluster at MESOS_MASTER, or on this machine

``mesos-batch serve`` is the same framework as a service (docs/batch.md); here it lives as long as the graph does.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable

from frameworks.batch import words
from frameworks.batch.fields import read
from frameworks.batch.job import Submission
from frameworks.batch.shell.client import ENDS
from frameworks.batch.shell.program import BatchScheduler
from mesos_py.logs import LogOptions, set_up

SMALL = {"resources": {"cpus": 0.1, "mem": 16}}
GRAPH = {
    "jobs": [
        {"name": "prepare", "command": "echo ready", **SMALL},
        {"name": "square", "array": "1-6%3", "command": "echo $((TASK_INDEX * TASK_INDEX))",
         "depends": [{"job": "prepare"}], **SMALL},
        {"name": "pair", "gang": 2, "command": "echo $TASK_INDEX/$TASK_COUNT", "depends": [{"job": "square"}], **SMALL},
        {"name": "alarm", "command": "echo it has failed", "depends": [{"job": "square", "on": "failure"}], **SMALL},
        {"name": "clean", "command": "true", "depends": [{"job": "pair", "on": "completion"}], **SMALL},
    ]
}  # fmt: skip
EXPECTED = dict.fromkeys(("prepare", "square", "pair", "clean"), "succeeded") | {"alarm": "skipped"}


async def play(master: str, tell: Callable[[str], None]) -> dict[str, str]:
    """How each job has ended; ``tell`` hears of every change."""
    states: dict[str, str] = {}
    async with BatchScheduler(name="graph", master=master, store="memory", failover_timeout_s=0.0) as batch:
        serving = asyncio.create_task(batch.serve(), name="graph")
        facts = batch.listen()
        names = await batch.ask(words.Submit(read(Submission, GRAPH)))
        while not all(states.get(name) in ENDS for name in names):
            _, fact = await facts.get()
            if isinstance(fact, words.JobChanged):
                states[fact.name] = fact.state
                tell(f"{fact.name:<10} {fact.state}")
        await batch.teardown()
        await serving
    return states


if __name__ == "__main__":
    set_up(LogOptions(logging_level="WARNING"))
    sys.exit(asyncio.run(play(os.environ.get("MESOS_MASTER", "127.0.0.1:5050"), print)) != EXPECTED)
