"""What is kept when it is taken over: backups, restores, versions, a framework's id that is lost."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from frameworks.marathon_py.shell import backup, kept
from frameworks.marathon_py.shell.kept import ORDERS, REMOVED, VERSION, Checked, FrameworkIdMissing, NotTakenOver
from mesos_py.coordination import Changes, Fenced, Key
from mesos_py.coordination.backup import BadBackup
from mesos_py.coordination.memory import MemoryRecords
from mesos_py.sdk.session.connecting import FRAMEWORK, OWN

APP: Key = (OWN, "marathon/spec/web@1")
INSTANCE: Key = (OWN, "marathon/instance/web.instance-1")
TASK: Key = ("task", "web.instance-1._app.1")
STATE: dict[Key, bytes] = {FRAMEWORK: b"f", APP: b"web", INSTANCE: b"one", TASK: b"task"}
CURRENT = {VERSION: b"1"}


async def records_with(records: Mapping[Key, bytes]) -> MemoryRecords:
    made = MemoryRecords()
    await made.load()
    await made.commit(records)
    return made


async def found(records: MemoryRecords) -> dict[Key, bytes]:
    return dict((await records.read()).records)


async def test_what_is_of_this_version_is_as_it_was() -> None:
    records = await records_with(STATE | CURRENT)
    assert await Checked(records).load() == STATE | CURRENT
    assert await found(records) == STATE | CURRENT


async def test_what_is_new_is_of_this_version() -> None:
    records = MemoryRecords()
    assert await Checked(records).load() == await found(records) == CURRENT


def _renamed(records: Mapping[Key, bytes]) -> Changes:
    return {APP: None, (OWN, "marathon/app/web"): records[APP]}


def _louder(records: Mapping[Key, bytes]) -> Changes:
    return {(OWN, "marathon/app/web"): records[OWN, "marathon/app/web"].upper()}


async def test_what_is_older_is_migrated_after_a_backup(tmp_path: Path) -> None:
    """Step by step to our version, all of it in one commit; the backup has what was there before."""
    uri = f"file://{tmp_path}/backups/before"
    records = await records_with(STATE)
    checked = Checked(records, backup_location=uri, migrations=(_renamed, _louder))
    wanted = {key: contents for key, contents in STATE.items() if key != APP}
    wanted |= {(OWN, "marathon/app/web"): b"WEB", VERSION: b"2"}
    assert await checked.load() == await found(records) == wanted
    assert await backup.read(uri) == STATE
    assert await Checked(records, migrations=(_renamed, _louder)).load() == wanted


async def test_a_migration_without_its_backup_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    records = await records_with(STATE)
    with pytest.raises(NotTakenOver, match="no backup before the migration from version 0"):
        await Checked(records, backup_location=f"file://{tmp_path}/file/in").load()
    assert await found(records) == STATE


async def test_what_is_newer_is_refused_and_left_as_it_is() -> None:
    records = await records_with(STATE | {VERSION: b"7"})
    with pytest.raises(NotTakenOver, match="has version 7, and this program knows 1: start a newer one"):
        await Checked(records).load()
    assert await found(records) == STATE | {VERSION: b"7"}


# ---- orders


def ordered(backup_uri: str | None = None, restore_uri: str | None = None) -> dict[Key, bytes]:
    record = kept.orders(backup_uri, restore_uri)
    assert record is not None
    return {(OWN, ORDERS): record}


async def test_a_backup_and_a_restore_come_first_and_once(tmp_path: Path) -> None:
    """Everything is as it was then, tasks and the framework's id included; what has come since is gone."""
    old, new = f"file://{tmp_path}/old", f"file://localhost{tmp_path}/new%20one"
    records = await records_with(STATE | CURRENT | ordered(old))
    assert await Checked(records).load() == await found(records) == STATE | CURRENT
    later: dict[Key, bytes] = {(OWN, "marathon/spec/more@1"): b"more", APP: b"changed"}
    await records.commit(later | ordered(new, old))
    assert await Checked(records).load() == await found(records) == STATE | CURRENT
    assert await backup.read(new) == STATE | CURRENT | later
    assert stat.S_IMODE((tmp_path / "new one").stat().st_mode) == 0o600


async def test_orders_that_cannot_be_followed_end_one_start(tmp_path: Path) -> None:
    """Nothing has changed, and the next start serves."""
    records = await records_with(STATE | CURRENT | ordered(None, f"file://{tmp_path}/none"))
    with pytest.raises(NotTakenOver, match=r"as was asked for, restore file://.*/none: .*No such file"):
        await Checked(records).load()
    assert await Checked(records).load() == STATE | CURRENT


async def test_secrets_of_a_place_are_told_to_nobody() -> None:
    """The keys are in the orders, and in no log and no error."""
    records = await records_with(STATE | CURRENT | ordered("s3://bucket/key?secret_key=hidden&access_key=A&endpoint=-"))
    with pytest.raises(NotTakenOver, match=r"backup s3://bucket/key\?\.\.\.: S3: Invalid endpoint: -") as caught:
        await Checked(records).load()
    assert "hidden" not in str(caught.value)


async def test_a_restored_state_that_is_older_is_migrated(tmp_path: Path) -> None:
    uri = f"file://{tmp_path}/old"
    await backup.write(uri, STATE, "a test", 0)
    records = await records_with(CURRENT | ordered(None, uri))
    assert await Checked(records).load() == STATE | CURRENT


@pytest.mark.parametrize(("uri", "why"), [
    ("/path", "is no place for backups: use file:///path"), ("file://host/path", "is no place for backups"),
    ("http://x/y", "is no place for backups"), ("s3://bucket", "names no object of S3: use s3://bucket/key"),
    ("file:relative", "is no place for backups"), ("file:///", "is no place for backups"),
    ("", "is no place for backups"),
])  # fmt: skip
def test_uris_that_nobody_can_use(uri: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        kept.orders(uri, None)


def test_nothing_is_to_be_done() -> None:
    assert kept.orders(None, None) is None
    assert kept.orders("s3://bucket/key", None) is not None  # with whose keys, the next leader says


async def test_what_is_no_backup_is_not_restored(tmp_path: Path) -> None:
    uri = f"file://{tmp_path}/it"
    await backup.write(uri, STATE, "a test", 0)
    whole = (tmp_path / "it").read_bytes()
    for contents in (b"", b"nonsense", whole[:-1], whole[:-1] + bytes([whole[-1] ^ 1])):
        (tmp_path / "it").write_bytes(contents)
        with pytest.raises(BadBackup):
            await backup.read(uri)


# ---- the framework's id


async def test_a_framework_id_that_is_lost_ends_the_start() -> None:
    """Tasks were asked for: as a new framework we would run them twice. What only waits has no part in that."""
    records = await records_with({TASK: b"task", APP: b"web"} | CURRENT)
    with pytest.raises(FrameworkIdMissing, match="would run everything twice"):
        await Checked(records).load()
    waiting = {APP: b"web", INSTANCE: b"one"} | CURRENT
    assert await Checked(await records_with(waiting)).load() == waiting


async def test_a_framework_that_was_removed_begins_anew() -> None:
    """That stands in a record until there is a new id."""
    records = await records_with(STATE | CURRENT)
    checked = Checked(records)
    await checked.load()
    await checked.commit({FRAMEWORK: None})
    found_again = await Checked(records).load()
    assert (REMOVED in found_again, FRAMEWORK in found_again) == (True, False)
    await checked_again(records, {FRAMEWORK: b"g"})
    assert REMOVED not in await found(records)


async def checked_again(records: MemoryRecords, changes: Changes) -> None:
    checked = Checked(records)
    await checked.load()
    await checked.commit(changes)


async def test_who_was_followed_keeps_nothing_more() -> None:
    """Marathon issue 1039: a leader of before wrote over what its successor had kept."""
    records = await records_with(STATE | CURRENT)
    before = Checked(records)
    await before.load()
    after = Checked(MemoryRecords(records._disk))
    await after.load()
    await after.commit({APP: b"of the new leader"})
    with pytest.raises(Fenced):
        await before.commit({APP: b"of the old leader"})
    assert (await before.is_owner(), await after.is_owner()) == (False, True)
    assert (await found(records))[APP] == b"of the new leader"
