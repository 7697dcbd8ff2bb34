"""What operations do to resources, as pairs: *consumed* is taken away, *produced* takes its place.

===========  ==============================================  ==========================================
operation    consumed                                        produced
===========  ==============================================  ==========================================
RESERVE      the resource, last reservation popped           the resource as given
             (with a source: the source as given)
UNRESERVE    the resource as given                           the resource, last reservation popped
CREATE       the volume's disk, no persistence, not shared   the volume as given
DESTROY      the volume as given                             the volume's disk
GROW         volume and addition                             the volume, larger
SHRINK       the volume                                      the volume, smaller, and the disk it gave up
===========  ==============================================  ==========================================

Whether an operation is allowed at all (principals, roles, volumes in use) is the master's business.
Source: Mesos src/common/resources_utils.cpp getResourceConversions, src/common/resources.cpp Resources::apply.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from mesos_py.algebra.kinds import Kind
from mesos_py.algebra.quantities import Milli, milli_text, to_milli
from mesos_py.algebra.resources import Resources
from mesos_py.wire.resource import Resource


class NotContained(Exception):
    """The resources do not contain what a conversion consumes; the text is Mesos'."""


@attrs.frozen
class Conversion:
    """Take ``consumed``, give ``produced``."""

    consumed: Resources
    produced: Resources

    def apply(self, resources: Resources) -> Resources:
        """Raises NotContained, having changed nothing."""
        consumed, produced = self.consumed, self.produced
        if not consumed <= resources:
            raise NotContained(f"{resources} does not contain {consumed}")
        last_copy = next((kind for kind, _ in consumed if kind.shared and resources.copies(kind) > 1), None)
        if last_copy is not None and not any(kind.shared for kind, _ in produced):
            raise NotContained(f"Persistent volume {last_copy.head} cannot be removed due to additional shared copies")
        return resources - consumed + produced

    def inverse(self) -> Conversion:
        return Conversion(self.produced, self.consumed)

    def unallocate(self) -> Conversion:
        """The same on resources that carry no allocation: an agent's total."""
        return Conversion(self.consumed.unallocate(), self.produced.unallocate())


def apply_all(resources: Resources, conversions: Iterable[Conversion]) -> Resources:
    """One after another; raises NotContained."""
    for conversion in conversions:
        resources = conversion.apply(resources)
    return resources


def reserve(resources: Iterable[Resource], source: Iterable[Resource] = ()) -> list[Conversion]:
    """With a source, the reservations change directly; every step between implied by the two stacks is free."""
    origin = Resources.of(source)
    wanted = Resources.of(resources)
    if origin:
        return [Conversion(origin, wanted)]
    return [Conversion(one.pop_reservation(), one) for one in _single(wanted)]


def unreserve(resources: Iterable[Resource]) -> list[Conversion]:
    return [conversion.inverse() for conversion in reserve(resources)]


def create(volumes: Iterable[Resource]) -> list[Conversion]:
    return [Conversion(_disk_of(volume), volume) for volume in _single(Resources.of(volumes))]


def destroy(volumes: Iterable[Resource]) -> list[Conversion]:
    return [conversion.inverse() for conversion in create(volumes)]


def grow(volume: Resource, addition: Resource) -> Conversion:
    before, more = Resources.of([volume]), Resources.of([addition])
    return Conversion(before + more, _resized(before, more.scalar("disk")))


def shrink(volume: Resource, subtract: float) -> Conversion:
    """``subtract`` in MB; raises NotContained if the volume has no more than that."""
    before, less = Resources.of([volume]), to_milli(subtract)
    if before.scalar("disk") <= less:
        raise NotContained(f"{before} does not contain disk:{milli_text(less)}")
    after = _resized(before, -less)
    freed = Resources([(kind.base.with_disk(_bare(kind)).allocate(kind.allocated_role), less) for kind, _ in before])
    return Conversion(before, after + freed)


def _single(resources: Resources) -> list[Resources]:
    return [Resources([entry]) for entry in resources]


def _bare(kind: Kind) -> Resource.DiskInfo | None:
    """The disk below a volume: without persistence and mount point; nothing if it has no source."""
    if kind.disk is None or kind.disk.source is None:
        return None
    return Resource.DiskInfo(source=kind.disk.source)


def _disk_of(volume: Resources) -> Resources:
    """What a volume was made of. A whole disk (MOUNT) stays whole; from others an amount is cut."""
    entries: list[tuple[Kind, Any]] = []
    for kind, amount in volume:
        size = amount if kind.whole is None else kind.whole
        disk = kind.with_disk(_bare(kind), whole=size)
        entries.append((disk, 1 if disk.whole is not None else size))
    return Resources(entries)


def _resized(volume: Resources, by: Milli) -> Resources:
    entries: list[tuple[Kind, Any]] = []
    for kind, amount in volume:
        if kind.whole is None:
            entries.append((kind, int(amount) + by))  # type: ignore[arg-type]
        else:
            size: Any = kind.whole
            entries.append((kind.with_disk(kind.disk, shared=kind.shared, whole=size + by), amount))
    return Resources(entries)
