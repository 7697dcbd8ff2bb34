"""A process on the loop: what runs in it can be stopped, go on or end as a whole, at any moment, without its doing.

What a process calls, and whatever is called because of that later (callbacks, timers, tasks), belongs to it, since
asyncio hands contexts on. So real ``async`` code is stopped like a process by SIGSTOP, between any two steps, and ends
like one by SIGKILL: no ``finally`` runs, no last word is said.

    process = Process(loop, "m0#1")
    process.enter(server.start)     # from here on, everything it causes is the process's
    process.stop()                  # nothing of it runs; time goes on
    process.go_on()                 # everything that became due meanwhile is due now
    process.kill()

What happens to its connections is the network's to say: ``Network.kill`` and ``Network.go_on``.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from contextvars import Context, ContextVar
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from mesos_py.sim.loop import SimLoop

#: whose code runs now; None: the world's
CURRENT: ContextVar[Optional[Process]] = ContextVar("process", default=None)  # noqa: UP045  Process is made below


class Process:
    """Runs until it is stopped or killed."""

    __slots__ = ("_arrived", "_held", "_loop", "context", "is_dead", "name", "runs", "tasks")

    def __init__(self, loop: SimLoop, name: str) -> None:
        self._loop, self.name = loop, name
        #: neither stopped nor dead
        self.runs = True
        self.is_dead = False
        self.context = Context()
        self.context.run(CURRENT.set, self)
        #: made by it; told by the loop
        self.tasks: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        #: from outside, and its own
        self._arrived: list[asyncio.Handle] = []
        self._held: list[asyncio.Handle] = []

    def enter(self, call: Callable[..., object], *args: Any) -> None:
        """``call`` is called as the process: now, when it goes on, or never."""
        if CURRENT.get() is self:
            call(*args)
        elif self.runs:
            self.context.run(call, *args)
        else:
            self._arrived.append(asyncio.Handle(call, args, self._loop, self.context))

    def hold(self, handle: asyncio.Handle) -> None:
        """It is due, but the process does not run."""
        self._held.append(handle)

    def stop(self) -> None:
        """SIGSTOP."""
        self.runs = False

    def go_on(self) -> None:
        """SIGCONT: what has arrived is read, then what has become due is done, both in their order."""
        if not self.is_dead:
            self.runs = True
            held, self._arrived, self._held = self._arrived + self._held, [], []
            self._loop.resume(held)

    def kill(self) -> None:
        """SIGKILL."""
        self.runs, self.is_dead = False, True
        self._loop.abandon(self)

    def remains(self) -> list[asyncio.Handle]:
        """What will never be called."""
        return self._arrived + self._held
