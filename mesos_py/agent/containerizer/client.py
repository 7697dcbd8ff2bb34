"""The agent's end of the supervisor's socket: start one if there is none, write commands, hand on frames.

Commands written in one turn of the event loop leave in one write. Nothing here knows what a container is.
"""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

import attrs

from mesos_py.agent.containerizer.supervisor import frames, procfs

#: The supervisor starts, or answers, in about 20 ms; more than this is a machine in trouble.
START_TIMEOUT_S = 20.0

#: A supervisor that ends just as we connect is followed by another; so often we try.
CONNECT_ATTEMPTS = 5

#: As we were started; an agent with cgroups raises its own limit.
NOFILE: Final = resource.getrlimit(resource.RLIMIT_NOFILE)[0]

_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from supervisor.main import main; main(sys.argv[2:])"

Fields = list[bytes]


class SupervisorUnavailable(OSError):
    """No supervisor could be started or reached: the machine's fault or the operator's, as a port in use is."""


@attrs.frozen(kw_only=True)
class SupervisorSettings:
    """Where the supervisor lives and for how long without an agent."""

    #: containers' sandboxes lie below it
    work_dir: str
    #: where its socket directory is made; any length
    runtime_dir: str
    #: without agent and work it ends after this
    idle_s: float = 10.0
    #: without agent it ends its containers after this; Mesos: --recovery_timeout, MESOS_RECOVERY_TIMEOUT
    orphan_s: float = 15 * 60.0
    #: the soft limit of descriptors of what it starts
    nofile: int = NOFILE
    #: it has to start, or to answer, within this
    start_s: float = START_TIMEOUT_S

    @property
    def directory(self) -> str:
        """One per work directory, so agents may share a runtime directory."""
        return os.path.join(self.runtime_dir, f"supervisor-{procfs.mark_of(os.fsencode(self.work_dir)):x}")


class SupervisorClient(asyncio.Protocol):
    """One connection. `on_frame` gets every frame after the greeting, `on_lost` is called once if it breaks."""

    def __init__(self, on_frame: Callable[[Fields], None], on_lost: Callable[[], None]) -> None:
        self.pid = 0
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._decoder = frames.Decoder()
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._pending: list[bytes] = []
        self._greeting: list[Fields] = []
        #: frames read with the greeting; None once the owner had a turn to look at it
        self._early: list[Fields] | None = []
        self._greeted: asyncio.Future[None] = self._loop.create_future()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._is_closing = False

    @classmethod
    async def open(
        cls, settings: SupervisorSettings, *, on_frame: Callable[[Fields], None], on_lost: Callable[[], None]
    ) -> tuple[SupervisorClient, list[Fields]]:
        """Connect, starting a supervisor if none answers; also its CONTAINER frames. Raises SupervisorUnavailable.

        `on_frame` is first called by `listen`.
        """
        directory = _private_directory(settings)
        cause: Exception | None = None
        for _ in range(CONNECT_ATTEMPTS):
            client = cls(on_frame, on_lost)
            try:
                await client._connect(directory, settings.start_s)
                return client, client._greeting
            except (FileNotFoundError, ConnectionError) as exc:
                cause = exc
                await _start(settings, directory)
        raise SupervisorUnavailable(f"no connection to the supervisor in '{directory}'") from cause

    async def _connect(self, directory: str, patience_s: float) -> None:
        connection = connect(directory)
        transport, _ = await self._loop.create_unix_connection(lambda: self, sock=connection)
        done, _ = await asyncio.wait((self._greeted,), timeout=patience_s)
        if not done:
            self._is_closing = True
            transport.abort()
            await self._closed
            raise SupervisorUnavailable(
                f"the supervisor in '{directory}' has not answered within {patience_s:g} s: it is stopped, or hangs; "
                f"let it go on (kill -CONT), or end it, and what it runs with it (kill -9); 'fuser {directory}/lock' "
                "names its process"
            )
        self._greeted.result()

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass of it
        self._transport.write(frames.encode(frames.HELLO, frames.VERSION, b"%d" % os.getpid()))

    def data_received(self, data: bytes) -> None:
        for frame in self._decoder.feed(data):
            if self._greeted.done():
                self._deliver(frame)
            elif frame[0] == frames.CONTAINER:
                self._greeting.append(frame)
            elif frame[0] == frames.READY:
                self.pid = int(frame[2])
                self._greeted.set_result(None)
            else:
                text = frame[1].decode(errors="replace") if len(frame) > 1 else "?"
                self._greeted.set_exception(SupervisorUnavailable(f"the supervisor refused: {text}{_advice(text)}"))

    def _deliver(self, frame: Fields) -> None:
        if self._early is None:
            self._on_frame(frame)
        else:
            self._early.append(frame)

    def listen(self) -> None:
        """From now on `on_frame` is called; frames that came with the greeting first."""
        early, self._early = self._early or [], None
        for frame in early:
            self._on_frame(frame)

    def connection_lost(self, exc: Exception | None) -> None:
        was_greeted = self._greeted.done()
        if not was_greeted:
            self._greeted.set_exception(ConnectionResetError("the supervisor ended"))
        if not self._closed.done():
            self._closed.set_result(None)
        if was_greeted and not self._is_closing and self._greeted.exception() is None:
            self._on_lost()

    # ---- what its owner does

    def send(self, *fields: bytes) -> None:
        """Write one frame with everything else of this turn. Raises FrameError when it is too large."""
        frame = frames.encode(*fields)
        if not self._pending:
            self._loop.call_soon(self._flush)
        self._pending.append(frame)

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(pending))

    async def close(self) -> None:
        """Part from the supervisor; containers run on."""
        self._is_closing = True
        self._flush()
        if self._transport is not None:
            self._transport.close()
            await self._closed

    async def quit(self) -> None:
        """Tell it to destroy everything and end, and wait until it has hung up."""
        self._is_closing = True
        self.send(frames.QUIT)
        self._flush()
        await self._closed


def connect(directory: str) -> socket.socket:
    """A connection to the supervisor that listens there. Raises FileNotFoundError or ConnectionError."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    holder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # A Unix socket's path is at most 107 bytes; this one is short wherever the directory is.
        connection.connect(f"/proc/self/fd/{holder}/socket")
    except OSError:
        connection.close()
        raise
    finally:
        os.close(holder)
    connection.setblocking(False)
    return connection


def _advice(text: str) -> str:
    """A supervisor outlives its agent, so it may be of an older program than the next one."""
    if "HELLO" not in text:
        return ""
    return (
        f"; this agent speaks version {frames.VERSION.decode()}: let the program that has started the other one end it "
        "(agent --recover=cleanup), or kill its processes"
    )


def _private_directory(settings: SupervisorSettings) -> str:
    """The socket's directory, ours and closed to others."""
    directory = settings.directory
    Path(settings.runtime_dir).mkdir(parents=True, exist_ok=True)
    Path(directory).mkdir(mode=0o700, exist_ok=True)
    status = os.lstat(directory)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise SupervisorUnavailable(f"'{directory}' is not a directory of our own")
    Path(directory).chmod(0o700)
    return directory


async def _start(settings: SupervisorSettings, directory: str) -> None:
    """Start one and wait until it listens (or until another that holds the lock was found)."""
    command = (
        sys.executable, "-I", "-S", "-c", _BOOT, str(Path(__file__).parent),
        directory, settings.work_dir, str(settings.idle_s), str(settings.orphan_s), str(settings.nofile),
    )  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if name == "LD_LIBRARY_PATH"}

    def start() -> bytes:
        """What it says until it has detached: it then closes its end of a plain pipe (uvloop's are sockets)."""
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
            start_new_session=True, cwd="/", timeout=settings.start_s, check=False,
        ).stdout  # fmt: skip

    try:
        said = await asyncio.to_thread(start)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SupervisorUnavailable(f"the supervisor did not start: {error}") from error
    if said not in {b"ready\n", b"another\n"}:
        raise SupervisorUnavailable(f"the supervisor did not start: {said.decode(errors='replace').strip()}")
