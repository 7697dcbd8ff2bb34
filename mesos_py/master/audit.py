"""Invariants of a running master, looked at all the time for a small part of its time.

Every second the next agents are checked with everything that is offered, used and remembered of them (I1, I2, I7, and
that all indexes agree): ``TURN_S`` of work, in which some 200 agents with ten tasks each get their turn, so that what
is wrong for longer than a minute or so is seen. What can be judged by one event is judged there (I3:
``calls/updates``); a second writer (I6) is refused by the store, and ends.

A finding is a ``Broken``, logged as an error and counted in ``master/invariant_violations``, which has to stay 0;
``master/invariant_checks`` shows that anybody looks. Nothing else comes of it: a master that is wrong about one agent
serves the others. Python's -O leaves checks out, and these with them.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence

from mesos_py.machine.frame import Frame
from mesos_py.machine.values import Nanos
from mesos_py.master.changes import Broken
from mesos_py.master.core import Master
from mesos_py.master.invariants import check_agent
from mesos_py.wire.ids import AgentID

PAUSE_S = 1.0  # between two turns
TURN_S = 0.002  # of work in one; an agent is looked at as a whole, however much it runs
ROUND_MIN_S = 10.0  # an agent is not looked at more often


class Audit:
    """Watches one core, between its events. ``observers`` are given a frame with what was found."""

    def __init__(self, core: Master, now: Callable[[], Nanos], observers: Sequence[Callable[[Frame], None]]) -> None:
        self._core, self._now, self._observers = core, now, observers
        #: agents looked at so far
        self.checks = 0
        #: those of this round that are still to be looked at
        self._left: deque[AgentID] = deque()
        self._round_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """From now on, until ``stop``."""
        if __debug__:
            self._again()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def look(self) -> None:
        """One turn."""
        began = time.perf_counter()
        if not self._left and began >= self._round_at:
            self._left.extend(self._core.state.agents)
            self._round_at = began + ROUND_MIN_S
        while self._left and time.perf_counter() < began + TURN_S:
            self._check(self._left.popleft())

    def _again(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(PAUSE_S, self._turn)

    def _turn(self) -> None:
        self.look()
        self._again()

    def _check(self, agent_id: AgentID) -> None:
        agent = self._core.state.agents.get(agent_id)
        if agent is None:
            return
        self.checks += 1
        try:
            check_agent(self._core.state, agent)
        except (AssertionError, LookupError) as wrong:  # an index that has lost something raises the latter
            frame = Frame(self._now())
            frame.change(Broken("I1", f"agent {agent_id}: {type(wrong).__name__}: {wrong}"))
            for observe in self._observers:
                observe(frame)
