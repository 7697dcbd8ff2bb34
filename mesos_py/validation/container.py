"""Why a ContainerInfo is refused. Mesos: src/common/validation.cpp validateContainerInfo, validateVolume."""

from __future__ import annotations

from mesos_py.validation.command import invalid_secret
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.volume import Volume

_Source = Volume.Source.Type

_SOURCE_FIELDS = {
    _Source.DOCKER_VOLUME: "docker_volume",
    _Source.HOST_PATH: "host_path",
    _Source.SANDBOX_PATH: "sandbox_path",
    _Source.SECRET: "secret",
    _Source.CSI_VOLUME: "csi_volume",
}


def invalid_container(container: ContainerInfo) -> str | None:
    for volume in container.volumes:
        text = invalid_volume(volume)
        if text is not None:
            return f"Invalid volume: {text}"
    if container.type is ContainerInfo.Type.DOCKER:
        docker = container.docker
        if docker is None:
            return "DockerInfo 'docker' is not set for DOCKER typed ContainerInfo"
        if any(parameter.key == "name" for parameter in docker.parameters):
            return "Parameter in DockerInfo must not be 'name'"
    return None


def invalid_volume(volume: Volume) -> str | None:
    """Exactly one of host_path, image and source; a source is of one kind and complete."""
    given = sum(field is not None for field in (volume.host_path, volume.image, volume.source))
    if given != 1:
        return "Only one of them should be set: 'host_path', 'image' and 'source'"
    source = volume.source
    if source is None:
        return None
    if not source.type:
        return "'source.type' is unknown" if source.type is not None else "'source.type' is not set"
    field = _SOURCE_FIELDS[source.type]
    if getattr(source, field) is None:
        return f"'source.{field}' is not set for {source.type.name} volume"
    if source.sandbox_path is not None and source.type is _Source.SANDBOX_PATH:
        if source.sandbox_path.path.startswith("/"):
            return f"Path '{source.sandbox_path.path}' in SANDBOX_PATH volume is absolute"
        if not source.sandbox_path.type:
            return "'source.sandbox_path.type' is unknown"
    if source.secret is not None and source.type is _Source.SECRET:
        return invalid_secret(source.secret)
    return None
