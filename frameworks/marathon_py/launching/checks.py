"""Health checks and checks that agents run, as tasks carry them. Those that Marathon runs are ``instances.health``.

A task has at most one health check for its agent. Agents look at a task from inside its network, so that they are told
the container's port where it has one.

Source: mesosphere/marathon .../core/health/HealthCheck.scala, .../core/check/Check.scala.
"""

from __future__ import annotations

from collections.abc import Mapping

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.checks import COMMAND, OF_MESOS, Argv, Check, HealthCheck, Shell
from frameworks.marathon_py.definitions.network import PortMapping
from frameworks.marathon_py.definitions.pods import Pod, PodCheck, PodContainer, PodHealthCheck
from frameworks.marathon_py.launching.ports import HostPorts, inside, is_on_host
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.health import CheckInfo
from mesos_py.wire.health import HealthCheck as MesosHealthCheck
from mesos_py.wire.network import IPProtocol


def health_of_app(app: App, host_ports: HostPorts) -> MesosHealthCheck | None:
    for check in app.health_checks:
        if check.protocol == COMMAND and check.command is not None:
            return _health(check, command=CommandInfo(value=check.command.value))
        if check.protocol in OF_MESOS:
            port = _port(app, host_ports, check.port, check.port_index)
            if port is not None:
                return _of_mesos(check, port)
    return None


def _of_mesos(check: HealthCheck, port: int) -> MesosHealthCheck:
    protocol = IPProtocol[check.ip_protocol]
    if check.protocol == "MESOS_TCP":
        return _health(check, tcp=MesosHealthCheck.TCPCheckInfo(port=port, protocol=protocol))
    scheme = "https" if check.protocol == "MESOS_HTTPS" else "http"
    http = MesosHealthCheck.HTTPCheckInfo(port=port, path=check.path, scheme=scheme, protocol=protocol)
    return _health(check, http=http)


def _health(
    check: HealthCheck | PodHealthCheck, command: CommandInfo | None = None,
    http: MesosHealthCheck.HTTPCheckInfo | None = None, tcp: MesosHealthCheck.TCPCheckInfo | None = None,
) -> MesosHealthCheck:  # fmt: skip
    """One of the three is given."""
    type_ = MesosHealthCheck.Type.COMMAND if command is not None else MesosHealthCheck.Type.HTTP
    return MesosHealthCheck(
        type=type_ if tcp is None else MesosHealthCheck.Type.TCP, command=command, http=http, tcp=tcp,
        delay_seconds=float(check.delay_seconds), interval_seconds=float(check.interval_seconds),
        timeout_seconds=float(check.timeout_seconds), consecutive_failures=check.max_consecutive_failures,
        grace_period_seconds=float(check.grace_period_seconds),
    )  # fmt: skip


def check_of_app(app: App, host_ports: HostPorts) -> CheckInfo | None:
    check = app.check
    if check is None:
        return None
    if check.exec is not None:
        return _check(check, command=command(check.exec.command))
    if check.http is not None:
        port = _port(app, host_ports, check.http.port, check.http.port_index)
        return None if port is None else _check(check, http=CheckInfo.Http(port=port, path=check.http.path))
    if check.tcp is not None:
        port = _port(app, host_ports, check.tcp.port, check.tcp.port_index)
        return None if port is None else _check(check, tcp=CheckInfo.Tcp(port=port))
    return None


def _check(
    check: Check | PodCheck, command: CommandInfo | None = None, http: CheckInfo.Http | None = None,
    tcp: CheckInfo.Tcp | None = None,
) -> CheckInfo:  # fmt: skip
    """One of the three is given."""
    type_ = CheckInfo.Type.COMMAND if command is not None else CheckInfo.Type.HTTP
    return CheckInfo(
        type=type_ if tcp is None else CheckInfo.Type.TCP, http=http, tcp=tcp,
        command=CheckInfo.Command(command=command) if command is not None else None,
        delay_seconds=float(check.delay_seconds), interval_seconds=float(check.interval_seconds),
        timeout_seconds=float(check.timeout_seconds),
    )  # fmt: skip


def _port(app: App, host_ports: HostPorts, port: int | None, index: int | None) -> int | None:
    """That number, or that of the port at ``index``; None: there is none."""
    if port is not None:
        return port
    if index is None or index >= len(app.ports):
        return None
    declared, host_port = app.ports[index], host_ports[index]
    return inside(declared.container_port, host_port) if isinstance(declared, PortMapping) else host_port


def command(given: Shell | Argv) -> CommandInfo:
    """What a check runs."""
    if isinstance(given, Shell):
        return CommandInfo(value=given.shell)
    return CommandInfo(shell=False, value=given.argv[0], arguments=given.argv)


# ---- of pods


def health_of_container(pod: Pod, container: PodContainer, host_ports: HostPorts) -> MesosHealthCheck | None:
    """``host_ports`` are those of the container's endpoints."""
    check = container.health_check
    if check is None:
        return None
    ports = _by_endpoint(pod, container, host_ports)
    if check.exec is not None:
        return _health(check, command=command(check.exec.command))
    if check.http is not None and check.http.endpoint in ports:
        http = MesosHealthCheck.HTTPCheckInfo(
            port=ports[check.http.endpoint], path=check.http.path, scheme=check.http.scheme.lower()
        )
        return _health(check, http=http)
    if check.tcp is not None and check.tcp.endpoint in ports:
        return _health(check, tcp=MesosHealthCheck.TCPCheckInfo(port=ports[check.tcp.endpoint]))
    return None


def check_of_container(pod: Pod, container: PodContainer, host_ports: HostPorts) -> CheckInfo | None:
    """``host_ports`` are those of the container's endpoints."""
    check = container.check
    if check is None:
        return None
    ports = _by_endpoint(pod, container, host_ports)
    if check.exec is not None:
        return _check(check, command=command(check.exec.command))
    if check.http is not None and check.http.endpoint in ports:
        return _check(check, http=CheckInfo.Http(port=ports[check.http.endpoint], path=check.http.path))
    if check.tcp is not None and check.tcp.endpoint in ports:
        return _check(check, tcp=CheckInfo.Tcp(port=ports[check.tcp.endpoint]))
    return None


def _by_endpoint(pod: Pod, container: PodContainer, host_ports: HostPorts) -> Mapping[str, int]:
    on_host = is_on_host(pod)
    return {
        end.name: port
        for end, host_port in zip(container.endpoints, host_ports, strict=True)
        if (port := host_port if on_host else inside(end.container_port or 0, host_port))
    }
