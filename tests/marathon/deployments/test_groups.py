"""What people ask of groups and pods: what comes of it, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions.groups import read_update
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import Pod, read_pod
from frameworks.marathon_py.deployments.group_requests import ALONE, ENFORCE_ALONE
from frameworks.marathon_py.words import PodPosted, Refused, Source, Started
from tests.marathon.app_of import SETTINGS
from tests.marathon.world import World, world_of

SHOP = PathId("/shop")


def app(name: str, **body: Any) -> dict[str, Any]:
    return {"id": name, "cmd": "run", **body}


def pod(name: str = "/shop/pod", command: str = "run", **body: Any) -> Pod:
    container = {"name": "c", "exec": {"command": {"shell": command}}, "resources": {"cpus": 1, "mem": 32}}
    return read_pod({"id": name, "containers": [container], **body})


def put(world: World, body: dict[str, Any], path: str = "/shop", **how: Any) -> Any:
    return world.tell(words.PutGroup(PathId(path), read_update(body), **how)).reply


def shop() -> World:
    """Two apps, and a pod in a group of theirs; all run."""
    world = world_of()
    put(world, {"apps": [app("web", instances=2)], "groups": [{"id": "back", "apps": [app("db")]}]})
    world.tell(words.PutPod(pod(), must_be_new=True))
    world.run()
    assert not world.core.deployments
    return world


def ids(world: World) -> list[str]:
    return sorted(world.core.specs)


def test_a_group_is_made_with_everything_in_it() -> None:
    world = shop()
    assert ids(world) == ["/shop/back/db", "/shop/pod", "/shop/web"]
    assert world.conditions("/shop/web") == ["Running", "Running"]
    assert world.conditions("/shop/pod") == ["Running"]


def test_what_is_not_listed_is_deleted_but_pods() -> None:
    world = shop()
    reply = put(world, {"apps": [app("new")]})
    assert isinstance(reply, Started)
    assert reply.created == ("/shop/new",)
    assert ids(world) == ["/shop/back/db", "/shop/new", "/shop/pod"]
    world.run()
    assert len(world.alive()) == 3


def test_what_is_the_same_is_not_touched() -> None:
    """Of what is listed again nothing is restarted, and nothing has another version."""
    world = shop()
    before = dict(world.core.specs)
    reply = put(world, {"apps": [app("web", instances=2), app("more")]})
    assert world.core.specs[PathId("/shop/web")] is before[PathId("/shop/web")]
    assert [action.show() for step in world.core.deployments[reply.deployment_id].plan.steps for action in step] == [
        {"action": "StartApplication", "app": "/shop/more"}, {"action": "ScaleApplication", "app": "/shop/more"},
    ]  # fmt: skip


def test_a_dry_run_says_what_would_be_done() -> None:
    world = shop()
    records = dict(world.records)
    plan = put(world, {"apps": []}, dry_run=True)
    assert plan.show() == {"steps": [{"actions": [{"action": "StopApplication", "app": "/shop/web"}]}]}
    assert world.records == records
    assert put(world, {"apps": [app("web", cpus=-1)]}, dry_run=True).status == 422


def test_a_group_is_scaled() -> None:
    world = shop()
    put(world, {"scaleBy": 1.5})
    world.run()
    assert len(world.of("/shop/web")) == 3
    assert len(world.of("/shop/back/db")) == 2
    assert len(world.of("/shop/pod")) == 1
    app_now = world.core.specs[PathId("/shop/web")]
    assert app_now.version_info is not None
    assert app_now.version_info.last_scaling_at > app_now.version_info.last_config_change_at


def test_a_group_is_taken_back_to_a_version() -> None:
    """As a change of its own: what ran then is made anew, with versions of now."""
    world = shop()
    version, old = world.core.root.version, world.core.specs[PathId("/shop/web")]
    put(world, {"apps": [app("web", cmd="walk")]})
    world.run()
    put(world, {"groups": []})
    world.run()
    reply = put(world, {"version": version})
    assert isinstance(reply, Started), reply
    world.run()
    now: Any = world.core.specs[PathId("/shop/web")]
    assert (now.cmd, now.instances) == ("run", 2)
    assert now.version > old.version
    assert ids(world) == ["/shop/back/db", "/shop/pod", "/shop/web"]


def test_a_group_is_deleted() -> None:
    world = shop()
    world.tell(words.CreateApp({"id": "/other", "cmd": "run"}))
    assert isinstance(world.tell(words.DeleteGroup(SHOP)).reply, Started)
    world.run()
    assert ids(world) == ["/other"]
    assert world.core.root.group(SHOP) is None
    assert isinstance(world.tell(words.DeleteGroup(PathId("/"), force=True)).reply, Started)
    world.run()
    assert not world.core.specs
    assert not world.alive()


def test_a_group_may_enforce_its_role() -> None:
    """What is there keeps its role, what is new has the group's; nothing is restarted, and no deployment is made."""
    world = shop()
    frame = world.tell(words.EnforceRole(SHOP, True))
    assert frame.reply is None
    assert not world.core.deployments
    world.tell(words.CreateApp({"id": "/shop/new", "cmd": "run"}))
    assert world.core.specs[PathId("/shop/new")].role == "shop"
    assert world.core.specs[PathId("/shop/web")].role == SETTINGS.mesos_role
    refused = world.tell(words.CreateApp({"id": "/shop/newer", "cmd": "run", "role": "marathon"})).reply
    assert [(one.path, one.text) for one in refused.details] == [("/role", "got marathon, expected shop")]
    assert isinstance(world.tell(words.PutApps(({"id": "/shop/web", "cmd": "walk"},))).reply, Started)


REFUSALS: dict[str, tuple[Any, int, list[tuple[str, str]] | str]] = {
    "new, and there": ((SHOP, {}, True), 409, "Group /shop is already created. Use PUT to change this group."),
    "new, and an app": (
        (PathId("/shop/web"), {}, True), 409, "An app with the path /shop/web already exists.",
    ),
    "scaled, and more": ((SHOP, {"scaleBy": 2, "apps": []}, False), 422, [("/scaleBy", ALONE)]),
    "version, and more": (
        (SHOP, {"version": "2024-05-01T10:00:00Z", "apps": []}, False), 422, [("/version", ALONE)],
    ),
    "no such version": (
        (SHOP, {"version": "2024-05-01T10:00:00Z"}, False), 422,
        "Group /shop not available in version 2024-05-01T10:00:00.000Z",
    ),
    "role, and more": ((SHOP, {"enforceRole": True, "apps": []}, False), 422, [("/enforceRole", ENFORCE_ALONE)]),
    "an app of a group below": (
        (SHOP, {"groups": [{"id": "back", "apps": [app("db", cpus=-1)]}]}, False), 422,
        [("/groups(0)/apps(0)/cpus", "got -1.0, expected 0.0 or more")],
    ),
    "elsewhere": (
        (SHOP, {"apps": [app("/else")]}, False), 422, [("/apps(0)/id", "Identifier is not child of '/shop'")],
    ),
    "a pod's name": (
        (SHOP, {"apps": [app("pod")]}, False), 422, [("/", "Applications and Pods may not share the same id")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_refused(name: str) -> None:
    (path, body, must_be_new), status, expected = REFUSALS[name]
    world = shop()
    root, records = world.core.root, dict(world.records)
    reply = put(world, body, path, must_be_new=must_be_new)
    said = reply.message if isinstance(expected, str) else [(one.path, one.text) for one in reply.details]
    assert (reply.status, said) == (status, expected)
    assert world.core.root is root
    assert world.records == records


def test_groups_that_there_are_not() -> None:
    world = shop()
    assert world.tell(words.DeleteGroup(PathId("/x"))).reply == Refused(404, "Group '/x' does not exist")
    assert world.tell(words.EnforceRole(PathId("/x"), True)).reply == Refused(404, "Group '/x' does not exist")
    below = world.tell(words.EnforceRole(PathId("/shop/back"), True)).reply
    assert below == Refused(422, "Path needs to be top-level")


# ---- pods


def test_a_pod_is_changed_as_a_whole() -> None:
    world = shop()
    by = Source("10.0.0.1", "/v2/pods/shop/pod")
    reply = world.tell(words.PutPod(pod(command="walk", scaling={"instances": 2}), by=by)).reply
    assert isinstance(reply, Started)
    assert world.heard(PodPosted) == [PodPosted("updated", by)]
    world.run()
    assert [one.spec for one in world.of("/shop/pod")] == [world.core.specs[PathId("/shop/pod")]] * 2
    again = world.tell(words.PutPod(pod(command="walk", scaling={"instances": 2}))).reply
    assert again.version == reply.version


def test_a_pod_is_restarted_and_deleted() -> None:
    world = shop()
    before = {one.id for one in world.of("/shop/pod")}
    world.tell(words.RestartApp(PathId("/shop/pod")))
    world.run()
    assert len(world.of("/shop/pod")) == 1
    assert not before & {one.id for one in world.of("/shop/pod")}
    assert isinstance(world.tell(words.DeletePod(PathId("/shop/pod"))).reply, Started)
    world.run()
    assert not world.of("/shop/pod")


def test_pods_that_are_refused() -> None:
    world = shop()
    exists = world.tell(words.PutPod(pod(), must_be_new=True)).reply
    assert exists == Refused(409, "A pod with id [/shop/pod] already exists.")
    assert world.tell(words.PutPod(pod("/x"))).reply == Refused(404, "Pod '/x' does not exist")
    assert world.tell(words.DeletePod(PathId("/shop/web"))).reply == Refused(404, "Pod '/shop/web' does not exist")
    clash = world.tell(words.PutPod(pod("/shop/web"), must_be_new=True)).reply
    assert clash.details[0].text == "Applications and Pods may not share the same id"
    rule = world.tell(words.PutPod(pod(volumes=[{"name": "v"}]))).reply
    assert rule.details[0].text == "volume must be referenced by at least one container"


def test_a_pod_with_data_may_not_have_other_resources() -> None:
    world = world_of()
    body: dict[str, Any] = {"role": "marathon", "volumes": [{"name": "v", "persistent": {"size": 10}}]}

    def asked(cpus: float, size: int = 10, **more: Any) -> Any:
        container = {
            "name": "c", "exec": {"command": {"shell": "run"}}, "resources": {"cpus": cpus, "mem": 32},
            "volumeMounts": [{"name": "v", "mountPath": "v"}],
        }  # fmt: skip
        volumes = [{"name": "v", "persistent": {"size": size}}]
        given = read_pod({"id": "/pod", "containers": [container], **body, "volumes": volumes})
        return world.tell(words.PutPod(given, force=True, **more)).reply

    assert isinstance(asked(1, must_be_new=True), Started)
    assert [one.text for one in asked(2).details] == ["cpus cannot be updated if a pod has persistent volumes"]
    assert [one.text for one in asked(1, size=20).details] == ["persistent volumes cannot be updated"]
    assert isinstance(asked(1), Started)



def test_a_deleted_group_is_taken_back_as_it_was() -> None:
    """With what it depends on, its role, and groups in it in which nothing runs; others' groups stay."""
    world = shop()
    put(world, {"groups": [{"id": "back", "dependencies": ["../web"]}, {"id": "empty"}]})
    world.tell(words.EnforceRole(SHOP, True))
    world.run()
    before = world.core.root
    reply = world.tell(words.DeleteGroup(SHOP)).reply
    world.tell(words.CreateApp({"id": "/other/x", "cmd": "run"}))
    assert isinstance(world.tell(words.CancelDeployment(reply.deployment_id)).reply, Started)
    rules = [(one.id, one.dependencies, one.enforce_role, one.specs) for one in before.walk()]
    now = [(one.id, one.dependencies, one.enforce_role, one.specs) for one in world.core.root.walk()]
    assert [one for one in rules if one not in now] == []
    assert world.core.specs[PathId("/other/x")]
    world.run()
    assert not world.core.deployments


def test_who_hears_of_refusals() -> None:
    """Of those that the tree as a whole is the reason of; a definition that is wrong by itself never gets there."""
    world = shop()
    world.facts.clear()
    put(world, {"apps": [app("web", cpus=-1)]})
    assert not world.heard(words.GroupChanged)
    put(world, {"apps": [app("pod")]})
    assert [(one.group_id, one.reason) for one in world.heard(words.GroupChanged)] == [("/", "Object is not valid")]
