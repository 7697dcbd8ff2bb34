"""Groups: what becomes of an update, which roles they allow, what holds in the whole tree."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from frameworks.marathon_py.definitions import groups
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.fields import InvalidJson
from frameworks.marathon_py.definitions.groups import Group, GroupUpdate, read_update, updated
from frameworks.marathon_py.definitions.paths import ROOT, PathId
from frameworks.marathon_py.definitions.pods import Pod, complete_pod, read_pod
from tests.marathon.app_of import SETTINGS

CYCLE = ("/", "Dependency graph has cyclic dependencies.")


def tree(body: dict[str, Any], before: Group | None = None) -> Group:
    return updated(before or Group(), read_update(body), SETTINGS)


def app(name: str, *dependencies: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "cmd": "run", "dependencies": list(dependencies), **more}


def names(root: Group) -> list[str]:
    return [one.id for one in root.all_specs()]


SHOP = {
    "apps": [app("cron")],
    "groups": [
        {"id": "shop", "apps": [app("web", "db")], "groups": [{"id": "back", "apps": [app("db", instances=3)]}]},
    ],
}  # fmt: skip


def test_a_tree() -> None:
    """Ids are seen from the group that they stand in; everything is found by its id."""
    root = tree(SHOP)
    assert names(root) == ["/cron", "/shop/web", "/shop/back/db"]
    assert [one.id for one in root.walk()] == ["/", "/shop", "/shop/back"]
    back = root.group(PathId("/shop/back"))
    assert back is not None
    assert back.spec(PathId("/shop/back/db")) == root.spec(PathId("/shop/back/db"))
    assert root.group(PathId("/shop/none")) is None
    assert root.spec(PathId("/shop/back")) is None
    assert root.spec(PathId("/none/web")) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ["/cron", "/shop/web", "/shop/back/db"]),
        ({"apps": []}, ["/shop/web", "/shop/back/db"]),
        ({"apps": [app("other")]}, ["/other", "/shop/web", "/shop/back/db"]),
        ({"groups": []}, ["/cron"]),
        ({"groups": [{"id": "shop"}]}, ["/cron", "/shop/web", "/shop/back/db"]),
        ({"groups": [{"id": "/shop", "apps": [app("/shop/new")]}]}, ["/cron", "/shop/new", "/shop/back/db"]),
        ({"groups": [{"id": "shop", "groups": []}, {"id": "x", "apps": [app("y")]}]}, ["/cron", "/shop/web", "/x/y"]),
    ],
)  # fmt: skip
def test_what_is_not_listed(body: dict[str, Any], expected: list[str]) -> None:
    """Where apps or groups are listed, others are gone; where none are, all stay."""
    assert names(tree(body, tree(SHOP))) == expected


def test_scaling_a_group() -> None:
    """All that is below, rounded up."""
    root = tree({"scaleBy": 1.5}, tree(SHOP))
    assert [one.instances for one in root.all_specs()] == [2, 2, 5]
    assert [one.instances for one in tree({"scaleBy": 0}, root).all_specs()] == [0, 0, 0]


@pytest.mark.parametrize(
    ("body", "path", "text"),
    [
        ({"apps": [{"cmd": "run"}]}, "/apps(0)/id", "error.path.missing"),
        ({"apps": ["a"]}, "/apps(0)", "error.expected.jsobject"),
        ({"groups": [{"id": "g", "apps": [app("a", instances="1")]}]}, "/groups(0)/apps(0)/instances",
         "error.expected.jsnumber"),
        ({"groups": [{"id": "g", "apps": [app("a", ports=["1"])]}]}, "/groups(0)/apps(0)/ports(0)",
         "error.expected.jsnumber"),
        ({"scaleBy": -1}, "/scaleBy", "error.min"),
    ],
)  # fmt: skip
def test_an_update_that_has_not_the_form(body: dict[str, Any], path: str, text: str) -> None:
    """Paths lead through the tree."""
    with pytest.raises(InvalidJson) as caught:
        read_update(body)
    assert [(one.path, one.text) for one in caught.value.violations] == [(path, text)]


def test_a_tree_that_is_too_deep() -> None:
    """It is refused, and not followed to its end."""
    body: dict[str, Any] = {}
    for _ in range(groups.DEPTH_MAX + 2):
        body = {"id": "g", "groups": [body]}
    with pytest.raises(InvalidJson, match=f"groups may be nested at most {groups.DEPTH_MAX} deep"):
        read_update(body)


@pytest.mark.parametrize(
    ("body", "path", "text"),
    [
        ({"apps": [app("/other/a")]}, "/apps(0)/id", "Identifier is not child of '/shop'"),
        ({"apps": [app("a/b")]}, "/apps(0)/id", "Identifier is not child of '/shop'"),
        ({"groups": [{"id": "../a"}]}, "/groups(0)/id", "Identifier is not child of '/shop'"),
        ({"groups": [{}]}, "/groups(0)/id", "not defined"),
        ({"groups": [{"id": "a", "enforceRole": True}]}, "/groups(0)/enforceRole",
         "enforceRole can only be set for top-level groups, and /shop/a is not top-level"),
        ({"groups": [{"id": "a", "apps": [app("b", ports=[1, 1])]}]}, "/groups(0)/apps(0)", "ports must be unique"),
        ({"apps": [app("b", uris=["a"], fetch=[{"uri": "a"}])]}, "/apps(0)/uris",
         "may not be set in conjunction with fetch"),
    ],
)  # fmt: skip
def test_an_update_that_lists_what_it_may_not(body: dict[str, Any], path: str, text: str) -> None:
    """What is listed is below the group."""
    found = list(groups.violations_of_update(read_update(body), PathId("/shop")))
    assert [(one.path, one.text) for one in found] == [(path, text)]


def test_roles_of_groups() -> None:
    """A top-level group may give its name as the role; else the operator's is the default."""
    body = {"id": "shop", "apps": [app("web")], "groups": [{"id": "in", "apps": [app("db"), app("own", role="x")]}]}
    for enforce, expected in ((True, ["shop", "shop", "x"]), (False, ["marathon", "marathon", "x"])):
        root = tree({"groups": [body | {"enforceRole": enforce}]})
        assert [one.role for one in root.all_specs()] == expected
        assert groups.default_role(root, PathId("/shop/in/new"), SETTINGS) == expected[0]
    assert groups.default_role(tree({}), PathId("/web"), SETTINGS) == "marathon"


def test_new_groups_enforce_their_role_if_the_operator_says_so() -> None:
    """--new_group_enforce_role=top, unless the group says otherwise; groups that exist keep what they have."""
    settings = attrs.evolve(SETTINGS, new_group_enforce_role="top")
    update = read_update({"groups": [
        {"id": "a", "apps": [app("x")], "groups": [{"id": "in"}]},
        {"id": "b", "apps": [app("x")], "enforceRole": False}, {"id": "shop", "apps": [app("x")]},
    ]})  # fmt: skip
    root = updated(tree({"groups": [{"id": "shop"}]}), update, settings)
    assert [one.role for one in root.all_specs()] == ["a", "marathon", "marathon"]
    assert [one.id for one in root.walk() if one.enforce_role] == ["/a"]
    assert groups.allowed_roles(root, PathId("/new/x"), settings) == ("new",)


@pytest.mark.parametrize(
    ("path", "enforce", "allowed", "text"),
    [
        ("/web", True, ("marathon",), "got bad, expected marathon"),
        ("/shop/new", True, ("shop",), "got bad, expected shop"),
        ("/shop/new", False, ("marathon", "shop"), "got bad, expected one of: [marathon, shop]"),
        ("/shop/old", True, ("shop", "x"), "got bad, expected one of: [shop, x]"),
        ("/none/new", True, ("marathon", "none"), "got bad, expected one of: [marathon, none]"),
    ],
)
def test_roles_that_an_app_may_have(path: str, enforce: bool, allowed: tuple[str, ...], text: str) -> None:
    """Its group's, the operator's unless the group forbids it, and the one it has."""
    root = tree({"groups": [{"id": "shop", "enforceRole": enforce, "apps": [app("old", role="x")]}]})
    assert groups.allowed_roles(root, PathId(path), SETTINGS) == allowed
    made = App(id=path, cmd="run", role="bad")
    found = groups.role_violation(made, allowed)
    assert found is not None
    assert (found.path, found.text) == ("/role", text)
    assert groups.role_violation(attrs.evolve(made, role=allowed[0]), allowed) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (SHOP, []),
        ({"apps": [app("a"), app("/a")]}, [("/", "Applications may not have the same identifier.")]),
        ({"apps": [app("a")], "groups": [{"id": "a", "apps": [app("b")]}]},
         [("/", "Groups and Applications may not have the same identifier.")]),
        ({"apps": [app("a")], "groups": [{"id": "a", "groups": [{"id": "b"}]}]}, []),
        ({"apps": [app("a", "b"), app("b", "a")]}, [CYCLE]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_tree(body: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """An id is one thing; a group in which nothing runs stands in nobody's way."""
    assert [(one.path, one.text) for one in groups.violations(tree(body))] == expected


def pod(path: str) -> Pod:
    given = read_pod({"id": path, "containers": [{"name": "a", "resources": {}}]})
    return complete_pod(given, SETTINGS)


def test_pods_are_in_groups() -> None:
    """An update of a group leaves its pods alone; they clash with what has their id, and are depended on."""
    root = attrs.evolve(tree({"apps": [app("web", "/db")]}), pods=(pod("db"),))
    assert names(root) == ["/web", "/db"]
    assert names(tree({"apps": []}, root)) == ["/db"]
    assert [one.instances for one in tree({"scaleBy": 2}, root).all_specs()] == [2, 1]
    assert groups.dependencies(root) == {"/web": ("/db",), "/db": ()}
    assert list(groups.violations(root)) == []
    for update, text in (
        ({"apps": [app("db")]}, "Applications and Pods may not share the same id"),
        ({"groups": [{"id": "db", "apps": [app("a")]}]}, "Groups and Pods may not have the same identifier."),
    ):
        assert [(one.path, one.text) for one in groups.violations(tree(update, root))] == [("/", text)]


def test_dependencies() -> None:
    """On a group: on all below it; of a group: of all below it; on what does not exist: on nothing.

    Those of a group are relative to it.
    """
    root = tree({
        "apps": [app("cron", "/data", "/none")],
        "groups": [
            {"id": "data", "apps": [app("db"), app("cache", "db")]},
            {"id": "front", "dependencies": ["../data"], "apps": [app("web", "/cron")], "groups": [
                {"id": "in", "dependencies": ["../web"], "apps": [app("x")]}]},
        ],
    })  # fmt: skip
    assert groups.dependencies(root) == {
        "/cron": ("/data/db", "/data/cache"), "/data/db": (), "/data/cache": ("/data/db",),
        "/front/web": ("/cron", "/data/db", "/data/cache"),
        "/front/in/x": ("/data/db", "/data/cache", "/front/web"),
    }  # fmt: skip
    assert groups.cycle(root) == ()


@pytest.mark.parametrize(
    ("apps", "expected"),
    [
        ([app("a", "a")], ("/a",)),
        ([app("a", "b"), app("b", "c"), app("c", "b")], ("/b", "/c")),
        ([app("a", "b", "c"), app("b", "d"), app("c", "d"), app("d")], ()),
        ([app(f"a{n}", f"a{n + 1}") for n in range(3000)], ()),
        ([app(f"a{n}", f"a{(n + 1) % 3}") for n in range(3)], ("/a0", "/a1", "/a2")),
    ],
    ids=["of one", "further on", "a diamond", "a long chain", "of three"],
)
def test_circles_are_named(apps: list[dict[str, Any]], expected: tuple[str, ...]) -> None:
    """Each depends on the next, the last on the first; chains may be longer than the interpreter's stack."""
    assert groups.cycle(tree({"apps": apps})) == expected


def test_an_update_says_only_what_it_says() -> None:
    """What is absent, or null, is None."""
    assert read_update({"id": None, "unheard_of": 1}) == GroupUpdate()
    assert Group().is_empty
    assert Group().id == ROOT
