"""Where a framework's program runs: how it reaches masters and what it keeps, its clock and its chance. The port.

The real one is ``machine.RealHost``. In the simulator a program runs in a context of its own, in which ``HOST`` is a
simulated one, so that it is the same program to the letter: whatever it awaits, asyncio gives it virtual time, and
whatever the SDK does for it goes through here.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

import attrs

from mesos_py.coordination import Records
from mesos_py.machine.values import Nanos
from mesos_py.wire.scheduler_api import Call, Event

if TYPE_CHECKING:
    from mesos_py.coordination.locator import Locator


class NotReached(Exception):
    """Nobody answers, or not now."""


class Refused(Exception):
    """Somebody answers, and will not have us."""


class Elsewhere(Exception):
    """Who was asked does not lead."""

    def __init__(self, address: str | None) -> None:
        super().__init__(f"the leading master is at {address}" if address else "no master leads")
        #: of who does; None: nobody knows
        self.address = address


@attrs.frozen
class Account:
    """Who we are to masters that ask (HTTP basic authentication)."""

    principal: str
    secret: str = attrs.field(repr=False)


class Link(Protocol):
    """One subscription at one master: events come, calls go."""

    def events(self) -> AsyncGenerator[Event, None]:
        """In their order, until the connection ends or breaks. What is not read waits at the master."""
        ...

    async def call(self, call: Call) -> None:
        """Sent after all calls before it; waits while too many are unanswered. Raises NotReached."""
        ...

    async def close(self) -> None:
        """The master learns that we have gone."""
        ...


#: told how the master has answered a call: an HTTP status and a text
Answered = Callable[[Call, int, str], None]


class Host(Protocol):
    """What the SDK needs of the world."""

    #: for back-off and ids
    rng: random.Random
    #: the user whom tasks run as, unless the framework says otherwise
    user: str
    name: str
    #: where the masters are, unless the program says
    master: str

    def clock(self) -> Callable[[], Nanos]:
        """Of a program that starts now."""
        ...

    def locator(self, master: str, moved: Callable[[], None]) -> Locator:
        """Follows the leader of ``master``. Raises AddressError."""
        ...

    async def subscribe(self, address: str, call: Call, account: Account | None, answered: Answered) -> Link:
        """A connection on which SUBSCRIBE was taken. Raises NotReached, Refused, Elsewhere."""
        ...

    async def records(self, place: str, framework: str, master: str) -> Records:
        """What is kept at ``place``; "": where the host keeps such things. Raises StoreFailed."""
        ...


#: where the program that runs now is; None: on the real machine
HOST: ContextVar[Host | None] = ContextVar("host", default=None)


def host() -> Host:
    """Where this program runs."""
    found = HOST.get()
    if found is None:
        from mesos_py.sdk.machine import RealHost

        found = RealHost()
        HOST.set(found)
    return found
