"""Plans of changes: which steps there are, in which order, and what is done in each."""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs
import pytest

from frameworks.marathon_py.definitions import trees, versioning
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.groups import Group
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import complete_pod, read_pod
from frameworks.marathon_py.definitions.trees import Spec
from frameworks.marathon_py.deployments.plan import dependency_classes, plan
from tests.marathon.app_of import SETTINGS, app_of

T0, T1 = "2024-05-01T10:00:00.000Z", "2024-05-01T11:00:00.000Z"
POD = {"id": "/pod", "containers": [{"name": "c", "exec": {"command": {"shell": "x"}}, "resources": {}}]}


def app(path: str, **body: Any) -> App:
    return versioning.versioned(None, app_of(id=path, **{"cmd": "run", **body}), T0)


def pod(**body: Any) -> Spec:
    return versioning.versioned(None, complete_pod(read_pod({**POD, **body}), SETTINGS), T0)


def tree(*specs: Spec, **groups: Any) -> Group:
    root = Group()
    for spec in specs:
        root = trees.put(root, spec, SETTINGS)
    for path, dependencies in groups.items():
        wanted = tuple(PathId(one) for one in dependencies)
        root = trees.at(root, PathId(f"/{path}"), partial(attrs.evolve, dependencies=wanted), SETTINGS)
    return root


def changed(old: App, **fields: Any) -> App:
    return versioning.versioned(old, attrs.evolve(old, **fields), T1)


def steps(original: Group, target: Group) -> list[list[str]]:
    """Each action as ``Scale/web``."""
    return [[f"{one.kind.value}{one.spec_id}" for one in step] for step in plan(original, target).steps]


WEB, DB, CACHE = app("/web", dependencies=["/db"]), app("/db", dependencies=["/cache"]), app("/cache")
BOTH = tree(WEB, DB)

CASES: dict[str, tuple[Group, Group, list[list[str]]]] = {
    "nothing": (BOTH, BOTH, []),
    "a new app": (tree(), tree(CACHE), [["Start/cache"], ["Scale/cache"]]),
    "a new app of no instances": (tree(), tree(app("/a", instances=0)), [["Start/a"], ["Scale/a"]]),
    "what depends on something comes after it": (
        tree(), tree(WEB, CACHE, DB), [["Start/web", "Start/cache", "Start/db"], ["Scale/cache"], ["Scale/db"],
                                       ["Scale/web"]],
    ),
    "what does not exist is not waited for": (tree(), tree(WEB), [["Start/web"], ["Scale/web"]]),
    "only numbers": (BOTH, tree(changed(WEB, instances=3), DB), [["Scale/web"]]),
    "another configuration": (BOTH, tree(changed(WEB, cmd="walk"), DB), [["Restart/web"]]),
    "both": (BOTH, tree(changed(WEB, cmd="walk", instances=3), DB), [["Restart/web"]]),
    "another configuration of nothing": (BOTH, tree(changed(WEB, cmd="x", instances=0), DB), [["Scale/web"]]),
    "a restart": (BOTH, tree(versioning.versioned(WEB, WEB, T1, is_restart=True), DB), [["Restart/web"]]),
    "what is removed is removed first": (
        BOTH, tree(changed(WEB, cmd="x"), CACHE), [["Stop/db"], ["Start/cache"], ["Restart/web", "Scale/cache"]],
    ),
    "all is removed at once": (BOTH, tree(), [["Stop/web", "Stop/db"]]),
    "only what changes is there, in its place": (
        tree(WEB, DB, CACHE), tree(changed(WEB, instances=2), DB, changed(CACHE, instances=2)),
        [["Scale/cache"], ["Scale/web"]],
    ),
    "what has no versions yet": (tree(app_of(cmd="a")), tree(app_of(cmd="b")), [["Restart/web"]]),
    "a pod": (tree(), tree(pod()), [["Start/pod"], ["Scale/pod"]]),
    "a pod instead of an app": (
        tree(app("/pod")), tree(pod()), [["Stop/pod"], ["Start/pod"], ["Scale/pod"]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_steps_of_a_plan(name: str) -> None:
    original, target, expected = CASES[name]
    assert steps(original, target) == expected


def test_a_group_depends_on_a_group() -> None:
    """All that is in it, on all that is in the other; and what is below inherits that."""
    specs = [app(path) for path in ("/front/web", "/front/in/api", "/back/db", "/alone")]
    root = tree(*specs, front=["/back"])
    assert dependency_classes(root) == {"/alone": 0, "/back/db": 0, "/front/web": 1, "/front/in/api": 1}
    assert steps(Group(), root)[1:] == [["Scale/alone", "Scale/back/db"], ["Scale/front/web", "Scale/front/in/api"]]


def test_the_longest_way_counts() -> None:
    """However long: a thousand apps, each of which depends on the next."""
    chain = [app(f"/a{number}", dependencies=[f"/a{number + 1}"]) for number in range(1_000)]
    levels = dependency_classes(tree(*chain, app("/b", dependencies=["/a999", "/a0"])))
    assert [levels[PathId("/a999")], levels[PathId("/a0")], levels[PathId("/b")]] == [0, 999, 1_000]


def test_as_clients_see_it() -> None:
    shown = plan(tree(DB), tree(changed(DB, cmd="x"), pod())).show()
    assert shown == {"steps": [
        {"actions": [{"action": "StartPod", "pod": "/pod"}]},
        {"actions": [{"action": "RestartApplication", "app": "/db"}, {"action": "ScalePod", "pod": "/pod"}]},
    ]}  # fmt: skip
