"""Writing below the sandbox: every name is relative, and no link is followed on the way.

An archive may hold a link and then a file "through" it, and in a nested sandbox an executor may meddle while we
write; so each directory is opened from the one above with O_NOFOLLOW, and files are made beside their name and
renamed, never opened where something already is.
"""

from __future__ import annotations

import os

from .problem import FetchError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Protocol, Self

    class Sink(Protocol):
        """What is fetched goes into one, within a ``with``."""

        size: int

        def write(self, data: bytes) -> None: ...
        def __enter__(self) -> Self: ...
        def __exit__(self, kind: object, *_: object) -> None: ...

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

CHUNK = 1024 * 1024


def parts_of(name: str) -> list[str]:
    """The components of a relative name that stays below; raises FetchError for any other."""
    if name.startswith("/"):
        raise FetchError(f"'{name}' is an absolute path")
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if ".." in parts or "\0" in name:
        raise FetchError(f"'{name}' leads out of the sandbox")
    return parts


class Sandbox:
    """The directory everything is written below."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._root = os.open(path, _DIRECTORY)

    def directory(self, parts: list[str]) -> int:
        """A descriptor of the directory, made with those above it if absent; the caller closes it.

        A link is refused even when it leads to a place inside: an archive that needs that is an odd one.
        """
        fd = os.dup(self._root)
        for part in parts:
            try:
                inner = _enter(part, fd)
            except OSError as exc:
                raise FetchError(f"cannot create directory '{'/'.join(parts)}': {exc.strerror}") from exc
            finally:
                os.close(fd)
            fd = inner
        return fd

    def open(self, parts: list[str]) -> IO[bytes]:
        """A file in the sandbox, for reading."""
        parent = self.directory(parts[:-1])
        try:
            fd = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=parent)
        except OSError as exc:
            raise FetchError(f"cannot open '{'/'.join(parts)}': {exc.strerror}") from exc
        finally:
            os.close(parent)
        return os.fdopen(fd, "rb")

    def create(self, parts: list[str], mode: int = 0o644) -> Output:
        """A new file that takes its name when it is complete."""
        if not parts:
            raise FetchError("a file without a name")
        parent = self.directory(parts[:-1])
        temporary = f".{parts[-1][:200]}.{os.getpid()}.part"
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            fd = os.open(temporary, flags, 0o644, dir_fd=parent)
        except OSError as exc:
            os.close(parent)
            raise FetchError(f"cannot create '{'/'.join(parts)}': {exc.strerror}") from exc
        return Output(parent, fd, temporary, "/".join(parts), mode)

    def symlink(self, target: str, parts: list[str]) -> None:
        """A link whose target stays inside the sandbox; anything else is refused."""
        depth = len(parts) - 1
        if target.startswith("/"):
            raise FetchError(f"link '{'/'.join(parts)}' points to '{target}', out of the sandbox")
        for part in target.split("/"):
            if part == "..":
                depth -= 1
            elif part not in {"", "."}:
                depth += 1
            if depth < 0:
                raise FetchError(f"link '{'/'.join(parts)}' points to '{target}', out of the sandbox")
        parent = self.directory(parts[:-1])
        try:
            self._remove(parts[-1], parent)
            os.symlink(target, parts[-1], dir_fd=parent)
        except OSError as exc:
            raise FetchError(f"cannot create link '{'/'.join(parts)}': {exc.strerror}") from exc
        finally:
            os.close(parent)

    def link(self, source: list[str], parts: list[str]) -> None:
        """A hard link to a file in the sandbox, both reached without following links."""
        origin, parent = self.directory(source[:-1]), self.directory(parts[:-1])
        try:
            self._remove(parts[-1], parent)
            os.link(source[-1], parts[-1], src_dir_fd=origin, dst_dir_fd=parent, follow_symlinks=False)
        except OSError as exc:
            raise FetchError(f"cannot link '{'/'.join(parts)}' to '{'/'.join(source)}': {exc.strerror}") from exc
        finally:
            os.close(origin)
            os.close(parent)

    def _remove(self, name: str, parent: int) -> None:
        try:
            os.unlink(name, dir_fd=parent)
        except FileNotFoundError:
            return


def _enter(name: str, parent: int) -> int:
    try:
        return os.open(name, _DIRECTORY, dir_fd=parent)
    except FileNotFoundError:
        os.mkdir(name, 0o755, dir_fd=parent)
        return os.open(name, _DIRECTORY, dir_fd=parent)


class Output:
    """A file under way; `with` it either appears complete or not at all."""

    def __init__(self, parent: int, fd: int, temporary: str, name: str, mode: int) -> None:
        self._parent, self._fd, self._temporary, self._mode = parent, fd, temporary, mode
        self.name = name
        self.size = 0

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                written = os.write(self._fd, view)
            except OSError as exc:
                raise FetchError(f"cannot write '{self.name}': {exc.strerror}") from exc
            self.size += written
            view = view[written:]

    def __enter__(self) -> Output:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                os.fchmod(self._fd, self._mode)
                os.rename(
                    self._temporary, self.name.rpartition("/")[2], src_dir_fd=self._parent, dst_dir_fd=self._parent
                )  # fmt: skip
            else:
                os.unlink(self._temporary, dir_fd=self._parent)
        except OSError as exc:
            raise FetchError(f"cannot create '{self.name}': {exc.strerror}") from exc
        finally:
            os.close(self._fd)
            os.close(self._parent)
