"""A replayed core is the recorded one: whatever happened, from any snapshot, under any hash seed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import attrs
import orjson
import pytest

from mesos_py.cli.command import CommandFailed
from mesos_py.cli.replay import _only
from mesos_py.journal.classes import Unreadable
from mesos_py.journal.files import EVENTS, framed
from mesos_py.journal.graph import dump, load, unpacked
from mesos_py.journal.replay import Replay, Run, Until, check, find_runs
from mesos_py.journal.show import MASTER_PATHS, show
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.values import SECOND
from mesos_py.master.events import ChangeQuota, ChangeWeights
from mesos_py.sim.observe import is_agent, is_master
from mesos_py.sim.plan import Plan
from mesos_py.sim.run import run as simulate
from mesos_py.wire import internal
from mesos_py.wire.role import WeightInfo
from tests import builders
from tests.journal.recorded import RecordedWorld, busy, simulated
from tests.master.world import START

ROOT = Path(__file__).resolve().parents[2]
#: simulated runs with all kinds of trouble; together some 15,000 events of masters and agents
SEEDS = (0, 5, 8, 9, 12, 24, 33)


@pytest.mark.parametrize("seed", SEEDS)
def test_simulated_runs_repeat_exactly(seed: int, tmp_path: Path) -> None:
    """Every frame of every master and agent; now and then the core is replaced by what its snapshot holds."""
    replayed = 0
    for run in simulated(seed, tmp_path):
        replay = Replay(run, from_start=True)
        every = 1 + (seed + len(run.name)) % 50
        for step in replay.steps():
            assert step.is_as_recorded, f"{run.name}: event {step.number}, {step.record.event}"
            if step.number % every == 0:
                replay.core = load(unpacked(dump(replay.core)))
                replay.core.check()
        assert replay.notes == []
        replayed += replay.number
    assert replayed > 100


CHECK_ALL = """
import sys
from pathlib import Path
from mesos_py.journal.replay import check, find_runs
for run in find_runs(Path(sys.argv[1])):
    verdict = check(run)
    print(run.name, verdict.count, verdict.different)
"""


def test_a_journal_replays_under_any_hash_seed(tmp_path: Path) -> None:
    """What was recorded in this process is checked in others."""
    counts = [f"{run.name} {sum(1 for _ in run.segments[0].records())} None\n" for run in simulated(5, tmp_path)]
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", CHECK_ALL, str(tmp_path)], cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        assert done.stdout == "".join(counts)


def test_the_first_difference_is_found(tmp_path: Path) -> None:
    """A bug that one event shows: its number, and what the core does now."""
    count = 0

    def sabotage(process: str, frame: Frame) -> None:
        nonlocal count
        count += is_master(process)
        if count == 20 and is_master(process):
            frame.send("nobody", "a word that no core has said")

    simulate(Plan(), sabotage=sabotage, journal=str(tmp_path))
    run = next(run for run in find_runs(tmp_path) if is_master(run.head.program))
    verdict = check(run)
    assert verdict.count == 19
    assert verdict.different is not None
    assert verdict.different.number == 20


# ---- segments, gaps and moments


@pytest.fixture
def world(tmp_path: Path) -> RecordedWorld:
    return busy(tmp_path)


def ids(replay: Replay) -> set[str]:
    return {task_id for framework in replay.core.state.frameworks.values() for task_id in framework.tasks}


def test_a_core_is_shown_as_it_was_at_any_event(world: RecordedWorld) -> None:
    """By number or by time; the last event that is early enough counts."""
    run = world.read()
    steps = list(Replay(run, from_start=True).steps())
    for number in range(1, len(steps) + 1, 5):
        replay = Replay(run, Until(number=number))
        replay.to_end()
        assert (replay.number, replay.now) == (number, steps[number - 1].record.now)
    replay = Replay(run, Until(at_ns=START + 3 * SECOND))
    replay.to_end()
    assert replay.now <= START + 3 * SECOND < steps[replay.number].record.now
    replay = Replay(run, Until(number=0))
    replay.to_end()
    assert replay.core.state.agents == {}


def test_a_replay_begins_with_the_last_snapshot_that_is_early_enough(world: RecordedWorld) -> None:
    world.scribe.turn()
    before = world.master._cause
    world.scheduler(name="late")
    run = world.read()
    late, early = Replay(run), Replay(run, Until(number=before - 1))
    assert [step.number for step in late.steps()] == [before + 1]
    assert [step.number for step in early.steps()] == list(range(1, before))
    verdict = check(run)
    assert (verdict.count, verdict.different, verdict.notes) == (before + 1, None, [])


def test_a_missing_snapshot_is_no_loss_while_events_follow_each_other(world: RecordedWorld) -> None:
    world.scribe.turn()
    world.scheduler(name="late")
    run = world.read()
    os.unlink(run.segments[1].snapshot)
    replay = Replay(run)
    replay.to_end()
    assert replay.number == world.master._cause
    assert replay.notes == []


def test_after_a_gap_a_replay_goes_on_with_a_snapshot(world: RecordedWorld) -> None:
    """It is said what is missing; without a snapshot the last known state is what there is."""
    first = world.master._cause
    world.scribe.turn()
    world.scheduler(name="lost")
    lost = world.master._cause
    world.scribe.turn()
    world.scheduler(name="kept")
    run = world.read()
    os.unlink(run.segments[1].path)
    replay = Replay(world.read(), from_start=True)
    replay.to_end()
    assert replay.notes == [f"events {first + 1} to {lost} are missing"]
    assert replay.number == world.master._cause
    assert {framework.info.name for framework in replay.core.state.frameworks.values()} >= {"lost", "kept"}
    os.unlink(run.segments[2].snapshot)
    replay = Replay(world.read())
    replay.to_end()
    assert replay.number == first
    assert replay.notes[1] == "segment 2 has no snapshot, and does not go on from one that has"


def test_an_event_that_cannot_be_read_ends_the_segment(world: RecordedWorld) -> None:
    """A kind of another version, say."""
    (path,) = world.read().path.glob("*" + EVENTS)
    payload = next(data for data in world.read().segments[0].records() if b"RegisterAgent" in data)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(framed(payload), framed(payload.replace(b"RegisterAgent", b"RegisterOther"))))
    replay = Replay(world.read())
    replay.to_end()
    assert replay.notes[0].startswith(f"event {replay.number + 1} cannot be read: there is no class wire.internal:")


def test_other_sources_are_mentioned(world: RecordedWorld) -> None:
    """They may decide otherwise, which is what a check is for."""
    run = world.read()
    run.segments[0].head = attrs.evolve(run.head, sources="00112233")
    assert "recorded by other sources" in Replay(run).notes[0]


def test_a_core_that_failed_fails_again(world: RecordedWorld) -> None:
    """The event is there, though no frame came of it."""
    event = Event(internal.StatusUpdate, None, next(iter(world.state.agents.values())).peer)
    world.scribe.heard(event, world.now)
    with pytest.raises(AttributeError):
        world.master.apply(event, world.now)
    world.scribe.failed()
    verdict = check(world.read())
    assert (verdict.count, verdict.different) == (world.master._cause, None)
    assert verdict.notes[0].startswith(f"the core failed on event {world.master._cause}: AttributeError")


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("17", Until(number=17)), ("#17", Until(number=17)),
        ("2023-11-14T22:13:20", Until(at_ns=1_700_000_000 * SECOND + 999)),
        ("2023-11-14T22:13:20.000001Z", Until(at_ns=1_700_000_000 * SECOND + 1999)),
        ("2023-11-15T00:13:20+02:00", Until(at_ns=1_700_000_000 * SECOND + 999)),
    ],
)  # fmt: skip
def test_moments(text: str, until: Until) -> None:
    assert Until.parse(text) == until


@pytest.mark.parametrize("text", ["", "yesterday", "-5", "12:61", "#"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match="expecting the number of an event, or a time"):
        Until.parse(text)


# ---- what is shown


async def test_it_is_shown_as_the_master_shows_it(world: RecordedWorld) -> None:
    """Every path, with its parameters."""
    world.apply(ChangeQuota, ChangeQuota((builders.quota("a", {}, {"cpus": 1}),), force=False))
    world.apply(ChangeWeights, ChangeWeights((WeightInfo(role="a", weight=2.0),)))
    for path in MASTER_PATHS:
        shown = orjson.loads(await show(Replay(world.read()), path))
        assert shown, path
    state = orjson.loads(await show(Replay(world.read()), "/state"))
    (framework,) = state["frameworks"]
    assert [task["id"] for task in framework["tasks"]] == ["t1"]
    assert [task["id"] for task in framework["completed_tasks"]] == ["t0"]
    assert state["elected_time"] == START / SECOND
    tasks = orjson.loads(await show(Replay(world.read()), "/tasks?task_id=t0"))["tasks"]
    assert [task["state"] for task in tasks] == ["TASK_FINISHED"]
    with pytest.raises(LookupError, match="nothing is shown at /nowhere, but at /state, "):
        await show(Replay(world.read()), "/nowhere")


async def test_an_agent_is_shown_as_it_shows_itself(tmp_path: Path) -> None:
    runs = [run for run in simulated(0, tmp_path) if is_agent(run.head.program)]
    for run in runs:
        state = orjson.loads(await show(Replay(run), "/state"))
        assert f"agent-{state['hostname']}." in run.head.program


def test_the_run_of_that_time_is_taken(tmp_path: Path) -> None:
    """The last that had begun; the last of all if no time is given."""
    for at_s in (100, 200):
        RecordedWorld(tmp_path, START + at_s * SECOND)
    runs = find_runs(tmp_path)
    first, second = runs
    assert [_only(runs, until) for until in (None, Until(number=3))] == [second, second]
    assert [_only(runs, Until(at_ns=START + at_s * SECOND)) for at_s in (150, 250)] == [first, second]
    with pytest.raises(CommandFailed, match="nothing is known of that time: the journal begins at 2023-11-14T22:15:00"):
        _only(runs, Until(at_ns=START))


def test_directories_without_journals(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="is no directory"):
        find_runs(tmp_path / "nothing")
    with pytest.raises(Unreadable, match="there is no journal in"):
        find_runs(tmp_path)
    (tmp_path / "000000.events").write_bytes(b"")
    with pytest.raises(Unreadable, match="is no journal"):
        find_runs(tmp_path)
    assert Run(tmp_path).segments == []
