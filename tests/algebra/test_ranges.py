"""Ranges are sets of integers that never look at single integers."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesos_py.algebra.ranges import Ranges
from tests.algebra.strategies import intervals, ranges

pairs = st.lists(intervals, max_size=8)


@given(pairs)
def test_canonical_form(given_pairs: list) -> None:
    """Sorted, disjoint, not even touching; whatever came in."""
    made = Ranges(given_pairs).intervals
    assert all(begin <= end for begin, end in made)
    assert all(left[1] + 1 < right[0] for left, right in itertools.pairwise(made))
    assert set(Ranges(given_pairs)) == {n for begin, end in given_pairs for n in range(begin, end + 1)}


@given(ranges, ranges)
def test_like_sets(a: Ranges, b: Ranges) -> None:
    model_a, model_b = set(a), set(b)
    assert set(a + b) == model_a | model_b
    assert set(a - b) == model_a - model_b
    assert set(a & b) == model_a & model_b
    assert (a <= b) == (model_a <= model_b)
    assert (a == b) == (model_a == model_b)
    assert len(a) == len(model_a)
    assert bool(a) == bool(model_a)
    for result in (a + b, a - b, a & b):
        assert Ranges(result.intervals).intervals == result.intervals


@given(ranges, st.integers(0, 50))
def test_take_and_membership(a: Ranges, count: int) -> None:
    assert list(a.take(count)) == sorted(a)[:count]
    assert (count in a) == (count in set(a))


@pytest.mark.parametrize(
    ("given_pairs", "text"),
    [
        ([], "[]"),
        ([(8, 9), (1, 5)], "[1-5, 8-9]"),
        ([(1, 5), (6, 9)], "[1-9]"),
        ([(3, 1), (7, 7)], "[7-7]"),
        ([(1, 5), (2, 3), (5, 6)], "[1-6]"),
    ],
)
def test_text(given_pairs: list, text: str) -> None:
    assert str(Ranges(given_pairs)) == text


def test_cost_depends_on_intervals_only() -> None:
    """X23: overlapping ranges of 2**32 and more, and very many ranges, are no work to speak of."""
    huge = Ranges([(0, 2**64 - 1), (5, 2**32), (2**33, 2**40)])
    assert huge.intervals == ((0, 2**64 - 1),)
    assert (huge - Ranges([(10, 20)])).intervals == ((0, 9), (21, 2**64 - 1))
    many = Ranges((n * 2, n * 2) for n in range(300_000))
    assert len(many.intervals) == 300_000
    assert (huge - many) + many == huge
    assert many <= huge
    assert (many - huge).intervals == ()
