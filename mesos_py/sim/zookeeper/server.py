"""One server of the ensemble: it answers reads from what it has applied, and has the leader decide the rest.

A connection's requests are answered in their order, each after the one before it; a write is answered when this server
has applied it, so that its client reads what it wrote. Watches belong to the connection. A server that does not see
its leader answers reads on for ``sync_limit``, then it ends its connections.

What is said between a client and a server, as tuples::

    client                                     server
    ("hello", session or 0, timeout, seen)     ("welcome", session) or ("expired",)
    (number, name, arguments, watches)         (number, seen, result or Refused)
    ("ping",)                                  ("pong",)
                                               ("event", kind, path)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

from mesos_py.coordination.zookeeper.client import NoNode, Refused
from mesos_py.machine.values import MILLISECOND, Nanos
from mesos_py.sim.net import End
from mesos_py.sim.process import Process
from mesos_py.sim.zookeeper.tree import Applied, CloseSession, Create, Multi, OpenSession, Request, Tree

if TYPE_CHECKING:
    from mesos_py.sim.zookeeper.ensemble import Ensemble

SERVICE = "zookeeper"
TO_LEADER = MILLISECOND  # from a server to its leader
RETRY = 200 * MILLISECOND  # TCP's

Message = tuple[Any, ...]


class Server:
    """Its tree survives it."""

    def __init__(self, ensemble: Ensemble, host: str) -> None:
        self.host = host
        self._ensemble, self._loop = ensemble, ensemble.loop
        self.tree = Tree()
        #: number of the last write it has applied
        self.applied = 0
        self._process: Process | None = None
        #: None: it does not serve; else when it last saw its leader
        self._leader_seen: Nanos | None = None
        self._connections: dict[Connection, None] = {}
        #: kind ("data", "children") and path -> who wants to know
        self._watches: dict[tuple[str, str], dict[Connection, None]] = {}
        #: sessions the leader has to be told of
        self._heard: dict[int, None] = {}
        #: (number, what waits until it is applied), in order
        self._waiting: deque[tuple[int, Callable[[], None]]] = deque()

    # ---- life

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.runs

    @property
    def is_dead(self) -> bool:
        return self._process is None

    def start(self) -> None:
        if self._process is None:
            self._process = Process(self._loop, f"zookeeper {self.host}")
            self._process.enter(self._ensemble.net.listen, self.host, SERVICE, self._accept)

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._ensemble.net.kill(self._process)
            self._process, self._leader_seen = None, None
            self._forget_connections()

    def stop(self) -> None:
        """SIGSTOP."""
        if self._process is not None:
            self._process.stop()

    def go_on(self) -> None:
        if self._process is not None:
            self._ensemble.net.go_on(self._process)

    # ---- its leader

    def join(self, leader: Server) -> None:
        """It serves from now on."""
        self._leader_seen = self._loop.now
        self.catch_up(len(self._ensemble.log))

    def look(self, leader: Server) -> None:
        """Whether it sees its leader, and what follows from that."""
        if not self.runs:
            return
        if self._ensemble.sees(self, leader):
            self.join(leader)
        elif self._leader_seen is not None and self._loop.now - self._leader_seen >= self._ensemble.sync_limit:
            self.close_connections()

    def close_connections(self) -> None:
        """It does not serve until it sees a leader again."""
        self._leader_seen = None
        connections = list(self._connections)
        self._forget_connections()
        if self._process is not None:
            for connection in connections:
                self._process.enter(connection.end.close)

    def _forget_connections(self) -> None:
        self._connections.clear()
        self._watches.clear()
        self._waiting.clear()
        self._heard.clear()

    def catch_up(self, number: int) -> None:
        """Everything up to ``number`` is applied, and those who watch are told."""
        if not self.runs:
            return
        for request in self._ensemble.log[self.applied : number]:
            applied = self.tree.apply(request)
            self.applied += 1
            for path in applied.touched:
                self._stir("data", path)
                if path not in self.tree.nodes:
                    self._stir("children", path)
            for path in applied.stirred:
                self._stir("children", path)
            if isinstance(request, CloseSession):
                for connection in [one for one in self._connections if one.session == request.session]:
                    self._drop(connection)
            while self._waiting and self._waiting[0][0] <= self.applied:
                self._waiting.popleft()[1]()

    def _stir(self, kind: str, path: str) -> None:
        for connection in self._watches.pop((kind, path), ()):
            self._say(connection, ("event", kind, path))

    # ---- connections

    def _accept(self, end: End) -> None:
        if self._leader_seen is None:
            end.close()
            return
        connection = Connection(end)
        self._connections[connection] = None
        end.listen(lambda message: self._hear(connection, message), lambda why: self._drop(connection))

    def _drop(self, connection: Connection) -> None:
        if connection in self._connections:
            del self._connections[connection]
            connection.end.close()
            for watching in self._watches.values():
                watching.pop(connection, None)

    def _say(self, connection: Connection, message: Message) -> None:
        if connection in self._connections and self._process is not None:
            self._process.enter(connection.end.send, message)

    def _hear(self, connection: Connection, message: Message) -> None:
        if connection.session:
            self._note(connection.session)
        if message[0] == "ping":
            self._say(connection, ("pong",))
            return
        connection.requests.append(message)
        self._next(connection)

    def _note(self, session: int) -> None:
        """It has spoken; the leader will know in half a tick."""
        if not self._heard:
            self._loop.call_in(self._ensemble.tick // 2, self._tell_leader)
        self._heard[session] = None

    def _tell_leader(self) -> None:
        leader = self._ensemble.leader
        if leader is not None and self._ensemble.sees(self, leader):
            self._ensemble.heard_of(tuple(self._heard))
            self._heard.clear()
        elif self._heard:
            self._loop.call_in(RETRY, self._tell_leader)

    # ---- requests

    def _next(self, connection: Connection) -> None:
        while connection.requests and not connection.is_waiting and connection in self._connections:
            message = connection.requests.popleft()
            if message[0] == "hello":
                self._welcome(connection, *message[1:])
            else:
                self._answer(connection, *message)

    def _welcome(self, connection: Connection, session: int, timeout_s: float, seen: int) -> None:
        if seen > self.applied:
            self._drop(connection)  # it has seen more than we have
        elif session:
            self._ask_leader(connection, lambda: self._resume(connection, session))
        else:
            new = self._ensemble.new_session()
            self._propose(connection, OpenSession(new, timeout_s), lambda applied: self._opened(connection, new))

    def _opened(self, connection: Connection, session: int) -> None:
        connection.session, connection.is_waiting = session, False
        self._say(connection, ("welcome", session))

    def _resume(self, connection: Connection, session: int) -> None:
        if self._ensemble.is_alive(session):
            self._ensemble.heard_of((session,))
            self._opened(connection, session)
        else:
            self._say(connection, ("expired",))
            self._drop(connection)

    def _answer(self, connection: Connection, number: int, name: str, arguments: Message, watches: bool) -> None:
        match name:
            case "sync":
                self._ask_leader(connection, lambda: self._synced(connection, number))
            case "create":
                path, data, is_ephemeral, sequence = arguments
                owner = connection.session if is_ephemeral else 0
                self._write(connection, number, Create(path, data, owner, sequence))
            case "transact":
                self._write(connection, number, Multi(arguments[0]))
            case "close":
                self._write(connection, number, CloseSession(connection.session))
            case _:
                self._reply(connection, number, self._read(connection, name, arguments[0], watches))

    def _read(self, connection: Connection, name: str, path: str, watches: bool) -> Any:
        node = self.tree.nodes.get(path)
        if watches and (node is not None or name == "owner"):
            kind = "children" if name == "children" else "data"
            self._watches.setdefault((kind, path), {})[connection] = None
        match name:
            case "owner":
                return None if node is None else node.owner
            case _ if node is None:
                return NoNode(path)
            case "get":
                return node.data, node.version
            case _:
                return list(node.children)

    def _reply(self, connection: Connection, number: int, result: Any) -> None:
        self._say(connection, (number, self.applied, result))

    def _synced(self, connection: Connection, number: int) -> None:
        self._when_applied(len(self._ensemble.log), lambda: self._done(connection, number, None))

    def _write(self, connection: Connection, number: int, request: Request) -> None:
        self._propose(connection, request, lambda applied: self._done(connection, number, applied.result))

    def _done(self, connection: Connection, number: int, result: Any) -> None:
        connection.is_waiting = False
        self._reply(connection, number, type(result)(*result.args) if isinstance(result, Refused) else result)
        self._next(connection)

    # ---- with the leader's help

    def _propose(self, connection: Connection, request: Request, done: Callable[[Applied], None]) -> None:
        def committed(number: int, applied: Applied | None) -> None:
            if applied is None:
                self._say(connection, ("expired",))
                self._drop(connection)
            else:
                self._when_applied(number, lambda: done(applied))

        session = 0 if isinstance(request, OpenSession | CloseSession) else connection.session
        self._ask_leader(connection, lambda: self._ensemble.propose(request, session, committed))

    def _ask_leader(self, connection: Connection, then: Callable[[], None]) -> None:
        """Later requests of the connection wait, until the leader is reached or the connection given up."""
        connection.is_waiting = True

        def reached() -> None:
            leader = self._ensemble.leader
            if connection not in self._connections:
                return
            if leader is not None and self._ensemble.sees(self, leader):
                then()
            else:
                self._loop.call_in(RETRY, reached)

        self._loop.call_in(TO_LEADER if self._ensemble.leader is not self else 0, reached)

    def _when_applied(self, number: int, call: Callable[[], None]) -> None:
        if self.applied >= number:
            call()
        else:
            self._waiting.append((number, call))


@attrs.define(eq=False)
class Connection:
    """A client's."""

    end: End
    session: int = 0
    #: for the leader
    is_waiting: bool = False
    requests: deque[Message] = attrs.Factory(deque)
