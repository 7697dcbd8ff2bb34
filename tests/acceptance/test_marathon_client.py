"""The unmodified client package of PyPI (marathon 0.13.0), whose models take no key that they do not know."""

from __future__ import annotations

import collections
import collections.abc
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.cluster import eventually, local_cluster
from tests.acceptance.marathon import Marathon, marathon

# The client is of the days of Python 3.9, where this name was. Nothing of its own is changed.
collections.Iterable = collections.abc.Iterable  # type: ignore[attr-defined]
client = pytest.importorskip("marathon", reason="the client package of Marathon is not installed")
models = pytest.importorskip("marathon.models")

SMALL = {"cpus": 0.1, "mem": 16, "cmd": "sleep 1000"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Marathon]:
    with local_cluster("--agents=1") as cluster, marathon(cluster, tmp_path_factory.mktemp("marathon")) as made:
        yield made


@pytest.fixture
def api(served: Marathon) -> Iterator[Any]:
    made = client.MarathonClient(served.url, timeout=90)
    yield made
    for app in made.list_apps():
        made.delete_app(app.id, force=True)
    served.until_quiet()


def app(**fields: Any) -> Any:
    return models.MarathonApp(**{**SMALL, **fields})


def until_done(api: Any) -> None:
    eventually(lambda: not api.list_deployments(), "no deployment goes on")


def test_an_apps_whole_life(api: Any) -> None:
    """Created, looked at, scaled, changed, restarted, rolled back, removed."""
    made = api.create_app("demo/web", app(labels={"tier": "web"}, env={"A": "b"}, instances=2))
    assert (made.id, made.instances, made.labels, made.env) == ("/demo/web", 2, {"tier": "web"}, {"A": "b"})
    with pytest.raises(client.exceptions.ConflictError):
        api.create_app("demo/web", app())
    until_done(api)
    found = api.get_app("/demo/web")
    assert (found.tasks_running, len(found.tasks), found.deployments) == (2, 2, [])
    assert {one.state for one in found.tasks} == {"TASK_RUNNING"}
    assert [one.id for one in api.list_apps(label="tier==web", embed_counts=True)] == ["/demo/web"]
    assert [one.id for one in api.list_apps(cmd="SLEEP", embed_tasks=True)] == ["/demo/web"]
    assert api.list_apps(app_id="nothing") == []

    api.scale_app("/demo/web", delta=1)
    until_done(api)
    assert len(api.list_tasks("/demo/web")) == 3
    api.update_app("/demo/web", models.MarathonApp(id="/demo/web", cpus=0.2, instances=1))
    until_done(api)
    changed = api.get_app("/demo/web")
    assert (changed.cpus, changed.cmd, changed.tasks_running) == (0.2, "sleep 1000", 1)
    versions = api.list_versions("/demo/web")
    assert len(versions) == 3
    assert api.get_version("/demo/web", min(versions)).instances == 2

    before = {one.id for one in api.list_tasks("/demo/web")}
    api.restart_app("/demo/web")
    until_done(api)
    after = {one.id for one in api.list_tasks("/demo/web")}
    assert len(after) == 1 and not after & before

    api.rollback_app("/demo/web", min(versions))
    until_done(api)
    back = api.get_app("/demo/web")
    assert (back.cpus, back.instances, back.tasks_running) == (0.1, 2, 2)
    api.delete_app("/demo/web")
    until_done(api)
    with pytest.raises(client.exceptions.NotFoundError):
        api.get_app("/demo/web")


def test_tasks_are_killed(api: Any) -> None:
    """Others take their place, unless the app is to have fewer."""
    api.create_app("killed", app(instances=2))
    until_done(api)
    first, second = api.list_tasks("/killed")
    assert api.kill_task("/killed", first.id).id == first.id
    eventually(lambda: first.id not in {one.id for one in api.list_tasks("/killed")}, "the task is gone")
    eventually(lambda: api.get_app("/killed").tasks_running == 2, "another one runs")
    api.kill_given_tasks([second.id], scale=True)
    until_done(api)
    assert api.get_app("/killed").instances == 1
    (killed,) = api.kill_tasks("/killed")
    eventually(lambda: [one.id for one in api.list_tasks("/killed") if one.id != killed.id], "another one runs")


def test_what_cannot_run_waits(api: Any) -> None:
    """The queue says why, and the deployment goes on until it is stopped."""
    api.create_app("huge", app(cpus=1000))
    items = eventually(
        lambda: [one for one in api.list_queue(embed_last_unused_offers=True) if one.last_unused_offers],
        "an offer was looked at",
    )  # fmt: skip
    assert [one.app.id for one in items] == ["/huge"]
    summary = items[0].processed_offers_summary["rejectSummaryLastOffers"]
    reasons = {one["reason"]: one["declined"] for one in summary}
    assert reasons["InsufficientCpus"] == 1
    (deployment,) = api.list_deployments()
    assert deployment.affected_apps == ["/huge"]
    with pytest.raises(client.exceptions.ConflictError):
        api.scale_app("/huge", instances=2)
    api.reset_delay("/huge")
    api.delete_deployment(deployment.id)
    until_done(api)
    assert api.list_apps() == []


def test_groups(api: Any) -> None:
    """Created with what is in them, in the order of their dependencies; scaled, changed, taken back, removed as one."""
    group = models.MarathonGroup(
        id="/shop", apps=[app(id="/shop/db"), app(id="/shop/web", dependencies=["/shop/db"], instances=2)])
    api.create_group(group)
    until_done(api)
    assert sorted(one.id for one in api.get_group("/shop").apps) == ["/shop/db", "/shop/web"]
    api.scale_group("/shop", 2)
    until_done(api)
    assert {one.id: one.instances for one in api.list_apps()} == {"/shop/db": 2, "/shop/web": 4}
    (before,) = [one for one in api.list_groups() if one.id == "/shop"]
    api.update_group("/shop", models.MarathonGroup(id="/shop", apps=[app(id="/shop/db", instances=1)]))
    until_done(api)
    assert {one.id: one.instances for one in api.list_apps()} == {"/shop/db": 1}
    api.rollback_group("/shop", before.version)
    until_done(api)
    assert {one.id: one.instances for one in api.list_apps()} == {"/shop/db": 2, "/shop/web": 4}
    api.update_apps([app(id="/shop/db", instances=0), app(id="/shop/web", instances=0)])
    until_done(api)
    assert {one.id: one.instances for one in api.list_apps()} == {"/shop/db": 0, "/shop/web": 0}
    api.delete_group("/shop", force=True)
    until_done(api)
    assert api.list_apps() == []


def test_endpoints_and_information(api: Any, served: Marathon) -> None:
    """What load balancers and people ask for."""
    api.create_app("ports", app(port_definitions=[{"port": 0, "name": "a"}, {"port": 0, "name": "b"}]))
    until_done(api)
    assert sorted(one.app_id for one in api.list_endpoints()) == ["/ports", "/ports"]
    info = api.get_info()
    assert (info.name, info.elected, bool(info.framework_id)) == ("marathon", True, True)
    assert api.get_leader()["leader"] == served.url.removeprefix("http://")
    assert api.ping().strip(b'"') == b"pong"
    assert api.get_metrics()["gauges"]["marathon.apps.active.gauge"] == {"value": 1}
    assert api.list_event_subscriptions() == []
    for call in (api.create_event_subscription, api.delete_event_subscription):
        with pytest.raises(client.exceptions.NotFoundError):
            call("http://somewhere")


def test_wrong_definitions_are_refused_with_sentences(api: Any) -> None:
    """422 with a path for each."""
    with pytest.raises(client.exceptions.MarathonHttpError) as caught:
        api.create_app("bad", app(constraints=[["hostname", "NEAR"]]))
    assert caught.value.status_code == 422
    assert "constraints" in str(caught.value.error_details)


def test_the_stream_of_events(api: Any) -> None:
    """The client's generator ends with the first event that it does not know; it does not."""
    heard: list[Any] = []

    def hear() -> None:
        for event in client.MarathonClient(api.servers).event_stream():
            heard.append(event)
            if event.event_type == "deployment_success" and len(heard) > 3:
                return

    hearing = threading.Thread(target=hear, daemon=True)
    hearing.start()
    eventually(lambda: heard, "the client is attached")
    api.create_app("told", app())
    hearing.join(90)
    assert not hearing.is_alive()
    types = [event.event_type for event in heard]
    for one in ("api_post_event", "group_change_success", "deployment_info", "status_update_event",
                "instance_changed_event", "deployment_step_success", "deployment_success"):  # fmt: skip
        assert one in types, types
    statuses = [event.task_status for event in heard if event.event_type == "status_update_event"]
    assert statuses[-1] == "TASK_RUNNING"
