"""What has happened in runs, counted: whoever reads that all is well wants to know what it was well in spite of.

Faults are counted when they begin, what becomes of them where it shows: a fault that never shows proves nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from mesos_py.agent.events import Recovered
from mesos_py.machine.frame import Disconnected, Event, Frame
from mesos_py.machine.values import Nanos
from mesos_py.master import changes
from mesos_py.sim.cluster import Cluster
from mesos_py.sim.observe import is_master
from mesos_py.sim.zookeeper.tree import Applied, CloseSession, Request
from mesos_py.wire import internal
from mesos_py.wire.task import TaskStatus

#: changes of masters that show trouble
SHOWN: dict[type[Any], str] = {
    changes.AgentUnreachable: "agents given up",
    changes.AgentGone: "agents marked gone",
    changes.FrameworkDisconnected: "frameworks away",
}


class Census:
    """Watches one run."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._cluster: Cluster | None = None
        #: of updates that masters have heard
        self._uuids: dict[bytes, None] = {}

    def watch(self, cluster: Cluster) -> None:
        """Where networks count for themselves."""
        self._cluster = cluster

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None:
        counts = self._counts
        if not is_master(process):
            counts["agents started again"] += event.kind is Recovered and event.body.state.info is not None
            return
        if event.kind is Disconnected:
            counts["connections lost"] += 1
        elif event.kind is internal.StatusUpdate and event.body.status.uuid is not None:
            counts["updates repeated"] += event.body.status.uuid in self._uuids
            self._uuids[event.body.status.uuid] = None
        for change in frame.changes:
            name = SHOWN.get(type(change))
            if name is not None:
                counts[name] += 1
            elif isinstance(change, changes.AgentAdded):
                counts["agents back"] += change.returning
            elif isinstance(change, changes.OfferEnded):
                counts["offers taken back"] += change.end is changes.OfferEnd.RESCINDED
            elif isinstance(change, changes.TaskRefused):
                is_stale = change.status.reason is TaskStatus.Reason.REASON_INVALID_OFFERS
                counts["launches on offers that were gone"] += is_stale

    def written(self, session: int, request: Request, applied: Applied, at: Nanos) -> None:
        self._counts["sessions ended"] += isinstance(request, CloseSession)

    def rebooted(self, host: str, at: Nanos) -> None:
        self._counts["hosts rebooted"] += self._cluster is not None and not self._cluster.is_stopped

    def counts(self, *, facts_lost: int, leaders: int) -> dict[str, int]:
        """With what others have counted; in the order of names."""
        net = None if self._cluster is None else self._cluster.net
        others = {
            "messages lost": 0 if net is None else net.lost,
            "readers cut off": 0 if net is None else net.overflows,
            "events whose facts were lost": facts_lost,
            "leaders replaced": max(0, leaders - 1),
        }
        return dict(sorted((self._counts + Counter(others)).items()))


def listed(counts: Counter[str]) -> str:
    """Most frequent first."""
    return ", ".join(f"{number} {name}" for name, number in counts.most_common()) or "nothing"
