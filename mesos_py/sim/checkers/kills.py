"""I11: a kill is not lost. The agent hears of it at once or, if it is away, as soon as it is back with the task alive.

A scheduler that asks again hides a master that forgets. A new master knows nothing of kills that the one before it has
taken; schedulers find out by reconciling.
"""

from __future__ import annotations

from mesos_py.machine.frame import Event, Frame, Send
from mesos_py.machine.problem import Problem
from mesos_py.machine.values import Nanos
from mesos_py.master import changes
from mesos_py.master.events import RegistryRecovered
from mesos_py.sim.book import FINAL
from mesos_py.sim.checkers.launch import Task
from mesos_py.sim.observe import Violation, is_master
from mesos_py.wire import internal
from mesos_py.wire.scheduler_api import Call


class Kills:
    """Of the master that leads."""

    def __init__(self) -> None:
        #: of tasks under way
        self._agents: dict[Task, str] = {}
        self._killed: dict[Task, None] = {}
        #: agents that are away
        self._away: dict[str, None] = {}

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None:
        if not is_master(process):
            return
        if event.kind is RegistryRecovered:
            self._agents, self._killed, self._away = {}, {}, {}
        back: dict[str, None] = {}
        for change in frame.changes:
            match change:
                case changes.TaskAdded():
                    if change.task.state not in FINAL:
                        self._agents[change.framework_id, change.task_id] = change.agent_id
                case changes.TaskUpdated() if change.state not in FINAL:
                    pass
                case changes.TaskUpdated() | changes.TaskRemoved():
                    self._agents.pop((change.framework_id, change.task_id), None)
                    self._killed.pop((change.framework_id, change.task_id), None)
                case changes.AgentDisconnected():
                    self._away[change.agent_id] = None
                case changes.AgentAdded() | changes.AgentUpdated():
                    self._away.pop(change.agent_id, None)
                    back[change.agent_id] = None
        if event.kind is Call.Type.KILL and not isinstance(frame.reply, Problem):
            self._judge_kill(event.body, frame)
        if back:
            wanted = [task for task in self._killed if self._agents[task] in back]
            self._judge(wanted, frame, "is back")

    def _judge_kill(self, call: Call, frame: Frame) -> None:
        assert call.kill is not None
        task = (str(call.framework_id), str(call.kill.task_id))
        agent_id = self._agents.get(task)
        if agent_id is None or call.kill.agent_id not in (None, agent_id):
            return
        self._killed[task] = None
        if agent_id not in self._away:
            self._judge([task], frame, "is there")

    def _judge(self, tasks: list[Task], frame: Frame, why: str) -> None:
        told = {
            (word.message.framework_id, word.message.task_id): None for word in frame.sends
            if isinstance(word, Send) and isinstance(word.message, internal.KillTask)
        }  # fmt: skip
        for task in tasks:
            if task not in told:
                raise Violation("I11", f"{task} is to be killed, its agent {self._agents[task]} {why} and is not told")
