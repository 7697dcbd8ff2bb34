"""Rules about a change of an app or a pod whose instances have persistent volumes: these were made for what it was."""

from __future__ import annotations

from collections.abc import Iterator

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.fields import Violation
from frameworks.marathon_py.definitions.pods import PersistentDirectory, Pod
from frameworks.marathon_py.definitions.volumes import PersistentVolume, of_kind

_NO = "Services with persistent volumes configured may not change {}. "
_INSTEAD = "If you need to make this change, please create a new service."
RESOURCES_CHANGED = _NO.format("resource requirements") + _INSTEAD
HOST_PORTS_CHANGED = _NO.format("host ports") + _INSTEAD
_ROLE_CHANGED = (
    "It is not possible to change the role for existing reservations. If you proceed with this change, all existing "
    "instances will continue to run under the previous role, {}. Only new instances will be allocated with the new "
    "role, {}. In order to continue, retry your request with ?force=true"
)


def violations_of_update(old: App, new: App, is_forced: bool = False) -> Iterator[Violation]:
    """What may not be changed, and is. While nothing runs, resources and ports may be."""
    if not old.is_resident and not new.is_resident:
        return
    if _persistent(old) != _persistent(new):
        yield Violation("/", "Persistent volumes can not be changed!")
    if old.instances > 0:
        for name in ("cpus", "mem", "disk", "gpus"):
            if getattr(old, name) != getattr(new, name):
                yield Violation(f"/{name}", RESOURCES_CHANGED)
        if old.require_ports != new.require_ports:
            yield Violation("/requirePorts", RESOURCES_CHANGED)
        if set(host_ports(old)) != set(host_ports(new)):
            yield Violation("/", HOST_PORTS_CHANGED)
    if old.is_resident and new.is_resident and old.role != new.role and not is_forced:
        yield Violation("/role", _ROLE_CHANGED.format(old.role, new.role))


def violations_of_pod_update(old: Pod, new: Pod) -> Iterator[Violation]:
    """Likewise for pods."""
    if not old.is_resident and not new.is_resident:
        return
    if of_kind(old.volumes, PersistentDirectory) != of_kind(new.volumes, PersistentDirectory):
        yield Violation("/", "persistent volumes cannot be updated")
    if old.instances > 0:
        for name in ("cpus", "mem", "disk", "gpus"):
            if _total(old, name) != _total(new, name):
                yield Violation("/", f"{name} cannot be updated if a pod has persistent volumes")
        if _ports_of_pod(old) != _ports_of_pod(new):
            yield Violation("/", "host ports cannot be updated if a pod has persistent volumes")


def _total(pod: Pod, name: str) -> float:
    amounts: list[float] = [getattr(container.resources, name) for container in pod.containers]
    return sum(amounts, getattr(pod.executor_resources, name, 0.0))


def _ports_of_pod(pod: Pod) -> frozenset[int | None]:
    return frozenset(one.host_port for container in pod.containers for one in container.endpoints)


def host_ports(app: App) -> tuple[int, ...]:
    """Those that the definition names; 0 is any."""
    if app.container is not None and app.container.port_mappings is not None:
        return tuple(one.host_port for one in app.container.port_mappings if one.host_port is not None)
    return tuple(one.port for one in app.port_definitions or ())


def _persistent(app: App) -> dict[str, PersistentVolume]:
    volumes = app.container.volumes if app.container is not None else ()
    return {one.container_path: one for one in of_kind(volumes, PersistentVolume)}
