"""What dockerd is asked for: every field of DockerInfo, and Mesos' words for what cannot be asked for."""

from __future__ import annotations

import math
from typing import Any

import attrs
import pytest

from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.containerizer.docker.request import Mount, Settings, limits
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.flags import ContainerDNSInfo
from mesos_py.wire.linux import RLimitInfo
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.resource import Resource
from mesos_py.wire.value import Value
from mesos_py.wire.volume import Volume
from tests.agent.containerizer.docker.asking import asked, parameters, ports, refused, scalar, spec
from tests.agent.containerizer.test_persistent import volume as persistent

DockerInfo = ContainerInfo.DockerInfo
Network = DockerInfo.Network
Mapping = DockerInfo.PortMapping
SandboxPath = Volume.Source.SandboxPath

NOFILE = RLimitInfo.RLimit(type=RLimitInfo.RLimit.Type.RLMT_NOFILE, soft=64, hard=128)
STACK = RLimitInfo.RLimit(type=RLimitInfo.RLimit.Type.RLMT_STACK)


def volume(container_path: str, host_path: str | None = None, **fields: Any) -> Volume:
    return Volume(**({"mode": Volume.Mode.RW, "container_path": container_path, "host_path": host_path} | fields))


def named(name: str, driver: str | None = None) -> Volume.Source:
    docker = Volume.Source.DockerVolume(name=name, driver=driver)
    return Volume.Source(type=Volume.Source.Type.DOCKER_VOLUME, docker_volume=docker)


def test_a_container_is_asked_for_by_name_and_marked() -> None:
    found = asked(spec())
    assert (found.name, found.image, found.is_pulled_anyway, found.is_removed_at_once) == (
        "mesos-c", "some/image", False, False,
    )  # fmt: skip
    assert found.config["Env"] == ["A=1"]
    labels = {"mesos_py.work_dir": "/var/lib/mesos", "mesos_py.sandbox": "/s"}
    assert found.config["Labels"] == labels
    assert asked(spec(is_kept=False), run="r").config["Labels"] == {**labels, "mesos_py.run": "r"}
    assert asked(spec({"force_pull_image": True})).is_pulled_anyway


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (None, {}),
        (CommandInfo(shell=False), {}),
        (CommandInfo(value="echo $A"), {"Entrypoint": ["/bin/sh"], "Cmd": ["-c", "echo $A"]}),
        (CommandInfo(shell=False, value="a", arguments=("b", "c")), {"Cmd": ["a", "b", "c"]}),
        (CommandInfo(shell=False, arguments=("b",)), {"Cmd": ["b"]}),
    ],
)
def test_the_command_is_the_shells_or_the_entrypoints(command: CommandInfo | None, expected: dict[str, Any]) -> None:
    config = asked(spec(command=command)).config
    assert {name: config[name] for name in ("Entrypoint", "Cmd") if name in config} == expected


@pytest.mark.parametrize(
    ("docker", "container", "field", "expected"),
    [
        ({}, {}, "NetworkMode", "host"),
        ({"network": Network.BRIDGE}, {}, "NetworkMode", "bridge"),
        ({"network": Network.NONE}, {}, "NetworkMode", "none"),
        ({"network": Network.USER}, {"network_infos": (NetworkInfo(name="net"),)}, "NetworkMode", "net"),
        ({"network": Network.BRIDGE, **parameters("net=other")}, {}, "NetworkMode", "other"),
        ({"privileged": True}, {}, "Privileged", True),
        ({"volume_driver": "d"}, {}, "VolumeDriver", "d"),
        ({"volume_driver": "d"}, {"volumes": (volume("/v", "name"),)}, "Binds", ["name:/v:rw"]),
        ({}, {"volumes": (volume("v", source=named("n", "e"), mode=Volume.Mode.RO),)}, "Binds",
         ["n:/mnt/mesos/sandbox/v:ro"]),
        ({}, {"volumes": (volume("v", source=named("n", "e")),)}, "VolumeDriver", "e"),
        (parameters("device=/dev/fuse:/dev/f:r"), {}, "Devices",
         [{"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/f", "CgroupPermissions": "r"}]),
        (parameters("dns=1.2.3.4", "dns=5.6.7.8"), {}, "Dns", ["1.2.3.4", "5.6.7.8"]),
        (parameters("memory-swap=-1"), {}, "MemorySwap", -1),
        ({}, {"rlimit_info": RLimitInfo(rlimits=(NOFILE, STACK))}, "Ulimits",
         [{"Name": "nofile", "Soft": 64, "Hard": 128}, {"Name": "stack", "Soft": -1, "Hard": -1}]),
    ],
)  # fmt: skip
def test_fields_of_the_host_config(
    docker: dict[str, Any], container: dict[str, Any], field: str, expected: Any
) -> None:
    assert asked(spec(docker, container=container)).config["HostConfig"][field] == expected


def test_mounts_are_left_as_they_were_named() -> None:
    volumes = (volume("/v", "relative"), volume("v", "/absolute", mode=Volume.Mode.RO))
    assert asked(spec(container={"volumes": volumes})).mounts == (
        Mount("relative", "/v", False), Mount("/absolute", "/mnt/mesos/sandbox/v", True),
    )  # fmt: skip


def sandbox_path(path: str, type: SandboxPath.Type = SandboxPath.Type.SELF) -> Volume.Source:
    return Volume.Source(type=Volume.Source.Type.SANDBOX_PATH, sandbox_path=SandboxPath(type=type, path=path))


def test_parts_of_the_sandbox_are_mounted_elsewhere() -> None:
    """As they are by the other containerizer; Mesos leaves them out without a word."""
    volumes = (volume("/v", source=sandbox_path("a/b")), volume("v", source=sandbox_path("c"), mode=Volume.Mode.RO))
    assert asked(spec(container={"volumes": volumes})).mounts == (
        Mount("a/b", "/v", False), Mount("c", "/mnt/mesos/sandbox/v", True),
    )  # fmt: skip


def test_ports_are_published_and_exposed() -> None:
    mappings = (
        Mapping(host_port=31000, container_port=80), Mapping(host_port=31001, container_port=53, protocol="UDP"),
    )  # fmt: skip
    found = asked(spec({"network": Network.BRIDGE, "port_mappings": mappings}, resources=(ports(31000, 31005),)))
    assert found.config["HostConfig"]["PortBindings"] == {
        "80/tcp": [{"HostIp": "", "HostPort": "31000"}], "53/udp": [{"HostIp": "", "HostPort": "31001"}],
    }  # fmt: skip
    assert found.config["ExposedPorts"] == {"80/tcp": {}, "53/udp": {}}


@pytest.mark.parametrize(
    ("given", "limit", "expected"),
    [((), 9, 9), (("pids-limit=5",), 9, 5), (("pids-limit=-1",), 9, 9), (("pids-limit=5",), None, 5)],
)
def test_the_agents_limit_of_processes_counts(given: tuple[str, ...], limit: int | None, expected: int) -> None:
    assert asked(spec(parameters(*given)), pids_limit=limit).config["HostConfig"]["PidsLimit"] == expected


def test_aliases_and_addresses_are_of_the_network_it_joins() -> None:
    docker = {"network": Network.USER, **parameters("network-alias=a", "ip=10.0.0.9")}
    found = asked(spec(docker, container={"network_infos": (NetworkInfo(name="net"),)}))
    joins = {"Aliases": ["a"], "IPAMConfig": {"IPv4Address": "10.0.0.9"}}
    assert found.config["NetworkingConfig"] == {"EndpointsConfig": {"net": joins}}


def test_parameters_come_last_and_no_label_hides_ours() -> None:
    command = CommandInfo(value="x")
    given = ("entrypoint=/mine", "env=B=2", "label=mesos_py.work_dir=/other", "label=mesos_py.run=x", "rm=true")
    found = asked(spec(parameters(*given), command=command))
    assert found.config["Entrypoint"] == ["/mine"]
    assert found.config["Env"] == ["A=1", "B=2"]
    assert found.config["Labels"]["mesos_py.work_dir"] == "/var/lib/mesos"
    assert "mesos_py.run" not in found.config["Labels"]
    assert found.is_removed_at_once


BRIDGED = {"network": Network.BRIDGE}
PORT = {"port_mappings": (Mapping(host_port=31000, container_port=80),)}


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (attrs.evolve(spec(), container=ContainerInfo(type=ContainerInfo.Type.DOCKER)),
         "No docker info found in container info"),
        (spec(parent_id="p"), "Nested containers are not supported"),
        (spec(command=CommandInfo()), "Shell specified but no command value provided"),
        (spec({"network": Network.USER}), "No network info found in container info"),
        (spec({"network": Network.USER}, container={"network_infos": (NetworkInfo(name="a"), NetworkInfo(name="b"))}),
         "Only a single network can be defined in Docker run"),
        (spec({"network": Network.USER}, container={"network_infos": (NetworkInfo(),)}),
         "No network name found in network info"),
        (spec(container={"hostname": "h"}), "Unable to set hostname with host network mode"),
        (spec(PORT), "Port mappings are only supported for bridge and user-defined networks"),
        (spec(BRIDGED | PORT), "Port mappings require port resources"),
        (spec(BRIDGED | PORT, resources=(ports(1, 2),)), "Port [31000] not included in resources"),
        (spec(container={"volumes": (volume("a", "b"),)}),
         "Both host_path 'b' and container_path 'a' of a volume are relative"),
        (spec(container={"volumes": (volume("a", source=named("n", "d")), volume("b", source=named("m", "e")))}),
         "Only one volume driver is supported"),
        (spec({"volume_driver": "e"}, container={"volumes": (volume("a", source=named("n", "d")),)}),
         "Only one volume driver per task is supported"),
        (spec(container={"volumes": (volume("a", source=sandbox_path("../b")),)}),
         "Path '../b' of a volume leads elsewhere"),
        (spec(container={"volumes": (volume("a", source=sandbox_path("b", SandboxPath.Type.PARENT)),)}),
         "PARENT type SANDBOX_PATH is only allowed for nested container"),
        (spec(container={"volumes": (volume("a", source=Volume.Source(type=Volume.Source.Type.SECRET)),)}),
         "Volume 'a': dockerd does not know its source (SECRET)"),
        (spec(resources=(persistent(),)), "Persistent volumes are not supported"),
        (spec(container={"volumes": (volume("a"),)}), "Host path or volume source is required for 'a'"),
        (spec(container={"volumes": (volume("a", source=named("/etc")),)}), "'/etc' is no name of a volume"),
        (spec(container={"volumes": (volume("a", source=named("n:/etc")),)}), "'n:/etc' of a volume has a colon"),
        (spec({"network": Network.USER}, container={"network_infos": (NetworkInfo(name="container:x"),)}),
         "'container:x' is no user-defined network"),
        (spec(parameters("no-such=1")), "unknown flag: --no-such"),
        (spec(parameters("restart=always")), "unknown flag: --restart"),
        (spec(parameters("memory=lots")), 'invalid argument "lots" for "--memory" flag: invalid size: \'lots\''),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for(one: ContainerSpec, text: str) -> None:
    if text.startswith("No docker info"):
        one = spec(container={})
        bare = ContainerInfo(type=ContainerInfo.Type.DOCKER)
        one = ContainerSpec(container_id="c", sandbox="/s", argv=("a",), executable="a", env={}, container=bare)
    assert refused(one) == text


@pytest.mark.parametrize(
    ("resources", "bounds", "cfs", "expected"),
    [
        ((scalar("cpus", 1.5), scalar("mem", 64)), {}, False, {"CpuShares": 1536, "Memory": 64 << 20}),
        ((scalar("cpus", 0.001), scalar("mem", 1)), {}, False, {"CpuShares": 2, "Memory": 32 << 20}),
        ((scalar("cpus", 0.5),), {}, True, {"CpuShares": 512, "CpuPeriod": 100_000, "CpuQuota": 50_000}),
        ((scalar("cpus", 1),), {"cpus": 0.001}, False, {"CpuShares": 1024, "CpuPeriod": 100_000, "CpuQuota": 1000}),
        ((scalar("cpus", 1),), {"cpus": math.inf}, True, {"CpuShares": 1024}),
        ((scalar("mem", 64),), {"mem": 128.0}, False,
         {"Memory": 128 << 20, "MemoryReservation": 64 << 20, "OomScoreAdj": 997}),
        ((scalar("mem", 64),), {"mem": math.inf}, False, {"MemoryReservation": 64 << 20, "OomScoreAdj": 997}),
        ((), {}, True, {}),
    ],
)  # fmt: skip
def test_limits(
    resources: tuple[Resource, ...], bounds: dict[str, float], cfs: bool, expected: dict[str, int]
) -> None:
    settings = Settings(work_dir="/w", enable_cfs=cfs, memory_bytes=16 << 30)
    given = {name: Value.Scalar(value=value) for name, value in bounds.items()}
    assert limits(resources, given, settings) == expected


Dns = ContainerDNSInfo.DockerInfo
Mode = Dns.NetworkMode


def servers(*addresses: str) -> Dns.DNS:
    return Dns.DNS(nameservers=addresses, search=("example.com",), options=("ndots:2",))


DEFAULTS = ContainerDNSInfo(
    docker=(
        Dns(network_mode=Mode.BRIDGE, dns=servers("1.1.1.1")),
        Dns(network_mode=Mode.USER, dns=servers("2.2.2.2")),
        Dns(network_mode=Mode.USER, network_name="net", dns=servers("3.3.3.3")),
    )
)


@pytest.mark.parametrize(
    ("docker", "network", "expected"),
    [
        (BRIDGED, None, ["1.1.1.1"]),
        ({"network": Network.USER}, "net", ["3.3.3.3"]),
        ({"network": Network.USER}, "other", ["2.2.2.2"]),
        ({}, None, None),
        (BRIDGED | parameters("dns=9.9.9.9"), None, ["9.9.9.9"]),
        (BRIDGED | parameters("dns-search=x"), None, None),
    ],
)
def test_name_servers_of_those_that_name_none(
    docker: dict[str, Any], network: str | None, expected: list[str] | None
) -> None:
    infos = {"network_infos": (NetworkInfo(name=network),)} if network else {}
    assert asked(spec(docker, container=infos), dns=DEFAULTS).config["HostConfig"].get("Dns") == expected
