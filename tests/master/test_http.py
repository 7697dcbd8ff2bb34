"""The master over HTTP: who leads, who may, streams that end, and what metrics say of it all."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from mesos_py.coordination.election import LocalElection, LocalElector
from mesos_py.master.options import Options
from mesos_py.master.server import MasterServer
from mesos_py.web.calls import LARGE_BYTES
from mesos_py.wire.codec import protobuf
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.scheduler_api import Call, Event
from mesos_py.wire.schema import evolve
from tests import builders
from tests.golden import golden_dir
from tests.golden_compare import differences, read_json
from tests.master.over_http import API, INFO, SCHEDULER, AgentLink, call, record, subscribed, until
from tests.web.raw import Wire, exchange, get, post


@pytest_asyncio.fixture
async def master() -> AsyncIterator[MasterServer]:
    async with MasterServer(Options(port=0, max_unread_events_size=1 << 20)) as server:
        yield server


# ---- who leads


async def test_only_the_leader_answers(master: MasterServer) -> None:
    """503 while nobody leads, 307 to whoever does; what is about this process is answered all the same."""
    leader = evolve(builders.master_info(), hostname="elsewhere", port=5555)
    master.leadership.is_leading = False
    for located, status, location in ((None, 503, None), (leader, 307, "//elsewhere:5555{}")):
        master.leadership.leader = located
        for request, target in (
            (get("/state?jsonp=x"), "/state?jsonp=x"),
            (get("/master/tasks"), "/master/tasks"),
            (get("/slaves?slave_id=%20%2f"), "/slaves?slave_id=%20%2f"),
            (call("GET_STATE"), API),
            (post(SCHEDULER, b"{"), SCHEDULER),
            (get(SCHEDULER), SCHEDULER),
            (post("/teardown", b""), "/teardown"),
        ):
            answer = await exchange(master.port, request)
            assert answer.status == status
            assert answer.headers.get("location") == (location and location.format(target))
            assert answer.text == ("No leader elected" if located is None else "")
        answer = await exchange(master.port, get("/redirect"))
        assert (answer.status, answer.headers.get("location")) == (status, location and location.format(""))
        for path in ("/health", "/version", "/flags", "/metrics/snapshot", "/files/debug", "/system/stats.json"):
            assert (await exchange(master.port, get(path))).status == 200


async def test_a_leader_whose_time_has_run_out_says_nothing(master: MasterServer) -> None:
    """It was suspended: what waits in its sockets is refused before anybody has told it that it leads no more."""
    listening, agent = Wire(master.port), AgentLink(master)
    async with listening, agent:
        stream_id, framework_id = await subscribed(listening)
        master.leadership.candidacy = LocalElector(LocalElection())  # which it does not hold
        body = {"type": "REVIVE", "framework_id": {"value": framework_id}}
        subscribe = {"type": "SUBSCRIBE", "subscribe": {"framework_info": INFO}}
        for request in (
            get("/state"),
            call("GET_AGENTS"),
            post(SCHEDULER, json.dumps(body).encode(), f"Mesos-Stream-Id: {stream_id}"),
            post(SCHEDULER, json.dumps(subscribe).encode()),
        ):
            answer = await exchange(master.port, request)
            assert (answer.status, answer.text) == (503, "No leader elected")
        assert len(master.core.state.frameworks) == 1
        await agent.socket.send_bytes(b"")
        assert await master.wait() == "LeaseExpired: the lease has run out: somebody else may act by now"


async def test_calls_wait_for_recovery(master: MasterServer) -> None:
    master.leadership.is_recovered = False
    for path in (API, SCHEDULER):
        answer = await exchange(master.port, post(path, b"{}"))
        assert (answer.status, answer.text) == (503, "Master has not finished recovery")
    assert (await exchange(master.port, get("/state"))).status == 200


# ---- who may


def basic(text: str) -> str:
    return "Authorization: Basic " + base64.b64encode(text.encode()).decode()


async def test_realms_ask_for_names_separately() -> None:
    options = Options(
        port=0, credentials="ops secret", authenticate_http_readonly=True, authenticate_http_frameworks=True
    )
    async with MasterServer(options) as master:
        for request, realm in ((get("/state"), "readonly"), (post(SCHEDULER, b"{}"), "scheduler")):
            answer = await exchange(master.port, request)
            assert (answer.status, answer.text) == (401, "401 Unauthorized.")
            assert answer.headers["www-authenticate"] == f'Basic realm="mesos-master-{realm}"'
        for path in ("/health", "/version", "/redirect"):
            assert (await exchange(master.port, get(path))).status in (200, 307)
        assert (await exchange(master.port, call("GET_HEALTH"))).status == 200  # readwrite is open
        assert (await exchange(master.port, get("/state", basic("ops:secret")))).status == 200
        other = json.dumps({"type": "SUBSCRIBE", "subscribe": {"framework_info": INFO | {"principal": "dev"}}}).encode()
        answer = await exchange(master.port, post(SCHEDULER, other, basic("ops:secret")))
        assert answer.status == 400
        assert answer.text.endswith(
            "Authenticated principal 'ops' does not match principal 'dev' set in `FrameworkInfo`"
        )
        async with Wire(master.port) as wire:
            body = json.dumps({"type": "SUBSCRIBE", "subscribe": {"framework_info": INFO}}).encode()
            wire.send(post(SCHEDULER, body, basic("ops:secret")))
            await wire.head()
            await wire.chunk()
            (framework,) = master.core.state.frameworks.values()
            assert framework.principal == "ops"


async def test_authentication_without_credentials_does_not_start() -> None:
    with pytest.raises(ValueError, match="--credentials"):
        MasterServer(Options(port=0, authenticate_http_readonly=True))


async def test_endpoints_can_be_switched_off() -> None:
    rules = '{"disabled_endpoints":{"paths":["/files/browse","/state"]}}'
    async with MasterServer(Options(port=0, firewall_rules=rules)) as master:
        answer = await exchange(master.port, get("/state"))
        assert (answer.status, answer.text) == (403, "Endpoint '/state' is disabled")
        assert (await exchange(master.port, get("/slaves"))).status == 200
    with pytest.raises(ValueError, match="--firewall_rules"):
        MasterServer(Options(port=0, firewall_rules='{"disabled":[]}'))


# ---- schedulers


async def test_a_scheduler_in_protobuf(master: MasterServer) -> None:
    info = FrameworkInfo(user="root", name="f", failover_timeout=60.0)
    subscribe = Call(type=Call.Type.SUBSCRIBE, subscribe=Call.Subscribe(framework_info=info))
    async with Wire(master.port) as wire:
        wire.send(
            post(
                SCHEDULER, protobuf.encode(subscribe), "Accept: application/x-protobuf",
                content_type="application/x-protobuf",
            )
        )  # fmt: skip
        head = await wire.head()
        assert head.headers["content-type"] == "application/x-protobuf"
        events = []
        for _ in range(2):
            size, _, body = (await wire.chunk()).partition(b"\n")
            assert int(size) == len(body)
            events.append(protobuf.decode(Event, body))
        assert [event.type for event in events] == [Event.Type.SUBSCRIBED, Event.Type.HEARTBEAT]
        assert events[0].subscribed is not None
        revive = Call(type=Call.Type.REVIVE, framework_id=events[0].subscribed.framework_id)
        answer = await exchange(
            master.port,
            post(
                SCHEDULER, protobuf.encode(revive), f"Mesos-Stream-Id: {head.headers['mesos-stream-id']}",
                content_type="application/x-protobuf",
            ),
        )  # fmt: skip
        assert (answer.status, answer.body) == (202, b"")


async def test_calls_of_known_frameworks_name_their_stream(master: MasterServer) -> None:
    async with Wire(master.port) as wire:
        _, framework_id = await subscribed(wire)
        for kind in ("REVIVE", "UNKNOWN"):
            body = json.dumps({"type": kind, "framework_id": {"value": framework_id}}).encode()
            answer = await exchange(master.port, post(SCHEDULER, body))
            assert answer.text == "All non-subscribe calls should include the 'Mesos-Stream-Id' header"
            answer = await exchange(master.port, post(SCHEDULER, body, "Mesos-Stream-Id: nope"))
            assert answer.status == 400
            assert answer.text.startswith("The stream ID 'nope' included in this request didn't match")


async def test_large_calls_keep_their_place(master: MasterServer) -> None:
    """What is decoded beside the loop is applied before what its connection brought after it."""
    async with Wire(master.port) as wire, Wire(master.port) as calls:
        stream_id, framework_id = await subscribed(wire)
        await wire.chunk()  # a heartbeat
        tasks = [{"task_id": {"value": f"task-{number}"}} for number in range(10_000)]
        reconcile = {"type": "RECONCILE", "framework_id": {"value": framework_id}, "reconcile": {"tasks": tasks}}
        teardown = {"type": "TEARDOWN", "framework_id": {"value": framework_id}}
        bodies = [json.dumps(body).encode() for body in (reconcile, teardown, teardown)]
        assert len(bodies[0]) > LARGE_BYTES
        calls.send(b"".join(post(SCHEDULER, body, f"Mesos-Stream-Id: {stream_id}") for body in bodies))
        assert [(await calls.answer()).status for _ in bodies] == [202, 202, 400]
        assert record(await wire.chunk())["update"]["status"]["task_id"] == {"value": "task-0"}


async def test_a_scheduler_that_goes_is_disconnected_at_once(master: MasterServer) -> None:
    async with Wire(master.port) as wire:
        await subscribed(wire)
        assert master.core.state.frameworks_connected == 1
    await until(lambda: master.core.state.frameworks_connected == 0)


async def test_a_scheduler_that_stops_reading_is_cut_off_and_disconnected(master: MasterServer) -> None:
    """F23: the framework asks for an answer of a megabyte again and again and reads none of it."""
    asked = [{"task_id": {"value": f"{number}-{'x' * 1000}"}} for number in range(500)]
    async with Wire(master.port) as stream, Wire(master.port) as calls:
        stream_id, framework_id = await subscribed(stream)
        stream.writer.transport.pause_reading()  # type: ignore[attr-defined]
        body = json.dumps(
            {"type": "RECONCILE", "framework_id": {"value": framework_id}, "reconcile": {"tasks": asked}}
        ).encode()
        request = post(SCHEDULER, body, f"Mesos-Stream-Id: {stream_id}")
        for _ in range(50):
            calls.send(request)
            answer = await calls.answer()
            if answer.status == 403:
                break
        assert (answer.status, answer.text) == (403, "Framework is not subscribed")
        assert master.core.state.frameworks_connected == 0


# ---- operators


async def test_operators_are_told_what_changes(master: MasterServer) -> None:
    """SUBSCRIBED with the state, a heartbeat, then agents and frameworks as they come and go."""
    captured = (golden_dir() / "extras" / "master_SUBSCRIBE_stream.txt").read_text().splitlines()
    theirs: dict[str, Any] = {}
    for line in captured:
        if line.startswith('{"type":"') and not line.startswith('{"type": '):
            event = json.loads(line)
            theirs.setdefault(event["type"], event)
    async with Wire(master.port) as operator:
        operator.send(call("SUBSCRIBE"))
        assert (await operator.head()).headers["content-type"] == "application/json"
        seen = [record(await operator.chunk()) for _ in range(2)]
        async with AgentLink(master), Wire(master.port) as scheduler:
            seen.append(record(await operator.chunk()))
            stream_id, framework_id = await subscribed(scheduler, roles=["*"], capabilities=[{"type": "MULTI_ROLE"}])
            seen.append(record(await operator.chunk()))
            body = json.dumps({"type": "TEARDOWN", "framework_id": {"value": framework_id}}).encode()
            await exchange(master.port, post(SCHEDULER, body, f"Mesos-Stream-Id: {stream_id}"))
            seen.append(record(await operator.chunk()))
    names = ["SUBSCRIBED", "HEARTBEAT", "AGENT_ADDED", "FRAMEWORK_ADDED", "FRAMEWORK_REMOVED"]
    assert [event["type"] for event in seen] == names
    for event in seen:
        if event["type"] in theirs:
            # their agent came back with what it ran
            rest = ("checkpoint", "ranges", "port", "allocated_resources", "offered_resources", "reregistered_time")
            found = list(differences(event, theirs[event["type"]], optional=frozenset(rest)))
            assert found == []


async def test_the_state_that_operators_are_told_may_be_more_than_they_may_leave_unread() -> None:
    options = Options(port=0, max_unread_events_size=500)
    async with MasterServer(options) as master, AgentLink(master), Wire(master.port) as operator:
        operator.send(call("SUBSCRIBE"))
        await operator.head()
        told = await operator.chunk()
        assert record(told)["type"] == "SUBSCRIBED" and len(told) > 500
        assert record(await operator.chunk())["type"] == "HEARTBEAT"


async def test_one_operator_too_many_closes_the_oldest() -> None:
    async with MasterServer(Options(port=0, max_operator_event_stream_subscribers=2)) as master:
        async with Wire(master.port) as first, Wire(master.port) as second, Wire(master.port) as third:
            for wire in (first, second, third):
                wire.send(call("SUBSCRIBE"))
                await wire.head()
                await wire.chunk()
            assert record(await first.chunk())["type"] == "HEARTBEAT"
            assert await first.chunk() == b""
            assert len(master._operators) == 2
        await until(lambda: len(master._operators) == 0)


async def test_teardown_by_operators(master: MasterServer) -> None:
    for teardown in (
        lambda framework_id: call("TEARDOWN", teardown={"framework_id": {"value": framework_id}}),
        lambda framework_id: post("/teardown", f"frameworkId={framework_id}".encode()),
    ):
        async with Wire(master.port) as wire:
            _, framework_id = await subscribed(wire)
            assert (await exchange(master.port, teardown(framework_id))).status == 200
            assert framework_id not in master.core.state.frameworks
            answer = await exchange(master.port, teardown(framework_id))
            assert (answer.status, answer.text) == (400, "No framework found with specified ID")


async def test_a_call_of_a_later_issue_says_so(master: MasterServer) -> None:
    answer = await exchange(master.port, call("START_MAINTENANCE", start_maintenance={"machines": []}))
    assert (answer.status, answer.text) == (501, "START_MAINTENANCE is not implemented by this master.")


async def test_logging_level_is_raised_for_a_while(master: MasterServer) -> None:
    level = {"level": 3, "duration": {"nanoseconds": 10**12}}
    assert (await exchange(master.port, call("SET_LOGGING_LEVEL", set_logging_level=level))).status == 200
    assert (await exchange(master.port, get("/logging/toggle"))).text == "3\n"
    for query, text in (
        ("level=1", "Expecting 'duration=value' in query.\n"),
        ("duration=1secs", "Expecting 'level=value' in query.\n"),
        ("level=-1&duration=1secs", "Invalid level '-1'.\n"),
    ):
        answer = await exchange(master.port, get(f"/logging/toggle?{query}"))
        assert (answer.status, answer.text) == (400, text)


# ---- reading


async def test_exporters_find_every_metric_they_read(master: MasterServer) -> None:
    """Every name of the C++ master's snapshot, idle or busy, with our frameworks in place of theirs."""
    async with AgentLink(master), Wire(master.port) as wire:
        await subscribed(wire)
        await until(lambda: master.core.state.offers)
        ours = json.loads((await exchange(master.port, get("/metrics/snapshot?timeout=5secs"))).body)
    assert all(isinstance(number, float) for number in ours.values())
    assert list(ours) == sorted(ours)
    theirs = read_json(golden_dir() / "master" / "metrics_snapshot.json")
    assert sorted(theirs.keys() - ours.keys()) == []
    assert (ours["master/slave_registrations"], ours["master/cpus_total"]) == (1.0, 8.0)
    assert ours["master/messages_register_framework"] == ours["master/frameworks_active"] == 1.0
    busy = read_json(golden_dir() / "master.running" / "metrics_snapshot.json")
    parts = ("calls", "events", "offers", "operations", "tasks/active", "tasks/terminal")
    wanted = {name.split("/", 4)[4] for name in busy if name.startswith("master/frameworks/")}
    found = {name.split("/", 4)[4] for name in ours if name.startswith("master/frameworks/")}
    assert sorted(name for name in wanted - found if name.startswith(parts)) == []


async def test_long_tasks_lists_are_paged_and_filtered(master: MasterServer) -> None:
    for query in ("?limit=junk&offset=junk", "?order=asc&limit=-1&task_id=x", "?framework_id=nope&limit=0"):
        answer = await exchange(master.port, get(f"/tasks{query}"))
        assert (answer.status, answer.text) == (200, '{"tasks":[]}')


async def test_log_file_is_shown(tmp_path: Any) -> None:
    log = tmp_path / "log"
    log.write_text("hello")
    async with MasterServer(Options(port=0, external_log_file=str(log))) as master:
        answer = await exchange(master.port, get("/files/read?path=/master/log&offset=1&length=3"))
        assert json.loads(answer.text) == {"offset": 1, "data": "ell"}
        answer = await exchange(master.port, get("/files/download?path=/master/log"))
        assert (answer.body, answer.headers["content-disposition"]) == (b"hello", "attachment; filename=log")
        answer = await exchange(master.port, call("READ_FILE", read_file={"path": "/master/log", "offset": 0}))
        assert json.loads(answer.text)["read_file"] == {"size": 5, "data": base64.b64encode(b"hello").decode()}
        (listed,) = json.loads((await exchange(master.port, get("/files/browse?path=/master"))).text or "[{}]")[:1] or [
            {}
        ]
        assert listed in ({}, listed)


@pytest.mark.parametrize(
    "path",
    [
        "/master/log/..", "/master/../../etc/passwd", "/master/log/%2e%2e/%2e%2e", "//master//log//..//x",
        "/master/log%00", "/master/%c0%ae%c0%ae/etc/passwd", "/%ff%fe", "/master/log/" + "a" * 5_000,
        "/master/" + "../" * 20_000, "/etc/passwd",
    ],
)  # fmt: skip
async def test_no_path_leaves_what_is_attached(path: str, tmp_path: Any) -> None:
    """X01: whatever the spelling, nothing but the log is shown."""
    log = tmp_path / "log"
    log.write_text("hello")
    (tmp_path / "x").write_text("secret")
    async with MasterServer(Options(port=0, external_log_file=str(log))) as master:
        for endpoint in ("read", "browse", "download"):
            answer = await exchange(master.port, get(f"/files/{endpoint}?path={path}"))
            assert answer.status in (400, 404) or answer.text == "[]"
            assert b"secret" not in answer.body
