"""Groups: a tree of apps and pods, and what holds in the whole of it.

A group is a value, as is what is in it: a change makes another tree. What people send about a group is a
``GroupUpdate``, which says nothing of pods; ``updated`` makes the group of it that is meant. The rules of a tree are
``violations``: ids that clash, dependencies in a circle. Roles that a group does not allow: ``role_violation``.

Source: mesosphere/marathon .../state/Group.scala, RootGroup.scala, .../util/RoleSettings.scala,
.../core/group/GroupConversion.scala.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import attrs

from frameworks.marathon_py.definitions import legacy, paths
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.complete import complete
from frameworks.marathon_py.definitions.fields import (
    BAD,
    SCHEMAS,
    Kind,
    Report,
    Violation,
    element,
    field,
    flag,
    items,
    number,
    read_as,
    record,
    text,
)  # fmt: skip
from frameworks.marathon_py.definitions.paths import PATH_ID, ROOT, PathId
from frameworks.marathon_py.definitions.pods import Pod
from frameworks.marathon_py.definitions.settings import Settings

DEPTH_MAX = 50  # of groups in groups; Marathon has none, and overflows its stack
SCALED_MAX = 1e9  # instances; more than rules let pass, and a number
CYCLE = "Dependency graph has cyclic dependencies."


@attrs.frozen(kw_only=True)
class Group:
    """Apps, pods, and groups below it; ids are absolute. ``version`` is a timestamp."""

    id: PathId = ROOT
    apps: tuple[App, ...] = ()
    pods: tuple[Pod, ...] = ()
    groups: tuple[Group, ...] = ()
    dependencies: tuple[PathId, ...] = ()
    #: of a top-level group: its services have its name as their role
    enforce_role: bool = False
    version: str = ""

    @property
    def specs(self) -> tuple[App | Pod, ...]:
        """What runs in it, not below it."""
        return (*self.apps, *self.pods)

    @property
    def is_empty(self) -> bool:
        """Nothing runs in it."""
        return not self.specs and all(group.is_empty for group in self.groups)

    def walk(self) -> Iterator[Group]:
        """It and all groups below it, parents first."""
        yield self
        for group in self.groups:
            yield from group.walk()

    def all_specs(self) -> Iterator[App | Pod]:
        for group in self.walk():
            yield from group.specs

    def group(self, path: PathId) -> Group | None:
        found: Group | None = self
        while found is not None and found.id != path:
            found = next((one for one in found.groups if one.id == path or paths.is_below(path, one.id)), None)
        return found

    def spec(self, path: PathId) -> App | Pod | None:
        """The app or the pod of this id."""
        group = self.group(paths.parent(path))
        return next((one for one in group.specs if one.id == path), None) if group is not None else None


# ---- what people send


def _read_nested(value: Any, path: str, report: Report) -> Any:
    if path.count("/groups(") > DEPTH_MAX:
        report(path, f"groups may be nested at most {DEPTH_MAX} deep")
        return BAD
    return record(GroupUpdate).read(value, path, report)


_NESTED = Kind(_read_nested, schema={"$ref": f"{SCHEMAS}GroupUpdate"})


@attrs.frozen(kw_only=True)
class GroupUpdate:
    """What a group is to be; None: as it was. ``scale_by`` and ``version`` stand alone."""

    id: str | None = field(PATH_ID, None)
    apps: tuple[legacy.Given, ...] | None = field(items(legacy.GIVEN), None)
    groups: tuple[GroupUpdate, ...] | None = field(items(_NESTED), None)
    dependencies: tuple[str, ...] | None = field(items(PATH_ID, is_set=True), None)
    enforce_role: bool | None = field(flag(), None)
    scale_by: float | None = field(number(0), None)
    version: str | None = field(text(), None)


def read_update(body: Any) -> GroupUpdate:
    """Raises InvalidJson, with all that is wrong."""
    update: GroupUpdate = read_as(record(GroupUpdate), body)
    return update


def violations_of_update(update: GroupUpdate, group: PathId, at: str = "") -> Iterator[Violation]:
    """What is wrong with an update of ``group`` as such: what it lists is not below it, forms do not go together."""
    if update.enforce_role and len(paths.segments(group)) > 1:
        yield Violation(
            f"{at}/enforceRole", f"enforceRole can only be set for top-level groups, and {group} is not top-level"
        )
    for index, given in enumerate(update.apps or ()):
        path = element(f"{at}/apps", index)
        if paths.parent(paths.absolute(given["id"], group)) != group:
            yield Violation(f"{path}/id", f"Identifier is not child of '{group}'")
        for one in legacy.violations(given):
            yield Violation(path + one.path.rstrip("/"), one.text)
    for index, inner in enumerate(update.groups or ()):
        path = element(f"{at}/groups", index)
        own = paths.absolute(inner.id or "", group)
        if inner.id is None:
            yield Violation(f"{path}/id", "not defined")
        elif paths.parent(own) != group or own == group:
            yield Violation(f"{path}/id", f"Identifier is not child of '{group}'")
        else:
            yield from violations_of_update(inner, own, path)


def updated(group: Group, update: GroupUpdate, settings: Settings, role: str | None = None) -> Group:
    """The group that is meant. Apps and groups that are not listed where some are, are no longer there.

    ``role`` is that of a top-level group around it which enforces its own.
    """
    if update.scale_by is not None:
        return scaled(group, update.scale_by)
    enforce = group.enforce_role if update.enforce_role is None else update.enforce_role
    parts = paths.segments(group.id)
    if len(parts) == 1 and enforce:
        role = parts[0]
    apps, groups, dependencies = group.apps, group.groups, group.dependencies
    if update.apps is not None:
        apps = tuple(complete(legacy.translate(one, settings), settings, group.id, role) for one in update.apps)
    if update.groups is not None:
        known = {one.id: one for one in group.groups}
        inner = [(paths.absolute(one.id or "", group.id), one) for one in update.groups]
        groups = tuple(updated(known.get(path) or new(path, settings), one, settings, role) for path, one in inner)
    if update.dependencies is not None:
        dependencies = tuple(paths.absolute(one, group.id) for one in update.dependencies)
    return attrs.evolve(group, apps=apps, groups=groups, dependencies=dependencies, enforce_role=enforce)


def new(path: PathId, settings: Settings) -> Group:
    """A group that has nothing in it yet."""
    is_top = len(paths.segments(path)) == 1
    return Group(id=path, enforce_role=is_top and settings.new_group_enforce_role == "top")


def scaled(group: Group, factor: float) -> Group:
    """All apps below it have so many times the instances, rounded up."""
    apps = tuple(
        attrs.evolve(app, instances=math.ceil(min(app.instances * factor, SCALED_MAX))) for app in group.apps
    )
    return attrs.evolve(group, apps=apps, groups=tuple(scaled(one, factor) for one in group.groups))


# ---- what holds in the whole tree


def default_role(root: Group, app: PathId, settings: Settings) -> str:
    """The role of an app that names none."""
    top = _top(root, app, settings)
    return paths.segments(top.id)[0] if top is not None and top.enforce_role else settings.mesos_role


def allowed_roles(root: Group, app: PathId, settings: Settings, wanted: Group | None = None) -> tuple[str, ...]:
    """``root`` is the tree before the change: an app may keep the role it has. ``wanted`` is that after it."""
    parts = paths.segments(app)
    if len(parts) < 2:
        return (settings.mesos_role,)
    top, before = _top(wanted or root, app, settings), root.spec(app)
    allowed = [parts[0]] if top is not None and top.enforce_role else [settings.mesos_role, parts[0]]
    return tuple(dict.fromkeys([*allowed, *([before.role] if before is not None else [])]))


def _top(root: Group, app: PathId, settings: Settings) -> Group | None:
    """The top-level group of an app, be it as it would be made; None: the app is in none."""
    parts = paths.segments(app)
    path = paths.joined(parts[:1])
    return root.group(path) or new(path, settings) if len(parts) > 1 else None


def role_violation(spec: App | Pod, allowed: tuple[str, ...]) -> Violation | None:
    if spec.role in allowed:
        return None
    expected = allowed[0] if len(allowed) == 1 else f"one of: [{', '.join(allowed)}]"
    return Violation("/role", f"got {spec.role}, expected {expected}")


def violations(root: Group) -> Iterator[Violation]:
    """What is wrong with the tree; its apps and pods have been judged each for itself."""
    for group in root.walk():
        apps, pods = {app.id: None for app in group.apps}, {pod.id: None for pod in group.pods}
        below = {one.id: None for one in group.groups if not one.is_empty}  # an empty one makes room
        if len(apps) < len(group.apps):
            yield Violation("/", "Applications may not have the same identifier.")
        if any(one in pods for one in apps):
            yield Violation("/", "Applications and Pods may not share the same id")
        if any(one in below for one in apps):
            yield Violation("/", "Groups and Applications may not have the same identifier.")
        if any(one in below for one in pods):
            yield Violation("/", "Groups and Pods may not have the same identifier.")
    if cycle(root):
        yield Violation("/", CYCLE)


def has_dependencies(root: Group) -> bool:
    """Something is to be healthy before something else; most trees have none."""
    return any(group.dependencies or any(app.dependencies for app in group.apps) for group in root.walk())


def dependencies(root: Group) -> dict[PathId, tuple[PathId, ...]]:
    """For each app and pod what must be healthy before it: its own and its groups'. What does not exist counts not."""
    found: dict[PathId, tuple[PathId, ...]] = {}
    below = {group.id: tuple(PathId(spec.id) for spec in group.all_specs()) for group in root.walk()}
    below |= {PathId(spec.id): (PathId(spec.id),) for spec in root.all_specs()}
    inherited: dict[PathId, tuple[PathId, ...]] = {}
    for group in root.walk():
        around = inherited.get(paths.parent(group.id), ()) if group.id != root.id else ()
        wanted = inherited[group.id] = (*around, *group.dependencies)
        for spec in group.specs:
            own = spec.dependencies if isinstance(spec, App) else ()
            targets = [target for one in (*own, *wanted) for target in below.get(PathId(one), ())]
            found[PathId(spec.id)] = tuple(dict.fromkeys(targets))
    return found


def cycle(root: Group) -> tuple[PathId, ...]:
    """Apps and pods of which each depends on the next, and the last on the first; (): there are none."""
    graph = dependencies(root) if has_dependencies(root) else {}
    done: dict[PathId, None] = {}
    for start in graph:
        trail: dict[PathId, Iterator[PathId]] = {start: iter(graph[start])} if start not in done else {}
        while trail:
            last = next(reversed(trail))
            following = next(trail[last], None)
            if following is None:
                done[last] = None
                del trail[last]
            elif following in trail:
                names = list(trail)
                return tuple(names[names.index(following) :])
            elif following not in done:
                trail[following] = iter(graph[following])
    return ()
