"""Waiting for jobs: bars for whoever looks at a terminal, a line for each end otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from frameworks.batch.shell.client import ENDS, LOOK_EVERY_S, BatchClient
from mesos_py.cli.command import EXIT_OK, EXIT_REFUSED, say

BARS_MAX = 30  # of more jobs only the first ones have bars


async def wait_for(batch: BatchClient, names: Sequence[str]) -> int:
    """The exit code, once all have ended: 0 if all have succeeded, or were skipped as their graph says."""
    at_terminal = sys.stderr.isatty()
    progress = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(), console=Console(stderr=True),
    )  # fmt: skip
    bars = {name: progress.add_task(name, total=None, state="") for name in names[:BARS_MAX]}
    left, is_bad = dict.fromkeys(names), False
    with progress if at_terminal else contextlib.nullcontext():
        while left:
            for name in list(left):
                job = await batch.job(name)
                if name in bars:
                    progress.update(bars[name], **_bar(job))
                if job["state"] in ENDS:
                    del left[name]
                    is_bad = is_bad or job["state"] in ("failed", "cancelled")
                    if not at_terminal:
                        say(f"{name} {job['state']}")
            if left:
                await asyncio.sleep(LOOK_EVERY_S)
    return EXIT_REFUSED if is_bad else EXIT_OK


def _bar(job: dict[str, Any]) -> dict[str, Any]:
    tasks = job["tasks"]
    state = job["state"] if not tasks["failed"] else f"{job['state']}, {tasks['failed']} failed"
    return {"total": tasks["total"], "completed": tasks["succeeded"] + tasks["failed"], "state": state}
