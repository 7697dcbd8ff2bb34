"""What a complete pod may not be: as for apps, rule by rule, all said at once.

Source: mesosphere/marathon .../api/v2/validation/PodsValidation.scala.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from frameworks.marathon_py.definitions import constraints, paths
from frameworks.marathon_py.definitions.app import DISABLED
from frameworks.marathon_py.definitions.checks import Shell
from frameworks.marathon_py.definitions.fields import Violation, element
from frameworks.marathon_py.definitions.network import CONTAINER, HOST
from frameworks.marathon_py.definitions.pods import (
    Endpoint,
    PersistentDirectory,
    Pod,
    PodContainer,
    PodHealthCheck,
    SecretFile,
)
from frameworks.marathon_py.definitions.rules import basics, roles, uris
from frameworks.marathon_py.definitions.rules.container import linux_info
from frameworks.marathon_py.definitions.rules.network import NAME_FOR_HOST_PORT, combination
from frameworks.marathon_py.definitions.rules.volumes import persistent
from frameworks.marathon_py.definitions.rules.words import MUST_NOT_BE_EMPTY, exactly, feature, has_twice, is_one_of
from frameworks.marathon_py.definitions.settings import ANY_ROLE, Settings

Rule = Callable[[Pod, Settings], Iterator[Violation]]


def ids(pod: Pod, settings: Settings) -> Iterator[Violation]:
    for text in paths.problems_of_own(pod.id):
        yield Violation("/id", text)
    yield from basics.length(pod.id, max((one.name for one in pod.containers), key=len, default=""))
    if pod.user == "":
        yield Violation("/user", MUST_NOT_BE_EMPTY)


def environment(pod: Pod, settings: Settings) -> Iterator[Violation]:
    yield from basics.secrets(pod.secrets, settings)
    yield from basics.variables("/environment", pod.environment, pod.secrets, settings)
    yield from basics.deployment_terms(pod.labels, not pod.is_resident)


def networks(pod: Pod, settings: Settings) -> Iterator[Violation]:
    yield from combination(pod.networks)


def volumes(pod: Pod, settings: Settings) -> Iterator[Violation]:
    if has_twice(volume.name for volume in pod.volumes):
        yield Violation("/volumes", "volume names must be unique")
    mounted = [mount.name for container in pod.containers for mount in container.volume_mounts]
    for index, volume in enumerate(pod.volumes):
        at = element("/volumes", index)
        if volume.name not in mounted:
            yield Violation(at, "volume must be referenced by at least one container")
        if isinstance(volume, PersistentDirectory):
            yield from persistent(f"{at}/persistent", volume.persistent)
        if isinstance(volume, SecretFile):
            yield from feature(at, "secrets", settings)
            if volume.secret not in pod.secrets:
                yield Violation(f"{at}/secret", "volume.secret must refer to an existing secret")


def names(pod: Pod, settings: Settings) -> Iterator[Violation]:
    """What is one thing in all containers. The text has Marathon's typing error."""
    if has_twice(container.name for container in pod.containers):
        yield Violation("/containers", "container names must be unique")
    endpoints = [endpoint for container in pod.containers for endpoint in container.endpoints]
    if has_twice(one.name for one in endpoints):
        yield Violation("/", "endpoint names nust be unique across all containers")
    if has_twice(one.container_port for one in endpoints if one.container_port):
        yield Violation("/", "container ports must be unique across all containers")
    if has_twice(one.host_port for one in endpoints if one.host_port):
        yield Violation("/", "host ports must be unique across all containers")


def containers(pod: Pod, settings: Settings) -> Iterator[Violation]:
    for index, container in enumerate(pod.containers):
        yield from _container(element("/containers", index), container, pod, settings)


def _container(at: str, container: PodContainer, pod: Pod, settings: Settings) -> Iterator[Violation]:
    limits, resources = container.resource_limits, container.resources
    if limits is not None:
        yield from basics.limit(f"{at}/resourceLimits/cpus", limits.cpus, resources.cpus)
        yield from basics.limit(f"{at}/resourceLimits/mem", limits.mem, resources.mem)
        if pod.legacy_shared_cgroups:
            text = "resourceLimits cannot be defined if legacySharedCgroups is enabled"
            yield Violation(f"{at}/resourceLimits", text)
    run = container.exec
    if run is not None and isinstance(run.command, Shell) and run.override_entrypoint is False:
        yield Violation(f"{at}/exec", "overrideEntrypoint must not be false for shell commands")
    yield from uris.artifacts(f"{at}/artifacts", container.artifacts)
    for index, endpoint in enumerate(container.endpoints):
        yield from _endpoint(element(f"{at}/endpoints", index), endpoint, pod)
    if container.image is not None and container.image.pull_config is not None:
        path = f"{at}/image/pullConfig"
        yield from feature(path, "secrets", settings)
        if container.image.pull_config.secret not in pod.secrets:
            yield Violation(path, "pullConfig.secret must refer to an existing secret")
    yield from basics.variables(f"{at}/environment", container.environment, pod.secrets, settings)
    declared = [endpoint.name for endpoint in container.endpoints]
    if container.health_check is not None:
        yield from _health_check(f"{at}/healthCheck", container.health_check, declared)
    if container.check is not None:
        kinds = (container.check.http, container.check.tcp, container.check.exec)
        yield from _one_kind(f"{at}/check", kinds)
    known = [volume.name for volume in pod.volumes]
    for index, mount in enumerate(container.volume_mounts):
        if mount.name not in known:
            path = f"{element(f'{at}/volumeMounts', index)}/name"
            yield Violation(path, "Referenced Volume in VolumeMount should exist")
    if container.linux_info is not None:
        yield from linux_info(f"{at}/linuxInfo", container.linux_info)


def _endpoint(at: str, endpoint: Endpoint, pod: Pod) -> Iterator[Violation]:
    modes = [network.mode for network in pod.networks]
    declared = [network.name for network in pod.networks if network.name is not None]
    for index, name in enumerate(endpoint.network_names):
        yield from is_one_of(element(f"{at}/networkNames", index), name, declared)
    if HOST in modes and endpoint.container_port is not None:
        yield Violation(f"{at}/containerPort", "is not allowed when using host-mode networking")
    if CONTAINER in modes and endpoint.container_port is None:
        yield Violation(f"{at}/containerPort", "is required when using container-mode networking")
    if has_twice(endpoint.protocol):
        yield Violation(f"{at}/protocol", "Duplicate protocols within the same endpoint are not allowed")
    if modes.count(CONTAINER) > 1 and endpoint.host_port is not None and len(endpoint.network_names) != 1:
        yield Violation(at, NAME_FOR_HOST_PORT)


def _health_check(at: str, check: PodHealthCheck, declared: list[str]) -> Iterator[Violation]:
    yield from _one_kind(at, (check.http, check.tcp, check.exec))
    for name, probe in (("http", check.http), ("tcp", check.tcp)):
        if probe is not None and probe.endpoint not in declared:
            yield Violation(f"{at}/{name}/endpoint", "contained in the container endpoints")
    if check.timeout_seconds >= check.interval_seconds:
        text = f"got {check.timeout_seconds}, expected less than {check.interval_seconds}"
        yield Violation(f"{at}/timeoutSeconds", text)


def _one_kind(at: str, kinds: tuple[object, ...]) -> Iterator[Violation]:
    if sum(kind is not None for kind in kinds) != 1:
        yield Violation(at, "Only one of http, tcp, or command may be specified")


def scaling(pod: Pod, settings: Settings) -> Iterator[Violation]:
    yield from basics.instances("/scaling/instances", pod.instances)


def scheduling(pod: Pod, settings: Settings) -> Iterator[Violation]:
    at, given = "/scheduling", pod.scheduling
    for index, one in enumerate(given.placement.constraints):
        text = constraints.problem(one.words)
        if text is not None:
            yield Violation(element(f"{at}/placement/constraints", index), text)
    yield from basics.unreachable(f"{at}/unreachableStrategy", given.unreachable_strategy)
    if pod.is_resident:
        if given.unreachable_strategy != DISABLED:
            yield Violation("/", "unreachableStrategy must be disabled for pods with persistent volumes")
        if given.upgrade is not None:
            yield from exactly("/upgrade/maximumOverCapacity", given.upgrade.maximum_over_capacity, 0.0)


def roles_of_pod(pod: Pod, settings: Settings) -> Iterator[Violation]:
    for text in roles.problems(pod.role):
        yield Violation("/role", text)
    if pod.is_resident and pod.role == ANY_ROLE:
        yield Violation("/role", f"Resident pods cannot have the role {ANY_ROLE}")
    accepted = pod.scheduling.placement.accepted_resource_roles
    if accepted and pod.is_resident and accepted != (ANY_ROLE,):
        yield Violation("/acceptedResourceRoles", f'A resident pod must have `acceptedResourceRoles = ["{ANY_ROLE}"]`.')
    yield from roles.accepted_for("/acceptedResourceRoles", accepted, pod.role)


def linux(pod: Pod, settings: Settings) -> Iterator[Violation]:
    if pod.linux_info is not None:
        if pod.linux_info.seccomp is not None:
            yield Violation("/linuxInfo/seccomp", "Seccomp configuration on executor level is not supported")
        else:
            yield from linux_info("/linuxInfo", pod.linux_info)


RULES: tuple[Rule, ...] = (
    ids, environment, networks, volumes, names, containers, scaling, scheduling, roles_of_pod, linux,
)  # fmt: skip


def violations(pod: Pod, settings: Settings) -> list[Violation]:
    """All that is wrong with a pod, in the order of the rules; the same is not said twice."""
    return list(dict.fromkeys(one for rule in RULES for one in rule(pod, settings)))
