"""Schedulers that die, come back, come twice, stop reading; operators that end them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event
from mesos_py.master.events import TeardownFramework
from mesos_py.wire.scheduler_api import Call

if TYPE_CHECKING:
    from mesos_py.sim.cluster import Cluster
    from mesos_py.sim.faults import Fault


def crash(cluster: Cluster, fault: Fault) -> None:
    if cluster.schedulers[fault.host].is_up:
        cluster.schedulers[fault.host].crash()


def return_(cluster: Cluster, fault: Fault) -> None:
    if not cluster.schedulers[fault.host].is_up:
        cluster.schedulers[fault.host].start()


def return_as_another(cluster: Cluster, fault: Fault) -> None:
    if not cluster.schedulers[fault.host].is_up:
        cluster.schedulers[fault.host].forget_id()
        cluster.schedulers[fault.host].start()


def stall(cluster: Cluster, fault: Fault) -> None:
    """It does not read what masters send."""
    for master in cluster.plan.master_hosts:
        cluster.net.pause(fault.host, master, True)


def go_on(cluster: Cluster, fault: Fault) -> None:
    for master in cluster.plan.master_hosts:
        cluster.net.pause(fault.host, master, False)


def rival(cluster: Cluster, fault: Fault) -> None:
    """Another instance subscribes with the id while the first one is still there."""
    cluster.schedulers[fault.host].rival()


def operator_tears_down(cluster: Cluster, fault: Fault) -> None:
    framework_id, leader = cluster.schedulers[fault.host].framework_id, cluster.leader
    if framework_id is not None and leader is not None:
        leader.tell(Event(TeardownFramework, TeardownFramework(framework_id)))


def tear_down(cluster: Cluster, fault: Fault) -> None:
    cluster.schedulers[fault.host].call(Call.Type.TEARDOWN)


def flood_kills(cluster: Cluster, fault: Fault) -> None:
    """Everything it has is killed, and killed again."""
    scheduler = cluster.schedulers[fault.host]
    for _ in range(2):
        for record in scheduler.open_records():
            scheduler.call(Call.Type.KILL, kill=Call.Kill(task_id=record.id))
