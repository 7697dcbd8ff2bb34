"""Random resources of all sorts, small enough to collide: names, roles and amounts are few."""

from __future__ import annotations

from hypothesis import strategies as st

from mesos_py.algebra.ranges import Ranges
from mesos_py.algebra.resources import Resources
from mesos_py.wire.resource import Resource
from mesos_py.wire.value import Label, Labels, Value
from mesos_py.wire.volume import Volume

Reservation = Resource.ReservationInfo
STATIC, DYNAMIC = Reservation.Type.STATIC, Reservation.Type.DYNAMIC

roles = st.sampled_from(["a", "a/b", "a/b/c", "d"])
intervals = st.tuples(st.integers(0, 30), st.integers(0, 8)).map(lambda pair: (pair[0], pair[0] + pair[1]))
ranges = st.lists(intervals, max_size=5).map(Ranges)
integers_sets = st.frozensets(st.integers(0, 40), max_size=20)

labels = st.sampled_from([None, Labels(labels=(Label(key="k", value="v"),)), Labels(labels=(Label(key="k"),))])


@st.composite
def stacks(draw: st.DrawFn) -> tuple[Reservation, ...]:
    """No reservation, a static or dynamic one, or refined ones; only dynamic ones say by whom and why."""
    path = draw(st.sampled_from([(), ("a",), ("a", "a/b"), ("a", "a/b", "a/b/c"), ("d",)]))
    first = draw(st.sampled_from([STATIC, DYNAMIC]))
    made = []
    for index, role in enumerate(path):
        if index == 0 and first is STATIC:
            made.append(Reservation(type=STATIC, role=role))
        else:
            principal = draw(st.sampled_from([None, "ops"]))
            made.append(Reservation(type=DYNAMIC, role=role, principal=principal, labels=draw(labels)))
    return tuple(made)


@st.composite
def messages(draw: st.DrawFn, *, allocated: bool = True) -> Resource:
    """A valid, non-empty message."""
    sort = draw(st.sampled_from(["scalar", "scalar", "ranges", "set", "volume", "mount"]))
    allocation = draw(st.sampled_from([None, "a", "d"])) if allocated else None
    common = {
        "reservations": draw(stacks()),
        "allocation_info": None if allocation is None else Resource.AllocationInfo(role=allocation),
    }
    if sort == "ranges":
        value = draw(ranges.filter(bool))
        made = Value.Ranges(range=tuple(Value.Range(begin=begin, end=end) for begin, end in value.intervals))
        return Resource(name="ports", type=Value.Type.RANGES, ranges=made, **common)
    if sort == "set":
        items = draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True))
        return Resource(name="labels", type=Value.Type.SET, set=Value.Set(item=tuple(items)), **common)
    amount = draw(st.integers(1, 5000)) / 1000
    name = draw(st.sampled_from(["cpus", "mem", "disk"])) if sort == "scalar" else "disk"
    disk, shared = None, None
    if sort == "volume":
        persistence = Resource.DiskInfo.Persistence(id=draw(st.sampled_from(["v1", "v2"])))
        disk = Resource.DiskInfo(persistence=persistence, volume=Volume(container_path="data", mode=Volume.Mode.RW))
        amount = draw(st.sampled_from([1.0, 2.0]))
        shared = Resource.SharedInfo() if draw(st.booleans()) else None
    elif sort == "mount":
        source = Resource.DiskInfo.Source
        disk = Resource.DiskInfo(source=source(type=source.Type.MOUNT, mount=source.Mount(root="/mnt")))
        amount = draw(st.sampled_from([1.0, 2.0]))
    revocable = Resource.RevocableInfo() if sort == "scalar" and draw(st.booleans()) else None
    return Resource(
        name=name,
        type=Value.Type.SCALAR,
        scalar=Value.Scalar(value=amount),
        disk=disk,
        shared=shared,
        revocable=revocable,
        **common,
    )


def resources(*, allocated: bool = True) -> st.SearchStrategy[Resources]:
    return st.lists(messages(allocated=allocated), max_size=6).map(Resources.of)
