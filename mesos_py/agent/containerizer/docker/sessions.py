"""Sessions in docker's containers: ``docker exec``, attached.

What a session says and reads is on a connection to dockerd that is ours alone, and read only when somebody attaches:
so it waits for its client, and goes at its pace. dockerd has no way to end what it executes, so that is killed by its
pid; what an agent that was killed has left is known by its environment, and ended by the next one.
Source: Docker Engine API, /exec/{id}/start.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import attrs
import psutil

from mesos_py.agent.containerizer import Attachment, ContainerSpec, InputTaken, NotAttached, Stream
from mesos_py.agent.containerizer.docker.described import NOT_EXECUTED, SIGN_NOT_EXECUTED, raw_status
from mesos_py.agent.containerizer.docker.dockerd import Away, Dockerd, Refused
from mesos_py.agent.containerizer.docker.launching import not_executed
from mesos_py.agent.containerizer.docker.request import name_of
from mesos_py.agent.containerizer.docker.streams import BROKEN, READ_SIZE, upgraded
from mesos_py.agent.events import ContainerEvent, ContainerExited, ContainerLaunched, ContainerLaunchFailed

MARK: Final = "MESOS_SESSION"  # a variable of everything that a session runs; its value is the session's id
BAD_REQUEST: Final = 400
LOOK_FIRST_S: Final = 0.01  # dockerd knows that something runs a moment after its connection is there
LOOK_AGAIN_S: Final = 0.05  # dockerd knows of an end a moment after the last word

_STREAMS: Final = {1: Stream.STDOUT, 2: Stream.STDERR}


@attrs.define(eq=False)
class _Session:
    spec: ContainerSpec
    working: asyncio.Task[None] | None = None
    exec_id: str = ""
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    #: one reads at a time: its viewer, or who throws away what that has left
    reading: asyncio.Lock = attrs.Factory(asyncio.Lock)
    #: everything was read that it has said
    read: asyncio.Event = attrs.Factory(asyncio.Event)
    is_viewed: bool = False
    is_typed: bool = False
    is_doomed: bool = False
    #: while it ran
    is_killed: bool = False

    @property
    def is_terminal(self) -> bool:
        return self.spec.lines is not None and self.spec.lines.is_terminal


class Sessions:
    """Of one dockerd; ``report`` hears of them as of containers."""

    def __init__(self, dockerd: Dockerd, report: Callable[[ContainerEvent], None]) -> None:
        self._dockerd = dockerd
        self._report = report
        self._sessions: dict[str, _Session] = {}
        self._killing: set[asyncio.Task[None]] = set()

    def owns(self, container_id: str) -> bool:
        return container_id in self._sessions

    def launch(self, spec: ContainerSpec) -> None:
        one = self._sessions[spec.container_id] = _Session(spec)
        one.working = asyncio.create_task(self._run(one), name=f"session {spec.container_id}")

    def signal(self, container_id: str, signum: int) -> None:
        self._start(self._kill(self._sessions[container_id], signum))

    def destroy(self, container_id: str) -> None:
        one = self._sessions[container_id]
        if not one.is_doomed:
            one.is_doomed = True
            self._start(self._end(one))

    async def attach(self, container_id: str, *, types: bool) -> Attachment:
        one = self._sessions[container_id]
        if one.reader is None or one.writer is None:
            raise NotAttached("the session has not begun")
        if types and one.is_typed:
            raise InputTaken("Multiple input connections are not allowed")
        if not types and one.is_viewed:
            raise NotAttached("Too many output connections")
        if types:
            one.is_typed = True
            return _Typist(one, self._dockerd)
        one.is_viewed = True
        return _Viewer(one)

    async def recover(self, names: Iterable[str]) -> None:
        """What a former agent has executed in these containers ends."""
        for name in names:
            with contextlib.suppress(Away, Refused):  # then it ends with its container
                what = await self._dockerd.ask(lambda client, name=name: client.inspect_container(name))  # type: ignore[misc]
                for exec_id in what.get("ExecIDs") or ():
                    pid = await self._pid(str(exec_id))
                    if pid and _is_marked(pid):
                        _kill_tree(pid, signal.SIGKILL)

    async def close(self) -> None:
        for container_id in list(self._sessions):
            self.destroy(container_id)
        working = [one.working for one in self._sessions.values() if one.working is not None]
        await asyncio.gather(*working, *self._killing, return_exceptions=True)

    # ---- one session

    async def _run(self, one: _Session) -> None:
        container_id = one.spec.container_id
        try:
            await self._begin(one)
            pid = await self._started(one)
        except (Away, Refused, *BROKEN) as error:
            if one.writer is not None:
                one.writer.close()
            del self._sessions[container_id]
            why = not_executed(one.spec.executable, str(error)) or f"Failed to start container: {error}"
            self._report(ContainerLaunchFailed(container_id, why))
            return
        self._report(ContainerLaunched(container_id, pid))
        await one.read.wait()
        status = await self._status(one)
        assert one.writer is not None
        one.writer.close()
        del self._sessions[container_id]
        self._report(ContainerExited(container_id, status))

    async def _begin(self, one: _Session) -> None:
        spec = one.spec
        assert spec.inside is not None
        name, command = name_of(spec.inside), [spec.executable, *spec.argv[1:]]
        env = {**spec.env, MARK: spec.container_id}
        user = (spec.command.user if spec.command is not None else None) or ""
        made = await self._dockerd.ask(
            lambda client: client.exec_create(
                name, command, stdin=True, tty=one.is_terminal, environment=env, user=user
            )
        )
        one.exec_id = str(made["Id"])
        wanted: dict[str, Any] = {"Detach": False, "Tty": one.is_terminal}
        if one.is_terminal and spec.lines is not None:
            wanted["ConsoleSize"] = [spec.lines.rows, spec.lines.columns]  # dockerd knows of it since API 1.42
        body = json.dumps(wanted).encode()
        one.reader, one.writer = await upgraded(self._dockerd, f"/exec/{one.exec_id}/start", body)
        if one.is_terminal and spec.lines is not None:
            await resize(self._dockerd, one.exec_id, spec.lines.rows, spec.lines.columns)

    async def _started(self, one: _Session) -> int:
        """The pid of its process, 0: it has ended. Raises Refused with what dockerd says where its output would be, if
        there is none; Away and BROKEN."""
        what: dict[str, Any] = {}
        while not (one.is_doomed or what.get("Pid") or what.get("ExitCode") is not None):
            await asyncio.sleep(LOOK_FIRST_S if what else 0)
            what = await self._dockerd.ask(lambda client: client.exec_inspect(one.exec_id))
        pid = int(what.get("Pid") or 0)
        if not pid and what.get("ExitCode") in NOT_EXECUTED:
            assert one.reader is not None
            async with asyncio.timeout(self._dockerd.timeout_s):
                said = (await one.reader.read()).decode(errors="replace")
            raise Refused(BAD_REQUEST, said[max(0, said.find(SIGN_NOT_EXECUTED)) :].strip())
        return pid if what.get("Running") else 0

    async def _pid(self, exec_id: str) -> int:
        """0: it does not run."""
        with contextlib.suppress(Away, Refused):
            what = await self._dockerd.ask(lambda client: client.exec_inspect(exec_id))
            return int(what.get("Pid") or 0) if what.get("Running") else 0
        return 0

    async def _status(self, one: _Session) -> int | None:
        while True:
            try:
                what = await self._dockerd.insist(lambda client: client.exec_inspect(one.exec_id))
            except Refused:  # gone with its container
                return int(signal.SIGKILL) if one.is_doomed else None
            if not what.get("Running"):
                code = what.get("ExitCode")
                if one.is_killed and code in (None, 128 + signal.SIGKILL):
                    return int(signal.SIGKILL)
                return None if code is None else raw_status(int(code))
            if one.is_doomed:
                await self._kill(one, signal.SIGKILL)
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _end(self, one: _Session) -> None:
        """It is killed; what it has said and nobody has read is thrown away, unless somebody is reading."""
        await self._kill(one, signal.SIGKILL)
        if one.reader is not None:
            is_more = True
            while is_more:
                async with one.reading:
                    with contextlib.suppress(OSError):
                        is_more = bool(await one.reader.read(READ_SIZE))
        one.read.set()

    async def _kill(self, one: _Session, signum: int) -> None:
        pid = await self._pid(one.exec_id) if one.exec_id else 0
        if pid:
            one.is_killed |= signum == signal.SIGKILL
            _kill_tree(pid, signum)

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work, name="end of a session")
        self._killing.add(task)
        task.add_done_callback(self._killing.discard)


class _Viewer:
    """Who hears what a session says."""

    is_terminal = False

    def __init__(self, session: _Session) -> None:
        self._session = session
        #: of a piece that dockerd has begun to tell: whose it is, and how much of it is to come
        self._stream, self._left = Stream.STDOUT, 0

    async def read(self) -> tuple[Stream, bytes] | None:
        try:
            async with self._session.reading:
                data = await self._next()
        except (asyncio.IncompleteReadError, ConnectionError):
            data = b""
        if not data:
            self._session.read.set()
            return None
        return self._stream, data

    async def _next(self) -> bytes:
        """Nothing is lost when this is cancelled."""
        reader = self._session.reader
        assert reader is not None
        if self._session.is_terminal:
            return await reader.read(READ_SIZE)
        while not self._left:
            head = await reader.readexactly(8)
            self._stream, self._left = _STREAMS.get(head[0], Stream.STDOUT), int.from_bytes(head[4:], "big")
        data = await reader.read(min(self._left, READ_SIZE))
        self._left -= len(data)
        return data

    async def write(self, data: bytes) -> None:
        """Nothing is typed here."""

    async def resize(self, rows: int, columns: int) -> None:
        """Nor is it resized."""

    async def ended(self) -> None:
        await self._session.read.wait()

    def close(self) -> None:
        """Whoever had the session gives it up himself."""


class _Typist:
    """Who types into a session."""

    def __init__(self, session: _Session, dockerd: Dockerd) -> None:
        self._session, self._dockerd = session, dockerd
        self.is_terminal = session.is_terminal

    async def read(self) -> tuple[Stream, bytes] | None:
        return None

    async def write(self, data: bytes) -> None:
        writer = self._session.writer
        assert writer is not None
        with contextlib.suppress(OSError, RuntimeError):  # it has ended: there is nobody to type for
            if data:
                writer.write(data)
                await writer.drain()
            elif not self.is_terminal:
                writer.write_eof()

    async def resize(self, rows: int, columns: int) -> None:
        await resize(self._dockerd, self._session.exec_id, rows, columns)

    async def ended(self) -> None:
        await self._session.read.wait()

    def close(self) -> None:
        self._session.is_typed = False


async def resize(dockerd: Dockerd, exec_id: str, rows: int, columns: int) -> None:
    """The terminal has this size, unless it has just gone."""
    with contextlib.suppress(Away, Refused):
        await dockerd.ask(lambda client: client.exec_resize(exec_id, height=rows, width=columns))


def _is_marked(pid: int) -> bool:
    try:
        return f"{MARK}=".encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


def _kill_tree(pid: int, signum: int) -> None:
    with contextlib.suppress(psutil.Error):
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                process.send_signal(signum)
