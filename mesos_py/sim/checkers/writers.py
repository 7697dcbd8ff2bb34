"""I6: one writer. Of several masters one leads: the one whose candidacy is the oldest that lives.

Judged where it cannot be argued about, at ZooKeeper itself: at the moment a master says a word, or writes a record, its
session must live and its znode be the first. And at the registry: every write carries the ledger on, epochs only grow,
and each has one owner.
"""

from __future__ import annotations

from typing import Any

from mesos_py.coordination.ledger import Ledger
from mesos_py.coordination.zookeeper.client import Refused
from mesos_py.machine.frame import Close, Event, Frame, Send
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.master.events import RegistryRecovered
from mesos_py.sim.cluster import ZOOKEEPER_PATH, Cluster
from mesos_py.sim.observe import Violation, is_master
from mesos_py.sim.zookeeper.tree import Applied, Multi, Request

REGISTRY = f"{ZOOKEEPER_PATH}/log_replicas/registry/"
LEDGER = f"{REGISTRY}ledger"
CANDIDATE = "json.info_"


class Writers:
    """One for all masters."""

    def __init__(self) -> None:
        self._cluster: Cluster | None = None
        #: who has taken over, and when, in virtual seconds
        self.reigns: list[tuple[float, str]] = []
        self._epoch = 0
        #: session and mark of the owner of that epoch
        self._owner: tuple[int, str] = (0, "")

    def watch(self, cluster: Cluster) -> None:
        """Where ZooKeeper is."""
        self._cluster = cluster

    @property
    def _leader(self) -> str:
        return self.reigns[-1][1] if self.reigns else ""

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None:
        if not is_master(process):
            return
        if event.kind is RegistryRecovered:
            self.reigns.append((at / SECOND, process))
        elif process != self._leader and (frame.sends or frame.writes or frame.changes):
            raise Violation("I6", f"{process} decides about {event.kind}, but {self._leader} leads")

    def said(self, process: str, word: Send | Close, at: Nanos) -> None:
        if not is_master(process):
            return
        if process != self._leader:
            raise Violation("I6", f"{process} says {word}, but {self._leader} leads")
        ensemble = self._cluster.ensemble if self._cluster is not None else None
        if ensemble is None or self._cluster is None:
            return
        master = self._cluster.master_named(process)
        session = None if master is None or master.session is None else master.session.id
        first = self._first_candidate(ensemble.tree)
        if session is None or first is None or ensemble.tree.nodes[first].owner != session:
            raise Violation("I6", f"{process} with session {session} says {word}, but the first candidate is {first}")

    def written(self, session: int, request: Request, applied: Applied, at: Nanos) -> None:
        if not isinstance(request, Multi) or isinstance(applied.result, Refused):
            return
        changed = [operation for operation in request.operations if operation[0] != "check"]
        if not any(operation[1].startswith(REGISTRY) for operation in changed) or session == 0:
            return
        ledgers = [operation[2] for operation in changed if operation[1] == LEDGER]
        if not ledgers:
            raise Violation("I6", f"session {session} writes records past the ledger: {changed}")
        ledger = Ledger.decode(ledgers[0])
        owner = (session, ledger.owner)
        if ledger.epoch < self._epoch or (ledger.epoch == self._epoch != 0 and owner != self._owner):
            raise Violation("I6", f"{owner} writes in epoch {ledger.epoch}; epoch {self._epoch} is {self._owner}'s")
        self._epoch, self._owner = ledger.epoch, owner
        ensemble = self._cluster.ensemble if self._cluster is not None else None
        if ensemble is None:
            return
        first = self._first_candidate(ensemble.tree)
        if first is None or ensemble.tree.nodes[first].owner != session:
            raise Violation("I6", f"session {session} writes {changed}, but the first candidate is {first}")

    @staticmethod
    def _first_candidate(tree: Any) -> str | None:
        top = tree.nodes.get(ZOOKEEPER_PATH)
        names = [name for name in top.children if name.startswith(CANDIDATE)] if top is not None else []
        return f"{ZOOKEEPER_PATH}/{min(names)}" if names else None
