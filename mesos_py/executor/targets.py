"""What a check looks at, and what it may find.

Mesos: src/checks/checks_runtime.hpp, src/checks/checks_types.hpp.
"""

from __future__ import annotations

from typing import Final

from mesos_py.machine.values import value
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.health import CheckInfo, HealthCheck
from mesos_py.wire.network import IPProtocol

#: addresses, because an image need not know "localhost"
LOOPBACK, LOOPBACK_IPV6 = "127.0.0.1", "::1"

EXITED: Final = 0  # the wait(2) status of a command that says that all is well
SIGKILLED: Final = 9


@value
class Http:
    url: str


@value
class Tcp:
    host: str
    port: int


Target = CommandInfo | Http | Tcp


@value
class Found:
    """What a probe has found; neither field: nobody can tell, as if it had not been made."""

    #: of a command its wait(2) status, of HTTP the status code, of TCP whether there is a connection (1 or 0)
    value: int | None = None
    #: why there is no value: the task's fault
    error: str | None = None

    @property
    def is_known(self) -> bool:
        return self.value is not None or self.error is not None


def health_target(check: HealthCheck) -> Target | None:
    """None: of a kind that we do not know."""
    if check.type is HealthCheck.Type.COMMAND:
        return check.command
    if check.type is HealthCheck.Type.HTTP and check.http is not None:
        http = check.http
        return _http(http.scheme or "http", _loopback(http.protocol), http.port, http.path)
    if check.type is HealthCheck.Type.TCP and check.tcp is not None:
        return Tcp(_loopback(check.tcp.protocol), check.tcp.port)
    return None


def check_target(check: CheckInfo) -> Target | None:
    """None: of a kind that we do not know."""
    if check.type is CheckInfo.Type.COMMAND and check.command is not None:
        return check.command.command
    if check.type is CheckInfo.Type.HTTP and check.http is not None:
        return _http("http", LOOPBACK, check.http.port, check.http.path)
    if check.type is CheckInfo.Type.TCP and check.tcp is not None:
        return Tcp(LOOPBACK, check.tcp.port)
    return None


def _loopback(protocol: IPProtocol) -> str:
    return LOOPBACK_IPV6 if protocol is IPProtocol.IPv6 else LOOPBACK


def _http(scheme: str, host: str, port: int, path: str | None) -> Http:
    where = f"[{host}]" if ":" in host else host
    return Http(f"{scheme}://{where}:{port}{path or ''}")
