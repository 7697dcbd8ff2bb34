"""What a launcher says and writes down, event by event."""

from __future__ import annotations

import attrs
import pytest

from mesos_py.machine.frame import Event
from mesos_py.machine.problem import Problem
from mesos_py.machine.values import SECOND
from mesos_py.sdk.launcher import Backoff, Restart, Selection, words
from mesos_py.sdk.launcher.instances import RESERVED, Instance, State
from mesos_py.sdk.matching import Request
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.task import TaskState
from mesos_py.wire.value import TimeInfo
from tests.sdk.launcher.world import RUNNING, UNREACHABLE, one, types, world_of

TYPE = Call.Type


# ---- tasks and what becomes of them: every state of an instance, every state of a task

W, S, R, U, X, O = State.WAITING, State.STARTING, State.RUNNING, State.UNREACHABLE, State.STOPPING, State.OVER  # noqa: E741
GONE = None
BY_TASK_STATE: dict[str, dict[State, State | None]] = {
    "TASK_STAGING": {S: S, R: R, U: S, X: X},
    "TASK_STARTING": {S: S, R: R, U: S, X: X},
    "TASK_RUNNING": {S: R, R: R, U: R, X: X},
    "TASK_KILLING": {S: R, R: R, U: R, X: X},
    "TASK_UNREACHABLE": {S: U, R: U, U: U, X: GONE},
    "TASK_FINISHED": {S: O, R: O, U: O, X: GONE},
    "TASK_FAILED": {S: W, R: W, U: W, X: GONE},
    "TASK_ERROR": {S: W, R: W, U: W, X: GONE},
    "TASK_KILLED": {S: W, R: W, U: W, X: GONE},
    "TASK_LOST": {S: W, R: W, U: W, X: GONE},
    "TASK_DROPPED": {S: W, R: W, U: W, X: GONE},
    "TASK_GONE": {S: W, R: W, U: W, X: GONE},
    "TASK_GONE_BY_OPERATOR": {S: W, R: W, U: W, X: GONE},
    "TASK_UNKNOWN": {S: W, R: W, U: W, X: GONE},
}


def test_every_state_of_a_task_is_in_the_table() -> None:
    assert {*BY_TASK_STATE} == {*TaskState.__members__}


@pytest.mark.parametrize("before", [S, R, U, X])
@pytest.mark.parametrize("state", list(BY_TASK_STATE))
def test_what_an_update_makes_of_an_instance(state: str, before: State) -> None:
    """Of one that is started again unless it finishes, and waited for a minute when unreachable."""
    world = world_of(one(restart=Restart.ON_FAILURE, unreachable_s=60.0))
    world.offer_all()
    task_id = world.launched[0]
    if before is R or before is X:
        world.update(task_id, RUNNING)
    if before is U:
        world.update(task_id, UNREACHABLE)
    if before is X:
        world.declare(one(count=0, unreachable_s=60.0))
    assert world.states("s") == [before]
    world.told.clear()
    world.update(task_id, TaskState[state])
    expected = BY_TASK_STATE[state][before]
    assert world.states("s") == ([] if expected is GONE else [expected])


@pytest.mark.parametrize(
    ("restart", "state", "then", "failures"),
    [
        (Restart.ALWAYS, "TASK_FINISHED", W, 1), (Restart.ALWAYS, "TASK_FAILED", W, 1),
        (Restart.ALWAYS, "TASK_KILLED", W, 0), (Restart.ALWAYS, "TASK_LOST", W, 0),
        (Restart.ON_FAILURE, "TASK_FINISHED", O, 0), (Restart.ON_FAILURE, "TASK_ERROR", W, 1),
        (Restart.ON_FAILURE, "TASK_GONE", W, 0), (Restart.NEVER, "TASK_FINISHED", O, 0),
        (Restart.NEVER, "TASK_FAILED", O, 0), (Restart.NEVER, "TASK_KILLED", O, 0),
        (Restart.NEVER, "TASK_DROPPED", W, 0),
    ],
)  # fmt: skip
def test_ends_and_restarts(restart: Restart, state: str, then: State, failures: int) -> None:
    world = world_of(one(restart=restart))
    world.offer_all()
    world.update(world.launched[0], TaskState[state])
    instance = world.core.groups["s"].instances[0]
    assert (instance.state, instance.failures) == (then, failures)
    assert instance.finished is (then is O and state == "TASK_FINISHED")
    world.start()  # and a successor knows
    again = world.core.groups["s"].instances[0]
    assert (again.state, again.failures, again.finished) == (then, failures, instance.finished)


def test_failures_wait_longer_each_time_and_losses_do_not() -> None:
    world = world_of(one(backoff=Backoff(first_s=2, factor=3, max_s=10)))
    waits = []
    for state in ("TASK_FAILED", "TASK_FAILED", "TASK_LOST", "TASK_FAILED"):
        world.offer_all()
        world.update(world.launched[-1], RUNNING)
        world.update(world.launched[-1], TaskState[state])
        instance = world.core.groups["s"].instances[0]
        waits.append((instance.not_before - world.now) // SECOND if instance.not_before > world.now else 0)
        assert bool(world.wanted) is (waits[-1] == 0)
        world.advance(waits[-1] * SECOND)
        assert world.wanted
    assert waits == [2, 6, 0, 10]
    world.offer_all()
    world.update(world.launched[-1], RUNNING)
    world.advance(11 * SECOND)
    world.update(world.launched[-1], TaskState.TASK_FAILED)
    assert world.core.groups["s"].instances[0].failures == 1, "it had run for longer than the longest wait"


def test_an_instance_that_fails_too_often_is_given_up() -> None:
    world = world_of(one(failures_max=2, backoff=Backoff(first_s=0)))
    for _ in range(2):
        world.offer_all()
        world.update(world.launched[-1], TaskState.TASK_FAILED)
    assert world.states("s") == [O]
    assert not world.wanted


def test_a_task_that_does_not_start_in_time_is_killed_and_has_failed() -> None:
    """Its place is free when it has ended, not before; one that runs is left alone, and a successor waits again."""
    world = world_of(one(start_s=30.0))
    world.offer_all()
    world.advance(29 * SECOND)
    world.start()
    world.advance(29 * SECOND)
    assert world.states("s") == [S]
    world.advance(1 * SECOND)
    assert world.states("s") == [X]
    assert world.core.groups["s"].instances[0].failures == 1
    assert [*world.unwanted] == world.launched
    world.kill_unwanted()
    world.reconcile()
    assert world.states("s") == [W]
    world.advance(2 * SECOND)
    world.offer_all()
    world.update(world.launched[-1], RUNNING)
    world.advance(100 * SECOND)
    assert world.states("s") == [R]


def test_an_unreachable_task_is_replaced_after_its_time_and_killed_when_it_comes_back() -> None:
    """The time runs from when the agent was lost, which may be long ago."""
    world = world_of(one(unreachable_s=60.0))
    world.offer_all()
    first = world.launched[0]
    lost_at = TimeInfo(nanoseconds=world.now - 20 * SECOND)
    world.update(first, UNREACHABLE, unreachable_time=lost_at)
    world.advance(39 * SECOND)
    assert world.states("s") == [U]
    world.advance(1 * SECOND)
    assert world.states("s") == [W]
    world.offer_all()
    world.update(first, RUNNING, agent_id="a0")
    assert world.calls[-1] == Call(type=TYPE.KILL, kill=Call.Kill(task_id=first, agent_id="a0"))
    assert world.states("s") == [S]


def test_one_that_comes_back_in_time_goes_on() -> None:
    world = world_of(one(unreachable_s=60.0))
    world.offer_all()
    world.update(world.launched[0], UNREACHABLE)
    world.update(world.launched[0], RUNNING)
    world.advance(100 * SECOND)
    assert world.states("s") == [R]
    assert len(world.launched) == 1


def test_strangers_are_killed_only_if_they_are_ours() -> None:
    world = world_of(one(count=0))
    world.update("s.7.3", RUNNING)
    assert types(world.calls) == ["KILL"]
    world.update("somebody-else", RUNNING)
    world.update("s.7.4", TaskState.TASK_FAILED)
    assert types(world.calls) == ["KILL"]


# ---- what is written down


def test_a_launch_is_written_down_in_the_frame_that_asks_for_it() -> None:
    world = world_of(one(count=2, request=Request.of(cpus=3, constraints=[("@zone", "UNIQUE")])))
    frame = world.offer_all()
    assert [write.name for write in frame.writes] == [RESERVED, "launcher/s.0", "launcher/s.1"]
    kept = Instance.of("launcher/s.1", world.records["launcher/s.1"])
    assert (kept.task_id, kept.agent_id, kept.values, kept.state) == ("s.1.1", "a1", {"@zone": "z1"}, S)


def test_ids_are_new_after_anything() -> None:
    """Also when the record of the instance that had the last one is gone, and after a crash."""
    world = world_of(one())
    world.offer_all()
    world.declare(one(count=0))
    world.settle(2)
    world.declare(one())
    world.offer_all()
    assert world.launched == ["s.0.0", "s.0.1"]
    world.update("s.0.1", TaskState.TASK_LOST)
    world.start()
    world.offer_all()
    assert world.launched[-1] == "s.0.10000"


def test_what_was_written_down_but_never_asked_for_waits_again() -> None:
    """Killed between the two, the launcher's successor launches under another id."""
    world = world_of(one())
    crashes = iter([False, True])  # before the writes, before the first word
    world.crash_at = lambda: next(crashes, False)
    world.offer_all()
    assert world.launched == []
    assert world.states("s") == [W]
    world.offer_all()
    assert world.launched == ["s.0.10000"]


def test_an_end_that_only_the_session_knows_is_taken_up() -> None:
    world = world_of(one(restart=Restart.ON_FAILURE))
    world.offer_all()
    world.book["s.0.0"] = TaskState.TASK_FINISHED
    world.start()
    assert world.states("s") == [O]
    assert not world.wanted


def test_what_nobody_declares_any_more_is_killed() -> None:
    """Whether the launcher hears of it while it runs or when it starts; nothing is remembered of it."""
    world = world_of(one(count=3))
    world.offer_all()
    world.specs = ()
    world.start()
    assert {*world.unwanted} == {*world.launched}
    world = world_of(one(count=3))
    world.offer_all()
    world.declare()
    assert {*world.unwanted} == {*world.launched}
    assert {*world.records} == {RESERVED}


def test_two_specs_of_one_name_are_refused() -> None:
    world = world_of(one(count=0))
    frame = world.core.apply(Event(words.Declared, words.Declared((one(), one()))), world.now)
    assert isinstance(frame.reply, Problem)
    assert frame.reply.text == "two specs have the name 's'"
    assert world.states("s") == []


# ---- what is too much


@pytest.mark.parametrize(
    ("selection", "left"),
    [(Selection.YOUNGEST, [0, 1]), (Selection.OLDEST, [2, 3]), (Selection.HIGHEST, [0, 1])],
)
def test_what_is_too_much_is_killed_as_the_spec_selects(selection: Selection, left: list[int]) -> None:
    spec = one(count=4, selection=selection, request=Request.of(cpus=1, spread="@zone"))
    world = world_of(spec)
    world.offer_all()
    for task_id in world.launched:
        world.advance(SECOND)
        world.update(task_id, RUNNING)
    world.declare(attrs.evolve(spec, count=2))
    world.settle(2)
    assert [*world.core.groups["s"].instances] == left
    assert world.core.groups["s"].census.groups("@zone") == {"z0": 1, "z1": 1}


def test_those_that_wait_are_dropped_before_any_is_killed() -> None:
    spec = one(count=9)
    world = world_of(spec)
    world.offer_all()
    assert world.states("s").count(W) == 1
    world.declare(attrs.evolve(spec, count=7))
    assert world.states("s").count(W) == 0
    assert len(world.unwanted) == 1
