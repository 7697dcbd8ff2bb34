"""JSON Schema of definitions, from their fields: for documents, not for judging what people send."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from frameworks.marathon_py.definitions.fields import declared


def schemas(classes: Iterable[type[Any]]) -> dict[str, dict[str, Any]]:
    """Of these and of all they refer to, by name."""
    found: dict[str, Any] = {}
    left = list(classes)
    while left:
        cls = left.pop(0)
        if found.setdefault(cls.__name__, cls) is not cls:
            raise ValueError(f"two classes are called {cls.__name__}")
        left += [inner for one in declared(cls) for inner in one.kind.classes if found.get(inner.__name__) is not inner]
    return {name: schema(cls) for name, cls in sorted(found.items())}


def schema(cls: Any) -> dict[str, Any]:
    """Of one class; those it refers to have their own."""
    properties: dict[str, dict[str, Any]] = {}
    for one, attribute in zip(declared(cls), attrs.fields(cls), strict=True):
        about = dict(one.kind.schema)
        if attribute.default not in (attrs.NOTHING, None, (), "") and not hasattr(attribute.default, "factory"):
            about["default"] = one.kind.show(attribute.default)
        if not one.is_read:
            about["readOnly"] = True
        properties[one.json_name] = about
    required = [one.json_name for one in declared(cls) if one.is_required]
    description = (cls.__doc__ or "").strip().partition("\n")[0]
    made: dict[str, Any] = {"type": "object", "description": description, "properties": properties}
    return made | ({"required": required} if required else {})
