"""Whom an instance answers, by who leads."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

from frameworks.batch.shell.front import Front
from mesos_py.sdk.testing import simulated
from mesos_py.web.request import Request
from mesos_py.web.response import Response
from mesos_py.web.router import Answer


class Asked:
    def __init__(self, target: str) -> None:
        self.target, self.path = target, target.partition("?")[0]


async def ask(front: Front, target: str) -> tuple[int, Any, dict[str, str]]:
    answer = await front(Asked(target))  # type: ignore[arg-type]
    assert isinstance(answer, Response)
    is_json = answer.content_type == "application/json"
    return answer.status, orjson.loads(answer.body) if is_json else answer.body.decode(), dict(answer.headers)


async def api(request: Request) -> Answer:
    return Response(200, orjson.dumps(request.path), "application/json")


@simulated
async def test_a_standby_sends_people_to_the_leader() -> None:
    front = Front("here:1")
    front.hear("there:2")
    assert await ask(front, "/v1/jobs?limit=1&x=%20") == (307, "", {"Location": "http://there:2/v1/jobs?limit=1&x=%20"})
    assert (await ask(front, "/v1/leader"))[:2] == (200, {"leader": "there:2", "leading": False})
    status, health, _ = await ask(front, "/health")
    assert (status, health["leading"], health["leader"]) == (200, False, "there:2")


@simulated
async def test_the_leader_answers() -> None:
    front = Front("here:1", "here:1", api)
    assert (await ask(front, "/v1/jobs"))[:2] == (200, "/v1/jobs")
    assert (await ask(front, "/health"))[:2] == (200, "/health")
    assert (await ask(front, "/v1/leader"))[:2] == (200, {"leader": "here:1", "leading": True})


@simulated
async def test_a_leader_is_waited_for() -> None:
    """One that is being elected, and one that reads what was kept; not for ever."""
    front = Front("here:1")
    assert (await ask(front, "/v1/jobs"))[:2] == (503, "No leader elected")
    asking = asyncio.create_task(ask(front, "/v1/jobs"))
    await asyncio.sleep(1)
    front.hear("here:1")
    await asyncio.sleep(1)
    front.api = api
    assert (await asking)[:2] == (200, "/v1/jobs")
    front.api = None
    assert (await ask(front, "/v1/jobs"))[:2] == (503, "What was kept is still being read")
