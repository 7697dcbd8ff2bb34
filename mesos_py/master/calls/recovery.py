"""A master takes over: what the registry says, and what it waits for.

Frameworks are not in the registry; they come back with the agents that run their tasks, or by themselves. Agents are:
each has ``agent_reregister_timeout`` to come back, and is unreachable after that.

Not here: a limit on how many may be given up at once (--recovery_agent_removal_limit), and quota, which would hold
offers back until most agents have returned. Mesos: src/master/master.cpp Master::_recover, recoveredSlavesTimeout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import seconds
from mesos_py.master.events import RegistryRecovered, ReregisterExpired

if TYPE_CHECKING:
    from mesos_py.master.core import Master

table = Table("recovery")


@table.on(RegistryRecovered)
def registry_recovered(m: Master, event: Event, out: Frame) -> None:
    """Agents of earlier masters are known, and waited for. Comes once, before anything else."""
    recovered: RegistryRecovered = event.body
    m.registry = recovered.registry
    m.state.recover(m.registry)
    due = out.now + seconds(m.options.agent_reregister_timeout_s)
    for agent_id in m.registry.agents:
        m.timers.set(("reregister", agent_id), due, ReregisterExpired(agent_id))
