"""What is mounted into a container.

Mesos: include/mesos/v1/mesos.proto.
"""

from __future__ import annotations

from collections.abc import Mapping

from mesos_py.wire.image import Image
from mesos_py.wire.schema import WireEnum, mapping, message, oneof, opt, rep, req
from mesos_py.wire.secret import Secret
from mesos_py.wire.value import Parameters


@message
class MountPropagation:
    """Whether mounts made later on one side show on the other."""

    class Mode(WireEnum):
        UNKNOWN = 0
        HOST_TO_CONTAINER = 1
        BIDIRECTIONAL = 2

    mode: Mode | None = opt(1)


@message
class Volume:
    """One mount: exactly one of host_path, image and source says of what."""

    class Mode(WireEnum):
        RW = 1
        RO = 2

    @message
    class Source:
        class Type(WireEnum):
            UNKNOWN = 0
            DOCKER_VOLUME = 1
            SANDBOX_PATH = 2
            SECRET = 3
            HOST_PATH = 4
            CSI_VOLUME = 5

        @message
        class DockerVolume:
            driver: str | None = opt(1)
            name: str = req(2)
            driver_options: Parameters | None = opt(3)

        @message
        class HostPath:
            path: str = req(1)
            mount_propagation: MountPropagation | None = opt(2)

        @message
        class SandboxPath:
            class Type(WireEnum):
                UNKNOWN = 0
                SELF = 1
                PARENT = 2

            type: Type | None = opt(1)
            path: str = req(2)

        @message
        class CSIVolume:
            @message
            class VolumeCapability:
                @message
                class BlockVolume:
                    """Present or not; no fields."""

                @message
                class MountVolume:
                    fs_type: str | None = opt(1)
                    mount_flags: tuple[str, ...] = rep(2)

                @message
                class AccessMode:
                    class Mode(WireEnum):
                        UNKNOWN = 0
                        SINGLE_NODE_WRITER = 1
                        SINGLE_NODE_READER_ONLY = 2
                        MULTI_NODE_READER_ONLY = 3
                        MULTI_NODE_SINGLE_WRITER = 4
                        MULTI_NODE_MULTI_WRITER = 5

                    mode: Mode = req(1)

                block: BlockVolume | None = oneof(1, "access_type")
                mount: MountVolume | None = oneof(2, "access_type")
                access_mode: AccessMode = req(3)

            @message
            class StaticProvisioning:
                volume_id: str = req(1)
                volume_capability: Volume.Source.CSIVolume.VolumeCapability = req(2)
                node_stage_secrets: Mapping[str, Secret] = mapping(3)
                node_publish_secrets: Mapping[str, Secret] = mapping(4)
                volume_context: Mapping[str, str] = mapping(5)

            plugin_name: str = req(1)
            static_provisioning: StaticProvisioning | None = opt(2)

        type: Type | None = opt(1)
        docker_volume: DockerVolume | None = opt(2)
        sandbox_path: SandboxPath | None = opt(3)
        secret: Secret | None = opt(4)
        host_path: HostPath | None = opt(5)
        csi_volume: CSIVolume | None = opt(6)

    #: RW/RO
    mode: Mode = req(3)
    #: relative = inside sandbox
    container_path: str = req(1)
    host_path: str | None = opt(2)
    image: Image | None = opt(4)
    source: Source | None = opt(5)
