"""From what a task asks for to a bundle: the isolators that crun carries out, in their order. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.containerizer.isolation import Isolation
from mesos_py.agent.containerizer.isolators import capabilities, filesystem, namespaces, rlimits
from mesos_py.agent.containerizer.runtime.bundle import Bundle, Identity
from mesos_py.machine.problem import Problem, bad_request
from mesos_py.wire.linux import CapabilityInfo


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
    may_share_pid: bool = True
    may_share_ipc: bool = True
    #: --default_container_shm_size, MB
    shm_mib: int | None = None

    def plan(self, spec: ContainerSpec, identity: Identity) -> Bundle | Problem:
        """Everything crun is to do for the container."""
        if not spec.argv or any("\0" in text for text in (*spec.argv, *spec.env, *spec.env.values())):
            return bad_request(f"Failed to execute '{spec.executable}': no argv, or an embedded NUL")
        bundle = Bundle(
            spec=spec, identity=identity, sandbox=spec.sandbox, cwd=spec.sandbox, executable=spec.executable,
            argv=spec.argv, env=dict(spec.env), bounding=self.capabilities, effective=self.capabilities,
        )  # fmt: skip
        filesystem.isolate(bundle)
        problem: Problem | None = None
        if "posix/rlimits" in self.isolation:
            limits = rlimits.setup(spec)
            if isinstance(limits, Problem):
                return limits
            bundle.rlimits = limits
        if "linux/capabilities" in self.isolation:
            problem = capabilities.isolate(bundle, effective=self.effective, bounding=self.bounding)
        bundle.no_new_privileges = "linux/nnp" in self.isolation
        if problem is None and "namespaces/ipc" in self.isolation:
            problem = namespaces.ipc(bundle, may_share=self.may_share_ipc, shm_mib=self.shm_mib)
        if problem is None and "namespaces/pid" in self.isolation:
            problem = namespaces.pid(bundle, self.init, may_share=self.may_share_pid)
        return bundle if problem is None else problem
