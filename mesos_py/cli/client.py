"""Asks masters and agents over HTTP, and turns what goes wrong into sentences.

Everything here is the public API that any other client has: operator calls at ``/api/v1``, files at ``/files``.
"""

from __future__ import annotations

import asyncio
import difflib
import os
from collections.abc import Iterable
from typing import Any, Self

import aiohttp
import attrs
import orjson

from mesos_py.cli.command import EXIT_REFUSED, EXIT_UNREACHABLE, EXIT_USAGE, CommandFailed
from mesos_py.coordination import DetectionFailed, NobodyLeads, NotReached
from mesos_py.coordination.address import AddressError, parse_address
from mesos_py.coordination.locator import leader_now
from mesos_py.flags import BOOLEAN, URL, option

DEFAULT_MASTER = "127.0.0.1:5050"
DEFAULT_PORT = 5050
ANSWER_TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 5.0


@attrs.frozen(kw_only=True)
class ClientOptions:
    """Flags of every command that asks a master."""

    master: str = option(URL, DEFAULT_MASTER, "The master: HOST:PORT, or zk://host:port/path.", group="Common")
    json: bool = option(BOOLEAN, False, "Print JSON instead of a table.", group="Common")


def address_of(text: str) -> str:
    """HOST:PORT from what people write: ``host``, ``host:5050``, ``http://host:5050/``; a ``zk://`` stays as it is."""
    if text.startswith("zk://"):
        return text
    address = text.removeprefix("http://").rstrip("/")
    if "://" in address:
        raise CommandFailed(f"--master={text}: only HOST:PORT can be asked", 2)
    host, colon, port = address.rpartition(":")
    if not colon:
        return f"{address}:{DEFAULT_PORT}"
    if not host or not port.isdigit():
        raise CommandFailed(f"--master={text}: expecting HOST:PORT", 2)
    return address


async def _leader(text: str) -> str:
    """HOST:PORT of the master that leads, according to ZooKeeper. Raises CommandFailed."""
    try:
        address = parse_address(text)
    except AddressError as error:
        raise CommandFailed(f"--master: {error}", EXIT_USAGE) from error
    try:
        return await leader_now(address, CONNECT_TIMEOUT_S)
    except (NotReached, NobodyLeads) as error:
        raise CommandFailed(str(error), EXIT_UNREACHABLE) from error
    except DetectionFailed as error:
        raise CommandFailed(f"nobody can tell who leads: {error}", EXIT_UNREACHABLE) from error


class Client:
    """``async with Client(address) as master: await master.call("GET_AGENTS")``."""

    def __init__(self, address: str, what: str = "master") -> None:
        self.address = address
        self._what = what
        self._is_elected = address.startswith("zk://")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        if self.address.startswith("zk://"):
            self.address = await _leader(self.address)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S)
        self._session = aiohttp.ClientSession(timeout=timeout)
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._session is not None
        await self._session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        assert self._session is not None
        return self._session

    async def call(self, type: str, body: dict[str, Any] | None = None) -> Any:
        """The answer of an operator call as JSON, None if it is empty; follows a redirect to the leader."""
        message = {"type": type} if body is None else {"type": type, type.lower(): body}
        text = await self.post("/api/v1", message)
        return orjson.loads(text) if text else None

    async def wait(self, type: str, body: dict[str, Any]) -> Any:
        """The answer of a call that is made only once something has happened, however long that takes."""
        return orjson.loads(await self.post("/api/v1", {"type": type, type.lower(): body}, timeout_s=None))

    async def post(self, path: str, message: Any, *, timeout_s: float | None = ANSWER_TIMEOUT_S) -> bytes:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        return await self._ask("POST", path, timeout_s=timeout_s, data=orjson.dumps(message), headers=headers)

    async def get(self, path: str, **query: str) -> Any:
        return orjson.loads(await self._ask("GET", path, params=query))

    async def _ask(
        self, method: str, path: str, *, timeout_s: float | None = ANSWER_TIMEOUT_S, **request: Any
    ) -> bytes:
        try:
            async with (
                asyncio.timeout(timeout_s),
                self.session.request(method, f"http://{self.address}{path}", **request) as answer,
            ):
                text = await answer.read()
                if answer.status < 300:
                    return text
                raise self.refusal(answer.status, text.decode(errors="replace").strip() or str(answer.reason))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self.unreachable(error) from error

    def refusal(self, status: int, text: str) -> CommandFailed:
        """What to raise for an answer that is none: a master that leads no more, or not yet, is as good as none."""
        if status == 503 and self._what == "master":
            return Unreachable(f"the master at {self.address} says: {text}", EXIT_UNREACHABLE)
        return Refused(status, text)

    def unreachable(self, error: BaseException) -> Unreachable:
        why = str(error)
        if isinstance(error, aiohttp.ClientConnectorError):
            why = os.strerror(error.os_error.errno) if error.os_error.errno else str(error.os_error)
        elif isinstance(error, TimeoutError):
            why = "no answer in time"
        hint = ""
        if self._is_elected:
            hint = "; it leads, says ZooKeeper: ask again when another one does"
        elif self._what == "master":
            source = "MESOS_MASTER" if os.environ.get("MESOS_MASTER") else "--master"
            hint = f"; is it running? {source} says where, and 'mesos-py local' starts a cluster"
        return Unreachable(f"cannot reach the {self._what} at http://{self.address} ({why}){hint}", EXIT_UNREACHABLE)


class Unreachable(CommandFailed):
    """The other side is not there, or ended what it had begun to say."""


class Refused(CommandFailed):
    """The other side understood and said no."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"refused with {status}: {text}", EXIT_REFUSED)
        self.status = status


def unknown(what: str, name: str, known: Iterable[str]) -> CommandFailed:
    """``name`` is none of the ``known``: says which it may have been."""
    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return CommandFailed(f"no {what} '{name}'" + (f"; did you mean {' or '.join(close)}?" if close else ""))
