"""Where ``mesos-py registry`` finds a registry, and the master that leads with it, if one does.

    --work_dir=DIR    DIR/registry.db; the lock in DIR says whether a master uses it, and where that one answers
    --zk=zk://...     below log_replicas there; the candidates say who leads
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import attrs

from mesos_py.cli.client import CONNECT_TIMEOUT_S
from mesos_py.cli.command import EXIT_UNREACHABLE, EXIT_USAGE, CommandFailed
from mesos_py.coordination import Archive, NotReached
from mesos_py.coordination.address import ZooKeeperAddress, parse_address
from mesos_py.coordination.introduction import address_of
from mesos_py.coordination.sqlite import SqliteRecords
from mesos_py.coordination.sqlite_file import REGISTRY_FILE
from mesos_py.coordination.work_dir import WorkDir, WorkDirRefused
from mesos_py.coordination.zookeeper.election import ZooKeeperDetector
from mesos_py.coordination.zookeeper.records import ZooKeeperRecords
from mesos_py.coordination.zookeeper.session import Session
from mesos_py.flags import TEXT, URL, option


@attrs.frozen(kw_only=True)
class PlaceOptions:
    """Flags that name a registry."""

    work_dir: str | None = option(TEXT, None, "The --work_dir of a master without --zk.", group="Place")
    zk: str | None = option(URL, None, "The --zk of the masters: zk://user:password@host:port/path.", group="Place")


@attrs.frozen(kw_only=True)
class Place:
    """A registry, open."""

    archive: Archive
    #: as people know it
    name: str
    #: HOST:PORT of the master that leads with it; "": one does, nobody knows where; None: none. Raises DetectionFailed
    leader: Callable[[], Awaitable[str | None]]


@asynccontextmanager
async def open_place(options: PlaceOptions, *, to_write: bool = False) -> AsyncIterator[Place]:
    """``to_write``: nobody else begins to use it meanwhile, as far as that can be seen to. Raises CommandFailed."""
    if (options.work_dir is None) == (options.zk is None):
        raise CommandFailed("say which registry: --work_dir=DIR or --zk=zk://host:port/path", EXIT_USAGE)
    opened = _in_work_dir(options.work_dir, to_write) if options.work_dir is not None else _in_zookeeper(options.zk)
    async with opened as place:
        yield place


@asynccontextmanager
async def _in_work_dir(path: str, to_write: bool) -> AsyncIterator[Place]:
    if not os.path.isdir(path):
        raise CommandFailed(f"--work_dir={path} is no directory")
    work_dir = WorkDir(path, "master")
    try:
        work_dir.check_kind()
        leader = work_dir.user()[1] if work_dir.is_in_use() else None
        if leader is None and to_write:
            work_dir.hold()
    except WorkDirRefused as error:
        raise CommandFailed(str(error)) from error
    archive = SqliteRecords(os.path.join(path, REGISTRY_FILE), is_alone=to_write and leader is None)

    async def who() -> str | None:
        return leader

    try:
        yield Place(archive=archive, name=archive.path, leader=who)
    finally:
        await archive.close()
        work_dir.release()


@asynccontextmanager
async def _in_zookeeper(text: str | None) -> AsyncIterator[Place]:
    assert text is not None
    try:
        address = parse_address(text)
    except ValueError as error:
        raise CommandFailed(f"--zk: {error}", EXIT_USAGE) from error
    if not isinstance(address, ZooKeeperAddress):
        raise CommandFailed(f"--zk={text}: expecting zk://host1:port1,host2:port2/path", EXIT_USAGE)
    async with Session(address) as session:
        try:
            await session.reached(CONNECT_TIMEOUT_S)
        except NotReached as error:
            raise CommandFailed(str(error), EXIT_UNREACHABLE) from error

        async def who() -> str | None:
            leader = await anext(ZooKeeperDetector(session).leaders())
            return None if leader is None else address_of(leader)

        archive = ZooKeeperRecords(session, address.path)  # no candidate: what has to be there is the path
        yield Place(archive=archive, name=str(address), leader=who)
