"""--default_container_dns: what may be said, and whose name servers it are."""

from __future__ import annotations

import pytest

from mesos_py.agent.containerizer import name_servers
from mesos_py.wire.flags import ContainerDNSInfo

MULTIPLE = "Multiple DNS configuration"

Cni, Docker = ContainerDNSInfo.MesosInfo, ContainerDNSInfo.DockerInfo


def cni(name: str | None, server: str = "192.0.2.1", mode: str = "CNI") -> ContainerDNSInfo.MesosInfo:
    return Cni(network_mode=Cni.NetworkMode[mode], network_name=name, dns=Cni.DNS(nameservers=(server,)))


def docker(name: str | None, mode: str) -> ContainerDNSInfo.DockerInfo:
    return Docker(network_mode=Docker.NetworkMode[mode], network_name=name, dns=Docker.DNS())


def test_name_servers_of_a_network_or_of_all() -> None:
    given = ContainerDNSInfo(mesos=(cni(None, "192.0.2.1"), cni("a", "192.0.2.2")))
    found = [name_servers.of_network(given, name) for name in ("a", "b")]
    assert [None if one is None else one.nameservers for one in found] == [("192.0.2.2",), ("192.0.2.1",)]
    assert name_servers.of_network(None, "a") is None
    assert name_servers.of_network(ContainerDNSInfo(mesos=(cni("a"),)), "b") is None


def test_each_network_once() -> None:
    dockers = (docker(None, "USER"), docker("a", "USER"), docker(None, "BRIDGE"))
    name_servers.check(ContainerDNSInfo(mesos=(cni(None), cni("a")), docker=dockers))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (ContainerDNSInfo(mesos=(Cni(dns=Cni.DNS()),)), "UNKNOWN network mode configured in {}"),
        (
            ContainerDNSInfo(mesos=(cni("a", mode="HOST"),)),
            "Configuring DNS for HOST network with {} is not yet supported",
        ),
        (
            ContainerDNSInfo(mesos=(cni(None), cni(None))),
            f"{MULTIPLE} without network name for CNI network in {{}} is not allowed",
        ),
        (
            ContainerDNSInfo(docker=(docker("a", "USER"), docker("a", "USER"))),
            f"{MULTIPLE} with the same network name 'a' for user-defined CNM network in {{}} is not allowed",
        ),
        (
            ContainerDNSInfo(docker=(docker("a", "BRIDGE"), docker("b", "BRIDGE"))),
            f"{MULTIPLE} for Docker default bridge network in {{}} is not allowed",
        ),
    ],
)
def test_what_is_refused(given: ContainerDNSInfo, why: str) -> None:
    with pytest.raises(ValueError) as refused:
        name_servers.check(given)
    assert str(refused.value) == why.format("`--default_container_dns`")
