"""What an operator may choose about a master, with Mesos' flags, defaults and bounds.

Durations are in seconds as given by the operator; the core converts once. Mesos: src/master/flags.cpp,
src/master/constants.hpp.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from mesos_py.algebra.quantities import Quantities

MIN_AGENT_REREGISTER_TIMEOUT_S = 600  # seconds; mesos src/master/constants.hpp MIN_AGENT_REREGISTER_TIMEOUT


@attrs.frozen(kw_only=True)
class Options:
    """Settings of one master core; all have Mesos' defaults."""

    #: SUBSCRIBED tells it, HEARTBEAT events keep to it, seconds (DEFAULT_HEARTBEAT_INTERVAL)
    heartbeat_interval_s: float = 15.0
    #: --agent_ping_timeout: a ping without pong counts after so long, seconds
    agent_ping_timeout_s: float = 15.0
    #: --max_agent_ping_timeouts: so many in a row make an agent unreachable
    max_agent_ping_timeouts: int = 5
    #: --agent_reregister_timeout: a disconnected agent is given so long, seconds (at least ten minutes in Mesos)
    agent_reregister_timeout_s: float = MIN_AGENT_REREGISTER_TIMEOUT_S
    #: --offer_timeout: offers are rescinded after so long, seconds; None: never
    offer_timeout_s: float | None = None
    #: --allocation_interval, seconds
    allocation_interval_s: float = 1.0
    #: --min_allocatable_resources: an offer holds at least one of these; empty: anything goes
    min_allocatable_resources: tuple[Quantities, ...] = (Quantities.of(cpus=0.01), Quantities.of(mem=32))
    #: --filter_gpu_resources: agents with GPUs only for frameworks with GPU_RESOURCES
    filter_gpu_resources: bool = True
    #: --fair_sharing_excluded_resource_names
    fairness_excluded: tuple[str, ...] = ()
    #: --roles: None: any role
    roles: tuple[str, ...] | None = None
    #: --weights, by role; absent: 1.0
    weights: Mapping[str, float] = attrs.field(factory=dict)
    #: --root_submissions: frameworks may run as root
    root_submissions: bool = True
    #: --authenticate_agents: refuse agents without a principal
    authenticate_agents: bool = False
    #: --max_completed_frameworks
    max_completed_frameworks: int = 50
    #: --max_completed_tasks_per_framework
    max_completed_tasks_per_framework: int = 1000
    #: --max_unreachable_tasks_per_framework
    max_unreachable_tasks_per_framework: int = 1000
    #: ids of removed agents remembered (MAX_REMOVED_SLAVES)
    max_removed_agents: int = 100_000

    @property
    def total_ping_timeout_s(self) -> float:
        """An agent that hears nothing for so long looks for a master again."""
        return self.agent_ping_timeout_s * self.max_agent_ping_timeouts
