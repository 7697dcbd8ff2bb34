"""Checks over the life of groups and agents: who ends with whom, what a restart changes, any order of results."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesos_py.executor.checks import CHECK, HEALTH
from mesos_py.executor.command import CommandExecutor
from mesos_py.executor.default import DefaultExecutor
from mesos_py.executor.targets import Found
from mesos_py.machine.values import SECOND
from mesos_py.wire.task import TaskInfo, TaskState
from tests.executor.checked import BAD, GOOD, LATE, NOBODY_KNOWS, Checked, check, health
from tests.executor.recorder import Recorder, task


@pytest.fixture(params=["command", "group"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# ---- groups


def group(*infos: TaskInfo) -> tuple[DefaultExecutor, Recorder]:
    executor, host = DefaultExecutor(), Recorder()
    executor.launch_group(host, infos, tuple(f"c{info.task_id}" for info in infos))
    for info in infos:
        executor.launched(host, f"c{info.task_id}")
    return executor, host


def test_whatever_ends_after_an_unhealthy_task_ends_unhealthy() -> None:
    """1 a member is killed by its check; 2 its group and 3 other groups, also later ones, end with healthy=false."""
    executor, host = group(task("a", health_check=health(consecutive_failures=1)), task("b"))
    executor.launch_group(host, (task("d"),), ("cd",))
    executor.launched(host, "cd")
    executor.probed(host, "ca", HEALTH, BAD)
    executor.exited(host, "ca", 15)
    executor.exited(host, "cb", 15)
    executor.launch_group(host, (task("e"),), ("ce",))
    executor.launched(host, "ce")
    executor.exited(host, "cd", 0)
    executor.exited(host, "ce", 0)
    ends = {name: (said[-1].state.name, said[-1].healthy) for name, said in host.statuses.items()}
    assert ends == {
        "a": ("TASK_KILLED", False), "b": ("TASK_KILLED", False),
        "d": ("TASK_FINISHED", False), "e": ("TASK_FINISHED", False),
    }  # fmt: skip


def test_a_command_killed_next_to_a_task_of_a_group_has_found_nothing() -> None:
    """Its task is ending, most likely; a command task's check has failed then."""
    executor, host = group(task("t", health_check=health(consecutive_failures=1)))
    executor.probed(host, "ct", HEALTH, Found(9))
    assert [one.healthy for one in host.statuses["t"]] == [None, None]
    assert host.timers[("ct", HEALTH)] == SECOND
    checked = Checked("command", task(health_check=health(consecutive_failures=2)))
    checked.rounds(HEALTH, Found(9))
    assert checked.statuses[-1].healthy is False


def test_checks_begin_when_the_whole_group_runs() -> None:
    executor, host = DefaultExecutor(), Recorder()
    executor.launch_group(host, (task("a", check=check()), task("b")), ("ca", "cb"))
    executor.launched(host, "ca")
    host.advance(executor, SECOND)
    assert host.probes == []
    executor.launched(host, "cb")
    host.advance(executor, 0)
    assert [one[0] for one in host.probes] == ["ca"]


# ---- restarts


def resumed(checked: Checked) -> Checked:
    """The agent was killed and started again; what it saved is what the executor knows."""
    host, progress = checked.host, checked.host.saved.get("t")
    host.timers.clear()
    if isinstance(checked.executor, CommandExecutor):
        executor = CommandExecutor("c", checked.info, progress=progress, started=True)
        executor.resume(host, is_signalled=False)
        checked.executor = executor
    else:
        assert progress is not None
        checked.executor = DefaultExecutor([(checked.info, progress)])
        checked.executor.resume(host, {"c": False})
    return checked


def test_a_restarted_agent_looks_at_once_and_goes_on_counting(kind: str) -> None:
    info = task(health_check=health(delay_seconds=5.0, interval_seconds=100.0, consecutive_failures=2), check=check())
    checked = Checked(kind, info)
    checked.advance(5)
    checked.found(HEALTH, BAD)
    checked.found(CHECK, Found(4 << 8))
    resumed(checked)
    assert sorted(one[1] for one in checked.advance(0)) == [CHECK, HEALTH]
    before = len(checked.statuses)
    checked.found(CHECK, Found(4 << 8))
    assert len(checked.statuses) == before
    checked.found(HEALTH, BAD)
    assert checked.is_killed
    resumed(checked)
    assert checked.advance(0) == []
    checked.executor.exited(checked.host, "c", 15)
    assert (checked.statuses[-1].state, checked.statuses[-1].healthy) == (TaskState.TASK_KILLED, False)


def test_a_restart_is_no_second_grace(kind: str) -> None:
    """It counts from when the task ran, and is over for good after a success."""
    info = task(health_check=health(grace_period_seconds=10.0, consecutive_failures=1))
    checked = Checked(kind, info)
    checked.advance(9)
    resumed(checked)
    checked.rounds(HEALTH, BAD)
    assert not checked.is_killed
    checked.rounds(HEALTH, BAD)
    assert checked.is_killed
    checked = Checked(kind, info)
    checked.rounds(HEALTH, GOOD)
    resumed(checked)
    checked.rounds(HEALTH, BAD)
    assert checked.is_killed


def test_half_a_group_is_not_checked_after_a_restart() -> None:
    """1 one of two runs; 2 restart; 3 the other runs too: now both begin, with their delays."""
    executor, host = DefaultExecutor(), Recorder()
    infos = (task("a", check=check(delay_seconds=5.0)), task("b", check=check(delay_seconds=5.0)))
    executor.launch_group(host, infos, ("ca", "cb"))
    executor.launched(host, "cb")
    host.timers.clear()
    again = DefaultExecutor([(info, host.saved[info.task_id]) for info in infos])
    again.resume(host, {"ca": False, "cb": False})
    assert host.timers == {("ca", CHECK): 5 * SECOND, ("cb", CHECK): 5 * SECOND}


# ---- any story

RESULTS = st.lists(st.sampled_from([GOOD, BAD, LATE, NOBODY_KNOWS, None]), max_size=20)


@settings(max_examples=300, deadline=None)
@given(kind=st.sampled_from(["command", "group"]), failures=st.integers(0, 4), grace=st.integers(0, 8), results=RESULTS)
def test_any_story(kind: str, failures: int, grace: int, results: list[Found | None]) -> None:
    """Against Mesos' rules as they are written; None is a restart of the agent, which changes nothing that is said."""
    info = task(
        health_check=health(consecutive_failures=failures, grace_period_seconds=float(grace), delay_seconds=1.0)
    )
    checked = Checked(kind, info)
    flags: list[bool] = []
    in_a_row, has_succeeded, killed, now = 0, False, False, 0
    for result in results:
        if result is None:
            resumed(checked)
            checked.host.timers = {key: at + SECOND for key, at in checked.host.timers.items()}
            continue
        now += 1
        if killed:
            break
        checked.rounds(HEALTH, result)
        if result == GOOD:
            if not has_succeeded or in_a_row:
                flags.append(True)
            has_succeeded, in_a_row = True, 0
        elif result != NOBODY_KNOWS and (has_succeeded or not grace or now > grace):
            in_a_row += 1
            flags.append(False)
            killed = in_a_row >= failures
    assert [one.healthy for one in checked.statuses if one.state is TaskState.TASK_RUNNING] == flags
    assert checked.is_killed == killed
