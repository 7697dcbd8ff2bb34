"""A launcher in a world that is against it: agents come and go, calls are lost, it is killed between any two words.

What the session in front of it would do is done here in the simplest way: a book of tasks that were asked for, updates
until they are answered, kills until they have worked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import attrs

from mesos_py.algebra.resources import Resources
from mesos_py.machine.frame import Event, Frame, Send, Tick
from mesos_py.machine.values import SECOND, Nanos, seconds
from mesos_py.sdk.launcher import DesiredSet, Habits, Spec, words
from mesos_py.sdk.launcher.instances import RESERVED, Instance, State
from mesos_py.sdk.launcher.specs import parsed
from mesos_py.sdk.launcher.updates import ENDS
from mesos_py.sdk.matching import Request
from mesos_py.sdk.session.behind import Forget, NotSaid
from mesos_py.wire.ids import AgentID, OfferID, TaskID
from mesos_py.wire.offer import Offer
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as MasterEvent
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskInfo, TaskState, TaskStatus
from tests.sdk.matching.offered import offer

STAGING, RUNNING, UNREACHABLE = TaskState.TASK_STAGING, TaskState.TASK_RUNNING, TaskState.TASK_UNREACHABLE
#: what every task is a copy of
TASK = TaskInfo(name="t", task_id=TaskID(""), agent_id=AgentID(""))
ONE = Request.of(cpus=1)


@attrs.define(eq=False)
class Task:
    """As its agent has it."""

    info: TaskInfo
    state: TaskState = STAGING


@attrs.define(eq=False)
class Agent:
    """A host, its tasks, and what of it is on offer."""

    template: Offer
    is_reachable: bool = True
    tasks: dict[TaskID, Task] = attrs.field(factory=dict)
    offer: Offer | None = None

    @property
    def free(self) -> Resources:
        used = [Resources.of(task.info.resources) for task in self.tasks.values() if task.state not in ENDS]
        return Resources.of(self.template.resources) - sum(used, Resources())


class World:
    """``core`` is the launcher of the moment; ``specs`` is what it is told when it starts."""

    def __init__(
        self, rng: Random, offers: Sequence[Offer], specs: Sequence[Spec], habits: Habits | None = None
    ) -> None:
        self.rng, self.specs, self.habits = rng, tuple(specs), habits
        self.now: Nanos = 0
        self.agents = {one.agent_id: Agent(one) for one in offers}
        self.records: dict[str, bytes] = {}
        #: what the session knows: states as last told to the launcher
        self.book: dict[TaskID, TaskState] = {}
        #: those of which this run has heard
        self.told: dict[TaskID, None] = {}
        self.unwanted: dict[TaskID, None] = {}
        #: roles that are not suppressed
        self.wanted: dict[str, None] = {}
        #: no master listens
        self.is_cut = False
        self.launched: list[TaskID] = []
        self.calls: list[Call] = []
        self.frames: list[Frame] = []
        self.crash_at: Callable[[], bool] = lambda: False
        self._offers = 0
        self.start()

    # ---- the launcher

    def start(self) -> None:
        self.core = DesiredSet(self.rng, self.habits)
        self.wanted.clear()
        self.book = {task_id: state if state in ENDS else STAGING for task_id, state in self.book.items()}
        self.told = {task_id: None for task_id, state in self.book.items() if state in ENDS}
        for agent in self.agents.values():
            agent.offer = None
        self.tell(words.Begun(dict(self.records), dict(self.book), self.specs))

    def declare(self, *specs: Spec) -> Frame:
        self.specs = specs
        return self.tell(words.Declared(specs))

    def tell(self, body: object, kind: object = None) -> Frame:
        """Apply; then the writes survive, then the words leave, unless the launcher is killed between."""
        frame = self.core.apply(Event(kind or type(body), body), self.now)
        self.core.check()
        self._check(frame, body)
        self.frames.append(frame)
        if self.crash_at():
            self.start()
            return frame
        for write in frame.writes:
            if write.contents is None:
                self.records.pop(write.name, None)
            else:
                self.records[write.name] = write.contents
        core = self.core
        self._check_records()
        for word in frame.sends:
            if self.crash_at():
                self.start()
                return frame
            assert isinstance(word, Send)
            if isinstance(word.message, Forget):
                self.forget(word.message.task_id)
            else:
                self.hear(word.message)
            if self.core is not core:
                return frame
        return frame

    def _check(self, frame: Frame, body: object) -> None:
        """A gang is launched whole; every offer is answered or held, and held for no longer than is allowed."""
        core = self.core
        for change in frame.changes:
            if isinstance(change, words.Launched):
                gang = core.groups[parsed(change.task_id)[0]].spec.gang
                assert gang is None or not (core.gangs[gang].ready or core.gangs[gang].parked)
        held = core.hold.offers if core.hold is not None else {}
        if isinstance(body, MasterEvent.Offers):
            calls = [word.message for word in frame.sends]
            used = [offer_id for call in calls if call.accept is not None for offer_id in call.accept.offer_ids]
            declined = [offer_id for call in calls if call.decline is not None for offer_id in call.decline.offer_ids]
            answered = [*used, *declined, *held]
            assert len({*answered}) == len(answered)
            assert {one.id for one in body.offers} <= {*answered}
        assert core.hold is None or self.now <= core.hold.since + seconds(core.habits.hold_s)

    def _check_records(self) -> None:
        """What is written down is what a successor has to know, and nothing else is."""
        named = {name for name in self.records if name != RESERVED}
        for instance in self.core.instances():
            record = self.records.get(instance.record_name)
            named.discard(instance.record_name)
            if record is None:
                assert instance.state is State.WAITING
                continue
            kept = Instance.of(instance.record_name, record)
            assert kept.is_live is instance.is_live
            assert not kept.is_live or (kept.task_id, kept.agent_id) == (instance.task_id, instance.agent_id)
            assert (kept.state is State.STOPPING, kept.then) == (instance.state is State.STOPPING, instance.then)
            assert (kept.state is State.OVER, kept.finished) == (instance.state is State.OVER, instance.finished)
        assert not named

    # ---- the master

    def hear(self, call: Call) -> None:
        self.calls.append(call)
        if call.type is Call.Type.SUPPRESS:
            for role in call.suppress.roles:
                self.wanted.pop(role, None)
        elif call.type is Call.Type.REVIVE:
            self.wanted |= dict.fromkeys(call.revive.roles)
        elif call.type is Call.Type.KILL:
            self.unwanted[call.kill.task_id] = None
        elif call.type is Call.Type.DECLINE:
            for agent in self.agents.values():
                if agent.offer is not None and agent.offer.id in call.decline.offer_ids:
                    agent.offer = None
        elif call.type is Call.Type.ACCEPT:
            self._accept(call)

    def _accept(self, call: Call) -> None:
        tasks = call.accept.operations[0].launch.task_infos
        if self.is_cut:
            self.tell(NotSaid(call))
            return
        agent = self.agents[tasks[0].agent_id]
        is_valid = agent.offer is not None and (agent.offer.id,) == call.accept.offer_ids
        for info in tasks:
            assert info.task_id not in self.launched, f"{info.task_id} was launched twice"
            self.launched.append(info.task_id)
            self.book[info.task_id] = STAGING
            if is_valid and agent.is_reachable:
                assert Resources.of(info.resources) <= agent.free
                agent.tasks[info.task_id] = Task(info)
        agent.offer = None

    def forget(self, task_id: TaskID) -> None:
        """As a session does."""
        if self.book.get(task_id) in ENDS:
            del self.book[task_id]

    # ---- what happens

    def offer_all(self, *agent_ids: str) -> Frame | None:
        """Whatever is free, or free on these agents, in roles in which it is wanted."""
        made = []
        for agent_id, agent in self.agents.items():
            if agent_ids and agent_id not in agent_ids:
                continue
            role = agent.template.allocation_info.role
            if agent.offer is None and agent.is_reachable and role in self.wanted and agent.free and not self.is_cut:
                self._offers += 1
                agent.offer = evolve(
                    agent.template, id=OfferID(f"o{self._offers}"), resources=agent.free.messages()
                )
                made.append(agent.offer)
        return self.tell(MasterEvent.Offers(offers=tuple(made))) if made else None

    def rescind(self, agent: Agent) -> None:
        if agent.offer is not None:
            offer_id, agent.offer = agent.offer.id, None
            self.tell(MasterEvent.Rescind(offer_id=offer_id))

    def cut(self) -> None:
        """Nobody listens, and offers are gone."""
        self.is_cut = True
        for agent in self.agents.values():
            self.rescind(agent)

    def update(self, task_id: TaskID, state: TaskState, **fields: object) -> Frame | None:
        """The launcher hears of a task's state, once for each change."""
        if self.book.get(task_id) is state and task_id in self.told:
            return None
        self.book[task_id], self.told[task_id] = state, None
        if state in ENDS:
            self.unwanted.pop(task_id, None)
        return self.tell(MasterEvent.Update(status=TaskStatus(task_id=task_id, state=state, **fields)))

    def reconcile(self) -> None:
        """Everything the session knows and the world knows better."""
        if self.is_cut:
            return
        for agent in list(self.agents.values()):
            for task_id, task in list(agent.tasks.items()):
                state = task.state if agent.is_reachable else UNREACHABLE
                self.update(task_id, state, agent_id=agent.template.agent_id)
                if task.state in ENDS and self.book.get(task_id) in (None, task.state):
                    agent.tasks.pop(task_id, None)
        there = {task_id for agent in self.agents.values() for task_id in agent.tasks}
        for task_id, state in list(self.book.items()):
            if task_id not in there and state not in ENDS:
                self.update(task_id, TaskState.TASK_LOST)

    def kill_unwanted(self) -> None:
        """What has ended before has ended as it did, whoever knows of it."""
        for task_id in list(self.unwanted):
            for agent in self.agents.values():
                task = agent.tasks.get(task_id)
                if task is not None and task.state not in ENDS and agent.is_reachable and not self.is_cut:
                    task.state = TaskState.TASK_KILLED

    def advance(self, by: Nanos) -> None:
        """Time passes; timers come when they are due."""
        end = self.now + by
        while (at := self.core.deadline()) is not None and at <= end:
            self.now = max(self.now, at)
            self.tell(None, Tick)
        self.now = end

    # ---- how things are

    def running(self, name: str) -> list[TaskID]:
        return [
            task_id for agent in self.agents.values() for task_id, task in agent.tasks.items()
            if task.state not in ENDS and task_id.startswith(f"{name}.")
        ]  # fmt: skip

    def states(self, name: str) -> list[State]:
        return [one.state for one in self.core.groups[name].instances.values()]

    def start_tasks(self) -> None:
        for agent in self.agents.values():
            for task in agent.tasks.values():
                if task.state is STAGING:
                    task.state = RUNNING

    def settle(self, rounds: int = 60) -> None:
        """Everything is well again, and time passes until nothing has to happen any more, or for so many rounds."""
        self.is_cut, self.crash_at = False, lambda: False
        for agent in self.agents.values():
            agent.is_reachable = True
        for _ in range(rounds):
            self.kill_unwanted()
            self.start_tasks()
            self.reconcile()
            self.offer_all()
            self.advance(10 * SECOND)


def hosts(count: int, resources: str = "cpus:4;mem:100", **fields: object) -> list[Offer]:
    return [offer(f"h{n}", resources, zone=f"z{n % 3}", agent_id=AgentID(f"a{n}"), **fields) for n in range(count)]


def one(**fields: object) -> Spec:
    return Spec("s", TASK, **{"request": ONE, **fields})


def world_of(*specs: Spec, agents: int = 2, **habits: float) -> World:
    return World(Random(7), hosts(agents), specs, Habits(**habits))


def types(calls: list[Call]) -> list[str]:
    return [call.type.name for call in calls if call.type is not None]
