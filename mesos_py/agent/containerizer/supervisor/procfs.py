"""What /proc says about processes: parents, sessions, start times, and which container they carry the mark of.

Every container is marked by something the kernel hands down through fork, exec, setsid and a cleared environment,
and which an unprivileged process has no reason to touch: the soft RLIMIT_RTTIME, set to a value derived from the
container's id. The limit itself concerns real-time tasks only and is 73,000 years, so it limits nothing.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: Marks start here (microseconds); a process without a mark has infinity or a figure below this.
MARK_BASE = 1 << 61

#: FNV-1a; hash() differs per process and hashlib would cost the supervisor a megabyte of OpenSSL.
_FNV_OFFSET, _FNV_PRIME, _MARK_BITS = 0xCBF29CE484222325, 0x100000001B3, (1 << 60) - 1


def mark_of(container_id: bytes, root: bytes = b"") -> int:
    """The container's mark: any supervisor of the work directory `root` computes the same one for the same id."""
    digest = _FNV_OFFSET
    for byte in container_id + b"\0" + root if root else container_id:
        digest = ((digest ^ byte) * _FNV_PRIME) & 0xFFFFFFFFFFFFFFFF
    return MARK_BASE | (digest & _MARK_BITS)


def read(path: str) -> bytes:
    """The whole of a /proc file; b"" when the process is gone or closed to us."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        chunks = []
        while chunk := os.read(fd, 65536):
            chunks.append(chunk)
        return b"".join(chunks)
    except OSError:  # ESRCH: it ended between open and read
        return b""
    finally:
        os.close(fd)


class Stat:
    """The fields of /proc/PID/stat that matter here; times in clock ticks, rss in pages."""

    __slots__ = ("parent", "rss", "session", "started", "state", "system", "threads", "user")

    def __init__(self, fields: list[bytes]) -> None:
        self.state = fields[0]
        self.parent = int(fields[1])
        self.session = int(fields[3])
        self.user = int(fields[11])
        self.system = int(fields[12])
        self.threads = int(fields[17])
        self.started = int(fields[19])
        self.rss = int(fields[21])


def stat(pid: int) -> Stat | None:
    """None when there is no such process. The name may contain anything, so fields count from the last ')'."""
    data = read(f"/proc/{pid}/stat")
    fields = data[data.rfind(b")") + 2 :].split()
    return Stat(fields) if len(fields) > 21 else None


def children(pid: int) -> list[int]:
    """The direct children of every thread of `pid`.

    Complete for our own single-threaded process, whose children leave only when we reap them; of other processes
    some may be missed while they reap, so killers repeat until a pass finds nothing.
    """
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        found.extend(map(int, read(f"/proc/{pid}/task/{thread}/children").split()))
    return found


def pids() -> Iterator[int]:
    for name in os.listdir("/proc"):
        if name.isdigit():
            yield int(name)


def mark(pid: int) -> int | None:
    """The mark a process carries; None without one or when it is gone."""
    limits = read(f"/proc/{pid}/limits")
    at = limits.find(b"Max realtime timeout")
    if at < 0:
        return None
    soft = limits[at + 20 :].split(None, 1)[0]
    return int(soft) if soft.isdigit() and int(soft) >= MARK_BASE else None


def is_first(pid: int) -> bool:
    """Whether the process is the first of a pid namespace of its own."""
    for line in read(f"/proc/{pid}/status").splitlines():
        if line.startswith(b"NSpid:"):
            return line.split()[-1] == b"1"
    return False


def is_inside(pid: int, directory: bytes) -> bool:
    """Whether the process works in `directory` or writes its output there: the second-best evidence."""
    for link in ("cwd", "fd/1", "fd/2"):
        try:
            target = os.readlink(f"/proc/{pid}/{link}".encode())
        except OSError:
            continue
        if target == directory or target.startswith(directory + b"/"):
            return True
    return False
