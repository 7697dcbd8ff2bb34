"""The newest ledger that a file of records has ever had, in a file beside it: ``registry.db-newest``.

SQLite keeps what it has not yet moved into its file in a second one. Of that it believes as much as it can read, and
of one that is cut off, damaged or gone it believes nothing, without a word: what is left is sound, and of yesterday.
The registry of a master that was killed would be an empty one. So whoever has committed notes it here afterwards, and
whoever takes over compares. A note costs no wait for the disk: it is never newer than what is safe, and an older one,
or none, only proves less. It goes with SQLite's second file, when that is closed in order.
"""

from __future__ import annotations

import os

from mesos_py.coordination import Corrupt
from mesos_py.coordination.ledger import Ledger

SUFFIX = "-newest"


class Newest:
    """Of the file of records ``path``. All of it raises OSError."""

    def __init__(self, path: str) -> None:
        self._file = path
        self.path = path + SUFFIX

    def read(self) -> Ledger:
        """To be read before the records are: they may be newer then, and never older. The first of all ledgers if
        nothing is noted."""
        try:
            with open(self.path, "rb") as file:
                return Ledger.decode(file.read())
        except (FileNotFoundError, Corrupt):  # the host may have lost its power while it was written
            return Ledger()

    def note(self, ledger: Ledger) -> None:
        """``ledger`` is committed."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            if os.geteuid() == 0:  # somebody restores a backup; the master is another user
                whose = os.stat(self._file)
                os.fchown(descriptor, whose.st_uid, whose.st_gid)
            data = ledger.encode()
            os.pwrite(descriptor, data, 0)
            os.ftruncate(descriptor, len(data))
        finally:
            os.close(descriptor)

    def remove(self) -> None:
        """Nothing is noted."""
        if os.path.lexists(self.path):
            os.unlink(self.path)


def is_older(found: Ledger, noted: Ledger) -> bool:
    return (found.epoch, found.serial) < (noted.epoch, noted.serial)
