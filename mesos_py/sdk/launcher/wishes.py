"""What the master is told of the roles in which offers are wanted, for any core that knows in which something waits.

SUPPRESS when the last of a role is gone, REVIVE when there is one again, and REVIVE once more when another one comes to
wait after something was given back: what was refused then would not be offered again for a while.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.timers import Timers
from mesos_py.machine.values import seconds, value
from mesos_py.sdk.session.behind import SESSION
from mesos_py.wire.scheduler_api import Call

table = Table("wishes")


@value
class ReviveDue:
    """A timer: offers may be asked for again."""


class Pace(Protocol):
    """How often."""

    @property
    def revive_every_s(self) -> float: ...


class Wishing(Protocol):
    """A core that launches tasks."""

    timers: Timers
    #: roles in which offers are wanted, as we have said; in which they are to be asked for again; in which something
    #: was given back since they were last asked for
    wanted: dict[str, None]
    renewed: dict[str, None]
    refused: dict[str, None]

    @property
    def habits(self) -> Pace: ...

    @property
    def waiting(self) -> Mapping[str, Any]:
        """By role, what waits in it; roles in which nothing does are not there."""
        ...


def settle(m: Wishing, out: Frame) -> None:
    """The master knows whether offers are wanted."""
    gone = [role for role in m.wanted if role not in m.waiting]
    come = [role for role in m.waiting if role not in m.wanted]
    for role in gone:
        m.wanted.pop(role)
        m.renewed.pop(role, None)
    if gone:
        out.send(SESSION, Call(type=Call.Type.SUPPRESS, suppress=Call.Suppress(roles=tuple(gone))))
    if come:
        m.wanted |= dict.fromkeys(come)
        _revive(m, come, out)
    if m.renewed and "revive" not in m.timers:
        _revive(m, list(m.renewed), out)


def _revive(m: Wishing, roles: list[str], out: Frame) -> None:
    for role in roles:
        m.renewed.pop(role, None)
        m.refused.pop(role, None)
    out.send(SESSION, Call(type=Call.Type.REVIVE, revive=Call.Revive(roles=tuple(roles))))
    m.timers.set("revive", out.now + seconds(m.habits.revive_every_s), ReviveDue())


@table.on(ReviveDue)
def revive_due(m: Wishing, event: Event, out: Frame) -> None:
    """What was put off is asked for now (``settle``)."""
