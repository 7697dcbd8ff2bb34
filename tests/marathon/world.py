"""Marathon's core in a world that is against it: agents come and go, calls are lost, it is killed at any word.

What the session in front of it would do is done in the simplest way: a book of tasks that were asked for, each update
until it is dealt with, kills until they have worked. What a master would do: offers, launches, states of tasks.

    world = world_of(app_of(id="/web", instances=2))    # defined; nothing runs yet
    world.run()                                         # launched, staged, running
    world.end(task_id, TaskState.TASK_FAILED)           # heard of
    world.settle()                                      # all is well again, and time passes
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import attrs

from frameworks.marathon_py import words
from frameworks.marathon_py.core import Habits, Marathon
from frameworks.marathon_py.definitions import trees, versioning
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.groups import Group
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import Pod
from frameworks.marathon_py.definitions.settings import Settings
from frameworks.marathon_py.deployments import versions
from frameworks.marathon_py.instances.instance import Instance
from mesos_py.algebra.resources import Resources
from mesos_py.machine.frame import Event, Frame, Send, Tick
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.sdk.session.book import ENDS
from mesos_py.sdk.session.calls import launched_by
from mesos_py.wire.ids import AgentID, OfferID, TaskID
from mesos_py.wire.offer import Offer
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as MasterEvent
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskInfo, TaskState, TaskStatus
from mesos_py.wire.value import TimeInfo
from tests.marathon.agents import Agent, Task
from tests.marathon.app_of import SETTINGS
from tests.sdk.launcher.world import hosts

__all__ = ["ENDS", "SECOND", "Agent", "TaskState", "World", "hosts", "world_of"]

STAGING, RUNNING, UNREACHABLE = TaskState.TASK_STAGING, TaskState.TASK_RUNNING, TaskState.TASK_UNREACHABLE
PLENTY = "cpus:100;mem:100000;disk:100000;ports:[31000-32000]"


class World:
    """``core`` is the Marathon of the moment."""

    def __init__(
        self, rng: Random, offers: Sequence[Offer], habits: Habits | None = None, settings: Settings = SETTINGS
    ) -> None:
        self.rng, self.habits, self.settings = rng, habits or Habits(), settings
        self.now: Nanos = 1_000_000 * SECOND
        self.agents = {one.agent_id: Agent(one) for one in offers}
        self.records: dict[str, bytes] = {}
        #: what the session knows: states as last told, and where
        self.book: dict[TaskID, TaskState] = {}
        self.places: dict[TaskID, AgentID | None] = {}
        #: those of which this run has heard
        self.told: dict[TaskID, None] = {}
        self.unwanted: dict[TaskID, None] = {}
        #: roles that are not suppressed
        self.wanted: dict[str, None] = {}
        #: no master listens; launches that it has not heard, of which the framework is told after its other words
        self.is_cut = False
        self.unheard: list[Call] = []
        #: infos of everything that was ever launched
        self.infos: dict[TaskID, TaskInfo] = {}
        self.calls: list[Call] = []
        self.frames: list[Frame] = []
        self.facts: list[Any] = []
        #: probes that were asked for, and what is found; None: the answer never comes
        self.probes: list[words.Probe] = []
        self.look: Callable[[words.Probe], words.Probed | None] = words.Probed
        self._unanswered: list[words.Probe] = []
        self.crash_at: Callable[[], bool] = lambda: False
        #: sees every frame when it has been applied
        self.watch: Callable[[Marathon, Frame], None] = lambda m, frame: None
        self._offers = 0
        self.start()

    # ---- the framework

    def start(self) -> None:
        """A new run, which knows what was kept."""
        self.core = Marathon(self.rng, self.settings, self.habits)
        self.wanted.clear()
        self.told.clear()
        self.unwanted.clear()
        self._unanswered.clear()
        self.unheard.clear()
        self.book = {task_id: state if state in ENDS else STAGING for task_id, state in self.book.items()}
        for agent in self.agents.values():
            agent.offers.clear()
        open_tasks = {task_id: self.places.get(task_id) for task_id, state in self.book.items() if state not in ENDS}
        self.tell(words.Begun(dict(self.records), open_tasks))

    def tell(self, body: object, kind: Any = None) -> Frame:
        """What comes of it has happened, unless the framework was killed meanwhile."""
        return self._perform(self.core.apply(Event(kind or type(body), body), self.now))

    def act(self, change: Callable[[Marathon, Frame], Any]) -> Frame:
        """By hand, as if it were a row."""
        out = Frame(self.now)
        change(self.core, out)
        self.core.settle(out)
        return self._perform(out)

    def _perform(self, frame: Frame) -> Frame:
        """The writes survive, all or none of them, then the words leave; the framework may be killed at any point."""
        core = self.core
        core.check()
        self.watch(core, frame)
        self.frames.append(frame)
        if frame.writes and self.crash_at():
            self.start()
            return frame
        for write in frame.writes:
            if write.contents is None:
                self.records.pop(write.name, None)
            else:
                self.records[write.name] = write.contents
        assert self.records == core.records
        self.facts += frame.changes
        for word in frame.sends:
            if self.crash_at():
                self.start()
                return frame
            assert isinstance(word, Send)
            if isinstance(word.message, words.Forget):
                self.book.pop(word.message.task_id, None)
            elif isinstance(word.message, words.Probe):
                self.probes.append(word.message)
                self._unanswered.append(word.message)
            elif isinstance(word.message, Call):
                self.hear(word.message)
            if self.core is not core:
                return frame
        while self.unheard and self.core is core:
            self.tell(words.NotSaid(self.unheard.pop(0)))
        return frame

    # ---- what people do

    def define(self, *specs: App | Pod) -> None:
        """These are all definitions, without a deployment."""

        def change(m: Marathon, out: Frame) -> None:
            version, root = versions.next_version(m, self.now), Group()
            for spec in specs:
                root = trees.put(root, _versioned(m.specs.get(PathId(spec.id)), spec, version), self.settings)
            m.recounted.update(dict.fromkeys([*m.specs, *[PathId(spec.id) for spec in specs]]))
            versions.keep(m, attrs.evolve(root, version=version), out)

        self.act(change)

    def kill(self, *instance_ids: str, **fields: bool) -> Any:
        """The reply."""
        return self.tell(words.KillInstances(instance_ids, **fields)).reply

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
                for offer_id in call.decline.offer_ids:
                    agent.offers.pop(offer_id, None)
        elif call.type is Call.Type.ACCEPT:
            self._accept(call)

    def _accept(self, call: Call) -> None:
        if self.is_cut:
            self.unheard.append(call)
            return
        accept = call.accept
        infos = list(launched_by(accept.operations))
        agent = self.agents[infos[0].agent_id]
        is_valid = all(offer_id in agent.offers for offer_id in accept.offer_ids) and agent.away_since is None
        for offer_id in accept.offer_ids:
            agent.offers.pop(offer_id, None)
        for operation in accept.operations:
            executor = operation.launch_group.executor if operation.launch_group is not None else None
            if executor is not None and is_valid:
                agent.executors[executor.executor_id] = executor.resources
            for info in launched_by([operation]):
                assert info.task_id not in self.infos, f"{info.task_id} was launched twice"
                self.infos[info.task_id] = info
                self.book[info.task_id], self.places[info.task_id] = STAGING, info.agent_id
                if is_valid:
                    agent.tasks[info.task_id] = Task(info, executor.executor_id if executor is not None else "")
        assert agent.free >= Resources(), "more is used than there is"

    def offer_all(self, *agent_ids: str) -> Frame | None:
        """Whatever is free, or free on these agents, in roles in which it is wanted."""
        made = []
        for agent_id, agent in self.agents.items() if not self.is_cut else ():
            role = agent.template.allocation_info.role
            is_asked = not agent_ids or agent_id in agent_ids
            if is_asked and not agent.offers and agent.away_since is None and role in self.wanted and agent.free:
                self._offers += 1
                name = OfferID(f"o{self._offers}")
                made.append(evolve(agent.template, id=name, resources=agent.free.messages()))
                agent.offers[name] = made[-1]
        return self.tell(MasterEvent.Offers(offers=tuple(made))) if made else None

    def cut(self) -> None:
        """Nobody listens, and offers are gone."""
        self.is_cut = True
        for agent in self.agents.values():
            for offer_id in list(agent.offers):
                del agent.offers[offer_id]
                self.tell(MasterEvent.Rescind(offer_id=offer_id))

    def update(self, task_id: TaskID, state: TaskState, **fields: Any) -> Frame | None:
        """The framework hears of it, once for each change; if it lives on, the session knows that it has."""
        if not fields and self.book.get(task_id) is state and task_id in self.told:
            return None
        core, is_known = self.core, task_id in self.book
        fields = {"agent_id": self.places.get(task_id), **fields}
        frame = self.tell(MasterEvent.Update(status=TaskStatus(task_id=task_id, state=state, **fields)))
        if self.core is not core:
            return frame
        if state in ENDS:
            self.unwanted.pop(task_id, None)
            for agent in self.agents.values():
                if task_id in agent.tasks and agent.tasks[task_id].state is state:
                    del agent.tasks[task_id]
        if (is_known and task_id in self.book) or (not is_known and state not in ENDS):
            self.book[task_id], self.told[task_id] = state, None
        return frame

    def reconcile(self) -> None:
        """Everything that the session or an agent knows, and the other knows better."""
        if self.is_cut:
            return
        for agent in list(self.agents.values()):
            for task_id, task in list(agent.tasks.items()):
                if agent.away_since is not None:
                    self.update(task_id, UNREACHABLE, **self._away(agent, task_id))
                else:
                    is_news = self.book.get(task_id) is not task.state
                    self.update(task_id, task.state, **(task.fields if is_news else {}))
        there = {task_id for agent in self.agents.values() for task_id in agent.tasks}
        for task_id, state in list(self.book.items()):
            if task_id not in there and state not in ENDS:
                self.update(task_id, TaskState.TASK_GONE)

    def _away(self, agent: Agent, task_id: TaskID) -> dict[str, Any]:
        is_news = self.book.get(task_id) is not UNREACHABLE or task_id not in self.told
        return {"unreachable_time": TimeInfo(nanoseconds=agent.away_since)} if is_news else {}

    def kill_unwanted(self) -> None:
        for task_id in list(self.unwanted):
            for agent in self.agents.values():
                if task_id in agent.tasks and agent.away_since is None and not self.is_cut:
                    agent.tasks[task_id].state = TaskState.TASK_KILLED

    # ---- what happens

    def launch(self) -> None:
        """Whatever waits and may be launched is on an agent."""
        for _ in range(100):
            before = len(self.infos)
            self.offer_all()
            if len(self.infos) == before:
                return

    def advance(self, by: Nanos) -> None:
        """Time passes; timers come when they are due."""
        end = self.now + by
        while (at := self.core.deadline()) is not None and at <= end:
            self.now = max(self.now, at)
            self.tell(None, Tick)
            while self._unanswered:
                found = self.look(self._unanswered.pop(0))
                if found is not None:
                    self.tell(found)
        self.now = end

    def start_tasks(self) -> None:
        """Whatever is staged runs."""
        for agent in self.agents.values():
            for task in agent.tasks.values():
                if task.state is STAGING:
                    task.state = RUNNING

    def end(self, task_id: TaskID, state: TaskState = TaskState.TASK_FAILED, **fields: Any) -> Frame | None:
        """The task ends, with whatever else is in its group, and the framework hears of it."""
        for agent in self.agents.values():
            if task_id in agent.tasks:
                agent.tasks[task_id].state = state
        return self.update(task_id, state, **fields)

    def lose(self, agent: Agent) -> None:
        """It is out of reach, and the framework hears of it."""
        agent.away_since = self.now
        agent.offers.clear()
        self.reconcile()

    def find(self, agent: Agent) -> None:
        """It is back, with its tasks."""
        agent.away_since = None
        self.reconcile()

    def step(self) -> None:
        """What does not depend on time has happened."""
        self.kill_unwanted()
        self.reconcile()
        self.launch()
        self.start_tasks()
        self.reconcile()

    def run(self, rounds: int = 3) -> None:
        """Whatever can run does, without time."""
        for _ in range(rounds):
            self.step()

    def settle(self, rounds: int = 60, by: Nanos = 10 * SECOND) -> None:
        """All is well, and time passes."""
        self.is_cut, self.crash_at = False, lambda: False
        for agent in self.agents.values():
            agent.away_since = None
        self.go_on(rounds, by)

    def go_on(self, rounds: int = 60, by: Nanos = 10 * SECOND) -> None:
        """Time passes; whoever is away stays away."""
        for _ in range(rounds):
            self.step()
            self.advance(by)

    # ---- how things are

    def alive(self, spec_id: str = "") -> list[TaskID]:
        """Ids of tasks on agents that have not ended."""
        return [
            task.info.task_id for agent in self.agents.values() for task in agent.alive
            if not spec_id or task.info.task_id.startswith(f"{spec_id.strip('/').replace('/', '_')}.")
        ]  # fmt: skip

    def of(self, spec_id: str = "/web") -> list[Instance]:
        return self.core.of(PathId(spec_id))

    def conditions(self, spec_id: str = "/web") -> list[str]:
        return [one.condition.value for one in self.of(spec_id)]

    def agent_of(self, task_id: TaskID) -> Agent:
        return next(agent for agent in self.agents.values() if task_id in agent.tasks)

    def heard(self, kind: type) -> list[Any]:
        """Facts of a kind, in order."""
        return [fact for fact in self.facts if isinstance(fact, kind)]


def _versioned(old: App | Pod | None, spec: App | Pod, version: str) -> App | Pod:
    if isinstance(spec, App):
        return versioning.versioned(old if isinstance(old, App) else None, spec, version)
    return versioning.versioned(old if isinstance(old, Pod) else None, spec, version)


def world_of(*specs: App | Pod, agents: int = 3, resources: str = PLENTY, seed: int = 7, **habits: Any) -> World:
    world = World(Random(seed), hosts(agents, resources, role=SETTINGS.mesos_role), Habits(**habits))
    world.define(*specs)
    return world
