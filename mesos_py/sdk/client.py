"""The shell of a framework's session: its driver, its connection to the leading master, and the program's inbox.

::

    locator --LeaderFound--> session --Subscribe--> _live: events --> session --Deliver--> inbox --> the program
                             (driver)                      calls <-- outbox <-- session <-- its calls

Bounds: with ``INBOX_MAX`` events that the program has not taken nothing more is read from the master, and whoever makes
calls waits while ``OUTBOX_MAX`` of them have not left.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

import structlog

from mesos_py.machine.driver import Driver, Stopped
from mesos_py.machine.frame import Close, Disconnected, Event, Frame, PeerID, Send
from mesos_py.sdk.host import Account, Elsewhere, Host, Link, NotReached, Refused
from mesos_py.sdk.session import words
from mesos_py.sdk.session.core import Session
from mesos_py.sdk.session.hearing import kind_of
from mesos_py.sdk.store import FrameworkStore
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as MasterEvent
from mesos_py.wire.schema import evolve

log = structlog.get_logger(__name__)

INBOX_MAX = 1_000  # events
OUTBOX_MAX = 1_000  # calls
FLUSH_TIMEOUT_S = 2.0  # for the last calls to leave


class Client:
    """Entered, it is subscribed as soon as it can be, and stays so until it is left."""

    def __init__(
        self, session: Session, host: Host, *, master: str, store: str, account: Account | None,
        refused: Callable[[Call, int, str], None],
    ) -> None:  # fmt: skip
        """``refused`` is told what the master does not take."""
        self.session = session
        self._host, self._master, self._place, self._account = host, master, store, account
        self._refused = refused
        self._driver: Driver
        self._store: FrameworkStore
        self._inbox: deque[MasterEvent] = deque()
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        #: the session says that nothing more will come
        self._finish: words.Finish | None = None
        self._outboxes: dict[PeerID, _Outbox] = {}
        self._sent = asyncio.Event()
        self._lives: dict[PeerID, asyncio.Task[None]] = {}
        #: those that must not end
        self._eternal: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Raises StoreFailed, AddressError."""
        self._moved = asyncio.Event()
        locator = self._host.locator(self._master, self._moved.set)
        records = await self._host.records(self._place, self.session.info.name, self._master)
        self._store = FrameworkStore(records)
        try:
            kept = await self._store.load()
        except BaseException:
            await self._store.close()
            raise
        self._driver = Driver(self.session, self._store, self, clock=self._host.clock())
        self._start("driver", self._driver.run())
        self.tell(words.Begun(kept))
        self._start("locator", locator.run())
        self._start("leader", self._follow(locator.locate))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What was said before still leaves, if somebody takes it within a moment."""
        with contextlib.suppress(Stopped):
            await self._driver.barrier()
        await self._flush()
        tasks = [*self._lives.values(), *reversed(self._eternal)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._store.close()

    def _start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=f"framework {name}")
        task.add_done_callback(lambda done: self._arrived.set())
        self._eternal.append(task)

    async def _flush(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_TIMEOUT_S):
                while any(self._outboxes.values()):
                    self._sent.clear()
                    await self._sent.wait()

    # ---- the program

    async def take(self) -> MasterEvent | None:
        """The next event; None: there are no more. Raises what has ended the session."""
        while not self._inbox:
            if self._finish is not None:
                if self._finish.error is not None:
                    raise self._finish.error
                return None
            for task in self._eternal:
                if task.done():
                    task.result()
            self._arrived.clear()
            await self._arrived.wait()
        event = self._inbox.popleft()
        self._taken.set()
        return event

    async def next(self) -> MasterEvent | None:
        """Likewise, without offers that have gone while they waited."""
        while (event := await self.take()) is not None:
            if event.offers is None:
                return event
            left = tuple(offer for offer in event.offers.offers if offer.id in self.session.offers)
            if left:
                return evolve(event, offers=MasterEvent.Offers(offers=left))
        return None

    def tell(self, body: Any, peer: PeerID | None = None) -> None:
        """Something has happened, or is asked for."""
        self._driver.tell(Event(type(body), body, peer))

    async def call(self, call: Call) -> bool:
        """The session deals with it; False: no master listens. Waits while too many calls have not left."""
        with contextlib.suppress(Stopped):  # whoever takes events learns why
            is_said = bool(await self._driver.ask(Event(call.type, call)))
            await self.room()
            return is_said
        return False

    async def room(self) -> None:
        """There is room for more calls."""
        while any(len(outbox) > OUTBOX_MAX for outbox in self._outboxes.values()):
            self._sent.clear()
            await self._sent.wait()

    async def stored(self) -> None:
        """Everything asked to be kept so far survives."""
        with contextlib.suppress(Stopped):  # whoever takes events learns why
            await self._driver.barrier()

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
            match change:
                case words.Connected():
                    log.info("subscribed", framework_id=change.framework_id, master=change.address)
                case words.Lost():
                    log.warning("not subscribed", why=change.why, again_s=change.again_s)
                case words.Ended():
                    status = change.status
                    log.info("task has ended", task_id=status.task_id, state=status.state.name, message=status.message)

    # ---- masters

    async def _follow(self, locate: Callable[[], Coroutine[Any, Any, str]]) -> None:
        while True:
            self._moved.clear()
            self.tell(words.LeaderFound(await locate()))
            await self._moved.wait()

    async def _live(self, asked: words.Subscribe) -> None:
        """One connection, from the attempt to its end."""
        peer, outbox = asked.peer, self._outboxes[asked.peer]
        try:
            link = await self._host.subscribe(
                asked.address, asked.call, self._account, lambda *answer: self._answered(peer, *answer))
        except NotReached as error:
            self.tell(words.NotSubscribed(str(error)), peer)
        except Elsewhere as elsewhere:
            self.tell(words.SentElsewhere(elsewhere.address), peer)
        except Refused as error:
            self.tell(words.SubscribeRefused(str(error)), peer)
        else:
            ways = [
                asyncio.create_task(self._read(link, peer), name="events of the master"),
                asyncio.create_task(outbox.send(link, self._sent), name="calls to the master"),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
                await link.close()
            self._driver.tell(Event(Disconnected, _why(ways), peer))

    async def _read(self, link: Link, peer: PeerID) -> None:
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

    def _answered(self, peer: PeerID, call: Call, status: int, text: str) -> None:
        if status < 300:
            self.tell(words.CallTaken(call), peer)
            return
        self._refused(call, status, text)
        self.tell(words.CallRefused(call, status, text), peer)


class _Outbox:
    """Calls that have not left yet."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque()
        self._is_filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._calls)

    def put(self, call: Call) -> None:
        self._calls.append(call)
        self._is_filled.set()

    async def send(self, link: Link, sent: asyncio.Event) -> None:
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
    return "the master has closed the connection"
