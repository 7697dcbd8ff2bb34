"""Requests and their answers as Marathon's documents and code have them: ``tests/marathon/pairs/*.json``, in order.

::

    {"ask": "PUT /v2/apps/x", "body": {}, "status": 200, "answer": {}, "headers": {}, "save": {"v": "/version"}}
    {"do": "run"}      whatever can run does

In answers ``$version``, ``$uuid``, ``$task``, ``$text``, ``$number`` and ``$any`` stand for what is one, ``$starts:X``
and ``$ends:X`` for texts that do; an object is meant exactly, unless it has ``$more``; ``$less`` names what must not be
there. ``{v}`` is what was saved as ``v``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.marathon.api.served import Answer, Site, served

PAIRS = {path.stem: orjson.loads(path.read_bytes()) for path in (Path(__file__).parents[1] / "pairs").glob("*.json")}
SHAPES = {
    "$version": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "$uuid": "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "$task": r"[a-z_-]+\.instance-[0-9a-f-]{36}\._app\.\d+", "$text": ".+",
}  # fmt: skip


def problems(wanted: Any, found: Any, at: str = "") -> list[str]:
    """Where an answer is another than the one that is wanted."""
    if wanted == "$any" or (wanted == "$number" and isinstance(found, int | float)):
        return []
    if isinstance(wanted, str) and isinstance(found, str):
        shape = SHAPES.get(wanted, re.escape(wanted))
        if wanted.startswith("$starts:"):
            shape = re.escape(wanted.removeprefix("$starts:")) + ".*"
        elif wanted.startswith("$ends:"):
            shape = ".*" + re.escape(wanted.removeprefix("$ends:"))
        return [] if re.fullmatch(shape, found, re.DOTALL) else [f"{at}: {wanted} is wanted, not {found}"]
    if isinstance(wanted, dict) and isinstance(found, dict):
        return _of_objects(wanted, found, at)
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        return [one for i, pair in enumerate(zip(wanted, found, strict=True)) for one in problems(*pair, f"{at}({i})")]
    return [] if wanted == found and type(wanted) is type(found) else [f"{at}: {wanted} is wanted, not {found}"]


def _of_objects(wanted: dict[str, Any], found: dict[str, Any], at: str) -> list[str]:
    named = {name: value for name, value in wanted.items() if not name.startswith("$")}
    wrong = [f"{at}/{name} is not there" for name in named if name not in found]
    wrong += [f"{at}/{name} is there" for name in wanted.get("$less", ()) if name in found]
    if not wanted.get("$more"):
        wrong += [f"{at}/{name} is there" for name in found if name not in named]
    shared = [name for name in named if name in found]
    return wrong + [one for name in shared for one in problems(named[name], found[name], f"{at}/{name}")]


class Played:
    """One file of pairs, as far as it has come."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.saved: dict[str, str] = {}

    async def play(self, step: dict[str, Any]) -> None:
        if step.get("do") == "run":
            self.site.program.run()
            return
        known = self._filled(step)
        method, path = known["ask"].split(" ", 1)
        body = known["raw"].encode() if "raw" in known else known.get("body")
        headers = {"Content_Type": known.get("type", "application/json")} if body is not None else {}
        answer = await self.site.ask(method, path, body, Accept=known.get("accept", ""), **headers)
        assert self._problems(known, answer) == [], f"{known.get('why', '')} {known['ask']}: {answer.body.decode()}"
        for name, where in known.get("save", {}).items():
            self.saved[name] = _at(answer.json, where)

    def _filled(self, step: dict[str, Any]) -> dict[str, Any]:
        text = orjson.dumps(step).decode()
        for name, value in self.saved.items():
            text = text.replace(f"{{{name}}}", value)
        return dict(orjson.loads(text))

    def _problems(self, known: dict[str, Any], answer: Answer) -> list[str]:
        if answer.status != known["status"]:
            return [f"{known['status']} is wanted, not {answer.status}"]
        wrong = [
            one for name, wanted in known.get("headers", {}).items()
            for one in problems(wanted, answer.headers.get(name), name)
        ]  # fmt: skip
        if "text" in known:
            return wrong + problems(known["text"], answer.body.decode())
        wanted, found = known.get("answer"), answer.json
        if "any_order" in known:
            for one in (wanted, found):
                one[known["any_order"]].sort(key=orjson.dumps)
        return wrong + problems(wanted, found)


def _at(found: Any, where: str) -> str:
    for part in where.split("/")[1:]:
        found = found[int(part)] if isinstance(found, list) else found[part]
    return str(found)


@pytest.mark.parametrize("name", sorted(PAIRS))
async def test_requests_are_answered_as_marathon_answers_them(name: str) -> None:
    async with served() as site:
        played = Played(site)
        for step in PAIRS[name]:
            await played.play(step)


@pytest.mark.parametrize(
    ("wanted", "found", "wrong"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 1, "b": 2}, ["/b is there"]),
        ({"a": 1, "$more": True}, {"a": 1, "b": 2}, []),
        ({"$more": True, "$less": ["b"]}, {"b": 2}, ["/b is there"]),
        ({"a": ["$number"]}, {"a": ["x"]}, ["/a(0): $number is wanted, not x"]),
        (["$version"], [], [": ['$version'] is wanted, not []"]),
        ("$version", "2024-05-01T12:00:00Z", [": $version is wanted, not 2024-05-01T12:00:00Z"]),
        ("$starts:a.", "ab", [": $starts:a. is wanted, not ab"]),
        (1, True, [": 1 is wanted, not True"]),
        (0, 0.0, [": 0 is wanted, not 0.0"]),
    ],
)
def test_another_answer_is_seen_to_be_another(wanted: Any, found: Any, wrong: list[str]) -> None:
    assert problems(wanted, found) == wrong


def test_there_are_enough_of_them() -> None:
    assert sum("status" in step for steps in PAIRS.values() for step in steps) >= 120
