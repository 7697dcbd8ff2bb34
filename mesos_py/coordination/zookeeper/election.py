"""Who leads, by ZooKeeper: the candidate with the lowest sequence number.

A candidate is an ephemeral, sequential znode ``json.info_<sequence>`` whose data is MasterInfo as JSON. It ends with
the session that made it. Children that do not end in a sequence number are none of the election's business; a label
that nobody knows in the lowest place is: then nobody can tell who leads, and going by the next one would mean two
leaders.

Mesos: src/zookeeper/{contender,detector,group}.cpp, src/master/detector/zookeeper.cpp.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Mapping

import structlog

from mesos_py.coordination import DetectionFailed, StoreFailed, introduction
from mesos_py.coordination.zookeeper.client import NoNode, Unknown
from mesos_py.coordination.zookeeper.session import Session
from mesos_py.wire.codec import protobuf
from mesos_py.wire.master import MasterInfo

log = structlog.get_logger(__name__)

LABEL = "json.info"  # src/master/constants.hpp MASTER_INFO_JSON_LABEL
LEGACY_LABEL = "info"  # MASTER_INFO_LABEL: protobuf instead of JSON, until Mesos 0.24; before, a pid and no label

#: what candidates say of themselves, by the label of their znode
_FORMS: Mapping[str | None, Callable[[bytes], MasterInfo]] = {
    LABEL: introduction.read,
    LEGACY_LABEL: lambda data: protobuf.decode(MasterInfo, data),
    None: introduction.of_pid,
}

_HINT = "remove it if it is foreign, or name another path"
_MEMBER = re.compile(r"(?:(?P<label>.*)_)?(?P<sequence>[0-9]+)")


class ZooKeeperElector:
    """One master's znode among the candidates of ``session.address.path``."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._prefix = f"{session.address.path}/{LABEL}_"
        self._generation = -1
        #: the znode; what a store checks to be sure that we may still write
        self.candidacy = ""

    async def contend(self, info: MasterInfo) -> None:
        session, data = self._session, introduction.written(info)
        await session.ensure(session.address.path)
        if session.address.credentials is not None and await session.is_open(session.address.path):
            hint = "give it the access list of a path that masters make themselves: all for their user, read for others"
            log.warning("anybody may stand for election", znode=session.address.path, hint=hint)
        while True:
            await self.withdraw()
            generation = session.generation
            try:
                path = await session.create_candidate(self._prefix, data)
            except Unknown:
                found = [same for same in await self._saying(data) if await session.owner(same) == session.id]
                if not found:
                    continue
                path = found[0]
            except NoNode:
                await session.ensure(session.address.path)  # somebody tidied up just now
                continue
            self.candidacy = path
            for ghost in await self._saying(data):
                if ghost != path:
                    await session.delete(ghost)
            if generation == session.generation and await session.held():
                break
        self._generation = generation
        log.info("candidate for leading master", znode=path)

    async def _saying(self, data: bytes) -> list[str]:
        """The candidates that are us: ours, and what a session has left that is over for us and not yet for ZooKeeper.

        The detector would name such a ghost, and we would lead in the place of those who stand between it and us.
        """
        session, base = self._session, self._session.address.path
        await session.sync(base)
        names: list[str] = []
        with contextlib.suppress(NoNode):  # tidied up just now, and us with it: we shall hear of that
            names = sorted(await session.children(base))
        found = []
        for path in (f"{base}/{name}" for name in names):
            if path.startswith(self._prefix):
                with contextlib.suppress(NoNode):
                    if (await session.get(path))[0] == data:
                        found.append(path)
        return found

    async def lost(self) -> str:
        session, path = self._session, self.candidacy
        while True:
            if self._generation != session.generation:
                return "the session with ZooKeeper has ended"
            gone = asyncio.Event()
            watching = asyncio.ensure_future(session.owner(path, gone.set))
            if not await _first(watching, session.ended(self._generation)):
                continue
            if watching.result() is None:
                return f"the znode {path} was removed"
            await _first(gone.wait(), session.changed())

    async def withdraw(self) -> None:
        path, self.candidacy = self.candidacy, ""
        self._generation = -1
        if path:
            await self._session.delete(path)

    @property
    def is_held(self) -> bool:
        return self._generation == self._session.generation and self._session.is_held


class ZooKeeperDetector:
    """Follows the candidates of ``session.address.path``."""

    def __init__(self, session: Session, *, has_place: bool = True) -> None:
        """``has_place``: a candidate has to say where it answers; an instance of a framework need not."""
        self._session = session
        self._has_place = has_place

    async def leaders(self) -> AsyncIterator[MasterInfo | None]:
        session = self._session
        told: MasterInfo | None = None
        has_told = False
        generation = session.generation
        while True:
            if generation == session.generation:
                stirred = asyncio.Event()
                reading = asyncio.ensure_future(self._leader(stirred))
                leader = reading.result() if await _first(reading, session.ended(generation)) else None
            else:
                generation, leader = session.generation, None  # cut off for a whole session: by now anybody may lead
                if not told:
                    continue
            if leader != told or not has_told:
                told, has_told = leader, True
                yield leader
            elif generation == session.generation:
                await _first(stirred.wait(), session.changed())

    async def _leader(self, stirred: asyncio.Event) -> MasterInfo | None:
        """Who leads now; ``stirred`` is set when that may have changed. Raises DetectionFailed."""
        session, base = self._session, self._session.address.path
        try:
            while True:
                try:
                    names = await session.children(base, stirred.set)
                except NoNode:
                    if await session.owner(base, stirred.set) is None:
                        return None
                    continue
                lowest = min(filter(None, map(_MEMBER.fullmatch, names)), key=_sequence, default=None)
                if lowest is None:
                    return None
                try:
                    data, _ = await session.get(f"{base}/{lowest[0]}")
                except NoNode:
                    continue  # it has gone in between
                return _master(lowest, data, f"{base}/{lowest[0]}", has_place=self._has_place)
        except StoreFailed as error:
            raise DetectionFailed(str(error)) from error


def _sequence(member: re.Match[str]) -> int:
    return int(member["sequence"])


def _master(member: re.Match[str], data: bytes, path: str, *, has_place: bool) -> MasterInfo:
    read = _FORMS.get(member["label"])
    if read is None:
        raise DetectionFailed(f"{path}, first of the candidates, is not of a master; {_HINT}")
    try:
        info = read(data)
        return introduction.checked(info) if has_place else info
    except ValueError as error:
        raise DetectionFailed(f"{path}, first of the candidates, is no MasterInfo ({error}); {_HINT}") from error


async def _first(wanted: object, other: object) -> bool:
    """Waits for either; the one that is not done is cancelled. True: ``wanted`` is done."""
    tasks = [asyncio.ensure_future(each) for each in (wanted, other)]  # type: ignore[call-overload]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return bool(tasks[0].done())
    finally:
        for task in tasks:
            task.cancel()
