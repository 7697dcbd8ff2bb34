"""What people ask for about groups: created, changed, scaled, taken back to a version, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions import groups, paths, trees
from frameworks.marathon_py.definitions.fields import Violation, element
from frameworks.marathon_py.definitions.groups import Group, GroupUpdate
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.timestamps import canonical
from frameworks.marathon_py.deployments import changes, versions
from frameworks.marathon_py.deployments.merge import unversioned
from frameworks.marathon_py.deployments.plan import plan
from frameworks.marathon_py.words import Refused
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon

table = Table("what people ask of groups")

ALONE = "not allowed in conjunction with other properties."
ENFORCE_ALONE = (
    "enforceRole cannot be modified in a request that adds, removes or modifies services; please make these changes in "
    "separate requests."
)


def no_group(path: PathId) -> Refused:
    return Refused(404, f"Group '{path}' does not exist")


@table.on(words.PutGroup)
def put_group(m: Marathon, event: Event, out: Frame) -> None:
    """The group is what is said of it. Reply: ``Started``; of a dry run the ``Plan``, and nothing has changed."""
    told: words.PutGroup = event.body
    path = told.id
    if told.must_be_new and m.root.group(path) is not None:
        out.reply = Refused(409, f"Group {path} is already created. Use PUT to change this group.")
        return
    if told.must_be_new and path in m.specs:
        out.reply = Refused(409, f"An app with the path {path} already exists.")
        return
    wrong = list(_violations(m, told.update, path))
    wanted = changes.invalid(wrong) if wrong else _wanted(m, told.update, path)
    if isinstance(wanted, Refused):
        out.reply = wanted
        return
    at = dict(_places(told.update, path))
    if not told.dry_run:
        out.reply = changes.submit(m, wanted, paths.parent(path), told.force, out, at=at)
        return
    wrong = changes.judge(m, wanted, told.force, at)
    prepared = changes.invalid(wrong) if wrong else changes.prepare(m, wanted, versions.next_version(m, out.now))
    out.reply = prepared if isinstance(prepared, Refused) else plan(m.root, prepared)


def _wanted(m: Marathon, update: GroupUpdate, path: PathId) -> Group | Refused:
    if update.version is not None:
        return _at_version(m, path, update.version)
    settings = m.settings
    group = m.root.group(path) or groups.new(path, settings)
    top = m.root.group(paths.joined(paths.segments(path)[:1]))
    role = paths.segments(top.id)[0] if top is not None and top.enforce_role and top.id != paths.ROOT else None
    return trees.put_group(m.root, groups.updated(group, update, settings, role), settings)


def _at_version(m: Marathon, path: PathId, text: str) -> Group | Refused:
    """As it was in that tree."""
    try:
        version = canonical(text)
    except ValueError as error:
        return Refused(422, str(error))
    root = m.versions.roots.get(version)
    former = root.group(path) if root is not None else None
    if former is None:
        return Refused(422, f"Group {path} not available in version {version}")
    wanted = trees.put_group(m.root, former, m.settings)
    changed = trees.differences(m.root, wanted)
    return trees.replaced(wanted, {one: unversioned(spec) for one, (_, spec) in changed.items() if spec is not None})


def _violations(m: Marathon, update: GroupUpdate, path: PathId) -> Iterator[Violation]:
    """What is wrong with the request as such."""
    parts = list(_parts(update, path))
    modifies = any(one.version or one.scale_by is not None or one.apps is not None for one, _, _ in parts)
    for one, group, at in parts:
        given = [name for name in attrs.asdict(one, recurse=False) if getattr(one, name) is not None]
        for name, shown in (("version", "version"), ("scale_by", "scaleBy")):
            if name in given and len(given) > 1:
                yield Violation(f"{at}/{shown}", ALONE)
        known = m.root.group(group)
        if modifies and known is not None and one.enforce_role not in (None, known.enforce_role):
            yield Violation(f"{at}/enforceRole", ENFORCE_ALONE)
    yield from groups.violations_of_update(update, path)


def _parts(update: GroupUpdate, path: PathId, at: str = "") -> Iterator[tuple[GroupUpdate, PathId, str]]:
    """It and all updates in it, each with its group and where it stands."""
    yield update, path, at
    for index, inner in enumerate(update.groups or ()):
        if inner.id is not None:
            yield from _parts(inner, paths.absolute(inner.id, path), element(f"{at}/groups", index))


def _places(update: GroupUpdate, path: PathId) -> Iterator[tuple[PathId, str]]:
    """Where apps stand in the request."""
    for one, group, at in _parts(update, path):
        for index, given in enumerate(one.apps or ()):
            yield paths.absolute(given["id"], group), element(f"{at}/apps", index)


@table.on(words.DeleteGroup)
def delete_group(m: Marathon, event: Event, out: Frame) -> None:
    """There is no such group, nor anything in it. Reply: ``Started``."""
    told: words.DeleteGroup = event.body
    if m.root.group(told.id) is None:
        out.reply = no_group(told.id)
        return
    wanted = trees.take_group(m.root, told.id, m.settings)
    out.reply = changes.submit(m, wanted, paths.parent(told.id), told.force, out)


@table.on(words.EnforceRole)
def enforce_role(m: Marathon, event: Event, out: Frame) -> None:
    """What is new in the group has its role, or need not have it; what is there keeps the role that it has."""
    told: words.EnforceRole = event.body
    if len(paths.segments(told.id)) != 1:
        out.reply = Refused(422, "Path needs to be top-level")
    elif m.root.group(told.id) is None:
        out.reply = no_group(told.id)
    else:
        wanted = trees.at(m.root, told.id, lambda one: attrs.evolve(one, enforce_role=told.enforce), m.settings)
        root = trees.stamped(m.root, wanted, versions.next_version(m, out.now))
        if root is not m.root:
            versions.keep(m, root, out)
