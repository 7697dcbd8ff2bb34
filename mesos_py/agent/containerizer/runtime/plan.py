"""From what a task asks for to a bundle: the isolators that crun carries out, in their order. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import attrs

from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.containerizer.isolation import Isolation
from mesos_py.agent.containerizer.isolators import (
    capabilities,
    devices,
    filesystem,
    namespaces,
    network,
    rlimits,
    seccomp,
)
from mesos_py.agent.containerizer.runtime.bundle import Bundle, Device, Identity
from mesos_py.agent.mapped_ids import MappedIds
from mesos_py.agent.provisioner.manifest import ImageConfig
from mesos_py.agent.provisioner.runtime import merge
from mesos_py.machine.problem import Problem, bad_request
from mesos_py.wire.linux import CapabilityInfo

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # where neither task nor image names one


@attrs.frozen(kw_only=True)
class Planner:
    """What the agent's flags and its host say about every container."""

    isolation: Isolation
    #: every capability there is here
    capabilities: Sequence[str]
    #: a program that reaps, for containers with a pid namespace; None: the host has none
    init: str | None = None
    #: --effective_capabilities, --bounding_capabilities
    effective: CapabilityInfo | None = None
    bounding: CapabilityInfo | None = None
    #: for roots of their own: those of --allowed_devices, and GPUs
    devices: Sequence[Device] = ()
    #: --seccomp_profile_name, and how to read another one of --seccomp_config_dir
    default_profile: seccomp.Profile | None = None
    profile: Callable[[str], seccomp.Profile | Problem] = lambda name: bad_request(f"No profile '{name}'")
    may_share_pid: bool = True
    may_share_ipc: bool = True
    #: --default_container_shm_size, MB
    shm_mib: int | None = None
    #: of namespaces/user
    ids: MappedIds | None = None
    #: --sandbox_directory
    sandbox_directory: str = "/mnt/mesos/sandbox"

    def plan(
        self, spec: ContainerSpec, identity: Identity, image: tuple[str, ImageConfig] | None = None,
        joined: network.Joined | None = None,
    ) -> Bundle | Problem:  # fmt: skip
        """Everything crun is to do for the container, but for its volumes.

        ``image`` is its root and how to run it, ``joined`` its networks, if it is not in the host's.
        """
        if not spec.argv or any("\0" in text for text in (*spec.argv, *spec.env, *spec.env.values())):
            return bad_request(f"Failed to execute '{spec.executable}': no argv, or an embedded NUL")
        bundle = Bundle(
            spec=spec, identity=identity, sandbox=spec.sandbox, cwd=spec.sandbox, executable=spec.executable,
            argv=spec.argv, env=dict(spec.env), bounding=self.capabilities, effective=self.capabilities,
        )  # fmt: skip
        if self.ids is not None:
            namespaces.user(bundle, self.ids)
        problem = None if image is None else self._enter(bundle, *image)
        if problem is not None:
            return problem
        filesystem.isolate(bundle)
        network.isolate(bundle, joined)
        if "posix/rlimits" in self.isolation:
            limits = rlimits.setup(spec)
            if isinstance(limits, Problem):
                return limits
            bundle.rlimits = limits
        devices.isolate(bundle, self.devices)
        if "linux/capabilities" in self.isolation:
            problem = capabilities.isolate(bundle, effective=self.effective, bounding=self.bounding)
        bundle.no_new_privileges = "linux/nnp" in self.isolation
        if problem is None and "namespaces/ipc" in self.isolation:
            problem = namespaces.ipc(bundle, may_share=self.may_share_ipc, shm_mib=self.shm_mib)
        if problem is None and "namespaces/pid" in self.isolation:
            problem = namespaces.pid(bundle, self.init, may_share=self.may_share_pid)
        if "namespaces/cgroup" in self.isolation:
            namespaces.cgroup(bundle)
        if problem is None and "linux/seccomp" in self.isolation:
            problem = seccomp.isolate(bundle, self.default_profile, self.profile)
        return bundle if problem is None else problem

    def _enter(self, bundle: Bundle, rootfs: str, image: ImageConfig) -> Problem | None:
        """The container is in a root of its own."""
        bundle.rootfs = rootfs
        bundle.sandbox = bundle.cwd = bundle.env["MESOS_SANDBOX"] = self.sandbox_directory
        if "docker/runtime" in self.isolation and bundle.spec.command is not None:
            found = merge(bundle.spec.command, bundle.env, image)
            if isinstance(found, Problem):
                return found
            bundle.executable, bundle.argv, bundle.env = found.executable, found.argv, dict(found.env)
            bundle.cwd = found.workdir or bundle.cwd
        bundle.env.setdefault("PATH", PATH)
        return None
