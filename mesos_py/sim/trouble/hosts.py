"""Masters, agents and the clocks of their hosts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event
from mesos_py.machine.values import SECOND, Nanos, seconds
from mesos_py.master.events import MarkGone
from mesos_py.sim.disk import Space

if TYPE_CHECKING:
    from mesos_py.sim.cluster import Cluster
    from mesos_py.sim.faults import Fault

JUMPS = (-3600, -1, 1, 3600)  # seconds


def jump(cluster: Cluster, fault: Fault) -> None:
    """Somebody sets the clock of the host, or of a master's."""
    hosts = list(cluster.clocks)
    number = int(fault.draw * 1000)
    cluster.clocks[hosts[number % len(hosts)]].jump(JUMPS[number // 10 % len(JUMPS)] * SECOND)


def _ambush(
    cluster: Cluster, fault: Fault, latency: Nanos, kill: Callable[[Cluster, Fault], None],
    start: Callable[[Cluster, Fault], None],
) -> None:  # fmt: skip
    """When the host writes next, it is killed at some moment of that, and started again ``for_s`` later."""

    def spring() -> None:
        if not cluster.is_healed:
            kill(cluster, fault)
            cluster.loop.call_in(seconds(fault.for_s), start, cluster, fault)

    cluster.ambush(fault.host, lambda: cluster.loop.post(cluster.loop.now + int(fault.draw * latency), spring))


# ---- masters


def kill_master(cluster: Cluster, fault: Fault) -> None:
    """kill -9."""
    cluster.kill_master(fault.host)


def start_master(cluster: Cluster, fault: Fault) -> None:
    cluster.start_master(fault.host)


def ambush_master(cluster: Cluster, fault: Fault) -> None:
    """kill -9 within its next write: before it is kept, or before anybody hears of it."""
    plan = cluster.plan
    latency = plan.zk_commit_max + 4 * plan.weather.delay_max if plan.has_zookeeper else plan.store_latency_max
    _ambush(cluster, fault, latency, kill_master, start_master)


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


def kill_agent(cluster: Cluster, fault: Fault) -> None:
    """kill -9; what it ran runs on."""
    cluster.agents[fault.host].kill()


def ambush_agent(cluster: Cluster, fault: Fault) -> None:
    """kill -9 within its next write: before it is kept, or before anybody hears of it."""
    _ambush(cluster, fault, cluster.agents[fault.host].plan.store_latency_max, kill_agent, start_agent)


def start_agent(cluster: Cluster, fault: Fault) -> None:
    cluster.agents[fault.host].start()


def end_agent(cluster: Cluster, fault: Fault) -> None:
    """SIGTERM: it ends in order, and is started again at once."""
    agent = cluster.agents[fault.host].agent
    if agent is not None:
        agent.stop()


def leave(cluster: Cluster, fault: Fault) -> None:
    """The agent is told to end for good, and says good-bye."""
    agent = cluster.agents[fault.host].agent
    if agent is not None:
        agent.stop(unregister=True)


def stop_agent(cluster: Cluster, fault: Fault) -> None:
    """SIGSTOP; what it runs goes on."""
    agent = cluster.agents[fault.host].agent
    if agent is not None:
        agent.process.stop()


def go_on_agent(cluster: Cluster, fault: Fault) -> None:
    agent = cluster.agents[fault.host].agent
    if agent is not None:
        cluster.net.go_on(agent.process)


def reboot(cluster: Cluster, fault: Fault) -> None:
    """Nothing runs on the host until it is up again."""
    cluster.agents[fault.host].reboot()


def lose(cluster: Cluster, fault: Fault) -> None:
    """Host and disk are gone."""
    cluster.agents[fault.host].lose()


def fill_disk(cluster: Cluster, fault: Fault) -> None:
    """Others take all there is, or all but what the agent holds back for such times."""
    cluster.agents[fault.host].disk.space = Space.SCARCE if fault.draw < 0.6 else Space.NONE


def clear_disk(cluster: Cluster, fault: Fault) -> None:
    cluster.agents[fault.host].disk.space = Space.PLENTY


def mark_gone(cluster: Cluster, fault: Fault) -> None:
    """An operator gives the agent up, wherever it is; it is told when it is there."""
    agent, leader = cluster.agents[fault.host].agent, cluster.leader
    if leader is not None and agent is not None and agent.agent_id is not None:
        leader.tell(Event(MarkGone, MarkGone(agent.agent_id)))


def kill_containers(cluster: Cluster, fault: Fault) -> None:
    """Some of what runs on the host dies: a task, or an executor under its tasks."""
    supervisor = cluster.agents[fault.host].supervisor
    running = list(supervisor.running)
    for container_id in running[int(fault.draw * len(running)) :][:2]:
        supervisor.destroy(container_id)


def kill_supervisor(cluster: Cluster, fault: Fault) -> None:
    """And everything it runs."""
    cluster.agents[fault.host].kill_supervisor()
