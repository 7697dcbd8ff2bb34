"""What containers print, appended to stdout and stderr of their sandboxes: one thread with an event loop of its own.

A stream of dockerd for each container that runs, all read by one thread; a disk that is slow, or a task that prints
without end, holds up this thread and not the agent, and nothing is read that cannot be written (dockerd keeps it). How
far it has come is kept beside (``output.Position``), so that a later agent goes on there. A sandbox belongs to its
task, and we are root: its files are opened anew for each batch, and must be plain ones. With --container_logger they
are bounded as those of any container; an agent that is killed just then writes one batch twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import threading
from collections.abc import Coroutine
from typing import Any, Final

import aiohttp
import attrs
import structlog

from mesos_py.agent.containerizer.docker.output import (
    FRAME_MAX,
    NAMES,
    STDERR,
    STDOUT,
    BadStream,
    Frames,
    LineRecords,
    Position,
    Reader,
)
from mesos_py.agent.containerizer.rotation import LogBounds, Rotation
from mesos_py.agent.containerizer.supervisor.logger import LogFile
from mesos_py.agent.containerizer.supervisor.program import Identity
from mesos_py.wire.command import CommandInfo

CHUNK: Final = 1 << 16  # bytes read at once
BATCH_MAX: Final = FRAME_MAX + CHUNK  # bytes written at once
POSITION_LENGTH: Final = 256
AGAIN_FIRST_S, AGAIN_MAX_S = 0.1, 5.0  # between attempts to follow
FINISH_S: Final = 60.0  # for the last of a container's output to be had
SAID_MAX: Final = 4096  # bytes of a command's output that are kept for an error's text
START_TIMEOUT_S: Final = 10.0

_ERRORS = (aiohttp.ClientError, OSError, TimeoutError, BadStream)
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

log = structlog.get_logger(__name__)


@attrs.define(eq=False)
class _Followed:
    id: str
    name: str
    sandbox: str
    position: Position
    #: None: its files grow
    bounds: LogBounds | None
    is_terminal: bool
    following: asyncio.Task[None] | None = None


class Logs:
    """Of one dockerd. All work is done in a thread of its own; methods are called from the agent's loop."""

    def __init__(
        self, socket: str, directory: str, *, timeout_s: float, rotation: Rotation | None = None
    ) -> None:
        """``directory`` is where positions are kept, one file a container; without ``rotation`` files grow."""
        self._socket = socket
        self._directory = directory
        self._timeout_s = timeout_s
        self._rotation = rotation
        self._loop = asyncio.new_event_loop()
        self._followed: dict[str, _Followed] = {}
        self._session: aiohttp.ClientSession | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="docker-logs", daemon=True)

    async def open(self) -> None:
        """Ready. Raises OSError when positions cannot be kept."""
        os.makedirs(self._directory, mode=0o700, exist_ok=True)
        self._thread.start()
        await self._run(self._open())

    async def close(self) -> None:
        """Nothing is followed any more; what was written is known to the next agent."""
        if self._thread.is_alive():
            await self._run(self._close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            await asyncio.to_thread(self._thread.join, START_TIMEOUT_S)
        if not self._loop.is_running():
            self._loop.close()

    def follow(
        self, container_id: str, name: str, sandbox: str, command: CommandInfo | None = None, *,
        is_terminal: bool = False,
    ) -> None:  # fmt: skip
        """What it prints, perhaps at a terminal, is written from now on, after what a former agent has written.

        Its command may bound its files; of one that was launched by a former agent that is not known any more.
        """
        bounds = None if self._rotation is None else self._rotation.bounds(command)
        self._loop.call_soon_threadsafe(self._follow, container_id, name, sandbox, bounds, is_terminal)

    async def finish(self, container_id: str) -> None:
        """It has ended, and all it has printed is written; or it never will be, which is logged."""
        await self._run(self._finish(container_id))

    def forget(self, container_id: str) -> None:
        """It is not to be told of again."""
        self._loop.call_soon_threadsafe(self._forget, container_id)

    async def run(self, container_id: str, exec_id: str) -> str:
        """Start a command in a container and wait for its end; both its outputs go to the sandbox's stderr.

        Returns the beginning of what it said. Raises ConnectionError when dockerd does not answer.
        """
        return str(await self._run(self._start(container_id, exec_id)))

    def ids(self) -> list[str]:
        """Containers whose end has not been acknowledged, of former agents, too."""
        return [] if not os.path.isdir(self._directory) else os.listdir(self._directory)

    async def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    # ---- in the thread

    async def _open(self) -> None:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._timeout_s)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(self._socket, limit=0, force_close=True), timeout=timeout
        )

    async def _close(self) -> None:
        tasks = [one.following for one in self._followed.values() if one.following is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _follow(
        self, container_id: str, name: str, sandbox: str, bounds: LogBounds | None, is_terminal: bool
    ) -> None:  # fmt: skip
        one = self._followed.get(container_id)
        if one is None:
            position = self._load(container_id, sandbox)
            one = self._followed[container_id] = _Followed(container_id, name, sandbox, position, bounds, is_terminal)
        if one.following is None:
            one.following = self._loop.create_task(self._go_on(one), name=f"follow {name}")

    async def _go_on(self, one: _Followed) -> None:
        """Until somebody ends it: streams break when dockerd does, and begin again."""
        pause = AGAIN_FIRST_S
        while True:
            try:
                if await self._read(one, follow=True):
                    pause = AGAIN_FIRST_S
            except _ERRORS as error:
                log.info("output is not followed", container_id=one.id, why=str(error) or type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, AGAIN_MAX_S)

    async def _read(self, one: _Followed, *, follow: bool) -> bool:
        """Everything that is not written yet, and with ``follow`` what comes; whether there was anything."""
        assert self._session is not None
        reader = Reader(one.position, LineRecords() if one.is_terminal else Frames())
        params = {"stdout": "1", "stderr": "1", "timestamps": "1", "follow": "1" if follow else "0"}
        if reader.since:
            params["since"] = reader.since
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=self._timeout_s, sock_read=None if follow else self._timeout_s
        )
        found = False
        url = f"http://docker/containers/{one.name}/logs"
        async with self._session.get(url, params=params, timeout=timeout) as response:
            if response.status != 200:  # it is gone, or its driver keeps nothing
                log.info("no output to be had", container_id=one.id, status=response.status)
                return False
            while chunk := await response.content.read(CHUNK):
                out, err = reader.feed(chunk)
                if out or err:
                    found = True
                    self._write(one, out, err)
                    await asyncio.sleep(0)
            out, err = reader.end()
            if out or err:
                self._write(one, out, err)
        return found

    async def _finish(self, container_id: str) -> None:
        one = self._followed.get(container_id)
        if one is None:
            return
        if one.following is not None:
            one.following.cancel()
            await asyncio.gather(one.following, return_exceptions=True)
        pause = AGAIN_FIRST_S
        try:
            async with asyncio.timeout(FINISH_S):
                while True:
                    try:
                        await self._read(one, follow=False)
                        return
                    except _ERRORS as error:
                        log.info("output is not there yet", container_id=one.id, why=str(error))
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, AGAIN_MAX_S)
        except TimeoutError:
            log.warning("the end of a container's output is lost", container_id=one.id)

    async def _start(self, container_id: str, exec_id: str) -> str:
        assert self._session is not None
        one = self._followed.get(container_id)
        frames, said = Frames(), b""
        url = f"http://docker/exec/{exec_id}/start"
        try:
            async with self._session.post(url, json={"Detach": False, "Tty": False}) as response:
                if response.status != 200:
                    return (await response.content.read(SAID_MAX)).decode(errors="replace")
                while chunk := await response.content.read(CHUNK):
                    text = b"".join([contents for _, contents in frames.feed(chunk)])
                    said = (said + text)[:SAID_MAX]
                    if one is not None and text:
                        self._write(one, b"", text)
        except _ERRORS as error:
            raise ConnectionError(str(error) or type(error).__name__) from error
        return said.decode(errors="replace")

    def _forget(self, container_id: str) -> None:
        one = self._followed.pop(container_id, None)
        if one is not None and one.following is not None:
            one.following.cancel()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self._directory, container_id))

    # ---- files

    def _write(self, one: _Followed, out: bytes, err: bytes) -> None:
        for output, data in ((STDOUT, out), (STDERR, err)):
            if data:
                try:
                    append = _append if one.bounds is None else _append_bounded
                    one.position.places[output].size = append(one, output, data)
                except OSError as error:
                    log.warning("output is lost", container_id=one.id, file=NAMES[output], why=str(error))
        self._save(one)

    def _save(self, one: _Followed) -> None:
        """One short write, which is done or not whenever the agent is killed."""
        fd = os.open(os.path.join(self._directory, one.id), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(fd, one.position.encode(POSITION_LENGTH), 0)
        except OSError as error:
            log.warning("place in a container's output is not kept", container_id=one.id, why=str(error))
        finally:
            os.close(fd)

    def _load(self, container_id: str, sandbox: str) -> Position:
        """As a former agent has left it, what it wrote after that cut off; or the beginning."""
        try:
            with open(os.path.join(self._directory, container_id), "rb") as file:
                position = Position.decode(file.read(POSITION_LENGTH))
        except (OSError, ValueError):
            position = Position()
            for output in (STDOUT, STDERR):
                with contextlib.suppress(OSError), _opened(sandbox, output) as fd:
                    position.places[output].size = os.fstat(fd).st_size
            self._save(_Followed(container_id, "", sandbox, position, None, is_terminal=False))
            return position
        for output, place in ((STDOUT, position.places[0]), (STDERR, position.places[1])):
            with contextlib.suppress(OSError), _opened(sandbox, output) as fd:
                if place.size < os.fstat(fd).st_size <= place.size + BATCH_MAX:
                    os.ftruncate(fd, place.size)
        return position


def _append(one: _Followed, output: int, data: bytes) -> int:
    """The size of the file that has it all. Raises OSError."""
    with _opened(one.sandbox, output) as fd:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        return os.fstat(fd).st_size


def _append_bounded(one: _Followed, output: int, data: bytes) -> int:
    """The same of the file that has the end of it. Raises OSError."""
    assert one.bounds is not None
    size_max, keep = one.bounds.of(NAMES[output])
    directory = os.open(one.sandbox, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    status = os.fstat(directory)
    owner = Identity(status.st_uid, status.st_gid, []) if os.geteuid() == 0 else None
    file = LogFile(directory, NAMES[output].encode(), size_max, keep, owner)
    try:
        file.write(data)
        if file.lost:
            raise OSError(f"{file.lost} bytes could not be written")
        return file.size
    finally:
        file.close()


@contextlib.contextmanager
def _opened(sandbox: str, output: int) -> Any:
    """The file, to append to. Raises OSError, also when it is no plain file of one name."""
    fd = os.open(os.path.join(sandbox, NAMES[output]), _FLAGS, 0o644)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise OSError("it is no plain file")
        yield fd
    finally:
        os.close(fd)
