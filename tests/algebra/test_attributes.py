"""Attributes: found by name, and shown."""

from __future__ import annotations

from mesos_py.algebra.attributes import find, shown
from mesos_py.algebra.parse import parse_attributes
from mesos_py.wire.value import Attribute, Value


def test_find_and_show() -> None:
    """The first of a name counts."""
    attributes = parse_attributes("rack:r7;level:3;ports:[9-10,1-2];rack:r8")
    assert {name: shown(found) for name in ("rack", "level", "ports") if (found := find(attributes, name))} == {
        "rack": "r7",
        "level": 3.0,
        "ports": "[1-2, 9-10]",
    }
    assert find(attributes, "zone") is None
    assert shown(Attribute(name="s", type=Value.Type.SET, set=Value.Set(item=("b", "a")))) == "{b, a}"
    assert shown(Attribute(name="empty", type=Value.Type.TEXT)) == ""
