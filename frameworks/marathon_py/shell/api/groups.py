"""``/v2/groups``: groups read and written.

Source: mesosphere/marathon .../api/v2/GroupsResource.scala.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import orjson

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions import paths
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.fields import Violation, field, flag, read_as, record, show
from frameworks.marathon_py.definitions.groups import Group, GroupUpdate, read_update
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import Pod
from frameworks.marathon_py.shell.api import errors, paced
from frameworks.marathon_py.shell.api.call import Call, answer, location, read, started
from frameworks.marathon_py.shell.api.errors import Failed, invalid
from frameworks.marathon_py.shell.api.site import Row
from frameworks.marathon_py.views import apps, pods
from frameworks.marathon_py.views.groups import Wanted, group
from mesos_py.web.response import Response
from mesos_py.web.router import Answer


@attrs.frozen(kw_only=True)
class GroupPatch:
    """What PATCH may change."""

    enforce_role: bool = field(flag())


# ---- reading


def _group_of(call: Call) -> Group:
    """Raises Failed 404."""
    found = call.core.root.group(call.path_id)
    if found is None:
        raise errors.no_group(call.path_id)
    return found


async def get_group(call: Call) -> Answer:
    """A group, or all: with its apps, pods and groups, or what embed names."""
    found = _group_of(call)
    wanted = Wanted.of(call.query.get("embed", ()))
    now = call.program.now()

    def shown(one: App | Pod) -> Any:
        return apps.app(call.core, one, wanted.embed, now) if isinstance(one, App) else pods.status(call.core, one, now)

    return await _tree(call, found, wanted, shown)


async def _tree(call: Call, found: Group, wanted: Wanted, shown: Callable[[App | Pod], Any]) -> Answer:
    """What is in it is made first, one after the other."""
    specs = [one for one in found.all_specs() if wanted.shows(one) and call.may("view", one)]
    made = await paced.encoded(partial(shown, one) for one in specs)
    parts = {one.id: orjson.Fragment(text) for one, text in zip(specs, made, strict=True)}
    return answer(group(found, wanted, parts))


async def list_apps(call: Call) -> Answer:
    """The apps of a group and of the groups below it; of one that there is not, none."""
    within = call.core.root.group(call.path_id)
    specs = within.all_specs() if within is not None else ()
    found = [one for one in specs if isinstance(one, App) and call.may("view", one)]
    embed = apps.embeds(call.query.get("embed", ()))
    now = call.program.now()
    return await paced.array("", (partial(apps.app, call.core, one, embed, now) for one in found))


async def list_versions(call: Call) -> Answer:
    """The versions of the root in which there is that group, the newest first."""
    _group_of(call)
    roots = call.core.versions.roots
    return answer([one for one in sorted(roots, reverse=True) if roots[one].group(call.path_id) is not None])


async def get_version(call: Call) -> Answer:
    """A group as it was, or is, in a version of the root."""
    root = call.core.versions.roots.get(call.version)
    found = root.group(call.path_id) if root is not None else None
    if found is None:
        raise errors.no_group(call.path_id, call.version)
    call.need("view", found)
    wanted = Wanted.of(call.query.get("embed", ()))
    return await _tree(call, found, wanted, show)


# ---- writing


async def create(call: Call) -> Answer:
    """A group that did not exist. Its id is seen from the group in the path."""
    path, reply = await _put(call, must_be_new=True)
    if isinstance(reply, Response):
        return reply
    return started(reply, 201, location(call, path))


async def put(call: Call) -> Answer:
    """A group is changed, or created; scaled by a factor, or taken back to a version; with dryRun only the plan."""
    _, reply = await _put(call, must_be_new=False)
    return reply if isinstance(reply, Response) else started(reply)


async def _put(call: Call, must_be_new: bool) -> tuple[PathId, Any]:
    update = read(read_update, call.json())
    wrong = list(paths.problems(call.path_id))
    if wrong:
        raise invalid(Violation("/", text) for text in wrong)
    path = paths.absolute(update.id, call.path_id) if update.id is not None else call.path_id
    is_new = call.core.root.group(path) is None
    call.need("create" if is_new else "update", path)
    dry_run = call.flag("dryRun")
    reply = await call.ask(words.PutGroup(path, update, must_be_new, dry_run, call.flag("force")))
    return path, answer(reply.show()) if dry_run else reply


async def roll_back(call: Call) -> Answer:
    """A group is taken back to a version. Marathon has no such call, but its Python client makes it."""
    call.need("update", call.path_id)
    update = GroupUpdate(version=call.version)
    return started(await call.ask(words.PutGroup(call.path_id, update, force=call.flag("force"))))


async def patch(call: Call) -> Answer:
    """Whether a top-level group enforces its role; nothing is restarted."""
    given: GroupPatch = read(partial(read_as, record(GroupPatch)), call.json())
    if len(paths.segments(call.path_id)) != 1:
        raise Failed(422, "Path needs to be top-level")
    _group_of(call)
    await call.ask(words.EnforceRole(call.path_id, given.enforce_role))
    return Response(200)


async def delete(call: Call) -> Answer:
    """A group is no more, with everything in it; of the root, what is in it."""
    _group_of(call)
    return started(await call.ask(words.DeleteGroup(call.path_id, call.flag("force"))))


_WRITE = ("force", "dryRun")

ROWS = (
    Row(method="GET", path="/v2/groups", handler=get_group, action="view", gives="Group", query=("embed",)),
    Row(method="POST", path="/v2/groups", handler=create, takes="GroupUpdate", gives="Started", query=("force",)),
    Row(method="PUT", path="/v2/groups", handler=put, takes="GroupUpdate", gives="Started", query=_WRITE),
    Row(
        method="DELETE", path="/v2/groups", handler=delete, action="delete", gives="Started", query=("force",),
    ),
    Row(method="GET", path="/v2/groups/versions", handler=list_versions, action="view"),
    Row(method="GET", path="/v2/groups/apps", handler=list_apps, action="view", query=("embed",)),
    Row(method="GET", path="/v2/groups/versions/{version}", handler=get_version, gives="Group"),
    Row(method="GET", path="/v2/groups/{id}/apps", handler=list_apps, action="view", query=("embed",)),
    Row(method="GET", path="/v2/groups/{id}/versions", handler=list_versions, action="view"),
    Row(method="GET", path="/v2/groups/{id}/versions/{version}", handler=get_version, gives="Group"),
    Row(method="PUT", path="/v2/groups/{id}/versions/{version}", handler=roll_back, gives="Started", query=("force",)),
    Row(method="GET", path="/v2/groups/{id}", handler=get_group, action="view", gives="Group", query=("embed",)),
    Row(
        method="POST", path="/v2/groups/{id}", handler=create, takes="GroupUpdate", gives="Started", query=("force",),
    ),
    Row(method="PUT", path="/v2/groups/{id}", handler=put, takes="GroupUpdate", gives="Started", query=_WRITE),
    Row(method="PATCH", path="/v2/groups/{id}", handler=patch, action="update", takes="GroupPatch"),
    Row(
        method="DELETE", path="/v2/groups/{id}", handler=delete, action="delete", gives="Started", query=("force",),
    ),
)  # fmt: skip
