"""What must never happen, judged by what is said and by the facts that are told, not by looking into cores.

Each checker keeps a ledger of its own and raises ``Violation`` at the first event after which it does not add up::

    Offers    I1 nothing is offered or used twice   I2 an offer has one owner, and is good once
              I7 nothing of an agent that is not there is offered
    Updates   I3 a task ends once   I4 updates arrive in the order in which they were made
    Lives     I8 a framework that is away is left alone until its failover timeout, and not after

I14 (nobody's unread messages pile up) is the network's bound; I15 is the cluster's digest. What is owed rather than
forbidden (I4, I5, I11, I12) is judged after healing, in ``settled``.
"""

from __future__ import annotations

from typing import Any

from mesos_py.algebra.resources import Resources
from mesos_py.machine.frame import Event, Frame, Send
from mesos_py.machine.problem import Problem
from mesos_py.machine.values import Nanos, seconds
from mesos_py.master import changes
from mesos_py.master.events import RegistryRecovered, TeardownFramework
from mesos_py.sim.book import FINAL
from mesos_py.sim.cluster import Violation
from mesos_py.sim.processes import MASTER
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

    def __init__(self) -> None:
        self._total: dict[str, Amounts] = {}
        self._taken: dict[str, Amounts] = {}
        #: offer -> (framework, agent, resources)
        self._live: dict[str, tuple[str, str, Resources]] = {}
        self._ever: dict[str, None] = {}
        #: (framework, task) -> agent, resources while they count
        self.tasks: dict[tuple[str, str], tuple[str, Resources]] = {}
        self._executors: dict[tuple[str, str, str], Resources] = {}

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None:
        if process != MASTER:
            return
        if event.kind is RegistryRecovered:
            self.__init__()  # type: ignore[misc]  # another master: what the one before it granted is void
        if event.kind is Call.Type.ACCEPT:
            self._judge_accept(event, frame)
        touched: dict[str, None] = {}
        for change in frame.changes:
            agent_id = self._fold(change)
            if agent_id is not None:
                touched[agent_id] = None
        for agent_id in touched:
            self._judge(agent_id)
        for word in frame.sends:
            if isinstance(word, Send) and isinstance(word.message, Said) and word.message.offers is not None:
                for offer in word.message.offers.offers:
                    if self._live.get(offer.id, ("", "", None))[:2] != (offer.framework_id, offer.agent_id):
                        raise Violation("I2", f"{offer.id} is said to {offer.framework_id} but is not its")

    def heard(self, host: str, framework_id: str, status: TaskStatus, at: Nanos) -> None:
        """Nothing about offers."""

    def _fold(self, change: Any) -> str | None:
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
                _add(self._taken[change.agent_id], offer.resources, 1)
            case changes.OfferEnded():
                live = self._live.pop(change.offer_id, None)
                if live is None:
                    raise Violation("I2", f"offer {change.offer_id} ends twice")
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


class Updates:
    """I3, I4: every task's updates in the order of its agent, and one end."""

    def __init__(self) -> None:
        #: (framework, task) -> uuids in the order in which an agent first said them
        self._order: dict[tuple[str, str], dict[bytes, int]] = {}
        self._heard: dict[tuple[str, str], int] = {}
        self._ended: dict[tuple[str, str], TaskStatus] = {}
        #: launched more than once under one id: what was said of one launch says nothing of the other
        self._launches: dict[tuple[str, str], int] = {}
        #: agent process -> (framework, task, uuid) said and not acknowledged to it
        self.owed: dict[str, dict[tuple[str, str, bytes], TaskState]] = {}

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None:
        if process == MASTER:
            self._count_launches(frame)
            return
        owed = self.owed.setdefault(process, {})
        if event.kind is internal.AcknowledgeUpdate:
            done = event.body
            owed.pop((done.framework_id, done.task_id, done.uuid), None)
        elif event.kind is internal.ShutdownFramework:
            self.owed[process] = owed = {
                key: state for key, state in owed.items() if key[0] != event.body.framework_id
            }
        for word in frame.sends:
            if isinstance(word, Send) and isinstance(word.message, internal.StatusUpdate):
                status, framework_id = word.message.status, word.message.framework_id
                assert status.uuid is not None
                order = self._order.setdefault((framework_id, status.task_id), {})
                order.setdefault(status.uuid, len(order))
                owed[framework_id, status.task_id, status.uuid] = status.state

    def _count_launches(self, frame: Frame) -> None:
        for word in frame.sends:
            if isinstance(word, Send) and isinstance(word.message, internal.RunTask):
                key = (word.message.framework.id or "", word.message.task.task_id)
                self._launches[key] = self._launches.get(key, 0) + 1

    def heard(self, host: str, framework_id: str, status: TaskStatus, at: Nanos) -> None:
        key = (framework_id, status.task_id)
        if self._launches.get(key, 0) > 1:
            return
        self._judge_end(key, status)
        if status.uuid is None:
            return
        place = self._order.get(key, {}).get(status.uuid)
        if place is None:
            raise Violation("I4", f"{host} hears an update of {status.task_id} that no agent said: {status}")
        if place < self._heard.get(key, -1):
            raise Violation("I4", f"{host} hears {status.state.name} of {status.task_id} after a later update")
        self._heard[key] = place

    def _judge_end(self, key: tuple[str, str], status: TaskStatus) -> None:
        end = self._ended.get(key)
        if end is None:
            if status.uuid is not None and status.state in FINAL:
                self._ended[key] = status
            return
        if status.uuid is not None and status.uuid != end.uuid:
            raise Violation("I3", f"{key} ends as {end.state.name}, then is {status.state.name} ({status.message})")
        if status.uuid is None and status.state not in FINAL:
            raise Violation("I3", f"{key} has ended as {end.state.name}, but is said to be {status.state.name}")


class Lives:
    """I8: who is away is left alone for its failover timeout, and is removed when it is over."""

    GRACE = seconds(1.0)

    def __init__(self) -> None:
        #: framework -> away since, until
        self.away: dict[str, tuple[Nanos, Nanos]] = {}
        #: by this master; the next one knows nothing of it
        self.removed: dict[str, None] = {}
        #: known from agents only; a master waits for their schedulers without a deadline
        self.waiting: dict[str, None] = {}
        self._killed: dict[tuple[str, str], None] = {}
        self._launches: dict[tuple[str, str], int] = {}

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None:
        if process != MASTER:
            return
        if event.kind is RegistryRecovered:
            self.away, self.removed, self.waiting = {}, {}, {}
        if event.kind is Call.Type.KILL and not isinstance(frame.reply, Problem):
            self._killed[event.body.framework_id, event.body.kill.task_id] = None
        for change in frame.changes:
            match change:
                case changes.FrameworkDisconnected():
                    timeout = seconds(change.framework.info.failover_timeout)
                    self.away[change.framework_id] = (at, at + timeout)
                case changes.FrameworkAdded() | changes.FrameworkUpdated():
                    self.away.pop(change.framework_id, None)
                    self.waiting.pop(change.framework_id, None)
                    if change.framework.recovered:
                        self.waiting[change.framework_id] = None
                case changes.FrameworkRemoved():
                    self._judge_removal(change.framework_id, event, at)
        for word in frame.sends:
            if isinstance(word, Send):
                self._judge_word(word.message)
        for framework_id, (_, until) in self.away.items():
            if at > until + self.GRACE:
                raise Violation("I8", f"{framework_id} is away for longer than its failover timeout, and not removed")

    def heard(self, host: str, framework_id: str, status: TaskStatus, at: Nanos) -> None:
        """Nothing about lives."""

    def _judge_removal(self, framework_id: str, event: Event, at: Nanos) -> None:
        self.removed[framework_id] = None
        away = self.away.pop(framework_id, None)
        if event.kind in (Call.Type.TEARDOWN, TeardownFramework):
            return
        if away is None or at < away[1]:
            raise Violation("I8", f"{framework_id} is removed before its failover timeout")

    def _judge_word(self, message: Any) -> None:
        if isinstance(message, internal.ShutdownFramework) and message.framework_id not in self.removed:
            raise Violation("I8", f"{message.framework_id} is shut down but not removed")
        if isinstance(message, internal.RunTask):
            key = (message.framework.id or "", message.task.task_id)
            self._launches[key] = self._launches.get(key, 0) + 1
        if isinstance(message, internal.KillTask):
            key = (message.framework_id, message.task_id)
            # A master that did not know the first launch of an id has allowed a second: one of them has to go.
            if key in self._killed or self._launches.get(key, 0) > 1:
                return
            raise Violation("I8", f"{message.task_id} is killed, but its framework has not asked for it")
