"""I3, I4: a task ends once, and its updates arrive in the order in which they were made."""

from __future__ import annotations

from mesos_py.machine.frame import Event, Frame, Send
from mesos_py.machine.values import Nanos
from mesos_py.sim.book import FINAL
from mesos_py.sim.observe import Violation, is_master
from mesos_py.wire import internal
from mesos_py.wire.task import TaskState, TaskStatus


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
        if is_master(process):
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
