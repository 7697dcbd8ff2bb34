"""What is kept of definitions, as bytes: apps and pods each at each version, and trees that name them.

::

    marathon/spec/demo/web@VERSION   a definition, complete, as clients see it; when it was scaled and configured last
    marathon/root@VERSION            groups, parents first, with the versions of what is in them
    marathon/deployment/ID           between which trees, and what people have said about it

What is large is compressed: a tree of a thousand apps is a few KiB then.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any

import attrs

from frameworks.marathon_py.definitions import fields
from frameworks.marathon_py.definitions.app import App, VersionInfo
from frameworks.marathon_py.definitions.groups import Group
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import Pod, read_pod
from frameworks.marathon_py.definitions.trees import Spec

PREFIX = "marathon/"
SPEC, ROOT, DEPLOYMENT = PREFIX + "spec", PREFIX + "root@", PREFIX + "deployment/"

COMPRESSED_ABOVE = 65_536  # bytes; Marathon: --zk_compression_threshold
RECORD_MAX = 400_000  # bytes, as they are kept; ZooKeeper takes less than 1 MB, and stores keep to less than that


def spec_name(spec_id: PathId, version: str) -> str:
    return f"{SPEC}{spec_id}@{version}"


def spec_named(name: str) -> tuple[PathId, str]:
    """The id and the version."""
    spec_id, _, version = name.removeprefix(SPEC).rpartition("@")
    return PathId(spec_id), version


def packed(value: Any) -> bytes:
    contents = json.dumps(value, separators=(",", ":")).encode()
    return zlib.compress(contents) if len(contents) > COMPRESSED_ABOVE else contents


def unpacked(contents: bytes) -> Any:
    return json.loads(contents if contents[:1] in (b"{", b"[") else zlib.decompress(contents))


def spec_record(spec: Spec) -> bytes:
    """It has versions."""
    assert spec.version_info is not None, spec.id
    info = spec.version_info
    kind = "app" if isinstance(spec, App) else "pod"
    times = {"scaled": info.last_scaling_at, "configured": info.last_config_change_at}
    return packed({kind: fields.show(spec), "version": spec.version, **times})


def read_spec(contents: bytes) -> Spec:
    """Raises ValueError, KeyError for what is no such record."""
    kept = unpacked(contents)
    info = VersionInfo(last_scaling_at=kept["scaled"], last_config_change_at=kept["configured"])
    if "app" in kept:
        app: App = fields.read_as(fields.record(App), kept["app"])
        return attrs.evolve(app, version=kept["version"], version_info=info)
    return attrs.evolve(read_pod(kept["pod"]), version=kept["version"], version_info=info)


def root_record(root: Group) -> bytes:
    groups = [
        {
            "id": group.id, "depends": group.dependencies, "role": group.enforce_role, "version": group.version,
            "apps": [(one.id, one.version) for one in group.apps],
            "pods": [(one.id, one.version) for one in group.pods],
        }
        for group in root.walk()
    ]  # fmt: skip
    return packed(groups)


def read_root(contents: bytes, spec: Callable[[PathId, str], Spec]) -> Group:
    """Raises ValueError, KeyError for what is no such record."""
    made: dict[str, Group] = {}
    inner: dict[str, list[Group]] = {}
    for kept in reversed(unpacked(contents)):  # children first
        group = Group(
            id=PathId(kept["id"]), dependencies=tuple(PathId(one) for one in kept["depends"]),
            enforce_role=kept["role"], version=kept["version"],
            apps=tuple(_app(spec(PathId(name), version)) for name, version in kept["apps"]),
            pods=tuple(_pod(spec(PathId(name), version)) for name, version in kept["pods"]),
            groups=tuple(reversed(inner.pop(kept["id"], []))),
        )  # fmt: skip
        made[group.id] = group
        inner.setdefault(_parent(group.id), []).append(group)
    return made["/"]


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def _app(spec: Spec) -> App:
    if not isinstance(spec, App):
        raise ValueError(f"{spec.id} is no app")
    return spec


def _pod(spec: Spec) -> Pod:
    if not isinstance(spec, Pod):
        raise ValueError(f"{spec.id} is no pod")
    return spec
