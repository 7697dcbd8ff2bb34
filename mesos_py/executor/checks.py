"""Checks of a task that runs: when each is made next, and what its result means.

::

    RUNNING --delay--> probe --result--> said, if it is news --interval--> probe ...
                         '-- timeout: a result, too

    health check:  success --> healthy, once; failures 0; the grace period is over
                   failure --> ignored within the grace period, else unhealthy; kills when there are enough in a row
    check:         the value is said whenever it is another one; nothing is killed

A task that is being killed is not checked any more, and a result that comes then is nobody's. What must outlive the
agent is in the task's ``Progress`` and in its last status, so there is no state here: a restarted agent checks at once
and goes on counting.

Mesos: src/checks/checker_process.cpp, src/checks/health_checker.cpp, src/checks/checker.cpp.
"""

from __future__ import annotations

from typing import Final

from mesos_py.executor.host import Host, empty_check_status
from mesos_py.executor.targets import EXITED, Found, check_target, health_target
from mesos_py.machine.values import MILLISECOND, Nanos, seconds
from mesos_py.wire.checkpoint import Progress
from mesos_py.wire.health import CheckInfo, CheckStatusInfo, HealthCheck
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskInfo, TaskStatus

HEALTH: Final = "health check"
CHECK: Final = "check"

INTERVAL_MIN: Final[Nanos] = 50 * MILLISECOND  # an interval of 0 is no reason to do nothing else
DURATION_MAX_S: Final = 1e9  # seconds; frameworks may say infinity

Reason = TaskStatus.Reason


def begin(host: Host, task: TaskInfo, container_id: str) -> None:
    """The task runs from now on: its checks come after their delays."""
    for what, check in _checks(task):
        host.set_timer(container_id, what, host.now + _duration(check.delay_seconds))


def resume(host: Host, task: TaskInfo, container_id: str) -> None:
    """The agent was restarted, and nobody knows what has happened since: look at once."""
    for what, _ in _checks(task):
        host.set_timer(container_id, what, host.now)


def end(host: Host, task: TaskInfo, container_id: str) -> None:
    """It is not checked any more."""
    for what, _ in _checks(task):
        host.cancel_timer(container_id, what)


def make(host: Host, task: TaskInfo, container_id: str, what: str) -> bool:
    """Make a check whose time has come; False: ``what`` is no check."""
    check = task.health_check if what == HEALTH else task.check if what == CHECK else None
    if check is None:
        return False
    target = health_target(check) if isinstance(check, HealthCheck) else check_target(check)
    if target is not None and host.last(task) is not None:
        timeout = _duration(check.timeout_seconds)
        host.probe(task, container_id, what, target, timeout or None)
    return True


def heard(
    host: Host, task: TaskInfo, container_id: str, what: str, found: Found, progress: Progress
) -> tuple[Progress, bool]:
    """Say what is new; what is known of the task now, and whether it is to be killed."""
    is_to_die = False
    if what == HEALTH and task.health_check is not None:
        if found.is_known:
            progress, is_to_die = _health(host, task, task.health_check, found, progress)
        interval = task.health_check.interval_seconds
    else:
        assert task.check is not None
        if found.is_known:
            _check(host, task, task.check, found)
        interval = task.check.interval_seconds
    host.set_timer(container_id, what, host.now + max(INTERVAL_MIN, _duration(interval)))
    return progress, is_to_die


# ---- parts


def _checks(task: TaskInfo) -> list[tuple[str, HealthCheck | CheckInfo]]:
    found: list[tuple[str, HealthCheck | CheckInfo]] = []
    if task.health_check is not None:
        found.append((HEALTH, task.health_check))
    if task.check is not None:
        found.append((CHECK, task.check))
    return found


def _duration(amount_s: float) -> Nanos:
    return seconds(min(max(amount_s, 0.0), DURATION_MAX_S))


def _health(
    host: Host, task: TaskInfo, check: HealthCheck, found: Found, progress: Progress
) -> tuple[Progress, bool]:
    last = host.last(task)
    reason = Reason.REASON_TASK_HEALTH_CHECK_STATUS_UPDATED
    if _is_success(check, found):
        if last is not None and last.healthy is not True:
            host.repeat(task, reason=reason, healthy=True)
        if not progress.succeeded or progress.failures:
            progress = evolve(progress, succeeded=True, failures=0)
        return progress, False
    grace, since = _duration(check.grace_period_seconds), progress.running_since
    if not progress.succeeded and since is not None and grace and host.now - min(since, host.now) <= grace:
        return progress, False
    progress = evolve(progress, failures=progress.failures + 1)
    host.repeat(task, reason=reason, healthy=False)
    return progress, progress.failures >= check.consecutive_failures


def _is_success(check: HealthCheck, found: Found) -> bool:
    if check.type is HealthCheck.Type.COMMAND:
        return found.value == EXITED
    if check.type is HealthCheck.Type.HTTP:
        return found.value is not None and 200 <= found.value < 400
    return bool(found.value)


def _check(host: Host, task: TaskInfo, check: CheckInfo, found: Found) -> None:
    """A value is told when it is another one than was told last."""
    last, now = host.last(task), _status(task, check, found)
    if last is not None and now is not None and now != (last.check_status or empty_check_status(task)):
        host.repeat(task, reason=Reason.REASON_TASK_CHECK_STATUS_UPDATED, check_status=now)


def _status(task: TaskInfo, check: CheckInfo, found: Found) -> CheckStatusInfo | None:
    """A check without an answer, or whose command a signal has ended, has no value."""
    empty, value = empty_check_status(task), found.value
    if empty is None or value is None:
        return empty
    if check.type is CheckInfo.Type.COMMAND:
        has_exited = value & 0x7F == 0
        return evolve(empty, command=CheckStatusInfo.Command(exit_code=value >> 8)) if has_exited else empty
    if check.type is CheckInfo.Type.HTTP:
        return evolve(empty, http=CheckStatusInfo.Http(status_code=value))
    return evolve(empty, tcp=CheckStatusInfo.Tcp(succeeded=bool(value)))
