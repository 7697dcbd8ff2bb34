"""How a journal lies on the disk, and how it is read when its writer was cut off in the middle.

::

    DIR/                        --journal
      RUN/                      program-time-pid; mode 0700, locked by the process that writes it
        000000.events           magic, head, then one record an event
        000000.snapshot         magic, head, then the core before the first of these events (zlib)

A record is length, CRC-32 and payload. A file that ends within a record, or has one that was altered, is read up to
there. Heads are maps that say whose journal it is, by which sources, and how many events came before this segment;
a segment that does not go on where the last one ended comes after a gap. A snapshot has its name once it is complete.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import socket
import struct
import time
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import msgpack

import mesos_py
from mesos_py import locks
from mesos_py.journal import graph
from mesos_py.journal.classes import PACKAGES, Unreadable
from mesos_py.machine.values import Nanos

FORMAT = 1
MAGIC = b"mesos_py journal %d\n" % FORMAT
EVENTS, SNAPSHOT, PARTIAL = ".events", ".snapshot", ".partial"
LENGTH_AND_CRC = struct.Struct("<II")
READ_BYTES = 1 << 20
LEVEL = 1  # of zlib: a third of the size for a tenth of the time that making a snapshot takes
DEPTH_MAX = 3  # directories below the one that is named, searched for runs


@cache
def sources_digest() -> str:
    """Of the source text of everything a core is made of."""
    root = Path(mesos_py.__file__).parent
    digest = hashlib.blake2b(digest_size=8)
    patterns = [pattern for name in PACKAGES for pattern in (f"{name}.py", f"{name}/**/*.py")]
    for path in sorted(path for pattern in patterns for path in root.glob(pattern)):
        digest.update(str(path.relative_to(root)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


@attrs.frozen(kw_only=True)
class Head:
    """What is known of a segment before its first event."""

    #: "master" or "agent"
    program: str
    #: of the segment within its run
    number: int
    #: events the core had applied before the first one here
    before: int
    at_ns: Nanos
    #: what the program shows and its core does not know: when it was started, its flags
    about: dict[str, Any] = attrs.field(factory=dict)
    version: str = mesos_py.__version__
    #: digest of the sources of all cores; the same sources decide the same
    sources: str = attrs.field(factory=sources_digest)
    pid: int = attrs.field(factory=os.getpid)
    host: str = attrs.field(factory=socket.gethostname)


def framed(payload: bytes) -> bytes:
    """The payload as a record."""
    return LENGTH_AND_CRC.pack(len(payload), zlib.crc32(payload)) + payload


def opening(head: Head) -> bytes:
    """How every file of a segment begins."""
    return MAGIC + framed(msgpack.packb(attrs.asdict(head)))


# ---- writing


class RunDirectory:
    """The directory of one run, made and held. Raises OSError."""

    def __init__(self, directory: str, program: str) -> None:
        self.parent = directory
        os.makedirs(directory, mode=0o700, exist_ok=True)
        stem = f"{program}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}"
        self.path = _made(directory, stem)
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def file(self, number: int, ending: str) -> str:
        return os.path.join(self.path, f"{number:06d}{ending}")

    def release(self) -> None:
        locks.release(self._lock)

    def size(self) -> int:
        """Bytes of this run and of those beside it that have ended."""
        return sum(map(bytes_below, (self.path, *_ended_runs(self.parent, self.path))))

    def trim(self, size_max: int, keep_from: int) -> int:
        """Forget the oldest: runs that have ended, then own segments before ``keep_from``. Returns the bytes freed."""
        size = before = self.size()
        for run in _ended_runs(self.parent, self.path):
            if size > size_max:
                size -= bytes_below(run)
                shutil.rmtree(run, ignore_errors=True)
        for number in sorted({int(path.stem) for path in Path(self.path).iterdir() if path.stem.isdigit()}):
            if size > size_max and number < keep_from:
                for ending in (SNAPSHOT, EVENTS):
                    with contextlib.suppress(FileNotFoundError):
                        size -= os.stat(self.file(number, ending)).st_size
                        os.unlink(self.file(number, ending))
        return before - size


def create(path: str) -> int:
    """A new file for its owner's eyes alone: its descriptor. Raises OSError."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def write_snapshot(path: str, head: Head, core: Any) -> None:
    """The file is there once all of the core is in it. Raises OSError and Unrecordable."""
    partial = path + PARTIAL
    descriptor = create(partial)
    try:
        write_all(descriptor, opening(head))
        squeeze = zlib.compressobj(LEVEL)
        gathered: list[bytes] = []
        size = 0
        for record in graph.dump(core):
            gathered.append(record)
            size += len(record)
            if size >= READ_BYTES:
                write_all(descriptor, squeeze.compress(b"".join(gathered)))
                gathered, size = [], 0
        write_all(descriptor, squeeze.compress(b"".join(gathered)) + squeeze.flush())
        os.rename(partial, path)
    finally:
        os.close(descriptor)


def _made(directory: str, stem: str) -> str:
    for number in range(1, 1000):
        path = os.path.join(directory, stem if number == 1 else f"{stem}-{number}")
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)
            return path
    raise FileExistsError(f"{directory} has a thousand runs called {stem}")


def bytes_below(run: str) -> int:
    """Of all that is there; whoever writes or forgets it meanwhile disturbs nobody."""
    size = 0
    with contextlib.suppress(FileNotFoundError):  # whoever shares the directory has just forgotten it
        for path in Path(run).iterdir():
            with contextlib.suppress(FileNotFoundError):  # it has just become complete, and has another name
                size += path.stat().st_size
    return size


def _ended_runs(directory: str, own: str) -> list[str]:
    """Oldest first."""
    ended = []
    for path in Path(directory).iterdir():
        with contextlib.suppress(FileNotFoundError):  # whoever shares the directory forgets runs, too
            if str(path) != own and next(path.glob("*" + EVENTS), None) is not None and not _is_held(path):
                ended.append((path.stat().st_mtime, str(path)))
    return [path for _, path in sorted(ended)]


def _is_held(run: Path) -> bool:
    descriptor = os.open(run, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return True
    locks.release(descriptor)
    return False


# ---- reading


class Segment:
    """One segment of a run. ``torn`` says after ``records`` why it ended early; None: it did not."""

    def __init__(self, path: Path) -> None:
        """Raises Unreadable and OSError."""
        self.path = path
        with open(path, "rb") as file:
            self.head = _head(file, path)
        self.torn: str | None = None

    @property
    def snapshot(self) -> Path:
        return self.path.with_suffix(SNAPSHOT)

    def records(self) -> Iterator[bytes]:
        """Payloads, as far as they can be read."""
        self.torn = None
        with open(self.path, "rb") as file:
            _head(file, self.path)
            while True:
                at = file.tell()
                prefix = file.read(LENGTH_AND_CRC.size)
                if not prefix:
                    return
                payload = _payload(file, prefix)
                if payload is None:
                    self.torn = f"{self.path} cannot be read from byte {at} on"
                    return
                yield payload

    def core(self) -> Any:
        """The core as it was before the first event. Raises Unreadable and OSError."""
        with open(self.snapshot, "rb") as file:
            _head(file, self.snapshot)
            return graph.load(graph.unpacked(_inflated(file, self.snapshot)))


def _head(file: Any, path: Path) -> Head:
    magic = file.read(len(MAGIC))
    if magic != MAGIC:
        if magic.startswith(MAGIC.split(b"%d" % FORMAT)[0]):
            raise Unreadable(f"{path} is a journal of another format than this program's ({FORMAT})")
        raise Unreadable(f"{path} is no journal")
    payload = _payload(file, file.read(LENGTH_AND_CRC.size))
    try:
        if payload is None:
            raise Unreadable(f"{path} ends within its head")
        return Head(**msgpack.unpackb(payload))
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise Unreadable(f"{path} has a head of another version: {error}") from error


def _payload(file: Any, prefix: bytes) -> bytes | None:
    """None: not all of it is there, or not as it was."""
    if len(prefix) < LENGTH_AND_CRC.size:
        return None
    length, crc = LENGTH_AND_CRC.unpack(prefix)
    if not 0 < length <= os.fstat(file.fileno()).st_size:  # blocks that were never written are all zeros
        return None
    payload: bytes = file.read(length)
    return payload if len(payload) == length and zlib.crc32(payload) == crc else None


def _inflated(file: Any, path: Path) -> Iterator[bytes]:
    inflate = zlib.decompressobj()
    try:
        while data := file.read(READ_BYTES):
            while data:
                yield inflate.decompress(data, READ_BYTES)
                data = inflate.unconsumed_tail
    except zlib.error as error:
        raise Unreadable(f"{path} is damaged: {error}") from error
    if not inflate.eof:
        raise Unreadable(f"{path} is cut off")
