"""Files that may be read over HTTP: virtual paths attached to real ones, and nothing else on the machine.

A sandbox belongs to a task, which may fill it with links, swap directories for links while we look, and put FIFOs
and devices where a log is expected. So a path is walked from the attached root one component at a time, each opened
relative to the one before with O_PATH | O_NOFOLLOW: what is checked is what is opened. Links are followed by hand and
only while they stay inside the root; an absolute target inside the root counts from the root. Only regular files and
directories are ever opened for reading. Prefixes match whole components (spec/faults.md X01 to X05).

Knows nothing of HTTP: refusals are `FilesError` with the status and text Mesos answers.
Mesos: src/files/files.cpp
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import attrs

from mesos_py.wire.misc import FileInfo
from mesos_py.wire.value import TimeInfo

#: Bytes one read returns at most: 16 pages; Mesos: src/files/files.cpp FilesProcess::_read
READ_MAX = 16 * 4096

#: Longer paths name nothing: PATH_MAX of Linux.
PATH_MAX = 4096

#: Links followed for one path, as the kernel counts.
LINKS_MAX = 40

#: Entries of one directory that are listed; more would hold up everything else.
BROWSE_MAX = 100_000

_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class FilesError(Exception):
    """The path cannot be served; `status` is 400, 403, 404 or 500, `text` the body of the answer."""

    def __init__(self, status: int, text: str = "") -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text


@attrs.frozen
class _Attached:
    """One attached path: as given, and without links as it was when attached."""

    given: str
    real: str


class Files:
    """The attached paths of one master or agent. Methods read the disk and do not wait for anything else."""

    def __init__(self) -> None:
        #: virtual path, normalised, to what it stands for
        self._attached: dict[str, _Attached] = {}

    def attach(self, virtual: str, real: str, *, is_real: bool = False) -> None:
        """`virtual` and everything below it now means `real`; replaces what it meant before.

        `is_real` spares looking for links in `real`, a dozen system calls: the caller knows that there are none.
        """
        given = os.path.normpath(real)
        self._attached[_normal(virtual)] = _Attached(given, given if is_real else os.path.realpath(real))

    def detach(self, virtual: str) -> None:
        """It means nothing any more, if it did."""
        self._attached.pop(_normal(virtual), None)

    def meaning(self, virtual: str) -> str | None:
        """The real path it stands for, None when it means nothing."""
        attached = self._attached.get(_normal(virtual))
        return None if attached is None else attached.real

    def debug(self) -> dict[str, str]:
        """Every virtual path with its real one, by name."""
        return {virtual: attached.real for virtual, attached in sorted(self._attached.items())}

    def browse(self, path: str) -> list[FileInfo]:
        """What is in the directory, by path; nothing for a file."""
        with self._resolve(path) as (found, inside):
            if not stat.S_ISDIR(os.fstat(found).st_mode):
                return []
            listing = os.open(f"/proc/self/fd/{found}", _READ | os.O_DIRECTORY)
            try:
                names = os.listdir(listing)
            finally:
                os.close(listing)
            if len(names) > BROWSE_MAX:
                raise FilesError(500, f"More than {BROWSE_MAX} files in '{path}'.\n")
            infos = []
            base = _normal(path)
            for name in sorted(names):
                status = inside.status_of(found, name)
                if status is not None:
                    infos.append(_info(f"{base}/{name}", status))
            return infos

    def read(self, path: str, offset: int | None = None, length: int | None = None) -> tuple[int, bytes, int]:
        """(offset, data, size of the file); at most READ_MAX bytes.

        Offset None or -1 asks for the size: data is empty and the offset is the size.
        """
        if offset is not None and offset < -1:
            raise FilesError(400, f"Negative offset provided: {offset}.\n")
        if length is not None and length < -1:
            raise FilesError(400, f"Negative length provided: {length}.\n")
        with self._resolve(path) as (found, _):
            fd, size = _open_regular(found, path, "Cannot read a directory.\n")
        try:
            if offset is None or offset == -1:
                return size, b"", size
            wanted = READ_MAX if length is None or length == -1 else min(length, READ_MAX)
            # A file may be far shorter than any offset a client can write; pread knows 63 bits.
            data = os.pread(fd, min(wanted, size - offset), offset) if offset < size else b""
            return offset, data, size
        except OSError as exc:
            raise FilesError(500, f"Failed to read file '{path}': {exc.strerror}.\n") from exc
        finally:
            os.close(fd)

    def open(self, path: str) -> tuple[int, int, str]:
        """(descriptor, size, base name) for a download; the caller closes the descriptor."""
        try:
            with self._resolve(path) as (found, _):
                fd, size = _open_regular(found, path, "Cannot download a directory.\n")
        except FilesError as exc:
            if exc.status == 404:
                raise FilesError(404, "404 Not Found.") from exc
            raise
        return fd, size, _normal(path).rpartition("/")[2]

    @contextmanager
    def _resolve(self, path: str) -> Iterator[tuple[int, _Inside]]:
        """An O_PATH descriptor of what `path` names. Raises FilesError."""
        if not path:
            raise FilesError(400, "Expecting 'path=value' in query.\n")
        if "\0" in path or len(path) > PATH_MAX:
            raise FilesError(404)
        parts = _parts(path)
        if ".." in parts:
            raise _inaccessible(path)
        for count in range(len(parts), 0, -1):
            attached = self._attached.get("/" + "/".join(parts[:count]))
            if attached is not None:
                break
        else:
            raise FilesError(404)
        inside = _Inside(attached, path)
        try:
            yield inside.walk(parts[count:]), inside
        except UnicodeEncodeError as exc:
            raise FilesError(404) from exc
        finally:
            inside.close()


class _Inside:
    """A walk below one attached root: the descriptors from the root to where we are."""

    def __init__(self, attached: _Attached, path: str) -> None:
        self._attached = attached
        self._path = path
        self._stack: list[int] = []

    def walk(self, parts: list[str]) -> int:
        """A descriptor (ours, closed by `close`) of what `parts` lead to from the root. Raises FilesError."""
        self._to_root()
        pending = deque(parts)
        links = 0
        while pending:
            name = pending.popleft()
            if name == "..":  # from the target of a link
                self._up()
                continue
            try:
                fd = os.open(name, _LOOK, dir_fd=self._stack[-1])
            except OSError as exc:
                raise FilesError(404) from exc
            if not stat.S_ISLNK(os.fstat(fd).st_mode):
                self._stack.append(fd)
                continue
            links += 1
            if links > LINKS_MAX:
                os.close(fd)
                raise FilesError(404)
            pending.extendleft(reversed(self._follow(fd)))
        return self._stack[-1]

    def status_of(self, directory: int, name: str) -> os.stat_result | None:
        """Of an entry of `directory`: of what a link means when that is inside, else of the link itself."""
        try:
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except OSError:  # it went away between listing and looking
            return None
        if not stat.S_ISLNK(status.st_mode):
            return status
        other = _Inside(self._attached, self._path)
        try:
            return os.fstat(other.walk([*self._trail(), name]))
        except FilesError:
            return status
        finally:
            other.close()

    def close(self) -> None:
        while self._stack:
            os.close(self._stack.pop())

    def _trail(self) -> list[str]:
        """Where the walk ended, from the root; the kernel knows."""
        here = os.readlink(f"/proc/self/fd/{self._stack[-1]}")
        root = os.readlink(f"/proc/self/fd/{self._stack[0]}")
        return _parts(here[len(root) :]) if here.startswith(root) else [".."]

    def _to_root(self) -> None:
        self.close()
        try:
            self._stack.append(os.open(self._attached.real, _LOOK))
        except (OSError, ValueError) as exc:
            raise FilesError(404) from exc

    def _up(self) -> None:
        if len(self._stack) == 1:
            raise _inaccessible(self._path)
        os.close(self._stack.pop())

    def _follow(self, link: int) -> list[str]:
        """The parts of the link's target, from where we are or from the root."""
        try:
            target = os.readlink("", dir_fd=link)
        finally:
            os.close(link)
        if not target.startswith("/"):
            return _parts(target)
        for root in (self._attached.real, self._attached.given):
            if target == root or target.startswith(root.rstrip("/") + "/"):
                self._to_root()
                return _parts(target[len(root) :])
        raise _inaccessible(self._path)


def _open_regular(found: int, path: str, text_for_directory: str) -> tuple[int, int]:
    """A descriptor for reading the very file that was found, and its size."""
    mode = os.fstat(found).st_mode
    if stat.S_ISDIR(mode):
        raise FilesError(400, text_for_directory)
    if not stat.S_ISREG(mode):
        raise _inaccessible(path)
    try:
        fd = os.open(f"/proc/self/fd/{found}", _READ)
    except OSError as exc:
        raise FilesError(500, f"Failed to open file at '{path}': {exc.strerror}.\n") from exc
    return fd, os.fstat(fd).st_size


def _inaccessible(path: str) -> FilesError:
    return FilesError(400, f"'{path}' is inaccessible.\n")


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in {"", "."}]


def _normal(path: str) -> str:
    return "/" + "/".join(_parts(path))


def _info(path: str, status: os.stat_result) -> FileInfo:
    return FileInfo(
        # Names are bytes to the kernel; in JSON what is no UTF-8 cannot be said.
        path=os.fsencode(path).decode(errors="replace"),
        nlink=status.st_nlink,
        size=status.st_size,
        mtime=TimeInfo(nanoseconds=int(status.st_mtime) * 1_000_000_000),
        mode=status.st_mode,
        uid=_user_name(status.st_uid),
        gid=_group_name(status.st_gid),
    )


@lru_cache(maxsize=1024)
def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@lru_cache(maxsize=1024)
def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
