"""I3, I4: a task ends once, and its updates arrive in the order in which they were made."""

from __future__ import annotations

from collections.abc import Callable

from mesos_py.agent.calls.room import NO_ROOM
from mesos_py.agent.events import Recovered
from mesos_py.machine.frame import Close, Event, Frame, Send
from mesos_py.machine.values import Nanos
from mesos_py.master.changes import Broken
from mesos_py.sim.book import FINAL
from mesos_py.sim.checkers.launch import Launch
from mesos_py.sim.observe import Violation, host_of, is_agent, is_master
from mesos_py.wire import internal
from mesos_py.wire.task import TaskState, TaskStatus

#: what an agent says of tasks it does not have; nothing of them is kept
DROPS = (TaskState.TASK_DROPPED, TaskState.TASK_LOST)

Key = tuple[str, str, bytes]
"""Framework, task and uuid of an update."""

Owed = dict[Key, TaskStatus]


class Updates:
    """I3, I4: every task's updates in the order of its agent, and one end."""

    def __init__(self) -> None:
        #: (framework, task) -> uuids in the order in which an agent first said them
        self._order: dict[tuple[str, str], dict[bytes, int]] = {}
        self._heard: dict[tuple[str, str], int] = {}
        self._ended: dict[tuple[str, str], TaskStatus] = {}
        #: launched more than once under one id: what was said of one launch says nothing of the other
        self._launches: dict[tuple[str, str], int] = {}
        #: host of an agent -> (framework, task, uuid) said there and not acknowledged
        self.owed: dict[str, Owed] = {}
        #: process of an agent -> what it has made and not said yet
        self._withheld: dict[str, dict[Key, None]] = {}
        #: process of an agent -> what nobody waits for any more, whether it has been said or not
        self._settled: dict[str, dict[Key, None]] = {}
        #: frameworks whose updates outlive an agent
        self._lasting: dict[str, None] = {}

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None:
        if is_master(process):
            self._count_launches(frame)
            for change in frame.changes:
                if isinstance(change, Broken):  # what a running master counts and goes on with
                    raise Violation(change.invariant, change.text)
            return
        settled, withheld = self._settled.setdefault(process, {}), self._withheld.setdefault(process, {})
        if event.kind is internal.AcknowledgeUpdate:
            done = event.body
            key = (done.framework_id, done.task_id, done.uuid)
            self._owed(process).pop(key, None)
            settled[key] = None
        elif event.kind is internal.ShutdownFramework:
            framework_id = event.body.framework_id
            self._keep(host_of(process), lambda key, status: key[0] != framework_id)
            settled.update(dict.fromkeys(key for key in withheld if key[0] == framework_id))
        elif event.kind is Recovered:
            is_another = event.body.state.info is None
            self._keep(
                host_of(process), lambda key, status: not is_another and key[0] in self._lasting and _is_kept(status)
            )
        for word in frame.sends:
            said = _key(word)
            if said is not None:
                withheld[said] = None

    def said(self, process: str, word: Send | Close, at: Nanos) -> None:
        """What was said once is owed until it is acknowledged, also by those who come after."""
        key = _key(word) if is_agent(process) else None
        if key is None:
            return
        order = self._order.setdefault(key[:2], {})
        order.setdefault(key[2], len(order))
        self._withheld.get(process, {}).pop(key, None)
        if key not in self._settled.get(process, {}):  # it may have been withheld until after that
            assert isinstance(word, Send)
            self._owed(process)[key] = word.message.status

    def rebooted(self, host: str, at: Nanos) -> None:
        """Of what ran, only what has ended is still told."""
        owed = self.owed.get(host, {})
        ended = {key[:2]: None for key, status in owed.items() if status.state in FINAL}
        self._keep(host, lambda key, status: key[:2] in ended)

    def forgotten(self, host: str, at: Nanos) -> None:
        """Nothing is owed by who comes next."""
        self.owed.pop(host, None)

    def _owed(self, process: str) -> Owed:
        return self.owed.setdefault(host_of(process), {})

    def _keep(self, host: str, which: Callable[[Key, TaskStatus], bool]) -> None:
        self.owed[host] = {key: status for key, status in self.owed.get(host, {}).items() if which(key, status)}

    def _count_launches(self, frame: Frame) -> None:
        for word in frame.sends:
            launch = Launch.of(word)
            if launch is None:
                continue
            if launch.checkpoint:
                self._lasting[launch.framework_id] = None
            for task in launch.tasks:
                self._launches[task] = self._launches.get(task, 0) + 1

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


def _is_kept(status: TaskStatus) -> bool:
    """Whether the agent that comes next says it again; what was refused because the disk is full cannot be."""
    return status.state not in DROPS and NO_ROOM not in (status.message or "")


def _key(word: Send | Close) -> Key | None:
    """None: no update, or one that nobody acknowledges."""
    if not isinstance(word, Send) or not isinstance(word.message, internal.StatusUpdate):
        return None
    update = word.message
    uuid = update.status.uuid
    return None if uuid is None else (update.framework_id, update.status.task_id, uuid)
