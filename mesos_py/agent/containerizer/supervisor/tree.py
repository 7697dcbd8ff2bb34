"""Which process belongs to which container, and ending all of it.

The supervisor is a child subreaper, so every process of every container is a descendant of it: either below the
container's main process, or below one of our own children that is nobody's main process: an *orphan*, whose parent
died. An orphan is attributed once, by its mark, else its session, else its sandbox; one that shows none of these
belongs to one of the containers that lived when it was first seen and dies with the last of them.

When a main process has ended and the container has no orphans, nothing of it is left: one read of our own list of
children proves it, whatever else runs. A container ends in this order: main process reaped, tree killed until a look
finds nothing, exit reported. Where there are cgroups, the last look is at the container's: nothing leaves that by
itself. A process that cannot die (D state) keeps its container in `ending`, looked after by a timer with back-off, and
blocks nobody.
Mesos: src/linux/... kill trees of stout os::killtree; unlike there nothing escapes by double fork and setsid.
"""

from __future__ import annotations

import os
import resource
import signal

from . import cgroup, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: How often an ending container is looked at again (seconds): first, and at most.
LOOK_FIRST_S, LOOK_MAX_S = 0.001, 0.5

#: A signal's walk is repeated while it finds processes forked meanwhile, at most so often.
SIGNAL_PASSES = 3

#: A container of which nothing is left has ended when its last words are written, and after this (seconds) anyhow:
#: it may have handed its stdout to a process that is not its own.
WORDS_MAX_S = 5.0


class Container:
    """One main process and whatever descends from it."""

    __slots__ = (
        "capture", "cgroup", "delay", "early", "id", "is_doomed", "is_kept", "is_told", "look_at", "main", "mark",
        "pid_file", "sandbox", "status", "used", "words_until",
    )  # fmt: skip

    def __init__(
        self, root: bytes, container_id: bytes, sandbox: bytes, main: int, capture: int | None, cgroup: bytes = b"",
        pid_file: bytes = b"",
    ) -> None:  # fmt: skip
        self.id = container_id
        #: the directory by which all of it is killed; empty: there is none
        self.cgroup = cgroup
        self.sandbox = sandbox
        #: pid; 0 for the remains of a container another supervisor started
        self.main = main
        #: while `main` is the runtime that starts it: where that writes the pid of the container's process
        self.pid_file = pid_file
        #: while a runtime starts it: raw wait statuses of what has ended of it meanwhile, and what that used, by pid
        self.early: dict[int, tuple[int, resource.struct_rusage]] = {}
        #: it was destroyed
        self.is_doomed = False
        self.mark = procfs.mark_of(container_id, root)
        #: the read end of the pipe that is its stdout, if it was asked for
        self.capture = capture
        #: raw wait status, once reaped
        self.status: int | None = None
        #: what those of it used that we have reaped, and whom they had waited for: microseconds in user and in system
        #: mode, and the most KiB of one of them; 0: no more than we, whose size they inherit until they exec
        self.used = [0, 0, 0]
        #: when to look at an ending container again; None while it lives
        self.look_at: float | None = None
        self.delay = LOOK_FIRST_S
        #: nothing is left of it, and so long its last words are waited for
        self.words_until: float | None = None
        #: SIGTERM was sent to it
        self.is_told = False
        #: it outlives the agent that started it
        self.is_kept = False

    def spend(self, used: resource.struct_rusage) -> None:
        """One of its processes was reaped."""
        self.used[0] += round(used.ru_utime * 1e6)
        self.used[1] += round(used.ru_stime * 1e6)
        if used.ru_maxrss > resource.getrusage(resource.RUSAGE_SELF).ru_maxrss:
            self.used[2] = max(self.used[2], used.ru_maxrss)


class Orphan:
    """A child of ours that is nobody's main process."""

    __slots__ = ("container", "suspects")

    def __init__(self, container: Container | None, suspects: list[Container]) -> None:
        self.container = container
        self.suspects = suspects


class Trees:
    """All containers and orphans of this supervisor."""

    def __init__(self) -> None:
        #: whether all that a container has said is written
        self.is_written: Callable[[bytes], bool] = lambda container_id: True
        #: pids of children of ours that are no container's
        self.helpers: set[int] = set()
        self.containers: dict[bytes, Container] = {}
        self.ending: dict[bytes, Container] = {}
        self._by_main: dict[int, Container] = {}
        self._by_mark: dict[int, Container] = {}
        self._orphans: dict[int, Orphan] = {}
        #: those whose main process is a runtime yet
        self._starting: dict[bytes, Container] = {}
        self._started: list[Container] = []
        self._self = os.getpid()
        self._children = os.open(f"/proc/self/task/{self._self}/children", os.O_RDONLY | os.O_CLOEXEC)

    def add(self, container: Container) -> None:
        self.containers[container.id] = container
        self._by_mark[container.mark] = container
        if container.main:
            self._by_main[container.main] = container
        if container.pid_file:
            self._starting[container.id] = container

    # ---- reaping

    def reap(self) -> list[Container]:
        """Collect every ended child; the containers whose main process was among them, now ending."""
        ended = []
        while True:
            try:
                info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                break
            if info is None:
                break
            pid: int = info.si_pid
            container = self._by_main.pop(pid, None)
            if container is None:
                # Of its process, too, if that has ended before the runtime has; perhaps before its pid was written.
                starting = self._by_mark.get(procfs.mark(pid) or 0) if self._starting else None
                _, status, used = os.wait4(pid, 0)
                orphan = self._orphans.pop(pid, None)
                if orphan is not None and orphan.container is not None:
                    orphan.container.spend(used)
                self.helpers.discard(pid)
                if starting is not None and starting.id in self._starting:
                    starting.early[pid] = status, used
                continue
            if container.id in self._starting:
                container.status = os.waitpid(pid, 0)[1]
                if container.status == 0 and self._start(container):
                    continue
            else:
                # While it is unreaped its number cannot be another's, and killing a group is atomic against fork.
                _signal_group(pid, signal.SIGKILL)
                _, container.status, used = os.wait4(pid, 0)
                container.spend(used)
            container.look_at = 0.0
            self.ending[container.id] = container
            ended.append(container)
        return ended

    def _start(self, container: Container) -> bool:
        """The runtime has done its work: the container's process is the main one, and whether it runs yet."""
        text = procfs.read(os.fsdecode(container.pid_file)).strip()
        if not text.isdigit():
            return False
        del self._starting[container.id]
        container.main, container.pid_file = int(text), b""
        self._started.append(container)
        ended = container.early.get(container.main)
        container.early.clear()
        if ended is not None:
            container.status = ended[0]
            container.spend(ended[1])
        else:
            container.status = None
            # Its parent may be what the runtime has forked; that ends now, and then we are.
            self._by_main[container.main] = container
            self._orphans.pop(container.main, None)
        return container.status is None

    def take_started(self) -> list[Container]:
        """Those whose process has been started by a runtime since the last time."""
        started, self._started = self._started, []
        return started

    # ---- ending

    def destroy(self, container: Container) -> None:
        """Begin to end it; `finish` tells when it is done."""
        container.is_doomed = True
        if container.look_at is None:
            container.look_at = 0.0
            self.ending[container.id] = container

    def finish(self, now: float) -> list[Container]:
        """Kill what is left of the ending containers that are due; those of which nothing is left, now forgotten."""
        due = [container for container in self.ending.values() if (container.look_at or 0.0) <= now]
        if not due:
            return []
        self.adopt()
        finished = []
        for container in due:
            orphans = [pid for pid, orphan in self._orphans.items() if orphan.container is container]
            is_running = container.main in self._by_main and not self._is_lost(container)
            if not is_running and not orphans and cgroup.kill(container.cgroup) == 0:
                if self._is_written(container, now):
                    self._forget(container)
                    finished.append(container)
                else:
                    container.look_at = container.words_until
                continue
            if is_running:
                _signal_group(container.main, signal.SIGKILL)
            self._signal(self._members([container.main] if is_running else [], orphans), signal.SIGKILL)
            container.look_at = now + container.delay
            container.delay = min(container.delay * 2, LOOK_MAX_S)
        self._kill_unclaimed()
        return finished

    def _is_lost(self, container: Container) -> bool:
        """Its main process was started by a runtime, and somebody else has reaped it: how it ended is not known."""
        status = procfs.stat(container.main)
        if status is not None and (status.parent == self._self or procfs.mark(container.main) == container.mark):
            return False
        del self._by_main[container.main]
        return True

    def _is_written(self, container: Container, now: float) -> bool:
        if container.words_until is None:
            container.words_until = now + WORDS_MAX_S
        return self.is_written(container.id) or now >= container.words_until

    def look_again(self, container_id: bytes) -> None:
        """Something has happened for which an ending container may have been waiting."""
        if container_id in self.ending:
            self.ending[container_id].look_at = 0.0

    def next_look(self) -> float | None:
        return min((container.look_at or 0.0 for container in self.ending.values()), default=None)

    def _forget(self, container: Container) -> None:
        del self.ending[container.id], self.containers[container.id]
        self._by_mark.pop(container.mark, None)
        self._starting.pop(container.id, None)

    # ---- looking

    def members(self, container: Container) -> dict[int, int]:
        """Every process of the container, pid to parent pid as it was seen; `adopt` first."""
        orphans = [pid for pid, orphan in self._orphans.items() if orphan.container is container]
        return self._members([container.main] if container.main in self._by_main else [], orphans)

    def signal(self, container: Container, number: int) -> None:
        """Every process of the tree gets the signal once, also those forked while we walk (as far as passes reach)."""
        seen: dict[int, int] = {}
        for _ in range(SIGNAL_PASSES):
            self.adopt()
            new = {pid: parent for pid, parent in self.members(container).items() if pid not in seen}
            if number != signal.SIGKILL:
                for pid in [pid for pid in new if pid in self._orphans and procfs.is_first(pid)]:
                    # The init of its pid namespace: were that to end, nobody would have time to.
                    seen[pid] = new.pop(pid)
            if not new:
                break
            self._signal(new, number)
            seen.update(new)

    def _members(self, mains: list[int], orphans: list[int]) -> dict[int, int]:
        members = dict.fromkeys([*mains, *orphans], self._self)
        stack = list(members)
        while stack:
            parent = stack.pop()
            for pid in procfs.children(parent):
                if pid not in members:
                    members[pid] = parent
                    stack.append(pid)
        return members

    def _signal(self, members: dict[int, int], number: int) -> None:
        for pid, parent in members.items():
            if parent == self._self:
                _ignore_gone(os.kill, pid, number)  # our own unreaped child: the number is its own
            else:
                self._signal_descendant(pid, parent, number)

    def _signal_descendant(self, pid: int, parent: int, number: int) -> None:
        """Not our child, so its number may have been reused: hold it by a pidfd and look whose child it is."""
        try:
            fd = os.pidfd_open(pid)
        except OSError:
            return
        try:
            status = procfs.stat(pid)
            if status is not None and status.parent in {parent, self._self}:
                _ignore_gone(signal.pidfd_send_signal, fd, number)
        finally:
            os.close(fd)

    # ---- orphans

    def adopt(self) -> None:
        """Attribute every child of ours that is not known yet. Complete: only we reap, and not meanwhile."""
        listed = b""
        while chunk := os.pread(self._children, 65536, len(listed)):
            listed += chunk
        for pid in map(int, listed.split()):
            if pid not in self._by_main and pid not in self._orphans and pid not in self.helpers:
                self._orphans[pid] = self._attribute(pid)

    def _attribute(self, pid: int) -> Orphan:
        mark = procfs.mark(pid)
        if mark is not None:
            # A mark without container: its container ended before; nothing may remain.
            container = self._by_mark.get(mark)
            return Orphan(container, [])
        status = procfs.stat(pid)
        if status is not None and status.session in self._by_main:
            return Orphan(self._by_main[status.session], [])
        for container in self.containers.values():
            if procfs.is_inside(pid, container.sandbox):
                return Orphan(container, [])
        return Orphan(None, list(self.containers.values()))

    def _kill_unclaimed(self) -> None:
        unclaimed = [
            pid
            for pid, orphan in self._orphans.items()
            if (orphan.container is None or orphan.container.id not in self.containers)
            and not any(self.containers.get(suspect.id) is suspect for suspect in orphan.suspects)
        ]
        if unclaimed:
            self._signal(self._members([], unclaimed), signal.SIGKILL)


def sweep(container: Container) -> int:
    """Kill what another supervisor left of a container, found in all of /proc; how many processes were found.

    For containers whose supervisor died: their processes went to init, so the mark is all there is. (Not the sandbox:
    an operator's shell may stand in it.) Raises OSError when it could not look.
    """
    wanted, found = container.mark, cgroup.kill(container.cgroup)
    for pid in procfs.pids():
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue  # any other error is no proof of absence, so it is the caller's
        try:
            if procfs.mark(pid) == wanted:
                status = procfs.stat(pid)
                if status is not None and status.state not in b"ZX":
                    found += 1
                    _ignore_gone(signal.pidfd_send_signal, fd, signal.SIGKILL)
        finally:
            os.close(fd)
    return found


def _signal_group(leader: int, number: int) -> None:
    _ignore_gone(os.killpg, leader, number)


def _ignore_gone(kill, target: int, number: int) -> None:  # type: ignore[no-untyped-def]
    """Gone is what we wanted; not permitted is a set-uid program under an unprivileged supervisor: it stays alive and
    keeps its container in `ending`, which is the truth."""
    try:
        kill(target, number)
    except (ProcessLookupError, PermissionError):
        return
