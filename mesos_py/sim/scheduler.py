"""A scheduler double: wants tasks, keeps a book of them, and behaves as well as it was drawn to.

What it does right is what a framework must do to lose nothing: it writes a task into its book before it launches it,
acknowledges every update that has a uuid, reconciles after every subscription and now and then, gives up a stream that
is silent (``subscription.py``). What it does wrong is in its ``Behaviour``: it hoards offers, forgets to acknowledge,
launches on offers that are gone, uses an id twice, kills before it has heard of anything.

``reform`` ends all that: from then on it wants nothing but that one last task (a probe) runs to its end.

The book survives a crash of the scheduler, as a database would; everything else does not.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from mesos_py.machine.values import SECOND, Nanos, seconds
from mesos_py.sim import hostile
from mesos_py.sim.behaviour import Behaviour
from mesos_py.sim.book import FINAL, Record, Workload, fitting, launch_of, task_of
from mesos_py.sim.loop import SimLoop
from mesos_py.sim.net import Network
from mesos_py.sim.subscription import Subscription
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import ExecutorID, FrameworkID, OfferID, TaskID
from mesos_py.wire.offer import Filters, Offer
from mesos_py.wire.scheduler_api import Call, Event
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskStatus

REFUSE_DONE_S = 3600.0  # for one that wants nothing any more
DECLINES_FOR = 20 * SECOND


class SimScheduler:
    """One framework's scheduler, on a host of its own."""

    def __init__(
        self, loop: SimLoop, net: Network, host: str, info: FrameworkInfo, behaviour: Behaviour, workload: Workload,
        rng: random.Random, *, masters: Sequence[str],
        on_update: Callable[[FrameworkID, TaskStatus], None] = lambda framework_id, status: None,
    ) -> None:  # fmt: skip
        self.loop, self.net, self.host, self.info = loop, net, host, info
        self.behaviour, self.workload, self._rng, self._on_update = behaviour, workload, rng, on_update
        #: every task it ever asked for, and those of them that are not known to have ended
        self.book: dict[TaskID, Record] = {}
        self._open: dict[TaskID, Record] = {}
        self.framework_id: FrameworkID | None = None
        #: ids it had before
        self.past_ids: list[FrameworkID] = []
        self.is_reformed = False
        #: whatever it still has is killed
        self.is_ending = False
        self.is_up = False
        self.subscribed = False
        #: texts of Problems and ERRORs, with how often
        self.refusals: dict[str, int] = {}
        self._offers: dict[OfferID, Offer] = {}
        self._gone: list[Offer] = []
        self._tasks = 0
        self._suppressed = False
        #: others wait until what they have declined is offered again; who does not know what it has said cannot
        self._revives = rng.random() < 0.5 or behaviour.hostile > 0 or behaviour.changes > 0
        #: it has declined for so long that nothing will be offered again
        self._has_enough = False
        #: when it wants its last task; who does not revive declines everything before
        self._probes_at: Nanos = 0
        self._life = 0
        self._line = Subscription(
            loop, net, host, rng, masters=masters, subscribe=self._subscribing, hear=self._hear, lost=self._lost,
            refused=self._refused,
        )  # fmt: skip

    # ---- life

    def start(self) -> None:
        """It subscribes until it is subscribed."""
        self.is_up = True
        self._life += 1
        self._line.reconnect()
        self.loop.call_in(seconds(self._rng.random() * 10), self._live, self._life)

    def crash(self) -> None:
        """Everything but the book is gone."""
        self.is_up = self.subscribed = False
        self._offers.clear()
        self._gone.clear()
        self._line.crash()

    def forget_id(self) -> None:
        """The id is not used again: to the master it will be another framework, and its tasks are not ours."""
        if self.framework_id is not None:
            self.past_ids.append(self.framework_id)
        self.framework_id = None
        for record in self.book.values():
            record.abandoned = True
        self._open.clear()

    def rival(self) -> None:
        """Another instance with the same book takes over; what the old one still says must have no effect."""
        if self.is_up and self.subscribed:
            revive = Call(type=Call.Type.REVIVE, framework_id=self.framework_id)
            speak = self._line.leave_behind()
            for at in (0, 1, 5):
                self.loop.call_in(at * SECOND, speak, revive)

    def reform(self) -> None:
        """From now on it behaves, and wants one last task to run to its end."""
        self.is_reformed = True
        self._probes_at = self.loop.now + (0 if self._revives else DECLINES_FOR)
        self.behaviour = Behaviour(target=0, kill_every_s=None, reconcile_every_s=45.0, refuse_s=1.0)
        for offer in list(self._offers.values()):
            self._decide(offer, self._life)
        self._revive()

    def _revive(self) -> None:
        if self._revives or self._has_enough or self._suppressed:
            self._has_enough = False
            self.call(Call.Type.REVIVE)

    @property
    def wants_probe(self) -> bool:
        if not self.is_reformed or self.loop.now < self._probes_at:
            return False
        probes = [record for record in self.book.values() if record.is_probe and not record.abandoned]
        under_way = (one.is_open and not one.is_unreachable for one in probes)
        return not (self.is_probed or any(under_way))

    @property
    def is_probed(self) -> bool:
        """The last task has run to its end."""
        return any(one.is_probe and one.has_finished and not one.abandoned for one in self.book.values())

    def open_records(self) -> list[Record]:
        return list(self._open.values())

    def _running(self) -> list[Record]:
        return [record for record in self._open.values() if record.was_running]

    # ---- connections

    def _subscribing(self) -> Call:
        subscribe = Call.Subscribe(framework_info=evolve(self.info, id=self.framework_id))
        return Call(type=Call.Type.SUBSCRIBE, framework_id=self.framework_id, subscribe=subscribe)

    def _lost(self) -> None:
        self.subscribed = False
        self._offers.clear()

    def call(self, type_: Call.Type, payload: Mapping[str, Any] | None = None, **fields: Any) -> None:
        """Said if it is subscribed, and only once."""
        if self.framework_id is not None and self.subscribed:
            self._line.call(Call(type=type_, framework_id=self.framework_id, **(payload or {}), **fields))

    def _refused(self, text: str) -> None:
        self.refusals[text] = self.refusals.get(text, 0) + 1

    # ---- what the master says

    def _hear(self, event: Event) -> None:
        if event.subscribed is not None:
            self._subscribed(event.subscribed.framework_id)
        elif event.offers is not None:
            for offer in event.offers.offers:
                self._offered(offer)
        elif event.rescind is not None:
            gone = self._offers.pop(event.rescind.offer_id, None)
            if gone is not None:
                self._gone.append(gone)
        elif event.update is not None:
            self._updated(event.update.status)
        elif event.error is not None:
            self._refused(event.error.message)
            if "removed" in event.error.message:
                self.forget_id()

    def _subscribed(self, framework_id: FrameworkID) -> None:
        self.framework_id = framework_id
        self.subscribed = True
        self._suppressed = False
        self._reconcile()

    def _updated(self, status: TaskStatus) -> None:
        assert self.framework_id is not None
        self._on_update(self.framework_id, status)
        record = self.book.get(status.task_id)
        if record is not None:
            record.hear(status, self.loop.now)
            if record.is_open:
                self._open[record.id] = record
            else:
                self._open.pop(record.id, None)
                if record.asked > 1 and status.state not in FINAL:  # the other launch under this id has survived
                    self.call(Call.Type.KILL, kill=Call.Kill(task_id=record.id, agent_id=status.agent_id))
        if status.uuid is None or status.agent_id is None or self.behaviour.never_acknowledges:
            return
        if self._rng.random() >= self.behaviour.forgets:
            acknowledge = Call.Acknowledge(agent_id=status.agent_id, task_id=status.task_id, uuid=status.uuid)
            self.call(Call.Type.ACKNOWLEDGE, acknowledge=acknowledge)

    # ---- offers

    def _offered(self, offer: Offer) -> None:
        self._offers[offer.id] = offer
        if self._rng.random() >= self.behaviour.hoards:
            self.loop.call_in(int(self._rng.random() * self.behaviour.think), self._decide, offer, self._life)

    def _decide(self, offer: Offer, life: int) -> None:
        if life != self._life or (self._offers.pop(offer.id, None) is None and not self._is_careless()):
            return
        tasks = self._wanted(offer)
        if tasks:
            self._accept(offer, tasks)
            return
        is_done = self.is_reformed and not self.wants_probe and self.loop.now >= self._probes_at
        self._has_enough |= is_done
        filters = Filters(refuse_seconds=REFUSE_DONE_S if is_done else self.behaviour.refuse_s)
        self.call(Call.Type.DECLINE, decline=Call.Decline(offer_ids=(offer.id,), filters=filters))

    def _is_careless(self) -> bool:
        return self._rng.random() < self.behaviour.stale

    def _wanted(self, offer: Offer) -> list[Record]:
        """New records of what will be launched on the offer."""
        if not self.subscribed:
            return []
        if self.wants_probe:
            return fitting(offer, [self._record(offer, is_probe=True)])
        missing = self.behaviour.target - len(self._open)
        if missing <= 0:
            return []
        records = [self._record(offer) for _ in range(self._rng.randint(1, min(3, missing)))]
        first = records[0]
        for other in records[1:]:
            is_alike = other.shape.kind == first.shape.kind and other.executor_id
            if is_alike and self._rng.random() < self.behaviour.shares:
                other.executor_id = first.executor_id
                other.shape = attrs.evolve(other.shape, executor=first.shape.executor)
        return fitting(offer, records)

    def _record(self, offer: Offer, *, is_probe: bool = False) -> Record:
        self._tasks += 1
        task_id = TaskID(f"{self.host}-t{self._tasks}")
        assert self.framework_id is not None
        shape = self.workload.probe(task_id) if is_probe else self.workload.draw(task_id, self._rng)
        record = Record(task_id, self.framework_id, offer.agent_id, shape, self.loop.now, is_probe=is_probe)
        if shape.kind != "command":
            record.executor_id = f"x-{task_id}"
            self._share(record)
        return record

    def _share(self, record: Record) -> None:
        """Its executor may be one that runs already, or that another task of the same ACCEPT brings."""
        alike = [
            other for other in self.open_records()
            if (other.agent_id, other.shape.kind) == (record.agent_id, record.shape.kind)
        ]  # fmt: skip
        if alike and self._rng.random() < self.behaviour.shares:
            other = self._rng.choice(alike)
            record.executor_id = other.executor_id
            record.shape = attrs.evolve(record.shape, executor=other.shape.executor)

    def _accept(self, offer: Offer, records: list[Record]) -> None:
        for record in records:
            self.book[record.id] = self._open[record.id] = record
        assert self.framework_id is not None
        operations = launch_of(records, self.framework_id)
        if self._rng.random() < self.behaviour.reuses and (running := self._running()):
            chosen = self._rng.choice(running)
            chosen.asked += 1
            again = task_of(attrs.evolve(chosen, agent_id=offer.agent_id, heard=[]))
            operations += (Offer.Operation(type=Offer.Operation.Type.LAUNCH,
                                           launch=Offer.Operation.Launch(task_infos=(again,))),)  # fmt: skip
        accept = Call.Accept(offer_ids=(offer.id,), operations=operations, filters=Filters(refuse_seconds=1.0))
        self.call(Call.Type.ACCEPT, accept=accept)
        if self._is_careless():
            for record in records:
                record.asked += 1
            self.call(Call.Type.ACCEPT, accept=accept)
        for record in records:
            if self._rng.random() < self.behaviour.regrets:
                self._kill(record)

    # ---- now and then

    def _live(self, life: int) -> None:
        """Once in ten seconds or so."""
        if life != self._life or not self.is_up:
            return
        self.loop.call_in(seconds(5 + self._rng.random() * 10), self._live, life)
        if self._line.is_silent:
            self._line.reconnect()
            return
        rng, behaviour = self._rng, self.behaviour
        if rng.random() < 10 / behaviour.reconcile_every_s:
            self._reconcile(implicit=rng.random() < 0.3)
        is_killing = behaviour.kill_every_s is not None and rng.random() < 10 / behaviour.kill_every_s
        if is_killing and (running := self._running()):
            self._kill(rng.choice(running))
        if rng.random() < behaviour.meddles and (running := self._running()):
            self._meddle(rng.choice(running))
        if rng.random() < behaviour.hostile:
            for _ in range(rng.randint(1, 20)):
                self.call(*self._attack())
        if rng.random() < behaviour.changes and self.framework_id is not None:
            self._change()
        if self._gone and self._is_careless():
            offer = self._gone.pop()
            tasks = self._wanted(offer)
            if tasks:
                self._accept(offer, tasks)
        if self.wants_probe:
            self._revive()
        for record in self.open_records() if self.is_ending else ():
            if not record.is_probe:
                self._kill(record)
        self._tune()

    def _tune(self) -> None:
        if not self.behaviour.suppresses and not self._suppressed:
            return
        wants_more = self.wants_probe or len(self._open) < self.behaviour.target
        if wants_more == self._suppressed:
            self._suppressed = not wants_more
            self.call(Call.Type.REVIVE if wants_more else Call.Type.SUPPRESS)

    def _kill(self, record: Record) -> None:
        kill = Call.Kill(task_id=record.id, agent_id=self._rng.choice((None, record.agent_id)))
        for _ in range(2 if self._rng.random() < self.behaviour.insists else 1):
            self.call(Call.Type.KILL, kill=kill)

    def _attack(self) -> tuple[Call.Type, dict[str, Any]]:
        return hostile.draw(self._rng, [record.id for record in self.open_records()], tuple(self._offers))

    def _change(self) -> None:
        """Other roles, another name, another patience."""
        rng = self._rng
        roles = rng.choice((self.info.roles, ("r1", "r2"), ("*",)))
        self.info = evolve(self.info, roles=roles, webui_url=f"http://{rng.randint(1, 9)}")
        info = evolve(self.info, id=self.framework_id)
        suppressed = roles[:1] if rng.random() < 0.1 else ()
        update = Call.UpdateFramework(framework_info=info, suppressed_roles=suppressed)
        self.call(Call.Type.UPDATE_FRAMEWORK, update_framework=update)

    def _meddle(self, record: Record) -> None:
        executor_id, agent_id = ExecutorID(record.executor_id or record.id), record.agent_id
        if self._rng.random() < 0.5:
            message = Call.Message(agent_id=agent_id, executor_id=executor_id, data=b"hello")
            self.call(Call.Type.MESSAGE, message=message)
        else:
            self.call(Call.Type.SHUTDOWN, shutdown=Call.Shutdown(executor_id=executor_id, agent_id=agent_id))

    def _reconcile(self, *, implicit: bool = False) -> None:
        tasks = tuple(
            Call.Reconcile.Task(task_id=record.id, agent_id=record.agent_id) for record in self.open_records()
        )
        if implicit or tasks:
            self.call(Call.Type.RECONCILE, reconcile=Call.Reconcile(tasks=() if implicit else tasks))
