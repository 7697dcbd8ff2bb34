"""Unpacking archives into the sandbox, judging every entry before it is written.

Refused (the whole fetch fails): names that are absolute or lead out, links that do, hard links to anything outside
or through a link, devices, FIFOs; anything beyond `extract_entries_max` entries or `extract_max` bytes, counted
while they are written, not as the archive claims. Set-uid, set-gid and sticky bits are dropped; so are owners: the
files belong to whom we run as (X06, spec/faults.md).
Mesos: src/launcher/fetcher.cpp extract(); there libarchive and gunzip do it.
"""

from __future__ import annotations

import gzip
import lzma
import os
import stat
import tarfile
import zipfile
import zlib

from .problem import FetchError
from .sandbox import CHUNK, Sandbox, parts_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Protocol

    class Readable(Protocol):
        def read(self, size: int, /) -> bytes: ...

TAR = (".tar", ".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz")

#: What the decoders raise on bytes that are no such archive.
_CORRUPT = (
    tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, OSError, ValueError,
    RuntimeError, MemoryError, OverflowError,
)  # fmt: skip


class Budget:
    """What one archive may still unpack to."""

    def __init__(self, *, extract_max: int, extract_entries_max: int) -> None:
        self._bytes_max, self._entries_max = extract_max, extract_entries_max
        self._bytes = self._entries = 0

    def entry(self) -> None:
        self._entries += 1
        if self._entries > self._entries_max:
            raise FetchError(f"more than {self._entries_max} entries (extract_entries_max)")

    def data(self, size: int) -> None:
        self._bytes += size
        if self._bytes > self._bytes_max:
            raise FetchError(f"unpacks to more than {self._bytes_max} bytes (extract_max)")


def is_archive(name: str) -> bool:
    """By its name, as Mesos tells."""
    return name.endswith((*TAR, ".zip", ".gz"))


def extract(raw: IO[bytes], name: str, sandbox: Sandbox, budget: Budget) -> None:
    """Unpack the archive of that name into the sandbox itself. Raises FetchError."""
    try:
        if name.endswith(TAR):
            _extract_tar(raw, sandbox, budget)
        elif name.endswith(".zip"):
            _extract_zip(raw, sandbox, budget)
        else:
            _extract_gz(raw, parts_of(name.removesuffix(".gz")), sandbox, budget)
    except FetchError as exc:
        raise FetchError(f"Failed to extract '{name}': {exc}") from exc
    except _CORRUPT as exc:
        raise FetchError(f"Failed to extract '{name}': {exc or type(exc).__name__}") from exc


def _extract_tar(raw: IO[bytes], sandbox: Sandbox, budget: Budget) -> None:
    directories: list[tuple[list[str], int]] = []
    with tarfile.open(fileobj=raw, mode="r:*") as archive:
        while (member := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # a million entries need not be remembered
            budget.entry()
            parts = parts_of(member.name)
            if member.isdir():
                os.close(sandbox.directory(parts))
                directories.append((parts, member.mode))
            elif member.isreg():
                source = archive.extractfile(member)
                assert source is not None
                _copy(source, sandbox, parts, member.mode, budget)
            elif member.issym():
                sandbox.symlink(member.linkname, parts)
            elif member.islnk():
                sandbox.link(parts_of(member.linkname), parts)
            else:
                raise FetchError(f"'{member.name}' is a device or FIFO")
    _set_modes(sandbox, directories)


def _extract_zip(raw: IO[bytes], sandbox: Sandbox, budget: Budget) -> None:
    with zipfile.ZipFile(raw) as archive:
        for info in archive.infolist():
            budget.entry()
            parts = parts_of(info.filename)
            mode = info.external_attr >> 16
            if info.is_dir():
                os.close(sandbox.directory(parts))
            elif stat.S_ISLNK(mode):
                if info.file_size > 4096:
                    raise FetchError(f"link '{info.filename}' is too long")
                sandbox.symlink(archive.read(info).decode(errors="surrogateescape"), parts)
            elif stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
                raise FetchError(f"'{info.filename}' is a device or FIFO")
            else:
                with archive.open(info) as source:
                    _copy(source, sandbox, parts, mode or 0o644, budget)


def _extract_gz(raw: IO[bytes], parts: list[str], sandbox: Sandbox, budget: Budget) -> None:
    budget.entry()
    with gzip.GzipFile(fileobj=raw) as source:
        _copy(source, sandbox, parts, 0o644, budget)


def _copy(source: Readable, sandbox: Sandbox, parts: list[str], mode: int, budget: Budget) -> None:
    with sandbox.create(parts, mode & 0o777 & ~0o022 | 0o600) as output:
        while data := source.read(CHUNK):
            budget.data(len(data))
            output.write(data)


def _set_modes(sandbox: Sandbox, directories: list[tuple[list[str], int]]) -> None:
    """Afterwards, so that a read-only directory can be filled; and always ours to enter and empty."""
    for parts, mode in directories:
        if parts:
            fd = sandbox.directory(parts)
            os.fchmod(fd, mode & 0o777 & ~0o022 | 0o700)
            os.close(fd)
