"""The shell of a session: its driver, the connection that it asks for, the program's inbox.

::

    session --Subscribe--> _live: events --> session --Deliver--> inbox --> the program
    (driver)                      calls <-- outbox <-- session <-- its calls

Bounds: with ``INBOX_MAX`` events that the program has not taken nothing more is read from the other side, and whoever
makes calls waits while ``OUTBOX_MAX`` of them have not left, or ``WITHHELD_MAX`` frames wait for what is kept first.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar

from mesos_py.machine.driver import Driver, Stopped, Store
from mesos_py.machine.frame import Close, Disconnected, Event, Frame, PeerID, Send
from mesos_py.machine.journal import Core
from mesos_py.machine.values import Nanos
from mesos_py.sdk.errors import NotKept
from mesos_py.sdk.host import Answered, Elsewhere, Link, NotReached, Refused
from mesos_py.sdk.session import words
from mesos_py.sdk.session.kinds import kind_of

INBOX_MAX = 1_000  # events
TAKEN_AT_ONCE = 50  # events, before the rest of the program has a turn
OUTBOX_MAX = 1_000  # calls
WITHHELD_MAX = 20_000  # frames behind a write: some thousand launches are decided on while others are written down
FLUSH_TIMEOUT_S = 2.0  # for the last calls to leave

C = TypeVar("C")
E = TypeVar("E")

Connect = Callable[[words.Subscribe, Answered[C]], Awaitable[Link[C, E]]]
"""Makes a connection on which SUBSCRIBE was taken. Raises NotReached, Refused, Elsewhere."""


class Shell(Generic[C, E]):
    """Runs one session from ``open`` to ``close``; a driver's rim."""

    def __init__(
        self, session: Core, connect: Connect[C, E], publish: Callable[[Any], None],
        refused: Callable[[C, int, str], None],
    ) -> None:  # fmt: skip
        """``publish`` is told every fact, ``refused`` what the other side does not take."""
        self._session, self._connect, self._publish, self._refused = session, connect, publish, refused
        self._driver: Driver
        self._inbox: deque[E] = deque()
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        #: without a turn for others in between
        self._taken_at_once = 0
        #: the session says that nothing more will come
        self._finish: words.Finish | None = None
        self._outboxes: dict[PeerID, _Outbox[C]] = {}
        self._sent = asyncio.Event()
        self._lives: dict[PeerID, asyncio.Task[None]] = {}
        #: those that must not end
        self._eternal: list[asyncio.Task[None]] = []

    def open(self, store: Store | None, clock: Callable[[], Nanos]) -> None:
        self._driver = Driver(self._session, store, self, clock=clock)
        self.start("driver", self._driver.run())

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """``work`` goes on until the shell is closed; if it ends before, the program does."""
        task = asyncio.create_task(work, name=f"sdk {name}")
        task.add_done_callback(lambda done: self._arrived.set())
        self._eternal.append(task)

    async def close(self) -> None:
        """What was said before still leaves, if somebody takes it within a moment."""
        with contextlib.suppress(Stopped, TimeoutError):
            async with asyncio.timeout(FLUSH_TIMEOUT_S):
                await self._driver.barrier()
                while any(self._outboxes.values()):
                    self._sent.clear()
                    await self._sent.wait()
        tasks = [*self._lives.values(), *reversed(self._eternal)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ---- the program

    async def take(self) -> E | None:
        """The next event; None: there are no more. Raises what has ended the session, and at once what has broken it:
        whoever has taken over what we keep may have gone on already."""
        if self._taken_at_once >= TAKEN_AT_ONCE:
            self._taken_at_once = 0
            await asyncio.sleep(0)
        while True:
            for task in self._eternal:
                if task.done():
                    task.result()
            if self._inbox:
                break
            if self._finish is not None:
                if self._finish.error is not None:
                    raise self._finish.error
                return None
            self._arrived.clear()
            await self._arrived.wait()
            self._taken_at_once = 0
        event = self._inbox.popleft()
        self._taken_at_once += 1
        self._taken.set()
        return event

    def tell(self, body: Any, peer: PeerID | None = None) -> None:
        """Something has happened, or is asked for."""
        self._driver.tell(Event(type(body), body, peer))

    def say(self, kind: Any, call: C) -> None:
        """The session deals with it; nobody waits."""
        self._driver.tell(Event(kind, call))

    async def ask(self, kind: Any, call: C) -> bool:
        """The session deals with it; False: nobody listens. Waits while too many calls have not left."""
        with contextlib.suppress(Stopped):  # whoever takes events learns why
            is_said = bool(await self._driver.ask(Event(kind, call)))
            await self.room()
            return is_said
        return False

    async def room(self) -> None:
        """There is room for more calls."""
        if self._driver.outbox_length > WITHHELD_MAX:
            await self.stored()
        while any(len(outbox) > OUTBOX_MAX for outbox in self._outboxes.values()):
            self._sent.clear()
            await self._sent.wait()

    async def stored(self) -> None:
        """Everything asked to be kept so far survives. Raises NotKept."""
        try:
            await self._driver.barrier()
        except Stopped as stopped:
            raise NotKept from stopped

    # ---- the driver's rim

    def send(self, word: Send | Close) -> None:
        if isinstance(word, Close):
            self._outboxes.pop(word.peer, None)
            self._sent.set()
            life = self._lives.get(word.peer)
            if life is not None:
                life.cancel()
        elif word.peer == words.PROGRAM:
            if isinstance(word.message, words.Finish):
                self._finish = word.message
            else:
                self._inbox.append(word.message.event)
            self._arrived.set()
        elif word.peer == words.CONNECTOR:
            asked: words.Subscribe = word.message
            self._outboxes[asked.peer] = _Outbox()
            life = asyncio.create_task(self._live(asked), name=f"subscription at {asked.address}")
            self._lives[asked.peer] = life
            life.add_done_callback(lambda done: self._life_over(asked.peer, done))
        elif word.peer in self._outboxes:
            self._outboxes[word.peer].put(word.message)

    def _life_over(self, peer: PeerID, life: asyncio.Task[None]) -> None:
        """What was no end of a connection ends the program."""
        self._lives.pop(peer, None)
        self._outboxes.pop(peer, None)
        if not life.cancelled() and life.exception() is not None:
            self._eternal.append(life)
            self._arrived.set()

    def publish(self, frame: Frame) -> None:
        for change in frame.changes:
            self._publish(change)

    # ---- the other side

    async def _live(self, asked: words.Subscribe) -> None:
        """One connection, from the attempt to its end."""
        peer, outbox = asked.peer, self._outboxes[asked.peer]
        try:
            link = await self._connect(asked, lambda *answer: self._answered(peer, *answer))
        except NotReached as error:
            self.tell(words.NotSubscribed(str(error)), peer)
        except Elsewhere as elsewhere:
            self.tell(words.SentElsewhere(elsewhere.address), peer)
        except Refused as error:
            self.tell(words.SubscribeRefused(str(error)), peer)
        else:
            ways = [
                asyncio.create_task(self._read(link, peer), name="events of a subscription"),
                asyncio.create_task(outbox.send(link, self._sent), name="calls of a subscription"),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
                await link.close()
            self._driver.tell(Event(Disconnected, _why(ways), peer))

    async def _read(self, link: Link[C, E], peer: PeerID) -> None:
        """Until the stream ends; not faster than the program takes what comes."""
        async with contextlib.aclosing(link.events()) as events:
            async for event in events:
                self._driver.tell(Event(kind_of(event), event, peer))
                if len(self._inbox) >= INBOX_MAX:
                    self.tell(words.ReadingPaused(), peer)
                    while len(self._inbox) >= INBOX_MAX:
                        self._taken.clear()
                        await self._taken.wait()
                    self.tell(words.ReadingResumed(), peer)

    def _answered(self, peer: PeerID, call: C, status: int, text: str) -> None:
        if status < 300:
            self.tell(words.CallTaken(call), peer)
            return
        self._refused(call, status, text)
        self.tell(words.CallRefused(call, status, text), peer)


class _Outbox(Generic[C]):
    """Calls that have not left yet."""

    def __init__(self) -> None:
        self._calls: deque[C] = deque()
        self._is_filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._calls)

    def put(self, call: C) -> None:
        self._calls.append(call)
        self._is_filled.set()

    async def send(self, link: Link[C, Any], sent: asyncio.Event) -> None:
        """Until the connection breaks. Raises NotReached."""
        while True:
            while self._calls:
                await link.call(self._calls[0])
                self._calls.popleft()
                sent.set()
            self._is_filled.clear()
            await self._is_filled.wait()


def _why(ways: list[asyncio.Task[None]]) -> str:
    """What has ended a connection. Raises what should end no connection."""
    for way in ways:
        if way.done() and not way.cancelled() and (error := way.exception()) is not None:
            if not isinstance(error, NotReached):
                raise error
            return str(error)
    return "the other side has closed the connection"
