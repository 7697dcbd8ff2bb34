"""What Marathon keeps, as it is taken over: backed up and restored if somebody has asked for that, and of this version.

::

    what the one before has kept --> orders: backup, restore --> older: backup, migrations --> the core's records
                                                                 newer: refused

The version is a record; state that has none is of version 0. A migration is pure, and all that it changes is kept with
the new version at once, so that whatever ends us in between is tried again from where it was.

The framework's id may be missing while tasks are there only if the master has removed the framework, which then
stands in a record, too. Otherwise somebody has lost it, and a start as a new framework would run everything twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
import structlog

from frameworks.marathon_py.shell import backup, s3
from mesos_py.coordination import Changes, Key, Records, StoreFailed
from mesos_py.coordination.backup import BadBackup
from mesos_py.sdk.session.asking import TASK
from mesos_py.sdk.session.connecting import FRAMEWORK, OWN

log = structlog.get_logger(__name__)

#: what is kept by us beside the session's
VERSION: Key = ("marathon", "version")
REMOVED: Key = ("marathon", "framework removed")
#: what the next leader is to do first; kept as any record of the program's
ORDERS = "orders"

Migration = Callable[[Mapping[Key, bytes]], Changes]
"""What is to be changed for the next version."""


def _marked(records: Mapping[Key, bytes]) -> Changes:
    """0 to 1: nothing is another but that the version is written down."""
    return {}


#: by the version that they lead from; how many there are is our version
MIGRATIONS: tuple[Migration, ...] = (_marked,)


class NotTakenOver(StoreFailed):
    """What was kept is there, and this program cannot go on with it."""


class FrameworkIdMissing(NotTakenOver):
    """Tasks were asked for, and the framework's id is not known."""


def orders(backup_uri: str | None, restore_uri: str | None) -> bytes | None:
    """A record for ``ORDERS``; None: there is nothing to do. Raises ValueError for URIs that nobody can use."""
    said = {"backup": backup_uri, "restore": restore_uri}
    uris = [uri for uri in said.values() if uri is not None]
    for uri in uris:
        backup.check(uri)
    return orjson.dumps(said) if uris else None


class Checked:
    """The Records port; what ``load`` returns is of our version."""

    def __init__(
        self, records: Records, *, backup_location: str | None = None, migrations: Sequence[Migration] = MIGRATIONS
    ) -> None:
        """``backup_location``: URI of a backup that is made before anything is migrated."""
        self._records, self._location, self._migrations = records, backup_location, migrations

    async def load(self) -> dict[Key, bytes]:
        """Raises NotTakenOver besides."""
        records = await self._records.load()
        records = await self._carry_out(records)
        records = await self._migrate(records)
        if any(kind == TASK for kind, _ in records) and FRAMEWORK not in records and REMOVED not in records:
            text = "tasks are known, but the framework's id is not: a new framework would run everything twice"
            raise FrameworkIdMissing(text)
        return records

    async def commit(self, changes: Changes) -> None:
        if FRAMEWORK in changes:
            changes = {**changes, REMOVED: b"" if changes[FRAMEWORK] is None else None}
        await self._records.commit(changes)

    async def is_owner(self) -> bool:
        return await self._records.is_owner()

    async def close(self) -> None:
        await self._records.close()

    # ---- what comes first

    async def _carry_out(self, records: dict[Key, bytes]) -> dict[Key, bytes]:
        """Once: whoever comes after us finds no orders. A backup that cannot be made or used ends us before that."""
        key = (OWN, ORDERS)
        if key not in records:
            return records
        said = orjson.loads(records[key])
        kept = {one: contents for one, contents in records.items() if one != key}
        try:
            if said["backup"]:
                await backup.write(said["backup"], kept, "Marathon", time.time_ns())
                log.info("backup made", uri=s3.shown(said["backup"]), records=len(kept))
            wanted = await backup.read(said["restore"]) if said["restore"] else kept
        except (OSError, BadBackup, ValueError) as error:
            await self._records.commit({key: None})  # the next attempt is to serve
            raise NotTakenOver(f"as was asked for, {_what(said)}: {error}") from error
        if said["restore"]:
            log.info("backup restored", uri=s3.shown(said["restore"]), records=len(wanted))
        return await self._become(records, wanted)

    async def _migrate(self, records: dict[Key, bytes]) -> dict[Key, bytes]:
        version, ours = int(records.get(VERSION, b"0")), len(self._migrations)
        if version > ours:
            raise NotTakenOver(f"what is kept has version {version}, and this program knows {ours}: start a newer one")
        if version == ours:
            return records
        if self._location is not None and records:
            try:
                await backup.write(self._location, records, "Marathon", time.time_ns())
            except (OSError, ValueError) as error:
                raise NotTakenOver(f"no backup before the migration from version {version}: {error}") from error
        wanted = dict(records)
        for migration in self._migrations[version:]:
            for key, contents in migration(wanted).items():
                if contents is None:
                    wanted.pop(key, None)
                else:
                    wanted[key] = contents
        if records:
            log.info("state migrated", before=version, now=ours)
        return await self._become(records, {**wanted, VERSION: b"%d" % ours})

    async def _become(self, records: Mapping[Key, bytes], wanted: Mapping[Key, bytes]) -> dict[Key, bytes]:
        changes: dict[Key, Any] = {key: None for key in records if key not in wanted}
        changes |= {key: contents for key, contents in wanted.items() if records.get(key) != contents}
        await self._records.commit(changes)
        return dict(wanted)


def _what(said: Mapping[str, str | None]) -> str:
    return ", ".join(f"{what} {s3.shown(uri)}" for what, uri in said.items() if uri)
