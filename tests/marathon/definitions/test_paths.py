"""Ids: what they are seen from a group, what they are called elsewhere, what is wrong with them."""

from __future__ import annotations

import pytest

from frameworks.marathon_py.definitions import paths
from frameworks.marathon_py.definitions.paths import PathId


@pytest.mark.parametrize(
    ("path", "base", "expected"),
    [
        ("web", "/", "/web"), ("/web", "/shop", "/web"), ("web", "/shop", "/shop/web"), ("../db", "/shop", "/db"),
        ("../../../db", "/shop", "/db"), ("./web", "/shop", "/shop/web"), ("a/../b", "/", "/b"), ("..", "/a/b", "/a"),
        ("/a//b/", "/", "/a/b"), ("/", "/a", "/"), ("", "/a", "/a"),
    ],
)  # fmt: skip
def test_ids_seen_from_a_group(path: str, base: str, expected: str) -> None:
    """Nothing leads above the root, and what is absolute stays so."""
    assert paths.absolute(path, base) == expected


def test_an_id_under_other_names() -> None:
    """In ids of instances, and as Mesos' name of its tasks."""
    web = PathId("/shop/front/web")
    assert paths.safe(web) == "shop_front_web"
    assert paths.from_safe("shop_front_web") == web
    assert paths.task_name(web) == "web.front.shop"


def test_groups_of_an_id() -> None:
    """From its own to the root."""
    assert list(paths.parents(PathId("/a/b/c"))) == ["/a/b", "/a", "/"]
    assert list(paths.parents(paths.ROOT)) == []
    assert paths.is_below(PathId("/a/b"), PathId("/a"))
    assert paths.is_below(PathId("/a"), paths.ROOT)
    assert not paths.is_below(PathId("/ab"), PathId("/a"))
    assert not paths.is_below(PathId("/a"), PathId("/a"))


FORM = f"must fully match regular expression '{paths.SEGMENT}'"
KEYWORDS = "must not end with any of the following reserved keywords: restart, tasks, versions, ., .."


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/b-1/c.d", []), ("/restart/a", []), ("/A", [FORM]), ("/a_b", [FORM]), ("/-a", [FORM]), ("/a-", [FORM]),
        ("/a..b", [FORM]), ("/a b", [FORM]), ("/a/versions", [KEYWORDS]), ("a", ["Path needs to be absolute"]),
        ("/", ["Path must contain at least one path element"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_id(path: str, expected: list[str]) -> None:
    """Segments are as DNS has them; the API's own words are reserved at the end."""
    assert list(paths.problems_of_own(path)) == expected
