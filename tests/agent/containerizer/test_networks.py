"""Containers in CNI networks: real bridges, addresses and port mappings, and nothing left of them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from mesos_py.agent.containerizer.networks.catalogue import Catalogue
from mesos_py.agent.containerizer.networks.networks import Networks
from mesos_py.agent.containerizer.networks.results import Dns
from mesos_py.wire.flags import ContainerDNSInfo
from mesos_py.wire.network import NetworkInfo
from tests.agent.containerizer.conftest import CONFINED, remove_cgroups
from tests.agent.containerizer.harness import Harness, needs_crun, until
from tests.agent.containerizer.netting import (
    PORTMAP,
    SLEEPS,
    Bridge,
    container,
    fetched,
    in_network,
    needs_networks,
    with_plugin,
)
from tests.ports import free_port

#: Port mappings are rules of the whole host.
pytestmark = [pytest.mark.root, needs_crun, needs_networks, pytest.mark.xdist_group("networks")]

NO_SUCH = "The CNI plugin 'tuning' failed to attach container c to CNI network 'failing': open /proc/sys/net/no/such"
SERVE = "echo served > index.html; exec python3 -m http.server 8000"


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Bridge]:
    made = Bridge(tmp_path)
    made.describe("plain")
    made.describe("mapped", PORTMAP)
    yield made
    made.remove()


@pytest.fixture
async def netted(tmp_path: Path, bridge: Bridge) -> AsyncIterator[Harness]:
    """Containers that may join networks; nothing is left of those they have joined."""
    harness = Harness(tmp_path)
    await harness.isolated(isolation=CONFINED, **bridge.flags()).recover()
    yield harness
    await harness.containerizer.close()
    assert bridge.remains() == []
    remove_cgroups(harness)


def make_pod(harness: Harness, name: str) -> None:
    """An executor without a process of its own."""
    harness.containerizer.make_sandbox(name, str(harness.sandbox(name)), None, None)
    harness.containerizer.update(name, (), {})


async def test_a_server_is_reached_at_its_address_and_at_its_mapped_port(netted: Harness, bridge: Bridge) -> None:
    port = free_port()
    mapping = NetworkInfo.PortMapping(host_port=port, container_port=8000, protocol="TCP")
    netted.containerizer.launch(netted.shell("c", SERVE, container=in_network("mapped", mapping)))
    await netted.launched("c")
    (info,) = netted.events[0].network_infos  # type: ignore[union-attr]
    (address,) = [one.ip_address or "" for one in info.ip_addresses]
    assert (info.name, info.port_mappings, address.rpartition(".")[0]) == ("mapped", (mapping,), bridge.subnet)
    assert await fetched(f"http://{address}:8000/") == "served\n"
    assert await fetched(f"http://127.0.0.1:{port}/") == "served\n"
    netted.containerizer.signal("c", signal.SIGKILL)
    await netted.exited("c")
    await until(lambda: bridge.remains() == [])


async def test_what_a_container_knows_of_its_network(netted: Harness, bridge: Bridge) -> None:
    """Its name, its address under that name, and no other name servers than the host's if its network has none."""
    look = "hostname; cat /etc/hostname; getent hosts web; ls /sys/class/net; echo $LIBPROCESS_IP $MESOS_CONTAINER_IP"
    said = await netted.run("c", look, container=in_network("plain", hostname="web"))
    (info,) = netted.events[0].network_infos  # type: ignore[union-attr]
    address = info.ip_addresses[0].ip_address
    assert said.split() == ["web", "web", address, "web", "eth0", "lo", "0.0.0.0", address]
    resolvers = await netted.run("d", "cat /etc/resolv.conf; hostname", container=in_network("plain"))
    assert resolvers == Path("/etc/resolv.conf").read_text() + "d\n"


async def test_name_servers_of_a_network(netted: Harness, bridge: Bridge) -> None:
    dns = {"nameservers": ["192.0.2.1"], "search": ["example.org"]}
    bridge.describe("named", dns=dns)
    said = await netted.run("c", "cat /etc/resolv.conf", container=in_network("named"))
    assert said == "search example.org\nnameserver 192.0.2.1\n"


async def test_name_servers_of_networks_that_name_none(tmp_path: Path, bridge: Bridge) -> None:
    row = ContainerDNSInfo.MesosInfo(
        network_mode=ContainerDNSInfo.MesosInfo.NetworkMode.CNI, dns=Dns(nameservers=("192.0.2.9",), domain="d")
    )
    networks = Networks(bridge.catalogue(), str(tmp_path / "run/cni-0"), name_servers=ContainerDNSInfo(mesos=(row,)))
    networks.open()
    joined = await networks.join(Harness(tmp_path).spec("c", "true", container=in_network("plain")))
    assert joined is not None
    text = Path(joined.files["/etc/resolv.conf"]).read_text()
    await networks.leave("c")
    assert text == "domain d\nnameserver 192.0.2.9\n"


async def test_what_goes_through_its_links_is_counted(netted: Harness) -> None:
    netted.containerizer.launch(netted.shell("c", SERVE, container=in_network("plain")))
    netted.containerizer.launch(netted.spec("host", "sleep", "1000"))
    for name in ("c", "host"):
        await netted.launched(name)
    launched = next(event for event in netted.events if event.container_id == "c")
    address = launched.network_infos[0].ip_addresses[0].ip_address  # type: ignore[union-attr]
    before = (await netted.containerizer.usage(["c"]))["c"]
    assert await fetched(f"http://{address}:8000/") == "served\n"
    usage = await netted.containerizer.usage(["c", "host"])
    after, host = usage["c"], usage["host"]
    assert (after.net_rx_bytes or 0) > (before.net_rx_bytes or 0) + 50
    assert (after.net_tx_packets or 0) > (before.net_tx_packets or 0)
    assert (after.net_rx_errors, host.net_rx_bytes) == (0, None)


async def test_several_networks(netted: Harness, bridge: Bridge) -> None:
    """Each is an interface, in the order in which they are asked for; without a name it is the host's."""
    asked = container(NetworkInfo(), NetworkInfo(name="plain"), NetworkInfo(name="other"))
    other = Bridge(bridge.directory)
    other.describe("other", ipam={"type": "host-local", "subnet": f"{other.subnet}.0/24",
                                  "dataDir": f"{bridge.directory}/ipam"})  # fmt: skip
    try:
        said = await netted.run("c", "ip -o -4 addr show | awk '{print $2, $4}'", container=asked)
        first, second = [one.ip_addresses[0].ip_address for one in netted.events[0].network_infos]  # type: ignore[union-attr]
        assert said == f"lo 127.0.0.1/8\neth0 {first}/24\neth1 {second}/24\n"
        await until(lambda: other.remains() == [])
    finally:
        other.remove()


async def test_addresses_of_both_kinds(netted: Harness, bridge: Bridge) -> None:
    ranges = [[{"subnet": f"{bridge.subnet}.0/24"}], [{"subnet": "fd00:7e57::/64"}]]
    bridge.describe("both", ipam={"type": "host-local", "ranges": ranges, "dataDir": f"{bridge.directory}/ipam"})
    look = "cat /etc/hosts; ip -o -6 addr show dev eth0 scope global"
    said = await netted.run("c", look, container=in_network("both"))
    (info,) = netted.events[0].network_infos  # type: ignore[union-attr]
    v4, v6 = info.ip_addresses
    assert (v4.protocol, v6.protocol) == (NetworkInfo.Protocol.IPv4, NetworkInfo.Protocol.IPv6)
    assert f"{v4.ip_address} c\n" in said
    assert f" {v6.ip_address}/64 " in said


async def test_a_command_beside_a_container_and_a_session_are_in_its_network(netted: Harness) -> None:
    netted.containerizer.launch(netted.spec("c", "sleep", "1000", container=in_network("plain")))
    await netted.launched("c")
    there = netted.containerizer.network_of("c")
    assert there is not None and os.path.ismount(there)
    inode = os.stat(there).st_ino
    look = f"test $(readlink /proc/self/ns/net) = 'net:[{inode}]' && hostname -I | grep -qw $MESOS_CONTAINER_IP"
    agents = {"PATH": os.environ["PATH"], "MESOS_CONTAINER_IP": "127.0.0.1"}
    assert await netted.containerizer.run_beside(netted.shell("c", look, env=agents)) == 0
    session = netted.shell("s", look, inside="c", env=agents)
    netted.containerizer.launch(session)
    assert await netted.exited("s") == 0
    told = [event.network_infos for event in netted.events if hasattr(event, "network_infos")]
    assert told[0] == told[1] != ()
    netted.containerizer.launch(netted.spec("host", "sleep", "1000"))
    await netted.launched("host")
    assert netted.containerizer.network_of("host") is None


async def test_what_is_nested_is_in_the_network_of_its_executor(netted: Harness) -> None:
    """The first brings the executor there, the others find it; one that asks for networks has its own."""
    executor = in_network("plain", hostname="pod")
    make_pod(netted, "e")
    for name in ("a", "b"):
        spec = netted.spec(name, "sleep", "1000", parent_id="e", root_container=executor)
        netted.containerizer.launch(spec)
        await netted.launched(name)
    said = [event.network_infos for event in netted.events if hasattr(event, "network_infos")]
    assert said[0] == said[1] != ()
    spaces = {netted.containerizer.network_of(name) for name in ("a", "b", "e")}
    assert len(spaces) == 1 and None not in spaces
    own = netted.shell("c", "hostname; exec sleep 1000", parent_id="e", container=executor, root_container=executor)
    netted.containerizer.launch(own)
    await netted.launched("c")
    assert netted.containerizer.network_of("c") not in (None, *spaces)
    (told,) = [event.network_infos for event in netted.events if getattr(event, "pid", 0) and event.container_id == "c"]
    assert told != said[0]
    netted.containerizer.destroy("c")
    await netted.exited("c")
    for name in ("a", "b"):
        netted.containerizer.destroy(name)
        await netted.exited(name)
    assert await netted.run("d", "hostname", parent_id="e", root_container=executor) == "pod\n"
    netted.containerizer.destroy("e")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nowhere", "Unknown CNI network 'nowhere' (broken.conf: 'type' is no text or not there)"),
        ("plain", "CNI network 'plain' has no plugin that maps ports"),
        ("failing", f"{NO_SUCH}: no such file or directory"),
    ],
)
async def test_a_network_that_cannot_be_joined(netted: Harness, bridge: Bridge, name: str, text: str) -> None:
    """Whatever was done before is undone; the message names the plugin and the cause."""
    (bridge.config_dir / "broken.conf").write_text('{"name": "nowhere"}')
    bridge.describe("failing", PORTMAP, {"type": "tuning", "sysctl": {"net.no.such": "1"}})
    mapping = NetworkInfo.PortMapping(host_port=free_port(), container_port=1)
    netted.containerizer.launch(netted.spec("c", "true", container=in_network(name, mapping)))
    assert await netted.failed("c") == text
    await until(lambda: bridge.remains() == [])


async def test_destroyed_whenever_it_may_be(netted: Harness, bridge: Bridge) -> None:
    """While its namespace is made, while its plugins work, when it runs."""
    for number in range(6):
        netted.containerizer.launch(netted.spec(f"c{number}", "sleep", "1000", container=in_network("mapped")))
    netted.containerizer.destroy("c0")
    await until(lambda: list(bridge.directory.glob("run/cni-*/c1/ns")))
    netted.containerizer.destroy("c1")
    await until(bridge.remains)
    for number in range(2, 6):
        netted.containerizer.destroy(f"c{number}")
    for number in range(6):
        await netted.exited(f"c{number}")
    await until(lambda: bridge.remains() == [])


async def test_a_plugin_that_cannot_undo_its_work_at_once(tmp_path: Path, bridge: Bridge) -> None:
    """It is asked again while its namespace is there."""
    plugins = with_plugin(tmp_path, "busy", "test $CNI_COMMAND = ADD || test -e asked || { touch asked; exit 1; }")
    bridge.describe("busy", {"type": "busy"})
    networks = Networks(Catalogue(str(bridge.config_dir), str(plugins)), str(tmp_path / "run/cni-0"))
    networks.open()
    await networks.join(Harness(tmp_path).spec("c", "true", container=in_network("busy")))
    await networks.leave("c")
    assert (plugins / "asked").exists()
    assert bridge.remains() == []


async def test_networks_outlive_their_agent(tmp_path: Path, bridge: Bridge) -> None:
    """1 one runs; 2 the agent goes; 3 the next one finds it in its network; 4 it ends, and nothing is left."""
    first = Harness(tmp_path)
    await first.isolated(isolation=CONFINED, **bridge.flags()).recover()
    first.containerizer.launch(first.spec("c", "sleep", "1000", container=in_network("mapped")))
    executor = in_network("plain")
    make_pod(first, "e")
    first.containerizer.launch(first.spec("n", "sleep", "1000", parent_id="e", root_container=executor))
    for name in ("c", "n"):
        await first.launched(name)
    told = {event.container_id: event.network_infos for event in first.events if hasattr(event, "network_infos")}
    await first.containerizer.close(keep=True)

    second = Harness(tmp_path)
    made = second.isolated(isolation=CONFINED, **bridge.flags())
    assert {one.container_id: one.network_infos for one in await made.recover()} == told
    assert made.network_of("n") == made.network_of("e") is not None
    for name in ("c", "n"):
        made.destroy(name)
        await second.exited(name)
    make_pod(second, "e")
    made.destroy("e")
    await until(lambda: bridge.remains() == [])
    await made.close()
    remove_cgroups(second)


async def test_addresses_are_given_back_after_a_restart_of_the_host(tmp_path: Path, bridge: Bridge) -> None:
    """The namespaces of before are gone; what is known of them is in the work directory, if that is wanted."""
    harness = Harness(tmp_path)
    flags = {"isolation": "cgroups/cpu", "network_cni_root_dir_persist": True}
    bridge.describe("plain", ipMasq=False)
    await harness.isolated(**flags, **bridge.flags()).recover()
    place = harness.work / "isolators/network/cni"
    assert place.is_dir()
    await harness.containerizer.close()
    dead = Networks(bridge.catalogue(), str(place))
    joined = await dead.join(harness.spec("c", "true", container=in_network("plain")))
    assert joined is not None
    assert bridge.remains() != []
    subprocess.run(["umount", joined.namespace], check=True)
    await harness.isolated(**flags, **bridge.flags()).recover()
    await harness.containerizer.close()
    await until(lambda: [*bridge.remains(), *os.listdir(place)] == [])
    remove_cgroups(harness)


async def test_what_a_killed_agent_has_left_is_undone_by_the_next(tmp_path: Path, bridge: Bridge) -> None:
    """Of a container that has joined, and of one whose second plugin was at work; what cannot be undone is kept."""
    place = str(tmp_path / "run/cni-0")
    harness = Harness(tmp_path)
    dead = Networks(bridge.catalogue(), place)
    dead.open()
    await dead.join(harness.spec("c", "true", container=in_network("mapped")))
    sleeping = with_plugin(tmp_path, "sleeping", SLEEPS)
    bridge.describe("sleeping", {"type": "sleeping"})
    dying = Networks(Catalogue(str(bridge.config_dir), str(sleeping)), place)
    joining = asyncio.create_task(dying.join(harness.spec("d", "true", container=in_network("sleeping"))))
    await until((sleeping / "begun").exists)

    partly = Networks(bridge.catalogue(), place)
    await partly.recover(())
    assert os.listdir(place) == ["d"]
    whole = Networks(Catalogue(str(bridge.config_dir), str(sleeping)), place)
    await whole.recover(())
    assert bridge.remains() == []
    joining.cancel()
    await asyncio.gather(joining, return_exceptions=True)
    await dying.leave("d")
