"""What a session asks of a ZooKeeper client: the port, and the few errors that are left of its many.

Two implementations: ``kazoo_client`` for real ensembles, ``mesos_py.sim.zookeeper`` for a simulated one. Both connect
by themselves to one server after the other, for ever, and begin a new session when the old one has ended.

An error during a write leaves open whether it happened (``Unknown``); who wrote has to look.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from mesos_py.coordination import StoreFailed

#: ("check", path, version) ("create", path, data) ("set", path, data, version) ("delete", path, version)
Operation = tuple[Any, ...]
ANY_VERSION = -1


class Unknown(StoreFailed):
    """The connection broke: the request may or may not have been carried out."""


class Refused(Exception):
    """ZooKeeper did not do it, because of what is there."""


class NoNode(Refused):
    """There is no such znode."""


class NodeExists(Refused):
    """There is such a znode already."""


class BadVersion(Refused):
    """Somebody else has changed the znode."""


class Link(enum.Enum):
    """What has become of the connection."""

    CONNECTED = "connected"
    #: broken; the session may go on when there is another one
    SUSPENDED = "suspended"
    #: broken, and ZooKeeper has ended the session
    EXPIRED = "expired"


Watch = Callable[[], None] | None
"""Called once: what was read may have changed, or the connection broke."""


class Client(Protocol):
    """Requests in the order in which they are made. They wait while there is no connection, and raise Unknown when it
    breaks; watches are called in the loop's thread."""

    def start(self, heard: Callable[[Link], None]) -> None:
        """Connect, and tell from now on what becomes of that; called in the loop."""
        ...

    async def stop(self) -> None:
        """End the session in order, or leave it to expire when that takes long."""
        ...

    @property
    def trouble(self) -> str:
        """Why the last attempt to connect was in vain; "" if nobody knows."""
        ...

    @property
    def granted_s(self) -> float | None:
        """Timeout of the session as the servers have granted it, which may not be what was asked for; None: not yet."""
        ...

    @property
    def session_id(self) -> int | None:
        """ZooKeeper's number of the current session."""
        ...

    async def owner(self, path: str, watch: Watch = None) -> int | None:
        """The session that an ephemeral znode belongs to, 0 for one that lasts; None: no znode."""
        ...

    async def is_open(self, path: str) -> bool:
        """Anybody may change what is there, or make something below it. Raises NoNode."""
        ...

    async def get(self, path: str) -> tuple[bytes, int]:
        """Data and version. Raises NoNode."""
        ...

    async def children(self, path: str, watch: Watch = None) -> list[str]:
        """Names, unordered. Raises NoNode."""
        ...

    async def get_many(self, paths: Sequence[str]) -> list[bytes]:
        """The data of each. Raises NoNode."""
        ...

    async def children_of_many(self, paths: Sequence[str]) -> list[list[str]]:
        """The names below each. Raises NoNode."""
        ...

    async def sync(self, path: str) -> None:
        """Reads that follow see everything that was written before."""
        ...

    async def create(self, path: str, data: bytes, *, ephemeral: bool = False, sequence: bool = False) -> str:
        """A znode that anybody may read; its path, which ends in a number with ``sequence``. Raises NodeExists,
        NoNode."""
        ...

    async def delete(self, path: str) -> None:
        """Raises NoNode, NodeExists when there is something below it."""
        ...

    async def transact(self, operations: Sequence[Operation]) -> None:
        """All or none; what is created is for masters alone. Raises the Refused of the first that failed."""
        ...
