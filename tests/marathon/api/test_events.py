"""Server-sent events: what clients of theirs read, line by line."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import orjson
import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions.paths import PathId
from mesos_py.sdk.hearers import BEHIND_MAX, HEARERS_MAX
from tests.marathon.api.served import Site, served

WEB = PathId("/web")


class Reader:
    """Events one by one."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def chunk(self) -> bytes:
        """One chunk of HTTP; b"": the stream has ended."""
        async with asyncio.timeout(60):
            size = int(await self._reader.readline(), 16)
            body = await self._reader.readexactly(size)
            await self._reader.readexactly(2)
            return body

    async def event(self) -> tuple[str, dict[str, object]]:
        """Type and body, which must be alone in a chunk."""
        while (chunk := await self.chunk()) == b"\r\n":
            pass  # a heartbeat
        first, second, *rest = chunk.decode().split("\r\n")
        assert rest == ["", ""]
        assert first.startswith("event: ") and second.startswith("data: {")
        name, body = first.removeprefix("event: "), orjson.loads(second.removeprefix("data: "))
        assert body["eventType"] == name and body["timestamp"].endswith("Z")
        return name, body


@contextlib.asynccontextmanager
async def subscribed(site: Site, query: str = "", accept: str = "text/event-stream") -> AsyncIterator[Reader]:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    try:
        writer.write(f"GET /v2/events{query} HTTP/1.1\r\nHost: here\r\nAccept: {accept}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert head.startswith("HTTP/1.1 200 OK")
        assert "Content-Type: text/event-stream;charset=utf-8" in head and "Transfer-Encoding: chunked" in head
        assert "Connection: close" in head and "X-Marathon-Leader" in head
        yield Reader(reader)
    finally:
        writer.close()


def instance_changed(condition: str) -> words.InstanceChanged:
    return words.InstanceChanged("web.instance-1", WEB, "V", condition, "Running", "S1", "host")


async def test_the_first_event_is_ones_own_arrival() -> None:
    async with served() as site, subscribed(site) as reader:
        name, body = await reader.event()
        assert (name, str(body["remoteAddress"])[:10]) == ("event_stream_attached", "127.0.0.1:")
        site.program.hearers.tell([instance_changed("Scheduled")])
        name, body = await reader.event()
        assert name == "instance_changed_event"
        assert {key: body[key] for key in ("instanceId", "condition", "runSpecId", "agentId", "host")} == {
            "instanceId": "web.instance-1", "condition": "Scheduled", "runSpecId": "/web", "agentId": "S1",
            "host": "host",
        }  # fmt: skip


async def test_others_hear_who_comes_and_goes() -> None:
    async with served() as site, subscribed(site, "?event_type=event_stream_detached") as reader:
        async with subscribed(site) as other:
            _, body = await other.event()
        name, left = await reader.event()
        assert (name, left["remoteAddress"]) == ("event_stream_detached", body["remoteAddress"])


async def test_types_are_chosen_by_their_names() -> None:
    async with served() as site, subscribed(site, "?event_type=app_terminated_event&event_type=other") as reader:
        site.program.hearers.tell([instance_changed("Running"), words.SpecGone(WEB)])
        assert (await reader.event())[0] == "app_terminated_event"
        gone = '{"eventType":"app_terminated_event","timestamp":"2024-05-01T12:00:00.000Z","appId":"/web"}'
        assert site.program.streamed_bytes == len(f"event: app_terminated_event\r\ndata: {gone}\r\n\r\n")


async def test_a_new_app_is_told_in_the_order_that_clients_know() -> None:
    async with served() as site, subscribed(site, "?plan-format=light") as reader:
        await reader.event()
        answer = await site.ask("POST", "/v2/apps", {"id": "/web", "cmd": "serve"})
        site.program.run()
        told = [await reader.event() for _ in range(10)]
        assert [name for name, _ in told] == [
            "api_post_event", "group_change_success", "deployment_info", "deployment_step_success", "deployment_info",
            "instance_changed_event", "instance_changed_event", "status_update_event", "instance_changed_event",
            "deployment_step_success",
        ]  # fmt: skip
        bodies = [body for _, body in told]
        assert bodies[0]["appDefinition"]["cmd"] == "serve"  # type: ignore[index]
        assert bodies[1] | {"timestamp": ""} == {
            "eventType": "group_change_success", "timestamp": "", "groupId": "/", "version": answer.json["version"],
        }  # fmt: skip
        plan = bodies[2]["plan"]
        assert plan["original"] == plan["target"] == {}  # type: ignore[index]
        assert bodies[4]["currentStep"] == {"actions": [{"action": "ScaleApplication", "app": "/web"}]}
        assert (bodies[7]["taskStatus"], bodies[7]["appId"]) == ("TASK_RUNNING", "/web")
        name, body = await reader.event()
        assert (name, body["id"]) == ("deployment_success", answer.headers["Marathon-Deployment-Id"])


async def test_who_does_not_read_is_cut_off_and_the_others_are_not() -> None:
    async with served() as site, subscribed(site) as slow, subscribed(site, "?event_type=app_terminated_event") as good:
        big = words.AppPosted(words.Source("c", "/"), {"cmd": "x" * 1_000_000})
        for _ in range(40):  # the bound is 20; sockets take some
            site.program.hearers.tell([big])
            await asyncio.sleep(0)
        site.program.hearers.tell([words.SpecGone(WEB)])
        assert (await good.event())[0] == "app_terminated_event"
        with pytest.raises((ValueError, asyncio.IncompleteReadError, ConnectionError)):
            for _ in range(50):
                await slow.event()


async def test_many_facts_at_once_make_nobody_slow() -> None:
    async with served() as site, subscribed(site, "?event_type=instance_changed_event") as reader:
        site.program.hearers.tell([instance_changed(str(number)) for number in range(500)])  # the bound is 20
        assert [(await reader.event())[1]["condition"] for _ in range(500)] == [str(number) for number in range(500)]


async def test_who_does_not_accept_events_is_told_so() -> None:
    async with served() as site:
        assert (await site.ask("GET", "/v2/events")).status == 405
        assert (await site.ask("GET", "/v2/events", Accept="application/json")).status == 405


async def test_a_head_alone_subscribes_nobody() -> None:
    async with served() as site:
        found = await site.ask("HEAD", "/v2/events", Accept="Text/Event-Stream")
        assert (found.status, found.headers["Content-Type"]) == (200, "text/event-stream;charset=utf-8")
        assert (found.body, len(site.hub)) == (b"", 0)


async def test_where_too_many_listen_nobody_else_subscribes() -> None:
    async with served() as site:
        while len(site.program.hearers) < HEARERS_MAX:
            site.program.listen()
        refused = await site.ask("GET", "/v2/events", Accept="text/event-stream")
        assert (refused.status, len(site.hub)) == (503, 0)


async def test_facts_that_are_too_many_end_all_streams_so_that_their_readers_know() -> None:
    async with served() as site, subscribed(site, "?event_type=app_terminated_event") as reader:
        site.program.hearers.tell([instance_changed("Running")] * (BEHIND_MAX + 1))
        assert await reader.chunk() == b""
        assert len(site.hub) == 0
        async with subscribed(site) as again:
            assert (await again.event())[0] == "event_stream_attached"


async def test_a_stream_ends_when_its_process_does() -> None:
    async with served() as site, contextlib.AsyncExitStack() as stack:
        reader = await stack.enter_async_context(subscribed(site))
        await reader.event()
        await site.hub.close()
        assert await reader.chunk() == b""


async def test_something_is_sent_in_quiet_times_also_to_who_wants_little() -> None:
    async with served(heartbeat_s=0.05) as site, subscribed(site, "?event_type=app_terminated_event") as reader:
        for _ in range(20):
            site.program.hearers.tell([instance_changed("Running")])
            await asyncio.sleep(0)
        assert await reader.chunk() == b"\r\n"
        site.program.hearers.tell([words.SpecGone(WEB)])
        assert (await reader.event())[0] == "app_terminated_event"


async def test_two_hundred_subscribe() -> None:
    async with served() as site, contextlib.AsyncExitStack() as stack:
        readers = [
            await stack.enter_async_context(subscribed(site, "?event_type=app_terminated_event")) for _ in range(200)
        ]
        site.program.hearers.tell([words.SpecGone(WEB), words.SpecGone(WEB)])
        for reader in readers:
            assert [(await reader.event())[0] for _ in range(2)] == ["app_terminated_event"] * 2
