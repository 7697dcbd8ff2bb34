"""What the allocator is told once, and what it says."""

from __future__ import annotations

import attrs

from mesos_py.algebra.quantities import Quantities
from mesos_py.algebra.resources import Resources
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.wire.ids import AgentID, FrameworkID

AGENTS_PER_SLICE = 200  # an offer costs about 0.1 ms to make and to say: what keeps one frame below 20 ms


@attrs.frozen(kw_only=True)
class AllocatorOptions:
    """Mesos: mesos::allocator::Options, from the master's flags."""

    allocation_interval: Nanos = SECOND
    #: "drf" or "random": --role_sorter
    role_sorter: str = "drf"
    #: "drf" or "random": --framework_sorter
    framework_sorter: str = "drf"
    #: resource names that do not count in shares: --fair_sharing_excluded_resource_names
    fairness_exclude: tuple[str, ...] = ()
    #: agents with GPUs are for GPU_RESOURCES frameworks only: --filter_gpu_resources
    filter_gpu_resources: bool = True
    #: an offer has at least one of these: --min_allocatable_resources
    min_allocatable: tuple[Quantities, ...] = (Quantities.of(cpus=0.01), Quantities.of(mem=32))
    #: fault domain of the master; agents of other regions are for REGION_AWARE frameworks only
    region: str | None = None


@attrs.define
class Grant:
    """These resources (allocated to ``role``) of the agent are the framework's until they come back."""

    framework_id: FrameworkID
    role: str
    agent_id: AgentID
    resources: Resources
