"""Attributes: found by name, shown, and compared across a restart of the agent."""

from __future__ import annotations

import pytest

from mesos_py.algebra.attributes import find, is_superset, shown
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


@pytest.mark.parametrize(
    ("old", "new", "additive"),
    [
        ("", "", True),
        ("", "rack:r7", True),
        ("rack:r7", "rack:r7;zone:z", True),
        ("rack:r7", "", False),
        ("rack:r7", "rack:r8", False),
        ("rack:r7", "rack:7", False),
        ("level:3", "level:3.0001", True),
        ("level:3", "level:4", False),
        ("ports:[1-5]", "ports:[1-6]", True),
        ("ports:[1-5]", "ports:[1-4]", False),
    ],
)
def test_additive(old: str, new: str, additive: bool) -> None:
    """Mesos' reconfiguration policy: new attributes are free, old ones must stay what they were."""
    assert is_superset(parse_attributes(new), parse_attributes(old)) == additive
