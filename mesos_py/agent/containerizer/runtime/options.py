"""The agent's settings for what crun does: capabilities, devices, system calls, namespaces.

Names and defaults are Mesos' (Mesos: src/slave/flags.cpp). They go on from Docker's, because a class with slots has one
base that has some.
"""

from __future__ import annotations

import attrs

from mesos_py.agent import mapped_ids
from mesos_py.agent.containerizer.docker.options import DockerOptions
from mesos_py.agent.containerizer.isolators.devices import check
from mesos_py.agent.mapped_ids import MappedIds
from mesos_py.flags import BOOLEAN, INDICES, SIZE, TEXT, Kind, checked, message, option
from mesos_py.wire.linux import CapabilityInfo, DeviceWhitelist


@attrs.frozen(kw_only=True)
class RuntimeOptions(DockerOptions):
    """Some of an agent's."""

    effective_capabilities: CapabilityInfo | None = option(
        message(CapabilityInfo), None, 'What processes of containers may do that do not say, as {"capabilities":'
        '["NET_RAW"]}; unset: what their user may.', group="Containers",
    )  # fmt: skip
    bounding_capabilities: CapabilityInfo | None = option(
        message(CapabilityInfo), None, "What processes of containers may do at most, likewise; unset: everything.",
        group="Containers",
    )  # fmt: skip
    nvidia_gpu_devices: tuple[int, ...] | None = option(
        INDICES, None, "With gpu/nvidia: indices of the GPUs that containers may have, as nvidia-smi shows them; unset:"
        " all. As many are offered unless --resources says how many.", group="Containers",
    )  # fmt: skip
    disallow_sharing_agent_pid_namespace: bool = option(
        BOOLEAN, False, "No container sees the host's processes.", group="Containers"
    )
    disallow_sharing_agent_ipc_namespace: bool = option(
        BOOLEAN, False, "No container shares memory with the host's processes.", group="Containers"
    )
    default_container_shm_size: int | None = option(
        SIZE, None, "Size of a container's own /dev/shm; unset: 64MB.", group="Containers"
    )
    user_namespace_ids: MappedIds = option(
        Kind("FIRST-LAST", mapped_ids.parse), mapped_ids.DEFAULT, "With namespaces/user: which of the host's users and"
        " groups those of containers are, root the first of them; they should be nobody else's.", group="Containers",
    )  # fmt: skip
    allowed_devices: DeviceWhitelist | None = option(
        checked(message(DeviceWhitelist), check), None, "With cgroups/devices or linux/devices: devices that containers"
        ' may use besides those that all have, as {"allowed_devices":[{"device":{"path":"/dev/fuse"},'
        '"access":{"read":true,"write":true}}]}.', group="Containers",
    )  # fmt: skip
    seccomp_config_dir: str | None = option(
        TEXT, None, "With linux/seccomp: directory of profiles, in Docker's format.", group="Containers"
    )
    seccomp_profile_name: str | None = option(
        TEXT, None, "The profile of containers that name none; unset: they may make every system call.",
        group="Containers",
    )  # fmt: skip
