"""The supervisor's loop: one agent at a time on a Unix socket, SIGCHLD, and a timer for containers that die slowly.

Life: started by an agent that found nobody listening; takes a lock beside the socket, so there is one per directory;
detaches from its starter; ends when told to (QUIT), when no agent has been there for `idle` seconds and nothing is
left to run or to report, or when no agent came for `orphan` seconds at all: then it first ends every container (as
executors do after MESOS_RECOVERY_TIMEOUT). Containers that no later agent would know end with their agent's connection.
"""

from __future__ import annotations

import _socket
import os
import select
import signal
import sys
import time

from . import frames
from .hostfiles import HostFiles
from .outputs import Outputs
from .program import SpawnError
from .spawn import Spawner
from .switchboards import Switchboards
from .tree import Container, Trees, sweep

#: Bytes read from the agent at once: many commands per wake-up.
READ_SIZE = 256 * 1024

#: An agent that leaves this much unread is cut off; it hears everything again when it reconnects.
OUTPUT_MAX = 64 * 1024 * 1024

#: What is kept of a captured stdout.
CAPTURE_MAX = 4096

#: Exit reports kept for an agent that does not acknowledge; the oldest are dropped.
UNACKNOWLEDGED_MAX = 200_000

_CREDENTIALS = 12  # three ints: pid, uid, gid


class Client:
    """One connected agent: what it sent and has not been told yet."""

    __slots__ = ("decoder", "greeted", "is_stuck", "output", "pid", "socket")

    def __init__(self, socket: _socket.socket, pid: int) -> None:
        self.socket = socket
        self.pid = pid
        self.decoder = frames.Decoder()
        self.output = bytearray()
        self.greeted = False
        #: its socket was full; it is told more when there is room
        self.is_stuck = False


class Supervisor:
    """Composition of spawner and trees behind the socket; all state of one supervisor."""

    def __init__(self, listener: _socket.socket, root: bytes, idle_s: float, orphan_s: float) -> None:
        self._listener = listener
        self._trees = Trees()
        self._sweeps: dict[bytes, Container] = {}
        #: id -> EXITED frame
        self._unacknowledged: dict[bytes, bytes] = {}
        self._agent: Client | None = None
        self._clients: dict[int, Client] = {}
        self._idle_s, self._orphan_s = idle_s, orphan_s
        self._alone_since = time.monotonic()
        self._is_quitting = False
        self._epoll = select.epoll()
        self._host_files = HostFiles(self._epoll)
        self._spawner = Spawner(root, self._host_files)
        self._outputs = Outputs(self._epoll, self._trees.helpers)
        self._switchboards = Switchboards(self._epoll)
        self._trees.is_written = self._is_written
        self._epoll.register(listener.fileno(), select.EPOLLIN)
        self._wakeup, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        self._epoll.register(self._wakeup, select.EPOLLIN)

    def run(self) -> None:
        """Until it is time to go."""
        while not self._is_done():
            events = self._epoll.poll(self._patience())
            if any(fd == self._host_files.changes for fd, _ in events):
                self._host_files.forget()
            for fd, ready in events:
                if fd == self._listener.fileno():
                    self._accept()
                elif fd == self._wakeup:
                    os.read(fd, 65536)
                elif fd == self._outputs.fd:
                    for container_id in self._outputs.hear():
                        self._trees.look_again(container_id)
                elif fd == self._host_files.changes:
                    continue
                elif fd in self._clients and ready & ~select.EPOLLOUT:
                    self._serve(self._clients[fd])
                else:
                    self._switchboards.ready(fd, ready)
            self._look_after()

    def _look_after(self) -> None:
        """Bury who has died, and say what there is to say."""
        self._trees.reap()
        for container in self._trees.take_started():
            self._tell(self._agent, frames.LAUNCHED, container.id, b"%d" % container.main)
        now = time.monotonic()
        for container in self._trees.finish(now):
            self._report(container)
        self._sweep(now)
        self._outputs.flush()
        self._switchboards.look(now)
        for client in list(self._clients.values()):
            self._flush(client)

    # ---- when

    def _patience(self) -> float:
        """Seconds to wait for anything to happen; -1 without bound."""
        looks = [container.look_at or 0.0 for container in self._sweeps.values()]
        owned = (self._trees, self._outputs, self._switchboards)
        looks += [look for look in [one.next_look() for one in owned] if look is not None]
        if self._agent is None and not self._is_quitting:
            is_idle = not (self._trees.containers or self._sweeps or self._unacknowledged)
            looks.append(self._alone_since + (self._idle_s if is_idle else self._orphan_s))
        return max(0.0, min(looks) - time.monotonic()) if looks else -1

    def _is_done(self) -> bool:
        if self._trees.containers or self._sweeps:
            if self._agent is None and time.monotonic() >= self._alone_since + self._orphan_s:
                self._quit()
            return False
        if self._is_quitting:
            return True
        if self._agent is not None:
            return False
        patience = self._orphan_s if self._unacknowledged else self._idle_s
        return time.monotonic() >= self._alone_since + patience

    def _quit(self) -> None:
        self._is_quitting = True
        for container in self._trees.containers.values():
            self._trees.destroy(container)

    # ---- the agent

    def _accept(self) -> None:
        try:
            fd, _ = self._listener._accept()  # type: ignore[attr-defined]  # what socket.accept() wraps
        except OSError:
            return
        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, fileno=fd)
        connection.setblocking(False)
        credentials = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, _CREDENTIALS)
        pid, uid = (int.from_bytes(credentials[at : at + 4], sys.byteorder) for at in (0, 4))
        if uid not in {0, os.geteuid()}:
            connection.close()
            return
        self._clients[fd] = Client(connection, pid)
        self._epoll.register(fd, select.EPOLLIN)

    def _serve(self, client: Client) -> bool:
        """Obey what the client has sent, notice that it has gone; False: there was nothing to read."""
        try:
            data = client.socket.recv(READ_SIZE)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._drop(client)
            return True
        try:
            for frame in client.decoder.feed(data):
                self._obey(client, frame)
                if frame[0] in {frames.VIEW, frames.TYPE}:
                    return True  # the connection is a container's by now
                # A burst of a hundred launches takes a while: the agent hears of the first while the last is made.
                self._look_after()
        except (frames.FrameError, ValueError, IndexError) as exc:
            # Not our agent, or a bug of ours: say so and part; containers stay.
            self._tell(client, frames.ERROR, str(exc).encode())
            self._flush(client)
            self._drop(client)
        return True

    def _obey(self, client: Client, frame: list[bytes]) -> None:
        word = frame[0]
        if not client.greeted and word in {frames.VIEW, frames.TYPE} and frame[1] == frames.VERSION:
            self._attach(client, frame)
        elif not client.greeted:
            if word != frames.HELLO or frame[1] != frames.VERSION:
                raise ValueError("expected HELLO of version " + frames.VERSION.decode())
            self._greet(client)
        elif word == frames.LAUNCH:
            self._launch(client, frame)
        elif word == frames.ACKNOWLEDGE:
            for container_id in frame[1:]:
                self._unacknowledged.pop(container_id, None)
        elif word == frames.SIGNAL:
            container = self._trees.containers.get(frame[1])
            if container is not None:
                self._trees.signal(container, int(frame[2]))
                container.is_told |= int(frame[2]) == signal.SIGTERM
        elif word == frames.DESTROY:
            self._destroy(frame[1], frame[2])
        elif word == frames.MAKE_SANDBOX:
            self._make_sandbox(client, frame)
        elif word == frames.MEMBERS:
            self._tell_members(client, frame)
        elif word == frames.QUIT:
            self._quit()
        else:
            raise ValueError(f"unknown word {word!r}")

    def _attach(self, client: Client, frame: list[bytes]) -> None:
        """From now on the connection is a container's, or it ends with why not."""
        fd = client.socket.fileno()
        self._epoll.unregister(fd)
        problem = self._switchboards.attach(frame[0], frame[2], client.socket, client.decoder)
        if problem is not None:
            self._epoll.register(fd, select.EPOLLIN)
            raise ValueError(problem)
        del self._clients[fd]

    def _greet(self, client: Client) -> None:
        while self._agent is not None and self._serve(self._agent):
            pass  # it may have been killed before we have read its last words
        if self._agent is not None:
            raise ValueError(f"another agent (pid {self._agent.pid}) is connected")
        self._agent = client
        client.greeted = True
        for container in self._trees.containers.values():
            told = b"1" if container.is_told else b""
            self._tell(client, frames.CONTAINER, container.id, b"%d" % container.main, container.sandbox, told)
        self._tell(client, frames.READY, frames.VERSION, b"%d" % os.getpid())
        for report in self._unacknowledged.values():
            client.output += report

    def _tell(self, client: Client | None, *fields: bytes) -> None:
        if client is not None:
            client.output += frames.encode(*fields)

    def _flush(self, client: Client) -> None:
        if client.output:
            try:
                sent = client.socket.send(client.output, _socket.MSG_NOSIGNAL)
            except BlockingIOError:
                sent = 0
            except OSError:
                self._drop(client)
                return
            del client.output[:sent]
            if len(client.output) > OUTPUT_MAX:
                self._drop(client)
                return
            if client.is_stuck != bool(client.output):
                client.is_stuck = bool(client.output)
                interest = select.EPOLLIN | (select.EPOLLOUT if client.is_stuck else 0)
                self._epoll.modify(client.socket.fileno(), interest)

    def _drop(self, client: Client) -> None:
        fd = client.socket.fileno()
        if self._clients.pop(fd, None) is None:
            return
        self._epoll.unregister(fd)
        client.socket.close()
        if client is self._agent:
            self._agent = None
            self._alone_since = time.monotonic()
            for container in self._trees.containers.values():
                if not container.is_kept:
                    self._trees.destroy(container)  # no later agent would know it

    # ---- containers

    def _launch(self, client: Client, frame: list[bytes]) -> None:
        _, container_id, sandbox, latest, user, executable, kind, argv, environment, *others = frame
        cgroup, setup, pid_file, logs, lines = others
        if container_id in self._trees.containers or container_id in self._unacknowledged or self._is_quitting:
            text = b"the supervisor is quitting" if self._is_quitting else b"Container has already been started"
            self._tell(client, frames.FAILED, container_id, text)
            return
        read = write = switchboard = None
        try:
            if lines:
                switchboard = self._switchboards.open(container_id, lines)
            if kind == frames.HELPER:
                # It is ours: its stdout is for the agent, and it becomes the user itself once it has loaded.
                read, write = os.pipe2(os.O_CLOEXEC)
            pid = self._spawner.spawn(
                container_id=container_id,
                sandbox=sandbox,
                latest=latest,
                user=user,
                executable=executable,
                argv=frames.split(argv),
                environment=frames.split(environment),
                stdout=write,
                setup=frames.split(setup),
                is_beside=kind == frames.BESIDE,
                is_runtime=bool(pid_file),
                to=self._outputs.opener(container_id, logs) if logs else None,
                switchboard=switchboard,
            )
        except (SpawnError, OSError, ValueError) as exc:
            if read is not None:
                os.close(read)
            if switchboard is not None:
                self._switchboards.drop(container_id)
            self._tell(client, frames.FAILED, container_id, str(exc).encode(errors="surrogateescape"))
            return
        finally:
            if write is not None:
                os.close(write)
        container = Container(self._spawner.root, container_id, sandbox, pid, read, cgroup, pid_file)
        container.is_kept = kind == frames.KEPT
        self._trees.add(container)
        if not pid_file:
            self._tell(client, frames.LAUNCHED, container_id, b"%d" % pid)

    def _is_written(self, container_id: bytes) -> bool:
        """Nothing of the container runs any more: whether all is written that it said."""
        self._switchboards.finish(container_id, time.monotonic())
        return not self._outputs.is_open(container_id)

    def _make_sandbox(self, client: Client, frame: list[bytes]) -> None:
        _, container_id, sandbox, latest, user = frame
        try:
            self._spawner.make_sandbox(sandbox, latest, user)
        except (SpawnError, OSError) as exc:
            self._tell(client, frames.SANDBOX_FAILED, container_id, str(exc).encode(errors="surrogateescape"))

    def _destroy(self, container_id: bytes, cgroup: bytes) -> None:
        container = self._trees.containers.get(container_id)
        if container is not None:
            self._trees.destroy(container)
        elif container_id not in self._unacknowledged:
            remains = Container(self._spawner.root, container_id, b"", 0, None, cgroup)
            remains.look_at = 0.0
            self._sweeps[container_id] = remains

    def _sweep(self, now: float) -> None:
        for remains in [remains for remains in self._sweeps.values() if (remains.look_at or 0.0) <= now]:
            try:
                is_clean = sweep(remains) == 0
            except OSError:  # no descriptors left, most likely; some will come back
                is_clean = False
            if not is_clean:
                remains.look_at = now + remains.delay
                remains.delay = min(remains.delay * 2, 0.5)
            else:
                del self._sweeps[remains.id]
                self._report(remains)

    def _report(self, container: Container) -> None:
        if container.pid_file and not container.is_doomed:
            self._tell(self._agent, frames.FAILED, container.id, frames.RUNTIME_FAILED.encode())
            return
        captured = b""
        if container.capture is not None:
            # Everything that could write has ended, so this reads to the end and cannot wait.
            captured = os.read(container.capture, CAPTURE_MAX)
            os.close(container.capture)
        status = b"" if container.status is None else b"%d" % container.status
        used = b"%d %d %d" % (*container.used,) if status else b""
        report = frames.encode(frames.EXITED, container.id, status, captured, used)
        self._unacknowledged[container.id] = report
        if len(self._unacknowledged) > UNACKNOWLEDGED_MAX:
            del self._unacknowledged[next(iter(self._unacknowledged))]
        if self._agent is not None:
            self._agent.output += report

    def _tell_members(self, client: Client, frame: list[bytes]) -> None:
        answer = [frames.MEMBERS, frame[1]]
        self._trees.adopt()
        for container_id in frame[2:]:
            container = self._trees.containers.get(container_id)
            pids = self._trees.members(container) if container is not None else {}
            answer += [container_id, b" ".join([b"%d" % pid for pid in pids])]
        self._tell(client, *answer)
