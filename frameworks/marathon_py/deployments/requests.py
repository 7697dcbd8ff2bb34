"""What people ask for about apps: created, changed, restarted, deleted; and about deployments. What is asked about
groups and pods is next door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions import groups, paths, trees
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.complete import complete
from frameworks.marathon_py.definitions.fields import Violation, show
from frameworks.marathon_py.definitions.legacy import Given
from frameworks.marathon_py.definitions.paths import ROOT, PathId
from frameworks.marathon_py.definitions.timestamps import canonical
from frameworks.marathon_py.deployments import changes, rollback, steps
from frameworks.marathon_py.deployments.merge import merged, unversioned
from frameworks.marathon_py.words import Refused, Started
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon

table = Table("what people ask of apps and deployments")

VERSION_ALONE = "The 'version' field may only be combined with the 'id' field."


def no_app(path: PathId, version: str | None = None) -> Refused:
    return Refused(404, f"App '{path}' does not exist" + (f" in version {version}" if version is not None else ""))


@table.on(words.CreateApp)
def create_app(m: Marathon, event: Event, out: Frame) -> None:
    """There is a new app, and it is being started. Reply: ``Started``."""
    told: words.CreateApp = event.body
    path = paths.absolute(told.given["id"])
    if path in m.specs:
        kind = "An app" if isinstance(m.specs[path], App) else "A pod"
        out.reply = Refused(409, f"{kind} with id [{path}] already exists.")
        return
    app = _complete(m, told.given, path)
    out.reply = changes.submit(m, trees.put(m.root, app, m.settings), paths.parent(path), told.force, out)
    _tell(m, told.by, path, out)


@table.on(words.PutApps)
def put_apps(m: Marathon, event: Event, out: Frame) -> None:
    """The apps are what is given, all in one deployment. Reply: ``Started``."""
    told: words.PutApps = event.body
    apps = []
    for given in told.given:
        path = paths.absolute(given["id"])
        app = _wanted(m, given, path, told)
        if isinstance(app, Refused):
            out.reply = app
            return
        apps.append(app)
    about = paths.parent(PathId(apps[0].id)) if len(apps) == 1 else ROOT
    out.reply = changes.submit(m, trees.put_all(m.root, apps, m.settings), about, told.force, out)
    if len(apps) == 1:
        _tell(m, told.by, PathId(apps[0].id), out)


def _wanted(m: Marathon, given: Given, path: PathId, told: words.PutApps) -> App | Refused:
    old = m.specs.get(path)
    if not isinstance(old, App):
        return no_app(path) if told.must_exist else _complete(m, given, path)
    if "version" in given:
        return _at_version(m, given, path)
    return merged(old, given, m.settings) if told.partial else _complete(m, given, path)


def _at_version(m: Marathon, given: Given, path: PathId) -> App | Refused:
    """As it was then, with as many instances."""
    if given.keys() - {"id", "version"}:
        return changes.invalid([Violation("/", VERSION_ALONE)])
    try:
        version = canonical(given["version"])
    except ValueError as error:
        return Refused(422, str(error))
    found = m.versions.spec(path, version)
    return unversioned(found) if isinstance(found, App) else no_app(path, version)


def _complete(m: Marathon, given: Given, path: PathId) -> App:
    return complete({**given, "id": path}, m.settings, role=groups.default_role(m.root, path, m.settings))


def _tell(m: Marathon, by: words.Source | None, path: PathId, out: Frame) -> None:
    """Who has asked is told before what follows from it."""
    if by is not None and isinstance(out.reply, Started):
        out.changes.insert(0, words.AppPosted(by, show(m.specs[path])))


@table.on(words.RestartApp)
def restart_app(m: Marathon, event: Event, out: Frame) -> None:
    """All instances are being replaced by new ones of the same definition. Reply: ``Started``."""
    told: words.RestartApp = event.body
    if told.id not in m.specs:
        out.reply = no_app(told.id)
        return
    out.reply = changes.submit(m, m.root, paths.parent(told.id), told.force, out, restarted=(told.id,))


@table.on(words.DeleteApp)
def delete_app(m: Marathon, event: Event, out: Frame) -> None:
    """There is no such app, and its instances are being ended. Reply: ``Started``."""
    told: words.DeleteApp = event.body
    if not isinstance(m.specs.get(told.id), App):
        out.reply = no_app(told.id)
        return
    out.reply = changes.submit(m, trees.take(m.root, told.id, m.settings), paths.parent(told.id), told.force, out)


@table.on(words.CancelDeployment)
def cancel_deployment(m: Marathon, event: Event, out: Frame) -> None:
    """It has ended where it was; or everything is being changed back that it has changed."""
    told: words.CancelDeployment = event.body
    deployment = m.deployments.get(told.id)
    if deployment is None:
        out.reply = Refused(404, f"DeploymentPlan {told.id} does not exist")
    elif told.force:
        steps.cancel(m, deployment, out)
    else:
        out.reply = rollback.start(m, deployment, out)
