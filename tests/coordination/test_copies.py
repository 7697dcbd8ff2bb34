"""One suite for every Records: somebody looks at them while they are in use, and a backup is put in their place."""

from __future__ import annotations

import asyncio
import random

import pytest

from mesos_py.coordination import Corrupt, Fenced, Key, NothingKept
from mesos_py.coordination.ledger import LEDGER_KEY, seal
from tests.coordination.places import MemoryPlace, Place, survivors

pytestmark = pytest.mark.xdist_group("zookeeper")

A: Key = ("agents", "a")
B: Key = ("agents", "b")
OLD = {A: b"contents of a", B: b"contents of b"}
BACKUP = {A: b"another a", ("gone", "c/d"): b"", ("weights", ""): b"w"}


@pytest.fixture
async def filled(place: Place) -> Place:
    records = await place.records()
    await records.load()
    await records.commit(OLD)
    return place


# ---- looking


async def test_nothing_kept_is_not_nothing(place: Place) -> None:
    """A place that no master has used yet; one that has, and kept nothing, is another thing."""
    with pytest.raises(NothingKept, match="no master has kept a registry"):
        await (await place.records()).read()
    await survivors(place)
    assert (await (await place.records()).read()).records == {}


async def test_who_looks_takes_nothing_over(filled: Place) -> None:
    """The owner goes on, and who has looked cannot write."""
    owner = await filled.records()
    await owner.load()
    looker = await filled.records()
    before = await looker.read()
    assert before.records == OLD
    assert await owner.is_owner()
    await owner.commit({A: b"1"})
    after = await looker.read()
    assert after.records == {**OLD, A: b"1"}
    assert (after.epoch, after.owner) == (before.epoch, before.owner)
    assert after.serial == before.serial + 1
    with pytest.raises(Fenced):
        await looker.commit({A: b"2"})
    successor = await filled.records()
    await successor.load()
    now = await looker.read()
    assert now.epoch == after.epoch + 1
    assert now.owner != after.owner


async def test_what_is_seen_stood_there_at_one_moment(place: Place) -> None:
    """However much the owner writes meanwhile: changes, additions and removals that belong together."""
    rng = random.Random(3)
    owner = await place.records()
    await owner.load()
    states: list[dict[Key, bytes]] = [{}]
    is_enough = False

    async def write() -> None:
        while not is_enough:
            changes: dict[Key, bytes | None] = {
                ("agents", f"{rng.randrange(40)}"): rng.choice([None, b"%d" % len(states)]) for _ in range(5)
            }
            merged = {**states[-1], **changes}
            states.append({key: data for key, data in merged.items() if data is not None})
            await owner.commit(changes)
            await asyncio.sleep(rng.choice([0, 0, 0.03]))

    writing = asyncio.ensure_future(write())
    looker = await place.records()
    last = -1
    for _ in range(8):
        seen = dict((await looker.read()).records)
        assert seen in states[max(last, 0) :]
        last = states.index(seen, max(last, 0))
        await asyncio.sleep(0)
    is_enough = True
    await writing
    assert (await looker.read()).records == states[-1]


async def test_an_owner_learns_that_it_is_none_any_more(filled: Place) -> None:
    """Without writing anything."""
    owner, other = await filled.records(), await filled.records()
    assert not await owner.is_owner()
    await owner.load()
    assert await owner.is_owner()
    await owner.commit({A: b"1"})
    assert await owner.is_owner()
    await other.load()
    assert not await owner.is_owner()
    assert await other.is_owner()


# ---- a backup is put in place


async def test_a_backup_takes_the_place_of_what_is_there(filled: Place) -> None:
    """Exactly it is there then; whoever led is refused from then on; who has restored may write on."""
    owner, restorer = await filled.records(), await filled.records()
    await owner.load()
    await restorer.replace(BACKUP)
    assert not await owner.is_owner()
    with pytest.raises(Fenced):
        await owner.commit({B: b"1"})
    assert (await owner.read()).records == BACKUP
    await restorer.commit({B: b"2", A: None})
    assert await survivors(filled) == {**{key: BACKUP[key] for key in BACKUP if key != A}, B: b"2"}


async def test_a_backup_where_nothing_was(place: Place) -> None:
    """On a new machine, or in a new ensemble."""
    await (await place.records()).replace(BACKUP)
    assert await survivors(place) == BACKUP


async def test_the_same_again(filled: Place) -> None:
    """A backup of what is there changes nothing but the owner."""
    await (await filled.records()).replace(OLD)
    await (await filled.records()).replace({})
    await (await filled.records()).replace({})
    assert await survivors(filled) == {}


async def test_large_ones(place: Place) -> None:
    """More than any request of ZooKeeper holds, in both."""
    records = await place.records()
    await records.load()
    await records.commit({("agents", f"{number}"): bytes([number % 256]) * 1000 for number in range(2000)})
    backup = {("agents", f"{number}"): bytes([number % 251]) * 1000 for number in range(1000, 3000)}
    await (await place.records()).replace(backup)
    assert await survivors(place) == backup


DAMAGES: dict[str, tuple[Key, bytes | None]] = {
    "torn": (A, seal(A, OLD[A])[:-1]),
    "empty": (A, b""),
    "missing": (A, None),
    "foreign": (("agents", "c"), seal(("agents", "c"), b"x")),
    "of yesterday": (A, seal(A, b"what it was")),
    "no ledger": (LEDGER_KEY, None),
    "torn ledger": (LEDGER_KEY, b"\x01\x02\x03"),
    "empty ledger": (LEDGER_KEY, b""),
}


@pytest.mark.parametrize("how", DAMAGES)
async def test_a_backup_is_the_way_out_of_damage(filled: Place, how: str) -> None:
    """What nobody can lead on any more."""
    owner = await filled.records()
    await owner.load()
    await filled.put(*DAMAGES[how])
    with pytest.raises(Corrupt, match=None if isinstance(filled, MemoryPlace) else "registry restore"):
        await survivors(filled)
    restorer = await filled.records()
    await restorer.replace(BACKUP)
    with pytest.raises(Fenced):
        await owner.commit({B: b"1"})
    assert (await restorer.read()).records == BACKUP
    assert await survivors(filled) == BACKUP
