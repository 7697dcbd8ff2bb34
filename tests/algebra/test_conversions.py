"""Operations as (consumed, produced) pairs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesos_py.algebra.conversions import (
    Conversion,
    NotContained,
    apply_all,
    create,
    destroy,
    grow,
    reserve,
    shrink,
    unreserve,
)
from mesos_py.algebra.parse import parse_resources
from mesos_py.algebra.resources import NONE, Resources
from mesos_py.wire.codec.json import from_value
from mesos_py.wire.resource import Resource
from tests.algebra.strategies import messages, resources, stacks

few = settings(max_examples=50, deadline=None)


def res(text: str) -> Resources:
    return Resources.of(parse_resources(text))


def reserved(text: str, role: str = "resrole") -> Resources:
    info = Resource.ReservationInfo(type=Resource.ReservationInfo.Type.DYNAMIC, role=role, principal="ops")
    return res(text).push_reservation(info)


def volume(mb: float, *, source: dict | None = None, **members: object) -> Resource:
    disk = {"persistence": {"id": "vol1"}, "volume": {"mode": "RW", "container_path": "data"}}
    disk |= {"source": source} if source else {}
    reservations = [{"type": "DYNAMIC", "role": "resrole", "principal": "ops"}]
    made = {"name": "disk", "type": "SCALAR", "scalar": {"value": mb}, "reservations": reservations, "disk": disk}
    return from_value(Resource, made | members)


@few
@given(messages(allocated=False).filter(lambda message: message.shared is None), stacks().filter(bool))
def test_unreserve_undoes_reserve(message: Resource, stack: tuple) -> None:
    a = Resources.of([message])
    target = a.push_reservation(stack[-1]).messages()
    assert apply_all(apply_all(a, reserve(target)), unreserve(target)) == a


@few
@given(resources(), resources(), resources())
def test_a_conversion_exchanges(a: Resources, b: Resources, c: Resources) -> None:
    """What it does not consume it does not touch; what it cannot consume it refuses."""
    conversion = Conversion(b.nonshared, c.nonshared)
    if conversion.consumed <= a:
        assert conversion.apply(a) == a - conversion.consumed + conversion.produced
        assert conversion.produced <= conversion.apply(a)
    else:
        with pytest.raises(NotContained):
            conversion.apply(a)


def test_reserve_and_unreserve() -> None:
    total = res("cpus:4;mem:1024")
    wanted = reserved("cpus:1;mem:512")
    after = apply_all(total, reserve(wanted.messages()))
    assert after == res("cpus:3;mem:512") + wanted
    assert apply_all(after, unreserve(wanted.messages())) == total


def test_reserve_refines() -> None:
    """Only the last reservation is new: it is cut from what the ones before hold."""
    outer = reserved("cpus:4", "a")
    info = Resource.ReservationInfo(type=Resource.ReservationInfo.Type.DYNAMIC, role="a/b")
    inner = reserved("cpus:1", "a").push_reservation(info)
    assert apply_all(outer, reserve(inner.messages())) == reserved("cpus:3", "a") + inner


def test_reserve_with_a_source() -> None:
    """Another stack directly, without unreserving first."""
    source, wanted = reserved("cpus:1", "a"), reserved("cpus:1", "b")
    assert apply_all(source, reserve(wanted.messages(), source.messages())) == wanted


def test_failure_text() -> None:
    """As golden/mutate/UNRESERVE_volume_in_use.txt has it."""
    total = res("cpus:63;mem:65408;disk:99488;ports:[31000-32000]")
    total += reserved("cpus:1;mem:128;disk:448") + Resources.of([volume(64)])
    with pytest.raises(NotContained) as refused:
        apply_all(total, unreserve(reserved("disk:512").messages()))
    assert str(refused.value) == (
        "cpus:63; mem:65408; disk:99488; ports:[31000-32000]; cpus(reservations: [(DYNAMIC,resrole,ops)]):1; "
        "mem(reservations: [(DYNAMIC,resrole,ops)]):128; disk(reservations: [(DYNAMIC,resrole,ops)]):448; "
        "disk(reservations: [(DYNAMIC,resrole,ops)])[vol1:data]:64 does not contain "
        "disk(reservations: [(DYNAMIC,resrole,ops)]):512"
    )


@pytest.mark.parametrize("shared", [False, True])
def test_create_and_destroy(shared: bool) -> None:
    total = reserved("disk:100")
    given_volume = volume(40, **({"shared": {}} if shared else {}))
    after = apply_all(total, create([given_volume]))
    assert after == reserved("disk:60") + Resources.of([given_volume])
    assert apply_all(after, destroy([given_volume])) == total


def test_create_on_a_mount_takes_it_whole() -> None:
    source = {"type": "MOUNT", "mount": {"root": "/m"}}
    disk = volume(40, source=source, disk={"source": source})
    after = apply_all(Resources.of([disk]), create([volume(40, source=source)]))
    assert after == Resources.of([volume(40, source=source)])
    with pytest.raises(NotContained):
        apply_all(Resources.of([disk]), create([volume(30, source=source)]))
    assert apply_all(after, destroy([volume(40, source=source)])) == Resources.of([disk])


def test_destroy_with_copies_left() -> None:
    """A shared volume that somebody else still has cannot go."""
    shared = volume(40, shared={})
    with pytest.raises(NotContained, match="additional shared copies"):
        apply_all(Resources.of([shared, shared]), destroy([shared]))


def test_grow_and_shrink() -> None:
    total = reserved("disk:100") + Resources.of([volume(40)])
    grown = grow(volume(40), reserved("disk:60").messages()[0]).apply(total)
    assert grown == reserved("disk:40") + Resources.of([volume(100)])
    assert shrink(volume(100), 60.0).apply(grown) == total
    with pytest.raises(NotContained):
        shrink(volume(100), 100.0)


@few
@given(st.integers(1, 5000), st.integers(1, 4999))
def test_shrink_undoes_grow(size: int, more: int) -> None:
    before = reserved("disk:5") + Resources.of([volume(size / 1000)])
    grown = grow(volume(size / 1000), reserved(f"disk:{more / 1000}").messages()[0]).apply(before)
    assert shrink(volume((size + more) / 1000), more / 1000).apply(grown) == before


def test_allocation_is_kept() -> None:
    """What is converted inside an offer stays allocated; the agent's total has the same without."""
    allocated = volume(40, allocation_info={"role": "resrole"})
    (conversion,) = create([allocated])
    assert conversion.apply(reserved("disk:40").allocate("resrole")) == Resources.of([allocated])
    assert conversion.unallocate().apply(reserved("disk:40")) == Resources.of([volume(40)])
    freed = shrink(allocated, 10.0).produced
    assert {kind.allocated_role for kind, _ in freed} == {"resrole"}
    assert Conversion(NONE, NONE).apply(freed) == freed
