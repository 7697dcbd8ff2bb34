"""What every answer has, how requests find their rows, and what is refused before anybody looks at it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.marathon.api.served import ADDRESS, served


async def test_every_answer_says_who_leads_and_that_it_must_not_be_kept() -> None:
    async with served() as site:
        for path, status in (("/v2/apps", 200), ("/v2/apps/none", 404), ("/nothing", 404)):
            found = await site.ask("GET", path)
            assert found.status == status
            assert found.headers["X-Marathon-Leader"] == f"http://{ADDRESS}"
            assert found.headers["Cache-Control"] == "no-cache, no-store, must-revalidate"
            assert (found.headers["Pragma"], found.headers["Expires"]) == ("no-cache", "0")
            assert (found.headers["X-Frame-Options"], found.headers["X-XSS-Protection"]) == ("DENY", "1; mode=block")
            assert found.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", ["/v2/apps", "/v2/apps/", "/v2//apps", "//v2/apps//", "/v2/apps?embed=apps.tasks"])
async def test_slashes_at_the_end_and_double_ones_mean_nothing(path: str) -> None:
    async with served() as site:
        assert (await site.ask("GET", path)).json == {"apps": []}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "message"),
    [
        ("GET", "/v2/nothing", {}, 404, "URI not found"),
        ("POST", "/v2/info", {}, 405, "Method Not Allowed"),
        ("GET", "/v2/apps", {"Accept": "text/plain"}, 406, "Not Acceptable"),
        ("DELETE", "/v2/apps/x", {"Origin": "http://evil.example"}, 403, "pages of other sites"),
        ("GET", "/v2/apps?label=a==", {}, 422, "Can not parse label selector a==. Reason: "),
    ],
)
async def test_what_is_not_understood_is_answered_in_json(
    method: str, path: str, headers: dict[str, str], status: int, message: str
) -> None:
    async with served() as site:
        found = await site.ask(method, path, **headers)
        assert found.status == status
        assert found.json["message"].startswith(message)


async def test_a_method_that_is_not_there_is_answered_with_those_that_are() -> None:
    async with served() as site:
        assert (await site.ask("POST", "/v2/info")).headers["Allow"] == "GET, HEAD"
        options = await site.ask("OPTIONS", "/v2/apps")
        assert (options.status, options.headers["Allow"]) == (200, "GET, POST, PUT, PATCH, HEAD")
        head = await site.ask("HEAD", "/v2/apps")
        assert (head.status, head.body) == (200, b"")


@pytest.mark.parametrize(
    ("body", "status", "message", "details"),
    [
        (b"", 400, "Please specify data in JSON format", None),
        (b"{", 400, "Invalid JSON", None),
        (b"\xff", 400, "Invalid JSON", None),
        (b"[" * 100_000, 400, "Invalid JSON", None),
        (b"[1]", 422, "Invalid JSON", [{"path": "/", "errors": ["error.expected.jsobject"]}]),
        (b"null", 422, "Invalid JSON", [{"path": "/", "errors": ["error.expected.jsobject"]}]),
        (b'{"cmd": 1}', 422, "Invalid JSON", [
            {"path": "/id", "errors": ["error.path.missing"]}, {"path": "/cmd", "errors": ["error.expected.jsstring"]},
        ]),
        (b'{"id":"/x","instances":1e400}', 400, "Invalid JSON", None),
        (b'{"id":"/x","instances":99999999999999999999999}', 422, "Invalid JSON", [
            {"path": "/instances", "errors": ["error.expected.int"]},
        ]),
        (b'{"id":"/x","killSelection":"RANDOM"}', 422, "Invalid JSON", [
            {"path": "/killSelection", "errors": ["error.unknown.enum.literal"]},
        ]),
        (b'{"id":"/x","uris":["a"],"fetch":[{"uri":"a"}]}', 422, "Object is not valid", [
            {"path": "/uris", "errors": ["may not be set in conjunction with fetch"]},
        ]),
    ],
)  # fmt: skip
async def test_a_body_that_is_no_app_is_refused(body: bytes, status: int, message: str, details: Any) -> None:
    async with served() as site:
        found = await site.ask("POST", "/v2/apps", body)
        assert (found.status, found.json["message"]) == (status, message)
        assert found.json["details"]
        if details is not None:
            assert found.json["details"] == details
        assert site.program.asked == []


async def test_a_body_of_another_type_or_too_large_a_one_is_refused() -> None:
    async with served() as site:
        form = await site.ask("POST", "/v2/apps", b"id=/x", Content_Type="application/x-www-form-urlencoded")
        assert (form.status, form.json["message"]) == (415, "Unsupported Media Type")
        large = await site.ask("POST", "/v2/apps", b" " * (17 << 20))
        assert (large.status, site.program.asked) == (413, [])
