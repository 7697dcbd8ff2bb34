"""What we say we are: the version of master and agent as every endpoint tells it.

There is no build: the date is that of the Mesos release whose wire we speak, the user names this package.
Mesos: src/common/build.cpp.
"""

from __future__ import annotations

from mesos_py import MESOS_VERSION, __version__
from mesos_py.wire.misc import VersionInfo

VERSION = VersionInfo(
    version=MESOS_VERSION,
    build_date="2024-08-01 00:00:00 UTC",
    build_time=1722470400.0,
    build_user=f"mesos_py-{__version__}",
)


def version_json() -> dict[str, object]:
    """The version as legacy endpoints show it."""
    return {
        "build_date": VERSION.build_date,
        "build_time": VERSION.build_time,
        "build_user": VERSION.build_user,
        "version": VERSION.version,
    }
