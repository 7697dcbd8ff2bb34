"""Backups of Marathon's state: everything that is kept, in one file or one object of S3, by the URI that an operator
has named.

It begins with a line of its own, so that nobody restores it as something else; what follows is ``coordination``'s
format, which tells what was cut off or altered from what is whole.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from frameworks.marathon_py.shell import s3
from mesos_py.coordination import Key
from mesos_py.coordination.backup import Backup, BadBackup
from mesos_py.machine.values import Nanos

MAGIC = b"marathon-py backup\n"


def check(uri: str) -> None:
    """Raises ValueError for what is no place for backups."""
    if _is_s3(uri):
        s3.check(uri)
    else:
        _path_of(uri)


def _is_s3(uri: str) -> bool:
    return uri.startswith("s3:")


def _path_of(uri: str) -> Path:
    parts = urlsplit(uri)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost") or not parts.path[1:] or parts.path[0] != "/":
        raise ValueError(f"'{s3.shown(uri)}' is no place for backups: use file:///path or s3://bucket/key")
    return Path(unquote(parts.path))


async def write(uri: str, records: Mapping[Key, bytes], source: str, now: Nanos) -> None:
    """It is there as a whole, in the place of any former one. Raises ValueError, OSError."""
    made = Backup(records=records, made_ns=now, source=source, epoch=0, owner="", serial=0)
    contents = MAGIC + made.encode()
    if _is_s3(uri):
        await s3.put(uri, contents)
    else:
        _write_file(_path_of(uri), contents)


def _write_file(path: Path, contents: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "wb", opener=_private) as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


async def read(uri: str) -> Mapping[Key, bytes]:
    """What was kept then. Raises ValueError, OSError, BadBackup."""
    contents = await s3.get(uri) if _is_s3(uri) else _path_of(uri).read_bytes()
    if not contents.startswith(MAGIC):
        raise BadBackup(f"{s3.shown(uri)} is no backup of Marathon's state")
    return Backup.decode(contents.removeprefix(MAGIC)).records


def _private(path: str, flags: int) -> int:
    """For its owner's eyes: environments have secrets in them."""
    return os.open(path, flags, 0o600)
