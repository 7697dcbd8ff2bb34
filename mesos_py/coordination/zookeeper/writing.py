"""The writes of one owner, each of which the store itself refuses once somebody else is the owner.

Every request is one multi-operation that begins with the same two conditions::

    check   our candidacy is still there          a session that has expired writes nothing, even before a successor
    set     ledger, if its version is as we know  a successor that has taken over is never overwritten

A connection lost on the way leaves open whether the request was carried out: then the ledger is read again. It shows
our new ledger (done), the old one (not done: again), or somebody else's (refused). It cannot be done twice: the second
time the ledger's version would not fit.

ZooKeeper refuses requests above 1 MB. A commit that would be larger is written down first, in parts below ``intent``;
replacing the ledger by one that names the number of parts decides it; then the parts are carried out in several
requests, and the last one removes them. Whoever takes over first carries out what was decided, and throws away parts
of what was not: no reader ever sees half a commit.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import structlog

from mesos_py.coordination import Corrupt, Fenced, Key, StoreFailed
from mesos_py.coordination.ledger import Change, Ledger
from mesos_py.coordination.zookeeper.client import ANY_VERSION, NodeExists, NoNode, Operation, Refused, Unknown
from mesos_py.coordination.zookeeper.layout import Layout, parts
from mesos_py.coordination.zookeeper.reading import intended, ledger_of, paths_of_records, records_at
from mesos_py.coordination.zookeeper.session import Session

log = structlog.get_logger(__name__)


class Writer:
    """Replaces the ledger it knows, and with it what ``layout`` has. ``candidacy``: a znode that must be there."""

    def __init__(self, session: Session, layout: Layout, candidacy: str) -> None:
        self.session = session
        self.layout = layout
        self.candidacy = candidacy
        #: what stands there as far as we know, and the version of its znode
        self.ledger = Ledger()
        self.version = ANY_VERSION

    # ---- taking over

    async def make(self) -> None:
        """There is a registry: an empty one, if there was none. Raises Fenced when we are no candidate any more,
        StoreFailed where masters of another kind keep theirs."""
        session, layout = self.session, self.layout
        if await session.owner(layout.root) is not None:
            return
        await session.ensure(layout.above)
        if any(map(str.isdecimal, await session.children(layout.above))):  # mesos src/log/network.hpp ZooKeeperNetwork
            what = f"masters of a C++ Mesos have their registry at {layout.above}, and this one cannot read it"
            raise StoreFailed(f"{session.address}: {what}; name another path")
        request: list[Operation] = [
            ("check", self.candidacy, ANY_VERSION),
            *[("create", path, b"") for path in (layout.root, layout.intent, *layout.buckets)],
            ("create", layout.ledger, Ledger().encode()),
        ]
        while True:
            try:
                await session.transact(request)
            except Unknown:
                continue
            except NodeExists:
                return  # somebody else was faster
            except NoNode as error:
                raise Fenced(f"{session.address}: our candidacy has ended") from error
            return

    async def claim(self) -> None:
        """The ledger is ours. Raises Fenced when we are no candidate any more, Corrupt."""
        owner = uuid.uuid4().hex
        while True:
            self.ledger, self.version = await ledger_of(self.session, self.layout)
            try:
                await self.write(self.ledger.claimed(owner))
            except Fenced:
                if await self.session.owner(self.candidacy) is None:
                    raise
                continue  # somebody else claimed it in between, and we are candidate still: ours is the later claim
            return

    async def finish(self) -> None:
        """No commit of an earlier owner is half done. Raises Corrupt, NoNode."""
        session, layout = self.session, self.layout
        if self.ledger.intent == 0:
            found = await session.children(layout.intent)
            if found:
                await self.write(self.ledger.next(), [("delete", f"{layout.intent}/{n}", ANY_VERSION) for n in found])
            return
        log.info("finishing a commit of the master before", parts=self.ledger.intent)
        wanted = await intended(session, layout, self.ledger)
        kept: dict[Key, bytes] = {}
        async for some in records_at(session, await paths_of_records(session, layout)):
            kept |= some
        changes = [
            Change(key, data, is_new=key not in kept)
            for key, data in wanted.items()
            if data != kept.get(key)  # done already
        ]
        await self._carry_out(layout.batches(changes))

    # ---- writing

    async def write(self, following: Ledger, operations: Sequence[Operation] = ()) -> None:
        """``operations`` and the following ledger are there. Raises Fenced, Corrupt, AccessDenied."""
        request: list[Operation] = [
            ("check", self.candidacy, ANY_VERSION),
            ("set", self.layout.ledger, following.encode(), self.version),
            *operations,
        ]
        while True:
            failure: Exception | None = None
            try:
                await self.session.transact(request)
            except (Unknown, Refused) as error:
                failure = error
            if failure is not None and not await self._is_written(following):
                if isinstance(failure, Unknown):
                    continue
                # The ledger is ours and stands; so it is the candidacy, or a record is not as it was left.
                if await self.session.owner(self.candidacy) is None:
                    raise Fenced(f"{self.session.address}: our candidacy has ended") from failure
                raise Corrupt(f"somebody else has changed the registry: {failure!r}") from failure
            self.ledger = following
            self.version += 1
            return

    async def _is_written(self, following: Ledger) -> bool:
        """After a write went wrong: whether it happened all the same. Raises Fenced when it never can."""
        await self.session.sync(self.layout.ledger)
        standing, version = await ledger_of(self.session, self.layout)
        if standing == following:
            return True
        if standing != self.ledger or version != self.version:
            raise Fenced(f"{self.session.address}: another master has taken over the registry")
        return False

    async def commit(self, changes: Sequence[Change], *, count: int, total: int) -> None:
        """All of ``changes`` are there, or none; ``count`` and ``total`` are of the ledger then."""
        batches = self.layout.batches(changes)
        if len(batches) == 1:
            await self.write(self.ledger.next(count=count, total=total), batches[0])
            return
        texts = list(parts(changes))
        for number, text in enumerate(texts):
            await self.write(self.ledger.next(), [("create", self.layout.part(number), text)])
        await self.write(self.ledger.next(count=count, total=total, intent=len(texts)))
        await self._carry_out(batches)

    async def _carry_out(self, batches: Sequence[Sequence[Operation]]) -> None:
        """What the parts say is done, and they are gone."""
        for batch in batches:
            await self.write(self.ledger.next(), batch)
        paths = [self.layout.part(number) for number in range(self.ledger.intent)]
        await self.write(self.ledger.next(intent=0), [("delete", path, ANY_VERSION) for path in paths])
