"""Kinds of events of masters and agents: the class of what they say.

Not their types: those are numbers, and some call has the same number.
"""

from __future__ import annotations

from typing import Any

from mesos_py.wire import executor_api
from mesos_py.wire.schema import payload_field


class Heartbeat:
    """An event that says nothing."""


class Shutdown:
    """An executor is to end; that says nothing more either."""


def kind_of(event: Any) -> type:
    """The key of the row of an event of either API."""
    said = None if event.type is None else getattr(event, payload_field(event.type), None)
    if said is not None:
        return type(said)
    return Shutdown if event.type is executor_api.Event.Type.SHUTDOWN else Heartbeat
