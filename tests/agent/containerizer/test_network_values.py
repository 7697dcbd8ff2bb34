"""What files say of networks, what plugins are told and answer, and what a container asks for: no network is needed."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies

from mesos_py.agent.containerizer.compose import compose
from mesos_py.agent.containerizer.isolators.network import hosts, problem, resolv_conf
from mesos_py.agent.containerizer.networks import results
from mesos_py.agent.containerizer.networks.catalogue import Catalogue, NoNetwork
from mesos_py.agent.containerizer.networks.configuration import Malformed, parse, request
from mesos_py.agent.containerizer.networks.results import Dns
from mesos_py.agent.containerizer.networks.traffic import total
from mesos_py.agent.options import AgentOptions
from mesos_py.algebra.parse import parse_resources
from mesos_py.algebra.resources import Resources
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.network import IPProtocol, NetworkInfo

Mapping = NetworkInfo.PortMapping
NO_NAME = "is no host name of at most 64 characters"
FIELDS = strategies.sampled_from(
    ["name", "type", "cniVersion", "plugins", "args", "capabilities", "ips", "ip4", "ip6", "ip", "address", "dns",
     "nameservers", "search", "options", "domain"]
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "it is no JSON: "),
        ("[]", "it is no object"),
        ('{"type": "bridge"}', "'name' is no text or not there"),
        ('{"name": "a"}', "'type' is no text or not there"),
        ('{"name": "a", "type": 1}', "'type' is no text or not there"),
        ('{"name": "a", "type": "../../bin/sh"}', "type '../../bin/sh' is a path"),
        ('{"name": "a", "plugins": []}', "'plugins' is no list of objects"),
        ('{"name": "a", "plugins": ["bridge"]}', "'plugins' is no list of objects"),
        ('{"name": "a", "type": "b", "args": 1}', "'args' is no object"),
        ('{"name": "a", "type": "b", "args": {"org.apache.mesos": {}}}', "'org.apache.mesos' in 'args' should not be"),
    ],
)
def test_files_that_make_no_sense(text: str, why: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse(text)
    assert str(refused.value).startswith(why)


def test_what_each_plugin_is_told() -> None:
    """Its own part; the name and version of the whole; the NetworkInfo; ports if it can map them; what went before."""
    network = parse(
        '{"name": "n", "cniVersion": "0.4.0", "plugins": [{"type": "bridge", "args": {"a": 1}},'
        ' {"type": "portmap", "capabilities": {"portMappings": true}}]}'
    )
    asked = NetworkInfo(name="n", port_mappings=(Mapping(host_port=1, container_port=2, protocol="UDP"),))
    bridge, portmap = [request(network, plugin, asked, previous) for plugin, previous in
                       zip(network.plugins, (None, {"ips": []}), strict=True)]  # fmt: skip
    info = {"name": "n", "port_mappings": [{"host_port": 1, "container_port": 2, "protocol": "UDP"}]}
    mesos = {"org.apache.mesos": {"network_info": info}}
    assert bridge == {"type": "bridge", "name": "n", "cniVersion": "0.4.0", "args": {"a": 1, **mesos}}
    assert portmap == {
        "type": "portmap", "name": "n", "cniVersion": "0.4.0", "args": mesos, "capabilities": {"portMappings": True},
        "runtimeConfig": {"portMappings": [{"hostPort": 1, "containerPort": 2, "protocol": "udp"}]},
        "prevResult": {"ips": []},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("contents", "maps_ports", "deletes_by_result"),
    [
        ({"type": "bridge"}, False, False),
        ({"type": "mesos-cni-port-mapper", "cniVersion": "0.3.1"}, True, False),
        ({"type": "portmap", "capabilities": {"portMappings": True}, "cniVersion": "1.0.0"}, True, True),
        ({"type": "portmap", "capabilities": {"portMappings": False}, "cniVersion": "0.10.0"}, False, True),
        ({"type": "portmap", "capabilities": 1, "cniVersion": "what"}, False, False),
    ],
)
def test_what_a_network_can(contents: dict[str, Any], maps_ports: bool, deletes_by_result: bool) -> None:
    network = parse(json.dumps({"name": "n", **contents}))
    assert (network.maps_ports, network.deletes_by_result) == (maps_ports, deletes_by_result)


@pytest.mark.parametrize(
    ("answer", "addresses"),
    [
        ({}, []),
        ({"ip4": {"ip": "10.0.0.2/24"}, "ip6": {"ip": "fd00::2/64"}}, ["10.0.0.2", "fd00::2"]),
        ({"ips": [{"version": "4", "address": "10.0.0.2/24"}, {"address": "fd00::2/64"}]}, ["10.0.0.2", "fd00::2"]),
    ],
)
def test_addresses_in_every_version(answer: dict[str, Any], addresses: list[str]) -> None:
    asked = NetworkInfo(name="n", ip_addresses=(NetworkInfo.IPAddress(),))
    obtained = results.obtained(asked, results.parse(json.dumps(answer)))
    assert obtained.name == "n"
    assert [one.ip_address for one in obtained.ip_addresses] == addresses
    kinds = [IPProtocol.IPv6 if ":" in one else IPProtocol.IPv4 for one in addresses]
    assert [one.protocol for one in obtained.ip_addresses] == kinds


ANYTHING = strategies.recursive(
    strategies.sampled_from([None, True, 0, -1, 1.5, "", "a", "10.0.0.2/24", "fd00::2", "10.0.0.2/33"]),
    lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(FIELDS, inner, max_size=3),
    max_leaves=10,
)


@given(strategies.dictionaries(FIELDS, ANYTHING))
def test_whatever_others_write_is_understood_or_refused(found: dict[str, Any]) -> None:
    """A network that is understood can be asked for anything; an answer that is understood has addresses and DNS."""
    text = json.dumps(found)
    try:
        network = parse(text)
    except Malformed:
        pass  # the answer to most of it
    else:
        asked = NetworkInfo(name=network.name, port_mappings=(Mapping(host_port=1, container_port=2),))
        assert all(json.dumps(request(network, plugin, asked, {})) for plugin in network.plugins)
    try:
        answer = results.parse(text)
    except Malformed:
        return
    assert results.obtained(NetworkInfo(name="n"), answer).name == "n"
    assert isinstance(resolv_conf(results.dns(answer)), str)


@pytest.mark.parametrize("text", ["x", "[" * 9999, '{"ips": 1}', '{"ips": [{"address": "here"}]}', '{"dns": []}{'])
def test_answers_that_make_no_sense(text: str) -> None:
    with pytest.raises(Malformed):
        results.parse(text)


@pytest.mark.parametrize(
    ("printed", "why"),
    [
        ('{"code": 11, "msg": "no room", "details": "none at all"}', "no room: none at all"),
        ('{"code": 11, "msg": "no room"}', "no room"),
        ("[]", ""),
        ("it failed", ""),
    ],
)
def test_why_a_plugin_has_failed(printed: str, why: str) -> None:
    assert results.failure(printed) == why


def test_files_of_a_container() -> None:
    """Mesos: cni.cpp, IPv4 first; of domains there is one only, the last network's."""
    addresses = [ipaddress.ip_address("fd00::2"), ipaddress.ip_address("10.0.0.2")]
    assert hosts("web", addresses) == "127.0.0.1 localhost\n10.0.0.2 web\n"
    assert hosts("web", []) == "127.0.0.1 localhost\n"
    first = {"dns": {"nameservers": ["192.0.2.1"], "domain": "a", "search": ["a", "b"], "options": ["ndots:1"]}}
    merged = results.merged(map(results.dns, [first, {}, {"dns": {"nameservers": ["192.0.2.2"], "domain": "c"}}]))
    text = "domain c\nsearch a b\noptions ndots:1\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n"
    assert resolv_conf(merged) == text
    assert resolv_conf(Dns(domain="c")) == ""


def asking(*infos: NetworkInfo, **fields: Any) -> ContainerInfo:
    return ContainerInfo(type=ContainerInfo.Type.MESOS, network_infos=infos, **fields)


def mapped(host_port: int, protocol: str | None = None) -> ContainerInfo:
    mapping = Mapping(host_port=host_port, container_port=80, protocol=protocol)
    return asking(NetworkInfo(name="n", port_mappings=(mapping,)))


@pytest.mark.parametrize(
    ("container", "resources", "text"),
    [
        (None, "", None),
        (asking(NetworkInfo(), NetworkInfo()), "", None),
        (asking(NetworkInfo(name="n"), NetworkInfo(name="m")), "", None),
        (asking(NetworkInfo(name="n"), NetworkInfo(name="n")), "", "Attempted to join CNI network 'n' multiple times"),
        (asking(NetworkInfo(name="n"), hostname="h" * 64), "", None),
        (asking(NetworkInfo(name="n"), hostname="h" * 65), "", f"Hostname '{'h' * 65}' {NO_NAME}"),
        (asking(NetworkInfo(name="n"), hostname="a\nb"), "", f"Hostname 'a\\nb' {NO_NAME}"),
        (asking(NetworkInfo(name="n"), hostname="\ud800"), "", f"Hostname '\\ud800' {NO_NAME}"),
        (asking(NetworkInfo(), hostname="a b"), "", None),
        (mapped(31000), "ports:[31000-31001]", None),
        (mapped(31000, "UDP"), "ports:[31000-31001]", None),
        (mapped(31000), "cpus:1", "Port mappings require port resources"),
        (mapped(80), "ports:[31000-31001]", "Port [80] not included in resources"),
        (mapped(0), "ports:[31000-31001]", "Port [0] of a port mapping is no port"),
        (mapped(65536), "ports:[31000-31001]", "Port [65536] of a port mapping is no port"),
        (mapped(31000, "icmp"), "ports:[31000-31001]", "Protocol 'icmp' of a port mapping is unknown"),
    ],
)
def test_what_a_container_may_ask_for(container: ContainerInfo | None, resources: str, text: str | None) -> None:
    assert problem(container, lambda: Resources.of(parse_resources(resources))) == text


def test_every_file_is_a_network_and_those_that_are_none_are_told_of(tmp_path: Path) -> None:
    """Read anew each time: what an operator adds is there at once."""
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "bridge").touch(0o755)
    (plugins / "text").touch(0o644)
    configs = tmp_path / "configs"
    (configs / "directory").mkdir(parents=True)
    files = {
        "1.conf": '{"name": "a", "type": "bridge"}', "2.conf": '{"name": "a", "type": "bridge"}',
        "3.conf": '{"name": "b", "type": "bridge", "ipam": {"type": "text"}}', ".4.conf": "{", "5.conf~": "{",
        "6.conf": '{"name": "c", "type": "none"}', "7": '{"name": "d", "type": "bridge"}',
    }  # fmt: skip
    for name, text in files.items():
        (configs / name).write_text(text)
    catalogue = Catalogue(str(configs), f"/no/such:{plugins}")
    networks, problems = catalogue.read()
    assert list(networks) == ["a", "d"]
    assert problems == {
        "2.conf": "there is a network 'a' already",
        "3.conf": f"there is no plugin 'text' in '/no/such:{plugins}'",
        "6.conf": f"there is no plugin 'none' in '/no/such:{plugins}'",
    }
    assert catalogue.plugin("bridge") == str(plugins / "bridge")
    for name in problems:
        (configs / name).unlink()
    with pytest.raises(NoNetwork, match=r"^Unknown CNI network 'e'$"):
        catalogue.network("e")
    (configs / "8.conf").write_text('{"name": "e", "type": "bridge"}')
    assert catalogue.network("e").plugins == ({"name": "e", "type": "bridge"},)


@pytest.mark.root
@pytest.mark.parametrize(
    ("flags", "text"),
    [
        ({"network_cni_config_dir": "/"}, "Missing required '--network_cni_plugins_dir' flag"),
        ({"network_cni_plugins_dir": "/"}, "Missing required '--network_cni_config_dir' flag"),
        (
            {"network_cni_plugins_dir": "/", "network_cni_config_dir": "/no/such"},
            "The CNI network configuration directory '/no/such' does not exist",
        ),
        (
            {"network_cni_plugins_dir": "/", "network_cni_config_dir": "/", "launcher": "posix"},
            "The 'network/cni' isolator requires --launcher=linux",
        ),
    ],
)
def test_flags_that_do_not_go_together(tmp_path: Path, flags: dict[str, str], text: str) -> None:
    options = AgentOptions(master="127.0.0.1:1", work_dir=str(tmp_path), **flags)  # type: ignore[arg-type]
    with pytest.raises(ValueError) as refused:
        compose(options, lambda event: None)
    assert str(refused.value) == text


DEV = """Inter-|   Receive                              |  Transmit
 face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed
    lo:  9999     99    9    9    0     0          0         0  9999      99    9    9    0     0       0          0
  eth0:  1000     10    1    2    0     0          0         0   500       5    3    4    0     0       0          0
  eth1:1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0
"""


def test_traffic_is_of_its_links_together() -> None:
    assert total(DEV, ["eth0", "eth1"]) == {
        "net_rx_bytes": 1001, "net_rx_packets": 12, "net_rx_errors": 4, "net_rx_dropped": 6,
        "net_tx_bytes": 505, "net_tx_packets": 11, "net_tx_errors": 10, "net_tx_dropped": 12,
    }  # fmt: skip
