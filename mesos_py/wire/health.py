"""Checks of tasks: those that kill (HealthCheck) and those that only report (CheckInfo).

Mesos: include/mesos/v1/mesos.proto.
"""

from __future__ import annotations

from mesos_py.wire.command import CommandInfo
from mesos_py.wire.network import IPProtocol
from mesos_py.wire.schema import WireEnum, message, opt, rep, req


@message
class CheckInfo:
    """A check that is reported and never kills; exactly one of command, http and tcp goes with `type`."""

    class Type(WireEnum):
        UNKNOWN = 0
        COMMAND = 1
        HTTP = 2
        TCP = 3

    @message
    class Command:
        command: CommandInfo = req(1)

    @message
    class Http:
        port: int = req(1, kind="uint32")
        path: str | None = opt(2)

    @message
    class Tcp:
        port: int = req(1, kind="uint32")

    type: Type | None = opt(1)
    command: Command | None = opt(2)
    http: Http | None = opt(3)
    tcp: Tcp | None = opt(7)
    #: wait after TASK_RUNNING/STARTING
    delay_seconds: float = opt(4, default=15.0)
    interval_seconds: float = opt(5, default=10.0)
    #: 0 = infinite; timeout => empty result
    timeout_seconds: float = opt(6, default=20.0)


@message
class HealthCheck:
    """A check that kills the task after `consecutive_failures` failures in a row."""

    class Type(WireEnum):
        UNKNOWN = 0
        COMMAND = 1
        HTTP = 2
        TCP = 3

    @message
    class HTTPCheckInfo:
        port: int = req(1, kind="uint32")
        path: str | None = opt(2)
        #: http|https, default http
        scheme: str | None = opt(3)
        #: ignored by built-in executors (they take 200..399)
        statuses: tuple[int, ...] = rep(4, kind="uint32")
        protocol: IPProtocol = opt(5, default=IPProtocol.IPv4)

    @message
    class TCPCheckInfo:
        port: int = req(1, kind="uint32")
        protocol: IPProtocol = opt(2, default=IPProtocol.IPv4)

    delay_seconds: float = opt(2, default=15.0)
    interval_seconds: float = opt(3, default=10.0)
    #: 0 = infinite; timeout counts as failure
    timeout_seconds: float = opt(4, default=20.0)
    #: task is killed when this many consecutive failures are reached
    consecutive_failures: int = opt(5, default=3, kind="uint32")
    #: failures ignored until first success within this window after launch
    grace_period_seconds: float = opt(6, default=10.0)
    type: Type | None = opt(8)
    command: CommandInfo | None = opt(7)
    http: HTTPCheckInfo | None = opt(1)
    tcp: TCPCheckInfo | None = opt(9)


@message
class CheckStatusInfo:
    """The latest result of a check; empty until there is one."""

    @message
    class Command:
        exit_code: int | None = opt(1, kind="int32")

    @message
    class Http:
        status_code: int | None = opt(1, kind="uint32")

    @message
    class Tcp:
        succeeded: bool | None = opt(1)

    type: CheckInfo.Type | None = opt(1)
    command: Command | None = opt(2)
    http: Http | None = opt(3)
    tcp: Tcp | None = opt(4)
