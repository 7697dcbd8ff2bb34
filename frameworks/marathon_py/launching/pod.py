"""The tasks of a pod's instance: one group under Mesos' default executor, which has the networks and the ports.

Source: mesosphere/marathon src/main/scala/mesosphere/mesos/TaskGroupBuilder.scala.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from frameworks.marathon_py.definitions.checks import Shell
from frameworks.marathon_py.definitions.network import BRIDGE, HOST, Network
from frameworks.marathon_py.definitions.pods import Ephemeral, HostDirectory, Pod, PodContainer, SecretFile
from frameworks.marathon_py.launching import checks, discovery, environment
from frameworks.marathon_py.launching.container import FindSecret, docker_image, linux_info
from frameworks.marathon_py.launching.discovery import labels_of
from frameworks.marathon_py.launching.ports import HostPorts, endpoints, inside
from frameworks.marathon_py.launching.request import needs
from frameworks.marathon_py.launching.task import (
    Slot,
    environment_info,
    finder,
    is_enforced,
    kill_policy,
    limits,
    part,
    uri,
)  # fmt: skip
from mesos_py.wire.command import CommandInfo, Environment
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.ids import ExecutorID, FrameworkID, TaskID
from mesos_py.wire.linux import LinuxInfo, TTYInfo
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.offer import Offer
from mesos_py.wire.task import TaskGroupInfo, TaskInfo
from mesos_py.wire.volume import Volume

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon

EPHEMERAL = "volumes/"
"""In the sandbox of the executor, where the directories are that containers share."""


def executor_id(instance_id: str) -> ExecutorID:
    """Of ``shop_web.instance-UUID``: ``instance-shop_web.UUID``."""
    spec, _, uuid = instance_id.rpartition(".instance-")
    return ExecutorID(f"instance-{spec}.{uuid}")


def launch_group(
    m: Marathon, pod: Pod, instance_id: str, task_ids: Mapping[str, TaskID], framework_id: FrameworkID, slot: Slot
) -> Offer.Operation.LaunchGroup:  # fmt: skip
    """``task_ids`` by container."""
    needed, left = needs(m, pod), slot.resources
    own = {}
    for name, need in needed.items():
        if name:
            own[name], left = part(left, need)
    group_id = executor_id(instance_id)
    networks = [network for network in pod.networks if network.mode != HOST]
    executor = ExecutorInfo(
        type=ExecutorInfo.Type.DEFAULT, executor_id=group_id, framework_id=framework_id,
        resources=left.messages(), labels=labels_of(pod.labels),
        container=ContainerInfo(
            type=ContainerInfo.Type.MESOS,
            network_infos=tuple(
                [_network(pod, network, slot.host_ports, m.settings.mesos_bridge_name) for network in networks]
            ),
            linux_info=_linux_info(pod, pod),
        ),
    )  # fmt: skip
    secret = finder(m, pod)
    tasks = []
    for container, host_ports in by_container(pod, slot.host_ports):
        told = environment.of_container(
            pod, container, task_ids[container.name], group_id, slot.hostname, slot.host_ports,
            m.habits.env_vars_prefix, is_enforced(m, pod),
        )  # fmt: skip
        lifecycle = container.lifecycle
        tasks.append(TaskInfo(
            name=container.name, task_id=task_ids[container.name], agent_id=slot.agent_id,
            resources=own[container.name].messages(), limits=limits(container.resource_limits),
            labels=labels_of(container.labels), command=_command(pod, container, environment_info(told, secret)),
            container=_container(pod, container, secret),
            health_check=checks.health_of_container(pod, container, host_ports),
            check=checks.check_of_container(pod, container, host_ports),
            kill_policy=kill_policy(lifecycle.kill_grace_period_seconds if lifecycle is not None else None),
            discovery=discovery.of_container(pod, container, host_ports),
        ))  # fmt: skip
    return Offer.Operation.LaunchGroup(executor=executor, task_group=TaskGroupInfo(tasks=tuple(tasks)))


def by_container(pod: Pod, host_ports: HostPorts) -> Iterator[tuple[PodContainer, HostPorts]]:
    """The ports of each container's endpoints."""
    at = 0
    for container in pod.containers:
        yield container, host_ports[at : at + len(container.endpoints)]
        at += len(container.endpoints)


def _command(pod: Pod, container: PodContainer, told: Environment) -> CommandInfo:
    """Without a shell, what an image runs by itself is run, with these arguments unless they replace it."""
    uris = tuple(map(uri, container.artifacts))
    user = container.user if container.user is not None else pod.user
    value, arguments = _program(container)
    is_shell = container.exec is not None and isinstance(container.exec.command, Shell)
    return CommandInfo(
        shell=is_shell, value=value, arguments=arguments, environment=told, uris=uris, user=user
    )  # fmt: skip


def _program(container: PodContainer) -> tuple[str | None, tuple[str, ...]]:
    if container.exec is None:
        return None, ()
    if isinstance(container.exec.command, Shell):
        return container.exec.command.shell, ()
    argv = container.exec.command.argv
    is_program = container.image is None or bool(container.exec.override_entrypoint)
    return (argv[0] if is_program else None), argv


def _network(pod: Pod, network: Network, host_ports: HostPorts, bridge_name: str) -> NetworkInfo:
    name = bridge_name if network.mode == BRIDGE else network.name
    mappings = [
        NetworkInfo.PortMapping(
            host_port=host_port, container_port=inside(endpoint.container_port or 0, host_port), protocol=protocol
        )
        for endpoint, host_port in zip(endpoints(pod), host_ports, strict=True)
        if host_port is not None and all(one == name for one in endpoint.network_names)
        for protocol in endpoint.protocol
    ]  # fmt: skip
    return NetworkInfo(name=name, labels=labels_of(network.labels), port_mappings=tuple(mappings))


def _container(pod: Pod, container: PodContainer, secret: FindSecret) -> ContainerInfo:
    image = container.image
    mesos = None
    if image is not None:
        config = secret(image.pull_config.secret) if image.pull_config is not None else None
        mesos = ContainerInfo.MesosInfo(image=docker_image(image.id, config, is_cached=not image.force_pull))
    return ContainerInfo(
        type=ContainerInfo.Type.MESOS, mesos=mesos, volumes=tuple(_volumes(pod, container, secret)),
        tty_info=TTYInfo() if container.tty else None, linux_info=_linux_info(pod, container),
    )  # fmt: skip


def _linux_info(pod: Pod, given: Pod | PodContainer) -> LinuxInfo:
    """Containers have cgroups of their own, unless the pod is from before they could."""
    share = bool(pod.legacy_shared_cgroups)
    if given.linux_info is None:
        return LinuxInfo(share_cgroups=share)
    return linux_info(given.linux_info, share_cgroups=share)


def _volumes(pod: Pod, container: PodContainer, secret: FindSecret) -> Iterator[Volume]:
    volumes = {volume.name: volume for volume in pod.volumes}
    for mount in container.volume_mounts:
        volume, mode = volumes[mount.name], Volume.Mode.RO if mount.read_only else Volume.Mode.RW
        if isinstance(volume, HostDirectory):
            yield Volume(container_path=mount.mount_path, host_path=volume.host, mode=mode)
        elif isinstance(volume, SecretFile):
            source = Volume.Source(type=Volume.Source.Type.SECRET, secret=secret(volume.secret))
            yield Volume(container_path=mount.mount_path, source=source, mode=Volume.Mode.RO)
        else:
            path = f"{EPHEMERAL}{volume.name}" if isinstance(volume, Ephemeral) else volume.name
            shared = Volume.Source.SandboxPath(type=Volume.Source.SandboxPath.Type.PARENT, path=path)
            source = Volume.Source(type=Volume.Source.Type.SANDBOX_PATH, sandbox_path=shared)
            yield Volume(container_path=mount.mount_path, source=source, mode=mode)
