"""Networks for tests: Debian's plugins over a bridge of the test's own, and what is left of them on the host."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shlex
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import attrs
import pytest

from mesos_py.agent.containerizer.networks.catalogue import Catalogue
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.network import NetworkInfo
from tests.agent.containerizer.docker.daemon import SUBNETS
from tests.agent.containerizer.harness import DEADLINE_S

PLUGINS_DIR = "/usr/lib/cni"

MISSING = [
    name for name in ("bridge", "portmap", "host-local") if not os.access(f"{PLUGINS_DIR}/{name}", os.X_OK)
] + [name for name in ("iptables", "ip") if shutil.which(name) is None]

#: For tests of real networks.
needs_networks = pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)} missing (.ci/containers)")


@attrs.frozen
class Bridge:
    """A network of the test's own, and the directories in which it is described."""

    directory: Path
    #: a name for the link, of at most 15 characters
    link: str = attrs.Factory(lambda: f"mt{random.SystemRandom().randrange(1 << 40):x}")
    #: one of 51,200 networks of 256 addresses: its first three numbers
    subnet: str = attrs.Factory(
        lambda: "10.{}.{}".format(*[random.SystemRandom().randrange(below) for below in (SUBNETS, 256)])
    )

    @property
    def config_dir(self) -> Path:
        return self.directory / "networks"

    def describe(self, name: str, *more: dict[str, Any], **changes: Any) -> None:
        """A file that says what the network ``name`` is: a bridge, and plugins after it."""
        bridge = {
            "type": "bridge", "bridge": self.link, "isGateway": True, "ipMasq": True,
            "ipam": {"type": "host-local", "subnet": f"{self.subnet}.0/24", "dataDir": f"{self.directory}/ipam",
                     "routes": [{"dst": "0.0.0.0/0"}]},
        } | changes  # fmt: skip
        self.config_dir.mkdir(exist_ok=True)
        contents = {"cniVersion": "0.4.0", "name": name, "plugins": [bridge, *more]}
        (self.config_dir / f"{name}.conflist").write_text(json.dumps(contents))

    def flags(self) -> dict[str, str]:
        return {"network_cni_config_dir": str(self.config_dir), "network_cni_plugins_dir": PLUGINS_DIR}

    def catalogue(self) -> Catalogue:
        return Catalogue(str(self.config_dir), PLUGINS_DIR)

    def remains(self) -> list[str]:
        """What there is of containers in this network: links, rules, addresses, mounts, records."""
        links = [path.name for path in Path(f"/sys/class/net/{self.link}").glob("brif/*")]  # a new link has none yet
        rules = [line for line in _nat() if f"{self.subnet}." in line]
        leases = [path.name for path in self.directory.glob(f"ipam/*/{self.subnet}.*")]
        mounts = [one for one in Path("/proc/self/mountinfo").read_text().splitlines() if f"{self.directory}/" in one]
        records = [path.name for path in self.directory.glob("run/cni-*/*")]
        return [*links, *rules, *leases, *mounts, *records]

    def remove(self) -> None:
        """The bridge outlives its containers, and so do the chains of portmap, which are all containers'.

        So does whatever a test has left that failed.
        """
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            if f"{self.directory}/" in line and "/cni" in line:
                subprocess.run(["umount", "--lazy", line.split()[4]], check=False)
        if self.is_there:
            _run("ip", "link", "del", self.link)
        if not any("portmap" in path.read_text() for path in self.config_dir.glob("*.conflist")):
            return  # those whose chains they are take turns, and not with us
        rules = _nat()
        if not any(line.startswith("-A CNI-HOSTPORT-DNAT") for line in rules):
            for line in rules:
                if line.startswith("-A") and "CNI-HOSTPORT-" in line:
                    _forget("-D", *shlex.split(line)[1:])
            for line in rules:
                if line.startswith("-N CNI-HOSTPORT-"):
                    _forget("-X", line.split()[1])

    @property
    def is_there(self) -> bool:
        return os.path.exists(f"/sys/class/net/{self.link}")


PORTMAP = {"type": "portmap", "capabilities": {"portMappings": True}}


#: What a plugin does that comes to no end; what it had begun can be undone.
SLEEPS = "test $CNI_COMMAND = DEL || { touch begun; exec sleep 1000; }"


def in_network(name: str, *mappings: NetworkInfo.PortMapping, **fields: Any) -> ContainerInfo:
    """A container in this network."""
    return container(NetworkInfo(name=name, port_mappings=mappings), **fields)


def container(*infos: NetworkInfo, **fields: Any) -> ContainerInfo:
    return ContainerInfo(type=ContainerInfo.Type.MESOS, network_infos=infos, **fields)


def with_plugin(directory: Path, name: str, script: str) -> Path:
    """Debian's plugins and one more, which runs beside them."""
    plugins = directory / "plugins"
    plugins.mkdir()
    for known in ("bridge", "host-local", "portmap"):
        (plugins / known).symlink_to(f"{PLUGINS_DIR}/{known}")
    (plugins / name).write_text(f"#!/bin/sh\ncd {plugins}\n{script}\n")
    (plugins / name).chmod(0o755)
    return plugins


async def fetched(url: str) -> str:
    """What is served there, once it is."""
    body = ""

    def is_served() -> bool:
        nonlocal body
        try:
            with urllib.request.urlopen(url, timeout=1) as response:
                body = response.read().decode()
        except OSError:
            return False
        return True

    async with asyncio.timeout(DEADLINE_S):
        while not await asyncio.to_thread(is_served):
            await asyncio.sleep(0.02)
    return body


def _nat() -> list[str]:
    return _run("iptables", "-w", "-t", "nat", "-S").splitlines()


def _forget(*words: str) -> None:
    """Unless tests beside us have just forgotten it, or begun to use it."""
    subprocess.run(["iptables", "-w", "-t", "nat", *words], check=False, capture_output=True)


def _run(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout
