"""Plans of random changes: what something depends on comes before it, everything is done once, and all can be taken
back."""

from __future__ import annotations

from functools import partial
from random import Random

import attrs
import pytest

from frameworks.marathon_py.definitions import groups, trees, versioning
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.groups import Group
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.deployments.plan import Kind, plan
from frameworks.marathon_py.deployments.rollback import reverted
from tests.marathon.app_of import SETTINGS, app_of

T0, T1 = "2024-05-01T10:00:00.000Z", "2024-05-01T11:00:00.000Z"
PATHS = [PathId(path) for path in ("/a", "/b", "/g/a", "/g/b", "/g/in/a", "/h/a", "/h/b")]
APP = app_of(cmd="run")


def tree(rng: Random, old: Group | None, version: str) -> Group:
    """Whatever depends on something depends on what comes later in ``PATHS``, so that there is no circle."""
    root = Group()
    for place, path in enumerate(PATHS):
        former = old.spec(path) if old is not None else None
        if rng.random() < 0.3:
            continue
        if isinstance(former, App) and rng.random() < 0.4:
            root = trees.put(root, former, SETTINGS)
            continue
        later = [one for one in PATHS[place + 1 :] if rng.random() < 0.3]
        app = attrs.evolve(APP, id=path, instances=rng.randint(0, 2), cmd=rng.choice(("run", "walk")))
        app = attrs.evolve(app, dependencies=tuple(later))
        app = versioning.versioned(former if isinstance(former, App) else None, app, version)
        root = trees.put(root, app, SETTINGS)
    if rng.random() < 0.5:
        root = trees.at(root, PathId("/g"), partial(attrs.evolve, dependencies=(PathId("/h"),)), SETTINGS)
    return trees.stamped(old, root, version)


def content(root: Group) -> dict[str, object]:
    """Without what is only the order in which things came to be there."""
    specs = {spec.id: (spec.version, spec) for spec in root.all_specs()}
    return {**specs, **{f"{one.id}/": (one.dependencies, one.enforce_role) for one in root.walk()}}


@pytest.mark.parametrize("seed", range(60))
def test_any_change_of_any_tree(seed: int) -> None:
    rng = Random(seed)
    original = tree(rng, None, T0)
    target = tree(rng, original, T1)
    assert groups.cycle(target) == ()
    made = plan(original, target)
    at = {}
    for number, step in enumerate(made.steps):
        for action in step:
            if action.kind in (Kind.SCALE, Kind.RESTART):
                assert action.spec_id not in at, "done twice"
                at[action.spec_id] = number
            elif action.kind is Kind.STOP:
                assert number == 0
                assert target.spec(action.spec_id) is None
    for path, needs in groups.dependencies(target).items():
        assert all(at[need] < at[path] for need in needs if need in at and path in at)
    changed = {path for path, (old, new) in trees.differences(original, target).items() if new is not None}
    same = {one.id for one in original.all_specs() if target.spec(PathId(one.id)) == one}
    assert changed - same >= at.keys()
    assert content(reverted(target, made, SETTINGS)) == content(original)
    assert plan(target, target).steps == ()
