"""Who leads, how it is set up, and what is asked to see whether it lives."""

from __future__ import annotations

from typing import Any

import pytest

from tests.marathon.api.served import ADDRESS, served


async def test_info_has_every_key_that_clients_know() -> None:
    async with served() as site:
        info = (await site.ask("GET", "/v2/info")).json
        assert info.keys() == {
            "name", "version", "buildref", "elected", "leader", "frameworkId", "marathon_config", "zookeeper_config",
            "http_config",
        }  # fmt: skip
        assert (info["name"], info["elected"], info["leader"], info["frameworkId"]) == ("marathon", True, ADDRESS, "F")
        assert len(info["marathon_config"]) == 41 and info["marathon_config"]["hostname"] is None
        assert info["http_config"] == {"http_port": 8080, "https_port": None}
        assert all(part.isdecimal() for part in info["version"].split("."))


@pytest.mark.parametrize(
    ("accept", "status", "body", "content_type"),
    [
        ("", 200, b"pong", "text/plain"), ("*/*", 200, b"pong", "text/plain"), ("text/html", 200, b"pong", "text/html"),
        ("application/json", 200, b'"pong"', "application/json"), ("image/png", 204, b"", None),
    ],
)  # fmt: skip
async def test_ping(accept: str, status: int, body: bytes, content_type: str | None) -> None:
    async with served() as site:
        found = await site.ask("GET", "/ping", Accept=accept)
        assert (found.status, found.body, found.headers.get("Content-Type")) == (status, body, content_type)


async def test_the_leader_is_known_and_abdicates() -> None:
    async with served() as site:
        assert (await site.ask("GET", "/v2/leader")).json == {"leader": ADDRESS}
        wrong = await site.ask("DELETE", "/v2/leader?backup=http://x")
        assert (wrong.status, site.program.asked) == (422, [])
        found = await site.ask("DELETE", "/v2/leader?backup=file:///b&restore=s3://r/x")
        assert (found.status, found.json) == (200, {"message": "Leadership abdicated"})
        assert site.program.asked == [("file:///b", "s3://r/x")]


async def test_metrics_in_both_forms() -> None:
    async with served() as site:
        found = (await site.ask("GET", "/metrics")).json
        assert found["gauges"]["marathon.apps.active.gauge"] == {"value": 0}
        off = await site.ask("GET", "/metrics/prometheus")
        assert (off.status, off.json["message"]) == (404, "Prometheus reporter is disabled")


async def test_plugins_answer_what_is_below_their_ids() -> None:
    async with served() as site:
        assert (await site.ask("GET", "/v2/plugins")).json == {"plugins": []}
        assert (await site.ask("PUT", "/v2/plugins/echo/a/b", b"x")).body == b"PUT a/b"
        missing = await site.ask("GET", "/v2/plugins/none/a")
        assert (missing.status, missing.json["message"]) == (404, "No plugin with this pluginId: none")


async def test_the_masters_url_is_told_unless_a_flag_says_another() -> None:
    async with served() as site:
        for flag, known, told in ((None, None, None), (None, "http://m:5050/", "http://m:5050/"), ("x", "y", "x")):
            site.program.flags["mesos_leader_ui_url"], site.program.master_url = flag, known
            info = (await site.ask("GET", "/v2/info")).json
            assert info["marathon_config"]["mesos_leader_ui_url"] == told


@pytest.mark.parametrize(("method", "action"), [
    ("GET", "view"), ("HEAD", "view"), ("PUT", "update"), ("POST", "create"), ("DELETE", "delete"),
])  # fmt: skip
async def test_who_may_not_asks_no_plugin(method: str, action: str) -> None:
    async with served() as site:
        assert (await site.ask(method, "/v2/plugins/echo/x", b"")).status == 200
        site.program.forbidden_things[action, "plugins"] = None
        assert (await site.ask(method, "/v2/plugins/echo/x", b"")).status == 403


async def test_what_former_releases_had_hurts_nobody() -> None:
    async with served() as site:
        assert (await site.ask("GET", "/v2/eventSubscriptions")).json == {"callbackUrls": []}
        assert (await site.ask("GET", "/version")).json["version"] == "1.11.0"
        assert (await site.ask("GET", "/v2/artifacts/x")).status == 404
        assert (await site.ask("GET", "/v2/schemas/app")).status == 404


async def test_who_may_not_is_told_so() -> None:
    async with served() as site:
        site.program.forbidden_things |= {("view", "leader"): None, ("view", "config"): None, ("view", "events"): None}
        for path in ("/v2/leader", "/v2/info", "/v2/events"):
            assert (await site.ask("GET", path)).status == 403


@pytest.mark.parametrize(("body", "changed"), [
    ({"level": "debug"}, {"ROOT": "DEBUG"}), ({"level": "WARN", "logger": "a.b"}, {"a.b": "WARN"}),
    ({"level": "trace", "logger": "a", "durationSeconds": 60}, {"a": "TRACE"}),
    ({"level": "loud"}, {}), ({}, {}), ([], {}), ({"level": 1}, {}), ({"level": "off"}, {}),
    ({"level": "debug", "logger": ""}, {}), ({"level": "debug", "logger": 1}, {}),
    ({"level": "debug", "logger": "one.too.many"}, {}), ({"level": "debug", "durationSeconds": 0}, {}),
    ({"level": "debug", "durationSeconds": True}, {}), ({"level": "debug", "durationSeconds": 10**9}, {}),
])  # fmt: skip
async def test_levels_of_loggers(body: Any, changed: dict[str, str]) -> None:
    """The answer is what was asked for; what is refused changes nothing."""
    async with served() as site:
        assert (await site.ask("GET", "/logging")).json == {"ROOT": "INFO"}
        found = await site.ask("POST", "/logging", body)
        assert found.status == (200 if changed else 422)
        assert not changed or found.json == {"logger": "ROOT", **body, "level": body["level"].lower()}
        assert (await site.ask("GET", "/logging")).json == {"ROOT": "INFO", **changed}
