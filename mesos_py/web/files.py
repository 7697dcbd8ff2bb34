"""/files/browse, read, download and debug, and what LIST_FILES and READ_FILE share with them.

What may be seen is ``mesos_py.files``' business; here are parameters, shapes and texts.
Mesos: src/files/files.cpp.
"""

from __future__ import annotations

import asyncio
import mimetypes
import os
import stat
from collections.abc import AsyncIterator

from mesos_py.files import Files
from mesos_py.web.request import Request
from mesos_py.web.response import OCTETS, Chunked, HttpError, Response, json
from mesos_py.web.router import Router
from mesos_py.wire.misc import FileInfo

PIECE_BYTES = 256 << 10  # read in one go while downloading


class FileEndpoints:
    """The four endpoints over one store."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def add_to(self, router: Router, *, realm: str) -> None:
        router.add("/files/browse", self.browse, realm=realm)
        router.add("/files/read", self.read, realm=realm)
        router.add("/files/download", self.download, realm=realm)
        router.add("/files/debug", self.debug, realm=realm)

    async def browse(self, request: Request) -> Response:
        return json([legacy_info(info) for info in self._files.browse(_path(request))], request.query.get("jsonp"))

    async def read(self, request: Request) -> Response:
        offset = _number(request, "offset")
        length = _number(request, "length")
        position, data, _ = self._files.read(_path(request), offset, length)
        shown = {"offset": position, "data": data.decode("utf-8", "replace")}
        return json(shown, request.query.get("jsonp"))

    async def download(self, request: Request) -> Chunked:
        fd, size, name = self._files.open(_path(request))
        kind = mimetypes.guess_type(name)[0] or OCTETS
        disposition = (("Content-Disposition", f"attachment; filename={name}"),)
        return Chunked(_pieces(fd, size), kind, headers=disposition, length=size)

    async def debug(self, request: Request) -> Response:
        return json(self._files.debug(), request.query.get("jsonp"))


def legacy_info(info: FileInfo) -> dict[str, object]:
    """One line of a listing, as /files/browse shows it."""
    return {
        "gid": info.gid,
        "mode": stat.filemode(info.mode or 0),
        "mtime": (info.mtime.nanoseconds if info.mtime is not None else 0) / 1e9,
        "nlink": info.nlink,
        "path": info.path,
        "size": info.size,
        "uid": info.uid,
    }


async def _pieces(fd: int, size: int) -> AsyncIterator[bytes]:
    """At most ``size`` bytes of the file, which is closed at the end, however it comes."""
    try:
        while size > 0:
            piece = os.read(fd, min(PIECE_BYTES, size))
            if not piece:
                return
            size -= len(piece)
            yield piece
            await asyncio.sleep(0)
    finally:
        os.close(fd)


def _path(request: Request) -> str:
    path = request.query.get("path")
    if not path:
        raise HttpError(400, "Expecting 'path=value' in query.\n")
    return path


def _number(request: Request, name: str) -> int | None:
    """The parameter; None when absent or -1. Texts: Mesos src/files/files.cpp FilesProcess::read."""
    text = request.query.get(name)
    if text is None:
        return None
    try:
        number = int(text)
    except ValueError:
        raise HttpError(400, f"Failed to parse {name}: Failed to convert '{text}' to number.\n") from None
    if number < -1:
        raise HttpError(400, f"Negative {name} provided: {number}.\n")
    if number >= 1 << 63:
        raise HttpError(400, f"Failed to parse {name}: Failed to convert '{text}' to number.\n")
    return None if number == -1 else number
