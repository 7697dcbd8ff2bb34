"""Timers against a plain model: a dict of key to (time, order of setting, event)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mesos_py.machine.timers import LATE, REPRIEVE, Timers, reprieve
from mesos_py.machine.values import SECOND

OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(0, 5), st.integers(0, 50)),
        st.tuples(st.just("cancel"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("due"), st.just(0), st.integers(0, 50)),
    ),
    max_size=200,
)


@given(OPERATIONS)
def test_timers_agree_with_the_model(operations: list[tuple[str, int, int]]) -> None:
    """Whatever is set, replaced and cancelled: what is due comes out in order of time, then of setting."""
    timers, model = Timers(), dict[int, tuple[int, int]]()
    for order, (what, key, at) in enumerate(operations):
        if what == "set":
            timers.set(key, at, (key, order))
            model[key] = (at, order)
        elif what == "cancel":
            assert timers.cancel(key) == (model.pop(key, None) is not None)
        else:
            expected = sorted((when, order, key) for key, (when, order) in model.items() if when <= at)
            assert list(timers.due(at)) == [(key, order) for _, order, key in expected]
            for _, _, key in expected:
                del model[key]
        assert timers.deadline() == min((when for when, _ in model.values()), default=None)
        assert len(timers) == len(model)
        assert timers.pending() == {key: when for key, (when, _) in model.items()}


def test_a_silence_is_not_judged_by_who_was_not_there() -> None:
    """Whoever comes late to his own timer was stopped; he judges later, and then by the same rule."""
    due = 1_000 * SECOND
    assert [reprieve(due, due + late) for late in (0, LATE)] == [None, None]
    again = reprieve(due, due + LATE + 1)
    assert again == due + LATE + 1 + REPRIEVE
    assert reprieve(again, again) is None


def test_replaced_timers_do_not_pile_up() -> None:
    """A timer that is pushed back for ever costs memory for the live ones only."""
    timers = Timers()
    for at in range(10_000):
        timers.set("ping", at, None)
    assert len(timers._heap) < 200 and timers._count < 200
    assert list(timers.due(10_000)) == [None]
