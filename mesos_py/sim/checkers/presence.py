"""I7: an agent is given up when it has been silent for long enough, not before; and one that is gone stays away.

Judged by what reaches masters: pongs, registrations, and the moment at which a master took over.
"""

from __future__ import annotations

from mesos_py.machine.frame import Event, Frame, PeerID
from mesos_py.machine.values import SECOND, Nanos, seconds
from mesos_py.master import changes
from mesos_py.master.events import RegistryRecovered
from mesos_py.master.options import Options
from mesos_py.sim.cluster import Cluster
from mesos_py.sim.observe import Violation, is_master
from mesos_py.wire.internal import Pong

RECOVERED = seconds(Options().agent_reregister_timeout_s)  # that an agent has to come back to a new master


class Presence:
    """One for all masters."""

    def __init__(self) -> None:
        #: a silent agent is not given up sooner; one interval less, since its first ping may be just due
        self._patience: Nanos = 0
        #: between two that are given up
        self._pause: Nanos = 0
        #: when this master took over
        self._since: Nanos = 0
        self._given_up_at: Nanos | None = None
        self._heard: dict[str, Nanos] = {}
        self._agents: dict[PeerID, str] = {}
        #: for all masters
        self._gone: dict[str, None] = {}

    def watch(self, cluster: Cluster) -> None:
        """What is long enough."""
        plan = cluster.plan
        self._patience = seconds(plan.ping_timeout_s) * (plan.ping_timeouts - 1)
        if plan.removals is not None:
            self._pause = seconds(plan.removals.per_s) // plan.removals.count

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None:
        if not is_master(process):
            return
        if event.kind is RegistryRecovered:
            self._since, self._given_up_at, self._heard, self._agents = at, None, {}, {}
            self._gone = dict.fromkeys(event.body.registry.gone)
        elif event.kind is Pong and event.peer in self._agents:
            self._heard[self._agents[event.peer]] = at
        for change in frame.changes:
            match change:
                case changes.AgentAdded() | changes.AgentUpdated():
                    if change.agent_id in self._gone:
                        raise Violation("I7", f"{change.agent_id} is back, but was marked gone")
                    self._heard[change.agent_id] = at
                    self._agents[change.agent.peer] = change.agent_id
                case changes.AgentGone():
                    self._gone[change.agent_id] = None
                case changes.AgentUnreachable():
                    self._judge(change.agent_id, at)

    def _judge(self, agent_id: str, at: Nanos) -> None:
        heard_at = self._heard.get(agent_id)
        silent = at - (self._since if heard_at is None else heard_at)
        if silent < (RECOVERED if heard_at is None else self._patience):
            raise Violation("I7", f"{agent_id} is given up after {silent / SECOND:g} s of silence")
        if self._given_up_at is not None and at - self._given_up_at < self._pause:
            passed = (at - self._given_up_at) / SECOND
            raise Violation("I7", f"{agent_id} is given up {passed:g} s after another one")
        self._given_up_at = at
