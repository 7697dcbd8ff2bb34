"""I1, I2, I7: nothing is offered or used twice, an offer has one owner, nothing is offered of an agent not there."""

from __future__ import annotations

from typing import Any

from mesos_py.algebra.resources import Resources
from mesos_py.machine.frame import Event, Frame, Send, Tick
from mesos_py.machine.problem import Problem
from mesos_py.machine.values import Nanos, seconds
from mesos_py.master import changes
from mesos_py.master.events import RegistryRecovered
from mesos_py.sim.book import FINAL
from mesos_py.sim.checkers.launch import Launch
from mesos_py.sim.observe import Violation, is_master
from mesos_py.wire import internal
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as Said
from mesos_py.wire.task import TaskInfo, TaskState, TaskStatus

Amounts = dict[str, int]


def _add(ledger: Amounts, resources: Resources, sign: int) -> None:
    """Scalars by name in thousandths; every port for itself."""
    for message in resources.messages():
        for span in message.ranges.range if message.ranges is not None else ():
            for item in range(span.begin, span.end + 1):
                name = f"{message.name}/{item}"
                ledger[name] = ledger.get(name, 0) + sign
    for name, amount in resources.quantities().items():
        ledger[name] = ledger.get(name, 0) + sign * amount


class Offers:
    """I1, I2, I7: a ledger for each agent."""

    GRACE = seconds(1.0)

    def __init__(self, timeout_s: float | None = None) -> None:
        #: after which offers are taken back
        self._timeout_s = timeout_s
        #: live offers, oldest first -> when they were made
        self._made_at: dict[str, Nanos] = {}
        self._total: dict[str, Amounts] = {}
        self._taken: dict[str, Amounts] = {}
        #: offer -> (framework, agent, resources)
        self._live: dict[str, tuple[str, str, Resources]] = {}
        self._ever: dict[str, None] = {}
        #: (framework, task) -> agent, resources while they count
        self.tasks: dict[tuple[str, str], tuple[str, Resources]] = {}
        self._executors: dict[tuple[str, str, str], Resources] = {}

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None:
        if not is_master(process):
            return
        if event.kind is RegistryRecovered:
            self.__init__(self._timeout_s)  # type: ignore[misc]  # what the master before this one granted is void
        if event.kind is Call.Type.ACCEPT:
            self._judge_accept(event, frame)
        touched: dict[str, None] = {}
        for change in frame.changes:
            agent_id = self._fold(change, at)
            if agent_id is not None:
                touched[agent_id] = None
        for agent_id in touched:
            self._judge(agent_id)
        for word in frame.sends:
            if isinstance(word, Send) and isinstance(word.message, Said) and word.message.offers is not None:
                for offer in word.message.offers.offers:
                    if self._live.get(offer.id, ("", "", None))[:2] != (offer.framework_id, offer.agent_id):
                        raise Violation("I2", f"{offer.id} is said to {offer.framework_id} but is not its")
        if frame.changes:
            self._judge_launches(frame)
            self._judge_ends(frame)
        if event.kind is Tick:
            self._judge_age(at)

    def _fold(self, change: Any, at: Nanos) -> str | None:
        """The agent whose sums have changed."""
        match change:
            case changes.AgentAdded() | changes.AgentUpdated():
                self._total[change.agent_id] = {}
                _add(self._total[change.agent_id], change.agent.total, 1)
                self._taken.setdefault(change.agent_id, {})
            case changes.AgentUnreachable() | changes.AgentRemoved() | changes.AgentGone():
                self._forget(change.agent_id)
                return None
            case changes.OfferSent():
                offer = change.offer
                if change.offer_id in self._ever:
                    raise Violation("I2", f"offer id {change.offer_id} is used again")
                if change.agent_id not in self._total:
                    raise Violation("I7", f"{change.offer_id} offers agent {change.agent_id}, which is not there")
                self._ever[change.offer_id] = None
                self._live[change.offer_id] = (change.framework_id, change.agent_id, offer.resources)
                self._made_at[change.offer_id] = at
                _add(self._taken[change.agent_id], offer.resources, 1)
            case changes.OfferEnded():
                live = self._live.pop(change.offer_id, None)
                if live is None:
                    raise Violation("I2", f"offer {change.offer_id} ends twice")
                del self._made_at[change.offer_id]
                _add(self._taken[live[1]], live[2], -1)
            case changes.TaskAdded():
                if not change.task.is_terminal:
                    self._use(change.framework_id, change.task_id, change.agent_id, change.task.resources)
            case changes.TaskUpdated():
                if change.state in FINAL or change.state is TaskState.TASK_UNREACHABLE:
                    self._free(change.framework_id, change.task_id)
            case changes.TaskRemoved():
                self._free(change.framework_id, change.task_id)
            case changes.ExecutorAdded():
                resources = Resources.of(change.executor.resources)
                self._executors[change.agent_id, change.framework_id, change.executor_id] = resources
                _add(self._taken.setdefault(change.agent_id, {}), resources, 1)
            case changes.ExecutorRemoved():
                key = (change.agent_id, change.framework_id, change.executor_id)
                _add(self._taken[change.agent_id], self._executors.pop(key), -1)
        return getattr(change, "agent_id", None)

    def _use(self, framework_id: str, task_id: str, agent_id: str, resources: Resources) -> None:
        if (framework_id, task_id) in self.tasks:
            raise Violation("I1", f"task {task_id} of {framework_id} is launched twice")
        self.tasks[framework_id, task_id] = (agent_id, resources)
        _add(self._taken.setdefault(agent_id, {}), resources, 1)

    def _free(self, framework_id: str, task_id: str) -> None:
        used = self.tasks.pop((framework_id, task_id), None)
        if used is not None:
            _add(self._taken[used[0]], used[1], -1)

    def _forget(self, agent_id: str) -> None:
        live = [offer_id for offer_id, (_, on, _) in self._live.items() if on == agent_id]
        if live:
            raise Violation("I7", f"agent {agent_id} is gone, but its offers {live} live on")
        left = {name: amount for name, amount in self._taken.pop(agent_id, {}).items() if amount}
        if left:
            raise Violation("I1", f"agent {agent_id} is gone, but {left} of it is still taken")
        self._total.pop(agent_id, None)

    def _judge(self, agent_id: str) -> None:
        total = self._total.get(agent_id)
        for name, amount in self._taken.get(agent_id, {}).items():
            if total is not None and amount > total.get(name, 0):
                raise Violation("I1", f"{amount} of {total.get(name, 0)} thousandths of {name} of {agent_id} are taken")
            if amount < 0:
                raise Violation("I1", f"{name} of {agent_id} is given back twice: {amount}")

    def _judge_age(self, at: Nanos) -> None:
        """When time has passed, and what was due has been done: a master that was stopped is late."""
        if self._timeout_s is None or not self._made_at:
            return
        offer_id, made_at = next(iter(self._made_at.items()))
        if at - made_at > seconds(self._timeout_s) + self.GRACE:
            raise Violation("I2", f"offer {offer_id} is good for longer than {self._timeout_s:g} s")

    def _judge_ends(self, frame: Frame) -> None:
        """Whose offer is taken back is told so."""
        rescinded = [
            change.offer_id for change in frame.changes
            if isinstance(change, changes.OfferEnded) and change.end is changes.OfferEnd.RESCINDED
        ]  # fmt: skip
        if rescinded:
            told = {
                word.message.rescind.offer_id: None for word in frame.sends
                if isinstance(word, Send) and isinstance(word.message, Said) and word.message.rescind is not None
            }  # fmt: skip
            if untold := [offer_id for offer_id in rescinded if offer_id not in told]:
                raise Violation("I2", f"{untold} are taken back, and nobody is told")

    def _judge_launches(self, frame: Frame) -> None:
        """What is launched counts as used from then on, and is launched once."""
        added: dict[tuple[str, str], None] | None = None
        for word in frame.sends:
            launch = Launch.of(word)
            for task in launch.tasks if launch is not None else ():
                if added is None:
                    added = {
                        (change.framework_id, change.task_id): None for change in frame.changes
                        if isinstance(change, changes.TaskAdded)
                    }  # fmt: skip
                if task not in added:
                    raise Violation("I1", f"{task} is launched, and is not counted, or is launched twice")
                del added[task]

    def _judge_accept(self, event: Event, frame: Frame) -> None:
        """On offers that are not the framework's, nothing is launched and every task is refused."""
        call: Call = event.body
        if isinstance(frame.reply, Problem) or call.accept is None:
            return
        owned = [self._live.get(offer_id, ("", "", None))[0] == call.framework_id for offer_id in call.accept.offer_ids]
        if all(owned):
            return
        sends = [word.message for word in frame.sends if isinstance(word, Send)]
        if any(isinstance(message, internal.RunTask | internal.RunTaskGroup) for message in sends):
            raise Violation("I2", f"tasks are launched on offers {call.accept.offer_ids}, which are gone")
        refused = [
            message.update.status.task_id
            for message in sends
            if isinstance(message, Said)
            and message.update is not None
            and message.update.status.reason is TaskStatus.Reason.REASON_INVALID_OFFERS
        ]
        asked = [task.task_id for operation in call.accept.operations for task in tasks_of(operation)]
        if sorted(refused) != sorted(asked):
            raise Violation("I2", f"of {asked}, launched on offers that are gone, only {refused} are refused")


def tasks_of(operation: Any) -> tuple[TaskInfo, ...]:
    if operation.launch is not None:
        return tuple(operation.launch.task_infos)
    return tuple(operation.launch_group.task_group.tasks) if operation.launch_group is not None else ()
