"""Laws of Resources, for random resources of every sort."""

from __future__ import annotations

import copy
import pickle

from hypothesis import given, settings
from hypothesis import strategies as st

from mesos_py.algebra.kinds import Format
from mesos_py.algebra.quantities import Limits, Quantities
from mesos_py.algebra.resources import NONE, Resources
from mesos_py.algebra.validation import validate
from tests.algebra.strategies import messages, resources, roles, stacks

few = settings(max_examples=50, deadline=None)

some = resources()
quantities = st.dictionaries(st.sampled_from(["cpus", "mem", "disk"]), st.integers(0, 6000)).map(Quantities)


def is_additive(a: Resources, b: Resources) -> bool:
    """Ranges and sets are unions: adding what is there already adds nothing."""
    return all(kind not in b or isinstance(amount, int) for kind, amount in a)


@few
@given(some, some)
def test_addition_commutes(a: Resources, b: Resources) -> None:
    assert a + b == b + a


@few
@given(some, some, some)
def test_addition_associates(a: Resources, b: Resources, c: Resources) -> None:
    assert (a + b) + c == a + (b + c)


@few
@given(some)
def test_nothing_is_neutral(a: Resources) -> None:
    assert a + NONE == a == NONE + a
    assert a - NONE == a
    assert a - a == NONE
    assert NONE - a == NONE
    assert not a - a


@few
@given(some, some)
def test_subtraction_undoes_addition(a: Resources, b: Resources) -> None:
    if is_additive(a, b):
        assert (a + b) - b == a


@few
@given(some, some)
def test_a_sum_contains_its_parts(a: Resources, b: Resources) -> None:
    assert a <= a + b
    assert b <= a + b


@few
@given(some, some)
def test_containment_and_subtraction_agree(a: Resources, b: Resources) -> None:
    """b <= a exactly if taking b from a and giving it back changes nothing."""
    assert (b <= a) == (((a - b) + b == a and a + b != a) or b == NONE or b <= a)
    if b <= a:
        assert (a - b) + b == a
    assert a - b <= a


@few
@given(some, some)
def test_subtracting_what_is_not_there_does_nothing(a: Resources, b: Resources) -> None:
    absent = b.filter(lambda kind: kind not in a)
    assert a - absent == a


@few
@given(some, some)
def test_nobody_is_changed(a: Resources, b: Resources) -> None:
    before = (str(a), str(b))
    _ = a + b, a - b, a <= b, a.allocate("x"), a.unallocate(), a.shrink(Quantities()), a.pick(b)
    assert (str(a), str(b)) == before


@few
@given(some)
def test_equal_resources_hash_equal(a: Resources) -> None:
    again = Resources.of(reversed(a.messages()))
    assert again == a
    assert hash(again) == hash(a)


@few
@given(some)
def test_kinds_are_the_same_object_wherever_they_come_from(a: Resources) -> None:
    assert copy.deepcopy(a) == a
    assert pickle.loads(pickle.dumps(a)) == a


@few
@given(some, st.sampled_from([Format.POST_REFINEMENT, Format.ENDPOINT]))
def test_messages_round_trip(a: Resources, format: Format) -> None:
    assert Resources.of(a.messages(format)) == a


@few
@given(st.lists(messages()))
def test_messages_are_valid_and_keep_order(given_messages: list) -> None:
    a = Resources.of(given_messages)
    assert [validate(message) for message in a.messages()] == [None] * len(a.messages())
    first_seen = dict.fromkeys((m.name, m.reservations, m.disk, m.revocable, m.shared) for m in given_messages)
    seen = dict.fromkeys((m.name, m.reservations, m.disk, m.revocable, m.shared) for m in a.messages())
    assert list(seen) == list(first_seen)


@few
@given(some)
def test_pre_refinement_round_trips_what_it_can_say(a: Resources) -> None:
    simple = a.filter(lambda kind: len(kind.reservations) < 2)
    told = simple.messages(Format.PRE_REFINEMENT)
    assert Resources.of(told) == simple
    assert all(message.role is not None and not message.reservations for message in told)


# ---- allocation and reservations


@few
@given(resources(allocated=False), roles)
def test_unallocate_undoes_allocate(a: Resources, role: str) -> None:
    assert a.allocate(role).unallocate() == a
    assert a.allocate(role).allocations() == ({role: a.allocate(role)} if a else {})


@few
@given(some)
def test_allocations_and_reservations_partition(a: Resources) -> None:
    together = a.filter(lambda kind: kind.allocated_role is None)
    for part in a.allocations().values():
        together += part
    assert together == a
    together = a.unreserved()
    for part in a.reservations().values():
        together += part
    assert together == a


@few
@given(resources(allocated=False), stacks().filter(bool))
def test_pop_undoes_push(a: Resources, stack: tuple) -> None:
    assert a.push_reservation(stack[-1]).pop_reservation() == a


@few
@given(some, roles)
def test_allocatable_to_a_role(a: Resources, role: str) -> None:
    """Unreserved, reserved to the role itself or to an ancestor; nothing else."""
    for kind, _ in a:
        above = kind.reserved_role == "*" or role == kind.reserved_role or role.startswith(kind.reserved_role + "/")
        assert (kind in a.allocatable_to(role)) == above


# ---- quantities and parts


@few
@given(some, some)
def test_quantities_add_up(a: Resources, b: Resources) -> None:
    """A shared volume counts once whatever its copies, hence only without them."""
    a, b = a.nonshared, b.nonshared
    assert (a + b).quantities() == a.quantities() + b.quantities()


@few
@given(some, quantities)
def test_shrink_stays_within_quantities(a: Resources, target: Quantities) -> None:
    kept = a.shrink(target)
    assert kept <= a
    assert kept.quantities() <= target
    assert all(amount == a.copies(kind) for kind, amount in kept if kind.shared)


@few
@given(some, quantities)
def test_shrink_stays_within_limits(a: Resources, target: Quantities) -> None:
    """Names without a limit are kept whole."""
    limits = Limits(target.items())
    kept = a.shrink(limits)
    assert kept <= a
    assert limits.admits(kept.quantities())
    for name in ("cpus", "mem", "disk"):
        if limits.get(name) is None:
            assert kept.scalar(name) == a.scalar(name)


@few
@given(resources(allocated=False), resources(allocated=False))
def test_pick_finds_what_is_contained(a: Resources, b: Resources) -> None:
    """What is there is found as it is; what is found is there and is enough."""
    if b <= a and not any(len(b.filter(lambda k, name=kind.name: k.name == name)) > 1 for kind, _ in b):
        assert a.pick(b) is not None
    picked = a.pick(b)
    if picked is not None:
        assert picked <= a
        assert b.nonshared.quantities() <= picked.nonshared.quantities()


@few
@given(some)
def test_what_is_interned_is_the_same_to_the_last(a: Resources) -> None:
    """Made alike is one object; with another order it is another, since the order is what messages show."""
    interned = a.interned()
    assert list(interned) == list(a)
    assert Resources.of(a.messages()).interned() is interned
    backwards = Resources.restored(reversed(list(a)))
    assert list(backwards.interned()) == list(backwards)
    assert interned == backwards.interned() == a
