"""A client for Python programs: ``async with MarathonClient("http://host:8080") as marathon: await marathon.apps()``.

What goes and comes is what Marathon's REST API says. Of several servers (``"http://a:8080,http://b:8080"``) the first
one that answers is asked: each relays to the leader. A refusal is ``Refused`` with its sentence, nobody there is
``NotThere``. Changes answer with the id of their deployment, and ``shell.waiting`` waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import orjson

DEFAULT_URL = "http://127.0.0.1:8080"
CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 60.0
SILENCE_MAX_S = 60.0  # of a stream of events, whose heartbeat comes more often
LINE_BYTES_MAX = 64 << 20  # one event: a deployment's plan may have two whole root groups in it


class NotThere(Exception):
    """Nobody answers at that address."""


class Refused(Exception):
    """Marathon said no, and why."""

    def __init__(self, status: int, text: str, deployments: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.status = status
        #: those in the way of a change
        self.deployments = tuple(deployments)


class MarathonClient:
    """One Marathon. Every method raises Refused and NotThere; ids may begin with a slash or not."""

    def __init__(self, url: str = DEFAULT_URL, credentials: str = "", *, is_verified: bool = True) -> None:
        """``credentials``: USER:PASSWORD; ``is_verified``: certificates of https are looked at."""
        self.urls = [_full(one) for one in url.split(",") if one.strip()]
        user, _, password = credentials.partition(":")
        self._auth = aiohttp.BasicAuth(user, password) if credentials else None
        self._is_verified = is_verified
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S)
        connector = aiohttp.TCPConnector(ssl=self._is_verified)
        self._session = aiohttp.ClientSession(
            timeout=timeout, auth=self._auth, connector=connector, read_bufsize=1 << 20, headers={"Accept": "*/*"}
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._session.close()

    # ---- apps

    async def apps(self, *embed: str, **query: str) -> list[dict[str, Any]]:
        """``query``: id, cmd, label."""
        found = await self.ask("GET", "/v2/apps", query=[*query.items(), *[("embed", one) for one in embed]])
        return list(found["apps"])

    async def app(self, id: str, *embed: str) -> dict[str, Any]:
        return dict((await self.ask("GET", _app(id), query=[("embed", one) for one in embed]))["app"])

    async def add_app(self, app: Mapping[str, Any], *, force: bool = False) -> dict[str, Any]:
        """The app; its deployment is the only one in ``deployments``."""
        return dict(await self.ask("POST", "/v2/apps", app, _force(force)))

    async def update_app(
        self, id: str, changes: Mapping[str, Any], *, force: bool = False, is_whole: bool = False
    ) -> dict[str, Any]:
        """``is_whole``: what is not in ``changes`` has its default again, and an app that is not there is created."""
        method = "PUT" if is_whole else "PATCH"
        query = [*_force(force), *([("partialUpdate", "false")] if is_whole else [])]
        return dict(await self.ask(method, _app(id), changes, query))

    async def put_apps(self, apps: Sequence[Mapping[str, Any]], *, force: bool = False) -> dict[str, Any]:
        """All in one deployment, new or not."""
        return dict(await self.ask("PUT", "/v2/apps", list(apps), [*_force(force), ("partialUpdate", "false")]))

    async def roll_back_app(self, id: str, version: str, *, force: bool = False) -> dict[str, Any]:
        return dict(await self.ask("PUT", _app(id), {"version": version}, _force(force)))

    async def restart_app(self, id: str, *, force: bool = False) -> dict[str, Any]:
        return dict(await self.ask("POST", _app(id, "restart"), query=_force(force)))

    async def remove_app(self, id: str, *, force: bool = True) -> dict[str, Any]:
        return dict(await self.ask("DELETE", _app(id), query=_force(force)))

    async def app_versions(self, id: str) -> list[str]:
        return list((await self.ask("GET", _app(id, "versions")))["versions"])

    async def app_version(self, id: str, version: str) -> dict[str, Any]:
        return dict(await self.ask("GET", _app(id, "versions", version)))

    async def kill_tasks(self, ids: Sequence[str], *, scale: bool = False, wipe: bool = False) -> dict[str, Any]:
        query = [("scale", _text(scale)), ("wipe", _text(wipe))]
        return dict(await self.ask("POST", "/v2/tasks/delete", {"ids": list(ids)}, query))

    # ---- groups

    async def group(self, id: str = "/", *embed: str) -> dict[str, Any]:
        return dict(await self.ask("GET", _group(id), query=[("embed", one) for one in embed]))

    async def put_group(
        self, id: str, group: Mapping[str, Any], *, force: bool = False, dry_run: bool = False
    ) -> dict[str, Any]:
        query = [*_force(force), *([("dryRun", "true")] if dry_run else [])]
        return dict(await self.ask("PUT", _group(id), group, query))

    async def add_group(self, group: Mapping[str, Any], *, force: bool = False) -> dict[str, Any]:
        return dict(await self.ask("POST", "/v2/groups", group, _force(force)))

    async def remove_group(self, id: str, *, force: bool = False) -> dict[str, Any]:
        return dict(await self.ask("DELETE", _group(id), query=_force(force)))

    async def group_versions(self, id: str = "/") -> list[str]:
        return list(await self.ask("GET", _group(id, "versions")))

    # ---- pods

    async def pods(self) -> list[dict[str, Any]]:
        """Their statuses, definitions in them."""
        return list(await self.ask("GET", "/v2/pods/::status"))

    async def pod(self, id: str) -> dict[str, Any]:
        """Its definition."""
        return dict(await self.ask("GET", _pod(id)))

    async def pod_status(self, id: str) -> dict[str, Any]:
        return dict(await self.ask("GET", _pod(id) + "::status"))

    async def add_pod(self, pod: Mapping[str, Any], *, force: bool = False) -> tuple[dict[str, Any], str]:
        """The pod, and the id of its deployment."""
        answer, deployment = await self.change("POST", "/v2/pods", pod, _force(force))
        return dict(answer), deployment

    async def put_pod(self, id: str, pod: Mapping[str, Any], *, force: bool = False) -> tuple[dict[str, Any], str]:
        answer, deployment = await self.change("PUT", _pod(id), pod, _force(force))
        return dict(answer), deployment

    async def remove_pod(self, id: str, *, force: bool = False) -> str:
        """The id of the deployment."""
        return (await self.change("DELETE", _pod(id), query=_force(force)))[1]

    async def pod_versions(self, id: str) -> list[str]:
        return list(await self.ask("GET", _pod(id) + "::versions"))

    async def pod_version(self, id: str, version: str) -> dict[str, Any]:
        return dict(await self.ask("GET", f"{_pod(id)}::versions/{quote(version)}"))

    # ---- deployments and the queue

    async def deployments(self, *, with_held: bool = False) -> list[dict[str, Any]]:
        """``with_held``: also what of them waits after its canaries, which Marathon itself does not know."""
        query = [("embed", "held")] if with_held else []
        return list(await self.ask("GET", "/v2/deployments", query=query))

    async def cancel_deployment(self, id: str, *, force: bool = False) -> dict[str, Any] | None:
        """What it changed is changed back, by a deployment of its own; ``force``: it stops where it is (None)."""
        answer = await self.ask("DELETE", f"/v2/deployments/{quote(id, safe='')}", query=_force(force))
        return None if answer is None else dict(answer)

    async def continue_deployment(self, id: str) -> None:
        """One that waits after its canaries goes on."""
        await self.ask("POST", f"/v2/deployments/{quote(id, safe='')}/continue")

    async def queue(self, *, with_offers: bool = False) -> list[dict[str, Any]]:
        query = [("embed", "lastUnusedOffers")] if with_offers else []
        return list((await self.ask("GET", "/v2/queue", query=query))["queue"])

    async def clear_delay(self, id: str) -> None:
        await self.ask("DELETE", f"/v2/queue/{_id(id)}/delay")

    async def why(self, id: str) -> dict[str, Any]:
        """Why instances of an app or a pod wait."""
        return dict(await self.ask("GET", f"/v2/queue/{_id(id)}/why"))

    # ---- the rest

    async def info(self) -> dict[str, Any]:
        return dict(await self.ask("GET", "/v2/info"))

    async def leader(self) -> str:
        return str((await self.ask("GET", "/v2/leader"))["leader"])

    async def abdicate(self, *, backup: str = "", restore: str = "") -> str:
        query = [(name, place) for name, place in (("backup", backup), ("restore", restore)) if place]
        return str((await self.ask("DELETE", "/v2/leader", query=query))["message"])

    @contextlib.asynccontextmanager
    async def events(self, *types: str) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """What happens from when this is entered on, until we are cut off. No types: all of them."""
        query = [("event_type", one) for one in types] + [("plan-format", "light")]
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=SILENCE_MAX_S)
        async with self._answer(
            "GET", "/v2/events", params=query, timeout=timeout, headers={"Accept": "text/event-stream"}
        ) as answer:
            if answer.status >= 300:
                raise _refusal(answer, await answer.read())
            yield _events(answer)

    async def ask(
        self, method: str, path: str, body: Any = None, query: Sequence[tuple[str, str]] = ()
    ) -> Any:
        """The answer as JSON; None if there is nothing in it."""
        return (await self.change(method, path, body, query))[0]

    async def change(
        self, method: str, path: str, body: Any = None, query: Sequence[tuple[str, str]] = ()
    ) -> tuple[Any, str]:
        """The answer, and the id of the deployment that was started; "": none was."""
        data = None if body is None else orjson.dumps(body)
        headers = {} if data is None else {"Content-Type": "application/json"}
        try:
            async with (
                asyncio.timeout(ANSWER_TIMEOUT_S),
                self._answer(method, path, data=data, params=query, headers=headers) as answer,
            ):
                text = await answer.read()
                if answer.status >= 300:
                    raise _refusal(answer, text)
                return orjson.loads(text) if text else None, answer.headers.get("Marathon-Deployment-Id", "")
        except orjson.JSONDecodeError as error:
            raise NotThere(f"{self.urls[0]} does not answer as Marathon does: {error}") from error
        except TimeoutError as error:
            raise NotThere(f"{self.urls[0]}: no answer in time") from error

    @contextlib.asynccontextmanager
    async def _answer(self, method: str, path: str, **asked: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        """Of the first server that there is, which is asked first from then on. Raises NotThere."""
        problems = []
        for url in list(self.urls):
            try:
                answer = await self._session.request(method, url + path, **asked)
            except aiohttp.ClientConnectorError as error:  # nothing was asked of it
                problems.append(f"{url}: {error}")
                continue
            except (aiohttp.ClientError, OSError) as error:
                raise NotThere(f"{url}: {error or type(error).__name__}") from error
            self.urls.remove(url)
            self.urls.insert(0, url)
            try:
                async with answer:
                    yield answer
            except (aiohttp.ClientError, OSError) as error:
                raise NotThere(f"{url}: {error or type(error).__name__}") from error
            return
        raise NotThere("; ".join(problems) or "no address was given")


async def _events(answer: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    """Raises NotThere for a connection that breaks; one that ends is an end."""
    left = b""
    while True:
        try:
            some = await answer.content.readany()
        except (aiohttp.ClientError, OSError) as error:  # a TimeoutError, too: nothing was heard for too long
            raise NotThere(f"the stream of events has broken: {error or type(error).__name__}") from error
        if not some:
            return
        *lines, left = (left + some).split(b"\n")
        if len(left) > LINE_BYTES_MAX:
            raise NotThere(f"an event of more than {LINE_BYTES_MAX} bytes")
        for line in lines:
            if line.startswith(b"data: "):
                yield orjson.loads(line[6:])


def _refusal(answer: aiohttp.ClientResponse, text: bytes) -> Refused:
    """One sentence of Marathon's message and its details, however they are written."""
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        return Refused(answer.status, text.decode(errors="replace").strip()[:1000] or str(answer.reason))
    if not isinstance(said, dict):
        return Refused(answer.status, str(said))
    details = said.get("details", ())
    if isinstance(details, str):
        details = [{"path": "", "errors": [details]}]
    texts = [f"{one.get('path', '')} {error}".strip() for one in details for error in one.get("errors", ())]
    message = str(said.get("message", answer.reason))
    return Refused(
        answer.status, f"{message}: {'; '.join(texts)}" if texts else message,
        [str(one.get("id", "")) for one in said.get("deployments", ())],
    )  # fmt: skip


def _full(url: str) -> str:
    url = url.strip().rstrip("/")
    return url if url.startswith(("http://", "https://")) else f"http://{url}"


def _id(id: str) -> str:
    return quote(id.strip("/"), safe="/*")


def _app(id: str, *more: str) -> str:
    return "/".join(["/v2/apps", _id(id), *map(quote, more)])


def _group(id: str, *more: str) -> str:
    return "/".join(["/v2/groups", *([_id(id)] if _id(id) else []), *map(quote, more)])


def _pod(id: str) -> str:
    return f"/v2/pods/{_id(id)}"


def _text(flag: bool) -> str:
    return "true" if flag else "false"


def _force(force: bool) -> list[tuple[str, str]]:
    return [("force", "true")] if force else [("force", "false")]
