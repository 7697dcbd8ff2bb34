"""``/v2/queue``: what waits, and why.

Source: mesosphere/marathon .../api/v2/QueueResource.scala.
"""

from __future__ import annotations

from functools import partial

from frameworks.marathon_py import words
from frameworks.marathon_py.launching.attempts import attempts
from frameworks.marathon_py.shell.api import paced
from frameworks.marathon_py.shell.api.call import Call, answer
from frameworks.marathon_py.shell.api.errors import Failed
from frameworks.marathon_py.shell.api.site import Row
from frameworks.marathon_py.views import queue as views
from frameworks.marathon_py.views.why import why
from mesos_py.web.response import Response
from mesos_py.web.router import Answer

OFFERS = "lastUnusedOffers"  # of embed


async def list_queue(call: Call) -> Answer:
    """What waits to be launched, since when, and what became of the offers."""
    now, with_offers = call.program.now(), OFFERS in call.query.get("embed", ())
    found = (one for one in attempts(call.core, now) if call.may("view", one.spec))
    return await paced.array("queue", (partial(views.attempt, one, now, with_offers) for one in found))


async def get_why(call: Call) -> Answer:
    """Why instances of an app or a pod wait, in sentences, and what would help. Marathon has no such call."""
    reasons = why(call.core, call.path_id, call.program.now())
    if reasons is None:
        raise Failed(404, f"'{call.path_id}' does not exist")
    return answer({"id": call.path_id, "reasons": list(reasons)})


async def clear_delay(call: Call) -> Answer:
    """What waits after a failure may be launched now."""
    await call.ask(words.ClearDelay(call.path_id))
    return Response(204)


ROWS = (
    Row(method="GET", path="/v2/queue", handler=list_queue, gives="Queue", query=("embed",)),
    Row(method="GET", path="/v2/queue/{id}/why", handler=get_why, action="view"),
    Row(method="DELETE", path="/v2/queue/{id}/delay", handler=clear_delay, action="update"),
)  # fmt: skip
