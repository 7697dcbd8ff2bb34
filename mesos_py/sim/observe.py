"""What the world sees of processes: every event that reaches a core, what it keeps, every word that leaves it.

Processes are named by what they are, where, and the how manieth there: ``master-m0.1``, ``agent-a2.3``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from mesos_py.machine.driver import Store
from mesos_py.machine.frame import Close, Event, Frame, Send
from mesos_py.machine.values import Nanos


class Violation(Exception):
    """An invariant does not hold: which one, and the story."""

    def __init__(self, invariant: str, text: str) -> None:
        super().__init__(f"{invariant}: {text}")
        self.invariant = invariant


class Observer(Protocol):
    """The world."""

    def applied(self, process: str, core: Any, event: Event, frame: Frame) -> None:
        """One event of one core, with everything it caused."""

    def kept(self, process: str, writes: Sequence[Any]) -> None:
        """The process's store has promised that these survive."""

    def said(self, process: str, word: Send | Close) -> None:
        """A word leaves the process."""


class Observed:
    """A core as its driver sees it."""

    __slots__ = ("_applied", "_core", "_decide", "_process", "deadline")

    def __init__(self, process: str, core: Any, observer: Observer) -> None:
        self._process, self._core, self._applied = process, core, observer.applied
        self._decide: Callable[[Event, Nanos], Frame] = core.apply
        self.deadline: Callable[[], Nanos | None] = core.deadline

    def apply(self, event: Event, now: Nanos) -> Frame:
        decide, applied = self._decide, self._applied
        frame = decide(event, now)
        applied(self._process, self._core, event, frame)
        return frame


class ObservedStore:
    """A store as its driver sees it."""

    def __init__(self, process: str, store: Store, observer: Observer) -> None:
        self._process, self._store, self._observer = process, store, observer

    async def commit(self, writes: Sequence[Any]) -> None:
        await self._store.commit(writes)
        self._observer.kept(self._process, writes)


def is_master(process: str) -> bool:
    return process.startswith("master-")


def is_agent(process: str) -> bool:
    return process.startswith("agent-")


def host_of(process: str) -> str:
    return process.partition("-")[2].rpartition(".")[0]
