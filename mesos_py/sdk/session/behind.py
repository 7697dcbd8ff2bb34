"""What a core that stands behind a session hears and says besides events and calls of the v1 API. Pure values.

Its shell is ``sdk.deciding``. Such a core writes ``Kept``, sends calls and ``Forget`` to ``SESSION``, and hears
``NotSaid`` of an ACCEPT that came too late.
"""

from __future__ import annotations

from mesos_py.machine.values import value
from mesos_py.wire.ids import TaskID
from mesos_py.wire.scheduler_api import Call

SESSION = "session"
"""To whom everything goes."""


@value
class Kept:
    """A record that must survive; None: it is not there any more."""

    name: str
    contents: bytes | None


@value
class Forget:
    """What there was to know of this task is kept by the core; the session need not know it once it has ended."""

    task_id: TaskID


@value
class NotSaid:
    """Nobody was there to hear this ACCEPT: it launches nothing, and never will."""

    call: Call
