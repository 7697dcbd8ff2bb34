"""Files of the cache, opened while we are still who the agent is: no task's user has any access to them.

A file that is to be read is read only if it is what the agent has seen. What cannot be kept or read is fetched into the
sandbox directly, so the cache never makes a fetch fail.
"""

from __future__ import annotations

import os

from .problem import FetchError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: What FetcherInfo calls them; Mesos: include/mesos/fetcher/fetcher.proto
DOWNLOAD, RETRIEVE = "DOWNLOAD_AND_CACHE", "RETRIEVE_FROM_CACHE"

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class CacheFull(FetchError):
    """The file is larger than it was said to be, or the disk is full."""


def hold(item: dict[str, Any], directory: str) -> int | None:
    """A descriptor of the file that belongs to an item; None without one. Raises OSError."""
    if item["action"] not in {DOWNLOAD, RETRIEVE}:
        return None
    os.makedirs(directory, 0o700, exist_ok=True)
    place = os.open(directory, _DIRECTORY)
    try:
        status = os.fstat(place)
        if status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise PermissionError(f"'{directory}' is not closed to others")
        above, _, name = item["cache_filename"].rpartition("/")
        if item["action"] == RETRIEVE:
            fd = os.open(f"{above or '.'}/{name}", _OLD, dir_fd=place)
            status = os.fstat(fd)
            if [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns] != item["signature"]:
                os.close(fd)
                raise FileNotFoundError(f"'{name}' is not what it was")
            return fd
        if above:
            _make(above, place)
        return os.open(f"{above or '.'}/{name}", _NEW, 0o600, dir_fd=place)
    finally:
        os.close(place)


def _make(name: str, place: int) -> None:
    try:
        os.mkdir(name, 0o700, dir_fd=place)
    except FileExistsError:
        return


class CacheOutput:
    """A file of the cache under way; of exactly so many bytes, or it is given up."""

    def __init__(self, fd: int, size_max: int) -> None:
        self._fd, self._size_max = fd, size_max
        self.size = 0

    def write(self, data: bytes) -> None:
        if self.size + len(data) > self._size_max:
            raise CacheFull(f"larger than the {self._size_max} bytes that were announced")
        done = 0
        try:
            while done < len(data):
                done += os.write(self._fd, data[done:])
        except OSError as exc:
            raise CacheFull(f"cannot write to the cache: {exc.strerror}") from exc
        self.size += done

    def __enter__(self) -> CacheOutput:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            os.ftruncate(self._fd, 0)
