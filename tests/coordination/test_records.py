"""One suite for every Records: what was committed comes back, whole, to one owner at a time, or not at all."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesos_py.coordination import Corrupt, Fenced, Key, StoreFailed
from mesos_py.coordination.ledger import LEDGER_KEY, seal
from tests.coordination.places import MemoryPlace, Place, SqlitePlace, survivors

pytestmark = pytest.mark.xdist_group("zookeeper")

A: Key = ("agents", "a")
B: Key = ("agents", "b")


# ---- what is kept


async def test_nothing_is_there_at_first(place: Place) -> None:
    """A place that was never used is empty, and not an error."""
    assert await survivors(place) == {}
    assert await survivors(place) == {}


async def test_what_is_committed_comes_back(place: Place) -> None:
    """New, changed and removed records, over several commits."""
    records = await place.records()
    await records.load()
    await records.commit({A: b"1", B: b"2"})
    await records.commit({})
    await records.commit({A: b"3", ("weights", "b"): b""})
    await records.commit({B: None, ("agents", "never"): None})
    assert await survivors(place) == {A: b"3", ("weights", "b"): b""}


@pytest.mark.parametrize(
    "name", ["", "a/b", "..", ".", "%2e", "a:b", "ü\u4e2d", "x" * 250, "zookeeper", "a b\n", "\x01"], ids=repr
)
async def test_any_name_will_do(place: Place, name: str) -> None:
    """Roles have slashes; nothing in a name means anything to a store."""
    records = await place.records()
    await records.load()
    await records.commit({("roles", name): b"x", ("roles", name + "y"): b"y"})
    assert await survivors(place) == {("roles", name): b"x", ("roles", name + "y"): b"y"}


async def test_a_large_commit_is_kept_as_a_whole(place: Place) -> None:
    """More than any request of ZooKeeper holds: 3,000 records of 1 kB, changed and removed again."""
    records = await place.records()
    await records.load()
    everything = {("agents", f"agent-{number}"): bytes([number % 256]) * 1000 for number in range(3000)}
    await records.commit(everything)
    assert await survivors(place) == everything
    successor = await place.records()
    await successor.load()
    await successor.commit({**dict.fromkeys(list(everything)[:2000]), ("agents", "agent-2999"): b"new", A: b"1"})
    kept = await survivors(place)
    assert len(kept) == 1001
    assert kept["agents", "agent-2999"] == b"new"


changes = st.dictionaries(
    st.tuples(st.sampled_from(["agents", "weights"]), st.sampled_from(["a", "b", "c/d"])),
    st.none() | st.binary(max_size=20),
    max_size=4,
)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(changes, st.booleans()), max_size=6))
def test_it_is_a_dictionary_that_survives(tmp_path_factory: pytest.TempPathFactory, steps: list) -> None:
    """Memory and SQLite, through any changes and any successions, hold what a plain dictionary would."""

    async def run(place: Place) -> None:
        records = await place.records()
        model = await records.load()
        for written, is_succeeded in steps:
            await records.commit(written)
            for key, contents in written.items():
                model.pop(key, None)
                if contents is not None:
                    model[key] = contents
            if is_succeeded:
                records = await place.records()
                assert await records.load() == model
        assert await survivors(place) == model
        await place.close()

    asyncio.run(run(MemoryPlace()))
    asyncio.run(run(SqlitePlace(tmp_path_factory.mktemp("any"))))


# ---- one owner


async def test_who_was_succeeded_writes_nothing_more(place: Place) -> None:
    """I6: the store itself refuses a deposed leader, however sure that one is, and however often it tries."""
    old, new = await place.records(), await place.records()
    await old.load()
    await old.commit({A: b"old"})
    assert await new.load() == {A: b"old"}
    for _ in range(2):
        with pytest.raises(Fenced):
            await old.commit({A: b"older", B: b"x"})
    await new.commit({B: b"new"})
    with pytest.raises(Fenced):
        await old.commit({A: None})
    assert await survivors(place) == {A: b"old", B: b"new"}


async def test_who_has_not_taken_over_writes_nothing(place: Place) -> None:
    """An owner that never read cannot know what it overwrites."""
    records = await place.records()
    with pytest.raises(StoreFailed):
        await records.commit({A: b"1"})
    assert await survivors(place) == {}


async def test_of_two_that_take_over_at_once_one_may_write(place: Place) -> None:
    """F07: whatever the order in which they got there."""
    owners = [await place.records() for _ in range(3)]
    await asyncio.gather(*(owner.load() for owner in owners))
    done = await asyncio.gather(
        *(owner.commit({A: bytes([number])}) for number, owner in enumerate(owners)), return_exceptions=True
    )
    winners = [number for number, result in enumerate(done) if result is None]
    assert len(winners) == 1
    assert all(result is None or isinstance(result, Fenced) for result in done)
    assert await survivors(place) == {A: bytes(winners)}


# ---- damage (F08)


@pytest.fixture
async def filled(place: Place) -> Place:
    records = await place.records()
    await records.load()
    await records.commit({A: b"contents of a", B: b"contents of b"})
    return place


async def refused(place: Place) -> str:
    """Nobody can take over or look; the message says why, and the same again to the next who tries."""
    await refused_once(place)
    with pytest.raises(Corrupt) as caught:
        await survivors(place)
    return str(caught.value)


@pytest.mark.parametrize("key", [A, LEDGER_KEY], ids=["record", "ledger"])
async def test_a_torn_record_is_refused(filled: Place, key: Key) -> None:
    """Cut off after any byte; whole, it is good again."""
    whole = await filled.kept(key)
    for length in range(len(whole)):
        await filled.put(key, whole[:length])
        await refused(filled) if length in (0, 7) else await refused_once(filled)
    await filled.put(key, whole)
    assert await survivors(filled) == {A: b"contents of a", B: b"contents of b"}


async def refused_once(place: Place) -> None:
    records = await place.records()
    with pytest.raises(Corrupt):
        await records.read()
    with pytest.raises(Corrupt):
        await records.load()


@pytest.mark.parametrize("key", [A, LEDGER_KEY], ids=["record", "ledger"])
async def test_an_altered_record_is_refused(filled: Place, key: Key) -> None:
    """One bit anywhere."""
    whole = await filled.kept(key)
    for position in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[position] ^= 0x10
        await filled.put(key, bytes(damaged))
        await refused_once(filled)


async def test_a_missing_record_is_refused(filled: Place) -> None:
    """A registry that has lost an agent is not one without that agent."""
    await filled.put(A, None)
    assert "should be 2 records but there are 1" in await refused(filled)


async def test_a_registry_without_ledger_is_refused(filled: Place) -> None:
    """It is not an empty one."""
    await filled.put(LEDGER_KEY, None)
    await refused(filled)


async def test_a_foreign_record_is_refused(filled: Place) -> None:
    """However well it is made."""
    await filled.put(("agents", "c"), seal(("agents", "c"), b"x"))
    assert "should be 2 records but there are 3" in await refused(filled)


async def test_a_record_of_yesterday_is_refused(filled: Place) -> None:
    """One record put back alone does not belong to the others."""
    await filled.put(A, seal(A, b"what it was"))
    assert "another record" in await refused(filled)


async def test_records_of_yesterday_that_were_changed_alike_are_refused(filled: Place) -> None:
    """Two agents that were deactivated together, say, and are put back together."""
    old = {key: await filled.kept(key) for key in (A, B)}
    records = await filled.records()
    await records.load()
    await records.commit({A: b"contents of a!", B: b"contents of b!"})
    both = {key: await filled.kept(key) for key in (A, B)}
    for key, data in old.items():
        await filled.put(key, data)
    assert "another record" in await refused(filled)
    for key, data in both.items():
        await filled.put(key, data)
    assert await survivors(filled) == {A: b"contents of a!", B: b"contents of b!"}


async def test_a_record_in_the_wrong_place_is_refused(filled: Place) -> None:
    """Contents are sealed together with their name."""
    await filled.put(A, await filled.kept(B))
    assert "agents/a" in await refused(filled)


async def test_a_newer_format_is_refused(filled: Place) -> None:
    """Of a program that comes later."""
    whole = await filled.kept(A)
    await filled.put(A, bytes([2]) + whole[1:])
    assert "format 2" in await refused(filled)
