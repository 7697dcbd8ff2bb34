"""A core behind a session: what it says leaves in its order, what it asks for and nobody hears comes back to it."""

from __future__ import annotations

import asyncio
from random import Random

import attrs
import pytest

from mesos_py import sdk
from mesos_py.coordination import Changes, Records, StoreFailed
from mesos_py.coordination.memory import MemoryRecords
from mesos_py.machine.frame import Event, Frame, Tick
from mesos_py.machine.problem import Problem, bad_request
from mesos_py.machine.values import Nanos, seconds, value
from mesos_py.sdk.session.behind import SESSION, Forget, Kept, NotSaid
from mesos_py.sdk.testing import LEADER, Cluster, Fate, Program, simulated
from mesos_py.wire.ids import TaskID
from mesos_py.wire.offer import Filters, Offer
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as MasterEvent
from mesos_py.wire.task import TaskInfo
from tests.sdk.matching.offered import offer


@value
class Begun:
    records: dict[str, bytes]
    tasks: tuple[TaskID, ...]


@value
class Wanted:
    """Tasks, in all."""

    count: int


@value
class Fact:
    text: str


@value
class Told:
    """Something is kept, and told."""

    fact: Fact


@attrs.define(eq=False)
class Counting:
    """Launches so many tasks, one an offer, and says every ten seconds how many it has launched."""

    wanted: int = 0
    launched: int = 0
    unheard: int = 0
    ticks: int = 0
    due: Nanos | None = None

    def apply(self, event: Event, now: Nanos) -> Frame:
        out = Frame(now)
        match event.body:
            case Begun(records=records):
                self.wanted, self.launched = int(records.get("wanted", b"0")), int(records.get("launched", b"0"))
                self.due = now + seconds(10.0)
            case Wanted(count=count) if count < self.wanted:
                out.reply = bad_request("not fewer")
            case Wanted(count=count):
                self.wanted = out.reply = count
                out.write(Kept("wanted", b"%d" % count))
                out.send(SESSION, Call(type=Call.Type.REVIVE, revive=Call.Revive(roles=("*",))))
            case MasterEvent.Offers(offers=offers):
                for offer in offers:
                    self._use(offer, out)
            case MasterEvent.Update(status=status) if sdk.is_end(status.state):
                out.send(SESSION, Forget(status.task_id))
                out.change(Fact(f"{status.task_id} has ended"))
            case Told(fact=fact):
                out.write(Kept("told", fact.text.encode()))
                out.change(fact)
            case NotSaid():
                self.launched -= 1
                self.unheard += 1
                out.write(Kept("launched", b"%d" % self.launched))
        if event.kind is Tick:
            self.ticks, self.due = self.ticks + 1, now + seconds(10.0)
        return out

    def _use(self, offer: Offer, out: Frame) -> None:
        if self.launched == self.wanted:
            decline = Call.Decline(offer_ids=(offer.id,), filters=Filters(refuse_seconds=1.0))
            out.send(SESSION, Call(type=Call.Type.DECLINE, decline=decline))
            return
        self.launched += 1
        out.write(Kept("launched", b"%d" % self.launched))
        info = sdk.evolve(
            sdk.command("t", "x"), task_id=TaskID(f"t{self.launched}-{self.unheard}"), agent_id=offer.agent_id
        )
        launch = Offer.Operation.Launch(task_infos=(info,))
        operation = Offer.Operation(type=Offer.Operation.Type.LAUNCH, launch=launch)
        accept = Call.Accept(offer_ids=(offer.id,), operations=(operation,))
        out.send(SESSION, Call(type=Call.Type.ACCEPT, accept=accept))

    def deadline(self) -> Nanos | None:
        return self.due


class Third(sdk.CoreScheduler[Counting]):
    name = "third"
    failover_timeout_s = 3600.0

    def make_core(self, rng: Random) -> Counting:
        return Counting()

    def begun(self) -> Begun:
        return Begun(dict(self.records), tuple(self.tasks))


def for_a_while(task: TaskInfo) -> Fate:
    return Fate(run=30.0)


async def third_of(cluster: Cluster, program: Program) -> Third:
    """This run's, when it has begun."""
    await cluster.until(lambda: program.is_up and isinstance(program.scheduler, Third) and program.scheduler.has_begun)
    assert isinstance(program.scheduler, Third)
    return program.scheduler


@simulated
async def test_a_core_runs_its_tasks_through_everything() -> None:
    """Asked, launched, ended, forgotten; killed between, it goes on from its records; a refusal changes nothing."""
    async with Cluster(agents=3, outcomes=for_a_while) as cluster:
        program = cluster.start(Third)
        third = await third_of(cluster, program)
        assert await third.ask(Wanted(2)) == 2
        assert isinstance(await third.ask(Wanted(1)), Problem)
        assert third.records["wanted"] == b"2"
        await cluster.until(lambda: sum(len(tasks) for tasks in cluster.running.values()) == 2)
        program.crash()
        program.start()
        await cluster.until(lambda: program.scheduler is not third)
        third = await third_of(cluster, program)
        facts = third.listen()
        assert (third.core.launched, len(third.tasks)) == (2, 2)
        await cluster.until(lambda: not third.tasks, within_s=200.0)
        await cluster.until(lambda: facts.qsize() == 2)
        assert [facts.get_nowait()[1].text for _ in range(2)] == ["t1-0 has ended", "t2-0 has ended"]
        await cluster.until(lambda: third.core.ticks >= 3)


@simulated
async def test_a_launch_that_nobody_hears_comes_back_to_the_core() -> None:
    """In the same turn, and what it changes is kept; nothing was asked for."""
    async with Cluster(agents=1, masters=1, outcomes=for_a_while) as cluster:
        third = await third_of(cluster, cluster.start(Third))
        await cluster.until(lambda: third.is_subscribed)
        cluster.inject("restart master", LEADER, for_s=20.0)
        await cluster.until(lambda: not third.is_subscribed)
        await third.ask(Wanted(1))
        await third.tell(MasterEvent.Offers(offers=(offer("h0", "cpus:1;mem:32"),)))
        assert (third.core.launched, third.core.unheard, third.records["launched"]) == (0, 1, b"0")
        assert not third.tasks
        await cluster.until(lambda: len(third.tasks) == 1, within_s=200.0)


@simulated
async def test_a_fact_that_comes_while_others_are_kept_is_told_too() -> None:
    """It waits for nothing else to happen."""
    async with Cluster(agents=1) as cluster:
        third = await third_of(cluster, cluster.start(Third))
        facts = third.listen()
        for text in ("a", "b", "c"):
            await third.tell(Told(Fact(text)))
            await asyncio.sleep(0.0001)  # a commit takes longer
        await cluster.until(lambda: facts.qsize() == 3, within_s=1.0)
        assert [facts.get_nowait()[1].text for _ in range(3)] == ["a", "b", "c"]


class Refusing(Third):
    def begun(self) -> Begun:
        return Wanted(-1)  # type: ignore[return-value]


async def test_what_the_core_does_not_take_ends_it_before_it_has_begun() -> None:
    refusing = Refusing(master="127.0.0.1:1", store="memory")
    with pytest.raises(ValueError, match="not fewer"):
        await refusing.run()
    assert not refusing.has_begun


class Full(MemoryRecords):
    """Keeps nothing more once ``is_full``."""

    is_full = False

    async def commit(self, changes: Changes) -> None:
        if self.is_full:
            raise StoreFailed("the disk is full")
        await super().commit(changes)


class Filling(Third):
    async def open_records(self) -> Records:
        self.disk = Full()
        return self.disk


async def test_what_may_not_be_kept_is_answered_to_nobody() -> None:
    """Neither the reply nor the fact; the program ends with the reason."""
    async with Filling(master="127.0.0.1:1") as filling:
        facts, serving = filling.listen(), asyncio.create_task(filling.serve())
        assert await filling.ask(Wanted(1)) == 1
        filling.disk.is_full = True
        filling._hearers.tell([Fact("before")])
        await filling.tell(Told(Fact("after")))
        with pytest.raises(sdk.NotKept):
            await filling.ask(Wanted(2))
        with pytest.raises(StoreFailed, match="the disk is full"):
            await serving
        assert [facts.get_nowait()[1] for _ in range(facts.qsize())] == [Fact("before")]
