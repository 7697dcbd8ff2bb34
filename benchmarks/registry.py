"""How long a new leader needs to know what the one before it knew, and what a commit costs.

Records of agents as real ones have them (about 500 bytes), in SQLite and in a real ZooKeeper on loopback (Debian's
package ``zookeeper``; left out where that is missing). C++ Mesos keeps one blob in a replicated log; it has published
no figure for fetching it.

    python -m benchmarks.registry [--agents=50000] [--servers=1]
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop

from benchmarks.report import figure, header
from mesos_py import MESOS_VERSION
from mesos_py.algebra.parse import parse_resources
from mesos_py.coordination import Archive, Key
from mesos_py.coordination.address import ZooKeeperAddress
from mesos_py.coordination.sqlite import SqliteRecords
from mesos_py.coordination.zookeeper.election import ZooKeeperElector
from mesos_py.coordination.zookeeper.records import ZooKeeperRecords
from mesos_py.coordination.zookeeper.session import Session
from mesos_py.loop import heap
from mesos_py.loop.watch import LoopWatch
from mesos_py.master.registry.store import RegistryStore, to_records
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.ids import AgentID
from mesos_py.wire.master import MasterInfo
from mesos_py.wire.registry import Registry as Message
from mesos_py.wire.value import Attribute, Value
from tests.coordination.ensemble import Ensemble, missing

RESOURCES = parse_resources("cpus:16;mem:65536;disk:500000;gpus:2;ports:[31000-32000]")
INFO = MasterInfo(id="m", ip=0, port=5050, pid="master@127.0.0.1:5050", hostname="localhost", version=MESOS_VERSION)
COMMITS = 200


def agents(count: int) -> dict[Key, bytes]:
    """As many admitted agents."""
    cluster = uuid.UUID(int=7)
    rack = Value.Type.TEXT
    return to_records(
        Message(
            agents=Message.Agents(
                agents=tuple(
                    Message.Agent(
                        info=AgentInfo(
                            id=AgentID(f"{cluster}-S{number}"),
                            hostname=f"node-{number}.rack-{number % 40}.example.org",
                            port=5051,
                            resources=RESOURCES,
                            attributes=(Attribute(name="rack", type=rack, text=Value.Text(value=f"r{number % 40}")),),
                        )
                    )
                    for number in range(count)
                )
            )
        )
    )


async def measure(name: str, make: Callable[[], AsyncIterator[Archive]], count: int) -> None:
    """Fill it, take it over, write to it."""
    everything = agents(count)
    open_records = asynccontextmanager(make)
    async with open_records() as records:
        await records.load()
        began = time.perf_counter()
        await records.commit(everything)
        figure(f"{name}: {count} agents in one commit", time.perf_counter() - began, "s")
    async with open_records() as records:
        store = RegistryStore(records)
        await asyncio.sleep(0.1)  # what the commit has left behind is collected
        watch = LoopWatch()
        watch.start()
        began = time.perf_counter()
        registry = await store.load(INFO)
        figure(f"{name}: taking over {count} agents", time.perf_counter() - began, "s")
        figure(f"{name}: longest stall meanwhile", watch.longest_ms, "ms")
        watch.stop()
        began = time.perf_counter()
        await records.read()
        figure(f"{name}: looking at them, as a backup does", time.perf_counter() - began, "s")
        assert len(registry.agents) == count
        one = next(iter(everything.values()))
        began = time.perf_counter()
        for number in range(COMMITS):
            await records.commit({("agents", f"new-{number}"): one})
        figure(f"{name}: a commit of one agent", (time.perf_counter() - began) / COMMITS * 1000, "ms")


async def main(count: int, servers: int) -> None:
    with heap.steady():  # as in every server
        await measure_all(count, servers)


async def measure_all(count: int, servers: int) -> None:
    header(f"registry, {count} agents of {sum(map(len, agents(100).values())) // 100} bytes")
    with tempfile.TemporaryDirectory() as folder:

        async def sqlite() -> AsyncIterator[Archive]:
            records = SqliteRecords(f"{folder}/registry.db")
            yield records
            await records.close()

        await measure("SQLite", sqlite, count)
        if (why := missing()) is not None:
            print(f"   ZooKeeper left out: {why}")
            return
        ensemble = Ensemble(Path(folder), servers)
        address = ZooKeeperAddress(tuple(ensemble.hosts.split(",")), "/mesos")

        async def zookeeper() -> AsyncIterator[Archive]:
            async with Session(address, is_candidate=True) as session:
                elector = ZooKeeperElector(session)
                await elector.contend(INFO)
                yield ZooKeeperRecords(session, elector.candidacy)

        try:
            ensemble.start()
            await measure(f"ZooKeeper ({servers})", zookeeper, count)
        finally:
            ensemble.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=50_000)
    parser.add_argument("--servers", type=int, default=1)
    options = parser.parse_args()
    uvloop.run(main(options.agents, options.servers))
