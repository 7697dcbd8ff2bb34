"""When sandboxes are removed: ``gc_delay`` after their executor ended, sooner when the disk is full.

Paths wait in one queue in the order in which they were given up. What an agent finds when it is started, of earlier
runs of it and of earlier agents, is as old as it was changed last. Every ``disk_watch_interval`` the disk is measured;
what is older than ``gc_delay * max(0, 1 - headroom - used)`` goes. What lies in an executor's sandbox goes with that;
with ``--gc_non_executor_container_sandboxes`` a container nested in it, or a standalone one, has an age of its own.

Mesos: src/slave/gc.cpp, Slave::age, Http::_launchContainer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mesos_py.agent import events, words
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import Nanos, value
from mesos_py.wire.ids import ExecutorID, FrameworkID

if TYPE_CHECKING:
    from mesos_py.agent.core import Agent
    from mesos_py.agent.entities import Executor

rows = Table("garbage collection")

REMOVED_AT_ONCE_MAX = 200  # paths in one word, so that one removal never keeps the disk busy for long


@value
class DiskWatchDue:
    """It is time to measure the disk."""


@value
class Waiting:
    """A sandbox given up at ``since``."""

    path: str
    since: Nanos
    #: under which names it can be read until then; None: as a part of its executor's, or not at all
    names: words.DetachSandbox | None


class Collector:
    """The sandboxes of what has ended, oldest first."""

    def __init__(self, delay: Nanos, headroom: float) -> None:
        self._delay = delay
        self._headroom = headroom
        self._waiting: deque[Waiting] = deque()
        self._paths: set[str] = set()
        #: what is older is removed; as of the last measurement
        self.age_max: Nanos = delay

    def __len__(self) -> int:
        return len(self._waiting)

    def schedule(self, waiting: Waiting) -> None:
        """It will be removed in due time. It is the youngest."""
        self._waiting.append(waiting)
        self._paths.add(waiting.path)

    def cancel(self, path: str) -> None:
        """It is in use again, or gone."""
        if path in self._paths:
            self._paths.discard(path)
            self._waiting = deque([waiting for waiting in self._waiting if waiting.path != path])

    def found(self, sandboxes: Iterable[Waiting]) -> None:
        """These were given up some time ago."""
        new = [waiting for waiting in sandboxes if waiting.path not in self._paths]
        self._waiting = deque(sorted([*self._waiting, *new], key=lambda waiting: waiting.since))
        self._paths.update([waiting.path for waiting in new])

    def measured(self, used: float) -> None:
        """``used`` part of the disk is full."""
        self.age_max = int(self._delay * max(0.0, 1.0 - self._headroom - used))

    def due(self, now: Nanos) -> list[Waiting]:
        """Take out what is old enough."""
        found: list[Waiting] = []
        while self._waiting and len(found) < REMOVED_AT_ONCE_MAX and now - self._waiting[0].since >= self.age_max:
            found.append(self._waiting.popleft())
            self._paths.discard(found[-1].path)
        return found


def give_up(agent: Agent, executor: Executor, out: Frame) -> None:
    """The executor has ended: its sandbox will be removed, and can be read until then."""
    out.send(words.DISK, words.TouchSandbox(executor.sandbox))
    names = words.detach(executor.sandbox, executor.framework.id, executor.id)
    agent.collector.schedule(Waiting(executor.sandbox, out.now, names))


def give_up_nested(agent: Agent, sandbox: str, out: Frame) -> None:
    """A container that is no executor's has ended; its sandbox is removed before its executor's if flags say so."""
    if agent.options.gc_non_executor_container_sandboxes:
        agent.collector.schedule(Waiting(sandbox, out.now, None))


def begin(agent: Agent, out: Frame) -> None:
    """Measure now, and from then on regularly."""
    out.send(words.DISK, words.MeasureDisk())


@rows.on(DiskWatchDue)
def disk_watch_due(agent: Agent, event: Event, out: Frame) -> None:
    """The disk is measured."""
    out.send(words.DISK, words.MeasureDisk())


@rows.on(events.DiskMeasured)
def disk_measured(agent: Agent, event: Event, out: Frame) -> None:
    """Sandboxes that are too old for a disk so full are removed."""
    agent.collector.measured(event.body.used)
    agent.timers.set("disk watch", out.now + agent.options.disk_watch_interval, DiskWatchDue())
    _remove(agent, out)


@rows.on(events.SandboxesFound)
def sandboxes_found(agent: Agent, event: Event, out: Frame) -> None:
    """Those in use are left alone; the others of this agent can be read until their time has come."""
    used = {executor.sandbox: None for executor in agent.state.containers.values()}
    waiting = []
    for found in event.body.sandboxes:
        if found.path in used:
            continue
        framework_id, executor_id = FrameworkID(found.framework_id), ExecutorID(found.executor_id)
        detach = words.detach(found.path, framework_id, executor_id)
        waiting.append(Waiting(found.path, min(found.modified, out.now), detach))
        known = agent.state.frameworks.get(framework_id)
        if found.agent_id == agent.state.id and (known is None or executor_id not in known.executors):
            out.send(words.DISK, words.AttachSandbox(detach.path, detach.latest, detach.virtual))
    agent.collector.found(waiting)


@rows.on(events.PathsRemoved)
def paths_removed(agent: Agent, event: Event, out: Frame) -> None:
    """Counted, and the next ones follow."""
    agent.state.count("gc/path_removals_succeeded", event.body.succeeded)
    agent.state.count("gc/path_removals_failed", event.body.failed)
    _remove(agent, out)


def _remove(agent: Agent, out: Frame) -> None:
    due = agent.collector.due(out.now)
    if due:
        for waiting in due:
            if waiting.names is not None:
                out.send(words.DISK, waiting.names)
        out.send(words.DISK, words.RemovePaths(tuple([waiting.path for waiting in due])))
