"""The tables of executors' and tasks' lives: complete, and what they say."""

from __future__ import annotations

import itertools

import pytest

from mesos_py.agent.lifecycle import EXECUTOR, TASK, TERMINAL, Action, ExecutorEvent, ExecutorState, Verdict
from mesos_py.wire.task import TaskState

ORDER = [ExecutorState.REGISTERING, ExecutorState.RUNNING, ExecutorState.TERMINATING, ExecutorState.TERMINATED]


def test_every_state_knows_every_event() -> None:
    """No pair is missing from either table."""
    assert set(EXECUTOR) == set(itertools.product(ExecutorState, ExecutorEvent))
    assert set(TASK) == set(itertools.product(TaskState, TaskState))


@pytest.mark.parametrize(("state", "event"), sorted(EXECUTOR, key=str), ids=str)
def test_executors_never_go_back(state: ExecutorState, event: ExecutorEvent) -> None:
    """Whatever happens, an executor's life goes one way."""
    after, _ = EXECUTOR[state, event]
    assert ORDER.index(after) >= ORDER.index(state)


def test_exit_ends_every_executor_once() -> None:
    """An exit buries an executor, unless it is buried already."""
    for state in ExecutorState:
        after, action = EXECUTOR[state, ExecutorEvent.EXIT]
        assert after is ExecutorState.TERMINATED
        assert action is (Action.NOTHING if state is ExecutorState.TERMINATED else Action.BURY)


@pytest.mark.parametrize(("state", "said"), sorted(TASK), ids=str)
def test_what_executors_may_say(state: TaskState, said: TaskState) -> None:
    """STAGING is never theirs to say, and nothing follows the end."""
    verdict = TASK[state, said]
    if said is TaskState.TASK_STAGING:
        assert verdict is Verdict.REFUSE
    elif state in TERMINAL:
        assert verdict is Verdict.IGNORE
    else:
        assert verdict is Verdict.TAKE


def test_terminal_states() -> None:
    """Mesos: src/common/protobuf_utils.cpp isTerminalState."""
    assert sorted(state.name for state in TERMINAL) == [
        "TASK_DROPPED", "TASK_ERROR", "TASK_FAILED", "TASK_FINISHED", "TASK_GONE", "TASK_GONE_BY_OPERATOR",
        "TASK_KILLED", "TASK_LOST",
    ]  # fmt: skip
