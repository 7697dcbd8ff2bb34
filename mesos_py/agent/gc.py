"""When sandboxes are removed: ``gc_delay`` after their executor ended, sooner when the disk is full.

Paths wait in one queue in the order in which they were given up. What an agent finds when it is started, of earlier
runs of it and of earlier agents, is as old as it was changed last. Every ``disk_watch_interval`` the disk is measured;
what is older than ``gc_delay * max(0, 1 - headroom - used)`` goes.

Mesos: src/slave/gc.cpp, Slave::age.
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

rows = Table("garbage collection")

REMOVED_AT_ONCE_MAX = 200  # paths in one word, so that one removal never keeps the disk busy for long


@value
class DiskWatchDue:
    """It is time to measure the disk."""


@value
class Waiting:
    """A sandbox given up at ``since``."""

    sandbox: words.DetachSandbox
    since: Nanos


class Collector:
    """The sandboxes of ended executors, oldest first."""

    def __init__(self, delay: Nanos, headroom: float) -> None:
        self._delay = delay
        self._headroom = headroom
        self._waiting: deque[Waiting] = deque()
        self._paths: set[str] = set()
        #: what is older is removed; as of the last measurement
        self.age_max: Nanos = delay

    def __len__(self) -> int:
        return len(self._waiting)

    def schedule(self, sandbox: words.DetachSandbox, now: Nanos) -> None:
        """The run's sandbox will be removed in due time."""
        self._waiting.append(Waiting(sandbox, now))
        self._paths.add(sandbox.path)

    def found(self, sandboxes: Iterable[Waiting]) -> None:
        """These were given up some time ago."""
        new = [waiting for waiting in sandboxes if waiting.sandbox.path not in self._paths]
        self._waiting = deque(sorted([*self._waiting, *new], key=lambda waiting: waiting.since))
        self._paths.update([waiting.sandbox.path for waiting in new])

    def measured(self, used: float) -> None:
        """``used`` part of the disk is full."""
        self.age_max = int(self._delay * max(0.0, 1.0 - self._headroom - used))

    def due(self, now: Nanos) -> list[Waiting]:
        """Take out what is old enough."""
        found: list[Waiting] = []
        while self._waiting and len(found) < REMOVED_AT_ONCE_MAX and now - self._waiting[0].since >= self.age_max:
            found.append(self._waiting.popleft())
            self._paths.discard(found[-1].sandbox.path)
        return found


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
        waiting.append(Waiting(detach, min(found.modified, out.now)))
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
            out.send(words.DISK, waiting.sandbox)
        out.send(words.DISK, words.RemovePaths(tuple([waiting.sandbox.path for waiting in due])))
