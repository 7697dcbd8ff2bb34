"""Who may call: what a scheduler's call must satisfy before its handler runs.

Texts and order as in ``POST /api/v1/scheduler``. Mesos: src/master/http.cpp Master::Http::scheduler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event
from mesos_py.machine.problem import Problem, bad_request, forbidden
from mesos_py.wire.scheduler_api import Call

if TYPE_CHECKING:
    from mesos_py.master.core import Master

NO_STREAM_ID = "All non-subscribe calls should include the 'Mesos-Stream-Id' header"


def known_caller(m: Master, event: Event) -> Problem | None:
    """The framework exists, is the principal's own, is subscribed, and the call names its stream."""
    call: Call = event.body
    framework = m.state.framework(call.framework_id)
    if framework is None:
        return bad_request("Framework cannot be found")
    if framework.peer is not None and framework.peer == event.peer and event.principal is None:
        return None  # nearly always
    principal = framework.info.principal
    if event.principal is not None and event.principal != principal:
        return bad_request(
            f"Authenticated principal '{event.principal}' does not match principal"
            f" '{principal or ''}' set in `FrameworkInfo`"
        )
    if not framework.connected:
        return forbidden("Framework is not subscribed")
    if event.peer is None:
        return bad_request(NO_STREAM_ID)
    if event.peer != framework.peer:
        return bad_request(
            f"The stream ID '{event.peer}' included in this request didn't match the stream ID currently"
            f" associated with framework ID {framework.id}"
        )
    return None
