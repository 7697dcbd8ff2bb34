"""Small things the operator APIs answer with, and the rate limits file.

Mesos: include/mesos/v1/mesos.proto.
"""

from __future__ import annotations

from mesos_py.wire.schema import message, opt, rep, req
from mesos_py.wire.value import TimeInfo


@message
class VersionInfo:
    """The version of a master or agent."""

    version: str = req(1)
    build_date: str | None = opt(2)
    build_time: float | None = opt(3)
    build_user: str | None = opt(4)
    git_sha: str | None = opt(5)
    git_branch: str | None = opt(6)
    git_tag: str | None = opt(7)


@message
class Flag:
    """A flag and the value in effect."""

    name: str = req(1)
    value: str | None = opt(2)


@message
class Metric:
    """One metric."""

    name: str = req(1)
    value: float | None = opt(2)


@message
class FileInfo:
    """A file, as ls -l shows it."""

    path: str = req(1)
    nlink: int | None = opt(2, kind="int32")
    size: int | None = opt(3, kind="uint64")
    mtime: TimeInfo | None = opt(4)
    #: st_mode bits as integer
    mode: int | None = opt(5, kind="uint32")
    uid: str | None = opt(6)
    gid: str | None = opt(7)


@message
class RateLimit:
    """A principal's limit of calls."""

    #: absent = unthrottled
    qps: float | None = opt(1)
    principal: str = req(2)
    #: max queued messages; absent = unlimited; ignored without qps
    capacity: int | None = opt(3, kind="uint64")


@message
class RateLimits:
    """The contents of --rate_limits."""

    limits: tuple[RateLimit, ...] = rep(1)
    aggregate_default_qps: float | None = opt(2)
    aggregate_default_capacity: int | None = opt(3, kind="uint64")
