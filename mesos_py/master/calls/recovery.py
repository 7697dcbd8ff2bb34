"""A master takes over: what the registry says, and what it waits for.

Frameworks are not in the registry; they come back with the agents that run their tasks, or by themselves. Agents are:
each has ``agent_reregister_timeout`` to come back, and is given up after that. If too many would have to be given up
at once (--recovery_agent_removal_limit), something else is wrong than agents: the master ends without having given up
any, and the next one waits for them again.

With quota in the registry nothing is offered until most agents are back, and what the others may run counts as if it
ran, against every limit (``allocator/expected``).

Mesos: src/master/master.cpp Master::_recover, recoveredSlavesTimeout.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from mesos_py.algebra.durations import format_duration
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.problem import MustStop
from mesos_py.machine.table import Table
from mesos_py.machine.values import seconds
from mesos_py.master.calls.gc import await_gc
from mesos_py.master.calls.quota import recover_quota
from mesos_py.master.calls.weights import recover_weights
from mesos_py.master.events import RecoveryExpired, RegistryRecovered, ReregisterExpired
from mesos_py.master.state.agents import recover

if TYPE_CHECKING:
    from mesos_py.master.core import Master

table = Table("recovery")
IDS_SHOWN = 20  # of agents that did not come back


class RemovalLimitExceeded(MustStop):
    """Too many agents have not come back to a new master."""


@table.on(RegistryRecovered)
def registry_recovered(m: Master, event: Event, out: Frame) -> None:
    """Agents of earlier masters are known, and waited for. Comes once, before anything else."""
    recovered: RegistryRecovered = event.body
    m.registry = recovered.registry
    recover(m.state, m.registry)
    due = out.now + seconds(m.options.agent_reregister_timeout_s)
    m.timers.set(("recovery",), due, RecoveryExpired(len(m.registry.agents)))  # before any of those it judges
    await_gc(m, out)
    recover_quota(m)
    recover_weights(m, out)
    m.allocator.expect({agent_id: agent.info.resources for agent_id, agent in m.registry.agents.items()}, out.now)
    for agent_id in m.registry.agents:
        m.timers.set(("reregister", agent_id), due, ReregisterExpired(agent_id))


@table.on(RecoveryExpired)
def recovery_expired(m: Master, event: Event, out: Frame) -> None:
    """Enough agents have come back to give up the others; raises RemovalLimitExceeded otherwise."""
    missing, limit = m.state.recovered_agents, m.options.recovery_agent_removal_limit
    if not missing or 100 * len(missing) <= limit * event.body.admitted:
        return
    timeout = format_duration(seconds(m.options.agent_reregister_timeout_s))
    part = 100 * len(missing) / event.body.admitted
    shown, more = ", ".join(islice(missing, IDS_SHOWN)), len(missing) - IDS_SHOWN
    raise RemovalLimitExceeded(
        f"Post-recovery agent removal limit exceeded! After {timeout} there were {len(missing)} ({part:.4g}%) agents"
        f" recovered from the registry that did not reregister: {shown}{f' and {more} more' if more > 0 else ''}."
        f" The configured removal limit is {limit:.15g}%."
        " Please investigate or increase this limit to proceed further"
    )
