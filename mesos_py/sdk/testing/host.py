"""The simulated host of a framework's program: simulated masters, disks that outlive the program, virtual time.

What leaves here is what a real program would have said, but for one thing: a task's command becomes its ``Fate``, so
that simulated agents know what becomes of it.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from mesos_py.coordination import Records
from mesos_py.coordination.locator import Locator
from mesos_py.coordination.memory import MemoryDisk, MemoryRecords
from mesos_py.machine.problem import Problem
from mesos_py.machine.values import MILLISECOND, Nanos
from mesos_py.master.validation.calls import scheduler_call
from mesos_py.sdk.host import Account, Answered, Elsewhere, KnownAgent, Link, NotReached
from mesos_py.sim import masters
from mesos_py.sim.clock import HostClock
from mesos_py.sim.disk import SlowRecords
from mesos_py.wire import executor_api
from mesos_py.wire.codec import json
from mesos_py.wire.scheduler_api import Call, Event

if TYPE_CHECKING:
    from mesos_py.sim.cluster import Cluster
    from mesos_py.sim.net import End

COMMIT_MAX: Nanos = 5 * MILLISECOND


class Ears(Protocol):
    """Who sees what a program says and hears. None of it may fail."""

    def said(self, link: SimLink, call: Call) -> None: ...

    def heard(self, link: SimLink, event: Event) -> None: ...

    def answered(self, link: SimLink, call: Call, status: int, text: str) -> None: ...

    def lost(self, link: SimLink) -> None: ...


class SimHost:
    """See ``sdk.host.Host``. One for each run of a program; ``disks`` are what the next one finds."""

    user = "nobody"

    def __init__(
        self, cluster: Cluster, name: str, process: str, disks: dict[str, MemoryDisk], fates: Callable[[Call], Call],
        ears: Ears,
    ) -> None:  # fmt: skip
        """``fates`` puts what becomes of tasks in place of their commands."""
        self._cluster, self.name, self._disks, self._fates, self._ears = cluster, name, disks, fates, ears
        self.rng = cluster.rng(f"{process} program")
        self._chance = cluster.rng(f"{process} host")
        self.master = "simulated"
        self.environment: Mapping[str, str] = {}

    def clock(self) -> Callable[[], Nanos]:
        return HostClock(self._cluster.loop).process_clock()

    def locator(self, master: str, moved: Callable[[], None]) -> Locator:
        """There is one cluster, whatever the program calls it."""
        return self._cluster.locator(self.name, moved, self._chance)

    async def subscribe(
        self, address: str, call: Call, account: Account | None, answered: Answered[Call]
    ) -> Link[Call, Event]:
        host = address.partition(":")[0]
        net = self._cluster.net
        try:
            calls = await net.connect(self.name, host, masters.CALLS)
            stream = await net.connect(self.name, host, masters.STREAMS)
        except ConnectionError as error:
            raise NotReached(f"{address}: {error}") from error
        link = SimLink(stream, calls, answered, self._fates, self._ears, is_encoded=self._cluster.plan.encoded)
        try:
            await link.subscribe(call)
        except BaseException:
            await link.close()
            raise
        return link

    async def agents(self, address: str, account: Account | None) -> tuple[KnownAgent, ...]:
        try:
            end = await self._cluster.net.connect(self.name, address.partition(":")[0], masters.OPERATORS)
        except ConnectionError as error:
            raise NotReached(f"{address}: {error}") from error
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def hear(word: Any) -> None:
            if not answer.done():
                answer.set_result(word)

        end.listen(hear, lambda why: hear(None))
        end.send("GET_AGENTS")
        try:
            told = await answer
        finally:
            end.close()
        if isinstance(told, masters.Elsewhere):
            raise Elsewhere(None if told.host is None else f"{told.host}:5050")
        if told is None:
            raise NotReached("the connection has ended")
        return tuple(told)

    async def attach(
        self, address: str, call: executor_api.Call, token: str, answered: Answered[executor_api.Call]
    ) -> Link[executor_api.Call, executor_api.Event]:
        raise NotReached("schedulers have no agent")

    async def records(self, place: str, framework: str, master: str) -> Records:
        if place == "memory":
            return MemoryRecords()
        disk = self._disks.setdefault(place, MemoryDisk())
        return SlowRecords(disk, random.Random(self._chance.random()), COMMIT_MAX)


class SimLink:
    """Two simulated connections to one master."""

    def __init__(
        self, stream: End, calls: End, answered: Answered[Call], fates: Callable[[Call], Call], ears: Ears, *,
        is_encoded: bool,
    ) -> None:  # fmt: skip
        self._stream, self._calls, self._answered = stream, calls, answered
        self._fates, self._ears, self._is_encoded = fates, ears, is_encoded
        self._arrived: deque[Any] = deque()
        self._wake = asyncio.Event()
        self._is_over = False
        self._stream_id = ""
        self._numbers = 0
        self._unanswered: dict[int, Call] = {}

    async def subscribe(self, call: Call) -> None:
        """Raises NotReached, Elsewhere."""
        self._stream.listen(self.hear, self._lose)
        self._calls.listen(self._answer, self._lose)
        self._ears.said(self, call)
        self._stream.send(call)
        word = await self._next()
        if word is None:
            raise NotReached("the connection has ended")
        if isinstance(word, masters.Elsewhere):
            raise Elsewhere(None if word.host is None else f"{word.host}:5050")
        self._stream_id = word

    @property
    def is_silent(self) -> bool:
        """It is there, and nothing that has come by it waits to be heard."""
        return not (self._arrived or self._is_over)

    def hear(self, word: Any) -> None:
        """That comes from the master."""
        self._arrived.append(word)
        self._wake.set()

    def _lose(self, why: str) -> None:
        self._is_over = True
        self._wake.set()

    def _answer(self, answer: tuple[int, Any]) -> None:
        number, reply = answer
        call = self._unanswered.pop(number)
        status, text = 202, ""
        if isinstance(reply, masters.Elsewhere):
            status = 307 if reply.host else 503
        elif isinstance(reply, Problem):
            status, text = int(reply.kind), reply.text
        self._ears.answered(self, call, status, text)
        self._answered(call, status, text)

    async def _next(self) -> Any:
        """What the master says next; None: nothing any more."""
        while not self._arrived and not self._is_over:
            self._wake.clear()
            await self._wake.wait()
        return self._arrived.popleft() if self._arrived else None

    async def events(self) -> AsyncGenerator[Event, None]:
        while (event := await self._next()) is not None:
            self._ears.heard(self, event)
            yield event

    async def call(self, call: Call) -> None:
        if self._is_over:
            raise NotReached("the connection has ended")
        self._ears.said(self, call)
        invalid = scheduler_call(call, None)
        if invalid is not None:  # as master/http.py answers
            text = f"Failed to validate scheduler::Call: {invalid}"
            self._ears.answered(self, call, 400, text)
            self._answered(call, 400, text)
            return
        if self._is_encoded:
            call = json.decode(Call, json.encode(call))
        self._numbers += 1
        self._unanswered[self._numbers] = call
        self._calls.send((self._numbers, self._stream_id, self._fates(call)))

    async def close(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._wake.set()
        self._stream.close()
        self._calls.close()
        self._ears.lost(self)
