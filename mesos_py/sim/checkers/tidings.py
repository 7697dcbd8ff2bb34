"""I5: what becomes of a task is told to its framework if that is there, and not left to be found out by reconciling.

A task goes when its end has been told, by its agent or by the master in the agent's place, or when it is told to be
unreachable; and if an agent brings back one that was told lost or unreachable, that is told, too. One that had ended
when its agent was lost is left out: what it came to is its agent's to tell (``master/calls/liveness.py``).
"""

from __future__ import annotations

from mesos_py.machine.frame import Close, Event, Frame, PeerID
from mesos_py.machine.values import Nanos
from mesos_py.master import changes
from mesos_py.master.events import RegistryRecovered
from mesos_py.sim.book import FINAL
from mesos_py.sim.checkers.launch import Task
from mesos_py.sim.observe import Violation, is_master
from mesos_py.wire.internal import ReregisterAgent
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as Said
from mesos_py.wire.task import TaskState, TaskStatus

#: of answers, perhaps to nonsense: who names a task in vain hears of it, and that says nothing of the task
ANSWERS = (TaskStatus.Reason.REASON_RECONCILIATION, TaskStatus.Reason.REASON_INVALID_OFFERS)
OUT_OF_SIGHT = (TaskState.TASK_LOST, TaskState.TASK_UNREACHABLE)


class Tidings:
    """Of the master that leads."""

    def __init__(self) -> None:
        #: streams of frameworks that are there
        self._frameworks: dict[PeerID, str] = {}
        #: the last that was said of tasks
        self._told: dict[Task, TaskState] = {}

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None:
        if not is_master(process):
            return
        if event.kind is RegistryRecovered:
            self._frameworks, self._told = {}, {}
        if not frame.changes and not frame.sends:
            return
        now = self._hear(frame)
        there = self._frameworks.values()
        ended_now: dict[Task, None] = {}
        for change in frame.changes:
            match change:
                case changes.FrameworkAdded() | changes.FrameworkUpdated():
                    if change.framework.peer is not None:
                        self._frameworks[change.framework.peer] = change.framework_id
                case changes.FrameworkDisconnected() | changes.FrameworkRemoved():
                    self._leave(change.framework_id)
                case changes.TaskUpdated() if change.previous not in FINAL:
                    ended_now[change.framework_id, change.task_id] = None
                case changes.TaskRemoved() if change.framework_id in there and event.kind is not Call.Type.ACKNOWLEDGE:
                    task = (change.framework_id, change.task_id)
                    state = self._told.get(task)
                    had_ended = change.task.is_terminal and task not in ended_now
                    if state not in FINAL and state not in OUT_OF_SIGHT and not had_ended:
                        raise Violation("I5", f"{task} is forgotten, and the last that was told of it is {state}")
                case changes.TaskAdded() if change.framework_id in there and event.kind is ReregisterAgent:
                    task = (change.framework_id, change.task_id)
                    if self._told.get(task) in OUT_OF_SIGHT and task not in now:
                        raise Violation("I5", f"{task} was told {self._told[task].name}, is back, and nobody is told")

    def _hear(self, frame: Frame) -> dict[Task, None]:
        """Tasks of which something is said in the frame."""
        now: dict[Task, None] = {}
        for word in frame.sends:
            framework_id = self._frameworks.get(word.peer)
            if framework_id is None:
                continue
            if isinstance(word, Close):
                del self._frameworks[word.peer]
            elif isinstance(word.message, Said) and word.message.update is not None:
                status = word.message.update.status
                if status.state is not None and status.reason not in ANSWERS:
                    self._told[framework_id, status.task_id] = status.state
                    now[framework_id, status.task_id] = None
        return now

    def _leave(self, framework_id: str) -> None:
        for peer in [peer for peer, one in self._frameworks.items() if one == framework_id]:
            del self._frameworks[peer]
