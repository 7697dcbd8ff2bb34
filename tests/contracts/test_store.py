"""One suite for every Store: what is committed comes back in order, and a store that cannot promise raises."""

from __future__ import annotations

import pytest

from mesos_py.coordination import Store, StoreFailed
from mesos_py.coordination.memory import MemoryStore

STORES = [MemoryStore]


@pytest.fixture(params=STORES, ids=lambda made: made.__name__)
def store(request: pytest.FixtureRequest) -> Store:
    made: Store = request.param()
    return made


async def test_what_is_committed_comes_back_in_order(store: Store) -> None:
    await store.commit(["a", "b"])
    await store.commit([])
    await store.commit(["c"])
    assert list(await store.load()) == ["a", "b", "c"]


async def test_nothing_is_there_at_first(store: Store) -> None:
    assert list(await store.load()) == []


async def test_a_fenced_store_keeps_nothing_more() -> None:
    """I6: who has lost leadership cannot write, and must know it."""
    store = MemoryStore()
    await store.commit(["a"])
    store.fence()
    with pytest.raises(StoreFailed):
        await store.commit(["b"])
    assert list(await store.load()) == ["a"]


async def test_a_store_that_folds_keeps_only_what_the_facts_amount_to() -> None:
    """Facts without end must not need memory without end."""
    store = MemoryStore(fold=lambda facts: [sum(facts)], fold_above=10)
    for _ in range(100):
        await store.commit([1])
    facts = await store.load()
    assert sum(facts) == 100
    assert len(facts) <= 11
