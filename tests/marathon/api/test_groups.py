"""Groups as people change them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.marathon.api.served import served
from tests.marathon.api.test_writing import is_started
from tests.marathon.app_of import app_of

WEB = app_of(id="/shop/web", cmd="serve", instances=3, ports=[10_001])
NEW = {
    "id": "/new", "apps": [{"id": "one", "cmd": "serve"}],
    "groups": [{"id": "in", "apps": [{"id": "/new/in/two", "cmd": "serve"}]}],
}  # fmt: skip


async def test_a_group_is_created_once() -> None:
    async with served() as site:
        made = await site.ask("POST", "/v2/groups", NEW)
        is_started(made, 201)
        assert made.headers["Location"] == "http://here:1/new"
        apps = (await site.ask("GET", "/v2/groups/new/apps")).json
        assert [app["id"] for app in apps] == ["/new/one", "/new/in/two"]
        again = await site.ask("POST", "/v2/groups", NEW)
        assert (again.status, again.json["message"]) == (
            409, "Group /new is already created. Use PUT to change this group.",
        )  # fmt: skip


async def test_what_a_group_lists_is_all_that_is_in_it() -> None:
    async with served(WEB) as site:
        is_started(await site.ask("PUT", "/v2/groups/shop", {"apps": [{"id": "other", "cmd": "serve"}]}))
        assert [app["id"] for app in (await site.ask("GET", "/v2/groups/shop/apps")).json] == ["/shop/other"]
        is_started(await site.ask("PUT", "/v2/groups", {"id": "/more", "apps": []}, Content_Type=""))
        assert [group["id"] for group in (await site.ask("GET", "/v2/groups")).json["groups"]] == ["/shop", "/more"]


async def test_a_dry_run_changes_nothing() -> None:
    async with served(WEB) as site:
        found = await site.ask("PUT", "/v2/groups/shop?dryRun=true", {"scaleBy": 2})
        assert (found.status, found.json) == (
            200, {"steps": [{"actions": [{"action": "ScaleApplication", "app": "/shop/web"}]}]},
        )  # fmt: skip
        assert (await site.ask("GET", "/v2/apps/shop/web")).json["app"]["instances"] == 3


async def test_a_group_is_scaled_and_taken_back() -> None:
    async with served(WEB) as site:
        first = site.world.core.root.version
        is_started(await site.ask("PUT", "/v2/groups/shop", {"scaleBy": 1.5}))
        assert (await site.ask("GET", "/v2/apps/shop/web")).json["app"]["instances"] == 5
        is_started(await site.ask("PUT", "/v2/groups/shop?force=true", {"version": first}))
        assert (await site.ask("GET", "/v2/apps/shop/web")).json["app"]["instances"] == 3
        is_started(await site.ask("PUT", f"/v2/groups/shop/versions/{first}?force=true"))


async def test_a_group_and_all_groups_are_deleted() -> None:
    async with served(WEB, app_of(id="/lone", cmd="serve")) as site:
        is_started(await site.ask("DELETE", "/v2/groups/shop"))
        assert (await site.ask("GET", "/v2/groups/shop")).status == 404
        is_started(await site.ask("DELETE", "/v2/groups?force=true"))
        assert (await site.ask("GET", "/v2/groups")).json["apps"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("PUT", "/v2/groups/shop", {"scaleBy": -1}, 422, "Invalid JSON"),
        ("PUT", "/v2/groups/shop", {"apps": [{"id": "/elsewhere", "cmd": "serve"}]}, 422, "Object is not valid"),
        ("PUT", "/v2/groups/shop", [], 422, "Invalid JSON"),
        ("DELETE", "/v2/groups/none", None, 404, "Group '/none' does not exist"),
        ("PATCH", "/v2/groups/none", {"enforceRole": True}, 404, "Group '/none' does not exist"),
        ("PATCH", "/v2/groups/shop", {}, 422, "Invalid JSON"),
    ],
)
async def test_groups_that_are_refused(method: str, path: str, body: Any, status: int, message: str) -> None:
    async with served(WEB) as site:
        before = (await site.ask("GET", "/v2/groups")).json
        found = await site.ask(method, path, body)
        assert (found.status, found.json["message"]) == (status, message)
        assert (await site.ask("GET", "/v2/groups")).json == before
