"""Checks of tasks: when they are made, what their results mean, and what is said of it (Mesos: agent semantics 11)."""

from __future__ import annotations

from typing import Any

import pytest

from mesos_py.executor.checks import CHECK, HEALTH, INTERVAL_MIN
from mesos_py.executor.targets import Found, Http, Target, Tcp, check_target, health_target
from mesos_py.machine.values import SECOND, seconds
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.health import CheckInfo, CheckStatusInfo, HealthCheck
from mesos_py.wire.network import IPProtocol
from mesos_py.wire.task import KillPolicy, TaskState, TaskStatus
from mesos_py.wire.value import DurationInfo
from tests.executor.checked import BAD, GOOD, LATE, NOBODY_KNOWS, Checked, check, health
from tests.executor.recorder import task

Reason = TaskStatus.Reason
HEALTH_UPDATED, CHECK_UPDATED = Reason.REASON_TASK_HEALTH_CHECK_STATUS_UPDATED, Reason.REASON_TASK_CHECK_STATUS_UPDATED


@pytest.fixture(params=["command", "group"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# ---- when


@pytest.mark.parametrize("what", [HEALTH, CHECK])
def test_timing(kind: str, what: str) -> None:
    """First after the delay, then an interval after the previous one has ended, however long that took."""
    timing = {"delay_seconds": 2.5, "interval_seconds": 0.75, "timeout_seconds": 4.5}
    checks: dict[str, Any] = {"health_check": health(**timing)} if what == HEALTH else {"check": check(**timing)}
    checked = Checked(kind, task(**checks))
    assert checked.advance(2.49) == []
    command = CommandInfo(value="true")
    assert checked.advance(0.01) == [("c", what, command, seconds(4.5))]
    assert checked.advance(100) == []
    checked.found(what, GOOD)
    assert checked.advance(0.74) == []
    assert checked.advance(0.01) == [("c", what, command, seconds(4.5))]


def test_defaults(kind: str) -> None:
    """15 s, then 10 s, with 20 s for each; both checks of a task go their own ways."""
    command = CommandInfo(value="true")
    info = task(
        health_check=HealthCheck(type=HealthCheck.Type.COMMAND, command=command),
        check=CheckInfo(type=CheckInfo.Type.COMMAND, command=CheckInfo.Command(command=command)),
    )
    checked = Checked(kind, info)
    assert checked.advance(14.9) == []
    asked = checked.advance(0.1)
    assert sorted((what, timeout) for _, what, _, timeout in asked) == [(CHECK, 20 * SECOND), (HEALTH, 20 * SECOND)]
    checked.found(CHECK, GOOD)
    assert [what for _, what, _, _ in checked.advance(10)] == [CHECK]
    checked.found(HEALTH, GOOD)
    assert [what for _, what, _, _ in checked.advance(10)] == [HEALTH]


@pytest.mark.parametrize(
    ("timeout_s", "timeout"), [(0.0, None), (0.25, SECOND // 4), (float("inf"), 10**9 * SECOND), (20.0, 20 * SECOND)]
)
def test_timeouts(kind: str, timeout_s: float, timeout: int | None) -> None:
    """0 is none; frameworks may say infinity."""
    checked = Checked(kind, task(check=check(timeout_seconds=timeout_s)))
    assert [one[3] for one in checked.advance(0)] == [timeout]


def test_no_interval_is_a_short_one(kind: str) -> None:
    checked = Checked(kind, task(check=check(interval_seconds=0.0)))
    checked.advance(0)
    checked.found(CHECK, GOOD)
    assert checked.advance((INTERVAL_MIN - 1) / SECOND) == []
    assert len(checked.advance(1 / SECOND)) == 1


def test_a_task_without_checks_is_not_checked(kind: str) -> None:
    checked = Checked(kind, task())
    assert checked.host.timers == {}
    assert checked.advance(1000) == []


# ---- what is looked at

IPV6 = IPProtocol.IPv6
TARGETS: dict[str, tuple[HealthCheck | CheckInfo, Target | None]] = {
    "http": (health(type=HealthCheck.Type.HTTP, http=HealthCheck.HTTPCheckInfo(port=8080, path="/h?a=b")),
             Http("http://127.0.0.1:8080/h?a=b")),
    "no path": (health(type=HealthCheck.Type.HTTP, http=HealthCheck.HTTPCheckInfo(port=1)), Http("http://127.0.0.1:1")),
    "https over ipv6": (health(type=HealthCheck.Type.HTTP,
                               http=HealthCheck.HTTPCheckInfo(port=443, scheme="https", path="/", protocol=IPV6)),
                        Http("https://[::1]:443/")),
    "tcp": (health(type=HealthCheck.Type.TCP, tcp=HealthCheck.TCPCheckInfo(port=22)), Tcp("127.0.0.1", 22)),
    "tcp over ipv6": (health(type=HealthCheck.Type.TCP, tcp=HealthCheck.TCPCheckInfo(port=22, protocol=IPV6)),
                      Tcp("::1", 22)),
    "unknown": (health(type=HealthCheck.Type.UNKNOWN), None),
    "check http": (check("HTTP"), Http("http://127.0.0.1:80/x")),
    "check tcp": (check("TCP"), Tcp("127.0.0.1", 80)),
    "check unknown": (CheckInfo(type=CheckInfo.Type.UNKNOWN), None),
}  # fmt: skip


@pytest.mark.parametrize("name", TARGETS)
def test_targets(name: str) -> None:
    given, target = TARGETS[name]
    assert (health_target(given) if isinstance(given, HealthCheck) else check_target(given)) == target


# ---- what a result means

H, C = HealthCheck.Type, CheckInfo.Type
MEANINGS: list[tuple[HealthCheck.Type, Found, bool]] = [
    (H.COMMAND, Found(0), True), (H.COMMAND, Found(1 << 8), False), (H.COMMAND, Found(15), False),
    (H.COMMAND, LATE, False), (H.HTTP, Found(199), False), (H.HTTP, Found(200), True), (H.HTTP, Found(399), True),
    (H.HTTP, Found(400), False), (H.HTTP, LATE, False), (H.TCP, Found(1), True), (H.TCP, Found(0), False),
    (H.TCP, LATE, False),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "found", "healthy"), MEANINGS)
def test_what_is_healthy(kind: str, type_: HealthCheck.Type, found: Found, healthy: bool) -> None:
    aims = {"http": HealthCheck.HTTPCheckInfo(port=1, statuses=(500,)), "tcp": HealthCheck.TCPCheckInfo(port=1)}
    checked = Checked(kind, task(health_check=health(type=type_, **aims)))
    checked.rounds(HEALTH, found)
    (said,) = checked.statuses
    assert (said.state, said.reason, said.healthy) == (TaskState.TASK_RUNNING, HEALTH_UPDATED, healthy)


VALUES: list[tuple[str, Found, CheckStatusInfo | None]] = [
    ("COMMAND", Found(0), CheckStatusInfo(type=C.COMMAND, command=CheckStatusInfo.Command(exit_code=0))),
    ("COMMAND", Found(4 << 8), CheckStatusInfo(type=C.COMMAND, command=CheckStatusInfo.Command(exit_code=4))),
    ("COMMAND", Found(15), None), ("COMMAND", LATE, None), ("COMMAND", NOBODY_KNOWS, None),
    ("HTTP", Found(503), CheckStatusInfo(type=C.HTTP, http=CheckStatusInfo.Http(status_code=503))),
    ("HTTP", LATE, None),
    ("TCP", Found(1), CheckStatusInfo(type=C.TCP, tcp=CheckStatusInfo.Tcp(succeeded=True))),
    ("TCP", Found(0), CheckStatusInfo(type=C.TCP, tcp=CheckStatusInfo.Tcp(succeeded=False))), ("TCP", LATE, None),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "found", "value"), VALUES)
def test_values_of_checks(kind: str, type_: str, found: Found, value: CheckStatusInfo | None) -> None:
    """A value is said when it is another one than before, which at first is none; nothing is killed."""
    checked = Checked(kind, task(check=check(type_)))
    checked.rounds(CHECK, found, found)
    assert [(one.reason, one.check_status) for one in checked.statuses] == ([(CHECK_UPDATED, value)] if value else [])
    empty = checked.host.statuses["t"][0].check_status
    checked.rounds(CHECK, LATE)
    assert checked.statuses[-1:] == [] if value is None else checked.statuses[-1].check_status == empty
    assert not checked.is_killed


# ---- what is said

#: (consecutive failures, grace in s, a result a second) -> healthy flags said, killed
STORIES: dict[str, tuple[int, float, tuple[Found, ...], list[bool], bool]] = {
    "healthy is said once": (3, 0, (GOOD, GOOD, GOOD), [True], False),
    "every failure is said": (3, 0, (BAD, BAD), [False, False], False),
    "enough kill": (3, 0, (BAD, BAD, BAD), [False, False, False], True),
    "one is enough": (1, 0, (BAD,), [False], True),
    "none is one": (0, 0, (BAD,), [False], True),
    "in a row": (2, 0, (BAD, GOOD, BAD, GOOD), [False, True, False, True], False),
    "a success begins anew": (2, 0, (GOOD, BAD, GOOD, BAD, BAD), [True, False, True, False, False], True),
    "late is bad": (2, 0, (LATE, LATE), [False, False], True),
    "unknown is nothing": (1, 0, (NOBODY_KNOWS, GOOD, NOBODY_KNOWS), [True], False),
    "grace": (1, 2.5, (BAD, BAD, GOOD), [True], False),
    "to its last moment": (1, 2, (BAD, BAD, BAD), [False], True),
    "a success ends it": (1, 100, (GOOD, BAD), [True, False], True),
}


@pytest.mark.parametrize("name", STORIES)
def test_health(kind: str, name: str) -> None:
    failures, grace_s, results, flags, killed = STORIES[name]
    info = task(
        health_check=health(consecutive_failures=failures, grace_period_seconds=float(grace_s), delay_seconds=1.0)
    )
    checked = Checked(kind, info)
    checked.rounds(HEALTH, *results)
    assert [one.healthy for one in checked.statuses if one.state is TaskState.TASK_RUNNING] == flags
    assert {one.reason for one in checked.statuses if one.state is TaskState.TASK_RUNNING} <= {HEALTH_UPDATED}
    assert checked.is_killed == killed


def test_an_unhealthy_task_is_killed_as_its_policy_says(kind: str) -> None:
    """KILLING without a flag, SIGTERM, the task's own grace, KILLED with healthy=false; no reason."""
    policy = KillPolicy(grace_period=DurationInfo(nanoseconds=7 * SECOND))
    checked = Checked(kind, task(health_check=health(consecutive_failures=1), kill_policy=policy))
    checked.rounds(HEALTH, BAD)
    checked.host.take()
    checked.advance(6.9)
    assert checked.host.take() == []
    checked.advance(0.1)
    assert checked.host.take() == [("destroy", "c")]
    checked.executor.exited(checked.host, "c", 9)
    assert [(one.state, one.healthy, one.reason, one.message) for one in checked.statuses] == [
        (TaskState.TASK_RUNNING, False, HEALTH_UPDATED, None),
        (TaskState.TASK_KILLING, None, None, None),
        (TaskState.TASK_KILLED, False, None, "Command terminated with signal Killed"),
    ]
    assert checked.host.timers == {}


def test_what_was_attached_stays(kind: str) -> None:
    """An update of one check repeats what the other has said; a status of another state begins anew."""
    checked = Checked(kind, task(health_check=health(), check=check()))
    checked.advance(1)
    checked.found(HEALTH, GOOD)
    checked.found(CHECK, Found(4 << 8))
    checked.advance(1)
    checked.found(HEALTH, BAD)
    value = CheckStatusInfo(type=C.COMMAND, command=CheckStatusInfo.Command(exit_code=4))
    empty = CheckStatusInfo(type=C.COMMAND, command=CheckStatusInfo.Command())
    assert [(one.reason, one.healthy, one.check_status) for one in checked.statuses] == [
        (HEALTH_UPDATED, True, empty), (CHECK_UPDATED, True, value), (HEALTH_UPDATED, False, value),
    ]  # fmt: skip
    checked.executor.exited(checked.host, "c", 0)
    last = checked.statuses[-1]
    assert (last.state, last.healthy, last.check_status) == (TaskState.TASK_FINISHED, None, empty)


@pytest.mark.parametrize("what", [HEALTH, CHECK])
def test_nobody_is_checked_who_is_being_killed(kind: str, what: str) -> None:
    """Results that come then are nobody's, and no further probe follows."""
    checked = Checked(kind, task(health_check=health(consecutive_failures=1), check=check()))
    checked.advance(0)
    checked.kill()
    before = len(checked.statuses)
    checked.found(what, Found(4 << 8))
    assert len(checked.statuses) == before
    assert checked.advance(2.9) == []
    checked.executor.exited(checked.host, "c", 15)
    assert (checked.statuses[-1].state, checked.statuses[-1].healthy) == (TaskState.TASK_KILLED, None)
    checked.found(what, BAD)
    assert checked.host.timers == {}
