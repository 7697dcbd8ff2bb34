"""Everything that has to do with an entity is in its story, nothing else is, and what belongs together is linked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from mesos_py.cli.story import _object, _Printer
from mesos_py.journal.classes import Unreadable
from mesos_py.journal.replay import Replay, Run
from mesos_py.journal.story import Entry, Story, Where, _find_causes, _in_order, story
from mesos_py.journal.text import kind_text
from mesos_py.machine.frame import Disconnected, Event
from mesos_py.machine.values import SECOND
from mesos_py.master import changes
from mesos_py.sim.plan import Plan
from mesos_py.wire import executor_api, internal
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.task import TaskState
from tests import builders
from tests.journal.recorded import RecordedWorld, simulated


def kinds(told: Story) -> list[str]:
    return [entry.where.kind for entry in told.entries]


def names(values: list[Any]) -> list[str]:
    return [value["is"] for value in values]


@pytest.fixture
def world(tmp_path: Path) -> RecordedWorld:
    """Tasks t1 and t11 on one agent; t1 fails, the framework is told, and acknowledges."""
    made = RecordedWorld(tmp_path)
    agent, scheduler = made.agent(), made.scheduler()
    scheduler.launch(builders.task("t1", agent.id), builders.task("t11", agent.id))
    for task_id in ("t1", "t11"):
        scheduler.acknowledge(agent.update(scheduler.id, task_id, TaskState.TASK_RUNNING))
    scheduler.acknowledge(agent.update(scheduler.id, "t1", TaskState.TASK_FAILED, message="it broke"))
    return made


def test_a_task_from_launch_to_end(world: RecordedWorld, tmp_path: Path) -> None:
    told = story([tmp_path], ["t1"])
    assert told.events == world.master._cause
    assert kinds(told) == ["ACCEPT", "StatusUpdate", "ACKNOWLEDGE", "StatusUpdate", "ACKNOWLEDGE"]
    launch, running, _, failed, end = told.entries
    assert launch.who == "framework m-0000 (f)"
    assert names(launch.changes) == ["TaskAdded"], "the other task of the launch is another story"
    assert [(to, word["task"]["task_id"]["value"]) for to, word in launch.sends] == [("agent m-S0 (host)", "t1")]
    assert running.who == "agent m-S0 (host)"
    assert failed.changes[0]["status"]["message"] == "it broke"
    assert names(end.changes) == ["TaskRemoved"]
    assert [entry.at_ns for entry in told.entries] == sorted(entry.at_ns for entry in told.entries)


def test_a_launch_is_shortened_to_the_task(world: RecordedWorld, tmp_path: Path) -> None:
    """A call may name thousands."""
    launch = story([tmp_path], ["t1"]).entries[0]
    (operation,) = launch.event["body"]["accept"]["operations"]
    assert [task["name"] for task in operation["launch"]["task_infos"]] == ["t1"]


def test_an_agent_an_offer_and_a_framework_have_stories_too(world: RecordedWorld, tmp_path: Path) -> None:
    """With what is said to the entity itself, though it does not name it."""
    assert kinds(story([tmp_path], ["m-S0"]))[0] == "RegisterAgent"
    offered, answered = story([tmp_path], ["m-O0"]).entries
    assert (names(offered.changes), names(answered.changes)) == (["OfferSent"], ["OfferEnded"])
    told = story([tmp_path], ["m-0000"])
    assert told.entries[0].where.kind == "SUBSCRIBE"
    said = [word["type"] for entry in told.entries for to, word in entry.sends if to == "framework m-0000 (f)"]
    assert said == ["SUBSCRIBED", "HEARTBEAT", "OFFERS", "UPDATE", "UPDATE", "UPDATE"]


def test_several_ids_are_one_story(world: RecordedWorld, tmp_path: Path) -> None:
    """In the order of time."""
    both, one = story([tmp_path], ["t1", "t11"]), story([tmp_path], ["t11"])
    assert len(both.entries) == 7
    assert len(one.entries) == 3


def test_what_time_has_brought_is_told_with_the_timer(world: RecordedWorld, tmp_path: Path) -> None:
    """An agent that is away does not answer pings: what is due names it, what follows names its task."""
    (agent,) = world.state.agents.values()
    world.apply(Disconnected, peer=agent.peer)
    world.advance(700)
    (told,) = [entry for entry in story([tmp_path], ["m-S0"]).entries if entry.due]
    assert told.where.kind == "Tick"
    assert told.due == [{"is": "AgentSilent", "agent_id": "m-S0"}]
    assert "AgentUnreachable" in names(told.changes)
    last = story([tmp_path], ["t11"]).entries[-1]
    assert (last.where, last.due, names(last.changes)) == (told.where, [], ["TaskUpdated", "TaskRemoved"])


def test_nothing_is_known_of_a_stranger(world: RecordedWorld, tmp_path: Path) -> None:
    told = story([tmp_path], ["t"])
    assert (told.entries, told.events) == ([], world.master._cause)
    with pytest.raises(Unreadable, match="is no directory"):
        story([tmp_path / "elsewhere"], ["t"])


def test_processes_have_names(tmp_path: Path) -> None:
    """Of their program or, where that is not enough, of their directory."""
    for place in ("a/agent-1", "a/agent-2", "b/host1", "b/host2", "c"):
        world = RecordedWorld(tmp_path / place)
        world.agent()
    assert [_processes(tmp_path / place) for place in ("a", "b", "c", "b/host1")] == [
        {"agent-1/master", "agent-2/master"}, {"host1/master", "host2/master"}, {"master"}, {"master"},
    ]  # fmt: skip
    RecordedWorld(tmp_path / "master-east").agent()
    assert _processes(tmp_path / "master-east") == {"master-east"}


def _processes(directory: Path) -> set[str]:
    return {entry.where.process for entry in story([directory], ["m-S0"]).entries}


# ---- a master and its agents


@pytest.mark.parametrize("seed", [0, 5])
def test_every_change_of_a_task_is_in_its_story(seed: int, tmp_path: Path) -> None:
    """Of a simulated cluster with all its faults: what the master changed, and nothing that names another task."""
    runs = simulated(seed, tmp_path)
    expected = _task_changes(runs)
    assert len(expected) > 5
    for task_id, updates in sorted(expected.items())[:8]:
        told = story([tmp_path], [task_id])
        found = [
            (entry.where.run, entry.where.number, change["is"])
            for entry in told.entries if entry.where.process.startswith("m")
            for change in entry.changes
        ]  # fmt: skip
        assert found == updates
        for entry in told.entries:
            assert f'"{task_id}"'.encode() in orjson.dumps(_object(entry)), entry.where


def _task_changes(runs: list[Run]) -> dict[str, list[tuple[str, int, str]]]:
    found: dict[str, list[tuple[str, int, str]]] = {}
    for run in runs:
        if run.head.program.startswith("m"):
            for step in Replay(run, from_start=True).steps():
                assert step.frame is not None
                for change in step.frame.changes:
                    task_id = getattr(change, "task_id", None)
                    if task_id is not None:
                        found.setdefault(task_id, []).append((run.name, step.number, type(change).__name__))
    return found


def test_what_one_process_says_another_one_hears(tmp_path: Path) -> None:
    """From ACCEPT by way of the agent and its containers to the update: each leads to what it is a consequence of."""
    runs = simulated(Plan(), tmp_path)
    task_id = _finished(runs)
    told = story([tmp_path], [task_id])
    by_place = {(entry.where.run, entry.where.number): entry for entry in told.entries}
    linked = [entry for entry in told.entries if entry.cause is not None]
    update = next(entry for entry in reversed(linked) if entry.where.kind == "StatusUpdate")
    chain = [update.where.kind]
    while update.cause is not None:
        cause = by_place[update.cause.run, update.cause.number]
        assert cause.at_ns <= update.at_ns or "a" in (cause.where.process[0], update.where.process[0]), "clocks differ"
        chain.append(cause.where.kind)
        update = cause
    assert chain[-1] == "ACCEPT"
    assert "RunTask" in chain
    assert "ContainerExited" in chain or "AcknowledgeUpdate" in chain


def _finished(runs: list[Run]) -> str:
    for run in runs:
        if run.head.program.startswith("m"):
            for step in Replay(run, from_start=True).steps():
                for change in step.frame.changes if step.frame is not None else ():
                    if isinstance(change, changes.TaskUpdated) and change.state is TaskState.TASK_FINISHED:
                        return change.task_id
    raise AssertionError("no task has finished")


def entry(run: str, at_s: float, *, said: bytes = b"", heard: bytes | None = None) -> Entry:
    where = Where(run, run, round(at_s), "Something")
    return Entry(
        at_ns=round(at_s * SECOND), where=where, who=None, event={}, due=[], writes=[], changes=[], sends=[],
        reply=None, error=None, heard=heard, said=[said] if said else [],
    )  # fmt: skip


@pytest.mark.parametrize("behind_s", [0, 3600, -3600])
def test_of_equal_words_the_one_that_was_heard_is_the_cause(behind_s: int) -> None:
    """What the first of two masters said got lost. The agent's clock may be wrong: other words show by how much."""
    told = [
        entry("master-m1", 10, said=b"welcome"), entry("master-m2", 20, said=b"run it"),
        entry("master-m2", 30, said=b"welcome"),
        entry("a", 20.1 - behind_s, heard=b"run it"), entry("a", 30.2 - behind_s, heard=b"welcome"),
    ]  # fmt: skip
    told = _in_order(told)
    assert [(one.where.run, one.said or one.heard) for one in told] == [
        ("master-m1", [b"welcome"]), ("master-m2", [b"run it"]), ("a", b"run it"), ("master-m2", [b"welcome"]),
        ("a", b"welcome"),
    ]  # fmt: skip
    causes = {one.heard: one.cause for one in told if one.heard is not None}
    assert {heard: cause and (cause.run, cause.number) for heard, cause in causes.items()} == {
        b"run it": ("master-m2", 20), b"welcome": ("master-m2", 30),
    }  # fmt: skip


def test_words_that_are_repeated_are_heard_one_after_the_other() -> None:
    told = [entry("a", at_s, said=b"update") for at_s in (1, 11, 31)]
    told += [entry("m", at_s, heard=b"update") for at_s in (1.1, 11.1, 31.1)]
    _find_causes(told)
    assert [one.cause and one.cause.number for one in told[3:]] == [1, 11, 31]


# ---- how it is told


def printed(entries: list[Entry], wanted: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    printer = _Printer(12, frozenset({wanted}), at_terminal=False)
    for entry in entries:
        printer.print(entry)
    return capsys.readouterr().out.splitlines()


def test_the_story_is_read_line_by_line(
    world: RecordedWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What happened, where from, what followed; ids that stay the same are said once."""
    lines = printed(story([tmp_path], ["t1"]).entries, "t1", capsys)
    at, process, number, rest = lines[0].split(None, 3)
    assert (at, process, number) == ("2023-11-14T22:13:20.000000Z", "master", "#5")
    assert rest == "ACCEPT  offer_ids=m-O0  agent_id=m-S0  framework_id=m-0000  from framework m-0000 (f)"
    assert lines[1:3] == ["        task added", "        -> agent m-S0 (host): run task"]
    assert "        task updated  state=TASK_FAILED  previous=TASK_RUNNING  message=it broke" in lines
    assert sum("agent_id=" in line for line in lines) == 1


def test_a_new_run_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its events are numbered from one again."""
    runs = []
    for _ in range(2):
        world = RecordedWorld(tmp_path)
        world.agent()
        runs.append(Path(world.recorder.path).name)
    lines = printed(story([tmp_path], ["m-S0"]).entries, "m-S0", capsys)
    assert [line for line in lines if line.startswith("--")] == [f"-- master has been started again ({runs[1]})"]


def test_a_refusal_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = RecordedWorld(tmp_path)
    scheduler = world.scheduler()
    call = Call(type=Call.Type.REVIVE, framework_id=scheduler.id)
    reply = world.apply(call.type, call, "another stream").reply
    lines = printed(story([tmp_path], [scheduler.id]).entries, scheduler.id, capsys)
    assert lines[-2].endswith("REVIVE  from another stream, for framework m-0000 (f)")
    assert lines[-1] == f"        refused: problem  kind={reply.kind.name}  text={reply.text}"


def test_kinds_have_names() -> None:
    """As whoever says them calls them."""
    assert [kind_text(Event(kind)) for kind in (Call.Type.ACCEPT, internal.Pong, executor_api.Call.Update)] == [
        "ACCEPT", "Pong", "Update",
    ]  # fmt: skip
