"""Backups of Marathon's state: everything that is kept, in one file, by the URI that an operator has named.

The file begins with a line of its own, so that nobody restores it as something else; what follows is ``coordination``'s
format, which tells what was cut off or altered from what is whole.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mesos_py.coordination import Key
from mesos_py.coordination.backup import Backup, BadBackup
from mesos_py.machine.values import Nanos

MAGIC = b"marathon-py backup\n"


def path_of(uri: str) -> Path:
    """The file that the URI names. Raises ValueError."""
    parts = urlsplit(uri)
    if parts.scheme == "s3":
        raise ValueError(f"'{uri}': there is nobody here who speaks to S3; use file:///path")
    if parts.scheme != "file" or parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise ValueError(f"'{uri}' is no place for backups: use file:///path")
    return Path(unquote(parts.path))


def write(uri: str, records: Mapping[Key, bytes], source: str, now: Nanos) -> None:
    """The file is there as a whole, in the place of any former one. Raises ValueError, OSError."""
    path = path_of(uri)
    path.parent.mkdir(parents=True, exist_ok=True)
    made = Backup(records=records, made_ns=now, source=source, epoch=0, owner="", serial=0)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "wb", opener=_private) as file:
            file.write(MAGIC + made.encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def read(uri: str) -> Mapping[Key, bytes]:
    """What was kept then. Raises ValueError, OSError, BadBackup."""
    contents = path_of(uri).read_bytes()
    if not contents.startswith(MAGIC):
        raise BadBackup(f"{uri} is no backup of Marathon's state")
    return Backup.decode(contents.removeprefix(MAGIC)).records


def _private(path: str, flags: int) -> int:
    """For its owner's eyes: environments have secrets in them."""
    return os.open(path, flags, 0o600)
