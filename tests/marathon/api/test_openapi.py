"""The document that follows from the rows, and the page that shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.marathon.api.served import served


def references(found: Any) -> Iterator[str]:
    if isinstance(found, dict):
        yield from ([found["$ref"]] if "$ref" in found else [])
        for inner in found.values():
            yield from references(inner)
    elif isinstance(found, list):
        for inner in found:
            yield from references(inner)


async def test_every_call_is_described_and_every_reference_leads_somewhere() -> None:
    async with served() as site:
        document = (await site.ask("GET", "/openapi.json")).json
        schemas = document["components"]["schemas"]
        assert {ref.removeprefix("#/components/schemas/") for ref in references(document)} <= schemas.keys()
        operations = [
            (path, operation) for path, methods in document["paths"].items() for operation in methods.values()
        ]
        assert len(operations) > 60
        for path, operation in operations:
            assert re.fullmatch(r"[A-Zp].*\.", operation["summary"]), path
            named = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
            assert named == set(re.findall(r"\{(\w+)\}", path))


async def test_an_app_is_described_field_by_field() -> None:
    async with served() as site:
        schemas = (await site.ask("GET", "/openapi.json")).json["components"]["schemas"]
        app = schemas["App"]
        assert (app["required"], app["properties"]["versionInfo"]["readOnly"]) == (["id"], True)
        assert app["properties"]["instances"] == {"type": "integer", "format": "int32", "default": 1}
        assert app["properties"]["killSelection"]["enum"] == ["YOUNGEST_FIRST", "OLDEST_FIRST"]
        assert app["properties"]["healthChecks"]["items"] == {"$ref": "#/components/schemas/HealthCheck"}
        assert "uris" in schemas["Legacy"]["properties"]
        assert schemas["GroupUpdate"]["properties"]["groups"]["items"] == {"$ref": "#/components/schemas/GroupUpdate"}
        assert len(schemas["Pod"]["properties"]["volumes"]["items"]["anyOf"]) == 4


@pytest.mark.parametrize("path", ["/", "/ui", "/help"])
async def test_people_are_led_to_the_page(path: str) -> None:
    async with served() as site:
        found = await site.ask("GET", path)
        assert (found.status, found.headers["Location"]) == (302, "/ui/")


async def test_the_page_has_all_that_it_needs_here() -> None:
    async with served() as site:
        page = await site.ask("GET", "/ui/", Accept="text/html")
        assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        parts = re.findall(r'(?:src|href)="([^"#:]+)"', page.body.decode())
        assert parts == ["page.css", "page.js"]
        for part in parts:
            assert (await site.ask("GET", f"/ui/{part}")).status == 200
        assert b"://" not in (await site.ask("GET", "/ui/page.js")).body
        assert (await site.ask("GET", "/ui/other.js")).status == 404
