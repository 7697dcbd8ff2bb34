"""A client for Python programs: ``async with BatchClient("host:5070") as batch: await batch.submit(name="a", ...)``.

What goes and comes is what the REST API says; a refusal is ``Refused`` with its sentence, nobody there ``NotThere``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import orjson

DEFAULT_ADDRESS = "127.0.0.1:5070"
CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 60.0
LOOK_EVERY_S = 0.5

ENDS = ("succeeded", "failed", "cancelled", "skipped")


class NotThere(Exception):
    """Nobody answers at that address."""


class Refused(Exception):
    """The framework said no, and why."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class BatchClient:
    """One framework. Every method raises Refused and NotThere."""

    def __init__(self, address: str = DEFAULT_ADDRESS) -> None:
        """``address``: HOST:PORT, or several with commas between: the first that listens is asked, and sends us to the
        one that leads."""
        self._addresses = tuple(one.strip().removeprefix("http://").rstrip("/") for one in address.split(","))
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S)
        self._session = aiohttp.ClientSession(timeout=timeout)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._session.close()

    # ---- jobs

    async def submit(self, *jobs: Mapping[str, Any], **job: Any) -> dict[str, Any]:
        """One job by its fields, or several that are taken together. Answers with their names, and warnings."""
        many = [*jobs, *([job] if job else [])]
        return await self.submit_as_it_is(many[0] if len(many) == 1 else {"jobs": many})

    async def submit_as_it_is(self, body: Any) -> dict[str, Any]:
        """Whatever that says: one job, or {"jobs": [...]}. Answers likewise."""
        return dict(await self.ask("POST", "/v1/jobs", body))

    async def job(self, name: str) -> dict[str, Any]:
        return dict(await self.ask("GET", _path("jobs", name)))

    async def jobs(self, **query: str) -> list[dict[str, Any]]:
        return list((await self.ask("GET", "/v1/jobs", query=query))["jobs"])

    async def tasks(self, name: str, **query: str) -> list[dict[str, Any]]:
        return list((await self.ask("GET", _path("jobs", name, "tasks"), query=query))["tasks"])

    async def why(self, name: str) -> dict[str, Any]:
        return dict(await self.ask("GET", _path("jobs", name, "why")))

    async def tell(self, name: str, verb: str) -> dict[str, Any]:
        """``cancel``, ``hold``, ``release``, ``retry``, ``pass``."""
        return dict(await self.ask("POST", _path("jobs", name, verb)))

    async def forget(self, name: str) -> None:
        await self.ask("DELETE", _path("jobs", name))

    async def wait(self, name: str, every_s: float = LOOK_EVERY_S) -> dict[str, Any]:
        """The job, once it has ended."""
        while True:
            job = await self.job(name)
            if job["state"] in ENDS:
                return job
            await asyncio.sleep(every_s)

    # ---- schedules

    async def put_schedule(self, name: str, **schedule: Any) -> dict[str, Any]:
        return dict(await self.ask("PUT", _path("schedules", name), schedule))

    async def schedule(self, name: str) -> dict[str, Any]:
        return dict(await self.ask("GET", _path("schedules", name)))

    async def schedules(self) -> list[dict[str, Any]]:
        return list((await self.ask("GET", "/v1/schedules"))["schedules"])

    async def tell_schedule(self, name: str, verb: str) -> dict[str, Any]:
        """``pause``, ``resume``, ``run``."""
        return dict(await self.ask("POST", _path("schedules", name, verb)))

    async def drop_schedule(self, name: str) -> None:
        await self.ask("DELETE", _path("schedules", name))

    # ---- the rest

    async def events(self) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Name and fields of each, from now on, until the framework ends or cuts us off."""
        async with self._asked("GET", "/v1/events", None, None) as answer:
            if answer.status >= 300:
                raise Refused(answer.status, await answer.text())
            name = ""
            async for line in answer.content:
                if line.startswith(b"event: "):
                    name = line[7:].strip().decode()
                elif line.startswith(b"data: "):
                    yield name, orjson.loads(line[6:])

    async def ask(
        self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None
    ) -> Any:
        """The answer as JSON; None if there is nothing in it."""
        data = None if body is None else orjson.dumps(body)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S), self._asked(method, path, data, query) as answer:
                text = await answer.read()
                if answer.status >= 300:
                    raise Refused(answer.status, text.decode(errors="replace").strip() or str(answer.reason))
                return orjson.loads(text) if text else None
        except TimeoutError as error:
            raise NotThere("no answer in time") from error

    @asynccontextmanager
    async def _asked(
        self, method: str, path: str, data: bytes | None, query: Mapping[str, str] | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """By the first who listens; whoever has heard us is the last: it may have done what was asked."""
        for address in self._addresses:
            try:
                async with self._session.request(method, f"http://{address}{path}", data=data, params=query) as answer:
                    yield answer
                return
            except (aiohttp.ClientError, OSError) as error:
                if address == self._addresses[-1] or not isinstance(error, aiohttp.ClientConnectorError):
                    raise NotThere(f"http://{address}: {error}") from error


def _path(*parts: str) -> str:
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)
