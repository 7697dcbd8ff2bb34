"""Volumes of an app's container: a directory of the host, one that outlives tasks, one of another system, a secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import attrs

from frameworks.marathon_py.definitions.fields import (
    Kind,
    Written,
    field,
    flag,
    integer,
    items,
    mapping_field,
    one_of,
    record,
    show,
    strings,
    switch,
    text,
)  # fmt: skip

T = TypeVar("T")

_WORD = text(1)
_MODE = one_of("RO", "RW")
#: of a member of a union; the generated reader has no better word for it
_MISSING = "undefined"


@attrs.frozen(kw_only=True)
class HostVolume:
    """A directory of the host."""

    container_path: str = field(_WORD)
    host_path: str = field(_WORD)
    mode: str = field(_MODE)


@attrs.frozen(kw_only=True)
class Persistent:
    """What a persistent volume is made of; sizes in MiB."""

    type: str | None = field(one_of("root", "path", "mount"), None)
    size: int = field(integer(0, bits=64))
    max_size: int | None = field(integer(0, bits=64), None)
    profile_name: str | None = field(text(), None)
    constraints: tuple[tuple[str, ...], ...] = field(items(items(text()), is_set=True), ())

    def with_type(self) -> Persistent:
        """A profile is one of disks, of which a volume has one for itself; else it is a part of the root's."""
        return attrs.evolve(self, type=self.type or ("mount" if self.profile_name is not None else "root"))


@attrs.frozen(kw_only=True)
class PersistentVolume:
    """A directory that waits on its agent for the next task of the same instance."""

    container_path: str = field(_WORD)
    mode: str | None = field(_MODE, None)
    persistent: Persistent = field(record(Persistent))


@attrs.frozen(kw_only=True)
class Dvdi:
    """A volume of a Docker volume driver; size in GiB. ``provider`` is as given: rules judge it."""

    provider: str | None = field(text(), None)
    name: str | None = field(text(), None)
    size: int | None = field(integer(0), None)
    shared: bool = field(flag(), False)
    options: Mapping[str, str] = mapping_field(strings())


@attrs.frozen(kw_only=True)
class Capability:
    """How a CSI volume is used."""

    access_type: str = field(one_of("block", "mount"))
    access_mode: str = field(one_of(
        "SINGLE_NODE_WRITER", "SINGLE_NODE_READER_ONLY", "MULTI_NODE_READER_ONLY", "MULTI_NODE_SINGLE_WRITER",
        "MULTI_NODE_MULTI_WRITER",
    ))  # fmt: skip
    fs_type: str | None = field(text(), None)
    mount_flags: tuple[str, ...] = field(items(text()), (), Written.IF_FILLED)


@attrs.frozen(kw_only=True)
class CsiOptions:
    """What the plug-in is told."""

    plugin_name: str = field(_WORD)
    capability: Capability = field(record(Capability))
    node_stage_secret: Mapping[str, str] = mapping_field(strings())
    node_publish_secret: Mapping[str, str] = mapping_field(strings())
    volume_context: Mapping[str, str] = mapping_field(strings())


@attrs.frozen(kw_only=True)
class Csi:
    """A volume of a CSI plug-in."""

    provider: str = field(one_of("csi"))
    name: str = field(_WORD)
    options: CsiOptions = field(record(CsiOptions))


def _external(value: Any) -> Kind:
    return _CSI if isinstance(value, dict) and value.get("provider") == "csi" else _DVDI


_CSI, _DVDI = record(Csi), record(Dvdi)


@attrs.frozen(kw_only=True)
class ExternalVolume:
    """A volume that another system keeps."""

    container_path: str = field(_WORD)
    mode: str = field(_MODE)
    external: Dvdi | Csi = field(switch(_external, show, (_DVDI, _CSI)))


@attrs.frozen(kw_only=True)
class SecretVolume:
    """A secret, by its name in ``secrets``, as a file."""

    container_path: str = field(_WORD)
    secret: str = field(_WORD)


Volume = HostVolume | PersistentVolume | ExternalVolume | SecretVolume

#: by the member that tells it
_KINDS = {
    "external": record(ExternalVolume), "persistent": record(PersistentVolume), "secret": record(SecretVolume),
}  # fmt: skip
_HOST = record(HostVolume, _MISSING)


def _volume(value: Any) -> Kind:
    if isinstance(value, dict):
        for name, kind in _KINDS.items():
            if value.get(name) is not None:
                return kind
    return _HOST


VOLUME = switch(_volume, show, (_HOST, *_KINDS.values()))


def of_kind(volumes: tuple[object, ...], cls: type[T]) -> tuple[T, ...]:
    """Those of one class."""
    return tuple(volume for volume in volumes if isinstance(volume, cls))
