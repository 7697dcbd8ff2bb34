"""The master's metrics: gauges are functions of state, counters are derived from changes and from rows applied.

Nothing else counts. What Mesos counts and we cannot have (messages of v0 drivers) is exported as 0, because exporters
take a missing name for a failure. Names: mesos src/master/metrics.cpp,
src/master/allocator/mesos/metrics.cpp.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from typing import Any
from urllib.parse import quote

from mesos_py.machine.frame import Frame
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.master import changes
from mesos_py.master.changes import OfferEnd
from mesos_py.master.core import Master
from mesos_py.master.entities import TERMINAL, Framework
from mesos_py.web.metrics import Sample, Timer
from mesos_py.web.system import system_stats
from mesos_py.wire import internal
from mesos_py.wire.ids import FrameworkID
from mesos_py.wire.offer import Offer
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as SchedulerEvent
from mesos_py.wire.task import TaskState, TaskStatus

_Call = Call.Type

#: master/messages_<name>: what is counted by rows applied.
MESSAGES: dict[str, Hashable | None] = {
    "authenticate": None,
    "deactivate_framework": None,
    "executor_to_framework": internal.ExecutorToFramework,
    "exited_executor": internal.ExitedExecutor,
    "framework_to_executor": _Call.MESSAGE,
    "kill_task": _Call.KILL,
    "operation_status_update": None,
    "operation_status_update_acknowledgement": _Call.ACKNOWLEDGE_OPERATION_STATUS,
    "reconcile_operations": _Call.RECONCILE_OPERATIONS,
    "reconcile_tasks": _Call.RECONCILE,
    "register_slave": internal.RegisterAgent,
    "reregister_slave": internal.ReregisterAgent,
    "resource_request": _Call.REQUEST,
    "revive_offers": _Call.REVIVE,
    "status_update": internal.StatusUpdate,
    "status_update_acknowledgement": _Call.ACKNOWLEDGE,
    "suppress_offers": _Call.SUPPRESS,
    "unregister_framework": _Call.TEARDOWN,
    "unregister_slave": internal.UnregisterAgent,
    "update_slave": None,
}

#: master/{valid,invalid}_<name>: rows applied, and what ``Dropped.what`` says of those that had no effect.
VALIDITY: dict[str, tuple[Hashable | None, str]] = {
    "status_updates": (internal.StatusUpdate, "StatusUpdate"),
    "status_update_acknowledgements": (_Call.ACKNOWLEDGE, "ACKNOWLEDGE"),
    "operation_status_updates": (None, ""),
    "operation_status_update_acknowledgements": (
        _Call.ACKNOWLEDGE_OPERATION_STATUS, "ACKNOWLEDGE_OPERATION_STATUS",
    ),
    "framework_to_executor_messages": (_Call.MESSAGE, "MESSAGE"),
    "executor_to_framework_messages": (internal.ExecutorToFramework, "ExecutorToFramework"),
}  # fmt: skip

#: Counters that are exported before anything happened.
ZEROES = (
    "dropped_messages", "http_cache_hits", "invariant_violations", "messages_decline_offers", "messages_launch_tasks",
    "messages_register_framework", "messages_reregister_framework", "recovery_slave_removals", "slave_registrations",
    "slave_removals", "slave_removals/reason_registered", "slave_removals/reason_unhealthy",
    "slave_removals/reason_unregistered", "slave_reregistrations", "slave_shutdowns_canceled",
    "slave_shutdowns_completed", "slave_shutdowns_scheduled", "slave_unreachable_canceled",
    "slave_unreachable_completed", "slave_unreachable_scheduled", "tasks_dropped", "tasks_error", "tasks_failed",
    "tasks_finished", "tasks_gone", "tasks_gone_by_operator", "tasks_killed", "tasks_lost",
)  # fmt: skip

OPERATIONS = (
    "create", "create_disk", "destroy", "destroy_disk", "grow_volume", "reserve", "shrink_volume", "unreserve",
)  # fmt: skip
OPERATION_COUNTERS = ("dropped", "error", "failed", "finished", "gone_by_operator")
OPERATION_GAUGES = ("pending", "recovering", "total", "unreachable")

_ACTIVE = (
    TaskState.TASK_KILLING, TaskState.TASK_RUNNING, TaskState.TASK_STAGING, TaskState.TASK_STARTING,
    TaskState.TASK_UNKNOWN, TaskState.TASK_UNREACHABLE,
)  # fmt: skip
_TERMINAL = tuple(state for state in TaskState if TERMINAL[state])
_CALLS = tuple(kind for kind in Call.Type if kind is not Call.Type.UNKNOWN)
_EVENTS = tuple(kind for kind in SchedulerEvent.Type if kind is not SchedulerEvent.Type.UNKNOWN)
_FRAMEWORK_OPERATIONS = (*OPERATIONS, "launch", "launch_group")


class Metrics:
    """Watches one core."""

    def __init__(self, core: Master, *, started_ns: Nanos, per_framework: bool = True) -> None:
        self._core = core
        self._started_ns = started_ns
        self._per_framework = per_framework
        self._counters: Counter[str] = Counter(dict.fromkeys(ZEROES, 0))
        self._dropped: Counter[str] = Counter()
        self._by_framework: dict[FrameworkID, Counter[str]] = {}
        self.allocation_run = Timer("allocator/mesos/allocation_run_ms")
        self.allocation_latency = Timer("allocator/mesos/allocation_run_latency_ms")
        self.state_store = Timer("registrar/state_store_ms")
        #: what others know: name -> gauge
        self.gauges: dict[str, Callable[[], float]] = {}
        self._observers: dict[type, Callable[[Any], None]] = {
            changes.FrameworkRemoved: lambda change: self._forget_frameworks(),
            changes.TaskUpdated: self._task_updated,
            changes.TaskRefused: lambda change: self._ended(change.framework_id, change.status.state, change.status),
            changes.AgentAdded: self._agent_added,
            changes.AgentUpdated: lambda change: self._count("slave_reregistrations"),
            changes.AgentRemovalScheduled: lambda change: self._count("slave_unreachable_scheduled"),
            changes.AgentRemovalCanceled: lambda change: self._count("slave_unreachable_canceled"),
            changes.AgentUnreachable: self._agent_unreachable,
            changes.AgentRemoved: self._agent_removed,
            changes.OfferSent: lambda change: self._of(change.framework_id, "offers/sent"),
            changes.OfferEnded: self._offer_ended,
            changes.Accepted: self._accepted,
            changes.Dropped: self._drop,
            changes.Broken: lambda change: self._count("invariant_violations"),
        }

    # ---- counting

    def observe(self, frame: Frame) -> None:
        """Count what the frame's changes say."""
        for change in frame.changes:
            observer = self._observers.get(type(change))
            if observer is not None:
                observer(change)

    def called(self, call: Call) -> None:
        """A scheduler's call has been understood."""
        kind = call.type
        assert kind is not None
        if kind is _Call.SUBSCRIBE:
            self._count("messages_reregister_framework" if call.framework_id else "messages_register_framework")
        if call.framework_id is not None and call.framework_id in self._core.state.frameworks:
            self._of(call.framework_id, f"calls/{kind.name}")

    def sent(self, framework: Framework | None, event: SchedulerEvent) -> None:
        """A scheduler has been told."""
        if framework is not None and event.type is not None:
            self._of(framework.id, f"events/{event.type.name}")
            if event.type is SchedulerEvent.Type.SUBSCRIBED and not self._of_all(framework.id)["calls/SUBSCRIBE"]:
                self._of(framework.id, "calls/SUBSCRIBE")  # its first came without an id

    def _count(self, name: str, by: int = 1) -> None:
        self._counters[name] += by

    def _of(self, framework_id: FrameworkID, name: str, by: int = 1) -> None:
        self._of_all(framework_id)[name] += by

    def _of_all(self, framework_id: FrameworkID) -> Counter[str]:
        counters = self._by_framework.get(framework_id)
        if counters is None:
            counters = self._by_framework[framework_id] = Counter()
        return counters

    def _forget_frameworks(self) -> None:
        """Completed frameworks are remembered as long as the state does."""
        state = self._core.state
        for framework_id in list(self._by_framework):
            if framework_id not in state.frameworks and framework_id not in state.completed_frameworks:
                del self._by_framework[framework_id]

    def _task_updated(self, change: changes.TaskUpdated) -> None:
        if TERMINAL[change.state] and not TERMINAL[change.previous]:
            self._ended(change.framework_id, change.state, change.status)

    def _ended(self, framework_id: FrameworkID, state: TaskState, status: TaskStatus) -> None:
        name = state.name.lower()
        self._count(f"tasks_{name.removeprefix('task_')}")
        self._of(framework_id, f"tasks/terminal/{name}")
        if status.reason is not None and status.source is not None:
            source = status.source.name.removeprefix("SOURCE_").lower().replace("agent", "slave")
            reason = status.reason.name.removeprefix("REASON_").lower().replace("agent", "slave")
            self._count(f"{name}/source_{source}/reason_{reason}")

    def _agent_added(self, change: changes.AgentAdded) -> None:
        self._count("slave_reregistrations" if change.returning else "slave_registrations")

    def _agent_unreachable(self, change: changes.AgentUnreachable) -> None:
        for name in ("slave_unreachable_completed", "slave_removals", "slave_removals/reason_unhealthy"):
            self._count(name)
        self._count("recovery_slave_removals", change.recovered)

    def _agent_removed(self, change: changes.AgentRemoved) -> None:
        self._count("slave_removals")
        self._count(f"slave_removals/reason_{change.cause.value}")

    def _offer_ended(self, change: changes.OfferEnded) -> None:
        if change.end in (OfferEnd.ACCEPTED, OfferEnd.DECLINED, OfferEnd.RESCINDED):
            self._of(change.framework_id, f"offers/{change.end.value}")

    def _accepted(self, change: changes.Accepted) -> None:
        """A launch of nothing is a decline."""
        launches = 0
        for kind in change.operations:
            if kind is not None:
                launches += kind in (Offer.Operation.Type.LAUNCH, Offer.Operation.Type.LAUNCH_GROUP)
                self._of(change.framework_id, f"operations/{kind.name.lower()}")
        self._of(change.framework_id, "operations", len(change.operations))
        self._count("messages_launch_tasks", change.launches)
        self._count("messages_decline_offers", launches - change.launches if change.operations else 1)

    def _drop(self, change: changes.Dropped) -> None:
        self._dropped[change.what] += 1

    # ---- telling

    def samples(self, now: Nanos) -> Iterator[Sample]:
        """Every metric as it is at ``now``."""
        yield from self._counted()
        for name, gauge in self._gauges(now):
            yield Sample(name, gauge)
        yield from self._roles()
        yield from self._operations()
        for timer in (self.allocation_run, self.allocation_latency, self.state_store):
            yield from timer.samples()
        yield from self._system()
        yield from self._of_frameworks()
        for name, read in self.gauges.items():
            yield Sample(name, read())

    def _counted(self) -> Iterator[Sample]:
        handled = self._core.handled
        declined = handled.get(_Call.DECLINE, 0)
        for name, number in list(self._counters.items()):
            yield Sample(f"master/{name}", number + (declined if name == "messages_decline_offers" else 0), True)
        for name, kind in MESSAGES.items():
            yield Sample(f"master/messages_{name}", handled.get(kind, 0), True)
        for name, (kind, what) in VALIDITY.items():
            invalid = self._dropped[what]
            yield Sample(f"master/invalid_{name}", invalid, True)
            yield Sample(f"master/valid_{name}", max(0, handled.get(kind, 0) - invalid), True)
        yield Sample("allocator/mesos/allocation_runs", self._core.allocator.runs, True)

    def _gauges(self, now: Nanos) -> Iterator[tuple[str, float]]:
        state = self._core.state
        yield "master/uptime_secs", (now - self._started_ns) / SECOND
        # There are no actors and no queues: what arrives is applied at once.
        for queue in ("messages", "dispatches", "http_requests"):
            yield f"master/event_queue_{queue}", 0
        yield "allocator/event_queue_dispatches", 0
        yield "allocator/mesos/event_queue_dispatches", 0
        for revocable, total, used in (
            ("", state.total.plain, state.used.plain), ("_revocable", state.total.revocable, state.used.revocable),
        ):  # fmt: skip
            for name in ("cpus", "mem", "disk", "gpus"):
                all_, part = total.get(name, 0) / 1000, used.get(name, 0) / 1000
                yield f"master/{name}{revocable}_total", all_
                yield f"master/{name}{revocable}_used", part
                yield f"master/{name}{revocable}_percent", part / all_ if all_ else 0
        offered = Counter[str]()
        for offer in state.offers.values():
            offered.update(dict(offer.resources.quantities().items()))
        for name in ("cpus", "mem", "disk"):
            yield f"allocator/mesos/resources/{name}/total", state.total.plain.get(name, 0) / 1000
            held = state.used.plain.get(name, 0) + offered[name]
            yield f"allocator/mesos/resources/{name}/offered_or_allocated", held / 1000
        yield "master/slaves_connected", state.agents_connected
        yield "master/slaves_disconnected", len(state.agents) - state.agents_connected
        yield "master/slaves_active", state.agents_active
        yield "master/slaves_inactive", len(state.agents) - state.agents_active
        yield "master/slaves_unreachable", len(state.unreachable_agents)
        yield "master/frameworks_connected", state.frameworks_connected
        yield "master/frameworks_disconnected", len(state.frameworks) - state.frameworks_connected
        yield "master/frameworks_active", state.frameworks_active
        yield "master/frameworks_inactive", len(state.frameworks) - state.frameworks_active
        yield "master/outstanding_offers", len(state.offers)
        for task_state in ("staging", "starting", "running", "killing"):
            yield f"master/tasks_{task_state}", state.task_counts[TaskState[f"TASK_{task_state.upper()}"]]
        yield "master/tasks_unreachable", state.unreachable_task_count

    def _roles(self) -> Iterator[Sample]:
        """What the allocator thinks of each role."""
        allocator = self._core.allocator
        for role, share in allocator.dominant_shares().items():
            yield Sample(f"allocator/mesos/roles/{role}/shares/dominant", share)
        for role, active in allocator.active_filters().items():
            yield Sample(f"allocator/mesos/offer_filters/roles/{role}/active", active)
        for role in self._core.registry.quotas:
            quota, held = allocator.quota(role), allocator.offered_or_allocated_to(role)
            prefix = f"allocator/mesos/quota/roles/{role}/resources"
            for name, amount in quota.guarantees.items():
                yield Sample(f"{prefix}/{name}/guarantee", amount / 1000)
            for name, amount in quota.limits.items():
                yield Sample(f"{prefix}/{name}/limit", amount / 1000)
            for name in dict.fromkeys((*quota.guarantees, *dict(quota.limits.items()))):
                yield Sample(f"{prefix}/{name}/offered_or_allocated", held.get(name) / 1000)

    @staticmethod
    def _operations() -> Iterator[Sample]:
        """Operations come with reservations and volumes; until then there are none."""
        for prefix in ("", *(f"{kind}/" for kind in OPERATIONS)):
            for name in OPERATION_COUNTERS:
                yield Sample(f"master/operations/{prefix}{name}", 0, True)
            for name in OPERATION_GAUGES:
                yield Sample(f"master/operations/{prefix}{name}", 0)

    @staticmethod
    def _system() -> Iterator[Sample]:
        stats = system_stats()
        yield Sample("system/cpus_total", stats["cpus_total"])
        for minutes in (1, 5, 15):
            yield Sample(f"system/load_{minutes}min", stats[f"avg_load_{minutes}min"])
        yield Sample("system/mem_free_bytes", stats["mem_free_bytes"])
        yield Sample("system/mem_total_bytes", stats["mem_total_bytes"])

    def _of_frameworks(self) -> Iterator[Sample]:
        state = self._core.state
        for framework in (*state.frameworks.values(), *state.completed_frameworks.values()):
            prefix = f"master/frameworks/{_encoded(framework.info.name)}/{framework.id}"
            yield Sample(f"{prefix}/subscribed", framework.connected)
            if not self._per_framework:
                continue
            counters = self._by_framework.get(framework.id, Counter())
            yield from _family(prefix, "calls", _CALLS, counters)
            yield from _family(prefix, "events", _EVENTS, counters)
            for end in ("accepted", "declined", "rescinded", "sent"):
                yield Sample(f"{prefix}/offers/{end}", counters[f"offers/{end}"], True)
            yield Sample(f"{prefix}/operations", counters["operations"], True)
            for kind in _FRAMEWORK_OPERATIONS:
                yield Sample(f"{prefix}/operations/{kind}", counters[f"operations/{kind}"], True)
            active = Counter(task.state for task in framework.tasks.values())
            active[TaskState.TASK_UNREACHABLE] += len(framework.unreachable_tasks)
            for task_state in _ACTIVE:
                yield Sample(f"{prefix}/tasks/active/{task_state.name.lower()}", active[task_state])
            for task_state in _TERMINAL:
                name = task_state.name.lower()
                yield Sample(f"{prefix}/tasks/terminal/{name}", counters[f"tasks/terminal/{name}"], True)
            for role in framework.roles:
                yield Sample(f"{prefix}/roles/{role}/suppressed", role in framework.suppressed)


def _family(prefix: str, group: str, kinds: tuple[Any, ...], counters: Counter[str]) -> Iterator[Sample]:
    """``<prefix>/<group>`` and ``<prefix>/<group>/<kind>``."""
    yield Sample(f"{prefix}/{group}", sum(counters[f"{group}/{kind.name}"] for kind in kinds), True)
    for kind in kinds:
        yield Sample(f"{prefix}/{group}/{kind.name.lower()}", counters[f"{group}/{kind.name}"], True)


def _encoded(name: str) -> str:
    """Percent-encoded, so that a name cannot be taken for a path."""
    return quote(name, safe=" ~-_.!*'()") if re.search(r"[^\w.-]", name, re.ASCII) else name
