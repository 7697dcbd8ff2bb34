"""Where a framework's program runs: how it reaches masters and what it keeps, its clock and its chance. The port.

The real one is ``machine.RealHost``. In the simulator a program runs in a context of its own, in which ``HOST`` is a
simulated one, so that it is the same program to the letter: whatever it awaits, asyncio gives it virtual time, and
whatever the SDK does for it goes through here.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Callable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol, TypeVar

import attrs

from mesos_py.coordination import Records
from mesos_py.machine.values import Nanos
from mesos_py.wire import executor_api
from mesos_py.wire.master_response import Response
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


C = TypeVar("C")
C_contra = TypeVar("C_contra", contravariant=True)
E_co = TypeVar("E_co", covariant=True)


class Link(Protocol[C_contra, E_co]):
    """One subscription: events come, calls go."""

    def events(self) -> AsyncGenerator[E_co, None]:
        """In their order, until the connection ends. What is not read waits at the other side. Raises NotReached."""
        ...

    async def call(self, call: C_contra) -> None:
        """Sent after all calls before it; waits while too many are unanswered. Raises NotReached."""
        ...

    async def close(self) -> None:
        """The other side learns that we have gone."""
        ...


Answered = Callable[[C, int, str], None]
"""Told how a call was answered: an HTTP status and a text."""


KnownAgent = Response.GetAgents.Agent
"""An agent as its master describes it."""


class Host(Protocol):
    """What the SDK needs of the world."""

    #: for back-off and ids
    rng: random.Random
    #: the user whom tasks run as, unless the framework says otherwise
    user: str
    name: str
    #: where the masters are, unless the program says
    master: str
    #: what an executor is started with
    environment: Mapping[str, str]

    def clock(self) -> Callable[[], Nanos]:
        """Of a program that starts now."""
        ...

    def locator(self, master: str, moved: Callable[[], None]) -> Locator:
        """Follows the leader of ``master``. Raises AddressError."""
        ...

    async def subscribe(
        self, address: str, call: Call, account: Account | None, answered: Answered[Call]
    ) -> Link[Call, Event]:
        """A connection on which SUBSCRIBE was taken. Raises NotReached, Refused, Elsewhere."""
        ...

    async def agents(self, address: str, account: Account | None) -> tuple[KnownAgent, ...]:
        """Those that the master there knows, as any operator is told. Raises NotReached, Refused, Elsewhere."""
        ...

    async def attach(
        self, address: str, call: executor_api.Call, token: str, answered: Answered[executor_api.Call]
    ) -> Link[executor_api.Call, executor_api.Event]:
        """Likewise at an agent, for an executor; ``token``: "" if it was given none."""
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
