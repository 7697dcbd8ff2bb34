"""ZooKeeper, and the way to it. Nothing happens where masters have no rivals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.machine.values import SECOND

if TYPE_CHECKING:
    from mesos_py.sim.cluster import Cluster
    from mesos_py.sim.faults import Fault
    from mesos_py.sim.zookeeper.server import Server


REGISTRY = "/mesos/log_replicas/registry/"


def _client_links(cluster: Cluster, fault: Fault) -> list[tuple[str, str]]:
    """Between a master and all servers: both directions, or one."""
    there = [(fault.host, server) for server in cluster.zookeeper_hosts]
    back = [(server, host) for host, server in there]
    return there + back if fault.draw < 0.6 else there if fault.draw < 0.8 else back


def cut_off(cluster: Cluster, fault: Fault) -> None:
    """It still reaches everybody else (F04)."""
    for link in _client_links(cluster, fault):
        cluster.net.cut(*link)


def let_back(cluster: Cluster, fault: Fault) -> None:
    for link in _client_links(cluster, fault):
        cluster.net.mend(*link)


def reset(cluster: Cluster, fault: Fault) -> None:
    """The master's connections break, and with them the answers to what it has asked (F06)."""
    late = 0 if fault.draw < 0.5 else int(fault.draw * 5 * SECOND)
    for server in cluster.zookeeper_hosts:
        arrives = int(fault.draw * 1000) % 2 == 0
        cluster.net.reset(fault.host, server, late, server_late=fault.draw < 0.8, arrives=arrives)


def damage(cluster: Cluster, fault: Fault) -> None:
    """A record of the registry, or its ledger, is cut off in the middle (F08); ``draw`` says which."""
    if cluster.ensemble is not None:
        nodes = cluster.ensemble.tree.nodes
        paths = sorted(path for path, node in nodes.items() if path.startswith(REGISTRY) and node.data)
        path = paths[int(fault.draw * len(paths))]
        cluster.damaged[path] = nodes[path].data
        cluster.ensemble.put(path, nodes[path].data[: len(nodes[path].data) // 2])


def repair(cluster: Cluster, fault: Fault) -> None:
    """A backup is put back."""
    if cluster.ensemble is not None:
        for path, data in cluster.damaged.items():
            cluster.ensemble.put(path, data)
        cluster.damaged.clear()


def _server(cluster: Cluster, fault: Fault) -> Server | None:
    return None if cluster.ensemble is None else cluster.ensemble.servers[fault.host]


def kill(cluster: Cluster, fault: Fault) -> None:
    server = _server(cluster, fault)
    if server is not None:
        server.kill()


def start(cluster: Cluster, fault: Fault) -> None:
    server = _server(cluster, fault)
    if server is not None:
        server.start()


def stop(cluster: Cluster, fault: Fault) -> None:
    """SIGSTOP."""
    server = _server(cluster, fault)
    if server is not None:
        server.stop()


def go_on(cluster: Cluster, fault: Fault) -> None:
    server = _server(cluster, fault)
    if server is not None:
        server.go_on()


def kill_others(cluster: Cluster, fault: Fault) -> None:
    """All servers but one (F05)."""
    for host, server in cluster.ensemble.servers.items() if cluster.ensemble is not None else ():
        if host != fault.host:
            server.kill()


def start_all(cluster: Cluster, fault: Fault) -> None:
    for server in cluster.ensemble.servers.values() if cluster.ensemble is not None else ():
        server.start()


def isolate(cluster: Cluster, fault: Fault) -> None:
    """The other servers are out of its reach; its clients are not."""
    for other in cluster.zookeeper_hosts:
        cluster.net.cut(fault.host, other)
        cluster.net.cut(other, fault.host)


def rejoin(cluster: Cluster, fault: Fault) -> None:
    for other in cluster.zookeeper_hosts:
        cluster.net.mend(fault.host, other)
        cluster.net.mend(other, fault.host)
