"""What the core says and hears, counted; and what follows from its state when somebody asks."""

from __future__ import annotations

from collections.abc import Iterable

from frameworks.marathon_py import words
from frameworks.marathon_py.core import Marathon
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.groups import Group
from frameworks.marathon_py.instances.instance import Condition
from frameworks.marathon_py.shell.metrics.kinds import Counter, Gauge, Readings, Timer
from mesos_py.machine.frame import Frame, Send
from mesos_py.machine.values import Nanos, seconds
from mesos_py.wire.offer import Offer
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.task import TaskState, TaskStatus

_Operation = Offer.Operation.Type

REVIVES, SUPPRESSES = "mesos.calls.revive.counter", "mesos.calls.suppress.counter"
OFFERS, USED, DECLINED = (f"mesos.offers.{what}.counter" for what in ("incoming", "used", "declined"))
LAUNCHES, GROUP_LAUNCHES, RESERVES = (
    f"mesos.offer-operations.{what}.counter" for what in ("launch", "launch-group", "reserve")
)
LAUNCHED = "tasks.launched.counter"
DEPLOYMENTS, DISMISSED = "deployments.counter", "deployments.dismissed.counter"
OUT_OF_MEMORY = "mesos.task.oom.memory-limit-exceeded.counter"
#: nothing of ours happens that would be counted: no agent says the first, and nothing is compacted
NEVER: Readings = {
    "mesos.task.oom.memory-limit-unfulfillable.counter": Counter(0), "persistence.gc.runs.counter": Counter(0),
    **{f"persistence.gc.{what}.duration.timer.seconds": Timer(0.0) for what in ("compaction", "scan")},
}  # fmt: skip
_OPERATIONS = {
    _Operation.LAUNCH: LAUNCHES, _Operation.LAUNCH_GROUP: GROUP_LAUNCHES, _Operation.RESERVE: RESERVES,
}  # fmt: skip
_STAGED = (Condition.PROVISIONED, Condition.STAGING, Condition.STARTING)


def of_update(state: TaskState) -> str:
    return f"mesos.task-updates.{state.name.lower().replace('_', '-')}.counter"


class Counts:
    """Of one process, while it leads."""

    def __init__(self) -> None:
        names = (REVIVES, SUPPRESSES, OFFERS, USED, DECLINED, *_OPERATIONS.values(), LAUNCHED, DEPLOYMENTS, DISMISSED,
                 OUT_OF_MEMORY, *map(of_update, TaskState))  # fmt: skip
        self._counters = dict.fromkeys(names, 0)

    def offered(self, count: int) -> None:
        self._counters[OFFERS] += count

    def updated(self, status: TaskStatus) -> None:
        self._counters[of_update(status.state)] += 1
        if status.reason is TaskStatus.Reason.REASON_CONTAINER_LIMITATION_MEMORY:
            self._counters[OUT_OF_MEMORY] += 1

    def caused(self, frame: Frame) -> None:
        """By one event."""
        for word in frame.sends:
            if isinstance(word, Send) and isinstance(word.message, Call):
                self._said(word.message)
        for fact in frame.changes:
            if isinstance(fact, words.GroupChanged) and fact.reason is None:
                self._counters[DEPLOYMENTS] += 1
        if isinstance(frame.reply, words.Refused) and frame.reply.status == 403:
            self._counters[DISMISSED] += 1  # too many are under way

    def _said(self, call: Call) -> None:
        match call.type:
            case Call.Type.REVIVE:
                self._counters[REVIVES] += 1
            case Call.Type.SUPPRESS:
                self._counters[SUPPRESSES] += 1
            case Call.Type.DECLINE if call.decline is not None:
                self._counters[DECLINED] += len(call.decline.offer_ids)
            case Call.Type.ACCEPT if call.accept is not None:
                self._counters[USED] += len(call.accept.offer_ids)
                self._asked(call.accept.operations)

    def _asked(self, operations: Iterable[Offer.Operation]) -> None:
        for operation in operations:
            if operation.type in _OPERATIONS:
                self._counters[_OPERATIONS[operation.type]] += 1
            if operation.launch is not None:
                self._counters[LAUNCHED] += len(operation.launch.task_infos)
            if operation.launch_group is not None:
                self._counters[LAUNCHED] += len(operation.launch_group.task_group.tasks)

    def readings(self) -> Readings:
        return {**NEVER, **{name: Counter(count) for name, count in self._counters.items()}}


def gauges(core: Marathon, now: Nanos) -> Readings:
    """O(instances and definitions)."""
    apps = sum(isinstance(spec, App) for spec in core.specs.values())
    staged = [instance for instance in core.instances.values() if instance.condition in _STAGED]
    patience = seconds(core.habits.task_launch_timeout_s)
    running = sum(instance.condition is Condition.RUNNING for instance in core.instances.values())
    numbers = {
        "apps.active.gauge": apps, "pods.active.gauge": len(core.specs) - apps,
        "groups.active.gauge": _groups(core.root), "instances.running.gauge": running,
        "instances.staged.gauge": len(staged),
        "instances.launch-overdue.gauge": sum(now - instance.since > patience for instance in staged),
        "instances.inflight-kills.gauge": len(core.killing),
        "instances.inflight-kill-attempts.gauge": len(core.kills) + len(core.killing),
        "deployments.active.gauge": len(core.deployments),
    }  # fmt: skip
    return {name: Gauge(number) for name, number in numbers.items()}


def _groups(group: Group) -> int:
    """With itself."""
    return 1 + sum(map(_groups, group.groups))
