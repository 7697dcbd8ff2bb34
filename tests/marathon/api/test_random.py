"""Whatever people send is answered: bodies drawn from the schemas of definitions, right and wrong, huge and tiny."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.groups import GroupUpdate
from frameworks.marathon_py.definitions.pods import Pod
from frameworks.marathon_py.definitions.schemas import schemas
from mesos_py.machine.values import SECOND
from tests.marathon.api.served import served
from tests.marathon.app_of import app_of

SCHEMAS = schemas((App, Pod, GroupUpdate))
TEXTS = (
    "/a", "a", "b/c", "x", "TCP", "host", "hostname", "UNIQUE", "", "*", "0", "/", "..", "a" * 300, "é", "\0", "%",
    "//", "unlimited", "web", "default", "MARATHON_SINGLE_INSTANCE_APP", "true", "2024-01-01T00:00:00Z",
)  # fmt: skip
ODD = (None, True, 1, -1, 1.5, "x", [], {}, 1e300, 10**18, [[]], {"a": 1})
READING = (
    "/v2/apps?embed=apps.tasks&embed=apps.taskStats", "/v2/apps/a", "/v2/groups?embed=group.apps.tasks", "/v2/tasks",
    "/v2/queue?embed=lastUnusedOffers", "/v2/deployments", "/v2/pods/::status", "/v2/groups/versions",
)  # fmt: skip
ANSWERS = {200, 201, 202, 400, 403, 404, 409, 422}


class Drawn:
    """Values of a schema, most of them as it says."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def of(self, name: str, depth: int = 0) -> dict[str, Any]:
        """An object of a class; few of its fields, and fewer where it is deep."""
        known = SCHEMAS[name]
        found = {}
        for field, schema in known["properties"].items():
            is_given = self._rng.random() < (0.97 if field in known.get("required", ()) else 0.12 if depth < 4 else 0)
            if is_given and not schema.get("readOnly"):
                found[field] = self.value(schema, depth)
        return found

    def value(self, schema: Mapping[str, Any], depth: int) -> Any:
        draw = self._rng.choice
        if self._rng.random() < 0.06:
            return draw(ODD)
        if "$ref" in schema:
            return self.of(schema["$ref"].rpartition("/")[2], depth + 1)
        if "anyOf" in schema or "allOf" in schema:
            return self.value(draw(schema.get("anyOf") or schema["allOf"]), depth)
        match schema.get("type"):
            case "string":
                return draw(schema.get("enum", TEXTS))
            case "integer":
                return draw((0, 1, 2, 80, -1, 70_000, schema.get("minimum", 0), schema.get("maximum", 31_000)))
            case "number":
                return draw((0, 0.5, 1, 2.5, 1e-9, 1e12, schema.get("minimum", 0)))
            case "boolean":
                return draw((True, False))
            case "array":
                return [self.value(schema["items"], depth + 1) for _ in range(draw((0, 1, 1, 2)))]
            case "object":
                inner = schema.get("additionalProperties", {"type": "string"})
                return {draw(TEXTS): self.value(inner, depth + 1) for _ in range(draw((0, 1, 2)))}
        return draw(TEXTS)

    def request(self) -> tuple[str, str, Any]:
        """Method, path, and body."""
        draw = self._rng.choice
        query = draw(("", "?force=true", "?partialUpdate=false&force=true", "?dryRun=true"))
        app = {"cmd": "serve", **self.of("App")}
        return draw((
            ("POST", f"/v2/apps{query}", app), ("PUT", f"/v2/apps/{draw(('a', 'new', 'g/b'))}{query}", app),
            ("PATCH", f"/v2/apps/a{query}", self.of("App")), ("PUT", f"/v2/apps{query}", [app, self.of("App")]),
            ("POST", f"/v2/pods{query}", self.of("Pod")), ("PUT", f"/v2/groups/g{query}", self.of("GroupUpdate")),
            ("POST", f"/v2/groups{query}", self.of("GroupUpdate")), ("GET", draw(READING), None),
        ))  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
async def test_every_request_is_answered(seed: int) -> None:
    rng = Random(seed)
    drawn = Drawn(rng)
    async with served(app_of(id="/a", cmd="serve", ports=[10_001]), app_of(id="/g/b", cmd="serve")) as site:
        for _ in range(120):
            request = drawn.request()
            found = await site.ask(*request)
            assert found.status in ANSWERS, (request, found.body)
            if rng.random() < 0.05:
                site.program.run()
                site.world.advance(10 * SECOND)
