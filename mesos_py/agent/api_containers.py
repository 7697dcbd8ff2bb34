"""Nested and standalone containers launched over the API, and who waits for which container.

::

    LAUNCHING --launched--> RUNNING --exited--> ENDED      its termination is told until it is removed
        '--failed--> forgotten                    '------> forgotten, when the container it was nested in has gone

Containers of executors and of their tasks are in ``state.py``; here they only have children and waiters. A container
has two names: the chain of ids by which callers know it, and the key that the containerizer knows it by, which is ours
and says nothing.

Mesos: src/slave/containerizer/mesos/containerizer.hpp, and the termination files of its runtime directory.
"""

from __future__ import annotations

import enum
from typing import Any, Final

import attrs

from mesos_py.machine.frame import PeerID
from mesos_py.wire.checkpoint import Container as Record
from mesos_py.wire.ids import ContainerID
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.schema import evolve

#: Ended containers of one parent whose termination is remembered; the oldest is forgotten first.
ENDED_MAX: Final = 500


class Phase(enum.Enum):
    LAUNCHING = enum.auto()
    RUNNING = enum.auto()
    ENDED = enum.auto()


def text_of(container_id: ContainerID) -> str:
    """``root.child.grandchild``: no value of a container's id has a dot."""
    if container_id.parent is None:
        return container_id.value
    return f"{text_of(container_id.parent)}.{container_id.value}"


@attrs.define(eq=False)
class ApiContainer:
    """One of them. Only ``ApiContainers`` changes it."""

    record: Record
    #: it is known to later agents
    is_kept: bool
    phase: Phase = Phase.LAUNCHING
    #: whose session it is; it ends when that peer goes
    owner: PeerID | None = None
    #: its end was asked for, or the container it was nested in has gone
    is_destroyed: bool = False
    #: it is forgotten at its end: nobody can ask for it any more
    is_orphan: bool = False
    #: the networks it has joined; none: it is in the host's
    network_infos: tuple[NetworkInfo, ...] = ()

    @property
    def key(self) -> str:
        return self.record.key

    @property
    def is_ending(self) -> bool:
        return self.is_destroyed or self.phase is Phase.ENDED

    @property
    def text(self) -> str:
        return text_of(self.record.container_id)


class ApiContainers:
    """All of one agent. Attributes are read-only outside."""

    def __init__(self) -> None:
        self.by_key: dict[str, ApiContainer] = {}
        self.by_text: dict[str, ApiContainer] = {}
        #: by the key of what they are nested in, oldest first
        self.children: dict[str, dict[str, ApiContainer]] = {}
        #: by key: who waits for the end of a container
        self.waiting: dict[str, dict[PeerID, None]] = {}
        #: by key: who waits for its launch
        self.launching: dict[str, dict[PeerID, None]] = {}
        self.owners: dict[PeerID, ApiContainer] = {}
        #: of those who wait, for what
        self._asked: dict[PeerID, str] = {}

    # ---- containers

    def add(self, container: ApiContainer) -> None:
        """There is none of its name."""
        assert container.text not in self.by_text
        self.by_key[container.key] = self.by_text[container.text] = container
        if container.record.parent is not None:
            self.children.setdefault(container.record.parent, {})[container.key] = container
        if container.owner is not None:
            self.owners[container.owner] = container

    def place(self, container: ApiContainer, pid: int | None, networks: tuple[NetworkInfo, ...] = ()) -> None:
        """It runs."""
        container.network_infos = networks
        container.phase = Phase.RUNNING
        container.record = evolve(container.record, pid=pid)

    def destroy(self, container: ApiContainer) -> None:
        container.is_destroyed = True

    def orphan(self, container: ApiContainer) -> None:
        """What it was nested in is gone, and its name with that."""
        container.is_orphan = True
        self.by_text.pop(container.text, None)

    def end(self, container: ApiContainer, **how: Any) -> None:
        """Nothing of it is left; ``how`` are fields of its record."""
        container.phase = Phase.ENDED
        container.record = evolve(container.record, ended=True, **how)
        self._disown(container)

    def note(self, container: ApiContainer, **why: Any) -> None:
        """Remember why it is going to end."""
        container.record = evolve(container.record, **why)

    def forget(self, container: ApiContainer) -> None:
        del self.by_key[container.key]
        if self.by_text.get(container.text) is container:
            del self.by_text[container.text]
        parent = container.record.parent
        if parent is not None:
            siblings = self.children[parent]
            del siblings[container.key]
            if not siblings:
                del self.children[parent]
        self._disown(container)

    def running(self, *, nested: bool, standalone: bool) -> list[ApiContainer]:
        """Those that run, and whose root is an executor's unless ``standalone``."""
        return [
            one
            for one in self.by_key.values()
            if one.phase is Phase.RUNNING
            and (nested or one.record.parent is None)
            and (standalone or one.record.container_id.parent is not None)
            and (standalone or one.record.root not in self.by_key)
        ]

    def children_of(self, key: str) -> tuple[ApiContainer, ...]:
        return tuple(self.children.get(key, {}).values())

    def surplus(self, parent: str | None) -> ApiContainer | None:
        """The one to be forgotten because its parent (None: the agent) has too many that have ended."""
        family = self.by_key.values() if parent is None else self.children_of(parent)
        ended = [one for one in family if one.phase is Phase.ENDED and one.record.parent == parent]
        return ended[0] if len(ended) > ENDED_MAX else None

    def _disown(self, container: ApiContainer) -> None:
        if container.owner is not None:
            self.owners.pop(container.owner, None)
            container.owner = None

    # ---- who waits

    def wait(self, key: str, peer: PeerID) -> None:
        """``peer`` is told of the container's end."""
        self.waiting.setdefault(key, {})[peer] = None
        self._asked[peer] = key

    def wait_for_launch(self, key: str, peer: PeerID) -> None:
        self.launching.setdefault(key, {})[peer] = None
        self._asked[peer] = key

    def take_waiting(self, key: str) -> tuple[PeerID, ...]:
        return self._take(self.waiting, key)

    def take_launching(self, key: str) -> tuple[PeerID, ...]:
        return self._take(self.launching, key)

    def leave(self, peer: PeerID) -> ApiContainer | None:
        """``peer`` waits no more; the container whose session it had."""
        key = self._asked.pop(peer, None)
        for table in (self.waiting, self.launching):
            peers = table.get(key or "", {})
            if peers.pop(peer, peer) is None and not peers:
                del table[key or ""]
        return self.owners.get(peer)

    def _take(self, table: dict[str, dict[PeerID, None]], key: str) -> tuple[PeerID, ...]:
        peers = tuple(table.pop(key, ()))
        for peer in peers:
            del self._asked[peer]
        return peers

    # ---- invariants

    def check(self) -> None:
        """All indexes agree. Called after every frame in tests."""
        everyone = list(self.by_key.values())
        assert self.by_text == {one.text: one for one in everyone if not one.is_orphan}
        assert self.owners == {one.owner: one for one in everyone if one.owner is not None}
        nested = [(parent, key) for parent, family in self.children.items() for key in family]
        assert sorted(nested) == sorted((one.record.parent, one.key) for one in everyone if one.record.parent)
        tables = (self.waiting, self.launching)
        asked = {peer: key for table in tables for key, peers in table.items() for peer in peers}
        assert asked == self._asked
        assert all(self.waiting.values())
        assert all(self.launching.values())
        for one in everyone:
            assert self.by_key[one.key] is one
            assert not (one.is_orphan and one.phase is Phase.ENDED), one
            assert one.record.ended == (one.phase is Phase.ENDED)
            if one.phase is not Phase.LAUNCHING:
                assert one.key not in self.launching, one
            if one.phase is Phase.ENDED:
                assert one.key not in self.waiting, one
