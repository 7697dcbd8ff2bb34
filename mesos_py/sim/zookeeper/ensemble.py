"""Who leads the ensemble, what is committed, and whose sessions live.

::

    no leader --a majority see each other, for a while--> leader --no majority seen for SYNC_LIMIT ticks--> no leader

The leader carries out writes in the order they come. A majority has to write them down, which takes a moment, and
those that come meanwhile share the next one; if the leader dies before, the next one carries out the first few of them
or has never heard of any, as drawn. Committed writes are on the disks of a majority and never lost; each server applies
them in order, some later than others.

Sessions are ended by the leader: when it has not heard of one for its timeout, rounded up to whole ticks. Servers tell
it whom they have heard from every half tick. A new leader gives everybody the full time again.

Mesos does not care how ZooKeeper does all that, only how it looks: zookeeper.apache.org, "Consistency Guarantees".
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from mesos_py.coordination.zookeeper.client import ANY_VERSION
from mesos_py.machine.values import MILLISECOND, SECOND, Nanos
from mesos_py.sim.loop import SimLoop
from mesos_py.sim.net import Network
from mesos_py.sim.zookeeper.server import Server
from mesos_py.sim.zookeeper.tree import Applied, CloseSession, Create, Multi, OpenSession, Request, Tree

TICK = 2 * SECOND  # zookeeper's tickTime as everybody configures it
SYNC_LIMIT = 5 * TICK  # how long a server and its leader may not hear of each other; syncLimit=5
LOOK_EVERY = TICK // 4  # at who sees whom
ELECTION_MAX = 2 * SECOND
COMMIT_MIN = MILLISECOND
TOGETHER_MAX = 1_000  # writes that share a moment; zookeeper.maxBatchSize


@attrs.frozen
class Proposal:
    """A write on its way."""

    request: Request
    #: whose request it is; an ended session's are refused. 0: nobody's
    session: int
    #: told the number under which it was committed, and what came of it; None: the session has ended
    done: Callable[[int, Applied | None], None]


class Ensemble:
    """All servers, and what they agree on."""

    def __init__(
        self, loop: SimLoop, net: Network, rng: random.Random, hosts: Sequence[str] = ("z0", "z1", "z2"), *,
        commit_max: Nanos = 20 * MILLISECOND, lag_max: Nanos = 5 * MILLISECOND, tick: Nanos = TICK,
        committed: Callable[[int, Request, Applied], None] = lambda session, request, applied: None,
    ) -> None:  # fmt: skip
        """``commit_max``: until a majority has written; ``lag_max``: until the others have applied it.
        ``committed`` is told every write in order, and whose it was (0: nobody's)."""
        self.loop, self.net, self._rng = loop, net, rng
        self.tick, self.sync_limit = tick, SYNC_LIMIT * tick // TICK
        self._commit_max, self._lag_max, self._committed = commit_max, lag_max, committed
        self.servers = {host: Server(self, host) for host in hosts}
        self.leader: Server | None = None
        #: everything committed, oldest first; the number of a write is its place, from 1
        self.log: list[Request] = []
        #: what has come of it
        self.tree = Tree()
        self._queue: deque[Proposal] = deque()
        #: by a majority, right now
        self._writing: tuple[Proposal, ...] = ()
        #: the leader's: session -> when it ends
        self._deadlines: dict[int, Nanos] = {}
        #: it is about to end them, whatever they still say
        self._ending: dict[int, None] = {}
        self._sessions = 0
        #: since when the leader has seen no majority
        self._alone_since: Nanos | None = None
        self._electing: asyncio.TimerHandle | None = None
        for server in self.servers.values():
            server.start()
        self._lead(next(iter(self.servers.values())))
        self._look()
        self._later(tick, self._end_sessions)

    def _later(self, delay: Nanos, call: Callable[..., object], *args: Any) -> asyncio.TimerHandle:
        """What the ensemble does is no single server's doing."""
        return self.loop.call_in(delay, call, *args, context=self.net.context)

    # ---- who sees whom

    def sees(self, one: Server, other: Server) -> bool:
        """Both run, and hear each other."""
        if not (one.runs and other.runs):
            return False
        return one is other or not (self.net.is_cut(one.host, other.host) or self.net.is_cut(other.host, one.host))

    def _followers(self, server: Server) -> list[Server]:
        """Those that ``server`` sees, itself among them."""
        return [other for other in self.servers.values() if self.sees(server, other)]

    def _is_majority(self, servers: Sequence[Server]) -> bool:
        return 2 * len(servers) > len(self.servers)

    def _look(self) -> None:
        self._later(LOOK_EVERY * self.tick // TICK, self._look)
        leader = self.leader
        if leader is not None and not self._may_lead(leader):
            self._depose()
            leader = None
        if leader is None:
            if self._electing is None:
                self._electing = self._later(int(self._rng.random() * ELECTION_MAX), self._elect)
            return
        for server in self.servers.values():
            server.look(leader)

    def _may_lead(self, leader: Server) -> bool:
        if leader.is_dead:
            return False
        if self._is_majority(self._followers(leader)):
            self._alone_since = None
            return True
        if self._alone_since is None:
            self._alone_since = self.loop.now
        return self.loop.now - self._alone_since < self.sync_limit

    def _depose(self) -> None:
        """Nobody serves until there is a leader again. What was being written is carried out later, or never was."""
        self.leader, self._alone_since = None, None
        self._queue.clear()
        self._ending.clear()
        writing, self._writing = self._writing, ()
        for server in self.servers.values():
            server.close_connections()
        for proposal in writing[: self._rng.randint(0, len(writing))]:
            self._carry_out(proposal)

    def _elect(self) -> None:
        """Of those that see a majority, the one that has applied most."""
        self._electing = None
        able = [one for one in self.servers.values() if self._is_majority(self._followers(one))]
        if able and self.leader is None:
            self._lead(max(able, key=lambda one: one.applied))

    def _lead(self, server: Server) -> None:
        self.leader = server
        server.catch_up(len(self.log))
        for follower in self._followers(server):
            follower.join(server)
        for session in self.tree.sessions:
            self._touch(session)

    # ---- writes

    def propose(self, request: Request, session: int, done: Callable[[int, Applied | None], None]) -> None:
        """It is the leader's turn to decide; nothing comes of it when there is none. See Proposal."""
        if self.leader is not None:
            self._queue.append(Proposal(request, session, done))
            self._write_next()

    def _write_next(self) -> None:
        if self._writing or self.leader is None:
            return
        together: list[Proposal] = []
        while self._queue and len(together) < TOGETHER_MAX:
            proposal = self._queue.popleft()
            if proposal.session and not self.is_alive(proposal.session):
                proposal.done(len(self.log), None)
            else:
                together.append(proposal)
        if together:
            self._writing = tuple(together)
            latency = COMMIT_MIN + int(self._rng.random() * self._commit_max)
            self._later(latency, self._written, self._writing)

    def _written(self, together: tuple[Proposal, ...]) -> None:
        if together is not self._writing or self.leader is None:
            return
        if not self._is_majority(self._followers(self.leader)):
            self._later(LOOK_EVERY, self._written, together)
            return
        self._writing = ()
        for proposal in together:
            applied = self._carry_out(proposal)
            proposal.done(len(self.log), applied)
        self._write_next()

    def _carry_out(self, proposal: Proposal) -> Applied | None:
        """None: a write before it has ended its session."""
        if proposal.session and proposal.session not in self._deadlines:
            return None
        return self._commit(proposal.request, proposal.session)

    def _commit(self, request: Request, session: int = 0) -> Applied:
        self.log.append(request)
        applied = self.tree.apply(request)
        match request:
            case OpenSession(session, _):
                self._touch(session)
            case CloseSession(session):
                self._deadlines.pop(session, None)
                self._ending.pop(session, None)
        self._committed(session, request, applied)
        for server in self.servers.values():
            if server is self.leader:
                server.catch_up(len(self.log))
            elif self.leader is not None and self.sees(server, self.leader):
                self._later(int(self._rng.random() * self._lag_max), server.catch_up, len(self.log))
        return applied

    # ---- sessions

    def new_session(self) -> int:
        self._sessions += 1
        return self._sessions

    def is_alive(self, session: int) -> bool:
        """The leader has not decided to end it."""
        return session in self._deadlines and session not in self._ending

    def heard_of(self, sessions: Sequence[int]) -> None:
        """A server tells its leader who has spoken."""
        if self.leader is not None:
            for session in sessions:
                if self.is_alive(session):
                    self._touch(session)

    def _touch(self, session: int) -> None:
        at = self.loop.now + int(self.tree.sessions[session] * SECOND)
        self._deadlines[session] = (at // self.tick + 1) * self.tick

    def _end_sessions(self) -> None:
        self._later(self.tick - self.loop.now % self.tick, self._end_sessions)
        leader = self.leader
        if leader is None or not leader.runs:
            return
        for session, deadline in list(self._deadlines.items()):
            if deadline <= self.loop.now and session not in self._ending:
                self.end_session(session)

    def end_session(self, session: int) -> None:
        """The leader ends it although its client is there."""
        self._ending[session] = None
        self.propose(CloseSession(session), 0, _nobody_cares)

    # ---- behind everybody's back

    def write(self, request: Request) -> Any:
        """Some other client has done this just now; returns what came of it."""
        return self._commit(request).result

    def put(self, path: str, data: bytes | None) -> None:
        """A znode has other contents now; None: it is not there."""
        if data is None:
            self.write(Multi((("delete", path, ANY_VERSION),)))
        elif path in self.tree.nodes:
            self.write(Multi((("set", path, data, ANY_VERSION),)))
        else:
            self.write(Create(path, data))


def _nobody_cares(number: int, applied: Applied | None) -> None:
    """A session is ended without anybody waiting for it."""
