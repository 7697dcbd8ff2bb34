"""A scheduler's shell: its session with the leading master, whom a locator follows, and its store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Self

import structlog

from mesos_py.coordination import Records
from mesos_py.sdk.host import Account, Answered, Host, KnownAgent, Link, NotReached
from mesos_py.sdk.session import words
from mesos_py.sdk.session.core import Session
from mesos_py.sdk.shell import Shell
from mesos_py.sdk.store import FrameworkStore
from mesos_py.wire.scheduler_api import Call, Event
from mesos_py.wire.schema import evolve

log = structlog.get_logger(__name__)


class Client:
    """Entered, it is subscribed as soon as it can be, and stays so until it is left."""

    def __init__(
        self, session: Session, host: Host, *, master: str, records: Callable[[], Awaitable[Records]],
        account: Account | None, refused: Callable[[Call, int, str], None], lost: Callable[[str], None],
    ) -> None:  # fmt: skip
        """``records`` opens what is kept; ``refused`` is told what the master does not take, ``lost`` why no master
        listens."""
        self.session = session
        self._host, self._master, self._records, self._account = host, master, records, account
        self._lost = lost
        self.shell: Shell[Call, Event] = Shell(session, self._connect, self._publish, refused)
        self._store: FrameworkStore
        self._moved = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Raises StoreFailed, AddressError."""
        locator = self._host.locator(self._master, self._moved.set)
        self._store = FrameworkStore(await self._records())
        try:
            kept = await self._store.load()
        except BaseException:
            await self._store.close()
            raise
        self.shell.open(self._store, self._host.clock())
        self.shell.tell(words.Begun(kept))
        self.shell.start("locator", locator.run())
        self.shell.start("leader", self._follow(locator.locate))
        self.shell.start("store", self._store.hold())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.shell.close()
        await self._store.close()

    async def next(self) -> Event | None:
        """As ``Shell.take``, without offers that have gone while they waited."""
        while (event := await self.shell.take()) is not None:
            if event.offers is None:
                return event
            left = tuple(offer for offer in event.offers.offers if offer.id in self.session.offers)
            if left:
                return evolve(event, offers=Event.Offers(offers=left))
        return None

    async def call(self, call: Call) -> bool:
        """False: no master listens."""
        return await self.shell.ask(call.type, call)

    async def agents(self) -> tuple[KnownAgent, ...]:
        """Raises NotReached, Refused, Elsewhere."""
        address = self.session.redirect or self.session.address
        if address is None:
            raise NotReached("nobody knows who leads")
        return await self._host.agents(address, self._account)

    async def _follow(self, locate: Callable[[], Coroutine[Any, Any, str]]) -> None:
        while True:
            self._moved.clear()
            self.shell.tell(words.LeaderFound(await locate()))
            await self._moved.wait()

    def _publish(self, change: Any) -> None:
        _tell_log(change)
        if isinstance(change, words.Lost):
            self._lost(change.why)

    async def _connect(self, asked: words.Subscribe, answered: Answered[Call]) -> Link[Call, Event]:
        return await self._host.subscribe(asked.address, asked.call, self._account, answered)


def _tell_log(change: Any) -> None:
    match change:
        case words.Connected():
            log.info("subscribed", framework_id=change.framework_id, master=change.address)
        case words.Lost():
            log.warning("not subscribed", why=change.why, again_s=change.again_s)
        case words.Unreadable():
            log.warning("record of a task cannot be read", task_id=change.task_id, why=change.why)
        case words.Ended():
            status = change.status
            log.info("task has ended", task_id=status.task_id, state=status.state.name, message=status.message)
