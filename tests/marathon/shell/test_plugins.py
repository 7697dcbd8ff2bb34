"""Plug-ins: found, made, asked; what becomes of those that fail."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.fields import Violation
from frameworks.marathon_py.definitions.legacy import translate
from frameworks.marathon_py.definitions.pods import Pod
from frameworks.marathon_py.shell.api.program import Action, Resource
from frameworks.marathon_py.shell.plugins import (
    Authenticator,
    Authorizer,
    HttpRequestHandler,
    RunSpecTaskProcessor,
    RunSpecValidator,
    SchedulerPlugin,
    Secrets,
)
from frameworks.marathon_py.shell.plugins.files import SecretFiles
from frameworks.marathon_py.shell.plugins.guard import Plugins
from frameworks.marathon_py.shell.plugins.loading import Loaded, PluginFailed, load
from mesos_py.sdk.matching import Host
from mesos_py.web.request import Request
from mesos_py.web.response import HttpError, Response
from mesos_py.web.router import Answer
from mesos_py.wire.ids import AgentID, TaskID
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskInfo
from tests.marathon.app_of import app_of
from tests.marathon.world import world_of

MARATHON = "mesosphere.marathon.plugin"  # where its own interfaces are
APP = app_of(id="/web", cmd="sleep 1")
TASK = TaskInfo(name="web", task_id=TaskID("t"), agent_id=AgentID("a"))


class Login(Authenticator):
    async def authenticate(self, request: Request) -> str | None:
        if self.configuration.get("broken"):
            raise ConnectionError("the directory is down")
        return request.headers.get("X-User")

    def unauthenticated(self, request: Request) -> Response:
        return Response(401, b"who are you?")


class Readers(Authorizer):
    def may(self, principal: str | None, action: Action, resource: Resource) -> bool:
        return action == "view" or principal in self.configuration["writers"]

    def forbidden(self, principal: str | None, request: Request) -> Response:
        return Response(403, f"{principal} only reads".encode())


class Loud(RunSpecTaskProcessor):
    def edit_task(self, app: App, task: TaskInfo) -> TaskInfo:
        return evolve(task, name=task.name.upper() + self.configuration.get("more", ""))


class Failing(RunSpecTaskProcessor, RunSpecValidator, SchedulerPlugin, Secrets, Authorizer):
    """In everything."""

    def edit_task(self, app: App, task: TaskInfo) -> TaskInfo:
        raise KeyError("task")

    def violations(self, spec: App | Pod) -> Iterable[Violation]:
        raise KeyError("spec")

    def accepts(self, spec: App | Pod, host: Host) -> bool:
        raise KeyError("host")

    def find(self, source: str) -> bytes | None:
        raise KeyError("source")

    def may(self, principal: str | None, action: Action, resource: Resource) -> bool:
        raise KeyError("principal")


class Named(RunSpecValidator):
    def violations(self, spec: App | Pod) -> Iterable[Violation]:
        if not spec.id.startswith("/team"):
            yield Violation("/id", "must belong to a team")


class Elsewhere(SchedulerPlugin):
    def accepts(self, spec: App | Pod, host: Host) -> bool:
        return host.hostname != self.configuration.get("not")


class Echo(HttpRequestHandler):
    async def serve(self, path: str, request: Request) -> Answer:
        return Response(200, path.encode())


def entry(kind: str, cls: type[Any], **configuration: Any) -> dict[str, Any]:
    return {"plugin": kind, "implementation": f"{__name__}:{cls.__name__}", "configuration": configuration}


def loaded(tmp_path: Path, **named: Any) -> Plugins:
    conf = tmp_path / "plugins.json"
    conf.write_text(json.dumps({"plugins": named}))
    return Plugins(load(str(conf)))


def made(*plugins: Any) -> Plugins:
    return Plugins([Loaded(type(one).__name__, one, {}) for one in plugins])


def request(**headers: str) -> Any:
    return SimpleNamespace(headers={name.replace("_", "-"): value for name, value in headers.items()}, principal=None)


# ---- loading


def test_plugins_are_made_with_their_configuration_and_listed(tmp_path: Path) -> None:
    """Under Marathon's own names of interfaces, too; by entry point or by class."""
    (tmp_path / "pw").write_text("secret")
    plugins = loaded(
        tmp_path,
        first={**entry(f"{MARATHON}.task.RunSpecTaskProcessor", Loud, more="!"), "tags": ["a"], "info": {}},
        second={"plugin": "Secrets", "implementation": "secret-files", "configuration": {"directory": str(tmp_path)}},
    )  # fmt: skip
    assert plugins.about == (
        {"id": "first", "plugin": f"{MARATHON}.task.RunSpecTaskProcessor", "tags": ["a"],
         "implementation": f"{__name__}:Loud"},
        {"id": "second", "plugin": "Secrets", "implementation": "secret-files"},
    )  # fmt: skip
    hooks = plugins.hooks()
    assert hooks.edit_task is not None
    assert hooks.edit_task(APP, TASK) == evolve(TASK, name="WEB!")
    assert hooks.find_secret is not None
    assert (hooks.find_secret("pw"), hooks.find_secret("none")) == (b"secret", None)
    assert (hooks.accepts, hooks.violations) == (None, None)


def test_other_packages_have_plugins_as_entry_points(tmp_path: Path) -> None:
    about = tmp_path / "site" / "company-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: company\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[marathon_py.plugins]\ncompany-login = {__name__}:Login\n")
    sys.path.insert(0, str(tmp_path / "site"))
    try:
        plugins = loaded(tmp_path, who={"plugin": "Authenticator", "implementation": "company-login"})
    finally:
        sys.path.remove(str(tmp_path / "site"))
    assert plugins.about == ({"id": "who", "plugin": "Authenticator", "implementation": "company-login"},)


@pytest.mark.parametrize(("conf", "why"), [
    ("{", "--plugin_conf="), ("[]", "expecting"), ('{"plugins": []}', "expecting"),
    ('{"plugins": {"x": 1}}', "plug-in 'x': expecting an object"),
    ('{"plugins": {"x": {"plugin": "Nonsense"}}}', "'plugin' is 'Nonsense'; there are Authenticator, Authorizer"),
    ('{"plugins": {"x": {"plugin": "Secrets", "implementation": "none"}}}', "there are secret-files"),
    ('{"plugins": {"x": {"plugin": "Secrets", "implementation": "json:JSONDecoder"}}}', "is no Secrets"),
    ('{"plugins": {"x": {"plugin": "Secrets", "implementation": "secret-files"}}}', "KeyError: 'directory'"),
])  # fmt: skip
def test_what_cannot_be_loaded_says_why(tmp_path: Path, conf: str, why: str) -> None:
    path = tmp_path / "conf"
    path.write_text(conf)
    with pytest.raises(PluginFailed) as caught:
        load(str(path))
    assert why in str(caught.value)


def test_a_file_that_anybody_may_write_is_not_believed(tmp_path: Path) -> None:
    """X32: it says what runs in this process."""
    path = tmp_path / "conf"
    path.write_text('{"plugins": {}}')
    assert load(str(path)) == ()
    path.chmod(0o666)
    with pytest.raises(PluginFailed, match="may be written by anybody"):
        load(str(path))
    with pytest.raises(PluginFailed, match="No such file"):
        load(str(tmp_path / "none"))


# ---- requests


async def test_who_asks_is_for_the_plugin_to_say() -> None:
    plugins, known, unknown = made(Login({})), request(X_User="ada"), request()
    await plugins.identify(known)
    assert known.principal == "ada"
    with pytest.raises(HttpError) as caught:
        await plugins.identify(unknown)
    assert (caught.value.response.status, caught.value.response.body) == (401, b"who are you?")
    with pytest.raises(HttpError) as caught:
        await made(Login({"broken": True})).identify(known)
    assert caught.value.response.status == 503
    with pytest.raises(PluginFailed, match="only one"):
        made(Login({}), Login({}))


def test_all_authorizers_must_allow() -> None:
    plugins = made(Readers({"writers": ["ada", "bob"]}), Readers({"writers": ["ada"]}))
    asked = request()
    for principal, allowed in (("ada", True), ("bob", False), (None, False)):
        asked.principal = principal
        assert plugins.may(asked, "update", APP) is allowed
        assert plugins.may(asked, "view", APP)
    assert plugins.forbidden(asked).body == b"None only reads"
    assert made().may(asked, "delete", "leader")
    with pytest.raises(HttpError) as caught:
        made(Failing({})).may(asked, "view", APP)
    assert caught.value.response.status == 503


async def test_a_plugin_may_serve(tmp_path: Path) -> None:
    plugins = loaded(tmp_path, echo=entry("HttpRequestHandler", Echo), loud=entry("RunSpecTaskProcessor", Loud))
    answer = await plugins.serve("echo", "a/b", request())
    assert isinstance(answer, Response)
    assert answer.body == b"a/b"
    assert await plugins.serve("loud", "", request()) is await plugins.serve("none", "", request()) is None


# ---- the core


def test_the_core_asks_plugins() -> None:
    """Definitions are refused, hosts passed over, tasks edited."""
    world = world_of()
    avoided = next(iter(world.agents.values())).template.hostname
    hooks = world.core.hooks = made(Named({}), Elsewhere({"not": avoided}), Loud({})).hooks()
    given: Mapping[str, Any] = {"cmd": "sleep 1", "cpus": 0.1, "mem": 16, "instances": 3}
    create = [words.CreateApp(translate({"id": path, **given}, world.core.settings)) for path in ("/web", "/team/web")]
    refused = world.tell(create[0]).reply
    assert refused == words.Refused(422, "Object is not valid", (Violation("/id", "must belong to a team"),))
    assert isinstance(world.tell(create[1]).reply, words.Started)
    world.run()
    placed = [instance.placed for instance in world.of("/team/web") if instance.placed is not None]
    assert (len(placed), avoided in [one.hostname for one in placed]) == (3, False)
    assert hooks.edit_task is not None
    assert {task.info.name for agent in world.agents.values() for task in agent.alive} == {"WEB.TEAM"}


def test_the_careful_answer_of_those_that_fail() -> None:
    hooks = made(Failing({})).hooks()
    assert hooks.violations is not None
    assert hooks.accepts is not None
    assert hooks.find_secret is not None
    assert hooks.edit_task is not None
    host: Any = SimpleNamespace(hostname="h")
    assert list(hooks.violations(APP)) == [Violation("/", "A validator of this installation has failed.")]
    assert (hooks.accepts(APP, host), hooks.find_secret("x")) == (False, None)
    with pytest.raises(PluginFailed, match="a task of /web cannot be edited"):
        hooks.edit_task(APP, TASK)


def test_secrets_in_files_stay_in_their_directory(tmp_path: Path) -> None:
    """X09: whatever a source is called, and wherever links lead."""
    root = tmp_path / "secrets"
    (root / "team").mkdir(parents=True)
    (tmp_path / "secrets-evil").mkdir()
    for path, text in ((root / "team/pw", "one"), (tmp_path / "out", "two"), (tmp_path / "secrets-evil/x", "three")):
        path.write_text(text)
    (root / "link").symlink_to(tmp_path / "out")
    (root / "round").symlink_to(root / "round")
    secrets = SecretFiles({"directory": str(root)})
    assert secrets.find("team/pw") == secrets.find("/team/pw") == secrets.find("team/../team/pw") == b"one"
    for source in ("../out", "link", "round", "team", "", "/", "../secrets-evil/x", "none", "a\0b", f"{tmp_path}/out"):
        assert secrets.find(source) is None, source
