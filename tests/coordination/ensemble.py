"""A real ZooKeeper ensemble on loopback, made of Debian's package ``zookeeper``; and a proxy to cut it off.

The servers are plain children of the test run: they are signalled by pid, and end with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import attrs

from tests.ports import free_ports

JAR = Path("/usr/share/java/zookeeper.jar")
MAIN = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
TICK_MS = 100  # everything an ensemble waits for is a number of these
SESSION_MAX_S = 60  # what the servers grant at most
START_S = 60.0
#: a test run that is killed leaves no servers behind
DIE_WITH_US = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()
CREATE, DELETE, MULTI = 1, 2, 14  # numbers of requests in ZooKeeper's protocol


def missing() -> str | None:
    """Why no ensemble can be started here."""
    if shutil.which("java") is None or not JAR.exists():
        return "needs Debian's package zookeeper (apt-get install zookeeper)"
    return None


@attrs.define(eq=False)
class Server:
    """One ZooKeeper server."""

    number: int
    port: int
    directory: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.directory / "log").open("ab") as output:
            self.process = subprocess.Popen(
                [
                    *DIE_WITH_US,
                    "java",
                    "-Xmx384m",  # it keeps its last 500 requests, of half a megabyte each where tests write much
                    "-XX:+UseSerialGC",
                    "-XX:TieredStopAtLevel=1",
                    "-Dzookeeper.4lw.commands.whitelist=srvr",
                    "-cp",
                    str(JAR),
                    MAIN,
                    str(self.directory / "zoo.cfg"),
                ],
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                cwd=self.directory,
            )

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """It is not there any more; what it has written is."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def mode(self) -> str | None:
        """leader, follower or standalone; None: it does not serve."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as link:
            link.settimeout(1)
            link.sendall(b"srvr")
            said = b""
            while data := link.recv(4096):
                said += data
            for line in said.decode().splitlines():
                if line.startswith("Mode: "):
                    return line.removeprefix("Mode: ")
        return None


class Ensemble:
    """``size`` servers that know each other."""

    def __init__(self, directory: Path, size: int) -> None:
        ports = free_ports(3 * size)
        self.servers: list[Server] = []
        for number in range(1, size + 1):
            home = directory / str(number)
            (home / "data").mkdir(parents=True)
            (home / "data" / "myid").write_text(f"{number}\n")
            lines = [
                f"tickTime={TICK_MS}",
                "initLimit=100",
                "syncLimit=20",
                f"dataDir={home / 'data'}",
                f"clientPort={ports[number - 1]}",
                "clientPortAddress=127.0.0.1",
                "admin.enableServer=false",
                "maxClientCnxns=0",
                "minSessionTimeout=200",
                f"maxSessionTimeout={1000 * SESSION_MAX_S}",
                "forceSync=no",
            ]
            if size > 1:
                lines += [
                    f"server.{each}=127.0.0.1:{ports[size + 2 * each - 2]}:{ports[size + 2 * each - 1]}"
                    for each in range(1, size + 1)
                ]
            (home / "zoo.cfg").write_text("\n".join(lines) + "\n")
            self.servers.append(Server(number, ports[number - 1], home))

    @property
    def hosts(self) -> str:
        return ",".join(f"127.0.0.1:{server.port}" for server in self.servers)

    def start(self) -> None:
        for server in self.servers:
            server.start()
        self.wait()

    def wait(self) -> None:
        """All servers serve."""
        deadline = time.monotonic() + START_S
        while not all(server.mode() for server in self.servers):
            if time.monotonic() > deadline:
                logs = [(server.directory / "log").read_text(errors="replace")[-500:] for server in self.servers]
                raise TimeoutError(f"ZooKeeper does not start: {logs}")
            time.sleep(0.02)

    def stop(self) -> None:
        for server in self.servers:
            if server.process is not None:
                with contextlib.suppress(ProcessLookupError):
                    server.signal(signal.SIGCONT)
            server.kill()

    def leader(self) -> Server:
        return next(server for server in self.servers if server.mode() == "leader")


class Proxy:
    """A port that leads to one of ``targets``, until it is told otherwise."""

    def __init__(self, *targets: int) -> None:
        self.port = 0
        #: ports; each connection goes to the next that listens
        self.targets = targets
        self._numbers = itertools.count()
        #: replies are thrown away from now on
        self.is_losing_replies = False
        #: the same, from the next request of this kind on (CREATE, DELETE, MULTI), which is passed on
        self.losing_replies_to: int | None = None
        #: pieces of answers that were thrown away so far
        self.replies_lost = 0
        #: bytes of the largest request and of the largest answer so far
        self.largest_request = self.largest_answer = 0
        self._is_open = True
        self._flows = asyncio.Event()
        self._flows.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Connections break, and new ones do too."""
        self._is_open = False
        for task in self._tasks:
            task.cancel()

    def freeze(self) -> None:
        """Nothing comes through, and nobody is told."""
        self._flows.clear()

    def heal(self) -> None:
        self._is_open = True
        self.is_losing_replies = False
        self.losing_replies_to = None
        self._flows.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._is_open:
            writer.close()
            return
        first = next(self._numbers) % len(self.targets)
        for target in self.targets[first:] + self.targets[:first]:
            with contextlib.suppress(OSError):
                there, back = await asyncio.open_connection("127.0.0.1", target)
                break
        else:
            writer.close()
            return
        if not self._is_open:  # cut off in the meantime
            back.close()
            writer.close()
            return
        both = [
            asyncio.create_task(self._pump(reader, back, is_reply=False)),
            asyncio.create_task(self._pump(there, writer, is_reply=True)),
        ]
        self._tasks.update(both)
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            self._tasks.difference_update(both)
            writer.close()
            back.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_reply: bool) -> None:
        frames = Frames()
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                await self._flows.wait()
                largest = frames.feed(data)
                if is_reply:
                    self.largest_answer = max(self.largest_answer, largest)
                else:
                    self.largest_request = max(self.largest_request, largest)
                if not is_reply and int.from_bytes(data[8:12], "big") == self.losing_replies_to:
                    self.is_losing_replies = True
                if is_reply and self.is_losing_replies:
                    self.replies_lost += 1
                    continue
                writer.write(data)
                await writer.drain()


class Frames:
    """What passes in one direction: messages, each after four bytes that say how long it is."""

    def __init__(self) -> None:
        self._head = b""
        self._left = 0

    def feed(self, data: bytes) -> int:
        """Bytes of the largest message that begins in ``data``."""
        largest = 0
        while data:
            if self._left:
                skipped = min(self._left, len(data))
                self._left -= skipped
                data = data[skipped:]
                continue
            wanted = 4 - len(self._head)
            self._head, data = self._head + data[:wanted], data[wanted:]
            if len(self._head) == 4:
                self._left = int.from_bytes(self._head, "big")
                largest = max(largest, self._left)
                self._head = b""
        return largest
