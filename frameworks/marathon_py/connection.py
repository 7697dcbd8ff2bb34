"""Marathon as a framework of its master: the roles that it is in, and what subscribers hear of the connection.

A role is one of ours from the moment at which something waits in it: the master hears of it before offers are asked for
in it (``launching`` asks), and no role is left again before the next start. One in which nothing waits costs nobody
anything, since offers are suppressed in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from frameworks.marathon_py import words
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon

table = Table("connection")


@table.on(words.Connection)
def connection_changed(m: Marathon, event: Event, out: Frame) -> None:
    """Subscribers hear of it in its turn; the master's region is home."""
    if event.body.what != "disconnected":
        m.home_region = event.body.region
    out.change(event.body)


@table.on(words.MessageHeard)
def message_heard(m: Marathon, event: Event, out: Frame) -> None:
    """Subscribers hear it; nothing follows from what an executor says."""
    out.change(event.body)


def settle(m: Marathon, out: Frame) -> None:
    """We are in every role in which something waits."""
    come = [role for role in m.waiting if role not in m.roles]
    if come:
        m.roles |= dict.fromkeys(come)
        suppressed = tuple(role for role in m.roles if role not in m.wanted)
        out.send(words.FRAMEWORK, words.Roles(tuple(m.roles), suppressed))
