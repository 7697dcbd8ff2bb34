"""I8: a framework that is away is left alone until its failover timeout is over, and is removed then.

And it has one voice: what is said on a stream that another one has replaced has no effect (F20).
"""

from __future__ import annotations

from typing import Any

from mesos_py.machine.frame import Event, Frame, PeerID, Send, Tick
from mesos_py.machine.problem import Problem
from mesos_py.machine.timers import LATE, REPRIEVE
from mesos_py.machine.values import Nanos, seconds
from mesos_py.master import changes
from mesos_py.master.events import RegistryRecovered, TeardownFramework
from mesos_py.sim.checkers.launch import Launch
from mesos_py.sim.observe import Violation, is_master
from mesos_py.wire import internal
from mesos_py.wire.scheduler_api import Call


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
        #: framework -> its stream
        self._streams: dict[str, PeerID] = {}
        self._killed: dict[tuple[str, str], None] = {}
        self._launches: dict[tuple[str, str], int] = {}
        self._heard_at: Nanos = 0

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None:
        if not is_master(process):
            return
        if event.kind is RegistryRecovered:
            self.away, self.removed, self.waiting, self._heard_at = {}, {}, {}, at
            self._streams = {}
        self._allow_for_stop(at)
        if isinstance(event.kind, Call.Type) and event.kind is not Call.Type.SUBSCRIBE:
            self._judge_voice(event, frame)
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
                    if change.framework.peer is not None:
                        self._streams[change.framework_id] = change.framework.peer
                    if change.framework.recovered:
                        self.waiting[change.framework_id] = None
                case changes.FrameworkRemoved():
                    self._judge_removal(change.framework_id, event, at)
        for word in frame.sends:
            launch = Launch.of(word)
            for task in launch.tasks if launch is not None else ():
                self._launches[task] = self._launches.get(task, 0) + 1
            if isinstance(word, Send):
                self._judge_word(word.message)
        for framework_id, (_, until) in self.away.items() if event.kind is Tick else ():
            if at > until + self.GRACE:
                raise Violation("I8", f"{framework_id} is away for longer than its failover timeout, and not removed")

    def _allow_for_stop(self, at: Nanos) -> None:
        """Whoever may have come back while the master was stopped, which then could not hear it, has some more time."""
        before, self._heard_at = self._heard_at, at
        for framework_id, (since, until) in self.away.items():
            if before < until < at - LATE:
                self.away[framework_id] = (since, at + REPRIEVE)

    def _judge_voice(self, event: Event, frame: Frame) -> None:
        stream = self._streams.get(event.body.framework_id)
        if stream is not None and stream != event.peer and not isinstance(frame.reply, Problem):
            raise Violation("I8", f"{event.kind} on {event.peer} is obeyed, but its framework's stream is {stream}")

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
        if isinstance(message, internal.KillTask):
            key = (message.framework_id, message.task_id)
            # A master that did not know the first launch of an id has allowed a second: one of them has to go.
            if key in self._killed or self._launches.get(key, 0) > 1:
                return
            raise Violation("I8", f"{message.task_id} is killed, but its framework has not asked for it")
