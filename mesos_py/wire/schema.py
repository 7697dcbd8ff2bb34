"""How a wire message is declared, and what the codecs read from the declaration.

A message is a class of annotated fields with a proto field number each:

    @message
    class KillPolicy:
        grace_period: DurationInfo | None = opt(1)

`@message` turns it into a slotted attrs class with a keyword-only constructor, equality and hash by value. For mypy it
is frozen; at run time it is plain, because freezing costs a third of every decode (set MESOS_PY_FREEZE=1 to freeze it
anyway, as tests do). Annotations are resolved when a codec first asks, so messages may name each other in any order.

Unset is None for an optional field without a proto default, the default itself for one that has it, () for repeated
and {} for map fields. Every message has one slot more, `unknown_fields`: what a newer peer said and we do not know,
kept for whoever gets the message from us (see codec/unknown.py).

What is not here: how a field looks on a wire. That is codec/json.py, codec/protobuf.py and codec/msgpack.py.
"""

from __future__ import annotations

import enum
import os
import sys
import types
from collections.abc import Mapping
from typing import Any, NewType, TypeVar, Union, dataclass_transform, get_args, get_origin

import attrs

M = TypeVar("M")

#: With this variable set, assigning to a field of a finished message raises AttributeError.
FROZEN = bool(os.environ.get("MESOS_PY_FREEZE"))

INT_KINDS = ("int32", "int64", "uint32", "uint64")


class WireEnum(enum.IntEnum):
    """Base of all wire enums: the number is the protobuf word, the name is the JSON word."""


class Spec:
    """One field as written in the class body; `fields()` turns it into a Field once the annotation can be resolved."""

    __slots__ = ("default", "kind", "label", "number", "oneof")

    def __init__(self, label: str, number: int, default: Any, kind: str | None, oneof: str | None = None) -> None:
        self.label, self.number, self.default, self.kind, self.oneof = label, number, default, kind, oneof


def req(number: int, *, kind: str | None = None, default: Any = ...) -> Any:
    """A required field: a peer's message without it is refused. `default` serves our own constructors only."""
    return Spec("req", number, default, kind)


def opt(number: int, *, default: Any = None, kind: str | None = None) -> Any:
    """An optional field. `kind` is one of INT_KINDS (int64 unless told); `default` is the proto default, if any."""
    return Spec("opt", number, default, kind)


def rep(number: int, *, kind: str | None = None) -> Any:
    """A repeated field: a tuple."""
    return Spec("rep", number, (), kind)


def mapping(number: int) -> Any:
    """A map field with string keys: a dict."""
    return Spec("map", number, None, None)


def oneof(number: int, group: str, *, kind: str | None = None) -> Any:
    """A member of the oneof `group`: optional, at most one of the group is set; decoders keep the last."""
    return Spec("opt", number, None, kind, group)


class Field:
    """One resolved field. `kind` is bool, double, string, bytes, enum, message, id or one of INT_KINDS."""

    __slots__ = ("default", "kind", "label", "name", "number", "oneof", "type")

    def __init__(self, name: str, spec: Spec, kind: str, type_: Any) -> None:
        self.name, self.number, self.label, self.oneof = name, spec.number, spec.label, spec.oneof
        #: What an unset field holds; only opt fields may have one that is neither None nor empty.
        self.default = spec.default
        self.kind = kind
        #: The message class, enum class or id NewType; the Python type for scalars; of the values for maps.
        self.type = type_

    def __repr__(self) -> str:
        return f"<Field {self.number} {self.label} {self.kind} {self.name}>"


@dataclass_transform(kw_only_default=True, frozen_default=True, eq_default=True, field_specifiers=(req,))
def message(cls: type[M]) -> type[M]:
    """Make a wire message of an annotated class; raises TypeError on a doubled field number."""
    specs = {name: value for name, value in vars(cls).items() if isinstance(value, Spec)}
    if len({spec.number for spec in specs.values()}) != len(specs):
        raise TypeError(f"{cls.__qualname__} uses a field number twice")
    these = {name: _attribute(spec) for name, spec in specs.items()}
    these["unknown_fields"] = attrs.field(default=None, hash=False)
    for name, member in {"__specs__": specs, "__fields__": None, "__repr__": _repr}.items():
        setattr(cls, name, member)
    return attrs.define(
        cls, these=these, kw_only=True, order=False, unsafe_hash=True, repr=False, frozen=FROZEN, weakref_slot=False
    )


def _attribute(spec: Spec) -> Any:
    """Maps are equal by content but leave the hash alone: a dict has none."""
    if spec.label == "map":
        return attrs.field(factory=dict, hash=False)
    return attrs.field() if spec.default is ... else attrs.field(default=spec.default)


def is_message(cls: Any) -> bool:
    """Whether `cls` was made by @message."""
    return isinstance(cls, type) and "__specs__" in vars(cls)


def fields(cls: type) -> tuple[Field, ...]:
    """The fields of a message class in the order of declaration, which is the order of JSON output."""
    known: tuple[Field, ...] | None = cls.__fields__  # type: ignore[attr-defined]
    if known is None:
        known = tuple(_resolve(cls, name, spec) for name, spec in vars(cls)["__specs__"].items())
        cls.__fields__ = known  # type: ignore[attr-defined]
    return known


def payload_field(member: WireEnum) -> str:
    """The union trick: the field that goes with a type, e.g. `accept_inverse_offers` with ACCEPT_INVERSE_OFFERS."""
    return member._name_.lower()


def evolve(original: M, **changes: Any) -> M:
    """A copy with some fields changed; raises TypeError for an unknown one. Keeps unknown_fields."""
    changed: M = attrs.evolve(original, **changes)  # type: ignore[misc]  # mypy sees a dataclass_transform, not attrs
    return changed


def assignment(target: str, name: str, value: str) -> str:
    """Source of a statement that fills a slot of a message under construction; for the code generators."""
    return f"_store({target}, {name!r}, {value})" if FROZEN else f"{target}.{name} = {value}"


# --- resolving annotations ---------------------------------------------------------------------------------------

_SCALARS = {bool: "bool", float: "double", str: "string", bytes: "bytes"}


def _resolve(cls: type, name: str, spec: Spec) -> Field:
    annotation: Any = cls.__annotations__[name]
    if isinstance(annotation, str):
        nested = {key: value for key, value in vars(cls).items() if isinstance(value, type)}
        annotation = eval(annotation, vars(sys.modules[cls.__module__]), nested)  # noqa: S307 - our own source text
    arguments = get_args(annotation)
    if spec.label == "rep":
        annotation = arguments[0]
    elif spec.label == "map":
        if get_origin(annotation) is not Mapping or arguments[0] is not str:
            raise TypeError(f"{cls.__qualname__}.{name}: a map field is a Mapping[str, ...]")
        annotation = arguments[1]
    elif get_origin(annotation) in (types.UnionType, Union):
        (annotation,) = (argument for argument in arguments if argument is not type(None))
    return Field(name, spec, _kind(cls, name, spec, annotation), annotation)


def _kind(cls: type, name: str, spec: Spec, annotation: Any) -> str:
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    if annotation is int:
        if spec.kind not in (None, *INT_KINDS):
            raise TypeError(f"{cls.__qualname__}.{name}: no int kind {spec.kind}")
        return spec.kind or "int64"
    if isinstance(annotation, NewType) and annotation.__supertype__ is str:
        return "id"
    if isinstance(annotation, type) and issubclass(annotation, WireEnum):
        return "enum"
    if is_message(annotation):
        return "message"
    raise TypeError(f"{cls.__qualname__}.{name}: {annotation!r} is not a wire type")


def _repr(self: Any) -> str:
    """Only what is set: messages have up to 55 fields."""
    specs = vars(type(self))["__specs__"]
    shown = ((name, getattr(self, name)) for name in specs)
    inside = ", ".join(f"{name}={value!r}" for name, value in shown if value is not None and value not in ((), {}))
    return f"{type(self).__qualname__}({inside})"

