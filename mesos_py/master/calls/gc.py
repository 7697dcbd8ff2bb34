"""What the registry forgets: agents that have been unreachable or gone for long, or are too many.

Every ``--registry_gc_interval`` those beyond ``--registry_max_agent_count`` go, oldest first, and those older than
``--registry_max_agent_age``; unreachable and gone ones are counted apart. To whoever asks they are unknown then, and so
are the tasks they were lost with; one that comes back after all is taken in as unknown.

Mesos: src/master/master.cpp Master::doRegistryGc.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.timers import SOON
from mesos_py.machine.values import Nanos, seconds
from mesos_py.master.events import RegistryGcDue
from mesos_py.master.registry import Prune
from mesos_py.master.state.agents import forget_agents
from mesos_py.wire.ids import AgentID

if TYPE_CHECKING:
    from mesos_py.master.core import Master

table = Table("registry garbage collection")
FORGOTTEN_AT_ONCE = 1_000  # agents in one frame and one write; the others have their turn at once


def await_gc(m: Master, out: Frame) -> None:
    """The registry is looked through when the interval has passed."""
    m.timers.set(("registry gc",), out.now + seconds(m.options.registry_gc_interval_s), RegistryGcDue())


@table.on(RegistryGcDue)
def collect(m: Master, event: Event, out: Frame) -> None:
    """Agents that are to be forgotten are, many of them in slices."""
    state = m.state
    lost = {agent_id: agent.since_ns for agent_id, agent in state.unreachable_agents.items()}
    unreachable = tuple(islice(_overdue(m, lost, out.now), FORGOTTEN_AT_ONCE))
    gone = tuple(islice(_overdue(m, state.gone_agents, out.now), FORGOTTEN_AT_ONCE - len(unreachable)))
    if unreachable or gone:
        m.persist(Prune(unreachable, gone), out)
        forget_agents(state, unreachable, gone, out)
    if len(unreachable) + len(gone) == FORGOTTEN_AT_ONCE:
        m.timers.set(("registry gc",), out.now + SOON, RegistryGcDue())
    else:
        await_gc(m, out)


def _overdue(m: Master, agents: Mapping[AgentID, Nanos], now: Nanos) -> Iterator[AgentID]:
    """Of agents with the time since when, oldest first: which ones there is no more room or time for."""
    surplus = len(agents) - m.options.registry_max_agent_count
    oldest = now - seconds(m.options.registry_max_agent_age_s)
    for agent_id, since in agents.items():
        if surplus > 0 or since < oldest:
            surplus -= 1
            yield agent_id
