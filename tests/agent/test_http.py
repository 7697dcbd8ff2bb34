"""The agent's endpoints against captures of a C++ agent: shapes, statuses, texts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.containerizer.scripted import RUNS, Outcome
from mesos_py.wire import agent_api, internal
from mesos_py.wire.codec import protobuf
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.discovery import DiscoveryInfo, Port, Ports
from mesos_py.wire.health import HealthCheck
from mesos_py.wire.task import TaskGroupInfo
from mesos_py.wire.value import Label, Labels
from tests import builders
from tests.agent.serving import Serving, serving
from tests.agent.world import FRAMEWORK_ID, TASK_KILLING_STATE, framework, task
from tests.golden import golden_dir
from tests.golden_compare import differences, read_capture, read_json

READS = (
    "GET_AGENT", "GET_CONTAINERS", "GET_EXECUTORS", "GET_FLAGS", "GET_FRAMEWORKS", "GET_HEALTH", "GET_LOGGING_LEVEL",
    "GET_METRICS", "GET_OPERATIONS", "GET_RESOURCE_PROVIDERS", "GET_STATE", "GET_TASKS", "GET_VERSION",
)  # fmt: skip
LEGACY = ("containerizer_debug", "containers", "health", "monitor_statistics", "state", "system_stats.json", "version")

#: What only their build, their launcher or their tasks' checks have.
OPTIONAL = frozenset({
    "git_sha", "git_branch", "git_tag", "executor_pid", "healthy", "reason", "check_status", "network_infos",
    "statistics", "resource_statistics", "cpus_user_time_secs", "cpus_system_time_secs", "mem_rss_bytes", "flags",
    "data", "message", "source", "processes", "threads", "labels", "discovery", "health_check", "ports", "role",
    "type", "capabilities", "shutdown_grace_period", "webui_url", "principal", "hostname",
})  # fmt: skip


def script(spec: ContainerSpec) -> Outcome:
    value = spec.argv[-1]
    return Outcome(status=0) if value == "true" else Outcome(status=5 << 8) if value == "exit 5" else RUNS


async def busy(world: Serving) -> None:
    """What ran when ``agent.running`` was captured, as far as shapes go."""
    by = framework(
        name="golden-running", checkpoint=True, roles=("eng/web", "*"), capabilities=(TASK_KILLING_STATE,),
        principal="golden", hostname="sched.example", webui_url="http://x/",
        labels=Labels(labels=(Label(key="fk", value="fv"),)),
    )  # fmt: skip
    for task_id, value in (("quick-1", "true"), ("fail-1", "exit 5")):
        world.run(task(task_id, command=CommandInfo(value=value)), by=by)
    ports = Ports(ports=(Port(number=80, name="http", protocol="tcp"),))
    visibility = DiscoveryInfo.Visibility.CLUSTER
    world.run(
        task(
            "long-1", labels=Labels(labels=(Label(key="k", value="v"),)),
            discovery=DiscoveryInfo(visibility=visibility, name="svc", ports=ports),
            health_check=HealthCheck(type=HealthCheck.Type.COMMAND, command=CommandInfo(value="true")),
        ),
        by=by,
    )  # fmt: skip
    resources = tuple(builders.scalar(name, amount, "*") for name, amount in (("cpus", 0.1), ("disk", 32)))
    world.master(
        internal.RunTaskGroup(
            framework=by,
            executor=builders.default_executor("grp-exec", resources=resources),
            task_group=TaskGroupInfo(tasks=(task("pod-a"), task("pod-b"))),
            launch_executor=True,
        )
    )
    for _ in range(5):
        await asyncio.sleep(0)
        world.acknowledge_all()


async def over(world: Serving) -> None:
    """Torn down, as when ``agent.after`` was captured."""
    world.master(internal.ShutdownFramework(framework_id=FRAMEWORK_ID))
    while world.server.core.state.frameworks:
        await asyncio.sleep(0)


@pytest.fixture(params=["", ".running", ".after"])
async def agent(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[str, Serving]]:
    async with serving(tmp_path, script=script, log_dir=str(tmp_path)) as world:
        if request.param:
            await busy(world)
        if request.param == ".after":
            await over(world)
        yield request.param, world


@pytest.mark.parametrize("name", LEGACY)
@pytest.mark.parametrize("prefix", ["", "/slave(1)"])
async def test_legacy_endpoints(name: str, prefix: str, agent: tuple[str, Serving]) -> None:
    """Same keys and types, bare and under the process id."""
    suffix, world = agent
    path = "/" + {"system_stats.json": "system/stats.json", "monitor_statistics": "monitor/statistics",
                  "containerizer_debug": "containerizer/debug"}.get(name, name)  # fmt: skip
    async with world.client.get(prefix + path) as response:
        assert response.status == 200
        body = await response.text()
        content_type = response.headers.get("Content-Type")
    if name == "health":
        assert (body, content_type) == ("", None)
        return
    assert content_type == "application/json"
    ours, theirs = json.loads(body), read_json(golden_dir() / f"agent{suffix}" / f"{name}.json")
    if name == "state":
        theirs["flags"] = ours["flags"]  # see test_flags
    assert list(differences(ours, theirs, optional=OPTIONAL)) == []


async def test_flags(tmp_path: Path) -> None:
    """Every flag of ours is one of theirs or named here, and what we did not set has their default."""
    theirs = read_json(golden_dir() / "agent" / "flags.json")["flags"]
    given = {"master", "work_dir", "runtime_dir", "port", "switch_user", "registration_backoff_factor", "resources",
             "ip", "log_dir"}  # fmt: skip
    of_a_module = {"max_stdout_size", "max_stderr_size", "logrotate_stdout_options", "logrotate_stderr_options",
                   "environment_variable_prefix"}  # fmt: skip
    of_another_build = {"container_ports_watch_interval", "enforce_container_ports", "check_agent_port_range_only"}
    of_policy = {"fetcher_denied_networks", "docker_allow_privileged", "docker_allowed_parameters", "docker_timeout"}
    only_ours = {"journal_size", "user_namespace_ids", *of_policy, *of_a_module, *of_another_build}
    async with serving(tmp_path) as world:
        ours = (await world.get("/flags"))["flags"]
        assert set(ours) - set(theirs) == only_ours
        assert {name: text for name, text in ours.items() if name not in given | only_ours} == {
            name: theirs[name] for name in ours if name not in given | only_ours
        }


async def test_what_state_must_have(agent: tuple[str, Serving]) -> None:
    """Key by key as captured, in Mesos' order, but for what names a build."""
    suffix, world = agent
    ours, theirs = await world.get("/state"), read_json(golden_dir() / f"agent{suffix}" / "state.json")
    assert list(ours) == [key for key in theirs if key not in ("git_sha", "git_branch")]
    assert ours["unreserved_resources_full"] == theirs["unreserved_resources_full"]
    assert ours["resources"] == theirs["resources"]
    assert ours["capabilities"] == theirs["capabilities"]
    if suffix == ".running":
        (framework_,) = ours["frameworks"]
        (their_framework,) = theirs["frameworks"]
        assert list(framework_) == list(their_framework)
        mine = {one["id"]: one for one in (*framework_["executors"], *framework_["completed_executors"])}
        for executor in (*their_framework["executors"], *their_framework["completed_executors"]):
            assert list(mine[executor["id"]]) == list(executor), executor["id"]
            for shown, theirs_ in zip(mine[executor["id"]]["tasks"], executor["tasks"], strict=True):
                assert list(shown) == list(theirs_)
                assert list(shown["statuses"][-1]["container_status"]) == ["container_id", "network_infos"] or set(
                    shown["statuses"][-1]["container_status"]
                ) == {"container_id", "network_infos"}


@pytest.mark.parametrize("name", READS)
async def test_operator_reads(name: str, agent: tuple[str, Serving]) -> None:
    """GET_* calls in JSON have the captured shape, and protobuf says the same."""
    suffix, world = agent
    status, text = await world.call(name, **({"get_metrics": {}} if name == "GET_METRICS" else {}))
    assert status == 200
    theirs = read_json(golden_dir() / f"agent_v1{suffix}" / f"{name}.json")
    ours = json.loads(text)
    assert ours["type"] == name
    assert list(differences(ours, theirs, optional=OPTIONAL)) == []
    call = agent_api.Call(
        type=agent_api.Call.Type[name],
        get_metrics=agent_api.Call.GetMetrics() if name == "GET_METRICS" else None,
    )
    headers = {"Content-Type": "application/x-protobuf", "Accept": "application/x-protobuf"}
    async with world.client.post("/api/v1", data=protobuf.encode(call), headers=headers) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "application/x-protobuf"
        assert protobuf.decode(agent_api.Response, await response.read()).type is agent_api.Response.Type[name]


async def test_nested_containers_are_shown_on_demand(agent: tuple[str, Serving]) -> None:
    suffix, world = agent
    _, text = await world.call("GET_CONTAINERS", get_containers={"show_nested": True})
    theirs = read_json(golden_dir() / f"agent_v1{suffix}" / "GET_CONTAINERS_nested.json")
    ours = json.loads(text)
    assert list(differences(ours, theirs, optional=OPTIONAL | {"get_containers"})) == []
    if suffix == ".running":
        ids = [one["container_status"]["container_id"] for one in ours["get_containers"]["containers"]]
        assert ["parent" in one for one in ids] == [False, False, True, True]


@pytest.mark.parametrize("folder", ["agent", "agent.running", "agent.after"])
async def test_every_metric_exists(folder: str, tmp_path: Path) -> None:
    """Exporters take a missing name for a failure."""
    theirs = read_json(golden_dir() / folder / "metrics_snapshot.json")
    async with serving(tmp_path) as world:
        ours = await world.get("/metrics/snapshot")
        assert sorted(set(theirs) - set(ours)) == []
        async with world.client.get("/metrics") as response:
            assert "# TYPE mesos_slave_registered gauge\nmesos_slave_registered 1" in await response.text()


async def test_metrics_count(tmp_path: Path) -> None:
    async with serving(tmp_path, script=script) as world:
        await busy(world)
        numbers = await world.get("/metrics/snapshot")
        wanted = {
            "slave/tasks_running": 3, "slave/tasks_finished": 1, "slave/tasks_failed": 1, "slave/executors_running": 2,
            "slave/executors_terminated": 2, "slave/frameworks_active": 1, "slave/registered": 1,
            "slave/cpus_used": 4.2 - 1 + 0.0, "slave/cpus_total": 64, "slave/valid_status_updates": 12,
        }  # fmt: skip
        assert {name: numbers[name] for name in wanted} == pytest.approx(wanted)


ERRORS = (
    "agent_GET_MASTER_no_payload", "agent_GET_METRICS_no_payload", "agent_KILL_NESTED_CONTAINER_no_payload",
    "agent_LIST_FILES_no_payload", "agent_MARK_RESOURCE_PROVIDER_GONE_no_payload", "agent_PRUNE_IMAGES_no_payload",
    "agent_READ_FILE_no_payload", "agent_REMOVE_NESTED_CONTAINER_no_payload",
    "agent_REMOVE_RESOURCE_PROVIDER_CONFIG_no_payload", "agent_UPDATE_RESOURCE_PROVIDER_CONFIG_no_payload",
    "exec_bad_json",
)  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
async def test_refusals(name: str, tmp_path: Path) -> None:
    """The captured request gets the captured status and text."""
    capture = read_capture(golden_dir() / "errors" / f"{name}.txt")
    async with serving(tmp_path) as world:
        status, headers, body = await world.raw(capture.request)
        assert (status, body.decode()) == (capture.status, capture.body.removesuffix("\n"))
        assert headers.get("content-type") == capture.headers.get("content-type")


JSON = {"Content-Type": "application/json"}
RECORDIO = "application/recordio"
HEALTH = b'{"type":"GET_HEALTH"}'


@pytest.mark.parametrize(
    ("headers", "body", "status", "text"),
    [
        ({}, HEALTH, 400, "Expecting 'Content-Type' to be present"),
        ({"Content-Type": "text/plain"}, HEALTH, 415,
         "Expecting 'Content-Type' of application/json or application/x-protobuf or application/recordio"),
        ({"Content-Type": RECORDIO}, HEALTH, 400,
         "Expecting 'Message-Content-Type' to be set for streaming requests"),
        ({"Content-Type": RECORDIO, "Message-Content-Type": "text/plain"}, HEALTH, 415,
         "Expecting 'Message-Content-Type' of application/json or application/x-protobuf"),
        (JSON | {"Message-Content-Type": "application/json"}, HEALTH, 415,
         "Expecting 'Message-Content-Type' to be not set for non-streaming requests"),
        (JSON | {"Accept": "text/html"}, HEALTH, 406, None),
        (JSON | {"Accept": RECORDIO, "Message-Accept": "text/html"}, HEALTH, 406, None),
        (JSON | {"Accept": RECORDIO}, HEALTH, 406, "Streaming response is not supported for GET_HEALTH call"),
        (JSON, b'{"type":"UNKNOWN"}', 501, "501 Not Implemented."),
        (JSON, b'{"type":"REMOVE_CONTAINER","remove_container":{"container_id":{"value":"x"}}}', 404,
         "Container x cannot be found"),
        (JSON, b'{"type":"WAIT_CONTAINER","wait_container":{"container_id":{"value":"unknown"}}}', 404,
         "Container unknown cannot be found"),
        (JSON, b'{"type":"KILL_CONTAINER","kill_container":{"container_id":{"value":"unknown"}}}', 404,
         "Container 'unknown' cannot be found (or is already killed)"),
        (JSON, b'{"type":"LIST_FILES","list_files":{"path":"/"}}', 404, ""),
        (JSON, b'{"type":"ATTACH_CONTAINER_INPUT","attach_container_input":{"type":"PROCESS_IO"}}', 415,
         "Expecting 'Content-Type' to be application/recordio for ATTACH_CONTAINER_INPUT call"),
    ],
)  # fmt: skip
async def test_operator_api_refusals(
    headers: dict[str, str], body: bytes, status: int, text: str | None, tmp_path: Path
) -> None:
    """In Mesos' order, with Mesos' texts."""
    async with serving(tmp_path) as world:
        skip = [] if "Content-Type" in headers else ["Content-Type"]
        async with world.client.post("/api/v1", data=body, headers=headers, skip_auto_headers=skip) as response:
            assert response.status == status
            if text is not None:
                assert await response.text() == text


async def test_methods_and_paths(tmp_path: Path) -> None:
    async with serving(tmp_path) as world:
        async with world.client.get("/api/v1") as response:
            assert response.status == 405
            assert response.headers["Allow"] == "POST"
            assert await response.text() == (
                "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'."
            )
        for path in ("/nonexistent", "/state.json", "/monitor/statistics.json", "/slave(2)/state"):
            async with world.client.get(path) as response:
                assert (response.status, await response.text()) == (404, "404 Not Found.")


async def test_containers_by_query(tmp_path: Path) -> None:
    """By container, framework, or framework and executor; nothing else."""
    async with serving(tmp_path, script=script) as world:
        await busy(world)
        (container,) = [one for one in await world.get("/containers") if one["executor_id"] == "long-1"]
        framework_id = container["framework_id"]
        for query, count in (
            (f"container_id={container['container_id']}", 1), (f"framework_id={framework_id}", 2),
            (f"framework_id={framework_id}&executor_id=long-1", 1), ("framework_id=nope", 0),
        ):  # fmt: skip
            assert len(await world.get(f"/containers?{query}")) == count
        for query in ("executor_id=long-1", f"container_id=x&framework_id={framework_id}"):
            async with world.client.get(f"/containers?{query}") as response:
                assert response.status == 400
                assert (await response.text()).startswith("Supported query parameters are container_id only")


async def test_recovery_comes_first(tmp_path: Path) -> None:
    """503 where the core is needed; health is not."""
    async with serving(tmp_path, registered=False) as world:
        world.server.core.registration.phase = type(world.server.core.registration.phase).RECOVERING
        for path in ("/api/v1", "/api/v1/executor", "/state", "/containers"):
            async with world.client.post(path) as response:
                assert (response.status, await response.text()) == (503, "Agent has not finished recovery")
        async with world.client.get("/health") as response:
            assert response.status == 200


async def test_sandboxes_can_be_read(tmp_path: Path) -> None:
    """Under the real path, under latest, and under the virtual name; LIST_FILES and READ_FILE too."""
    async with serving(tmp_path) as world:
        world.run(task())
        await asyncio.sleep(0)
        (executor,) = world.server.core.state.containers.values()
        sandbox = Path(executor.sandbox)
        sandbox.mkdir(parents=True)
        (sandbox / "stdout").write_text("hello\n")
        virtual = "/frameworks/m-0000/executors/t/runs/latest"
        for path in (executor.sandbox, str(sandbox.parent / "latest"), virtual):
            shown = await world.get(f"/files/read?path={path}/stdout&offset=0")
            assert shown == {"data": "hello\n", "offset": 0}
            (listed,) = await world.get(f"/files/browse?path={path}")
            assert listed["path"] == f"{path}/stdout"
        status, text = await world.call("READ_FILE", read_file={"path": f"{virtual}/stdout", "offset": 2})
        assert (status, json.loads(text)["read_file"]) == (200, {"size": 6, "data": "bGxvCg=="})
        status, text = await world.call("LIST_FILES", list_files={"path": virtual})
        theirs = read_capture(golden_dir() / "extras" / "agent_LIST_FILES_ok.txt")
        assert list(differences(json.loads(text), json.loads(theirs.body))) == []
        async with world.client.get(f"/files/read?path={virtual}/../../x&offset=0") as response:
            assert response.status in (400, 404)


async def test_jsonp(tmp_path: Path) -> None:
    async with serving(tmp_path) as world, world.client.get("/state?jsonp=f") as response:
        assert response.headers["Content-Type"] == "text/javascript"
        assert (await response.text()).startswith("f({")


async def test_agent_executor_info_is_shown_as_given(tmp_path: Path) -> None:
    """GET_EXECUTORS of a custom executor as captured, key for key."""
    theirs: Any = json.loads(read_capture(golden_dir() / "extras" / "agent_GET_EXECUTORS.txt").body)
    async with serving(tmp_path) as world:
        world.run(task(executor=builders.executor("rec", resources=())))
        _, text = await world.call("GET_EXECUTORS")
        assert list(differences(json.loads(text), theirs, optional=frozenset({"environment"}))) == []
