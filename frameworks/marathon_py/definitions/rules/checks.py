"""Rules about health checks, checks and readiness checks."""

from __future__ import annotations

from collections.abc import Iterator

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.checks import COMMAND, OF_MESOS
from frameworks.marathon_py.definitions.container import DOCKER
from frameworks.marathon_py.definitions.fields import Violation, element
from frameworks.marathon_py.definitions.rules.words import NOT_DEFINED, Rule
from frameworks.marathon_py.definitions.settings import Settings


def health_checks(app: App, settings: Settings) -> Iterator[Violation]:
    is_docker = app.container is not None and app.container.type == DOCKER
    for index, check in enumerate(app.health_checks):
        at = element("/healthChecks", index)
        if check.protocol == COMMAND:
            if check.command is None:
                yield Violation(f"{at}/command", NOT_DEFINED)
        elif check.command is not None:
            yield Violation(f"{at}/command", "must be undefined")
        elif (check.port is None) == (check.port_index is None):
            yield Violation(at, "HealthCheck must specify either a port or a portIndex")
        if check.protocol != COMMAND and check.port is None and not _is_port(app, check.port_index):
            text = "Health check port indices must address an element of the ports array or container port mappings."
            yield Violation(at, text)
        if check.ip_protocol == "IPv6" and not (is_docker and check.protocol in OF_MESOS):
            yield Violation(
                at, "IPv6 can only be used for container type DOCKER and Mesos http/https/tcp health checks"
            )
    if sum(check.protocol in OF_MESOS for check in app.health_checks) > 1:
        yield Violation("/", "AppDefinition can contain at most one Mesos health check")


def _is_port(app: App, index: int | None) -> bool:
    return index is not None and index < len(app.ports)


def check(app: App, settings: Settings) -> Iterator[Violation]:
    if app.check is None:
        return
    if app.container is not None and app.container.type == DOCKER:
        yield Violation("/", "AppDefinition must not use 'checks' if using docker")
    kinds = [kind for kind in (app.check.http, app.check.tcp, app.check.exec) if kind is not None]
    if len(kinds) != 1:
        yield Violation("/check", "Only one of http, tcp, or command may be specified")
    for reference in (app.check.http, app.check.tcp):
        if reference is not None and reference.port is None:
            only = 0 if len(app.ports) == 1 else None
            if not _is_port(app, reference.port_index if reference.port_index is not None else only):
                text = "check port index must address an element of the ports array or container port mappings."
                yield Violation("/check", text)


def readiness_checks(app: App, settings: Settings) -> Iterator[Violation]:
    checks = app.readiness_checks
    if len(checks) > 1:
        yield Violation("/readinessChecks", f"got {len(checks)}, expected 1 or less")
    names = [port.name for port in app.ports]
    for index, one in enumerate(checks):
        at = element("/readinessChecks", index)
        if one.port_name not in names:
            yield Violation(f"{at}/portName", f"No port definition reference for portName {one.port_name}")
        if one.timeout_seconds >= one.interval_seconds:
            text = f"got {one.timeout_seconds}, expected less than {one.interval_seconds}"
            yield Violation(f"{at}/timeoutSeconds", text)


CHECKS: tuple[Rule, ...] = (health_checks, check, readiness_checks)
