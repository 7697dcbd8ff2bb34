"""The container of an app: which containerizer, which image, volumes and ports."""

from __future__ import annotations

import attrs

from frameworks.marathon_py.definitions.fields import Written, field, flag, integer, items, one_of, record, text
from frameworks.marathon_py.definitions.network import PortMapping
from frameworks.marathon_py.definitions.volumes import VOLUME, PersistentVolume, Volume, of_kind

DOCKER, MESOS = "DOCKER", "MESOS"


@attrs.frozen(kw_only=True)
class Parameter:
    """An option of ``docker run``."""

    key: str = field(text(1))
    value: str = field(text())


@attrs.frozen(kw_only=True)
class PullConfig:
    """Whose configuration is used at the registry: a secret's."""

    secret: str = field(text(1))


@attrs.frozen(kw_only=True)
class Credential:
    """Of former releases; no longer used."""

    principal: str = field(text())
    secret: str | None = field(text(), None)


@attrs.frozen(kw_only=True)
class Docker:
    """An image. What is never written is of former releases, and has been translated."""

    image: str = field(text())
    force_pull_image: bool = field(flag(), False)
    parameters: tuple[Parameter, ...] = field(items(record(Parameter)), ())
    privileged: bool = field(flag(), False)
    pull_config: PullConfig | None = field(record(PullConfig), None)
    credential: Credential | None = field(record(Credential), None, Written.NEVER)
    network: str | None = field(one_of("BRIDGE", "HOST", "NONE", "USER"), None, Written.NEVER)
    port_mappings: tuple[PortMapping, ...] | None = field(items(record(PortMapping)), None, Written.NEVER)


@attrs.frozen(kw_only=True)
class Seccomp:
    """Which system calls a container may make."""

    profile_name: str | None = field(text(), None)
    unconfined: bool = field(flag(), False)


@attrs.frozen(kw_only=True)
class IpcInfo:
    """Shared memory: ``shm_size`` in MiB."""

    mode: str = field(one_of("PRIVATE", "SHARE_PARENT"))
    shm_size: int | None = field(integer(0), None)


@attrs.frozen(kw_only=True)
class LinuxInfo:
    """Of containers of the Mesos containerizer."""

    seccomp: Seccomp | None = field(record(Seccomp), None)
    ipc_info: IpcInfo | None = field(record(IpcInfo), None)


@attrs.frozen(kw_only=True)
class Container:
    """Port mappings None: left open; or, on the host's network, none. Empty: none at all."""

    type: str = field(one_of(DOCKER, MESOS), DOCKER)
    docker: Docker | None = field(record(Docker), None)
    volumes: tuple[Volume, ...] = field(items(VOLUME), ())
    port_mappings: tuple[PortMapping, ...] | None = field(items(record(PortMapping)), None)
    linux_info: LinuxInfo | None = field(record(LinuxInfo), None)

    @property
    def is_resident(self) -> bool:
        """It has a persistent volume."""
        return bool(of_kind(self.volumes, PersistentVolume))
