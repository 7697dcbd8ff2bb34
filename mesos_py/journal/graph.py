"""Everything that hangs together with an object, as records, and the same again from the records.

For whole cores: entities, indexes over them, timers, the source of chance. What is one object in several places is one
again after loading, cycles included, and dicts keep their order, so a loaded core decides as the saved one would. The
records are msgpack arrays, one for each object in the order in which the objects were met, so neither side recurses::

    [LIST, value...]  [DICT, key, value, ...]  [SET, value...]  [DEQUE, maxlen, value...]
    [MESSAGE, class, fields]                   a wire message, as its msgpack codec has it
    [OBJECT, class, attribute...]              made without calling its class
    [SPECIAL, class, value]                    classes below: what they keep for speed is not written but made again
    [CLASS, name, attribute...]                before the first object of a class; numbered apart from objects

None, bools, numbers, text and bytes stand for themselves, everything else is ``[code, ...]``: REF to an object, tuples,
frozensets, members of enums, classes, methods, and ints beyond 64 bits. Fields marked ``DERIVED`` (values.py) are left
out, and so are secrets among options.
"""

from __future__ import annotations

import enum
import gc
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from types import FunctionType, MethodType
from typing import Any

import attrs
import msgpack

from mesos_py import flags
from mesos_py.algebra.kinds import Kind
from mesos_py.algebra.offer_constraints import OfferConstraintsFilter
from mesos_py.algebra.ranges import Ranges
from mesos_py.algebra.resources import Resources
from mesos_py.journal.classes import Unreadable, Unrecordable, class_named, name_of
from mesos_py.machine.values import is_derived
from mesos_py.wire.codec.msgpack import encoders, from_value
from mesos_py.wire.schema import is_message

CLASS, LIST, DICT, SET, DEQUE, MESSAGE, OBJECT, SPECIAL = range(8)
REF, TUPLE, FROZENSET, MEMBER, TYPE, METHOD, BIG = range(7)

_ATOMS = frozenset({type(None), bool, float, str, bytes})
_INTS = range(-(2**63), 2**64)
RANDOM = "random.Random"
PIECE_MAX = 1 << 30  # bytes of one record; a list of everything a large core has may take a hundred megabytes


def dump(root: Any) -> Iterator[bytes]:
    """Records of everything reachable from ``root``. Raises Unrecordable."""
    return _Dump(root).records()


def unpacked(pieces: Iterable[bytes]) -> Iterator[Any]:
    """Records in the bytes of a dump, however they are cut. Raises Unreadable."""
    unpacker = msgpack.Unpacker(strict_map_key=False, unicode_errors="surrogatepass", max_buffer_size=PIECE_MAX)
    try:
        for piece in pieces:
            unpacker.feed(piece)
            yield from unpacker
    except (ValueError, msgpack.UnpackException) as error:
        raise Unreadable(f"not records: {type(error).__name__}: {error}") from error


def load(records: Iterable[Any]) -> Any:
    """What ``dump`` was given, from its unpacked records. Raises Unreadable."""
    collects = gc.isenabled()
    gc.disable()  # it would walk everything again and again, and there is nothing to find
    try:
        return _Load(records).root()
    except Unreadable:
        raise
    except Exception as error:  # there is no end to what may be wrong with a file
        raise Unreadable(f"not the records of an object graph: {type(error).__name__}: {error}") from error
    finally:
        if collects:
            gc.enable()


# ---- classes whose objects are made from a value rather than attribute by attribute


def _random_of(state: tuple[Any, ...]) -> random.Random:
    rng = random.Random()
    rng.setstate(state)
    return rng


#: class -> (its value, the object of a value)
SPECIALS: dict[type, tuple[Callable[[Any], tuple[Any, ...]], Callable[[tuple[Any, ...]], Any]]] = {
    Kind: (Kind.fields, lambda value: Kind.of_fields(*value)),
    Resources: (
        lambda resources: tuple([part for entry in resources for part in entry]),
        lambda value: Resources.restored(zip(value[::2], value[1::2], strict=True)),
    ),
    Ranges: (lambda ranges: ranges.intervals, Ranges),
    OfferConstraintsFilter: (lambda compiled: compiled.source, lambda value: OfferConstraintsFilter(*value)),
    random.Random: (random.Random.getstate, _random_of),
}
_SPECIAL_NAMES = {RANDOM if cls is random.Random else name_of(cls): cls for cls in SPECIALS}
_NAMES_OF_SPECIALS = {cls: name for name, cls in _SPECIAL_NAMES.items()}


def _attributes(cls: type) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Slots in order, and the defaults of those that are derived."""
    names = dict.fromkeys(
        name for base in reversed(cls.__mro__) for name in _slots(base) if name not in ("__weakref__", "__dict__")
    )
    derived = {}
    if attrs.has(cls):
        derived = {field.name: field.default for field in attrs.fields(cls) if is_derived(field)}
    return tuple([name for name in names if name not in derived]), derived


def _slots(cls: type) -> tuple[str, ...]:
    slots = vars(cls).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


# ---- to records


class _Dump:
    def __init__(self, root: Any) -> None:
        self._pack = msgpack.Packer(unicode_errors="surrogatepass").pack
        #: id of an object -> its number; whatever is numbered is reachable from the root and so lives on
        self._numbers: dict[int, int] = {}
        self._pending: deque[Any] = deque()
        self._classes: dict[Any, int] = {}
        #: class -> function that makes an object's record
        self._makers: dict[type, Callable[[Any], list[Any]]] = {}
        self._made: list[bytes] = []
        self._number(root)

    def records(self) -> Iterator[bytes]:
        pending, made, pack = self._pending, self._made, self._pack
        while pending:
            thing = pending.popleft()
            maker = self._makers.get(thing.__class__) or self._maker(thing.__class__)
            record = maker(thing)
            if made:  # classes it is the first of
                yield from made
                made.clear()
            yield pack(record)

    def _number(self, thing: Any) -> int:
        number = self._numbers[id(thing)] = len(self._numbers)
        self._pending.append(thing)
        return number

    def _value(self, value: Any) -> Any:
        cls = value.__class__
        if cls in _ATOMS:
            return value
        if cls is int:
            return value if value in _INTS else [BIG, hex(value)]
        number = self._numbers.get(id(value))
        if number is not None:
            return [REF, number]
        if cls is tuple:
            return [TUPLE, *map(self._value, value)]
        if cls is frozenset:
            return [FROZENSET, *self._sorted(value)]
        if isinstance(value, enum.Enum):
            return [MEMBER, self._class(cls, ()), value.name]
        if isinstance(value, type):
            return [TYPE, self._class(value, ())]
        if cls is MethodType:
            return [METHOD, self._value(value.__self__), value.__name__]
        return [REF, self._number(value)]

    def _sorted(self, values: Iterable[Any]) -> list[Any]:
        """Sets have another order in every process."""
        return sorted(map(self._value, values), key=self._pack)

    def _class(self, cls: Any, names: tuple[str, ...]) -> int:
        number = self._classes.get((cls, names))
        if number is None:
            number = self._classes[cls, names] = len(self._classes)
            name = _NAMES_OF_SPECIALS.get(cls) or name_of(cls)
            self._made.append(self._pack([CLASS, name, *names]))
        return number

    def _maker(self, cls: type) -> Callable[[Any], list[Any]]:
        value = self._value
        maker: Callable[[Any], list[Any]]
        if cls is list:
            maker = lambda items: [LIST, *map(value, items)]  # noqa: E731 - one of several
        elif cls is dict:
            maker = self._dict
        elif cls is set:
            maker = lambda items: [SET, *self._sorted(items)]  # noqa: E731
        elif cls is deque:
            maker = lambda items: [DEQUE, items.maxlen, *map(value, items)]  # noqa: E731
        elif is_message(cls):
            encode = encoders[cls]
            maker = lambda message: [MESSAGE, self._class(cls, ()), encode(message)]  # noqa: E731
        elif cls in SPECIALS:
            told = SPECIALS[cls][0]
            maker = lambda special: [SPECIAL, self._class(cls, ()), *map(value, told(special))]  # noqa: E731
        elif issubclass(cls, BaseException) or not cls.__module__.startswith("mesos_py."):
            raise Unrecordable(f"{cls.__module__}.{cls.__qualname__} is nothing a core is made of")
        else:
            maker = self._object(cls)
        self._makers[cls] = maker
        return maker

    def _dict(self, items: dict[Any, Any]) -> list[Any]:
        record: list[Any] = [DICT]
        value = self._value
        for key, item in items.items():
            record.append(value(key))
            record.append(value(item))
        return record

    def _object(self, cls: type) -> Callable[[Any], list[Any]]:
        names, _ = _attributes(cls)
        value = self._value
        if cls.__dictoffset__:

            def open_(thing: Any) -> list[Any]:
                there = (*names, *vars(thing))
                return [OBJECT, self._class(cls, there), *[value(getattr(thing, name)) for name in there]]

            return open_
        options = {field.name: field for field in attrs.fields(cls)} if attrs.has(cls) and flags.declares(cls) else {}
        get = attrgetter(*names) if len(names) > 1 else lambda thing: [getattr(thing, name) for name in names]

        def slotted(thing: Any) -> list[Any]:
            found = get(thing)
            if options:
                found = [flags.secretless(options[name], one) for name, one in zip(names, found, strict=True)]
            return [OBJECT, self._class(cls, names), *map(value, found)]

        return slotted


# ---- from records


class _Load:
    def __init__(self, records: Iterable[Any]) -> None:
        #: (class, names of attributes, derived attributes)
        self._classes: list[tuple[Any, tuple[str, ...], dict[str, Any]]] = []
        self._records: list[list[Any]] = []
        for record in records:
            if record[0] == CLASS:
                self._classes.append(_class_of(record[1], tuple(record[2:])))
            else:
                self._records.append(record)
        #: those that are complete, and shells of those that are still to be filled
        self._objects: dict[int, Any] = {}

    def root(self) -> Any:
        """The first object, once all are filled."""
        for number in range(len(self._records)):
            self._object(number)
        for number, record in enumerate(self._records):
            self._fill(self._objects[number], record)
        return self._objects[0]

    def _object(self, number: int) -> Any:
        """A shell, or the object itself if nothing can refer back to what it is made of."""
        made = self._objects.get(number)
        if made is not None:
            return made
        record = self._records[number]
        code = record[0]
        if code == OBJECT:
            cls = self._classes[record[1]][0]
            made = object.__new__(cls)
        elif code == DICT:
            made = {}
        elif code == MESSAGE:
            cls = self._classes[record[1]][0]
            if not is_message(cls):
                raise Unreadable(f"{cls} is no message")
            made = from_value(cls, record[2])
        elif code == SPECIAL:
            made = SPECIALS[self._classes[record[1]][0]][1](tuple(map(self._value, record[2:])))
        elif code == LIST:
            made = []
        elif code == DEQUE:
            made = deque(maxlen=record[1])
        elif code == SET:
            made = set()
        else:
            raise Unreadable(f"no record begins with {code!r}")
        self._objects[number] = made
        return made

    def _fill(self, shell: Any, record: list[Any]) -> None:
        code, value = record[0], self._value
        if code == OBJECT:
            _, names, derived = self._classes[record[1]]
            for name, told in zip(names, record[2:], strict=True):
                object.__setattr__(shell, name, value(told))
            for name, default in derived.items():
                object.__setattr__(shell, name, default)
        elif code == DICT:
            for key, item in zip(record[1::2], record[2::2], strict=True):
                shell[value(key)] = value(item)
        elif code == LIST:
            shell.extend(map(value, record[1:]))
        elif code == DEQUE:
            shell.extend(map(value, record[2:]))
        elif code == SET:
            shell.update(map(value, record[1:]))

    def _value(self, told: Any) -> Any:
        if told.__class__ is not list:
            return told
        code = told[0]
        if code == REF:
            return self._object(told[1])
        if code == TUPLE:
            return tuple(map(self._value, told[1:]))
        if code == MEMBER:
            return self._classes[told[1]][0].__members__[told[2]]
        if code == TYPE:
            return self._classes[told[1]][0]
        if code == FROZENSET:
            return frozenset(map(self._value, told[1:]))
        if code == BIG:
            return int(told[1], 16)
        if code == METHOD:
            owner = self._value(told[1])
            function = next((vars(cls)[told[2]] for cls in type(owner).__mro__ if told[2] in vars(cls)), None)
            if not isinstance(function, FunctionType):
                raise Unreadable(f"{type(owner)} has no method {told[2]}")
            return MethodType(function, owner)
        raise Unreadable(f"no value begins with {code!r}")


def _class_of(name: str, names: tuple[str, ...]) -> tuple[Any, tuple[str, ...], dict[str, Any]]:
    if name in _SPECIAL_NAMES:
        return _SPECIAL_NAMES[name], (), {}
    cls = class_named(name)
    if is_message(cls) or issubclass(cls, enum.Enum) or not names:
        return cls, names, {}
    slots, derived = _attributes(cls)
    if not cls.__dictoffset__ and names != slots:
        raise Unreadable(f"{name} had other attributes when it was recorded: {', '.join(names)}")
    return cls, names, derived
