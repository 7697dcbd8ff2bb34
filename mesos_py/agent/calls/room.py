"""A full disk: what runs goes on, nothing new is begun.

The store has let go of its ballast by then, so that what is under way can be kept. Launches that had to wait for that
are withdrawn; their tasks fail as those of any launch do. Sandboxes that nobody needs are removed at once.

Mesos has no counterpart: there an agent whose disk is full ends, and with it what does not checkpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.agent import events, words
from mesos_py.agent.api_containers import Phase
from mesos_py.agent.lifecycle import ExecutorState
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.wire.checkpoint import Kind

if TYPE_CHECKING:
    from mesos_py.agent.core import Agent

rows = Table("room")

NO_ROOM = "No space left on device: the agent cannot keep what it has to know about its tasks"


@rows.on(events.RoomChanged)
def room_changed(agent: Agent, event: Event, out: Frame) -> None:
    """Tasks are launched again, or not until there is room."""
    agent.has_room = event.body.has_room
    if agent.has_room:
        return
    names = [one.key for one in agent.api_containers.by_key.values() if one.phase is Phase.LAUNCHING]
    for executor in agent.state.containers.values():
        if executor.kind is Kind.DEFAULT:
            names += [one for one in executor.nested if one not in executor.nested_status]
        else:
            is_launched = executor.pid is not None or executor.state is not ExecutorState.REGISTERING
            names += [] if is_launched else [executor.container_id]
    for container_id in names:
        out.send(words.CONTAINERS, words.WithdrawLaunch(container_id, NO_ROOM), volatile=True)
    out.send(words.DISK, words.MeasureDisk(), volatile=True)
