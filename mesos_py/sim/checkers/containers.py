"""I12: what runs was asked for, once; and what was not asked to end is left alone, whatever becomes of its agent."""

from __future__ import annotations

from mesos_py.agent import words
from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.events import StopRequested
from mesos_py.machine.frame import Close, Event, Frame, Send
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.sim.checkers.launch import Launch, Task
from mesos_py.sim.cluster import Cluster
from mesos_py.sim.fate import Fate
from mesos_py.sim.observe import Violation, host_of, is_agent, is_master
from mesos_py.sim.supervisor import framework_of
from mesos_py.wire import internal


class Containers:
    """The containers of single tasks; those of groups share their fate, and executors are their own masters."""

    def __init__(self) -> None:
        self._cluster: Cluster | None = None
        #: how often masters have asked for a task, and how often it has begun to run
        self._asked: dict[Task, int] = {}
        self._begun: dict[Task, int] = {}
        #: frameworks whose tasks outlive an agent
        self._lasting: dict[str, None] = {}
        #: host -> what its agents were told to end: tasks, executors and frameworks by id; "" for everything
        self._told: dict[str, dict[str, None]] = {}

    def watch(self, cluster: Cluster) -> None:
        """Where containers are."""
        self._cluster = cluster

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None:
        if not is_agent(process):
            return
        told = self._told.setdefault(host_of(process), {})
        match event.body:
            case internal.KillTask(framework_id=framework_id, task_id=task_id):
                told[f"{framework_id}/{task_id}"] = None
            case internal.ShutdownExecutor(framework_id=framework_id, executor_id=executor_id):
                told[f"{framework_id}/{executor_id}"] = None
            case internal.ShutdownFramework(framework_id=framework_id):
                told[f"{framework_id}"] = None
            case internal.ShutdownAgent():
                told[""] = None
            case StopRequested(unregister=True):
                told[""] = None

    def said(self, process: str, word: Send | Close, at: Nanos) -> None:
        if not isinstance(word, Send):
            return
        if is_master(process):
            self._ask(word)
        elif isinstance(word.message, internal.ReregisterAgent):
            self._judge_report(process, word.message)
        elif word.peer == words.CONTAINERS and isinstance(word.message, words.DestroyContainer | words.SignalContainer):
            self._judge_end(process, word.message.container_id, at)

    def started(self, host: str, spec: ContainerSpec, fate: Fate, at: Nanos) -> None:
        if fate.executor or fate.guest:
            return
        task = (framework_of(spec), fate.task)
        self._begun[task] = self._begun.get(task, 0) + 1
        if self._begun[task] > self._asked.get(task, 0):
            raise Violation("I12", f"{task} has begun on {host}, {self._begun[task]} times in all; that is too often")

    def forgotten(self, host: str, at: Nanos) -> None:
        """Who comes next is another agent."""
        self._told.pop(host, None)

    def _ask(self, word: Send) -> None:
        launch = Launch.of(word)
        if launch is not None:
            if launch.checkpoint:
                self._lasting[launch.framework_id] = None
            for task in launch.tasks:
                self._asked[task] = self._asked.get(task, 0) + 1

    def _judge_report(self, process: str, report: internal.ReregisterAgent) -> None:
        """An agent that registers again knows of everything that runs: nobody else could tell the next master."""
        assert self._cluster is not None
        named = {(one.framework_id, one.task_id): None for one in report.tasks}
        for one in self._cluster.agents[host_of(process)].supervisor.running.values():
            task = (framework_of(one.spec), one.fate.task)
            if not (one.is_dead or one.fate.executor or one.fate.guest) and task not in named:
                raise Violation("I12", f"{process} registers again without a word of {task}, which it runs")

    def _judge_end(self, process: str, container_id: str, at: Nanos) -> None:
        host = host_of(process)
        assert self._cluster is not None
        one = self._cluster.agents[host].supervisor.running.get(container_id)
        if one is None or one.is_dead or one.fate.executor or one.fate.guest or one.spec.parent_id is not None:
            return
        if one.sick_at < at / SECOND:
            return
        framework_id, task_id = framework_of(one.spec), one.fate.task
        told = self._told.get(host, {})
        if framework_id not in self._lasting or any(
            name in told for name in ("", framework_id, f"{framework_id}/{task_id}")
        ):
            return
        if self._asked.get((framework_id, task_id), 0) > 1:
            return  # an id used twice: one launch is ended for the other's sake
        raise Violation("I12", f"{process} ends {task_id} of {framework_id}, which nobody has asked for")
