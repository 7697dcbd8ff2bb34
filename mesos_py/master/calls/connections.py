"""A connection is gone: whose it was decides what that means.

A peer names one connection; the end of a stream that has been replaced means nothing any more.
Mesos: src/master/master.cpp Master::exited.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.machine.frame import Disconnected, Event, Frame
from mesos_py.machine.table import Table
from mesos_py.master.calls import liveness, subscription
from mesos_py.master.entities import Agent, Framework

if TYPE_CHECKING:
    from mesos_py.master.core import Master

table = Table("connections")


@table.on(Disconnected)
def disconnected(m: Master, event: Event, out: Frame) -> None:
    """Its framework or agent is disconnected, if the connection was still somebody's."""
    holder = m.state.peers.get(event.peer) if event.peer is not None else None
    if isinstance(holder, Framework):
        subscription.disconnected(m, holder, out)
    elif isinstance(holder, Agent):
        liveness.disconnected(m, holder, out)
