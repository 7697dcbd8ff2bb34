"""Quotas as values, and the limits and amounts they are made of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mesos_py.algebra.quantities import Limits, Quantities
from mesos_py.algebra.quota import NO_QUOTA, Quota

amounts = st.dictionaries(st.sampled_from(["cpus", "mem", "disk"]), st.integers(0, 20))
quantities = amounts.map(Quantities)
limits = amounts.map(Limits)


def test_no_quota() -> None:
    """Nothing guaranteed, nothing limited; made anew it is the same value."""
    assert Quota() == NO_QUOTA
    assert not NO_QUOTA.guarantees
    assert not NO_QUOTA.limits


def test_a_limit_of_nothing_is_a_limit() -> None:
    """An absent name is not limited, one with 0 is."""
    assert Quota(limits=Limits.of(cpus=0)) != NO_QUOTA
    assert not Limits.of(cpus=0).admits(Quantities.of(cpus=0.001))
    assert Limits.of(cpus=0).admits(Quantities.of(mem=1))


@given(limits, quantities, quantities)
def test_what_is_left_of_a_limit(limit: Limits, used: Quantities, more: Quantities) -> None:
    """Room never gets below nothing, and what fits into it fits into the limit beside what is used."""
    room = limit - used
    assert dict(room.items()).keys() == dict(limit.items()).keys()
    assert all(amount >= 0 for _, amount in room.items())
    if limit.admits(used):
        assert room.admits(more) == limit.admits(used + more)
    else:
        assert not limit.admits(used + more)
