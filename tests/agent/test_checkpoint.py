"""Facts become records, and records the state they were written of."""

from __future__ import annotations

import pytest

from mesos_py.agent.checkpoint import records as checkpoint
from mesos_py.agent.checkpoint import recovery
from mesos_py.wire.checkpoint import AgentState, Executor, Framework, Kill, Kind, Progress, Task, Termination
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskState, TaskStatus
from tests import builders
from tests.agent.world import AGENT_ID, BOOT_ID, World, custom_task, framework, status, task

PROGRESS = Progress(container_id="n", group="n", launched=True, kill=Kill(since=1, at=2), doomed=True, running_since=1)
UPDATES = tuple(status("t", state, number) for number, state in enumerate((TaskState.TASK_STARTING,) * 3, 1))
STATE = AgentState(
    boot_id=BOOT_ID,
    info=evolve(builders.agent_info("host"), id=AGENT_ID),
    frameworks=(
        Framework(
            info=framework(checkpoint=True),
            terminating=True,
            executors=(
                Executor(
                    info=builders.executor("e"), kind=Kind.DEFAULT, container_id="c", user="u", pid=1, ends_at=2,
                    termination=Termination(
                        state=TaskState.TASK_GONE, reason=TaskStatus.Reason.REASON_EXECUTOR_TERMINATED, message="m"
                    ),
                    tasks=(
                        Task(info=task("t"), progress=PROGRESS, updates=UPDATES, first=9, acknowledged=11),
                        Task(info=task("u")),
                    ),
                ),
                Executor(info=builders.executor("f"), kind=Kind.CUSTOM, container_id="d", ended=True),
            ),
        ),
    ),
)  # fmt: skip


def test_a_state_and_its_records() -> None:
    """One record each for agent, boot, framework, runs, tasks, progress, updates and acknowledgement."""
    records = checkpoint.records_of(STATE)
    assert sorted(kind for kind, _ in records) == [
        "acknowledged", "agent", "boot", "executors", "executors", "frameworks", "progress", "tasks", "tasks",
        "updates", "updates", "updates",
    ]  # fmt: skip
    assert checkpoint.state_of(records) == STATE
    assert checkpoint.state_of({}) == AgentState()


@pytest.mark.parametrize("key", sorted(checkpoint.records_of(STATE)), ids="/".join)
def test_what_makes_no_sense_is_not_believed(key: checkpoint.Key) -> None:
    """A record that cannot be read; what hangs on it is left out by those who go on without it."""
    records = checkpoint.records_of(STATE) | {key: b"\xc1"}
    with pytest.raises(checkpoint.Unreadable):
        checkpoint.state_of(records)
    state, problems = checkpoint.readable(records)
    assert problems
    assert checkpoint.state_of(checkpoint.records_of(state)) == state


def test_records_of_nobody() -> None:
    """A task without its run, an update missing in the middle, a kind of records that is none of ours."""
    records = checkpoint.records_of(STATE)
    for name, changed in {
        "belongs to nothing": {("tasks", "m-0000/x/t"): records["tasks", "m-0000/c/u"]},
        "not all there": {("updates", "m-0000/c/t/14"): records["updates", "m-0000/c/t/11"]},
        "does not know": {("volumes", ""): b"\x80"},
    }.items():
        with pytest.raises(checkpoint.Unreadable, match=name):
            checkpoint.state_of(records | changed)


def test_after_a_reboot() -> None:
    """Nothing runs: what is left is to tell how tasks ended whose end nobody has acknowledged."""
    world = World()
    world.run(task("runs"), by=framework(checkpoint=True))
    world.launched()
    world.run(custom_task("done"), by=framework(checkpoint=True))
    world.launched(world.executor("e").container_id)
    world.subscribe()
    world.update("done", TaskState.TASK_FINISHED)
    after = world.restarted(boot_id="boot-2")
    assert after.agent.state.id == AGENT_ID
    assert [executor.id for executor in after.agent.state.containers.values()] == ["e"]
    report = after.register_again()
    assert [(one.task_id, one.state) for one in report.tasks] == [("done", TaskState.TASK_FINISHED)]
    assert report.executors == ()
    after.acknowledge_all()
    assert sorted(after.records) == [checkpoint.AGENT, checkpoint.BOOT]


def test_nothing_is_expected_after_a_reboot() -> None:
    """Pids and containers of before mean nothing; the agent keeps its id."""
    assert recovery.expected(evolve(STATE, frameworks=(evolve(STATE.frameworks[0], terminating=False),))) == ("n",)
    state = recovery.settled(STATE, "boot-2")
    assert recovery.expected(state) == ()
    assert state.info == STATE.info
