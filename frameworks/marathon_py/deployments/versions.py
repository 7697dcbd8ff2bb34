"""Definitions as they are and were: trees, and apps and pods each at each version.

Kept are the last ``zk_max_versions`` trees, as many versions of every app and pod that exists, and whatever else a
tree that is kept, a deployment or an instance has. A version is a timestamp; no two changes have the same, and later
ones are greater, in whatever order clocks and leaders come.

Source: mesosphere/marathon .../core/storage/store/impl/..., .../storage/repository/GcActor.scala.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from frameworks.marathon_py.broken import NotUnderstood, of_record
from frameworks.marathon_py.definitions import trees
from frameworks.marathon_py.definitions.groups import Group
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.timestamps import MILLISECOND, moment, timestamp
from frameworks.marathon_py.definitions.trees import Spec
from frameworks.marathon_py.deployments import records
from mesos_py.machine.frame import Frame
from mesos_py.machine.values import Nanos

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon


class Versions:
    """What is kept of definitions. The present ones are in ``Marathon.root`` and ``Marathon.specs``.

    A former version is read when somebody asks for it, and is the same object for as long as anybody has it: there may
    be fifty of each app, and few are ever looked at.
    """

    def __init__(self, kept: Mapping[str, bytes]) -> None:
        #: all records
        self._kept = kept
        #: those that somebody has, by the name of their record
        self._read: WeakValueDictionary[str, Spec] = WeakValueDictionary()
        #: by version, oldest first
        self.roots: dict[str, Group] = {}
        #: versions by id, oldest first
        self.specs: dict[PathId, dict[str, None]] = {}
        #: ids of which more is kept than need be, for the sake of somebody who uses it
        self.lingering: dict[PathId, None] = {}

    def spec(self, spec_id: PathId, version: str) -> Spec | None:
        if version not in self.specs.get(spec_id, ()):
            return None
        name = records.spec_name(spec_id, version)
        found = self._read.get(name)
        if found is None:
            with of_record(name):
                found = self._read[name] = records.read_spec(self._kept[name])
        return found

    def needed(self, spec_id: PathId, version: str) -> Spec:
        """Raises KeyError where there is none."""
        found = self.spec(spec_id, version)
        if found is None:
            raise KeyError(records.spec_name(spec_id, version))
        return found

    def add(self, spec: Spec) -> None:
        """Its record is kept."""
        self.specs.setdefault(PathId(spec.id), {})[spec.version] = None
        self._read[records.spec_name(PathId(spec.id), spec.version)] = spec


def next_version(m: Marathon, now: Nanos) -> str:
    """Greater than that of the present tree."""
    last = moment(m.root.version) if m.root.version else 0
    return timestamp(max(now, last + MILLISECOND))


def keep(m: Marathon, root: Group, out: Frame) -> None:
    """The tree is the present one, and what is in it is kept; what nobody needs any more is not."""
    versions = m.versions
    changed = trees.differences(m.root, root)
    for path, (_, spec) in changed.items():
        if spec is None:
            del m.specs[path]
        else:
            m.specs[path] = spec
            m.keep(records.spec_name(path, spec.version), records.spec_record(spec), out)
            versions.add(spec)
    m.root = root
    versions.roots[root.version] = root
    m.keep(f"{records.ROOT}{root.version}", records.root_record(root), out)
    prune(m, [*changed, *_drop_roots(m, out), *versions.lingering], out)


def _drop_roots(m: Marathon, out: Frame) -> Iterable[PathId]:
    """The oldest trees beyond the bound are gone but for those of deployments; returns ids of what they alone had."""
    roots = m.versions.roots
    used = {root.version for one in m.deployments.values() for root in (one.plan.original, one.plan.target)}
    spare = len(roots) - max(1, m.habits.zk_max_versions)
    found: dict[PathId, None] = {}
    for version in [one for one in list(roots)[: max(0, spare)] if one not in used]:
        following = next(other for at, other in roots.items() if at > version)
        found |= dict.fromkeys(trees.differences(roots.pop(version), following))
        m.keep(f"{records.ROOT}{version}", None, out)
    return found


def prune(m: Marathon, ids: Iterable[PathId], out: Frame) -> None:
    """Of those ids, only the versions are kept that somebody needs."""
    versions = m.versions
    for path in dict.fromkeys(ids):
        known = versions.specs.get(path, {})
        is_there = path in m.specs
        last = list(known)[-m.habits.zk_max_versions :] if is_there else []
        spare = [version for version in known if version not in last]
        if not spare:
            versions.lingering.pop(path, None)
            continue
        used = _used(m, path)
        for version in spare:
            if version not in used:
                del known[version]
                m.keep(records.spec_name(path, version), None, out)
        if not known:
            del versions.specs[path]
        if any(version in known for version in spare):
            versions.lingering[path] = None
        else:
            versions.lingering.pop(path, None)


def _used(m: Marathon, path: PathId) -> dict[str, None]:
    found = {one.spec.version: None for one in m.of_spec.get(path, {}).values()}
    for root in m.versions.roots.values():  # deployments' are among them
        spec = root.spec(path)
        if spec is not None:
            found[spec.version] = None
    return found


def restore(m: Marathon) -> None:
    """Trees and definitions are as the records say. A former tree that cannot be understood is one that nobody can go
    back to; raises NotUnderstood if it is the present one."""
    versions = m.versions
    for name in sorted(one for one in m.records if one.startswith(records.SPEC)):
        path, version = records.spec_named(name)
        versions.specs.setdefault(path, {})[version] = None
    names = sorted(one for one in m.records if one.startswith(records.ROOT))
    for name in names:
        try:
            with of_record(name):
                root = records.read_root(m.records[name], versions.needed)
        except NotUnderstood as error:
            if name == names[-1]:
                raise
            m.complaints.append(str(error))
        else:
            versions.roots[root.version] = root
    if versions.roots:
        m.root = versions.roots[max(versions.roots)]
        m.specs = {PathId(spec.id): spec for spec in m.root.all_specs()}
    versions.lingering = dict.fromkeys(versions.specs)
