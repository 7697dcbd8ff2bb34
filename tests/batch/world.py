"""The batch core in a world that is against it: agents come and go, calls are lost, it is killed between any two words.

What the session in front of it would do is done in the simplest way (``tests.sdk.launcher.world``), but that an end is
known to it only when the core has dealt with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from frameworks.batch import words
from frameworks.batch.core import Batch, Habits
from frameworks.batch.entry import Entry, parsed
from frameworks.batch.fields import read
from frameworks.batch.job import Submission
from frameworks.batch.schedule import Schedule
from mesos_py.machine.frame import Event, Frame, Send
from mesos_py.machine.problem import Problem
from mesos_py.machine.values import SECOND
from mesos_py.sdk.session.behind import Forget, NotSaid
from mesos_py.wire.ids import TaskID
from mesos_py.wire.offer import Offer
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as MasterEvent
from mesos_py.wire.task import TaskInfo, TaskState, TaskStatus
from tests.sdk.launcher import world as launcher
from tests.sdk.launcher.world import ENDS, RUNNING, STAGING, UNREACHABLE, Agent, hosts, types

__all__ = ["ENDS", "RUNNING", "STAGING", "UNREACHABLE", "Agent", "Habits", "World", "hosts", "types", "world_of"]


class World(launcher.World):
    """``core`` is the framework of the moment."""

    core: Batch  # type: ignore[assignment]

    def __init__(self, rng: Random, offers: Sequence[Offer], habits: Habits | None = None) -> None:
        #: infos by id, in the order in which they were asked for
        self.infos: dict[TaskID, TaskInfo] = {}
        #: when they were asked for, as the session has written it down
        self.asked: dict[TaskID, int] = {}
        #: how tasks have ended, as their agents know it
        self.ends: dict[TaskID, TaskState] = {}
        super().__init__(rng, offers, (), habits)  # type: ignore[arg-type]

    def start(self) -> None:
        self.now = max(self.now, 1_000 * SECOND)
        self.core = Batch(self.rng, self.habits)  # type: ignore[arg-type]
        self.wanted.clear()
        self.told.clear()
        self.book = dict.fromkeys(self.book, STAGING)
        for agent in self.agents.values():
            agent.offer = None
        under_way = {task_id: words.UnderWay(None, self.asked.get(task_id)) for task_id in self.book}
        self.tell(words.Begun(dict(self.records), under_way))

    def tell(self, body: object, kind: object = None) -> Frame:
        """Apply; then the writes survive one by one, then the words leave; the framework may be killed at any point."""
        core = self.core
        frame = core.apply(Event(kind or type(body), body), self.now)
        core.check()
        self.frames.append(frame)
        for write in frame.writes:
            if self.crash_at():
                self.start()
                return frame
            if write.contents is None:
                self.records.pop(write.name, None)
            else:
                self.records[write.name] = write.contents
        assert self.records == core.records
        for word in frame.sends:
            if self.crash_at():
                self.start()
                return frame
            assert isinstance(word, Send)
            if isinstance(word.message, Forget):
                self.book.pop(word.message.task_id, None)
            else:
                self.hear(word.message)
            if self.core is not core:
                return frame
        return frame

    def _accept(self, call: Call) -> None:
        if self.is_cut:
            self.tell(NotSaid(call))
            return
        infos = call.accept.operations[0].launch.task_infos
        self.infos |= {info.task_id: info for info in infos}
        self.asked |= dict.fromkeys((info.task_id for info in infos), self.now)
        super()._accept(call)

    def update(self, task_id: TaskID, state: TaskState, **fields: Any) -> Frame | None:
        """The framework hears of it, and if it lives on, the session knows that it has."""
        if self.book.get(task_id) is state and task_id in self.told:
            return None
        core = self.core
        is_known = task_id in self.book
        frame = self.tell(MasterEvent.Update(status=TaskStatus(task_id=task_id, state=state, **fields)))
        if self.core is core:
            if state in ENDS:
                self.unwanted.pop(task_id, None)
                for agent in self.agents.values():
                    if task_id in agent.tasks and agent.tasks[task_id].state is state:
                        del agent.tasks[task_id]
            elif is_known and task_id in self.book:
                self.book[task_id], self.told[task_id] = state, None
        return frame

    # ---- what people do

    def submit(self, *jobs: dict[str, Any]) -> Any:
        """The reply."""
        value = {"jobs": [{"command": "x", **job} for job in jobs]}
        return self.tell(words.Submit(read(Submission, value))).reply

    def put(self, **schedule: Any) -> Any:
        value = {"name": "s", "jobs": [{"name": "j", "command": "x"}], **schedule}
        return self.tell(words.PutSchedule(read(Schedule, value))).reply

    def ask(self, body: object) -> Problem | Any:
        return self.tell(body).reply

    # ---- what tasks do

    def end(self, task_id: TaskID, state: TaskState = TaskState.TASK_FINISHED, **fields: Any) -> Frame | None:
        """The task ends, and the framework hears of it."""
        for agent in self.agents.values():
            if task_id in agent.tasks:
                agent.tasks[task_id].state = state
        self.ends[task_id] = state
        return self.update(task_id, state, **fields)

    def fail(self, task_id: TaskID, status: int = 1) -> None:
        self.end(task_id, TaskState.TASK_FAILED, message=f"Command exited with status {status}")

    def alive(self, job: str = "") -> list[TaskID]:
        """Ids of tasks on agents that have not ended."""
        return [
            task_id for agent in self.agents.values() for task_id, task in agent.tasks.items()
            if task.state not in ENDS and (not job or parsed(task_id)[0] == job)
        ]  # fmt: skip

    def drain(self, rounds: int = 400, outcome: Callable[[TaskID], TaskState] | None = None) -> None:
        """All is well: whatever runs ends, until nothing is left to do."""
        self.is_cut, self.crash_at = False, lambda: False
        for agent in self.agents.values():
            agent.is_reachable = True
        for _ in range(rounds):
            if all(entry.end is not None for entry in self.core.entries.values()):
                return
            self.reconcile()
            self.kill_unwanted()
            self.offer_all()
            for task_id in self.alive():
                self.end(task_id, outcome(task_id) if outcome is not None else TaskState.TASK_FINISHED)
            self.advance(30 * SECOND)
        raise AssertionError(f"still to do: {[one.name for one in self.core.entries.values() if one.end is None]}")

    def entry(self, name: str) -> Entry:
        return self.core.entries[name]

    def state(self, name: str) -> str:
        return self.core.entries[name].state


def world_of(agents: int = 2, resources: str = "cpus:4;mem:8000", seed: int = 7, **habits: Any) -> World:
    return World(Random(seed), hosts(agents, resources), Habits(**habits))
