"""What processes agree on: who leads, and what is remembered. The ports; one module beside this for each way.

::

    Driver --facts--> a store of these --changed records--> Records: memory, SQLite, ZooKeeper   (what is remembered)
    Elector: this process is a candidate, until it is lost                                       (who leads)
    Detector: who leads now, for masters, agents and tools

Stores are their owners': ``master/registry/store.py`` for the registry, those of frameworks beside their cores.

``Records`` keeps small named values for one owner at a time. ``load`` takes them over: from then on the store itself
refuses whatever an earlier owner still tries to write. A commit is kept as a whole or not at all. What was kept and
cannot be read is ``Corrupt``, never "nothing there": a master that believed the latter would forget its agents. Owners
who can do without some of their records have these spared: what is left of one is ``Damaged``, and the others are read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Protocol

import attrs

from mesos_py.wire.master import MasterInfo

Key = tuple[str, str]
"""Kind and name of one record: ("agents", agent id), ("weights", role)."""

Changes = Mapping[Key, bytes | None]
"""New contents of records; None: the record is not there any more."""


class Damaged(bytes):
    """What is left of a record that is not as it was written. Nobody should believe it."""


Spares = Callable[[Key], bool]
"""Whether a record that is damaged keeps nobody from reading the others."""


def nothing_spared(key: Key) -> bool:
    return False


#: what to do about what is Corrupt
RESTORE_HINT = "'mesos-py registry restore' puts a backup in its place"


class StoreFailed(Exception):
    """The facts may or may not have been kept."""


class Fenced(StoreFailed):
    """Another owner has taken over: nothing of this was kept, and nothing more will be."""


class NoRoom(StoreFailed):
    """Nothing of this was kept, for want of space. It may be tried again when there is some."""


class Corrupt(StoreFailed):
    """What was kept is damaged, and nobody should lead on a guess of what it was."""


class NothingKept(StoreFailed):
    """There is no registry, not even an empty one."""


class AccessDenied(StoreFailed):
    """The service does not let us."""


class NotReached(StoreFailed):
    """The service does not answer."""


class DetectionFailed(Exception):
    """Nobody can tell who leads: what stands in the leader's place is no master."""


class NobodyLeads(Exception):
    """There is no leading master at this moment."""


@attrs.frozen
class Snapshot:
    """All records as they were at one moment, and whose they were then."""

    records: Mapping[Key, bytes]
    #: how many owners there have been
    epoch: int
    #: the mark of the last one
    owner: str
    #: how many times it had written
    serial: int


class Records(Protocol):
    """Small named values of one owner at a time. Every implementation passes tests/coordination/test_records.py."""

    async def load(self) -> dict[Key, bytes]:
        """Take over: earlier owners can write no more; returns everything. Raises Corrupt, StoreFailed."""
        ...

    async def commit(self, changes: Changes) -> None:
        """All ``changes`` survive from now on. Raises Fenced when nothing was kept, StoreFailed when that is unknown.

        One commit at a time, and only after ``load``; after an error other than NoRoom there is no use in trying again.
        """
        ...

    async def is_owner(self) -> bool:
        """Nobody has taken over since ``load``. Raises StoreFailed when what was taken over is not there any more."""
        ...

    async def close(self) -> None:
        """Let go of files and threads; what was kept stays."""
        ...


class Archive(Records, Protocol):
    """Records as tools see them: copied while they are in use, and put back."""

    async def read(self) -> Snapshot:
        """Everything, without taking over or disturbing who has. Raises NothingKept, Corrupt, StoreFailed."""
        ...

    async def replace(self, records: Mapping[Key, bytes]) -> None:
        """Take over, also what is Corrupt, and have exactly ``records`` in its place. Raises StoreFailed, with either
        all of the old ones or all of the new ones being there, or Corrupt to everybody if they had been before."""
        ...


class Elector(Protocol):
    """One master's candidacy. Whether it leads is for the Detector to say: the oldest candidate does."""

    async def contend(self, info: MasterInfo) -> None:
        """This master is a candidate. Waits for the service as long as it takes. Raises AccessDenied."""
        ...

    async def lost(self) -> str:
        """Returns, with the reason, when the candidacy has ended: this master must not act as leader any more."""
        ...

    async def withdraw(self) -> None:
        """This master is no candidate any more; others learn it at once."""
        ...

    @property
    def is_held(self) -> bool:
        """The candidacy cannot have ended yet, even if nobody has told us."""
        ...


class Detector(Protocol):
    """Who leads."""

    def leaders(self) -> AsyncIterator[MasterInfo | None]:
        """The leader now, and again whenever it changes; None: nobody is known to lead. Raises DetectionFailed."""
        ...
