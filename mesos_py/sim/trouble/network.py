"""Between a host and masters: cuts, delays, lost connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.machine.values import SECOND

if TYPE_CHECKING:
    from mesos_py.sim.cluster import Cluster
    from mesos_py.sim.faults import Fault


def _masters(cluster: Cluster, fault: Fault) -> tuple[str, ...]:
    """All of them, or one, as drawn."""
    hosts = cluster.plan.master_hosts
    number = int(fault.draw * 1000)
    return hosts if number % 2 else (hosts[number // 2 % len(hosts)],)


def cut_to(cluster: Cluster, fault: Fault) -> None:
    for master in _masters(cluster, fault):
        cluster.net.cut(master, fault.host)


def mend_to(cluster: Cluster, fault: Fault) -> None:
    for master in _masters(cluster, fault):
        cluster.net.mend(master, fault.host)


def cut_from(cluster: Cluster, fault: Fault) -> None:
    for master in _masters(cluster, fault):
        cluster.net.cut(fault.host, master)


def mend_from(cluster: Cluster, fault: Fault) -> None:
    for master in _masters(cluster, fault):
        cluster.net.mend(fault.host, master)


def partition(cluster: Cluster, fault: Fault) -> None:
    cut_to(cluster, fault)
    cut_from(cluster, fault)


def unite(cluster: Cluster, fault: Fault) -> None:
    mend_to(cluster, fault)
    mend_from(cluster, fault)


def clog(cluster: Cluster, fault: Fault) -> None:
    """One direction, drawn, gets slow."""
    for master in _masters(cluster, fault):
        ends = (master, fault.host) if fault.draw < 0.5 else (fault.host, master)
        cluster.net.clog(*ends, int((1 + 10 * fault.draw) * SECOND))


def unclog(cluster: Cluster, fault: Fault) -> None:
    for master in _masters(cluster, fault):
        cluster.net.clog(master, fault.host, 0)
        cluster.net.clog(fault.host, master, 0)


def swizzle(cluster: Cluster, fault: Fault) -> None:
    """Links get slow one after the other, and quick again in another order; FoundationDB's swizzle-clogging."""
    rng = cluster.rng(f"swizzle {fault.at_s} {fault.draw}")
    hosts = [*cluster.plan.master_hosts, *cluster.agents, *cluster.schedulers, *cluster.zookeeper_hosts]
    links = [(one, other) for one in hosts for other in hosts if one != other and rng.random() < 0.5]
    rng.shuffle(links)
    for number, link in enumerate(links):
        cluster.loop.call_in(int(number * SECOND / 2), cluster.net.clog, *link, int((1 + 5 * rng.random()) * SECOND))
    first_end = len(links) // 2 + 2
    rng.shuffle(links)
    for number, link in enumerate(links):
        cluster.loop.call_in(int((first_end + number / 2) * SECOND), cluster.net.clog, *link, 0)


def reset(cluster: Cluster, fault: Fault) -> None:
    """Both ends lose their connections; one of them hears of it at once, the other perhaps much later, and perhaps
    after everything that was under way to it."""
    late = 0 if fault.draw < 0.4 else int(fault.draw * 90 * SECOND)
    for master in _masters(cluster, fault):
        arrives = int(fault.draw * 1000) % 3 == 0
        cluster.net.reset(fault.host, master, late, server_late=fault.draw < 0.8, arrives=arrives)


def flap(cluster: Cluster, fault: Fault) -> None:
    """Connections are reset again and again, sooner than anybody is done with coming back."""
    for number in range(1 + int(fault.draw * 8)):
        late = int((number % 3) * fault.draw * SECOND)
        for master in _masters(cluster, fault):
            cluster.loop.call_in(
                int(number * (0.1 + fault.draw) * SECOND), cluster.net.reset, fault.host, master, late
            )
