"""Who is served first: priorities, fair shares, holds, backfill, preemption."""

from __future__ import annotations

from collections import Counter

import pytest

from frameworks.batch import words
from frameworks.batch.entry import Entry, parsed
from frameworks.batch.job import Job, Resources
from frameworks.batch.offers import KEEP_S
from frameworks.batch.queue import Line
from frameworks.batch.shares import Shares
from mesos_py.machine.values import SECOND, seconds
from mesos_py.wire.ids import AgentID, OfferID
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.task import TaskState
from tests.batch.world import World, types, world_of


def jobs_of(world: World) -> Counter[str]:
    return Counter(parsed(task_id)[0] for task_id in world.alive())


def again(world: World) -> None:
    """All that is free is offered in one piece, whatever was held of it."""
    for agent in world.agents.values():
        world.rescind(agent)
    world.offer_all()


def offers_of(world: World, *agent_ids: str) -> list[OfferID]:
    found = [world.agents[AgentID(agent_id)].offer for agent_id in agent_ids]
    return [offer.id for offer in found if offer is not None]


def test_priority_comes_before_everything() -> None:
    world = world_of(agents=1)
    world.submit({"name": "a", "array": "1-100"}, {"name": "b", "priority": 1, "array": "1-3"})
    world.offer_all()
    assert jobs_of(world) == {"b": 3, "a": 1}


def test_users_share_alike_whatever_they_ask_for() -> None:
    """Counted in processors: whoever's tasks are twice as large has half as many."""
    world = world_of(agents=6)
    world.submit({"name": "a", "array": "1-100000", "user": "ann"})
    world.submit({"name": "b", "array": "1-100000", "user": "bob", "resources": {"cpus": 2}})
    world.submit({"name": "c", "array": "1-2", "user": "cat"})
    world.offer_all()
    assert jobs_of(world) == {"a": 11, "b": 5, "c": 2} or jobs_of(world) == {"a": 12, "b": 5, "c": 2}


def test_an_older_job_of_the_same_user_comes_first() -> None:
    world = world_of(agents=1)
    world.submit({"name": "b", "array": "1-3"})
    world.submit({"name": "a", "array": "1-3"})
    world.offer_all()
    assert jobs_of(world) == {"b": 3, "a": 1}


def test_who_has_had_much_lately_waits() -> None:
    """An hour of four processors weighs as much as ... and is forgotten after some more."""
    shares = Shares()
    shares.add("ann", 4.0, 0)
    hour = 3_600 * SECOND
    shares.remove("ann", 4.0, hour)
    after = shares.level("ann", hour)
    assert shares.level("ann", 2 * hour) == pytest.approx(after / 2)
    shares.add("bob", 0.5, 2 * hour)
    assert shares.level("bob", 2 * hour) < shares.level("ann", 2 * hour)
    assert shares.level("bob", 8 * hour) > shares.level("ann", 8 * hour)


def test_what_users_have_had_outlives_restarts() -> None:
    """It is reckoned from the attempts that are known, of jobs that have ended, too, and from when tasks that run were
    asked for."""
    world = world_of()
    minute = 60 * SECOND
    for name, user in (("ended", "ann"), ("tried", "bob"), ("runs", "cid")):
        world.submit({"name": name, "user": user, "resources": {"cpus": 2}, "retry": {"max": 9, "delay_s": 86_400}})
    world.offer_all()
    world.start_tasks()
    world.reconcile()
    world.advance(30 * minute)
    ended, tried, _ = world.launched
    world.end(ended)
    world.fail(tried)
    world.advance(10 * minute)
    users = ("ann", "bob", "cid", "dan")
    before = [world.core.shares.level(user, world.now) for user in users]
    assert before[0] == before[1] > 0.3 and before[2] > 2 + before[0] and before[3] == 0
    world.start()
    assert [world.core.shares.level(user, world.now) for user in users] == pytest.approx(before, rel=1e-6)
    world.advance(40 * 60 * minute)
    world.start()  # what was long ago is not looked for
    assert world.core.shares.level("ann", world.now) == 0


def test_the_line_serves_everybody_once_when_there_is_no_room() -> None:
    """Each job has its turn, and nobody comes twice."""
    entries = [
        Entry(Job(name=f"j{n}", command="x", user=f"u{n % 3}", priority=n % 2, resources=Resources(cpus=n)), 1, n, 0)
        for n in range(12)
    ]
    line, seen = Line(entries, Shares(), 0), []
    while (turn := line.next()) is not None:
        seen.append(turn[0])
        line.placed(turn[1], 0)
    assert {entry.name for entry in seen} == {entry.name for entry in entries}
    assert len(seen) == 12
    assert [entry.job.priority for entry in seen] == [1] * 6 + [0] * 6
    assert Line(entries, Shares(), 0).rest()[0].job.priority == 1


# ---- room for large ones


def test_a_large_job_holds_what_small_ones_would_take() -> None:
    """After it has waited for a while."""
    world = world_of(agents=1, patience_s=60.0, preempt_after_s=None, hold_s=1_000.0)
    world.submit({"name": "small", "array": "1-1000"})
    world.offer_all()
    world.submit({"name": "large", "priority": 1, "resources": {"cpus": 4}})
    for _ in range(8):
        world.end(world.alive("small")[0])
        world.offer_all()
        world.advance(10 * SECOND)
    world.offer_all()
    assert world.core.hold is not None and world.core.hold.name == "large"
    while world.alive("small"):
        world.end(world.alive("small")[0])
        again(world)
    assert jobs_of(world) == {"large": 1}


def test_who_will_have_ended_in_time_uses_what_is_held() -> None:
    """Backfill: only where time limits say when the holder can start."""
    world = world_of(agents=1, patience_s=0.0, preempt_after_s=None, hold_s=1_000.0)
    world.submit({"name": "first", "resources": {"cpus": 2}, "time_limit_s": 600})
    world.offer_all()
    world.submit({"name": "large", "priority": 1, "resources": {"cpus": 4}})
    world.submit({"name": "long", "time_limit_s": 700}, {"name": "endless"}, {"name": "short", "time_limit_s": 300})
    world.offer_all()
    assert jobs_of(world) == {"first": 1, "short": 1}
    for task_id in world.alive():
        world.end(task_id)
    again(world)
    assert jobs_of(world) == {"large": 1}


def test_what_is_less_important_makes_room() -> None:
    """As little as is enough, the least important first; it is run again, and has lost no retry."""
    world = world_of(agents=2, preempt_after_s=30.0)
    world.submit({"name": "low", "array": "1-6"}, {"name": "lower", "priority": -1, "array": "1-2"})
    world.submit({"name": "firm", "priority": -2, "preemptible": False, "resources": {"cpus": 0, "mem": 1}})
    world.offer_all()
    assert jobs_of(world) == {"low": 6, "lower": 2, "firm": 1}
    world.submit({"name": "high", "priority": 5, "resources": {"cpus": 2}})
    world.offer_all()
    world.advance(29 * SECOND)
    assert "KILL" not in types(world.calls)
    world.advance(20 * SECOND)
    killed = [call.kill.task_id for call in world.calls if call.kill is not None]
    assert {parsed(one)[0] for one in killed} == {"lower"} and len(killed) == 2
    for task_id in killed:
        world.end(task_id, TaskState.TASK_KILLED)
    world.offer_all()
    assert jobs_of(world)["high"] == 1
    world.advance(1_000 * SECOND)
    assert len([call for call in world.calls if call.kill is not None]) == 2
    world.drain()
    assert world.state("lower") == "succeeded"


def test_nobody_makes_room_for_his_equals() -> None:
    world = world_of(agents=1, preempt_after_s=30.0)
    world.submit({"name": "a", "array": "1-4"})
    world.offer_all()
    world.submit({"name": "b", "resources": {"cpus": 2}})
    world.offer_all()
    world.advance(1_000 * SECOND)
    assert "KILL" not in types(world.calls)


def test_constraints_look_at_the_other_tasks_of_the_job() -> None:
    """One for each host, also when one of them has ended and another one comes."""
    world = world_of(agents=3)
    world.submit({"name": "a", "array": "1-5", "constraints": [["hostname", "UNIQUE"]]})
    world.offer_all()
    assert len(world.alive()) == 3
    world.end(world.launched[0])
    world.offer_all()
    agents = [agent for agent in world.agents.values() if agent.tasks]
    assert len(agents) == len(world.alive()) == 3


def test_roles_are_asked_for_one_by_one() -> None:
    """Offers in a role are for the jobs of that queue."""
    world = world_of(agents=1)
    world.submit({"name": "a", "queue": "eng"}, {"name": "b"})
    assert [call.revive.roles for call in world.calls] == [("eng", "*")]
    world.offer_all()
    assert jobs_of(world) == {"b": 1}
    assert world.calls[-1].suppress.roles == ("*",)
    world.ask(words.Cancel("a"))
    assert world.calls[-1].suppress.roles == ("eng",)


def test_only_so_much_is_starting_at_a_time() -> None:
    """The rest has its turn when half of it runs: on offers that are kept for a moment, then on others, which are asked
    for. A gang starts whole even so."""
    world = world_of(agents=10, starting_max=8)
    world.submit({"name": "a", "array": "1-40"})
    world.offer_all()
    assert len(world.alive()) == world.core.starting == 8
    assert "DECLINE" not in types(world.calls)
    for task_id in world.alive()[:3]:
        world.update(task_id, TaskState.TASK_RUNNING)
    world.advance(0)
    assert len(world.alive()) == 8
    world.update(world.alive()[3], TaskState.TASK_RUNNING)
    world.advance(0)
    assert len(world.alive()) == 12
    assert world.calls[-1].type is Call.Type.ACCEPT
    world.advance(seconds(KEEP_S))
    assert world.calls[-1].type is Call.Type.DECLINE
    assert not world.core.unused
    revived = types(world.calls).count("REVIVE")
    for task_id in world.alive()[4:8]:
        world.update(task_id, TaskState.TASK_RUNNING)
    world.advance(SECOND)
    assert types(world.calls).count("REVIVE") == revived + 1
    world.offer_all()
    assert len(world.alive()) == 16
    world.submit({"name": "g", "gang": 20, "priority": 1})
    for task_id in world.alive():
        world.update(task_id, TaskState.TASK_RUNNING)
    world.offer_all()
    assert len(world.alive("g")) == 20
    world.drain()


def test_a_turn_launches_so_many_and_the_next_one_goes_on_with_the_same_offers() -> None:
    """Nothing is given back between two turns, what was not used up of a host is offered again at once, a holder keeps
    what it holds, and an offer that is rescinded meanwhile is not used."""
    world = world_of(agents=6, launches_max=5)
    world.submit({"name": "g", "gang": 20})
    world.offer_all("a0", "a1", "a2", "a3")
    assert world.core.hold is not None
    assert len(world.core.hold.offers) == 4
    world.submit({"name": "a", "array": "1-12", "priority": 1})
    world.offer_all("a4", "a5")
    assert jobs_of(world) == {"a": 5}
    assert world.core.hold is not None
    left, kept = offers_of(world, "a2", "a3"), offers_of(world, "a4", "a5")
    assert (list(world.core.hold.offers), list(world.core.unused)) == (left, kept)
    accepts = [call.accept for call in world.calls if call.accept is not None]
    assert [accept.filters.refuse_seconds for accept in accepts if accept.filters is not None] == [0, 0]
    world.rescind(world.agents[AgentID("a5")])
    assert list(world.core.unused) == kept[:1]
    world.advance(0)
    assert jobs_of(world) == {"a": 12}
    assert "DECLINE" not in types(world.calls)
    assert not world.core.unused
    again(world)
    world.drain()
