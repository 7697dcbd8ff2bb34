"""A framework's session with whichever master leads: what to do next, whatever happens. Pure; its shell is ``client``.

::

    WAITING --a leader, the pause is over--> CONNECTING --SUBSCRIBED--> SUBSCRIBED --ERROR, torn down--> OVER
       ^                                         |                          |
       +-----not now, silence, broken off--------+--------------------------+

    connecting.py   leaders, connections, pauses          calls.py     what the program asks for
    hearing.py      what the master says                  asking.py    tasks reconciled, tasks killed again

What the high-availability guide of Mesos asks of a framework is decided here:

* the framework id is kept before anything is said under it, and used again until a master says it is removed;
* a launch is written down before it is asked for, and an end before it is acknowledged (``book``);
* a stream that is silent for five heartbeats is dead; the next attempt waits, twice as long each time;
* an update is acknowledged when the program has dealt with it, an echo of it at once, and nobody hears it twice;
* after every subscription, and now and then, tasks are reconciled until every one was answered for;
* a task that is to be killed is killed until it has ended; offers that are gone are taken back from the program.

What is said while no master listens is not said later: launches come to light by reconciling, kills are repeated,
offers are void, and whether offers are wanted is part of the next subscription.

Mesos: docs/high-availability-framework-guide.md, docs/scheduler-http-api.md.
"""

from __future__ import annotations

from typing import Protocol

import attrs

from mesos_py.machine.frame import Event, Frame, PeerID
from mesos_py.machine.table import Table, dispatch
from mesos_py.machine.timers import Timers
from mesos_py.machine.values import Nanos
from mesos_py.sdk.session import asking, calls, connecting, hearing, words
from mesos_py.sdk.session.book import Book
from mesos_py.sdk.session.phase import Phase
from mesos_py.sdk.session.reconciliation import Reconciliation
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import FrameworkID, OfferID
from mesos_py.wire.offer import Offer
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.schema import evolve

ROWS = Table.merge(connecting.table, hearing.table, calls.table, asking.table)


class Chance(Protocol):
    """Of random.Random."""

    def uniform(self, a: float, b: float) -> float: ...


@attrs.frozen(kw_only=True)
class Habits:
    """What a session does by itself; each can be taken over by the program."""

    #: updates are acknowledged when they have been handled
    acknowledges: bool = True
    #: tasks are reconciled after every subscription and now and then
    reconciles: bool = True


class Session:
    """One framework, from the start of its program to the end."""

    def __init__(self, info: FrameworkInfo, rng: Chance, habits: Habits | None = None) -> None:
        #: as it introduces itself, without its id
        self.info = info
        self.rng = rng
        self.habits = habits or Habits()
        self.phase = Phase.WAITING
        #: kept; None: no master has named it yet
        self.framework_id: FrameworkID | None = None
        self.book = Book()
        #: the program's own
        self.records: dict[str, bytes] = {}
        #: outstanding: neither answered nor gone
        self.offers: dict[OfferID, Offer] = {}
        #: roles in which nothing is to be offered
        self.suppressed: dict[str, None] = {}
        #: and those of which the subscription that is being made says so
        self.suppressed_at_first: tuple[str, ...] = ()
        self.reconciliation = Reconciliation()
        self.timers = Timers()
        #: what was kept has been read
        self.has_begun = False
        #: where the leader is taken to be, and where the master asked last has sent us instead
        self.address: str | None = None
        self.redirect: str | None = None
        self.redirects = 0
        #: the connection that is being made or there
        self.peer: PeerID | None = None
        self.links = 0
        #: since the last subscription that lasted
        self.attempts = 0
        #: since when there is one; None: there is none
        self.subscribed_at: Nanos | None = None
        #: between two heartbeats, as the master says
        self.heartbeat_s = connecting.HEARTBEAT_S
        #: when we were last known to be subscribed; None: not in this run
        self.seen_at: Nanos | None = None
        #: the program does not keep up, and nothing is read
        self.is_paused = False
        #: torn down as soon as a master listens
        self.is_ending = False
        self._cause = 0

    def apply(self, event: Event, now: Nanos) -> Frame:
        """Everything ``event`` causes."""
        self._cause += 1
        out = Frame(now, self._cause)
        dispatch(ROWS, self, event, out)  # a newer master may say what we have no word for
        return out

    def deadline(self) -> Nanos | None:
        return self.timers.deadline()

    @property
    def is_subscribed(self) -> bool:
        return self.phase is Phase.SUBSCRIBED

    @property
    def is_over(self) -> bool:
        return self.phase is Phase.OVER

    @property
    def roles(self) -> tuple[str, ...]:
        return self.info.roles or ((self.info.role or "*"),)

    def subscription(self) -> Call:
        """The SUBSCRIBE to send now."""
        self.suppressed_at_first = tuple(role for role in self.suppressed if role in self.roles)
        subscribe = Call.Subscribe(
            framework_info=evolve(self.info, id=self.framework_id), suppressed_roles=self.suppressed_at_first
        )
        return Call(type=Call.Type.SUBSCRIBE, framework_id=self.framework_id, subscribe=subscribe)

    # ---- what handlers do with it

    def say(self, call: Call, out: Frame) -> None:
        """To the master, if one listens; after TEARDOWN there is nothing left to say."""
        is_moot = self.is_ending and call.type is not Call.Type.TEARDOWN
        if self.is_subscribed and self.peer is not None and not is_moot:
            out.send(self.peer, evolve(call, framework_id=self.framework_id))

    def finish(self, error: Exception | None, out: Frame) -> None:
        """There is nothing more to come."""
        self.leave(out)
        self.phase = Phase.OVER
        out.send(words.PROGRAM, words.Finish(error))

    def leave(self, out: Frame) -> None:
        """Neither subscribed nor about to be; what depended on that is void, and the program is told of its offers."""
        if self.peer is not None:
            out.close(self.peer)
        self.peer = None
        self.phase = Phase.WAITING
        self.is_paused = False
        for key in ("retry", "silence", "reconcile", "kills"):
            self.timers.cancel(key)
        for offer_id in self.offers:
            hearing.rescind(offer_id, out)
        self.offers.clear()

    def check(self) -> None:
        """What is always true."""
        self.book.check()
        assert (self.peer is not None) == (self.phase in (Phase.CONNECTING, Phase.SUBSCRIBED))
        assert not self.offers or self.is_subscribed
        assert ("retry" in self.timers) <= (self.phase is Phase.WAITING)
        assert ("silence" in self.timers) == (self.peer is not None and not self.is_paused)
        assert self.framework_id is not None or not self.is_subscribed
