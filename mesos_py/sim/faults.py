"""What goes wrong, as data: drawn from the seed, begun and ended by the table below, left out one by one to shrink.

A fault names what it is done to by host; what it means while the host is down already is nothing. The
master that comes back knows what its predecessors wrote. The agent that comes back on a host is another agent; once
agents keep state, "back with its state" is one more row.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import attrs

from mesos_py.machine.frame import Event
from mesos_py.machine.values import SECOND, seconds
from mesos_py.master.events import MarkGone, TeardownFramework
from mesos_py.sim.processes import MASTER
from mesos_py.wire.scheduler_api import Call

if TYPE_CHECKING:
    from mesos_py.sim.cluster import Cluster


@attrs.frozen(kw_only=True)
class Fault:
    """One thing that goes wrong at ``at_s`` of the safety phase, for ``for_s``; faults of an instant have 0."""

    at_s: float
    kind: str
    host: str
    for_s: float = 0.0
    #: chance of its own, whatever the kind makes of it, 0..1
    draw: float = 0.0

    def text(self) -> str:
        lasting = f" for {self.for_s:g} s" if self.for_s else ""
        return f"{self.at_s:g} s {self.kind} {self.host}{lasting} ({self.draw:.3f})"


@attrs.frozen
class Kind:
    """How a fault begins and ends; ``durations_s`` to draw from, none for those of an instant."""

    on: str
    begin: Callable[[Cluster, Fault], None]
    end: Callable[[Cluster, Fault], None] | None = None
    durations_s: tuple[float, ...] = ()


# ---- the network


def _cut_to(cluster: Cluster, fault: Fault) -> None:
    cluster.net.cut(MASTER, fault.host)


def _mend_to(cluster: Cluster, fault: Fault) -> None:
    cluster.net.mend(MASTER, fault.host)


def _cut_from(cluster: Cluster, fault: Fault) -> None:
    cluster.net.cut(fault.host, MASTER)


def _mend_from(cluster: Cluster, fault: Fault) -> None:
    cluster.net.mend(fault.host, MASTER)


def _partition(cluster: Cluster, fault: Fault) -> None:
    _cut_to(cluster, fault)
    _cut_from(cluster, fault)


def _unite(cluster: Cluster, fault: Fault) -> None:
    _mend_to(cluster, fault)
    _mend_from(cluster, fault)


def _clog(cluster: Cluster, fault: Fault) -> None:
    """One direction, drawn, gets slow."""
    ends = (MASTER, fault.host) if fault.draw < 0.5 else (fault.host, MASTER)
    cluster.net.clog(*ends, int((1 + 10 * fault.draw) * SECOND))


def _unclog(cluster: Cluster, fault: Fault) -> None:
    cluster.net.clog(MASTER, fault.host, 0)
    cluster.net.clog(fault.host, MASTER, 0)


def _reset(cluster: Cluster, fault: Fault) -> None:
    """Both ends lose their connections; one of them hears of it at once, the other perhaps much later."""
    late = 0 if fault.draw < 0.4 else int(fault.draw * 90 * SECOND)
    cluster.net.reset(fault.host, MASTER, late, server_late=fault.draw < 0.8)


def _flap(cluster: Cluster, fault: Fault) -> None:
    """Connections are reset again and again, sooner than anybody is done with coming back."""
    for number in range(1 + int(fault.draw * 8)):
        late = int((number % 3) * fault.draw * SECOND)
        cluster.loop.call_in(
            int(number * (0.1 + fault.draw) * SECOND), lambda late=late: cluster.net.reset(fault.host, MASTER, late)
        )


# ---- the master


def _stop_master(cluster: Cluster, fault: Fault) -> None:
    cluster.stop_master()


def _start_master(cluster: Cluster, fault: Fault) -> None:
    cluster.start_master()


# ---- agents


def _stop_agent(cluster: Cluster, fault: Fault) -> None:
    cluster.stop_agent(fault.host)


def _start_agent(cluster: Cluster, fault: Fault) -> None:
    cluster.start_agent(fault.host)


def _leave(cluster: Cluster, fault: Fault) -> None:
    """The agent is told to end, and says good-bye."""
    agent = cluster.agents[fault.host]
    if agent is not None:
        agent.leave()


def _mark_gone(cluster: Cluster, fault: Fault) -> None:
    """An operator gives the agent up, wherever it is; it is told when it is there."""
    agent = cluster.agents[fault.host]
    if cluster.master is not None and agent is not None and agent.core.state.id is not None:
        cluster.master.driver.tell(Event(MarkGone, MarkGone(agent.core.state.id)))


def _kill_containers(cluster: Cluster, fault: Fault) -> None:
    """Some of what runs on the host dies: a task, or an executor under its tasks."""
    agent = cluster.agents[fault.host]
    if agent is not None:
        running = list(agent.containers.running)
        for container_id in running[int(fault.draw * len(running)) :][:2]:
            agent.containers.kill(container_id)


# ---- frameworks


def _crash_framework(cluster: Cluster, fault: Fault) -> None:
    if cluster.schedulers[fault.host].is_up:
        cluster.schedulers[fault.host].crash()


def _return_framework(cluster: Cluster, fault: Fault) -> None:
    if not cluster.schedulers[fault.host].is_up:
        cluster.schedulers[fault.host].start()


def _return_as_another(cluster: Cluster, fault: Fault) -> None:
    if not cluster.schedulers[fault.host].is_up:
        cluster.schedulers[fault.host].forget_id()
        cluster.schedulers[fault.host].start()


def _stall(cluster: Cluster, fault: Fault) -> None:
    cluster.net.pause(fault.host, MASTER, True)


def _go_on(cluster: Cluster, fault: Fault) -> None:
    cluster.net.pause(fault.host, MASTER, False)


def _rival(cluster: Cluster, fault: Fault) -> None:
    """Another instance subscribes with the id while the first one is still there."""
    cluster.schedulers[fault.host].rival()


def _operator_tears_down(cluster: Cluster, fault: Fault) -> None:
    framework_id = cluster.schedulers[fault.host].framework_id
    if framework_id is not None and cluster.master is not None:
        cluster.master.driver.tell(Event(TeardownFramework, TeardownFramework(framework_id)))


def _tear_down(cluster: Cluster, fault: Fault) -> None:
    cluster.schedulers[fault.host].call(Call.Type.TEARDOWN)


def _flood_kills(cluster: Cluster, fault: Fault) -> None:
    """Everything it has is killed, and killed again."""
    scheduler = cluster.schedulers[fault.host]
    for _ in range(2):
        for record in scheduler.open_records():
            scheduler.call(Call.Type.KILL, kill=Call.Kill(task_id=record.id))


KINDS = {
    "cut to": Kind("host", _cut_to, _mend_to, (5, 30, 100, 200)),
    "cut from": Kind("host", _cut_from, _mend_from, (5, 30, 100, 200)),
    "partition": Kind("host", _partition, _unite, (2, 20, 60, 100, 200, 700)),
    "clog": Kind("host", _clog, _unclog, (5, 20, 60)),
    "reset": Kind("host", _reset),
    "flap": Kind("host", _flap),
    "restart master": Kind("master", _stop_master, _start_master, (0.1, 3, 20, 100)),
    "leave": Kind("agent", _leave, _start_agent, (0.5, 30)),
    "restart agent": Kind("agent", _stop_agent, _start_agent, (0.1, 5, 60, 150, 800)),
    "mark gone": Kind("agent", _mark_gone, _start_agent, (0.5, 60, 150)),
    "kill containers": Kind("agent", _kill_containers),
    "restart framework": Kind("framework", _crash_framework, _return_framework, (0.5, 10, 60, 400)),
    "replace framework": Kind("framework", _crash_framework, _return_as_another, (0.5, 60)),
    "stall framework": Kind("framework", _stall, _go_on, (5, 60, 200)),
    "rival": Kind("framework", _rival),
    "operator tears down": Kind("framework", _operator_tears_down),
    "tear down": Kind("framework", _tear_down),
    "kill everything": Kind("framework", _flood_kills),
}


def draw(rng: random.Random, agents: Sequence[str], frameworks: Sequence[str], duration_s: float) -> tuple[Fault, ...]:
    """Up to two dozen faults of a few kinds, in the order of their times."""
    enabled = [kind for kind in KINDS if rng.random() < 0.4]
    made = []
    for _ in range(rng.choice((0, 2, 4, 8, 16, 24)) if enabled else 0):
        name = rng.choice(enabled)
        kind = KINDS[name]
        hosts = {"master": (MASTER,), "agent": agents, "framework": frameworks, "host": (*agents, *frameworks)}[kind.on]
        made.append(
            Fault(
                at_s=round(rng.random() * duration_s, 3),
                kind=name,
                host=rng.choice(hosts),
                for_s=round(rng.choice(kind.durations_s) * (0.5 + rng.random()), 3) if kind.durations_s else 0.0,
                draw=round(rng.random(), 3),
            )
        )
    return tuple(sorted(made, key=lambda fault: fault.at_s))


def schedule(cluster: Cluster, faults: Sequence[Fault]) -> None:
    """They begin and end when they are due, until the cluster is healed."""

    def unless_healed(action: Callable[[Cluster, Fault], None], fault: Fault) -> None:
        if not cluster.is_healed:
            action(cluster, fault)

    for fault in faults:
        kind = KINDS[fault.kind]
        cluster.loop.call_in(seconds(fault.at_s), unless_healed, kind.begin, fault)
        if kind.end is not None:
            cluster.loop.call_in(seconds(fault.at_s + fault.for_s), unless_healed, kind.end, fault)
