"""Where things come from: http and https, paths and file:// URIs; how large they are, and copying them.

A file is read with the rights of whom we run as. That may be root where the task is root in a root of its own, who may
not see the host's files: for him we are nobody, unless --fetcher_allowed_paths says what there is to fetch.
"""

from __future__ import annotations

import os
import stat
from errno import EACCES

from .problem import FetchError
from .sandbox import CHUNK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .download import Limits
    from .sandbox import Sink

#: What the kernel tells of itself and of others: no files, and nobody has to fetch them.
NEVER = ("/proc", "/sys", "/dev")

#: The kernel's uid and gid of those who are nobody; linux/highuid.h
NOBODY = 65534

#: Permission bits of what was downloaded, and of what is executable.
MODE, EXECUTABLE_MODE = 0o644, 0o755


def is_net(value: str) -> bool:
    return value.startswith(("http://", "https://"))


def base_name(value: str) -> str:
    """What follows the last slash, with any query: so Mesos names files."""
    return (value if "://" in value else value.rstrip("/")).rpartition("/")[2]


def obtain(value: str, info: dict[str, Any], make: Callable[[int], Sink]) -> int:
    """The bytes written to what `make` makes for a mode. Raises FetchError; then nothing is there."""
    if is_net(value):
        from .download import download

        return download(value, lambda: make(MODE), _limits(info))
    fd, mode = _open(value, info)
    with os.fdopen(fd, "rb") as file, make(mode) as output:
        while data := file.read(CHUNK):
            if output.size + len(data) > info["download_max"]:
                raise FetchError(f"'{value}' is larger than {info['download_max']} bytes (download_max)")
            output.write(data)
        return output.size


def measure(value: str, info: dict[str, Any]) -> tuple[int, int] | None:
    """Bytes and mode of what `obtain` would write; None when the server does not say. Raises FetchError."""
    if is_net(value):
        from .download import size_of

        size = size_of(value, _limits(info))
        return (size, MODE) if size else None  # Mesos: src/slave/containerizer/fetcher.cpp fetchSize
    fd, mode = _open(value, info)
    try:
        return os.fstat(fd).st_size, mode
    finally:
        os.close(fd)


def local_path(value: str, frameworks_home: str) -> str:
    """The path a file:// URI or a path names. Mesos: src/slave/containerizer/fetcher.cpp uriToLocalPath"""
    path = value
    if value.startswith("file://"):
        path = value.removeprefix("file://").removeprefix("localhost")
        if not path.startswith("/"):
            raise FetchError("File URI only supports absolute paths")
    if not path.startswith("/"):
        if not frameworks_home:
            raise FetchError(
                "A relative path was passed for the resource but the Mesos framework home was not specified. "
                "Please either provide this config option or avoid using a relative path"
            )
        path = os.path.join(frameworks_home, path)
    return path


def _open(value: str, info: dict[str, Any]) -> tuple[int, int]:
    """A descriptor and the mode of its copy: of a file that may be had. Raises FetchError."""
    scheme = value.partition("://")[0] if "://" in value else ""
    if scheme in {"ftp", "ftps"}:
        raise FetchError(f"cannot fetch '{value}': it needs an FTP client, and there is none")
    if scheme not in {"", "file"}:
        raise FetchError(f"cannot fetch '{value}': '{scheme}' needs the Hadoop client, and there is none")
    path = local_path(value, info["frameworks_home"])
    may_be_anybody = info["has_own_root"] and info["allowed_paths"] is None and os.geteuid() == 0
    if may_be_anybody:
        os.setgroups([])
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
    try:
        return _open_allowed(path, info)
    except OSError as exc:
        hint = " to those who are nobody (fetcher_allowed_paths)" if may_be_anybody and exc.errno == EACCES else ""
        raise FetchError(f"Failed to copy '{path}': {exc.strerror}{hint}") from exc
    finally:
        if may_be_anybody:
            os.seteuid(0)
            os.setegid(os.getgid())


def _open_allowed(path: str, info: dict[str, Any]) -> tuple[int, int]:
    """What is opened is what was looked at, wherever links have led. Nothing is woken or waited for by looking."""
    seen = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        status, place = os.fstat(seen), f"/proc/self/fd/{seen}"
        if not stat.S_ISREG(status.st_mode):
            raise FetchError(f"Failed to copy '{path}': not a regular file")
        real = os.readlink(place)
        if _is_below(real, [*NEVER, *info["denied_paths"]]):
            raise FetchError(f"Failed to copy '{path}': it is the kernel's or the agent's own")
        if info["allowed_paths"] is not None and not _is_below(real, info["allowed_paths"]):
            raise FetchError(f"Failed to copy '{path}': it is not in a place to fetch from (fetcher_allowed_paths)")
        return os.open(place, os.O_RDONLY | os.O_CLOEXEC), stat.S_IMODE(status.st_mode) & 0o755 | 0o600
    finally:
        os.close(seen)


def _is_below(path: str, places: list[str]) -> bool:
    return any(path == place or path.startswith(f"{place.rstrip('/')}/") for place in places)


def _limits(info: dict[str, Any]) -> Limits:
    from .download import Limits

    names = ("stall_timeout_s", "download_max", "redirects_max", "denied_networks")
    return Limits(**{name: info[name] for name in names})
