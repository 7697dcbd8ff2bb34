"""Deployments from the request to the last instance, in a world of agents."""

from __future__ import annotations

from typing import Any

import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions.legacy import read_given
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.deployments.changes import LOCKED
from frameworks.marathon_py.words import DeploymentChanged, Refused, SpecGone, Started
from mesos_py.machine.values import SECOND
from tests.marathon.deployments.asked import WEB, ask, created, given, put, told, versions
from tests.marathon.world import TaskState, world_of


def test_an_app_is_started_and_then_runs() -> None:
    world = created(instances=2)
    assert told(world) == ["info StartApplication", "step_success StartApplication", "info ScaleApplication"]
    assert world.conditions() == ["Scheduled", "Scheduled"]
    world.launch()
    world.run()
    assert world.conditions() == ["Running", "Running"]
    assert told(world) == ["step_success ScaleApplication", "success"]
    assert not world.core.deployments
    assert not world.core.locked


def test_the_order_of_what_is_told() -> None:
    """As Marathon's: who has asked, that it was accepted, the deployment, instances."""
    world = world_of()
    world.facts.clear()
    world.tell(words.CreateApp(given(cmd="run"), by=words.Source("10.0.0.1", "/v2/apps")))
    kinds = [type(fact).__name__ for fact in world.facts]
    assert kinds == ["AppPosted", "GroupChanged", *["DeploymentChanged"] * 3, "InstanceChanged"]
    plan = world.heard(DeploymentChanged)[0].plan
    assert plan == {
        "id": next(iter(world.core.deployments)), "version": world.core.root.version, "original": {}, "target": {},
        "steps": [{"actions": [{"action": "StartApplication", "app": "/web"}]},
                  {"actions": [{"action": "ScaleApplication", "app": "/web"}]}],
    }  # fmt: skip


def test_an_app_of_nothing_is_there_at_once() -> None:
    world = created(instances=0)
    assert told(world)[-1] == "success"


def test_more_and_fewer() -> None:
    world = created(instances=1)
    world.run()
    put(world, instances=3)
    assert len(world.of()) == 3
    world.run()
    before = {one.id for one in world.of()}
    told(world)
    put(world, instances=1)
    assert told(world) == ["info ScaleApplication"]
    world.run()
    assert told(world) == ["step_success ScaleApplication", "success"]
    assert {one.id for one in world.of()} < before
    assert len(world.alive()) == 1


def test_what_says_the_same_changes_nothing() -> None:
    """A deployment that was never there has succeeded; the app has its version, and the tree has its own."""
    world = created()
    world.run()
    app, records = world.core.specs[WEB], dict(world.records)
    told(world)
    reply = put(world, cmd="run")
    assert told(world) == ["success"]
    assert reply.version == world.core.root.version == app.version
    assert reply.deployment_id
    assert world.core.specs[WEB] is app
    assert world.records == records


def test_an_update_replaces_instances() -> None:
    """H=1, O=1: all new ones at once; each that runs lets an old one go."""
    world = created(instances=4)
    world.run()
    put(world, cmd="walk")
    assert world.conditions() == ["Running"] * 4 + ["Scheduled"] * 4
    world.run()
    assert versions(world) == ["walk"] * 4
    assert len(world.alive()) == 4
    assert told(world)[-2:] == ["step_success RestartApplication", "success"]


def test_a_restart_replaces_instances_of_the_same() -> None:
    world = created(instances=2)
    world.run()
    before = {one.id for one in world.of()}
    reply = ask(world, words.RestartApp(WEB))
    info = world.core.specs[WEB].version_info
    assert info is not None
    assert reply.version == world.core.specs[WEB].version == info.last_config_change_at > info.last_scaling_at
    world.run()
    assert len(world.of()) == 2
    assert not before & {one.id for one in world.of()}


def test_an_app_is_deleted_when_its_tasks_have_ended() -> None:
    world = created(instances=2)
    world.run()
    told(world)
    reply = ask(world, words.DeleteApp(WEB))
    assert isinstance(reply, Started)
    assert WEB not in world.core.specs
    assert told(world) == ["info StopApplication"]
    world.run()
    assert world.heard(SpecGone) == [SpecGone(WEB)]
    assert told(world) == ["step_success StopApplication", "success"]
    assert not world.alive()
    assert not [name for name in world.records if "instance" in name or "deployment" in name]


def test_what_depends_on_something_waits_until_that_runs() -> None:
    world = world_of()
    apps = (given(id="/web", cmd="ww", dependencies=["/db"]), given(id="/db", cmd="dd"))
    reply = ask(world, words.PutApps(apps))
    assert reply.created == ("/web", "/db")
    assert not world.of("/web")
    assert len(world.of("/db")) == 1
    world.run()
    assert world.conditions("/web") == ["Running"]


# ---- other deployments in the way


def test_one_deployment_at_a_time() -> None:
    """The second is refused with the first one's id, unless it is forced: then the first one ends where it is."""
    world = created(instances=2)
    first = next(iter(world.core.deployments))
    before = dict(world.records)
    reply = ask(world, words.PutApps((given(cmd="walk"),)))
    assert reply == Refused(409, LOCKED, deployments=(first,))
    assert world.records == before
    assert world.heard(words.GroupChanged)[-1].reason == LOCKED
    told(world)
    forced = put(world, force=True, cmd="walk")
    assert told(world) == ["failed", "info RestartApplication"]
    assert list(world.core.deployments) == [forced.deployment_id]
    world.run()
    assert versions(world) == ["walk", "walk"]


def test_what_is_not_affected_goes_on() -> None:
    world = created()
    assert isinstance(ask(world, words.CreateApp(given(id="/other", cmd="xx"))), Started)
    assert len(world.core.deployments) == 2


def test_there_are_only_so_many_deployments() -> None:
    world = world_of(max_running_deployments=2)
    replies = [ask(world, words.CreateApp(given(id=f"/a{number}", cmd="xx"))) for number in range(3)]
    assert isinstance(replies[1], Started)
    assert replies[2].status == 403
    assert "(2) of running deployments" in replies[2].message
    assert PathId("/a2") not in world.core.specs
    assert isinstance(ask(world, words.PutApps((given(id="/a0", cmd="yy"),), force=True)), Started)


def test_a_deployment_is_cancelled() -> None:
    """Things are left as they are; the definition is the new one. Numbers become right later, versions do not."""
    world = created(instances=2)
    world.run()
    reply = put(world, cmd="walk")
    frame = world.tell(words.CancelDeployment(reply.deployment_id, force=True))
    assert frame.reply is None
    assert not world.core.deployments
    assert len(world.of()) == 4
    assert not frame.sends
    world.settle()
    assert versions(world) in (["run", "run"], ["run", "walk"], ["walk", "walk"])
    assert len(world.alive()) == 2
    unknown = ask(world, words.CancelDeployment(reply.deployment_id, force=True))
    assert unknown == Refused(404, f"DeploymentPlan {reply.deployment_id} does not exist")


def test_a_deployment_is_taken_back() -> None:
    """Instances that were there before stay, and so does their definition; Marathon replaces them."""
    world = created(instances=3, upgradeStrategy={"minimumHealthCapacity": 1, "maximumOverCapacity": 0})
    world.run()
    original, before = world.core.specs[WEB], {one.id for one in world.of()}
    reply = put(world, cmd="walk")
    world.launch()
    assert len(world.of()) == 4
    back = ask(world, words.CancelDeployment(reply.deployment_id))
    assert isinstance(back, Started)
    assert list(world.core.deployments) == [back.deployment_id]
    world.run()
    assert world.core.specs[WEB] is original
    assert {one.id for one in world.of()} == before
    assert not world.core.deployments
    assert back.version > reply.version


def test_a_creation_is_taken_back() -> None:
    world = world_of()
    reply = ask(world, words.CreateApp(given(id="/a/b/web", cmd="run")))
    back = ask(world, words.CancelDeployment(reply.deployment_id))
    assert isinstance(back, Started)
    world.run()
    assert not world.core.specs
    assert [group.id for group in world.core.root.walk()] == ["/"]


# ---- what is given


def test_what_is_not_given_stays() -> None:
    world = created(env={"A": "b"}, labels={"c": "d"}, executorResources={}, resourceLimits={"cpus": "unlimited"})
    put(world, force=True, cpus=0.5, labels={"e": "f"})
    app = world.core.specs[WEB]
    assert (app.cmd, app.env, app.labels, app.cpus) == ("run", {"A": "b"}, {"e": "f"}, 0.5)  # type: ignore[union-attr]
    assert app.executor_resources is not None
    assert app.resource_limits is not None  # type: ignore[union-attr]
    reply = ask(world, words.PutApps((given(cmd="xx"),), partial=False, force=True))
    assert isinstance(reply, Started)
    assert world.core.specs[WEB].labels == {}


def test_an_earlier_version_is_what_there_is_to_be() -> None:
    """With the number of instances that it had, as a version of its own."""
    world = created(instances=2)
    first = world.core.specs[WEB]
    put(world, force=True, cmd="walk", instances=5)
    put(world, force=True, version=first.version)
    app = world.core.specs[WEB]
    assert (app.cmd, app.instances) == ("run", 2)  # type: ignore[union-attr]
    assert app.version > first.version


REFUSALS: dict[str, tuple[Any, int, str]] = {
    "exists": (words.CreateApp(given(cmd="xx")), 409, "An app with id [/web] already exists."),
    "restart of nothing": (words.RestartApp(PathId("/x")), 404, "App '/x' does not exist"),
    "deletion of nothing": (words.DeleteApp(PathId("/x")), 404, "App '/x' does not exist"),
    "must exist": (words.PutApps((given(id="/x", cmd="xx"),), must_exist=True), 404, "App '/x' does not exist"),
    "version and more": (words.PutApps((given(cmd="xx", version="2024-05-01T10:00:00Z"),)), 422, "Object is not valid"),
    "no version": (
        words.PutApps((given(version="x"),)), 422,
        "Invalid timestamp provided 'x'. Expecting ISO-8601 datetime string.",
    ),
    "unknown version": (
        words.PutApps((given(version="2024-05-01T10:00:00Z"),)), 404,
        "App '/web' does not exist in version 2024-05-01T10:00:00.000Z",
    ),
    "a rule": (words.PutApps((given(cpus=-1),)), 422, "Object is not valid"),
    "a cycle": (
        words.PutApps((given(dependencies=["/x"]), given(id="/x", cmd="xx", dependencies=["/web"]))), 422,
        "Object is not valid",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_refused_changes_nothing(name: str) -> None:
    request, status, message = REFUSALS[name]
    world = created()
    root, records = world.core.root, dict(world.records)
    reply = ask(world, request)
    assert (reply.status, reply.message) == (status, message)
    assert world.core.root is root
    assert world.records == records


def test_service_ports_are_nobodys_but_the_apps() -> None:
    """The lowest free ones; an app that leaves them open keeps what it had."""
    world = world_of(local_port_max=10_003)
    ports = []
    for path, body in (("/a", {"ports": [0, 0]}), ("/b", {}), ("/a", {"ports": [0]})):
        reply = ask(world, words.PutApps((_with_ports(id=path, cmd="xx", **body),), force=True))
        assert isinstance(reply, Started), reply
        app: Any = world.core.specs[PathId(path)]
        ports.append([one.port for one in app.port_definitions])
    assert ports == [[10_000, 10_001], [10_002], [10_000]]
    for path in ("/c", "/d"):
        reply = ask(world, words.CreateApp(given(id=path, cmd="xx")))
    assert (reply.status, reply.message) == (500, "All ports in the range [10000-10003) are already in use")


def _with_ports(**body: Any) -> dict[str, Any]:
    """In today's form."""
    ports = body.pop("ports", None)
    if ports is not None:
        body["portDefinitions"] = [{"port": port} for port in ports]
    return read_given(body)


# ---- whoever takes over goes on


@pytest.mark.parametrize("strategy", [(1, 1), (1, 0), (0.5, 0), (0, 0)], ids=str)
def test_a_deployment_goes_on_after_a_crash_at_any_word(strategy: tuple[float, float]) -> None:
    """Killed at its n-th word, whatever n: all instances are new in the end, and the deployment is over."""
    least, more = strategy
    body = {"minimumHealthCapacity": least, "maximumOverCapacity": more}
    for at in range(60):
        world = created(instances=3, upgradeStrategy=body)
        world.run()
        put(world, cmd="walk")
        left = at

        def crash() -> bool:
            nonlocal left
            left -= 1
            return left == 0

        world.crash_at = crash
        world.run(5)
        world.settle(8, by=2 * SECOND)
        assert versions(world) == ["walk"] * 3
        assert len(world.alive()) == 3
        assert not world.core.deployments
        if left > 0:
            return
    raise AssertionError("there is no end of words")


def test_an_old_one_that_ends_is_replaced_by_a_new_one() -> None:
    world = created(instances=2, upgradeStrategy={"minimumHealthCapacity": 1, "maximumOverCapacity": 0})
    world.run()
    put(world, cmd="walk")
    world.end(world.alive()[0], TaskState.TASK_FAILED)
    assert versions(world) == ["run"]
    assert sorted(str(one.spec.cmd) for one in world.of()) == ["run", "walk", "walk"]  # type: ignore[union-attr]
    world.run()
    assert versions(world) == ["walk", "walk"]


def test_what_waits_after_failures_may_try_again_when_it_is_restarted() -> None:
    world = created(instances=1)
    world.run()
    world.end(world.alive()[0])
    assert [spec_id for spec_id, _ in world.core.delays] == [WEB]
    ask(world, words.RestartApp(WEB))
    assert not world.core.delays
