"""How one knows that a task does well: health checks, Mesos' own checks, and readiness during a deployment.

Times are in seconds.
"""

from __future__ import annotations

import attrs

from frameworks.marathon_py.definitions.fields import Written, field, flag, integer, items, one_of, record, switch, text
from frameworks.marathon_py.definitions.network import PORT

HTTP, HTTPS, TCP, COMMAND = "HTTP", "HTTPS", "TCP", "COMMAND"
#: probed by the leader; what is not is probed by agents
OF_MARATHON = (HTTP, HTTPS, TCP)
OF_MESOS = ("MESOS_HTTP", "MESOS_HTTPS", "MESOS_TCP")

_SECONDS = integer(0)


@attrs.frozen(kw_only=True)
class Command:
    """What a health check runs in a shell."""

    value: str = field(text(1))


@attrs.frozen(kw_only=True)
class HealthCheck:
    """A task that fails it too often in a row is killed; ``max_consecutive_failures`` 0: it is not."""

    protocol: str = field(one_of(*OF_MARATHON, COMMAND, *OF_MESOS), HTTP)
    path: str | None = field(text(), None)
    port: int | None = field(PORT, None)
    port_index: int | None = field(PORT, None)
    command: Command | None = field(record(Command), None)
    grace_period_seconds: int = field(_SECONDS, 300)
    interval_seconds: int = field(_SECONDS, 60)
    timeout_seconds: int = field(integer(), 20)
    max_consecutive_failures: int = field(_SECONDS, 3)
    delay_seconds: int = field(_SECONDS, 15)
    ignore_http1xx: bool | None = field(flag(), None)
    ip_protocol: str = field(one_of("IPv4", "IPv6"), "IPv4")


@attrs.frozen(kw_only=True)
class HttpCheck:
    """A request to a port, by its number or its place."""

    port_index: int | None = field(PORT, None)
    port: int | None = field(PORT, None)
    path: str | None = field(text(1, 1024), None)
    scheme: str = field(one_of(HTTP, HTTPS), HTTP)


@attrs.frozen(kw_only=True)
class TcpCheck:
    """A connection to a port."""

    port_index: int | None = field(PORT, None)
    port: int | None = field(PORT, None)


@attrs.frozen(kw_only=True)
class Shell:
    """A line for a shell."""

    shell: str = field(text(1))


@attrs.frozen(kw_only=True)
class Argv:
    """A program and its arguments."""

    argv: tuple[str, ...] = field(items(text(), least=1))


_SHELL, _ARGV = record(Shell, "undefined"), record(Argv)
#: what pods and checks run
MESOS_COMMAND = switch(
    lambda value: _ARGV if isinstance(value, dict) and value.get("argv") is not None else _SHELL,
    lambda made: (_SHELL if isinstance(made, Shell) else _ARGV).show(made),
    (_SHELL, _ARGV),
)


@attrs.frozen(kw_only=True)
class CommandCheck:
    """A command in the container."""

    command: Shell | Argv = field(MESOS_COMMAND)


@attrs.frozen(kw_only=True)
class Check:
    """What agents find out and tell; nobody is killed for it."""

    http: HttpCheck | None = field(record(HttpCheck), None)
    tcp: TcpCheck | None = field(record(TcpCheck), None)
    exec: CommandCheck | None = field(record(CommandCheck), None)
    interval_seconds: int = field(_SECONDS, 60)
    timeout_seconds: int = field(_SECONDS, 20)
    delay_seconds: int = field(_SECONDS, 15)


@attrs.frozen(kw_only=True)
class ReadinessCheck:
    """Asked of each new task of a deployment until it is ready once."""

    name: str = field(text(1), "readinessCheck")
    protocol: str = field(one_of(HTTP, HTTPS), HTTP)
    path: str = field(text(1), "/")
    port_name: str = field(text(), "http-api")
    interval_seconds: int = field(_SECONDS, 30)
    timeout_seconds: int = field(integer(1), 10)
    http_status_codes_for_ready: tuple[int, ...] = field(
        items(integer(100, 999), least=1, is_set=True), (200,), Written.ALWAYS
    )
    preserve_last_response: bool = field(flag(), False)
