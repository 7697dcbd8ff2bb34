"""The command executor: every state meets every event (Mesos: agent semantics 5.5)."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from mesos_py.executor.command import CommandExecutor
from mesos_py.executor.host import exit_text, grace_period, hastened, kill_within, resumed
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.wire.checkpoint import Kill
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.task import KillPolicy, TaskInfo, TaskStatus
from mesos_py.wire.value import DurationInfo
from tests.executor.recorder import Recorder, task

TERMINAL = {"FINISHED", "FAILED", "KILLED"}


def policy(seconds: float) -> KillPolicy:
    return KillPolicy(grace_period=DurationInfo(nanoseconds=int(seconds * SECOND)))


def started(info: TaskInfo | None = None, *, takes_killing: bool = True) -> tuple[CommandExecutor, Recorder]:
    executor, host = CommandExecutor("c", info or task()), Recorder(takes_killing=takes_killing)
    executor.started(host)
    return executor, host


@pytest.mark.parametrize(
    ("asked", "own", "grace"),
    [(None, None, 3 * SECOND), (None, policy(7), 7 * SECOND), (policy(1), policy(7), SECOND), (policy(0), None, 0),
     (KillPolicy(), policy(7), 7 * SECOND), (policy(-1), None, 0)],
)  # fmt: skip
def test_grace_periods(asked: KillPolicy | None, own: KillPolicy | None, grace: Nanos) -> None:
    """As the kill says, else as the task says, else 3 s."""
    assert grace_period(task(kill_policy=own), asked) == grace


def test_a_kill() -> None:
    """KILLING once, SIGTERM at once, SIGKILL after the grace, KILLED whatever the status."""
    executor, host = started()
    executor.kill(host, policy(2))
    executor.kill(host, policy(2))
    assert host.take() == [("signal 15", "c")]
    host.advance(executor, 2 * SECOND - 1)
    assert host.take() == []
    host.advance(executor, 1)
    assert host.take() == [("destroy", "c")]
    executor.exited(host, "c", 0)
    assert host.said["t"] == ["STARTING", "RUNNING", "KILLING", "KILLED"]
    assert host.messages[-1] == "Command exited with status 0"
    assert host.timers == {}


def test_killing_is_said_only_to_those_who_know_it() -> None:
    executor, host = started(takes_killing=False)
    executor.kill(host)
    executor.exited(host, "c", 15)
    assert host.said["t"] == ["STARTING", "RUNNING", "KILLED"]


@pytest.mark.parametrize(("second", "at"), [(1, 2), (4, 4), (5, 5), (9, 5)])
def test_a_second_kill_may_only_hasten(second: float, at: float) -> None:
    """Elapsed time counts: a grace of ``second`` asked for at 2 s ends then or later, never after the first's 5 s."""
    executor, host = started()
    executor.kill(host, policy(5))
    host.advance(executor, 2 * SECOND)
    host.take()
    executor.kill(host, policy(second))
    host.advance(executor, int((at - 2) * SECOND))
    assert host.take() == [("destroy", "c")]


def test_no_grace_no_term() -> None:
    executor, host = started()
    executor.kill(host, policy(0))
    assert host.take() == [("destroy", "c")]


def test_max_completion_time() -> None:
    """Killed without grace and without KILLING; a kill before that decides."""
    info = task(max_completion_time=DurationInfo(nanoseconds=SECOND))
    executor, host = started(info)
    host.advance(executor, SECOND)
    assert host.take() == [("destroy", "c")]
    executor.exited(host, "c", 9)
    assert host.said["t"] == ["STARTING", "RUNNING", "FAILED"]
    assert host.reasons[-1] is TaskStatus.Reason.REASON_MAX_COMPLETION_TIME_REACHED
    executor, host = started(info)
    executor.kill(host, policy(10))
    host.advance(executor, SECOND)
    executor.exited(host, "c", 15)
    assert host.said["t"][-1] == "KILLED"


def test_shutdown_leaves_a_margin() -> None:
    executor, host = started()
    executor.shutdown(host, 5 * SECOND)
    host.advance(executor, 3 * SECOND)
    assert host.take() == [("signal 15", "c"), ("destroy", "c")]
    executor, host = started()
    executor.shutdown(host, SECOND)
    assert host.take() == [("destroy", "c")]


def test_nothing_to_run() -> None:
    """A command without a value: STARTING, and the executor gives up."""
    for command in (CommandInfo(), CommandInfo(shell=False)):
        _, host = started(task(command=command))
        assert host.said["t"] == ["STARTING"]
        assert host.finished


EVENTS: dict[str, Callable[[CommandExecutor, Recorder], None]] = {
    "kill": lambda executor, host: executor.kill(host, policy(1)),
    "kill now": lambda executor, host: executor.kill(host, policy(0)),
    "shutdown": lambda executor, host: executor.shutdown(host, 5 * SECOND),
    "exit 0": lambda executor, host: executor.exited(host, "c", 0),
    "exit 1": lambda executor, host: executor.exited(host, "c", 256),
    "wait": lambda executor, host: host.advance(executor, 10 * SECOND),
}


@pytest.mark.parametrize("path", list(itertools.product(EVENTS, repeat=4)), ids="-".join)
def test_every_short_life(path: tuple[str, ...]) -> None:
    """All sequences of four events: one end at most, KILLED exactly if a kill came first, nothing after the end."""
    executor, host = started(task(max_completion_time=DurationInfo(nanoseconds=5 * SECOND)))
    for name in path:
        EVENTS[name](executor, host)
    executor.exited(host, "c", 9)
    said = host.said["t"]
    assert [state for state in said if state in TERMINAL] == said[-1:]
    first = next((name for name in path if name != "wait"), "end")
    killed = first.startswith(("kill", "shutdown")) and (path[0] != "wait")
    if killed:
        assert said[-1] == "KILLED"
    if first == "exit 0" and path[0] == "exit 0":
        assert said[-1] == "FINISHED"
    assert host.timers == {}
    host.take()
    for event in EVENTS.values():
        event(executor, host)
    assert host.take() == []
    assert host.said["t"] == said


def test_texts() -> None:
    assert exit_text(7 << 8) == "Command exited with status 7"
    assert exit_text(2) == "Command terminated with signal Interrupt"
    assert exit_text(6 | 0x80) == "Command terminated with signal Aborted"
    assert exit_text(64).startswith("Command terminated with signal ")
    assert exit_text(None) == "Failed to get exit status for Command"


def test_hastening() -> None:
    kill = kill_within(5, now=10)
    assert hastened(kill, 5) is None
    assert hastened(kill, 6) is None
    assert hastened(kill, 4) == Kill(since=10, at=14)


def test_a_kill_is_resumed_where_it_was() -> None:
    """A clock that went on is believed; one that was set back gives the whole grace period again, and no more."""
    kill = kill_within(5, now=10)
    assert resumed(kill, 12) == resumed(kill, 100) == kill
    assert resumed(kill, 3) == Kill(since=3, at=8)
