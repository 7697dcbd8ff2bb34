"""The container of an app's task: which containerizer, image, networks, volumes. That of a pod is in ``pod``.

Source: mesosphere/marathon .../api/serialization/ContainerSerializer.scala, .../mesos/TaskBuilder.scala.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from frameworks.marathon_py.definitions import container as definitions
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.container import DOCKER, Container, Docker
from frameworks.marathon_py.definitions.network import BRIDGE, CONTAINER, HOST, Network, PortMapping
from frameworks.marathon_py.definitions.volumes import (
    Capability,
    Csi,
    CsiOptions,
    Dvdi,
    ExternalVolume,
    HostVolume,
    SecretVolume,
)
from frameworks.marathon_py.launching.discovery import labels_of
from frameworks.marathon_py.launching.ports import HostPorts, inside
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.ids import TaskID
from mesos_py.wire.image import Image
from mesos_py.wire.linux import LinuxInfo, SeccompInfo, TTYInfo
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.secret import Secret
from mesos_py.wire.value import Parameter, Parameters
from mesos_py.wire.volume import Volume

FindSecret = Callable[[str], Secret]
"""The secret of a name of the definition's."""

DockerInfo = ContainerInfo.DockerInfo
_DOCKER_NETWORKS = {
    HOST: DockerInfo.Network.HOST, BRIDGE: DockerInfo.Network.BRIDGE, CONTAINER: DockerInfo.Network.USER,
}  # fmt: skip


def of_app(
    app: App, task_id: TaskID, host_ports: HostPorts, bridge_name: str, secret: FindSecret
) -> ContainerInfo | None:  # fmt: skip
    """None: it needs none."""
    container = app.container
    if container is None:
        return None
    volumes = tuple(_volumes(container, secret))
    tty = TTYInfo() if app.tty else None
    mappings = list(_mappings(container, host_ports))
    if container.type == DOCKER and container.docker is not None:
        names = [one.name for one in app.networks if one.mode == CONTAINER]
        return ContainerInfo(
            type=ContainerInfo.Type.DOCKER, volumes=volumes, tty_info=tty,
            docker=_docker(container.docker, app.networks[0], mappings, task_id),
            network_infos=tuple([NetworkInfo(name=name) for name in names[:1]]),
        )  # fmt: skip
    docker = container.docker
    return ContainerInfo(
        type=ContainerInfo.Type.MESOS, volumes=volumes, tty_info=tty,
        mesos=ContainerInfo.MesosInfo(image=_image(docker, secret) if docker is not None else None),
        network_infos=tuple(
            [network_info(one, mappings, bridge_name) for one in app.networks if one.mode != HOST]
        ),
        linux_info=linux_info(container.linux_info) if container.linux_info is not None else None,
    )  # fmt: skip


# ---- ports


def _mappings(container: Container, host_ports: HostPorts) -> Iterator[tuple[PortMapping, int]]:
    """Those that lead from the host into the container, with the host's port."""
    for mapping, host_port in zip(container.port_mappings or (), host_ports, strict=False):
        if host_port is not None:
            yield mapping, host_port


def network_info(network: Network, mappings: list[tuple[PortMapping, int]], bridge_name: str) -> NetworkInfo:
    """Of the Mesos containerizer: the network's CNI name, and what of the host leads there."""
    name = bridge_name if network.mode == BRIDGE else network.name
    here = [
        NetworkInfo.PortMapping(
            host_port=host_port, container_port=inside(mapping.container_port, host_port), protocol=protocol
        )
        for mapping, host_port in mappings if all(one == name for one in mapping.network_names)
        for protocol in mapping.protocol.split(",")
    ]  # fmt: skip
    return NetworkInfo(
        name=name, labels=labels_of(network.labels), ip_addresses=(NetworkInfo.IPAddress(),),
        port_mappings=tuple(here),
    )  # fmt: skip


# ---- images


def _docker(docker: Docker, network: Network, mappings: list[tuple[PortMapping, int]], task_id: TaskID) -> DockerInfo:
    ports = [
        DockerInfo.PortMapping(
            host_port=host_port, container_port=inside(mapping.container_port, host_port), protocol=protocol
        )
        for mapping, host_port in mappings for protocol in mapping.protocol.split(",")
    ]  # fmt: skip
    given = [Parameter(key=one.key, value=one.value) for one in docker.parameters]
    return DockerInfo(
        image=docker.image, network=_DOCKER_NETWORKS[network.mode], port_mappings=tuple(ports),
        privileged=docker.privileged, force_pull_image=docker.force_pull_image,
        parameters=(*given, Parameter(key="label", value=f"MESOS_TASK_ID={task_id}")),
    )  # fmt: skip


def _image(docker: Docker, secret: FindSecret) -> Image:
    config = secret(docker.pull_config.secret) if docker.pull_config is not None else None
    return docker_image(docker.image, config, is_cached=not docker.force_pull_image)


def docker_image(name: str, config: Secret | None, is_cached: bool) -> Image:
    return Image(type=Image.Type.DOCKER, docker=Image.Docker(name=name, config=config), cached=is_cached)


def linux_info(given: definitions.LinuxInfo, *, share_cgroups: bool = True) -> LinuxInfo:
    seccomp, ipc = given.seccomp, given.ipc_info
    return LinuxInfo(
        seccomp=SeccompInfo(profile_name=seccomp.profile_name, unconfined=seccomp.unconfined)
        if seccomp is not None else None,
        ipc_mode=LinuxInfo.IpcMode[ipc.mode] if ipc is not None else None,
        shm_size=ipc.shm_size if ipc is not None else None, share_cgroups=share_cgroups,
    )  # fmt: skip


# ---- volumes


def _volumes(container: Container, secret: FindSecret) -> Iterator[Volume]:
    """Persistent ones come with their resources."""
    for volume in container.volumes:
        if isinstance(volume, HostVolume):
            yield Volume(
                container_path=volume.container_path, host_path=volume.host_path, mode=Volume.Mode[volume.mode]
            )
        elif isinstance(volume, SecretVolume):
            source = Volume.Source(type=Volume.Source.Type.SECRET, secret=secret(volume.secret))
            yield Volume(container_path=volume.container_path, source=source, mode=Volume.Mode.RO)
        elif isinstance(volume, ExternalVolume):
            yield _external(volume, volume.external)


def _external(volume: ExternalVolume, external: Dvdi | Csi) -> Volume:
    if isinstance(external, Csi):
        source = Volume.Source(type=Volume.Source.Type.CSI_VOLUME, csi_volume=_csi(external.name, external.options))
    else:
        options = {name: text for name, text in external.options.items() if name.startswith(_DVDI) and name != _DRIVER}
        if external.size is not None:
            options[f"{_DVDI}size"] = str(external.size)
        given = [Parameter(key=name.removeprefix(_DVDI), value=text.strip()) for name, text in options.items()]
        source = Volume.Source(
            type=Volume.Source.Type.DOCKER_VOLUME,
            docker_volume=Volume.Source.DockerVolume(
                driver=external.options.get(_DRIVER), name=external.name or "",
                driver_options=Parameters(parameter=tuple(given)) if given else None,
            ),
        )  # fmt: skip
    return Volume(container_path=volume.container_path, source=source, mode=Volume.Mode[volume.mode])


_DVDI = "dvdi/"
_DRIVER = f"{_DVDI}driver"
CSIVolume = Volume.Source.CSIVolume


def _csi(name: str, options: CsiOptions) -> CSIVolume:
    return CSIVolume(
        plugin_name=options.plugin_name,
        static_provisioning=CSIVolume.StaticProvisioning(
            volume_id=name, volume_capability=_capability(options.capability),
            node_stage_secrets={key: _reference(text) for key, text in options.node_stage_secret.items()},
            node_publish_secrets={key: _reference(text) for key, text in options.node_publish_secret.items()},
            volume_context=options.volume_context,
        ),
    )  # fmt: skip


def _capability(given: Capability) -> CSIVolume.VolumeCapability:
    made = CSIVolume.VolumeCapability
    mode = made.AccessMode(mode=made.AccessMode.Mode[given.access_mode])
    if given.access_type == "block":
        return made(block=made.BlockVolume(), access_mode=mode)
    return made(mount=made.MountVolume(fs_type=given.fs_type, mount_flags=given.mount_flags), access_mode=mode)


def _reference(name: str) -> Secret:
    """The agent resolves it."""
    return Secret(type=Secret.Type.REFERENCE, reference=Secret.Reference(name=name))
