"""Where the controllers are, and the directories of containers in them.

v1 has a tree for each controller, v2 one for all. What is asked for by controller and container is found, made,
written, read and removed here; what is written is another's business.
Mesos: src/linux/cgroups.cpp, src/linux/cgroups2.cpp
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs

#: Mesos' names of isolators, and the v1 controllers each means.
CONTROLLERS_V1: Final[Mapping[str, tuple[str, ...]]] = {
    "cpu": ("cpu", "cpuacct"),
    "mem": ("memory",),
    "pids": ("pids",),
    "devices": ("devices",),
    "blkio": ("blkio",),
    "cpuset": ("cpuset",),
    "hugetlb": ("hugetlb",),
    "perf_event": ("perf_event",),
}
CONTROLLERS_V2: Final[Mapping[str, tuple[str, ...]]] = {
    "cpu": ("cpu",),
    "mem": ("memory",),
    "pids": ("pids",),
    "io": ("io",),
    "cpuset": ("cpuset",),
    "hugetlb": ("hugetlb",),
}

#: Between container and nested container.
NESTED: Final = "mesos"
LEAF: Final = "leaf"


class CgroupsUnavailable(ValueError):
    """This host has not what was asked for; the text is a sentence for its operator."""


@attrs.frozen(kw_only=True)
class Hierarchy:
    """The trees in use. A container's ``name`` is its id, or ``parent/mesos/id``."""

    is_v2: bool
    #: controller -> where its tree is mounted; in v1 the freezer is always among them
    mounts: Mapping[str, str]
    #: --cgroups_root
    root: str
    #: those whose values are set or read
    controllers: tuple[str, ...]

    @property
    def places(self) -> tuple[str, ...]:
        """Each tree's directory of all containers."""
        return tuple(dict.fromkeys([f"{mount}/{self.root}" for mount in self.mounts.values()]))

    @property
    def killing(self) -> str:
        """The tree by which containers are killed, likewise."""
        return f"{self.mounts['' if self.is_v2 else 'freezer']}/{self.root}"

    def path(self, controller: str, name: str) -> str:
        """The container's directory in the controller's tree."""
        return f"{self.mounts['' if self.is_v2 else controller]}/{self.root}/{name}"

    def entrances(self, name: str, settings: str) -> list[str]:
        """Files that a process of container ``name`` writes itself to; ``settings`` is whose controllers count."""
        if self.is_v2:
            return [f"{self.killing}/{name}/{LEAF}/cgroup.procs"]
        others = [self.path(controller, settings) for controller in self.controllers]
        return [f"{path}/cgroup.procs" for path in dict.fromkeys([f"{self.killing}/{name}", *others])]

    # ---- what is there

    def names(self) -> Iterator[str]:
        """Every container that has a directory in any tree, parents before what is nested in them."""
        found: dict[str, None] = {}
        for place in self.places:
            for name in _directories(place):
                found[name] = None
                for nested in _directories(f"{place}/{name}/{NESTED}"):
                    found[f"{name}/{NESTED}/{nested}"] = None
        return iter(sorted(found))

    def has_settings(self, name: str) -> bool:
        """It has been made with ``is_own``."""
        if self.is_v2:
            return bool(self.read(name, "", "cgroup.controllers"))
        return any(os.path.isdir(self.path(controller, name)) for controller in self.controllers)

    def open(self) -> None:
        """Containers may be made. Raises OSError."""
        for place in self.places:
            _make(place)
        if self.is_v2:
            mount = self.mounts[""]
            parts = Path(self.root).parts
            for depth in range(len(parts) + 1):
                self._delegate("/".join([mount, *parts[:depth]]))

    def make(self, name: str, *, is_own: bool) -> None:
        """Its directories; without ``is_own`` only the one by which it is killed. Raises OSError."""
        if self.is_v2:
            if is_own and "/" in name:
                parent = name.partition("/")[0]
                self._delegate(f"{self.killing}/{parent}")
                _make(f"{self.killing}/{parent}/{NESTED}")
                self._delegate(f"{self.killing}/{parent}/{NESTED}")
            _make(f"{self.killing}/{name}/{LEAF}")
            return
        for place in self.places if is_own else (self.killing,):
            _make(f"{place}/{name}")

    def _delegate(self, directory: str) -> None:
        """The controllers count for what is below, too."""
        if self.controllers:
            wanted = " ".join([f"+{controller}" for controller in self.controllers])
            Path(f"{directory}/cgroup.subtree_control").write_text(wanted, encoding="ascii")

    def write(self, name: str, controller: str, file: str, contents: str) -> None:
        """Raises OSError, with the path."""
        path = f"{self.path(controller, name)}/{file}"
        with open(path, "w", encoding="ascii") as opened:
            opened.write(contents)

    def read(self, name: str, controller: str, file: str) -> str | None:
        """None when there is no such file."""
        if controller == LEAF:
            name = f"{name}/{LEAF}"
        elif not self.is_v2 and controller not in self.mounts:
            return None
        try:
            return Path(f"{self.path(controller, name)}/{file}").read_text(encoding="ascii")
        except OSError:
            return None

    def remove(self, name: str) -> list[str]:
        """Its directories are gone with everything below them; those that are not, because somebody is in them."""
        left = []
        for place in self.places:
            for directory, _, _ in os.walk(f"{place}/{name}", topdown=False, onerror=lambda _: None):
                try:
                    os.rmdir(directory)
                except FileNotFoundError:
                    continue
                except OSError:
                    left.append(directory)
            if "/" in name:
                with contextlib.suppress(OSError):  # others are nested in it yet
                    os.rmdir(os.path.dirname(f"{place}/{name}"))
        return left


def detect(hierarchy: str, root: str, isolators: Sequence[str]) -> Hierarchy:
    """What is mounted at and below ``hierarchy`` for these isolators (``cpu``, ``mem`` ...).

    Raises CgroupsUnavailable.
    """
    parts = Path(root).parts
    if not parts or parts[0] == "/" or ".." in parts:
        raise CgroupsUnavailable(f"--cgroups_root: '{root}' is not the name of a cgroup")
    if os.geteuid() != 0:
        raise CgroupsUnavailable("cgroups need root")
    mounts = _mounts()
    base = os.path.realpath(hierarchy)
    if mounts.get(base, ("", ()))[0] == "cgroup2":
        return _detect_v2(base, root, isolators)
    found = {
        controller: mount
        for mount, (kind, options) in mounts.items()
        if kind == "cgroup" and mount.startswith(f"{base}/")
        for controller in options
    }
    controllers = []
    for name in isolators:
        for controller in _controllers(name, CONTROLLERS_V1):
            if controller not in found:
                raise CgroupsUnavailable(f"cgroups/{name}: the controller '{controller}' is not mounted below '{base}'")
            controllers.append(controller)
    if "freezer" not in found:
        raise CgroupsUnavailable(f"the linux launcher needs the controller 'freezer', not mounted below '{base}'")
    used = {controller: found[controller] for controller in ("freezer", *controllers)}
    return Hierarchy(is_v2=False, mounts=used, root=root, controllers=tuple(controllers))


def _detect_v2(base: str, root: str, isolators: Sequence[str]) -> Hierarchy:
    try:
        there = Path(f"{base}/cgroup.controllers").read_text(encoding="ascii").split()
    except OSError as error:
        raise CgroupsUnavailable(f"'{base}/cgroup.controllers': {error.strerror}") from error
    controllers = []
    for name in isolators:
        for controller in _controllers(name, CONTROLLERS_V2):
            if controller not in there:
                raise CgroupsUnavailable(f"cgroups/{name}: '{base}' has no controller '{controller}'")
            controllers.append(controller)
    return Hierarchy(is_v2=True, mounts={"": base}, root=root, controllers=tuple(controllers))


def _controllers(name: str, known: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    if name not in known:
        raise CgroupsUnavailable(f"Unknown or unsupported isolator 'cgroups/{name}'")
    return known[name]


def everything(hierarchy: str) -> tuple[str, ...]:
    """What ``cgroups/all`` means on this host: whatever is there of what is known."""
    base = os.path.realpath(hierarchy)
    mounts = _mounts()
    if mounts.get(base, ("", ()))[0] == "cgroup2":
        there = set(Path(f"{base}/cgroup.controllers").read_text(encoding="ascii").split())
        return tuple([name for name, needed in CONTROLLERS_V2.items() if there.issuperset(needed)])
    there = {option for mount, (kind, options) in mounts.items() if kind == "cgroup" for option in options
             if mount.startswith(f"{base}/")}  # fmt: skip
    return tuple([name for name, needed in CONTROLLERS_V1.items() if there.issuperset(needed)])


def _mounts() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Mount point to type and super options; the last of several counts."""
    found = {}
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        fields = line.split()
        at = fields.index("-")
        found[fields[4]] = (fields[at + 1], tuple(fields[at + 3].split(",")))
    return found


def _directories(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _make(path: str) -> None:
    """With its parents. In v1 a new cpuset is empty, and nobody can enter it before it has its parent's."""
    if os.path.isdir(path):
        return
    _make(os.path.dirname(path))
    with contextlib.suppress(FileExistsError):
        os.mkdir(path)
    for file in ("cpuset.cpus", "cpuset.mems"):
        inherited = f"{os.path.dirname(path)}/{file}"
        if os.path.exists(f"{path}/cpuset.sched_load_balance") and os.path.exists(inherited):
            value = Path(inherited).read_text(encoding="ascii")
            Path(f"{path}/{file}").write_text(value, encoding="ascii")
