"""Trees of groups, changed: something is put in, or taken out; what is not touched is the same object as before.

So what two trees have in common is found by looking at what they do not share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import attrs

from frameworks.marathon_py.definitions import paths
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.groups import Group, new
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import Pod
from frameworks.marathon_py.definitions.settings import Settings

Spec = App | Pod
S = TypeVar("S", App, Pod)
Difference = tuple[Spec | None, Spec | None]
"""Of one id: before and after."""


def put(root: Group, spec: Spec, settings: Settings) -> Group:
    """The app, or the pod, is in its group, which is made if need be. An empty group of its name makes room."""
    return put_all(root, [spec], settings)


def put_all(root: Group, specs: Iterable[Spec], settings: Settings) -> Group:
    """Likewise all of them; each group is changed once."""
    by_parent: dict[PathId, dict[str, Spec]] = {}
    for spec in specs:
        by_parent.setdefault(paths.parent(PathId(spec.id)), {})[spec.id] = spec
    for path, there in by_parent.items():
        root = at(root, path, partial(_put, there), settings)
    return root


def _put(specs: Mapping[str, Spec], group: Group) -> Group:
    apps = {id: spec for id, spec in specs.items() if isinstance(spec, App)}
    pods = {id: spec for id, spec in specs.items() if isinstance(spec, Pod)}
    groups = tuple(one for one in group.groups if one.id not in specs or not one.is_empty)
    return attrs.evolve(group, apps=_with(group.apps, apps), pods=_with(group.pods, pods), groups=groups)


def _with(specs: tuple[S, ...], given: dict[str, S]) -> tuple[S, ...]:
    known = {one.id for one in specs}
    others = [one for id, one in given.items() if id not in known]
    return tuple([given.get(one.id, one) for one in specs] + others)


def take(root: Group, path: PathId, settings: Settings) -> Group:
    """The app or the pod is gone; its group stays."""

    def change(group: Group) -> Group:
        apps = tuple(one for one in group.apps if one.id != path)
        pods = tuple(one for one in group.pods if one.id != path)
        return attrs.evolve(group, apps=apps, pods=pods)

    return at(root, paths.parent(path), change, settings)


def put_group(root: Group, group: Group, settings: Settings) -> Group:
    """The group is where its id says, instead of what was there."""
    return at(root, group.id, lambda _: group, settings)


def take_group(root: Group, path: PathId, settings: Settings) -> Group:
    """The group is gone, with everything in it. Of the root only what is in it."""
    if path == paths.ROOT:
        return attrs.evolve(root, apps=(), pods=(), groups=(), dependencies=())

    def change(group: Group) -> Group:
        return attrs.evolve(group, groups=tuple(one for one in group.groups if one.id != path))

    return at(root, paths.parent(path), change, settings)


def at(group: Group, path: PathId, change: Callable[[Group], Group], settings: Settings) -> Group:
    """The tree in which the group of that id has changed; groups on the way there are made if need be."""
    if group.id == path:
        return change(group)
    below = paths.joined(paths.segments(path)[: len(paths.segments(group.id)) + 1])
    known = next((one for one in group.groups if one.id == below), None)
    inner = at(known or new(below, settings), path, change, settings)
    if known is None:
        return attrs.evolve(group, groups=(*group.groups, inner))
    return attrs.evolve(group, groups=tuple(inner if one is known else one for one in group.groups))


def differences(old: Group | None, after: Group | None) -> dict[PathId, Difference]:
    """Apps and pods that are not the same object in both, by id."""
    found: dict[PathId, Difference] = {}
    _compare(old, after, found)
    return found


def _compare(old: Group | None, after: Group | None, found: dict[PathId, Difference]) -> None:
    if old is after:
        return
    before = {PathId(one.id): one for one in old.specs} if old is not None else {}
    for spec in after.specs if after is not None else ():
        former = before.pop(PathId(spec.id), None)
        if former is not spec:
            found[PathId(spec.id)] = former, spec
    for path, gone in before.items():
        found[path] = gone, None
    groups = {one.id: one for one in old.groups} if old is not None else {}
    for group in after.groups if after is not None else ():
        _compare(groups.pop(group.id, None), group, found)
    for former_group in groups.values():
        _compare(former_group, None, found)


def stamped(old: Group | None, after: Group, version: str) -> Group:
    """The tree in which groups that are as they were are the same objects, and all others have that version."""
    before = {one.id: one for one in old.groups} if old is not None else {}
    groups = tuple(stamped(before.get(one.id), one, version) for one in after.groups)
    if old is not None and _is_same(old, after) and _are_identical(old.groups, groups):
        return old
    return attrs.evolve(after, groups=groups, version=version)


def _is_same(old: Group, after: Group) -> bool:
    """But for the groups below."""
    rules = old.dependencies == after.dependencies and old.enforce_role is after.enforce_role
    return rules and _are_identical(old.specs, after.specs)


def _are_identical(some: Sequence[object], others: Sequence[object]) -> bool:
    return len(some) == len(others) and all(one is other for one, other in zip(some, others, strict=True))


def replaced(group: Group, specs: Mapping[PathId, Spec]) -> Group:
    """The tree in which the specs of these ids, which are there, are others of their kind."""
    if not specs:
        return group
    return attrs.evolve(
        group,
        apps=tuple(_of(specs, one) for one in group.apps),
        pods=tuple(_of(specs, one) for one in group.pods),
        groups=tuple(replaced(one, specs) for one in group.groups),
    )


def _of(specs: Mapping[PathId, Spec], spec: S) -> S:
    found = specs.get(PathId(spec.id))
    return found if isinstance(found, type(spec)) else spec
