"""``/v2/pods``: pods read and written, how they are, and instances of theirs killed.

Source: mesosphere/marathon .../api/v2/PodsResource.scala.
"""

from __future__ import annotations

from functools import partial

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions import paths
from frameworks.marathon_py.definitions.fields import Violation, element, items, read_as, show, text
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import Pod, read_pod
from frameworks.marathon_py.deployments.plan import Kind
from frameworks.marathon_py.instances.instance import Instance, spec_of
from frameworks.marathon_py.shell.api import errors, paced
from frameworks.marathon_py.shell.api.call import DEPLOYMENT_ID, Call, answer, location, read
from frameworks.marathon_py.shell.api.errors import Failed, invalid
from frameworks.marathon_py.shell.api.site import Row
from frameworks.marathon_py.views import pods as views
from mesos_py.web.response import Response
from mesos_py.web.router import Answer

_IDS = items(text())
NO_INSTANCE_ID = r"must fully match regular expression '^(.+)\.(instance-|marathon-)([^\.]+)$'"


# ---- reading


def _pods(call: Call) -> list[Pod]:
    return [one for one in call.core.specs.values() if isinstance(one, Pod) and call.may("view", one)]


def _pod_of(call: Call) -> Pod:
    """Raises Failed 404."""
    found = call.core.specs.get(call.path_id)
    if not isinstance(found, Pod):
        raise errors.no_pod(call.path_id)
    return found


async def support(call: Call) -> Answer:
    """Pods are supported."""
    return Response(200)


async def list_pods(call: Call) -> Answer:
    """All pods."""
    return await paced.array("", (partial(show, one) for one in _pods(call)))


async def get_pod(call: Call) -> Answer:
    """One pod."""
    found = call.core.specs.get(call.path_id)
    if not isinstance(found, Pod):
        raise Failed(404, f'{{"message": "pod with {call.path_id} does not exist"}}')  # as Marathon says it
    return answer(show(found))


async def list_statuses(call: Call) -> Answer:
    """How all pods are."""
    now = call.program.now()
    return await paced.array("", (partial(views.status, call.core, one, now) for one in _pods(call)))


async def get_status(call: Call) -> Answer:
    """How a pod is, and its instances; also of one that is deleted, until they have ended."""
    work = call.core.works.get(call.path_id)
    leaving = work.action.spec if work is not None and work.action.kind is Kind.STOP else None
    pod = leaving if isinstance(leaving, Pod) else _pod_of(call)
    call.need("view", pod)
    return answer(views.status(call.core, pod, call.program.now()))


async def list_versions(call: Call) -> Answer:
    """The versions of a pod that are kept, the newest first."""
    _pod_of(call)
    return answer(sorted(call.core.versions.specs.get(call.path_id, ()), reverse=True))


async def get_version(call: Call) -> Answer:
    """A pod as it was, or is, in a version."""
    found = call.core.versions.spec(call.path_id, call.version)
    if not isinstance(found, Pod):
        raise errors.no_pod(call.path_id, call.version)
    call.need("view", found)
    return answer(show(found))


# ---- writing


async def create(call: Call) -> Answer:
    """A pod that did not exist."""
    given: Pod = read(read_pod, call.json())
    path = paths.absolute(given.id)
    call.need("create", path)
    reply = await call.ask(words.PutPod(given, must_be_new=True, force=call.flag("force"), by=call.source))
    return _written(call, path, reply, 201, location(call, path))


async def put(call: Call) -> Answer:
    """A pod is changed: the body is all of it."""
    given: Pod = read(read_pod, call.json())
    path = paths.absolute(given.id)
    if path != call.path_id:
        raise Failed(400, f"'{call.path_id}' does not match definition's id ('{path}')")
    reply = await call.ask(words.PutPod(given, force=call.flag("force"), by=call.source))
    return _written(call, path, reply)


def _written(
    call: Call, path: PathId, reply: words.Started, status: int = 200, more: tuple[tuple[str, str], ...] = ()
) -> Response:
    """The pod, as it is by now, if it is there."""
    found = call.core.versions.spec(path, reply.version) or call.core.specs.get(path)
    shown = show(found) if isinstance(found, Pod) else {}
    return answer(shown, status, (*more, (DEPLOYMENT_ID, reply.deployment_id)))


async def delete(call: Call) -> Answer:
    """A pod is no more; its instances are killed."""
    _pod_of(call)
    reply = await call.ask(words.DeletePod(call.path_id, call.flag("force"), call.source))
    where = location(call, f"/v2/deployments/{reply.deployment_id}")
    return Response(202, headers=(*where, (DEPLOYMENT_ID, reply.deployment_id)))


async def kill_one(call: Call) -> Answer:
    """An instance is killed, to be launched again; with wipe it is replaced, and its data is gone."""
    _pod_of(call)
    name = call.parts["instance"]
    if spec_of(name) is None:
        raise invalid((Violation("/", NO_INSTANCE_ID),))
    found = _instances(call, (name,))
    if not found:
        raise errors.no_task(name)  # as Marathon calls it
    await _kill(call, found)
    return answer(views.ended(found[0]))


async def kill_many(call: Call) -> Answer:
    """The instances of these ids are killed; those that there are not are none."""
    _pod_of(call)
    found = _instances(call, read(partial(read_as, _IDS), call.json()))
    await _kill(call, found)
    return answer([views.ended(one) for one in found])


def _instances(call: Call, ids: tuple[str, ...]) -> list[Instance]:
    """Those that there are. Raises Failed 422."""
    wrong = [element("", index) for index, one in enumerate(ids) if spec_of(one) is None]
    if wrong:
        raise invalid(Violation(at, NO_INSTANCE_ID) for at in wrong)
    there = {one.id: one for one in call.core.of(call.path_id)}
    return [there[one] for one in dict.fromkeys(ids) if one in there]


async def _kill(call: Call, found: list[Instance]) -> None:
    ids = tuple(one.id for one in found)
    await call.ask(words.KillInstances(ids, wipe=call.flag("wipe"), force=call.flag("force")))


ROWS = (
    Row(method="HEAD", path="/v2/pods", handler=support, produces=""),
    Row(method="GET", path="/v2/pods", handler=list_pods, gives="Pods"),
    Row(method="POST", path="/v2/pods", handler=create, takes="Pod", gives="Pod", query=("force",)),
    Row(method="GET", path="/v2/pods/::status", handler=list_statuses),
    Row(method="GET", path="/v2/pods/{id}::status", handler=get_status),
    Row(method="GET", path="/v2/pods/{id}::versions", handler=list_versions, action="view"),
    Row(method="GET", path="/v2/pods/{id}::versions/{version}", handler=get_version, gives="Pod"),
    Row(
        method="DELETE", path="/v2/pods/{id}::instances/{instance}", handler=kill_one, action="update",
        query=("wipe", "force"),
    ),
    Row(
        method="DELETE", path="/v2/pods/{id}::instances", handler=kill_many, action="update", takes="InstanceIds",
        query=("wipe", "force"),
    ),
    Row(method="GET", path="/v2/pods/{id}", handler=get_pod, action="view", gives="Pod"),
    Row(
        method="PUT", path="/v2/pods/{id}", handler=put, action="update", takes="Pod", gives="Pod", query=("force",),
    ),
    Row(method="DELETE", path="/v2/pods/{id}", handler=delete, action="delete", query=("force",)),
)  # fmt: skip
