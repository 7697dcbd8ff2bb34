"""Masters, agents and the clocks of their hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event
from mesos_py.machine.values import SECOND
from mesos_py.master.events import MarkGone

if TYPE_CHECKING:
    from mesos_py.sim.cluster import Cluster
    from mesos_py.sim.faults import Fault

JUMPS = (-3600, -1, 1, 3600)  # seconds


def jump(cluster: Cluster, fault: Fault) -> None:
    """Somebody sets the clock of the host, or of a master's."""
    hosts = list(cluster.clocks)
    number = int(fault.draw * 1000)
    cluster.clocks[hosts[number % len(hosts)]].jump(JUMPS[number // 10 % len(JUMPS)] * SECOND)


# ---- masters


def kill_master(cluster: Cluster, fault: Fault) -> None:
    """kill -9."""
    cluster.kill_master(fault.host)


def start_master(cluster: Cluster, fault: Fault) -> None:
    cluster.start_master(fault.host)


def stop_master(cluster: Cluster, fault: Fault) -> None:
    """SIGSTOP."""
    master = cluster.masters[fault.host]
    if master is not None:
        master.process.stop()


def go_on_master(cluster: Cluster, fault: Fault) -> None:
    master = cluster.masters[fault.host]
    if master is not None:
        cluster.net.go_on(master.process)


# ---- agents


def stop_agent(cluster: Cluster, fault: Fault) -> None:
    cluster.stop_agent(fault.host)


def start_agent(cluster: Cluster, fault: Fault) -> None:
    cluster.start_agent(fault.host)


def leave(cluster: Cluster, fault: Fault) -> None:
    """The agent is told to end, and says good-bye."""
    agent = cluster.agents[fault.host]
    if agent is not None:
        agent.leave()


def mark_gone(cluster: Cluster, fault: Fault) -> None:
    """An operator gives the agent up, wherever it is; it is told when it is there."""
    agent, leader = cluster.agents[fault.host], cluster.leader
    if leader is not None and agent is not None and agent.core.state.id is not None:
        leader.tell(Event(MarkGone, MarkGone(agent.core.state.id)))


def kill_containers(cluster: Cluster, fault: Fault) -> None:
    """Some of what runs on the host dies: a task, or an executor under its tasks."""
    agent = cluster.agents[fault.host]
    if agent is not None:
        running = list(agent.containers.running)
        for container_id in running[int(fault.draw * len(running)) :][:2]:
            agent.containers.kill(container_id)
