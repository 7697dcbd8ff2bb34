"""CNI networks: what it costs a container to join a bridge and to leave it, without and with ports of the host.

The reference is the plugins alone, run one after the other by the shell in a namespace of their own: what we add is a
record, files, and programs that may not outlive us. Needs root and what the tests of networks need.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog
import uvloop

from benchmarks import report
from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.containerizer.networks.configuration import request
from mesos_py.agent.containerizer.networks.networks import Networks
from mesos_py.wire.network import NetworkInfo
from tests.agent.containerizer.netting import MISSING, PLUGINS_DIR, PORTMAP, Bridge, in_network

#: $1: a file for the namespace, $2: ADD or DEL; then pairs of a plugin and a file with what it is told.
BARE = """
export CNI_COMMAND=$2 CNI_CONTAINERID=bare CNI_IFNAME=eth0 CNI_NETNS=$1 CNI_PATH=%s
test $2 = DEL || { touch $1; unshare --net=$1 ip link set lo up; }
shift 2
while [ $# -gt 0 ]; do $CNI_PATH/$1 <$2 || exit 1; shift 2; done
test $CNI_COMMAND = ADD || umount $CNI_NETNS
""" % PLUGINS_DIR  # noqa: UP031 - the shell has braces of its own


def mapping(number: int) -> tuple[NetworkInfo.PortMapping, ...]:
    return (NetworkInfo.PortMapping(host_port=31_000 + number, container_port=80),)


async def each(names: list[str], work: Callable[[str], Awaitable[object]]) -> float:
    """Milliseconds of one, the median; one after the other."""
    taken = []
    for name in names:
        began = time.perf_counter()
        await work(name)
        taken.append((time.perf_counter() - began) * 1e3)
    return report.quantiles(taken)[0]


def bare(place: Path, bridge: Bridge, name: str, count: int) -> tuple[float, float]:
    """Milliseconds of ADD and DEL by the plugins alone, each the mean."""
    network = bridge.catalogue().network(name)
    asked = NetworkInfo(name=name, port_mappings=mapping(999) if network.maps_ports else ())
    add: list[str] = []
    previous: dict[str, object] | None = None
    for number, plugin in enumerate(network.plugins):
        file = place / f"{name}-{number}"
        if number:
            previous = {"cniVersion": network.version, "ips": [{"version": "4", "address": f"{bridge.subnet}.250/24"}]}
        file.write_text(json.dumps(request(network, plugin, asked, previous)))
        add += [plugin["type"], str(file)]
    pairs = list(zip(add[::2], add[1::2], strict=True))
    totals = [0.0, 0.0]
    for _ in range(count):
        for turn, (verb, order) in enumerate((("ADD", pairs), ("DEL", pairs[::-1]))):
            argv = ["sh", "-c", BARE, "sh", str(place / "ns"), verb, *[part for pair in order for part in pair]]
            began = time.perf_counter()
            subprocess.run(argv, check=True, capture_output=True)
            totals[turn] += (time.perf_counter() - began) * 1e3
    return totals[0] / count, totals[1] / count


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--containers", type=int, default=50)
    count = parser.parse_args().containers
    report.header(f"networks: {count} containers join a bridge and leave it")
    if MISSING:
        print(f"   not measured: {', '.join(MISSING)} missing")
        return
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        bridge = Bridge(place)
        bridge.describe("plain", ipMasq=False)
        bridge.describe("mapped", PORTMAP)
        networks = Networks(bridge.catalogue(), f"{place}/run")
        networks.open()
        for name, what in (("plain", "a bridge"), ("mapped", "a bridge, masquerading, a mapped port")):

            async def join(container_id: str, name: str = name) -> None:
                number = int(container_id[1:])
                container = in_network(name, *(mapping(number) if name == "mapped" else ()))
                spec = ContainerSpec(
                    container_id=container_id, sandbox="/", argv=("true",), executable="true", env={},
                    container=container,
                )  # fmt: skip
                await networks.join(spec)

            names = [f"c{number}" for number in range(count)]
            added, deleted = bare(place, bridge, name, count)
            report.figure(f"join {what}", await each(names, join), "ms", reference=round(added, 1), of="plugins")
            left = await each(names, networks.leave)
            report.figure("leave it", left, "ms", reference=round(deleted, 1), of="plugins")
            began = time.perf_counter()
            await asyncio.gather(*map(join, names))
            report.figure("all join at once", count / (time.perf_counter() - began), "containers/s")
            began = time.perf_counter()
            await asyncio.gather(*map(networks.leave, names))
            report.figure("all leave at once", count / (time.perf_counter() - began), "containers/s")
        bridge.remove()


if __name__ == "__main__":
    uvloop.run(main())
