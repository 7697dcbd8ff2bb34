"""What frameworks keep, and where: files, places of the host's choice, and whose they are."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from mesos_py.coordination import Corrupt, Damaged, Fenced, StoreFailed
from mesos_py.sdk.session.words import Keep
from mesos_py.sdk.store import FrameworkStore, open_records, spare

KEY = ("framework", "")


async def store_at(place: str, master: str = "m:5050") -> FrameworkStore:
    return FrameworkStore(await open_records(place, "my framework", master))


async def test_a_file_outlives_its_program(tmp_path: Path) -> None:
    """What was committed is there again; of one name and a master there is one file, unless a place is named."""
    for place in (f"sqlite:{tmp_path}/deep/store", f"sqlite:{tmp_path}/other"):
        store = await store_at(place)
        assert await store.load() == {}
        await store.commit([Keep(KEY, b"1"), Keep(("task", "t"), b"x"), Keep(KEY, b"2"), Keep(("task", "t"), None)])
        await store.close()
        again = await store_at(place)
        assert await again.load() == {KEY: b"2"}
        await again.close()


async def test_the_usual_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One for each framework and master, below the user's state."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for master in ("m:5050", "zk://z1:2181,z2:2181/mesos"):
        store = await store_at("", master)
        await store.load()
        await store.close()
    names = sorted(path.name for path in (tmp_path / "mesos-py").iterdir())
    assert names == ["my-framework@m-5050.store", "my-framework@zk-z1-2181-z2-2181-mesos.store"]


async def test_the_second_one_takes_over(tmp_path: Path) -> None:
    """The first one writes nothing more, and learns so even if it has nothing to write."""
    first, second = [await store_at(f"sqlite:{tmp_path}/store") for _ in range(2)]
    await first.load()
    holding = asyncio.create_task(first.hold())
    await asyncio.sleep(0)
    await second.load()
    with pytest.raises(Fenced):
        await first.commit([Keep(KEY, b"1")])
    async with asyncio.timeout(60):
        with pytest.raises(Fenced, match="another instance"):
            await holding
    await second.commit([Keep(KEY, b"2")])
    await first.close()
    await second.close()


async def test_places_that_are_none(tmp_path: Path) -> None:
    """Each says what is wrong with it; a file of something else is left alone."""
    with pytest.raises(ValueError, match="no place to keep things"):
        await store_at("ftp://x")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StoreFailed, match="cannot be made"):
        await store_at(f"sqlite:{tmp_path}/file/store")
    store = await store_at(f"sqlite:{tmp_path}/file")
    with pytest.raises(Corrupt, match="remove it to start as a new framework"):
        await store.load()
    await store.close()
    assert (tmp_path / "file").read_text() == "mine"


async def test_damaged_records_may_be_spared(tmp_path: Path) -> None:
    """1 Whoever does not ask for that has none of them; 2 who does has the others, knows which is damaged, and writes
    on; 3 a task is nothing but its id then; 4 the framework's id is never spared."""
    place = f"sqlite:{tmp_path}/store"
    store = await store_at(place)
    await store.load()
    kept = {KEY: b"f", ("own", "a"): b'{"n":10}', ("own", "b"): b"2", ("task", "t"): b"\n\x05"}
    await store.commit([Keep(key, contents) for key, contents in kept.items()])
    await store.close()

    def damage(kind: str, name: str) -> None:
        with sqlite3.connect(tmp_path / "store") as database:
            database.execute(
                "UPDATE records SET data = CAST(substr(data, 1, length(data) - 1) || x'39' AS BLOB)"
                " WHERE kind = ? AND name = ?", (kind, name),
            )  # fmt: skip
        database.close()

    damage("own", "a")
    damage("task", "t")
    strict = await store_at(place)
    with pytest.raises(Corrupt, match="the record own/a is damaged"):
        await strict.load()
    await strict.close()
    for _ in range(2):
        spared = FrameworkStore(spare(await open_records(place, "my framework", "m:5050")))
        found = await spared.load()
        assert {key: found[key] for key in kept} == {**kept, ("own", "a"): b'{"n":109', ("task", "t"): b""}
        assert [key for key, contents in found.items() if isinstance(contents, Damaged)] == [("own", "a")]
        await spared.commit([Keep(("own", "c"), b"3")])
        await spared.close()
    damage("framework", "")
    spared = FrameworkStore(spare(await open_records(place, "my framework", "m:5050")))
    with pytest.raises(Corrupt, match="the record framework is damaged"):
        await spared.load()
    await spared.close()
