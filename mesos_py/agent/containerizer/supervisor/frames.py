"""The words between agent and supervisor: frames of byte fields.

A frame is ``u32 length`` and then fields, each ``u32 length`` and bytes (little endian); the first field is the
word. Lists travel as one field joined by NUL, which neither arguments nor environments can contain. No msgpack:
the supervisor starts without site-packages.

Agent to supervisor::

    HELLO    version, client pid                         answered by CONTAINER ..., READY, then unacknowledged EXITED
    LAUNCH   id, sandbox, latest link, user, executable, kind, argv, env, cgroup, setup, pid file, logs, lines
    SIGNAL   id, number                                  the whole tree
    DESTROY  id, cgroup                                  SIGKILL until nothing is left; unknown ids are swept by tag
    ACKNOWLEDGE id ...                                   exit reports are durably known and may be forgotten
    MAKE_SANDBOX id, sandbox, latest link, user          answered by SANDBOX_FAILED, or not at all
    MEMBERS  token, id ...                               answered by MEMBERS token, id, pids, id, pids ...
    QUIT                                                 destroy everything and exit

A LAUNCH is of kind KEPT for a container that outlives its agent, "" for one that ends when that is gone, HELPER for a
program of ours, BESIDE for what runs next to a container; they end with the agent, too.
``cgroup`` is the directory by which all of the container is killed, or empty. ``setup`` is what the process does before
it becomes the program: a list of path and what to write to it, in turn; a path that is a number is a resource, and what
follows are its soft and hard limit; after "/" comes the place at which it has the host's files once more. With a ``pid
file`` it is a runtime: it runs as we do, ends well once the process of the container has begun, and has written that
pid, by then a child of ours, into the file. ``logs`` is empty, or for stdout and for stderr most bytes of a file and
how many older ones stay, with spaces between: then the logger writes.
``lines`` is empty, or clients may attach to what it reads and writes (switchboard.py): 1 for a session and 0 for
anything else, then rows and columns of its terminal, or 0 and 0 for pipes, then where a runtime hands over a terminal
of its own making (console.py), or nothing; with spaces between.

Supervisor to agent::

    CONTAINER id, pid, sandbox, "1" if SIGTERM was sent     LAUNCHED id, pid     FAILED id, text
    EXITED    id, wait status ("" when unknown), stdout of a helper, what it used: microseconds in user mode, in system
              mode, most KiB of one process or 0, with spaces between ("" when unknown)
    READY     version, pid          MEMBERS  see above   SANDBOX_FAILED id, text
    ERROR     text

A connection that begins otherwise is attached to one container, and says nothing else but this::

    VIEW version, id       answered by ATTACHED or ERROR text; then OUTPUT name, data ... and END
    TYPE version, id       answered by ATTACHED, "1" if there is a terminal, or ERROR text; then come
                           INPUT data (empty: no more, unless there is a terminal), RESIZE rows, columns
"""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = b"7"

#: A frame holds argv and environment of one process; the kernel's own bound on both is a few MiB.
FRAME_MAX = 16 * 1024 * 1024

HELLO, LAUNCH, SIGNAL, DESTROY, ACKNOWLEDGE, MEMBERS, QUIT = b"H", b"L", b"S", b"D", b"A", b"M", b"Q"
MAKE_SANDBOX = b"P"
HELPER, BESIDE, KEPT = b"1", b"2", b"3"
CONTAINER, READY, LAUNCHED, FAILED, EXITED, SANDBOX_FAILED, ERROR = b"c", b"r", b"l", b"f", b"x", b"p", b"e"
VIEW, TYPE, INPUT, RESIZE = b"V", b"T", b"I", b"W"
ATTACHED, OUTPUT, END = b"a", b"o", b"z"
STDOUT, STDERR = b"1", b"2"

#: Text of FAILED for a runtime that has not started its container; it has said why elsewhere.
RUNTIME_FAILED = "the runtime has failed"

_u32 = struct.Struct("<I")


class FrameError(ValueError):
    """The peer sent something that is not a frame, or one beyond the bound."""


def encode(*fields: bytes) -> bytes:
    """One frame, ready to be written."""
    pack = _u32.pack
    parts = [b""]
    for field in fields:
        parts.append(pack(len(field)))
        parts.append(field)
    size = sum(map(len, parts))
    if size > FRAME_MAX:
        raise FrameError(f"a frame of {size} bytes exceeds {FRAME_MAX}")
    parts[0] = pack(size)
    return b"".join(parts)


def join(items: list[bytes]) -> bytes:
    """A list as one field; see `split`."""
    return b"".join([item + b"\0" for item in items])


def split(field: bytes) -> list[bytes]:
    return field.split(b"\0")[:-1]


class Decoder:
    """Bytes in any pieces to frames; holds at most one incomplete frame."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[list[bytes]]:
        """Every frame completed by `data`; raises `FrameError` and is of no use afterwards."""
        pending = self._pending
        pending += data
        start = 0
        while len(pending) - start >= 4:
            (size,) = _u32.unpack_from(pending, start)
            if size > FRAME_MAX:
                raise FrameError(f"a frame of {size} bytes exceeds {FRAME_MAX}")
            end = start + 4 + size
            if len(pending) < end:
                break
            frame = bytes(pending[start + 4 : end])
            start = end
            yield _fields(frame)
        del pending[:start]


def _fields(frame: bytes) -> list[bytes]:
    fields = []
    position, end = 0, len(frame)
    while position < end:
        if position + 4 > end:
            raise FrameError("truncated field length")
        (size,) = _u32.unpack_from(frame, position)
        position += 4
        if position + size > end:
            raise FrameError("field beyond the end of its frame")
        fields.append(frame[position : position + size])
        position += size
    if not fields:
        raise FrameError("empty frame")
    return fields
