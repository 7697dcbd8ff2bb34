"""A pod: containers that run together on one agent, share networks and volumes, and end together.

Pods have no forms of former releases, and few fields that depend on others: ``complete_pod`` fills in the rest. Sizes
are in MiB, times in seconds.

Source: mesosphere/marathon docs/.../types/pod.raml, podContainer.raml, .../api/v2/PodNormalization.scala.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from frameworks.marathon_py.definitions import paths
from frameworks.marathon_py.definitions.app import (
    DISABLED,
    ENV,
    NO_LIMIT,
    UNREACHABLE,
    EnvSecret,
    ExecutorResources,
    Fetch,
    ResourceLimits,
    Secret,
    UnreachableStrategy,
    VersionInfo,
)
from frameworks.marathon_py.definitions.checks import MESOS_COMMAND, Argv, CommandCheck, Shell
from frameworks.marathon_py.definitions.container import LinuxInfo, PullConfig
from frameworks.marathon_py.definitions.fields import (
    Kind,
    Written,
    field,
    flag,
    integer,
    items,
    mapping,
    mapping_field,
    number,
    one_of,
    read_as,
    record,
    show,
    strings,
    switch,
    text,
    with_keys,
)  # fmt: skip
from frameworks.marathon_py.definitions.network import CONTAINER, HOST_NETWORKS, PORT, Network
from frameworks.marathon_py.definitions.paths import PATH_ID
from frameworks.marathon_py.definitions.settings import Settings
from frameworks.marathon_py.definitions.volumes import Persistent, of_kind

IF_FILLED = Written.IF_FILLED
NAME = text(1, 63, "[a-z0-9]([-a-z0-9]*[a-z0-9])?")

_PATH = text(1, 1024)
_SECONDS = integer(0)
_ENV = with_keys(ENV, "[a-zA-Z_][a-zA-Z0-9_]{0,253}")


@attrs.frozen(kw_only=True)
class Ephemeral:
    """A directory of the sandbox that containers share."""

    name: str = field(NAME)


@attrs.frozen(kw_only=True)
class HostDirectory:
    """A directory of the host."""

    name: str = field(NAME)
    host: str = field(text(1))


@attrs.frozen(kw_only=True)
class PersistentDirectory:
    """A directory that waits on its agent for the next tasks of the same instance."""

    name: str = field(NAME)
    persistent: Persistent = field(record(Persistent))


@attrs.frozen(kw_only=True)
class SecretFile:
    """A secret as a file."""

    name: str = field(NAME)
    secret: str = field(text(1))


PodVolume = Ephemeral | HostDirectory | PersistentDirectory | SecretFile
_VOLUMES = {"persistent": record(PersistentDirectory), "secret": record(SecretFile), "host": record(HostDirectory)}
_EPHEMERAL = record(Ephemeral)


def _volume(value: Any) -> Kind:
    given = [kind for name, kind in _VOLUMES.items() if isinstance(value, dict) and value.get(name) is not None]
    return given[0] if given else _EPHEMERAL


VOLUME = switch(_volume, show, (*_VOLUMES.values(), _EPHEMERAL))

@attrs.frozen(kw_only=True)
class Exec:
    """What a container runs, instead of its image's own or as its arguments."""

    command: Shell | Argv = field(MESOS_COMMAND)
    override_entrypoint: bool | None = field(flag(), None)


@attrs.frozen(kw_only=True)
class Resources:
    """What one container has."""

    cpus: float = field(number(0.001), 1.0)
    mem: float = field(number(0.001), 128.0)
    disk: float = field(number(0), 0.0)
    gpus: int = field(integer(0), 0)


@attrs.frozen(kw_only=True)
class Endpoint:
    """A port of a container, by its name. Host port None: it has none on the host."""

    name: str = field(NAME)
    container_port: int | None = field(PORT, None)
    host_port: int | None = field(PORT, None)
    protocol: tuple[str, ...] = field(items(text(1, 63, "[a-z0-9]([-a-z0-9]*[a-z0-9])?"), least=1), ("tcp",))
    labels: Mapping[str, str] = mapping_field(strings())
    network_names: tuple[str, ...] = field(items(text()), (), IF_FILLED)


@attrs.frozen(kw_only=True)
class Image:
    """Where a container's files come from."""

    kind: str = field(one_of("DOCKER"))
    id: str = field(_PATH)
    pull_config: PullConfig | None = field(record(PullConfig), None)
    force_pull: bool | None = field(flag(), None)
    labels: Mapping[str, str] = mapping_field(strings())


@attrs.frozen(kw_only=True)
class HttpProbe:
    """A request to an endpoint."""

    endpoint: str = field(NAME)
    path: str | None = field(_PATH, None)
    scheme: str = field(one_of("HTTP", "HTTPS"), "HTTP")


@attrs.frozen(kw_only=True)
class TcpProbe:
    """A connection to an endpoint."""

    endpoint: str = field(NAME)


@attrs.frozen(kw_only=True)
class PodCheck:
    """What agents find out about a container, and tell."""

    http: HttpProbe | None = field(record(HttpProbe), None)
    tcp: TcpProbe | None = field(record(TcpProbe), None)
    exec: CommandCheck | None = field(record(CommandCheck), None)
    interval_seconds: int = field(_SECONDS, 60)
    timeout_seconds: int = field(_SECONDS, 20)
    delay_seconds: int = field(_SECONDS, 15)


@attrs.frozen(kw_only=True)
class PodHealthCheck:
    """A container that fails it too often in a row is killed, by its agent."""

    http: HttpProbe | None = field(record(HttpProbe), None)
    tcp: TcpProbe | None = field(record(TcpProbe), None)
    exec: CommandCheck | None = field(record(CommandCheck), None)
    grace_period_seconds: int = field(_SECONDS, 300)
    interval_seconds: int = field(_SECONDS, 60)
    max_consecutive_failures: int = field(_SECONDS, 3)
    timeout_seconds: int = field(_SECONDS, 20)
    delay_seconds: int = field(_SECONDS, 15)


@attrs.frozen(kw_only=True)
class VolumeMount:
    """Where a container finds a volume of the pod."""

    name: str = field(NAME)
    mount_path: str = field(_PATH)
    read_only: bool | None = field(flag(), None)


@attrs.frozen(kw_only=True)
class Lifecycle:
    """How a container is ended."""

    kill_grace_period_seconds: float | None = field(number(0, 2**31 - 1), None)


@attrs.frozen(kw_only=True)
class PodContainer:
    """One of the containers."""

    name: str = field(NAME)
    exec: Exec | None = field(record(Exec), None)
    resources: Resources = field(record(Resources))
    resource_limits: ResourceLimits | None = field(record(ResourceLimits), None)
    endpoints: tuple[Endpoint, ...] = field(items(record(Endpoint)), (), IF_FILLED)
    image: Image | None = field(record(Image), None)
    environment: Mapping[str, str | EnvSecret] = mapping_field(_ENV)
    user: str | None = field(text(), None)
    health_check: PodHealthCheck | None = field(record(PodHealthCheck), None)
    check: PodCheck | None = field(record(PodCheck), None)
    volume_mounts: tuple[VolumeMount, ...] = field(items(record(VolumeMount)), (), IF_FILLED)
    artifacts: tuple[Fetch, ...] = field(items(record(Fetch)), (), IF_FILLED)
    labels: Mapping[str, str] = mapping_field(strings())
    lifecycle: Lifecycle | None = field(record(Lifecycle), None)
    tty: bool | None = field(flag(), None)
    linux_info: LinuxInfo | None = field(record(LinuxInfo), None)


@attrs.frozen(kw_only=True)
class Backoff:
    """How long is waited after a failure."""

    backoff: float = field(number(0), 1.0)
    backoff_factor: float = field(number(0), 1.15)
    max_launch_delay: float = field(number(0), 300.0)


@attrs.frozen(kw_only=True)
class Upgrade:
    """During an upgrade, in parts of the instances: how many at least are healthy, how many more there may be."""

    minimum_health_capacity: float = field(number(0, 1), 1.0)
    maximum_over_capacity: float = field(number(0, 1), 1.0)


@attrs.frozen(kw_only=True)
class PodConstraint:
    """A constraint as an object, not as a list of words."""

    field_name: str = field(text())
    operator: str = field(one_of("UNIQUE", "CLUSTER", "GROUP_BY", "LIKE", "UNLIKE", "MAX_PER", "IS"))
    value: str | None = field(text(), None)

    @property
    def words(self) -> tuple[str, ...]:
        """As apps have it."""
        return (self.field_name, self.operator, *([] if self.value is None else [self.value]))


@attrs.frozen(kw_only=True)
class Placement:
    """Where a pod may stand."""

    constraints: tuple[PodConstraint, ...] = field(items(record(PodConstraint), is_set=True), (), IF_FILLED)
    accepted_resource_roles: tuple[str, ...] = field(items(text()), (), IF_FILLED)

    def __bool__(self) -> bool:
        return bool(self.constraints or self.accepted_resource_roles)


@attrs.frozen(kw_only=True)
class Scheduling:
    """Where, when and how instances come and go. None: left open."""

    backoff: Backoff = field(record(Backoff), Backoff())
    upgrade: Upgrade | None = field(record(Upgrade), None)
    placement: Placement = field(record(Placement), Placement(), IF_FILLED)
    kill_selection: str = field(one_of("YOUNGEST_FIRST", "OLDEST_FIRST"), "YOUNGEST_FIRST")
    unreachable_strategy: UnreachableStrategy | str | None = field(UNREACHABLE, None)


@attrs.frozen(kw_only=True)
class Scaling:
    """How many instances there are: a fixed number is all that Marathon knows."""

    kind: str = field(one_of("fixed"), "fixed")
    instances: int = field(integer(0), 1)


@attrs.frozen(kw_only=True)
class Pod:
    """Fields as in Marathon. Executor resources are added to those of the containers."""

    id: str = field(PATH_ID)
    labels: Mapping[str, str] = mapping_field(strings())
    user: str | None = field(text(), None)
    environment: Mapping[str, str | EnvSecret] = mapping_field(_ENV)
    containers: tuple[PodContainer, ...] = field(items(record(PodContainer), least=1))
    secrets: Mapping[str, Secret] = mapping_field(mapping(record(Secret)))
    volumes: tuple[PodVolume, ...] = field(items(VOLUME), (), IF_FILLED)
    networks: tuple[Network, ...] = field(items(record(Network)), (), IF_FILLED)
    scaling: Scaling = field(record(Scaling), Scaling())
    scheduling: Scheduling = field(record(Scheduling), Scheduling())
    executor_resources: ExecutorResources = field(record(ExecutorResources), ExecutorResources())
    role: str = field(text(1), "")
    linux_info: LinuxInfo | None = field(record(LinuxInfo), None)
    legacy_shared_cgroups: bool | None = field(flag(), None)
    #: timestamp; "": none yet
    version: str = field(text(), "", IF_FILLED, is_read=False)
    #: which clients do not see
    version_info: VersionInfo | None = field(record(VersionInfo), None, Written.NEVER, is_read=False)

    @property
    def instances(self) -> int:
        """How many there are to be."""
        return self.scaling.instances

    @property
    def is_resident(self) -> bool:
        """Its instances have persistent volumes."""
        return bool(of_kind(self.volumes, PersistentDirectory))


def read_pod(body: Any) -> Pod:
    """What is given of a pod; ``complete_pod`` fills in the rest. Raises InvalidJson, with all that is wrong."""
    pod: Pod = read_as(record(Pod), body)
    return pod


def complete_pod(given: Pod, settings: Settings, base: str = paths.ROOT, role: str | None = None) -> Pod:
    """The pod that is meant in the group ``base``; ``role`` is its group's, if that has one."""
    name, scheduling = settings.default_network_name, given.scheduling
    networks = tuple(
        attrs.evolve(one, name=name) if one.mode == CONTAINER and one.name is None else one for one in given.networks
    ) or HOST_NETWORKS
    containers = given.containers
    if all(one.mode != CONTAINER for one in networks):  # every endpoint has a port on the host
        containers = tuple(
            attrs.evolve(one, endpoints=tuple(attrs.evolve(end, host_port=end.host_port or 0) for end in one.endpoints))
            for one in containers
        )
    volumes = tuple(
        attrs.evolve(one, persistent=one.persistent.with_type()) if isinstance(one, PersistentDirectory) else one
        for one in given.volumes
    )
    in_place = Upgrade(minimum_health_capacity=0.5, maximum_over_capacity=0.0)
    role = given.role or role or settings.mesos_role
    placement = scheduling.placement
    scheduling = attrs.evolve(
        scheduling,
        placement=attrs.evolve(
            placement, accepted_resource_roles=settings.usable(placement.accepted_resource_roles, role)
        ),
        upgrade=scheduling.upgrade or (in_place if given.is_resident else Upgrade()),
        unreachable_strategy=scheduling.unreachable_strategy or (DISABLED if given.is_resident else NO_LIMIT),
    )
    return attrs.evolve(
        given, id=paths.absolute(given.id, base), networks=networks, containers=containers, volumes=volumes,
        scheduling=scheduling, role=role,
    )  # fmt: skip
