"""Why a CheckInfo or HealthCheck is refused.

Mesos: src/checks/checker.cpp validation::checkInfo, src/checks/health_checker.cpp validation::healthCheck.
"""

from __future__ import annotations

from mesos_py.validation.command import invalid_command
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.health import CheckInfo, HealthCheck

_Check = CheckInfo.Type
_Health = HealthCheck.Type

_CHECK_FIELDS = ((_Check.COMMAND, "command"), (_Check.HTTP, "http"), (_Check.TCP, "tcp"))
_HEALTH_FIELDS = ((_Health.COMMAND, "command"), (_Health.HTTP, "http"), (_Health.TCP, "tcp"))


def invalid_check(check: CheckInfo) -> str | None:
    if check.type is None:
        return "CheckInfo must specify 'type'"
    if check.type is _Check.UNKNOWN:
        return "'UNKNOWN' is not a valid check type"
    for type_, field in _CHECK_FIELDS:
        if check.type is type_ and getattr(check, field) is None:
            return f"Expecting '{field}' to be set for {type_.name} check"
    if check.type is _Check.COMMAND and check.command is not None:
        text = _invalid_check_command(check.command.command, "check")
    elif check.type is _Check.HTTP and check.http is not None:
        text = _invalid_path(check.http.path)
    else:
        text = None
    if text is not None:
        return text
    for type_, field in _CHECK_FIELDS:
        if check.type is not type_ and getattr(check, field) is not None:
            return f"'{field}' must not be set for {check.type.name} check"
    return _negative(check, ("delay_seconds", "interval_seconds", "timeout_seconds"))


def invalid_health_check(check: HealthCheck) -> str | None:
    if check.type is None:
        return "HealthCheck must specify 'type'"
    if check.type is _Health.UNKNOWN:
        return "'UNKNOWN' is not a valid health check type"
    for type_, field in _HEALTH_FIELDS:
        if check.type is type_ and getattr(check, field) is None:
            return f"Expecting '{field}' to be set for {type_.name} health check"
    if check.type is _Health.COMMAND and check.command is not None:
        text = _invalid_check_command(check.command, "health check")
    elif check.type is _Health.HTTP and check.http is not None:
        text = _invalid_scheme(check.http.scheme) or _invalid_path(check.http.path)
    else:
        text = None
    if text is not None:
        return text
    for type_, field in _HEALTH_FIELDS:
        if check.type is not type_ and getattr(check, field) is not None:
            return f"'{field}' must not be set for {check.type.name} health check"
    return _negative(check, ("delay_seconds", "grace_period_seconds", "interval_seconds", "timeout_seconds"))


def _invalid_check_command(command: CommandInfo, what: str) -> str | None:
    if command.value is None:
        return "Shell command is not specified" if command.shell else "Executable path is not specified"
    text = invalid_command(command)
    return f"{what.capitalize()}'s `CommandInfo` is invalid: {text}" if text is not None else None


def _invalid_path(path: str | None) -> str | None:
    if path is not None and not path.startswith("/"):
        return f"The path '{path}' of HTTP check must start with '/'"
    return None


def _invalid_scheme(scheme: str | None) -> str | None:
    if scheme not in (None, "http", "https"):
        return f"Unsupported HTTP health check scheme: '{scheme}'"
    return None


def _negative(check: CheckInfo | HealthCheck, fields: tuple[str, ...]) -> str | None:
    for field in fields:
        if not getattr(check, field) >= 0.0:
            return f"Expecting '{field}' to be non-negative"
    return None
