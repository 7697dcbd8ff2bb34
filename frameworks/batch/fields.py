"""How definitions are declared: one field is one line, from which reading, writing and their description follow.

    @attrs.frozen(kw_only=True)
    class Retry:
        max: int = field(integer(0, 1000), 0, "How often a failed task is run again.")

``read`` makes such a class of JSON, ``show`` is its inverse and leaves out what is as by default, ``schema`` describes
it (OpenAPI 3.1). Whatever is wrong is said with the path at which it stands: ``jobs[2].retry.max: must be 0 to 1000``.
"""

from __future__ import annotations

import contextlib
import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

import attrs

_KIND = "frameworks.batch.kind"
REQUIRED: Final = attrs.NOTHING

T = TypeVar("T")


class Invalid(ValueError):
    """A definition makes no sense; ``path`` is where."""

    def __init__(self, path: str, text: str) -> None:
        super().__init__(f"{path}: {text}" if path else text)
        self.path = path
        self.text = text


@attrs.frozen
class Kind:
    """What a field may be. ``read(value, path)`` raises Invalid, or ValueError without a path."""

    schema: Mapping[str, Any]
    read: Callable[[Any, str], Any]
    show: Callable[[Any], Any] = lambda value: value


def field(kind: Kind, default: Any = REQUIRED, doc: str = "") -> Any:
    """A field of that kind; without a default it must be given."""
    return attrs.field(default=default, metadata={_KIND: (kind, doc)})


# ---- kinds


def text(most: int = 1_000, pattern: str = "", what: str = "", least: int = 0) -> Kind:
    """A string that is not too long; ``what`` says in words what ``pattern`` admits."""
    compiled = re.compile(pattern, re.ASCII) if pattern else None

    def read(value: Any, path: str) -> str:
        if not isinstance(value, str):
            raise ValueError(f"must be a string, not {_shown(value)}")
        if not least <= len(value) <= most:
            raise ValueError(f"must be {least} to {most} characters, not {len(value)}")
        if compiled is not None and not compiled.fullmatch(value):
            raise ValueError(f"'{value}' must be {what}")
        if "\0" in value:
            raise ValueError("must not contain NUL")
        return value

    return Kind({"type": "string", "maxLength": most} | ({"pattern": pattern} if pattern else {}), read)


def one_of(*values: str) -> Kind:
    def read(value: Any, path: str) -> str:
        if value not in values or not isinstance(value, str):
            raise ValueError(f"must be {_listed(values)}, not {_shown(value)}")
        return value

    return Kind({"type": "string", "enum": list(values)}, read)


def integer(least: int, most: int) -> Kind:
    def read(value: Any, path: str) -> int:
        if type(value) is not int:
            raise ValueError(f"must be a whole number, not {_shown(value)}")
        if not least <= value <= most:
            raise ValueError(f"must be {least} to {most}, not {value}")
        return value

    return Kind({"type": "integer", "minimum": least, "maximum": most}, read)


def number(least: float, most: float) -> Kind:
    def read(value: Any, path: str) -> float:
        if type(value) not in (int, float) or not math.isfinite(value):
            raise ValueError(f"must be a number, not {_shown(value)}")
        if not least <= value <= most:
            raise ValueError(f"must be {least:g} to {most:g}, not {value:g}")
        return float(value)

    return Kind(
        {"type": "number", "minimum": least, "maximum": most}, read,
        lambda value: int(value) if value == int(value) else value,
    )  # fmt: skip


def flag() -> Kind:
    def read(value: Any, path: str) -> bool:
        if not isinstance(value, bool):
            raise ValueError(f"must be true or false, not {_shown(value)}")
        return value

    return Kind({"type": "boolean"}, read)


def optional(kind: Kind) -> Kind:
    """Or nothing at all."""
    return Kind(
        {"anyOf": [dict(kind.schema), {"type": "null"}]},
        lambda value, path: None if value is None else kind.read(value, path),
        lambda value: None if value is None else kind.show(value),
    )


def items(kind: Kind, most: int) -> Kind:
    """A list of them, as a tuple."""

    def read_all(value: Any, path: str) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError(f"must be a list, not {_shown(value)}")
        if len(value) > most:
            raise ValueError(f"must be at most {most}, not {len(value)}")
        return tuple([_read(kind, one, f"{path}[{index}]") for index, one in enumerate(value)])

    return Kind(
        {"type": "array", "maxItems": most, "items": dict(kind.schema)}, read_all,
        lambda value: [kind.show(one) for one in value],
    )  # fmt: skip


def strings(most: int = 1_000, length: int = 131_072) -> Kind:
    """An object of strings, as a tuple of pairs in order of their names. 128 KiB: Linux' MAX_ARG_STRLEN."""
    name, content = text(255, least=1), text(length)

    def read_all(value: Any, path: str) -> tuple[tuple[str, str], ...]:
        if not isinstance(value, Mapping):
            raise ValueError(f"must be an object of strings, not {_shown(value)}")
        if len(value) > most:
            raise ValueError(f"must be at most {most}, not {len(value)}")
        pairs = [(_read(name, key, path), _read(content, one, f"{path}.{key}")) for key, one in value.items()]
        return tuple(sorted(pairs))

    return Kind({"type": "object", "additionalProperties": {"type": "string"}}, read_all, dict)


def made_by(kind: Kind, make: Callable[[Any], Any], show: Callable[[Any], Any] = str) -> Kind:
    """What ``make`` makes of it; ``make`` raises ValueError for what makes no sense."""
    return Kind(kind.schema, lambda value, path: make(kind.read(value, path)), lambda made: kind.show(show(made)))


def record(cls: type[Any]) -> Kind:
    """An object of another such class."""
    return Kind({"$ref": f"#/components/schemas/{cls.__name__}"}, lambda value, path: read(cls, value, path), show)


# ---- classes


def read(cls: type[T], value: Any, path: str = "") -> T:
    """The definition that ``value`` is. Raises Invalid."""
    if not isinstance(value, Mapping):
        raise Invalid(path, f"must be an object, not {_shown(value)}")
    declared = attrs.fields_dict(cls)  # type: ignore[arg-type]
    made: dict[str, Any] = {}
    for name, one in value.items():
        if name not in declared:
            near = difflib.get_close_matches(str(name), declared, 1)
            raise Invalid(path, f"unknown field '{name}'" + (f"; did you mean '{near[0]}'?" if near else ""))
        made[name] = _read(declared[name].metadata[_KIND][0], one, _below(path, name))
    for name, attribute in declared.items():
        if attribute.default is attrs.NOTHING and name not in made:
            raise Invalid(path, f"'{name}' is missing")
    try:
        return cls(**made)
    except Invalid as error:
        raise Invalid(_below(path, error.path), error.text) from None
    except ValueError as error:
        raise Invalid(path, str(error)) from None


def readable(cls: type[Any], value: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Those of the fields that are there and make sense, each by itself."""
    declared, found = attrs.fields_dict(cls), {}
    for name in names:
        if name in value:
            with contextlib.suppress(ValueError):
                found[name] = _read(declared[name].metadata[_KIND][0], value[name], name)
    return found


def show(made: Any) -> dict[str, Any]:
    """JSON that ``read`` makes the same of, without what is as by default."""
    shown = {}
    for attribute in attrs.fields(type(made)):
        value = getattr(made, attribute.name)
        if value != attribute.default:
            shown[attribute.name] = attribute.metadata[_KIND][0].show(value)
    return shown


def schema(cls: type[Any]) -> dict[str, Any]:
    """Of one class; those it refers to have their own."""
    properties, required = {}, []
    for attribute in attrs.fields(cls):
        kind, doc = attribute.metadata[_KIND]
        properties[attribute.name] = dict(kind.schema) | ({"description": doc} if doc else {})
        if attribute.default is attrs.NOTHING:
            required.append(attribute.name)
        elif attribute.default not in (None, ()) and not isinstance(attribute.default, attrs.Factory):  # type: ignore[arg-type]
            properties[attribute.name]["default"] = kind.show(attribute.default)
    description = (cls.__doc__ or "").strip().partition("\n")[0]
    made: dict[str, Any] = {"type": "object", "description": description, "properties": properties}
    return made | ({"required": required} if required else {}) | {"additionalProperties": False}


def _read(kind: Kind, value: Any, path: str) -> Any:
    try:
        return kind.read(value, path)
    except Invalid:
        raise
    except ValueError as error:
        raise Invalid(path, str(error)) from None


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name


def _shown(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", type(None): "null"}
    found = kinds.get(type(value))
    return found if found is not None else repr(value)[:80]


def _listed(values: tuple[str, ...]) -> str:
    return f"{', '.join(values[:-1])} or {values[-1]}" if len(values) > 1 else values[0]
