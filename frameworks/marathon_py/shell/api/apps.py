"""``/v2/apps``: apps read and written.

Source: mesosphere/marathon .../api/v2/AppsResource.scala, AppVersionsResource.scala.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions import legacy, paths
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.fields import items, read_as, show
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.shell.api import errors, paced
from frameworks.marathon_py.shell.api.call import DEPLOYMENT_ID, Call, answer, location, read, started
from frameworks.marathon_py.shell.api.errors import Failed, invalid
from frameworks.marathon_py.shell.api.site import Row
from frameworks.marathon_py.views import apps as views
from frameworks.marathon_py.views.selectors import Selector, selectors
from mesos_py.web.router import Answer

_LISTED = items(legacy.GIVEN)


# ---- reading


async def list_apps(call: Call) -> Answer:
    """All apps, or those that match ``id``, ``cmd`` and ``label``."""
    found = _matching(call.core.root.all_specs(), call.query)
    return await _list(call, "apps", found, views.ALWAYS)


async def list_apps_below(call: Call) -> Answer:
    """The apps of a group and of the groups below it, with all that one app has."""
    group = call.core.root.group(call.path_id)
    if group is None:
        raise errors.no_group(call.path_id)
    return await _list(call, "*", _matching(group.all_specs(), {}), views.OF_ONE)


async def _list(call: Call, name: str, apps: Iterable[App], always: frozenset[views.Embed]) -> Answer:
    found = [one for one in apps if call.may("view", one)]
    embed = views.embeds(call.query.get("embed", ())) | always
    now = call.program.now()
    return await paced.array(name, (partial(views.app, call.core, one, embed, now) for one in found))


def _matching(specs: Iterable[Any], query: dict[str, list[str]]) -> Iterator[App]:
    """Raises Failed 422 for what is no label selector."""
    path, command = (query.get(name, [""])[0].lower() for name in ("id", "cmd"))
    wanted = _selectors(query["label"][0]) if query.get("label") else ()
    for one in specs:
        if (
            isinstance(one, App) and path in one.id and (not command or command in (one.cmd or "").lower())
            and all(selector.matches(one.labels) for selector in wanted)
        ):  # fmt: skip
            yield one


def _selectors(text: str) -> tuple[Selector, ...]:
    try:
        return selectors(text)
    except ValueError as error:
        raise Failed(422, str(error)) from error


def app_of(call: Call, path: PathId) -> App:
    """Raises Failed 404."""
    found = call.core.specs.get(path)
    if not isinstance(found, App):
        raise errors.no_app(path)
    return found


async def get_app(call: Call) -> Answer:
    """One app, with its tasks, counts, deployments and last failure."""
    embed = views.embeds(call.query.get("embed", ())) | views.OF_ONE
    return answer({"app": views.app(call.core, app_of(call, call.path_id), embed, call.program.now())})


async def list_versions(call: Call) -> Answer:
    """The versions of an app that are kept, the newest first."""
    app_of(call, call.path_id)
    return answer({"versions": sorted(call.core.versions.specs.get(call.path_id, ()), reverse=True)})


async def get_version(call: Call) -> Answer:
    """An app as it was, or is, in a version."""
    found = call.core.versions.spec(call.path_id, call.version)
    if not isinstance(found, App):
        raise errors.no_app(call.path_id, call.version)
    call.need("view", found)
    return answer(show(found))


# ---- writing


def given_of(call: Call, body: Any) -> legacy.Given:
    """What is given of an app in today's forms. Raises Failed 422."""
    given: legacy.Given = read(legacy.read_given, body)
    return _today(call, given)


def _today(call: Call, given: legacy.Given) -> legacy.Given:
    wrong = list(legacy.violations(given))
    if wrong:
        raise invalid(wrong)
    return legacy.translate(given, call.core.settings)


async def create(call: Call) -> Answer:
    """An app that did not exist. Where it is said to be is its id, not where it is read."""
    given = given_of(call, call.json())
    path = paths.absolute(given["id"])
    call.need("create", path)
    reply = await call.ask(words.CreateApp(given, call.flag("force"), call.source))
    return answer(_created(call, path, reply), 201, (*location(call, path), (DEPLOYMENT_ID, reply.deployment_id)))


def _created(call: Call, path: PathId, reply: words.Started) -> dict[str, Any]:
    found = call.core.versions.spec(path, reply.version) or app_of(call, path)
    shown = show(found) | views.counts(()) | {"deployments": [{"id": reply.deployment_id}]}
    shown.pop("versionInfo", None)
    return shown


async def put(call: Call) -> Answer:
    """An app that is changed, or created. What is not given stays, unless partialUpdate is false."""
    return await _put_one(call, call.flag("partialUpdate", True), must_exist=False)


async def patch(call: Call) -> Answer:
    """An app that is changed; what is not given stays."""
    return await _put_one(call, partial=True, must_exist=True)


async def _put_one(call: Call, partial: bool, must_exist: bool) -> Answer:
    body = call.json()
    given = given_of(call, {**body, "id": call.path_id} if isinstance(body, dict) else body)
    return await _put(call, (given,), partial, must_exist, call.source)


async def put_all(call: Call) -> Answer:
    """Several apps, each changed or created, in one deployment."""
    return await _put(call, _given_list(call), call.flag("partialUpdate", True), must_exist=False)


async def patch_all(call: Call) -> Answer:
    """Several apps, each changed, in one deployment."""
    return await _put(call, _given_list(call), partial=True, must_exist=True)


def _given_list(call: Call) -> tuple[legacy.Given, ...]:
    body = call.json()
    if isinstance(body, list) and any(isinstance(one, dict) and one.get("id") is None for one in body):
        raise Failed(422, "App Update must have app id set")
    return tuple(_today(call, given) for given in read(partial(read_as, _LISTED), body))


async def _put(
    call: Call, given: tuple[legacy.Given, ...], partial: bool, must_exist: bool, by: words.Source | None = None
) -> Answer:
    ids = [paths.absolute(one["id"]) for one in given]
    for path in ids:
        call.need("update" if isinstance(call.core.specs.get(path), App) else "create", path)
    reply = await call.ask(words.PutApps(given, partial, must_exist, call.flag("force"), by))
    if by is not None and reply.created:
        return started(reply, 201, location(call, ids[0]))
    return started(reply)


async def restart(call: Call) -> Answer:
    """All instances of an app are replaced."""
    app_of(call, call.path_id)
    return started(await call.ask(words.RestartApp(call.path_id, call.flag("force"))))


async def delete(call: Call) -> Answer:
    """An app that is no more; its tasks are killed."""
    app_of(call, call.path_id)
    return started(await call.ask(words.DeleteApp(call.path_id, call.flag("force", True))))


ROWS = (
    Row(method="GET", path="/v2/apps", handler=list_apps, gives="Apps", query=("cmd", "id", "label", "embed")),
    Row(method="POST", path="/v2/apps", handler=create, takes="GivenApp", gives="App", query=("force",)),
    Row(
        method="PUT", path="/v2/apps", handler=put_all, takes="GivenApps", gives="Started",
        query=("force", "partialUpdate"),
    ),
    Row(method="PATCH", path="/v2/apps", handler=patch_all, takes="GivenApps", gives="Started", query=("force",)),
    Row(method="GET", path="/v2/apps/*", handler=list_apps_below, query=("embed",)),
    Row(method="GET", path="/v2/apps/{id}/*", handler=list_apps_below, query=("embed",)),
    Row(
        method="POST", path="/v2/apps/{id}/restart", handler=restart, action="update", gives="Started",
        query=("force",),
    ),
    Row(method="GET", path="/v2/apps/{id}/versions", handler=list_versions, action="view"),
    Row(method="GET", path="/v2/apps/{id}/versions/{version}", handler=get_version, gives="App"),
    Row(method="GET", path="/v2/apps/{id}", handler=get_app, action="view", gives="OneApp", query=("embed",)),
    Row(
        method="PUT", path="/v2/apps/{id}", handler=put, takes="GivenApp", gives="Started",
        query=("force", "partialUpdate"),
    ),
    Row(method="PATCH", path="/v2/apps/{id}", handler=patch, takes="GivenApp", gives="Started", query=("force",)),
    Row(
        method="DELETE", path="/v2/apps/{id}", handler=delete, action="delete", gives="Started", query=("force",),
    ),
)  # fmt: skip
