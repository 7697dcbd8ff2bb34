"""A deployment while it goes on: bars for whoever looks at a terminal, a line for each change otherwise."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from frameworks.marathon_py.shell.waiting import Look, Seen
from mesos_py.cli.command import say

SHOWN_MAX = 30  # of more apps only the first ones have bars, or lines


@contextlib.contextmanager
def show() -> Iterator[Look]:
    """What is to be told of each look at the deployment."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    bars = _Bars()
    with bars.progress:
        yield bars


class _Bars:
    def __init__(self) -> None:
        self.progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(), console=Console(stderr=True),
        )  # fmt: skip
        self._bars: dict[str, TaskID] = {}

    def __call__(self, seen: Seen) -> None:
        for one in seen.progress[:SHOWN_MAX]:
            if one.id not in self._bars:
                self._bars[one.id] = self.progress.add_task(one.id, total=None, state="")
            action = seen.actions.get(one.id, "")
            states = [_verb(action), *([f"{one.old} old"] if one.old else []),
                      *([f"{one.unhealthy} not healthy"] if one.unhealthy else [])]  # fmt: skip
            self.progress.update(
                self._bars[one.id], total=one.wanted or 1, completed=1 if one.is_gone or not one.wanted else one.done,
                state=f"{', '.join(filter(None, states))} (step {seen.step} of {seen.steps})",
            )


class _Lines:
    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def __call__(self, seen: Seen) -> None:
        for one in seen.progress[:SHOWN_MAX]:
            text = f"step {seen.step} of {seen.steps}  {one.id}  {_verb(seen.actions.get(one.id, ''))}  {one}"
            if self._said.get(one.id) != text:
                self._said[one.id] = text
                say(text)


def _verb(action: str) -> str:
    """``ScaleApplication`` is "scale"."""
    return action.removesuffix("Application").removesuffix("Pod").lower() or "-"
