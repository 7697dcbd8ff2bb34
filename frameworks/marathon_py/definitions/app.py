"""An app: one command or image, run so many times. What is read is what people may give; the rest is the server's.

An ``App`` is complete: nothing is left open, and nothing is in a form of former releases. Reading makes a dictionary
of what is given (``read_given``), ``legacy.translate`` and ``complete.complete`` make an app of that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from frameworks.marathon_py.definitions import fields
from frameworks.marathon_py.definitions.checks import Check, HealthCheck, ReadinessCheck
from frameworks.marathon_py.definitions.container import Container
from frameworks.marathon_py.definitions.fields import (
    Kind,
    Report,
    Written,
    field,
    flag,
    integer,
    items,
    mapping,
    mapping_field,
    number,
    one_of,
    record,
    strings,
    switch,
    text,
)  # fmt: skip
from frameworks.marathon_py.definitions.network import HOST_NETWORKS, Network, PortDefinition, PortMapping
from frameworks.marathon_py.definitions.paths import PATH_ID

IF_FILLED = Written.IF_FILLED
UNLIMITED = "unlimited"
DISABLED = "disabled"
SINGLE_INSTANCE = "MARATHON_SINGLE_INSTANCE_APP"

_SECONDS = integer(0)
_FRACTION = number()


@attrs.frozen(kw_only=True)
class Fetch:
    """Something that is in the sandbox when a task begins."""

    uri: str = field(text(1, 1024))
    extract: bool = field(flag(), True)
    executable: bool = field(flag(), False)
    cache: bool = field(flag(), False)
    dest_path: str | None = field(text(1, 1024), None)


@attrs.frozen(kw_only=True)
class EnvSecret:
    """A variable whose value is that of the secret of this name."""

    secret: str = field(text(1))


_SECRET, _TEXT = record(EnvSecret, "undefined"), text()


def _env_value(value: Any) -> Kind:
    return _SECRET if isinstance(value, dict) else _TEXT


ENV = mapping(
    switch(_env_value, lambda value: value if isinstance(value, str) else fields.show(value), (_TEXT, _SECRET))
)


@attrs.frozen(kw_only=True)
class Secret:
    """Where a secret is found."""

    source: str = field(text(1))


@attrs.frozen(kw_only=True)
class UpgradeStrategy:
    """During an upgrade, in parts of the instances: how many at least are healthy, how many more there may be."""

    minimum_health_capacity: float = field(_FRACTION)
    maximum_over_capacity: float = field(_FRACTION)


@attrs.frozen(kw_only=True)
class UnreachableStrategy:
    """After how many seconds out of reach an instance is replaced, and forgotten."""

    inactive_after_seconds: int = field(integer(0, bits=64), 0)
    expunge_after_seconds: int = field(integer(0, bits=64), 0)


_NEVER, _STRATEGY = one_of(DISABLED), record(UnreachableStrategy)


def _unreachable(value: Any) -> Kind:
    return _NEVER if isinstance(value, str) else _STRATEGY


UNREACHABLE = switch(
    _unreachable, lambda value: value if isinstance(value, str) else fields.show(value), (_STRATEGY, _NEVER)
)


@attrs.frozen(kw_only=True)
class ExecutorResources:
    """What an executor has beside its tasks."""

    cpus: float = field(number(0.1), 0.1)
    mem: float = field(number(32), 32.0)
    disk: float = field(number(10), 10.0)


def _read_limit(value: Any, path: str, report: Report) -> Any:
    return value if isinstance(value, str) else number().read(value, path, report)


LIMIT = Kind(
    _read_limit, lambda value: value if isinstance(value, str) else number().show(value),
    {"anyOf": [{"type": "number"}, {"type": "string", "enum": [UNLIMITED]}]},
)  # fmt: skip


@attrs.frozen(kw_only=True)
class ResourceLimits:
    """What a task may use beyond what it has; a text is "unlimited", or what a rule refuses."""

    cpus: float | str | None = field(LIMIT, None)
    mem: float | str | None = field(LIMIT, None)


@attrs.frozen(kw_only=True)
class Residency:
    """Of former releases; it has no effect, and apps with persistent volumes show it."""

    relaunch_escalation_timeout_seconds: int = field(integer(0, bits=64), 3600)
    task_lost_behavior: str = field(one_of("WAIT_FOREVER", "RELAUNCH_AFTER_TIMEOUT"), "WAIT_FOREVER")


@attrs.frozen(kw_only=True)
class VersionInfo:
    """When the last change of two kinds was made: timestamps as clients see them."""

    last_scaling_at: str = field(text())
    last_config_change_at: str = field(text())


NO_LIMIT = UnreachableStrategy()


@attrs.frozen(kw_only=True)
class App:
    """Fields as in Marathon; sizes in MiB, times in seconds."""

    id: str = field(PATH_ID)
    cmd: str | None = field(text(1), None)
    args: tuple[str, ...] = field(items(text()), (), IF_FILLED)
    user: str | None = field(text(), None)

    cpus: float = field(number(), 1.0)
    mem: float = field(number(), 128.0)
    disk: float = field(number(), 0.0)
    gpus: int = field(integer(), 0)
    instances: int = field(integer(), 1)
    executor: str = field(text(), "")
    executor_resources: ExecutorResources | None = field(record(ExecutorResources), None)
    resource_limits: ResourceLimits | None = field(record(ResourceLimits), None)

    env: Mapping[str, str | EnvSecret] = mapping_field(ENV)
    labels: Mapping[str, str] = mapping_field(strings(), Written.ALWAYS)
    secrets: Mapping[str, Secret] = mapping_field(mapping(record(Secret)))
    fetch: tuple[Fetch, ...] = field(items(record(Fetch)), (), IF_FILLED)
    container: Container | None = field(record(Container), None)
    tty: bool | None = field(flag(), None)

    #: fields, operators and values as words; ``constraints.placement`` makes constraints of them
    constraints: tuple[tuple[str, ...], ...] = field(items(items(text()), is_set=True), (), IF_FILLED)
    role: str = field(text(1), "*")
    accepted_resource_roles: tuple[str, ...] = field(items(text(), is_set=True), (), IF_FILLED)

    networks: tuple[Network, ...] = field(items(record(Network)), HOST_NETWORKS)
    #: None: other networks than the host's
    port_definitions: tuple[PortDefinition, ...] | None = field(items(record(PortDefinition)), None)
    require_ports: bool = field(flag(), False)

    health_checks: tuple[HealthCheck, ...] = field(items(record(HealthCheck), is_set=True), (), IF_FILLED)
    check: Check | None = field(record(Check), None)
    readiness_checks: tuple[ReadinessCheck, ...] = field(items(record(ReadinessCheck)), (), IF_FILLED)

    upgrade_strategy: UpgradeStrategy = field(
        record(UpgradeStrategy), UpgradeStrategy(minimum_health_capacity=1.0, maximum_over_capacity=1.0)
    )
    unreachable_strategy: UnreachableStrategy | str = field(UNREACHABLE, NO_LIMIT)
    kill_selection: str = field(one_of("YOUNGEST_FIRST", "OLDEST_FIRST"), "YOUNGEST_FIRST")
    task_kill_grace_period_seconds: int | None = field(_SECONDS, None)
    backoff_seconds: int = field(_SECONDS, 1)
    backoff_factor: float = field(number(1), 1.15)
    max_launch_delay_seconds: int = field(_SECONDS, 300)
    dependencies: tuple[str, ...] = field(items(PATH_ID, is_set=True), (), IF_FILLED)
    residency: Residency | None = field(record(Residency), None)

    #: timestamp; "": none yet. In what people give it asks for a rollback
    version: str = field(text(), "", IF_FILLED)
    version_info: VersionInfo | None = field(record(VersionInfo), None, is_read=False)

    @property
    def is_resident(self) -> bool:
        """Its instances have persistent volumes."""
        return self.container is not None and self.container.is_resident

    @property
    def is_single(self) -> bool:
        """It may never run twice."""
        return self.labels.get(SINGLE_INSTANCE) == "true"

    @property
    def ports(self) -> tuple[PortDefinition | PortMapping, ...]:
        """What port indexes count: port mappings, or port definitions."""
        if self.container is not None and self.container.port_mappings is not None:
            return self.container.port_mappings
        return self.port_definitions or ()
