"""``/v2/deployments``: what is under way, and its end.

Source: mesosphere/marathon .../api/v2/DeploymentsResource.scala.
"""

from __future__ import annotations

from functools import partial

from frameworks.marathon_py import words
from frameworks.marathon_py.deployments.deployment import Deployment
from frameworks.marathon_py.shell.api import paced
from frameworks.marathon_py.shell.api.call import Call, started
from frameworks.marathon_py.shell.api.errors import Failed
from frameworks.marathon_py.shell.api.site import Row
from frameworks.marathon_py.views import deployments as views
from mesos_py.web.response import Response
from mesos_py.web.router import Answer

HELD = "held"  # of embed


async def list_deployments(call: Call) -> Answer:
    """Deployments that are under way; with ``embed=held``, what of them waits after its canaries.

    Some clients do not take what they do not know.
    """
    with_held = HELD in call.query.get("embed", ())
    found = [one for one in call.core.deployments.values() if _is_seen(call, one)]
    return await paced.array("", (partial(views.deployment, call.core, one, with_held) for one in found))


def _is_seen(call: Call, one: Deployment) -> bool:
    """Whoever may see something that it works on may know who is at work."""
    return any(call.may("view", path) for path in one.plan.affected)


def _deployment_of(call: Call) -> Deployment:
    """Raises Failed 404; Answered for who may not change what it is about."""
    found = call.core.deployments.get(call.parts["deployment"])
    if found is None:
        raise Failed(404, f"DeploymentPlan {call.parts['deployment']} does not exist")
    for path in found.plan.affected:
        call.need("update", path)
    return found


async def cancel(call: Call) -> Answer:
    """What it has changed is changed back; with force it ends where it is."""
    found = _deployment_of(call)
    force = call.flag("force")
    reply = await call.ask(words.CancelDeployment(found.id, force))
    return Response(202) if force else started(reply)


async def go_on(call: Call) -> Answer:
    """A deployment that waits after its canaries goes on. Marathon has no such call."""
    await call.ask(words.Continue(_deployment_of(call).id))
    return Response(200)


ROWS = (
    Row(method="GET", path="/v2/deployments", handler=list_deployments, gives="Deployments", query=("embed",)),
    Row(method="POST", path="/v2/deployments/{deployment}/continue", handler=go_on),
    Row(
        method="DELETE", path="/v2/deployments/{deployment}", handler=cancel, gives="Started", query=("force",),
    ),
)  # fmt: skip
