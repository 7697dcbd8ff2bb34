"""Facts come before words: nothing is said that a crash could take back, and what was kept is what the next one finds.

Judged at the stores of masters and agents: what was committed, when, and what is read there later. A word may leave
once all writes of its own frame, and of those before it, are kept; only a volatile one need not wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from mesos_py.machine.frame import Close, Event, Frame, Send
from mesos_py.machine.values import Nanos
from mesos_py.master import changes, registry
from mesos_py.master.events import RegistryRecovered
from mesos_py.master.registry import Registry
from mesos_py.sim.observe import Violation, is_master

#: what a master tells of an agent, or of roles -> the fact that has to be kept with it
KEPT_WITH: dict[type[Any], tuple[type[Any], ...]] = {
    changes.AgentUnreachable: (registry.MarkAgentUnreachable,),
    changes.AgentGone: (registry.MarkAgentGone,),
    changes.AgentRemoved: (registry.RemoveAgent,),
    changes.QuotaUpdated: (registry.UpdateQuota,),
    changes.WeightsUpdated: (registry.UpdateWeights,),
}


class Facts:
    """Output commit, and the registry."""

    def __init__(self) -> None:
        #: process -> (number of a frame, its writes), oldest first, that are not kept yet
        self._unkept: dict[str, deque[tuple[int, list[Any]]]] = {}
        #: process -> word by identity -> (number of its frame, the word), as long as it has to wait
        self._waiting: dict[str, dict[int, tuple[int, Send | Close]]] = {}
        #: what masters have kept, as far as they know
        self._registry = Registry()
        #: the master that has read it last
        self._leader = ""

    @property
    def unkept(self) -> int:
        """Events whose facts no store has promised to keep, nearly always because their process was killed."""
        return sum(map(len, self._unkept.values()))

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None:
        if is_master(process):
            if event.kind is RegistryRecovered:
                self._judge_recovered(process, event.body.registry, frame.writes)
            self._judge_changes(process, frame)
        unkept = self._unkept.get(process)
        if frame.writes:
            if unkept is None:
                unkept = self._unkept[process] = deque()
            unkept.append((frame.cause, list(frame.writes)))
        if unkept:
            waiting = self._waiting.setdefault(process, {})
            for word in frame.sends:
                if not (isinstance(word, Send) and word.volatile):
                    waiting[id(word)] = (frame.cause, word)

    def kept(self, process: str, writes: Sequence[Any], at: Nanos) -> None:
        """In the order in which they were made, and as many frames at once as there were."""
        unkept = self._unkept.get(process, deque())
        left = len(writes)
        while left > 0 and unkept:
            left -= len(unkept.popleft()[1])
        if left:
            raise Violation("I5", f"{process} keeps something else than what its core wrote: {writes}")
        if process == self._leader:  # another one has been stopped, and is told late what its successor has found
            for write in writes:
                self._registry.apply(write)

    def said(self, process: str, word: Send | Close, at: Nanos) -> None:
        waiting = self._waiting.get(process)
        if not waiting:
            return
        number, _ = waiting.pop(id(word), (0, word))
        unkept = self._unkept[process]
        if unkept and number >= unkept[0][0]:
            first, writes = unkept[0]
            raise Violation("I5", f"{process} says {word}, but event {first} wrote what is not kept: {writes}")

    def _judge_changes(self, process: str, frame: Frame) -> None:
        for change in frame.changes:
            kinds = KEPT_WITH.get(type(change))
            if kinds is not None and not any(
                isinstance(write, kinds) and getattr(write, "agent_id", "") == getattr(change, "agent_id", "")
                for write in frame.writes
            ):
                raise Violation("I5", f"{process} tells that {change}, and keeps nothing of it: {frame.writes}")

    def _judge_recovered(self, process: str, found: Registry, writes: Sequence[Any]) -> None:
        """All that was kept, perhaps what was on its way when the master before this one ended, and what it has written
        by itself since."""
        expected = self._registry.copy()
        on_its_way = deque(self._unkept.get(self._leader, ()))
        while not _is_alike(_after(expected, writes), found):
            if not on_its_way:
                raise Violation("I5", f"{process} finds {_told(found)} in its registry, but {_told(expected)} was kept")
            for write in on_its_way.popleft()[1]:
                expected.apply(write)
        self._registry, self._leader = expected, process


def _after(registry: Registry, writes: Sequence[Any]) -> Registry:
    made = registry.copy()
    for write in writes:
        made.apply(write)
    return made


def _is_alike(one: Registry, other: Registry) -> bool:
    return one.quotas == other.quotas and one.weights == other.weights and all(
        ids.keys() == others.keys() for ids, others in (
            (one.agents, other.agents), (one.unreachable, other.unreachable), (one.gone, other.gone),
        )
    )  # fmt: skip


def _told(found: Registry) -> str:
    return (
        f"admitted {[*found.agents]}, unreachable {[*found.unreachable]}, gone {[*found.gone]},"
        f" quotas {found.quotas}, weights {found.weights}"
    )
