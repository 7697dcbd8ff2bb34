"""Kind: what makes two resources the same thing, so that their amounts may be added and subtracted.

A Kind is everything of a Resource message but its amount: name, value type, allocation, reservation stack, disk,
revocable, shared, provider (Mesos: src/common/resources.cpp addable, subtractable). It is always post-refinement:
the legacy fields ``role`` and ``reservation`` are turned into a stack on the way in.

Kinds are interned: equal kinds are the same object, so dictionaries of resources hash and compare by identity.
The table of interned kinds is weak and holds no state anyone could observe.

Exclusive kinds (persistent volumes, MOUNT and BLOCK disks, RAW disks with an id) are used whole or not at all, and
shared volumes are used many times over. For both, ``whole`` makes the size part of the identity, and what
``Resources`` counts is copies.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Any
from weakref import WeakValueDictionary

from mesos_py.algebra.quantities import Milli, from_milli, milli_text, to_milli
from mesos_py.algebra.ranges import Ranges
from mesos_py.algebra.roles import DEFAULT_ROLE
from mesos_py.wire.ids import ResourceProviderID
from mesos_py.wire.resource import Resource
from mesos_py.wire.value import Value

Amount = Milli | Ranges | frozenset[str]

SCALAR, RANGES, SET = Value.Type.SCALAR, Value.Type.RANGES, Value.Type.SET
Reservation = Resource.ReservationInfo
Source = Resource.DiskInfo.Source
DYNAMIC, STATIC = Reservation.Type.DYNAMIC, Reservation.Type.STATIC


class Format(enum.Enum):
    """Which fields tell the reservations of a Resource message, by receiver."""

    #: ``reservations`` only: frameworks and agents with RESERVATION_REFINEMENT
    POST_REFINEMENT = enum.auto()
    #: ``role`` and ``reservation``: everybody else; such a receiver must not be sent refined reservations
    PRE_REFINEMENT = enum.auto()
    #: both where both can say it: HTTP endpoints
    ENDPOINT = enum.auto()


class Kind:
    """The identity of a resource; made by ``Kind.of`` and by the methods that derive one kind from another."""

    __slots__ = (
        "__weakref__", "_allocated", "allocated_role", "base", "disk", "exclusive", "head", "name",
        "provider_id", "reservations", "reserved_role", "revocable", "shared", "type", "whole",
    )  # fmt: skip

    name: str
    type: Value.Type
    #: the stack; last = current
    reservations: tuple[Reservation, ...]
    disk: Resource.DiskInfo | None
    revocable: bool
    shared: bool
    provider_id: ResourceProviderID | None
    #: the role it is allocated to; None: not allocated
    allocated_role: str | None
    #: size of one copy, for kinds that are counted in copies; else None
    whole: Amount | None
    #: role of the last reservation; "*" if unreserved
    reserved_role: str
    #: counted in copies and not shared: never merged, split or shrunk
    exclusive: bool
    #: the same kind, not allocated (itself if it is not)
    base: Kind
    #: how C++ prints everything up to the colon
    head: str
    #: of a base: the same kind allocated, by role; as many as there are roles that were ever offered it
    _allocated: dict[str, Kind]

    @staticmethod
    def of(resource: Resource) -> Kind:
        """The kind of a message; total: messages that ``validation`` refuses have a kind too."""
        disk, shared = resource.disk, resource.shared is not None
        info = resource.allocation_info
        return _intern(
            resource.name,
            resource.type,
            reservation_stack(resource),
            disk,
            resource.revocable is not None,
            shared,
            resource.provider_id,
            info.role if info is not None else None,
            amount_of(resource) if shared or (disk is not None and _is_exclusive(disk)) else None,
        )

    @staticmethod
    def plain(name: str, type: Value.Type = SCALAR) -> Kind:
        """Unreserved, unallocated, nothing special."""
        return _intern(name, type, (), None, False, False, None, None, None)

    def allocate(self, role: str | None) -> Kind:
        """The same kind allocated to ``role``; None: to nobody."""
        base = self.base
        if role is None:
            return base
        kind = base._allocated.get(role)
        if kind is None:
            kind = base._allocated[role] = base._but(allocated_role=role)
        return kind

    def reserve(self, stack: tuple[Reservation, ...]) -> Kind:
        """The same kind with another reservation stack."""
        return self._but(reservations=stack)

    def with_disk(self, disk: Resource.DiskInfo | None, *, shared: bool = False, whole: Amount | None = None) -> Kind:
        """The same kind on another disk; ``whole`` matters only if the result is counted in copies."""
        counted = shared or (disk is not None and _is_exclusive(disk))
        return self._but(disk=disk, shared=shared, whole=whole if counted else None)

    def _but(self, **changed: Any) -> Kind:
        fields = dict(zip(_FIELDS, self.fields(), strict=True)) | changed
        return _intern(*fields.values())

    def fields(self) -> tuple[Any, ...]:
        """What makes it the kind it is; ``Kind.of_fields`` is the inverse."""
        return tuple([getattr(self, field) for field in _FIELDS])

    @staticmethod
    def of_fields(*fields: Any) -> Kind:
        return _intern(*fields)

    @property
    def is_persistent(self) -> bool:
        return self.disk is not None and self.disk.persistence is not None

    @property
    def is_dynamically_reserved(self) -> bool:
        return bool(self.reservations) and self.reservations[-1].type == DYNAMIC

    @property
    def needs_checkpoint(self) -> bool:
        """True if the agent must remember it, because its flags do not tell it."""
        return self.provider_id is None and (self.is_dynamically_reserved or self.is_persistent)

    def message(self, amount: Amount, format: Format = Format.POST_REFINEMENT) -> Resource:
        """One message of this kind; for kinds counted in copies ``amount`` is ignored and one copy is made."""
        if self.whole is not None:
            amount = self.whole
        stack, last = self.reservations, self.reservations[-1] if self.reservations else None
        role, reservation = None, None
        if format is not Format.POST_REFINEMENT and len(stack) < 2:
            role = self.reserved_role
            if last is not None and last.type == DYNAMIC:
                reservation = Reservation(principal=last.principal, labels=last.labels)
            if format is Format.PRE_REFINEMENT:
                stack = ()
        return Resource(
            name=self.name,
            type=self.type,
            scalar=Value.Scalar(value=from_milli(amount)) if isinstance(amount, int) else None,
            ranges=ranges_message(amount) if isinstance(amount, Ranges) else None,
            set=Value.Set(item=tuple(sorted(amount))) if isinstance(amount, frozenset) else None,
            role=role,
            reservation=reservation,
            reservations=stack,
            disk=self.disk,
            revocable=Resource.RevocableInfo() if self.revocable else None,
            shared=Resource.SharedInfo() if self.shared else None,
            allocation_info=None if self.allocated_role is None else Resource.AllocationInfo(role=self.allocated_role),
            provider_id=self.provider_id,
        )

    def __repr__(self) -> str:
        return f"<Kind {self.head}>"

    def __copy__(self) -> Kind:
        return self

    def __deepcopy__(self, memo: object) -> Kind:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _intern, self.fields()


_FIELDS = ("name", "type", "reservations", "disk", "revocable", "shared", "provider_id", "allocated_role", "whole")
_interned: WeakValueDictionary[tuple[Any, ...], Kind] = WeakValueDictionary()


def _intern(
    name: str,
    type: Value.Type,
    reservations: tuple[Reservation, ...],
    disk: Resource.DiskInfo | None,
    revocable: bool,
    shared: bool,
    provider_id: ResourceProviderID | None,
    allocated_role: str | None,
    whole: Amount | None,
) -> Kind:
    key = (
        name,
        type,
        tuple([_fingerprint(info) for info in reservations]) if reservations else (),
        disk,
        revocable,
        shared,
        provider_id,
        allocated_role,
        whole,
    )
    kind = _interned.get(key)
    if kind is not None:
        return kind
    kind = Kind()
    kind.name, kind.type, kind.reservations, kind.disk = name, type, reservations, disk
    kind.revocable, kind.shared, kind.provider_id, kind.allocated_role = revocable, shared, provider_id, allocated_role
    kind.whole, kind._allocated = whole, {}
    kind.exclusive = whole is not None and not shared
    kind.reserved_role = (reservations[-1].role or DEFAULT_ROLE) if reservations else DEFAULT_ROLE
    kind.head = _head(kind)
    _interned[key] = kind
    kind.base = kind
    if allocated_role is not None:
        kind.base = kind._but(allocated_role=None)
    return kind


def _is_exclusive(disk: Resource.DiskInfo) -> bool:
    if disk.persistence is not None:
        return True
    if disk.source is None:
        return False
    return disk.source.type in (Source.Type.MOUNT, Source.Type.BLOCK) or (
        disk.source.type == Source.Type.RAW and disk.source.id is not None
    )


def _fingerprint(info: Reservation) -> tuple[Any, ...]:
    """Labels compare as in Mesos, whatever their order."""
    labels = None
    if info.labels is not None:
        labels = tuple(sorted([(label.key, label.value or "", label.value is None) for label in info.labels.labels]))
    return (info.type, info.role, info.principal, labels)


# ---- messages: stacks and amounts


def reservation_stack(resource: Resource) -> tuple[Reservation, ...]:
    """The reservations of a message in either format (Mesos: upgradeResource)."""
    if resource.reservations:
        return resource.reservations
    role = resource.role
    if resource.reservation is not None:
        legacy = resource.reservation
        info = Reservation(type=DYNAMIC, role=role or DEFAULT_ROLE, principal=legacy.principal, labels=legacy.labels)
        return (info,)
    if role is None or role == DEFAULT_ROLE:
        return ()
    return (Reservation(type=STATIC, role=role),)


def amount_of(resource: Resource) -> Amount:
    """The amount of a message; 0, no ranges or no items if the value is missing or makes no sense."""
    if resource.type == SCALAR:
        return max(to_milli(resource.scalar.value), 0) if resource.scalar is not None else 0
    if resource.type == RANGES:
        return Ranges(intervals_of(resource)) if resource.ranges is not None else Ranges()
    if resource.type == SET:
        return frozenset(resource.set.item) if resource.set is not None else frozenset()
    return 0


def intervals_of(resource: Resource) -> Iterator[tuple[int, int]]:
    """The intervals as the message has them: perhaps unsorted, overlapping or backwards."""
    if resource.ranges is not None:
        for interval in resource.ranges.range:
            yield interval.begin, interval.end


def ranges_message(ranges: Ranges) -> Value.Ranges:
    return Value.Ranges(range=tuple([Value.Range(begin=begin, end=end) for begin, end in ranges.intervals]))


# ---- text, as C++ streams print it into error messages


def amount_text(amount: Amount) -> str:
    if isinstance(amount, int):
        return milli_text(amount)
    if isinstance(amount, Ranges):
        return str(amount)
    return "{" + ", ".join(sorted(amount)) + "}"


def resource_text(resource: Resource) -> str:
    """A message as Mesos prints it, its amount exactly as given: ``ports:[31000-31005, 31003-31009]``."""
    if resource.type == SCALAR:
        value = format(resource.scalar.value, ".15g") if resource.scalar is not None else "0"
    elif resource.type == RANGES:
        value = "[" + ", ".join(f"{begin}-{end}" for begin, end in intervals_of(resource)) + "]"
    else:
        value = "{" + ", ".join(resource.set.item if resource.set is not None else ()) + "}"
    return f"{Kind.of(resource).head}:{value}"


def _head(kind: Kind) -> str:
    """``cpus(allocated: eng)(reservations: [(DYNAMIC,eng,ops)])``."""
    text = kind.name
    if kind.allocated_role is not None:
        text += f"(allocated: {kind.allocated_role})"
    if kind.reservations:
        text += "(reservations: [" + ", ".join(map(_reservation_text, kind.reservations)) + "])"
    if kind.disk is not None:
        text += f"[{_disk_text(kind.disk)}]"
    if kind.revocable:
        text += "{REV}"
    if kind.shared:
        text += "<SHARED>"
    return text


def _reservation_text(info: Reservation) -> str:
    parts = [info.type.name if info.type is not None else "UNKNOWN", info.role or ""]
    if info.principal is not None:
        parts.append(info.principal)
    if info.labels is not None:
        labels = info.labels.labels
        pairs = [label.key if label.value is None else f"{label.key}: {label.value}" for label in labels]
        parts.append("{" + ", ".join(pairs) + "}")
    return "(" + ",".join(parts) + ")"


def _disk_text(disk: Resource.DiskInfo) -> str:
    """``MOUNT:/mnt/a,vol1:data``."""
    text = ""
    if disk.source is not None:
        source = disk.source
        text = source.type.name
        if source.id is not None or source.profile is not None:
            text += f"({source.vendor or ''},{source.id or ''},{source.profile or ''})"
        where = source.path or source.mount
        if where is not None and where.root is not None:
            text += f":{where.root}"
    if disk.persistence is not None:
        text += ("," if text else "") + disk.persistence.id
    if disk.volume is not None:
        text += f":{disk.volume.container_path}"
    return text
