"""The only door to dockerd: the SDK, which blocks, in a bounded pool of threads; and its events, in one more.

A call fails in one of two ways. ``Refused``: dockerd says no. ``Away``: it does not answer (it is not there, it hangs,
it went in the middle of it), which says nothing of what it has done; ``insist`` asks again until it answers. A call
that has begun cannot be taken back: who is cancelled while he waits for one feels that when the call is over, and can
rely on it that nothing happens later.

Threads are daemons: a dockerd that hangs does not keep the agent from ending.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

import attrs
import docker
import docker.errors
import requests
import structlog
import urllib3

T = TypeVar("T")
Call = Callable[[docker.APIClient], T]

THREADS: Final = 24  # calls at once; launches and pulls are bounded below that, so that a kill finds one free
AGAIN_FIRST_S, AGAIN_MAX_S = 0.1, 5.0  # between attempts

NO_ANSWER: Final = "dockerd does not answer"

log = structlog.get_logger(__name__)


class Away(Exception):
    """dockerd does not answer."""

    #: the request has not reached it
    is_unsent = False


class Refused(Exception):
    """dockerd answers that it will not; the text is its own."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@attrs.define(eq=False)
class _Job:
    call: Callable[[docker.APIClient], Any]
    answer: asyncio.Future[Any]
    is_cancelled: bool = False


class Dockerd:
    """One dockerd, by the path of its socket."""

    def __init__(self, socket: str, *, timeout_s: float) -> None:
        """``timeout_s``: a call that is not answered by then is one that failed (``Away``)."""
        self.socket = socket
        self.timeout_s = timeout_s
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._version = "auto"
        self._closed = threading.Event()
        self._stream: Any = None

    def open(self) -> None:
        """Calls may be made."""
        self._loop = asyncio.get_running_loop()
        for number in range(THREADS):
            threading.Thread(target=self._work, name=f"docker-{number}", daemon=True).start()

    def close(self) -> None:
        """No call begins any more, and no event is told."""
        self._closed.set()
        for _ in range(THREADS):
            self._jobs.put(None)
        if self._stream is not None:
            with contextlib.suppress(OSError, AttributeError):  # it may just have ended by itself
                self._stream.close()

    async def ask(self, call: Call[T]) -> T:
        """What ``call`` returns, which is given a client. Raises Refused and Away."""
        assert not self._closed.is_set(), "nothing is asked after the end"
        job = _Job(call, asyncio.get_running_loop().create_future())
        self._jobs.put(job)
        try:
            return await asyncio.shield(job.answer)
        except asyncio.CancelledError:
            job.is_cancelled = True
            await asyncio.wait([job.answer])
            job.answer.cancelled() or job.answer.exception()
            raise

    async def insist(
        self, call: Call[T], *, patience_s: float = math.inf, missed: Callable[[Away], None] = lambda error: None
    ) -> T:
        """The same, as often as it takes, or for so long after the first miss: only what may be done twice.

        ``missed`` hears of every attempt without an answer. Raises Refused; Away when patience is at an end.
        """
        end, pause = math.inf, AGAIN_FIRST_S
        while True:
            try:
                return await self.ask(call)
            except Away as error:
                missed(error)
                end = min(end, time.monotonic() + patience_s)
                if time.monotonic() >= end:
                    raise
                log.warning(NO_ANSWER, socket=self.socket, why=str(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, AGAIN_MAX_S)

    def listen(
        self, filters: Mapping[str, Any], hear: Callable[[dict[str, Any]], None], begun: Callable[[], None]
    ) -> None:
        """``hear`` every event from now on; ``begun`` whenever some may have been missed before."""

        def still(function: Callable[..., None]) -> Callable[..., None]:
            return lambda *arguments: None if self._closed.is_set() else function(*arguments)

        arguments = (dict(filters), still(hear), still(begun))
        threading.Thread(target=self._listen, args=arguments, name="docker-events", daemon=True).start()

    # ---- threads

    def _work(self) -> None:
        client: docker.APIClient | None = None
        while (job := self._jobs.get()) is not None:
            value = error = None
            try:
                if not job.is_cancelled:
                    client = client or self._client()
                    value = job.call(client)
            except Exception as exc:  # whatever it is, it is for who has asked
                error = _translated(exc)
            if client is not None:
                client.close()  # it can be used again; the SDK would keep a connection for each URL that was asked for
            self._tell(_answer, job.answer, value, error)

    def _listen(
        self, filters: dict[str, Any], hear: Callable[[dict[str, Any]], None], begun: Callable[[], None]
    ) -> None:
        pause = AGAIN_FIRST_S
        while not self._closed.is_set():
            try:
                with contextlib.closing(self._client()) as client:
                    self._stream = client.events(filters=filters, decode=True)
                    self._tell(begun)
                    for event in self._stream:
                        pause = AGAIN_FIRST_S
                        self._tell(hear, event)
            except Exception as exc:  # the thread lives as long as the agent; what is wrong is said
                error = _translated(exc)
                if not self._closed.is_set():
                    log.warning("no events of dockerd", socket=self.socket, why=str(error))
            self._closed.wait(pause)
            pause = min(pause * 2, AGAIN_MAX_S)

    def _client(self) -> docker.APIClient:
        where, timeout_s = f"unix://{self.socket}", math.ceil(self.timeout_s)
        client = docker.APIClient(base_url=where, version=self._version, timeout=timeout_s)
        self._version = client.api_version
        return client

    def _tell(self, function: Callable[..., None], *arguments: Any) -> None:
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits for it any more
            self._loop.call_soon_threadsafe(function, *arguments)


def _answer(answer: asyncio.Future[Any], value: Any, error: Exception | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(value)
    else:
        answer.set_exception(error)


def _translated(error: Exception) -> Exception:
    if isinstance(error, docker.errors.APIError):
        return Refused(error.status_code or 500, str(error.explanation or error).strip())
    outside = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
    if not isinstance(error, (docker.errors.DockerException, *outside)):
        return error
    causes = list(_causes(error))
    innermost = next((one for one in causes if isinstance(one, OSError) and one.strerror), causes[-1])
    away = Away(getattr(innermost, "strerror", None) or str(innermost) or type(innermost).__name__)
    away.is_unsent = isinstance(innermost, FileNotFoundError | ConnectionRefusedError | PermissionError)
    return away


def _causes(error: BaseException) -> Iterator[BaseException]:
    """It and what lies below it; libraries put that into arguments, too."""
    left = [error]
    for one in left:
        yield one
        below = [one.__cause__ or one.__context__, *one.args, getattr(one, "reason", None)]
        left += [cause for cause in below if isinstance(cause, BaseException) and cause not in left]
