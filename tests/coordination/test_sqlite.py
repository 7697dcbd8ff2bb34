"""What is special about a file: it is torn, taken away, full, or not a registry at all."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from mesos_py.coordination import Corrupt, Key, NoRoom, StoreFailed
from mesos_py.coordination.sqlite import SqliteRecords
from tests.coordination.places import SqlitePlace

CONTENTS: dict[Key, bytes] = {("agents", f"agent-{number}"): b"x" * 400 for number in range(50)}


async def load(path: Path) -> dict[Key, bytes]:
    records = SqliteRecords(str(path))
    try:
        return await records.load()
    finally:
        await records.close()


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """A registry that was closed in order."""
    path = tmp_path / "registry.db"
    records = SqliteRecords(str(path))
    await records.load()
    await records.commit(CONTENTS)
    await records.close()
    assert sorted(os.listdir(tmp_path)) == ["registry.db"]
    return path


async def test_a_torn_file_is_refused(file: Path) -> None:
    """Cut off anywhere, it is damaged, and never an empty registry."""
    whole = file.read_bytes()
    lengths = [0, 1, 99, 100, 1000, *range(4096, len(whole), 4096), len(whole) - 1]
    for length in lengths:
        file.write_bytes(whole[:length])
        with pytest.raises(StoreFailed) as caught:
            await load(file)
        assert isinstance(caught.value, Corrupt), (length, caught.value)
        assert str(file) in str(caught.value)
    file.write_bytes(whole)
    assert await load(file) == CONTENTS


async def test_a_file_with_holes_is_refused(file: Path) -> None:
    """Any page of it overwritten with zeros or with another page."""
    whole = file.read_bytes()
    for start in range(0, len(whole), 4096):
        for patch in (bytes(4096), whole[-4096:]):
            if whole[start : start + 4096] == patch:
                continue
            file.write_bytes(whole[:start] + patch + whole[start + 4096 :])
            with pytest.raises(StoreFailed):
                await load(file)


async def test_what_is_no_registry_is_refused(tmp_path: Path) -> None:
    """Text, another program's database, a directory."""
    text, other = tmp_path / "text", tmp_path / "other.db"
    text.write_text("hello " * 1000)
    with pytest.raises(Corrupt, match="damaged"):
        await load(text)
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE ledger (data)")
    database.close()
    with pytest.raises(Corrupt, match="no registry of a master"):
        await load(other)
    with pytest.raises(StoreFailed, match="cannot be used"):
        await load(tmp_path)
    with pytest.raises(StoreFailed, match="cannot be used"):
        await load(tmp_path / "no" / "registry.db")


async def test_the_registry_of_another_program_is_not_overlooked(tmp_path: Path) -> None:
    """Where a C++ master keeps its agents there is no empty registry of ours."""
    (tmp_path / "replicated_log").mkdir()
    with pytest.raises(StoreFailed, match="of a C\\+\\+ Mesos"):
        await load(tmp_path / "registry.db")
    assert os.listdir(tmp_path) == ["replicated_log"]


async def test_a_new_registry_appears_complete(tmp_path: Path) -> None:
    """Several that start at once make one file, and leave nothing else behind."""
    owners = [SqliteRecords(str(tmp_path / "registry.db")) for _ in range(4)]
    assert await asyncio.gather(*(owner.load() for owner in owners)) == [{}] * 4
    for owner in owners:
        await owner.close()
    assert os.listdir(tmp_path) == ["registry.db"]


async def test_a_full_disk_is_told(file: Path) -> None:
    """The commit that did not fit is not kept, not even in part; the next one may fit."""
    records = SqliteRecords(str(file))
    await records.load()
    await records.commit({("agents", "before"): b"1"})
    await records._in_thread(lambda: records._database.execute("PRAGMA max_page_count = 1"))  # type: ignore[union-attr]
    with pytest.raises(NoRoom, match="full"):
        await records.commit({("agents", f"new-{number}"): b"x" * 4000 for number in range(100)})
    await records._in_thread(lambda: records._database.execute("PRAGMA max_page_count = 100000"))  # type: ignore[union-attr]
    await records.commit({("agents", "after"): b"2"})
    await records.close()
    assert await load(file) == {**CONTENTS, ("agents", "before"): b"1", ("agents", "after"): b"2"}


WRITER = """
import asyncio, sys
from mesos_py.coordination.sqlite import SqliteRecords

async def main():
    records = SqliteRecords(sys.argv[1])
    await records.load()
    for number in range(10**6):
        await records.commit({("a", f"{number % 50}"): b"%d" % number, ("b", f"{number % 50}"): b"%d" % number})
        print(number, flush=True)

asyncio.run(main())
"""


def test_what_was_committed_survives_a_kill(tmp_path: Path) -> None:
    """kill -9 in the middle of it: everything that was confirmed is there, every commit is whole."""
    path = tmp_path / "registry.db"
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        confirmed = -1
        while confirmed < 60:
            confirmed = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        confirmed = int((writer.stdout.read().split() or [confirmed])[-1])
        writer.wait()
        writer.stdout.close()
        kept = asyncio.run(load(path))
        assert {name: data for (kind, name), data in kept.items() if kind == "a"} == {
            name: data for (kind, name), data in kept.items() if kind == "b"
        }
        newest = max(int(data) for data in kept.values())
        assert newest in (confirmed, confirmed + 1)


# ---- looking, and a backup in place of what is no file of SQLite's any more

BACKUP: dict[Key, bytes] = {("agents", "restored"): b"1"}


def left_by_a_kill(path: Path) -> dict[Key, bytes]:
    """A registry whose master was killed: what SQLite has not moved into the file stands in another one."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    while int(writer.stdout.readline()) < 60:
        pass
    writer.kill()
    writer.wait()
    writer.stdout.close()
    assert Path(f"{path}-wal").stat().st_size > 0
    copy = path.parent / "copy"
    copy.mkdir()
    for name in ("registry.db", "registry.db-wal"):
        shutil.copy(path.parent / name, copy / name)
    return asyncio.run(load(copy / "registry.db"))


def test_what_was_committed_is_seen_after_a_kill(tmp_path: Path) -> None:
    """Also what stands in the other file, and without taking over."""
    path = tmp_path / "registry.db"
    kept = left_by_a_kill(path)

    async def look() -> dict[Key, bytes]:
        records = SqliteRecords(str(path))
        seen = await records.read()
        await records.close()
        assert seen.epoch == 1
        return dict(seen.records)

    assert asyncio.run(look()) == kept


async def replace(path: Path, *, is_alone: bool) -> None:
    records = SqliteRecords(str(path), is_alone=is_alone)
    try:
        await records.replace(BACKUP)
        assert (await records.read()).records == BACKUP
        assert await records.is_owner()
    finally:
        await records.close()


@pytest.mark.parametrize("how", ["text", "empty", "cut off", "holes", "another program's", "no tables"])
async def test_a_backup_in_place_of_a_file_that_is_none(file: Path, how: str) -> None:
    """Only when nobody uses it, and beside it: somebody may want to look at it yet."""
    whole = file.read_bytes()
    damaged = {"text": b"hello " * 1000, "empty": b"", "cut off": whole[:5000], "holes": whole[:100] + bytes(9000)}
    if how == "another program's":
        file.unlink()
        with sqlite3.connect(file) as database:
            database.execute("CREATE TABLE records (data)")
        database.close()
        damaged[how] = file.read_bytes()
    if how == "no tables":
        with sqlite3.connect(file) as database:
            database.executescript("DROP TABLE records; DROP TABLE ledger")
        database.close()
        damaged[how] = file.read_bytes()
    file.write_bytes(damaged[how])
    with pytest.raises(Corrupt, match="registry restore"):
        await load(file)
    with pytest.raises(StoreFailed, match="a process uses its directory; end that one first"):
        await replace(file, is_alone=False)
    assert os.listdir(file.parent) == ["registry.db"]
    assert file.read_bytes() == damaged[how]
    await replace(file, is_alone=True)
    assert await load(file) == BACKUP
    (aside,) = [name for name in os.listdir(file.parent) if name != "registry.db"]
    assert aside.startswith("registry.db.damaged-")
    assert (file.parent / aside).read_bytes() == damaged[how]


@pytest.mark.parametrize("how", ["gone", "empty", "cut off", "altered", "another's"])
def test_what_sqlite_overlooks_is_noticed(tmp_path: Path, how: str) -> None:
    """What a killed master had committed stands in SQLite's second file; of a damaged one SQLite says nothing, and
    goes by the first, which is sound and empty."""
    path = tmp_path / "registry.db"
    kept, log = left_by_a_kill(path), Path(f"{path}-wal")
    whole = log.read_bytes()
    altered = bytearray(whole)
    altered[len(whole) // 2] ^= 1
    half = whole[: len(whole) // 2]
    log.write_bytes({"cut off": half, "altered": altered, "another's": b"hello" * 999}.get(how, b""))
    if how == "gone":
        log.unlink()
    left = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path) if name.startswith("registry.db")}
    for _ in range(2):
        with pytest.raises(Corrupt, match=r"lost what was last written .* registry restore.*, or remove .*-newest to "):
            asyncio.run(load(path))
    asyncio.run(replace(path, is_alone=True))
    assert asyncio.run(load(path)) == BACKUP
    for name, data in left.items():
        (tmp_path / name).write_bytes(data)
    Path(f"{path}-newest").unlink()
    assert asyncio.run(load(path)) != kept


async def test_a_registry_that_is_gone_is_not_begun_anew(file: Path) -> None:
    """It was removed under a master, which ends then; the next one would lead with nothing."""
    records = SqliteRecords(str(file))
    await records.load()
    file.unlink()
    await records.close()
    for _ in range(2):
        with pytest.raises(Corrupt, match=r"is gone; .* registry restore.*, or remove .*-newest to start anew"):
            await load(file)
    await replace(file, is_alone=True)
    assert await load(file) == BACKUP
    file.unlink()  # after a master that ended in order
    assert await load(file) == {}


def test_a_note_that_is_older_or_torn_proves_nothing(tmp_path: Path) -> None:
    """It is written after the commit, and nobody waits for it: a host that loses its power may have lost it."""
    path = tmp_path / "registry.db"
    kept, note = left_by_a_kill(path), Path(f"{path}-newest")
    note.write_bytes(note.read_bytes()[:20])
    assert asyncio.run(load(path)) == kept
    assert sorted(os.listdir(tmp_path)) == ["copy", "registry.db"]


@pytest.mark.parametrize("length", [0, 5000])
def test_what_was_to_be_written_to_the_old_file_stays_out_of_the_new_one(tmp_path: Path, length: int) -> None:
    """SQLite's second file belongs to the first, whatever stands there under its name."""
    path = tmp_path / "registry.db"
    left_by_a_kill(path)
    path.write_bytes(path.read_bytes()[:length])
    asyncio.run(replace(path, is_alone=True))
    assert asyncio.run(load(path)) == BACKUP


async def test_a_file_that_is_taken_away_is_noticed(file: Path) -> None:
    """Removed, or another one put in its place: its owner must not go on with what nobody will ever read."""
    records = SqliteRecords(str(file))
    await records.load()
    other = file.with_name("other")
    file.rename(other)
    with pytest.raises(StoreFailed, match="was removed, or another file was put in its place"):
        await records.is_owner()
    file.write_bytes(other.read_bytes())
    with pytest.raises(StoreFailed, match="was removed, or another file was put in its place"):
        await records.is_owner()
    await records.close()


async def test_two_processes_do_not_mix(tmp_path: Path) -> None:
    """A commit of another connection that takes long is waited for."""
    place = SqlitePlace(tmp_path)
    records = await place.records()
    await records.load()
    other = sqlite3.connect(place.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    commit = asyncio.ensure_future(records.commit({("a", "a"): b"1"}))
    done, _ = await asyncio.wait((commit,), timeout=0.1)
    assert not done
    other.execute("ROLLBACK")
    await commit
    other.execute("BEGIN IMMEDIATE")
    await records._in_thread(lambda: records._database.execute("PRAGMA busy_timeout = 1"))  # type: ignore[attr-defined]
    with pytest.raises(StoreFailed, match=r"is locked by another program .*; end that one"):
        await records.commit({("a", "a"): b"2"})
    other.close()
    await place.close()
