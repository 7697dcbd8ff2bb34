"""How definitions are declared: one field is one line, from which reading and writing follow.

    @attrs.frozen(kw_only=True)
    class Fetch:
        uri: str = field(text(1, 1024))
        dest_path: str | None = field(text(1, 1024), None)

JSON has the names in camel case (``destPath``). Reading ignores what it does not know, takes null for absent, and says
all that is wrong at once, each with its path and Marathon's code: ``/fetch(0)/uri: error.path.missing``. What must
hold between fields is the business of rules, which come later. Source: the play-json readers that Marathon generates.
"""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

import attrs

REQUIRED: Final = attrs.NOTHING
_DECLARED = "frameworks.marathon_py.definitions.declared"
EXACT: Final = 1 << 53  # below that every whole number is one
SCHEMAS: Final = "#/components/schemas/"  # before the name of a class, where a schema refers to it


@attrs.frozen
class Violation:
    """Something is wrong at ``path``, which is ``/`` for the whole."""

    path: str
    text: str


def grouped(violations: Iterable[Violation]) -> list[dict[str, Any]]:
    """``details`` of an answer: the texts of one path together, in order of appearance."""
    texts: dict[str, list[str]] = {}
    for violation in violations:
        texts.setdefault(violation.path, []).append(violation.text)
    return [{"path": path, "errors": errors} for path, errors in texts.items()]


class InvalidJson(ValueError):
    """A definition is not of the form that is declared."""

    def __init__(self, violations: Iterable[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__("; ".join(f"{one.path}: {one.text}" for one in self.violations))


class _Bad(enum.Enum):
    """In place of a value that could not be read; why has been reported."""

    BAD = enum.auto()


BAD: Final = _Bad.BAD
Report = Callable[[str, str], None]
"""Told of each error: path and text."""


@attrs.frozen
class Kind:
    """What a field may be. ``read(value, path, report)`` reports what is wrong and returns BAD then."""

    read: Callable[[Any, str, Report], Any]
    show: Callable[[Any], Any] = lambda value: value
    #: JSON Schema, in which the classes of records stand by their names (``schemas``)
    schema: Mapping[str, Any] = attrs.Factory(dict)
    classes: tuple[type[Any], ...] = ()


class Written(enum.Enum):
    """When a field appears in what is written. None never does."""

    ALWAYS = enum.auto()
    IF_FILLED = enum.auto()
    NEVER = enum.auto()


@attrs.frozen
class Declared:
    name: str
    json_name: str
    kind: Kind
    is_required: bool
    written: Written
    is_read: bool


def field(kind: Kind, default: Any = REQUIRED, written: Written = Written.ALWAYS, is_read: bool = True) -> Any:
    """A field of that kind; without a default it must be given."""
    return attrs.field(default=default, metadata={_DECLARED: (kind, written, is_read)})


def mapping_field(kind: Kind, written: Written = Written.IF_FILLED) -> Any:
    """An object that is empty by default."""
    return attrs.field(factory=dict, metadata={_DECLARED: (kind, written, True)})


@lru_cache(maxsize=100)
def declared(cls: Any) -> tuple[Declared, ...]:
    """The fields of a class, in order."""
    found = []
    for one in attrs.fields(cls):
        kind, written, is_read = one.metadata[_DECLARED]
        found.append(Declared(one.name, _camel(one.name), kind, one.default is attrs.NOTHING, written, is_read))
    return tuple(found)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def below(path: str, name: str) -> str:
    return f"{path}/{name}"


def element(path: str, index: int) -> str:
    return f"{path}({index})"


# ---- kinds


def text(least: int = 0, most: int | None = None, pattern: str = "") -> Kind:
    compiled = re.compile(pattern, re.ASCII) if pattern else None

    def read(value: Any, path: str, report: Report) -> Any:
        if not isinstance(value, str):
            return _wrong(path, "error.expected.jsstring", report)
        if len(value) < least:
            return _wrong(path, "error.minLength", report)
        if most is not None and len(value) > most:
            return _wrong(path, "error.maxLength", report)
        if compiled is not None and not compiled.fullmatch(value):
            return _wrong(path, "error.pattern", report)
        return value

    shape = f"^{pattern}$" if pattern else None
    schema = _filled(type="string", minLength=least or None, maxLength=most, pattern=shape)
    return Kind(read, schema=schema)


def one_of(*values: str) -> Kind:
    """One of these words, in any case."""
    known = {value.lower(): value for value in values}

    def read(value: Any, path: str, report: Report) -> Any:
        if not isinstance(value, str):
            return _wrong(path, "error.expected.jsstring", report)
        return known.get(value.lower()) or _wrong(path, "error.unknown.enum.literal", report)

    return Kind(read, schema={"type": "string", "enum": list(values)})


def integer(least: int | None = None, most: int | None = None, bits: int = 32) -> Kind:
    """``bits``: what does not fit is no number for Marathon either."""
    limit = 1 << (bits - 1)

    def read(value: Any, path: str, report: Report) -> Any:
        if not _is_number(value):
            return _wrong(path, "error.expected.jsnumber", report)
        if value != int(value) or not -limit <= value < limit:
            return _wrong(path, "error.expected.int" if bits == 32 else "error.expected.long", report)
        return _bounded(int(value), least, most, path, report)

    return Kind(read, schema=_filled(type="integer", format=f"int{bits}", minimum=least, maximum=most))


def number(least: float | None = None, most: float | None = None) -> Kind:
    def read(value: Any, path: str, report: Report) -> Any:
        if not _is_number(value):
            return _wrong(path, "error.expected.jsnumber", report)
        return _bounded(float(value), least, most, path, report)

    schema = _filled(type="number", minimum=least, maximum=most)
    return Kind(read, lambda value: int(value) if abs(value) < EXACT and value == int(value) else value, schema)


def flag() -> Kind:
    def read(value: Any, path: str, report: Report) -> Any:
        return value if isinstance(value, bool) else _wrong(path, "error.expected.jsboolean", report)

    return Kind(read, schema={"type": "boolean"})


def items(kind: Kind, least: int = 0, is_set: bool = False) -> Kind:
    """A list, as a tuple. Of a set, what is there twice is there once."""

    def read(value: Any, path: str, report: Report) -> Any:
        if not isinstance(value, list):
            return _wrong(path, "error.expected.jsarray", report)
        found = [kind.read(one, element(path, index), report) for index, one in enumerate(value)]
        if BAD in found:
            return BAD
        if len(found) < least:
            return _wrong(path, "error.minLength", report)
        return tuple(dict.fromkeys(found)) if is_set else tuple(found)

    schema = _filled(type="array", items=dict(kind.schema), minItems=least or None, uniqueItems=is_set or None)
    return Kind(read, lambda value: [kind.show(one) for one in value], schema, kind.classes)


def mapping(kind: Kind) -> Kind:
    """An object whose keys are the user's."""

    def read(value: Any, path: str, report: Report) -> Any:
        if not isinstance(value, dict):
            return _wrong(path, "error.expected.jsobject", report)
        found = {name: kind.read(one, below(path, name), report) for name, one in value.items()}
        return BAD if BAD in found.values() else found

    schema = {"type": "object", "additionalProperties": dict(kind.schema)}
    return Kind(read, lambda value: {name: kind.show(one) for name, one in value.items()}, schema, kind.classes)


def with_keys(kind: Kind, pattern: str) -> Kind:
    """Such a mapping, whose keys match."""
    compiled = re.compile(pattern, re.ASCII)

    def read(value: Any, path: str, report: Report) -> Any:
        wrong = [name for name in value if not compiled.fullmatch(name)] if isinstance(value, dict) else []
        for name in wrong:
            report(below(path, name), "error.pattern")
        return BAD if wrong else kind.read(value, path, report)

    schema = {**kind.schema, "propertyNames": {"pattern": f"^{pattern}$"}}
    return Kind(read, kind.show, schema, kind.classes)


def strings() -> Kind:
    """An object of strings: labels, options."""
    return mapping(text())


def record(cls: type[Any], missing: str = "error.path.missing") -> Kind:
    """An object of such a class; ``missing`` is said of what must be given and is not."""

    def read(value: Any, path: str, report: Report) -> Any:
        if not isinstance(value, dict):
            return _wrong(path, "error.expected.jsobject", report)
        given = given_of(cls, value, path, report, missing)
        return BAD if BAD in given.values() else cls(**given)

    return Kind(read, show, {"$ref": f"{SCHEMAS}{cls.__name__}"}, (cls,))


def switch(choose: Callable[[Any], Kind], show: Callable[[Any], Any], among: Iterable[Kind]) -> Kind:
    """One of several kinds; ``choose`` tells which from what is given."""
    kinds = tuple(among)
    schema = {"anyOf": [dict(kind.schema) for kind in kinds]}
    classes = tuple(cls for kind in kinds for cls in kind.classes)
    return Kind(lambda value, path, report: choose(value).read(value, path, report), show, schema, classes)


# ---- classes


def read_as(kind: Kind, value: Any) -> Any:
    """What a kind makes of it. Raises InvalidJson, with all that is wrong."""
    found: list[Violation] = []
    made = kind.read(value, "", lambda path, text: found.append(Violation(path, text)))
    if found:
        raise InvalidJson(found)
    return made


def show(made: Any) -> dict[str, Any]:
    """JSON, with the fields that Marathon writes."""
    shown = {}
    cls: Any = type(made)
    for one in declared(cls):
        value = getattr(made, one.name)
        if value is None or one.written is Written.NEVER or (one.written is Written.IF_FILLED and not value):
            continue
        shown[one.json_name] = one.kind.show(value)
    return shown


def given_of(
    cls: Any, value: Mapping[str, Any], path: str, report: Report, missing: str = "error.path.missing"
) -> dict[str, Any]:
    """The fields of a class that are given, by name; BAD are those that could not be read."""
    found = {}
    for one in declared(cls):
        if not one.is_read:
            continue
        given = value.get(one.json_name)
        if given is not None:
            found[one.name] = one.kind.read(given, below(path, one.json_name), report)
        elif one.is_required:
            found[one.name] = _wrong(below(path, one.json_name), missing, report)
    return found


def _wrong(path: str, code: str, report: Report) -> _Bad:
    report(path or "/", code)
    return BAD


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _bounded(value: Any, least: float | None, most: float | None, path: str, report: Report) -> Any:
    if least is not None and value < least:
        return _wrong(path, "error.min", report)
    if most is not None and value > most:
        return _wrong(path, "error.max", report)
    return value


def _filled(**members: Any) -> dict[str, Any]:
    """Without those that are None."""
    return {name: value for name, value in members.items() if value is not None}
