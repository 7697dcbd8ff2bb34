"""The networks of one agent's containers: joined before a container is started, left when nothing of it is there.

::

    join --> record, namespace, ADD by each plugin of each network, files --> Joined
               '-- a plugin fails, or the container is destroyed meanwhile ------------.
    leave, or the next agent finds a container that is gone --> DEL in reverse, namespace and record go

The first of a tree to be started brings the tree into its networks; what is nested later finds it there, unless it asks
for networks of its own. A plugin that cannot undo its work is asked again a few times; then the record stays, and the
next agent tries.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Final

import structlog

from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.containerizer.isolators import network as isolator
from mesos_py.agent.containerizer.isolators.network import Joined
from mesos_py.agent.containerizer.name_servers import of_network
from mesos_py.agent.containerizer.networks import results, traffic
from mesos_py.agent.containerizer.networks.catalogue import Catalogue, NoNetwork
from mesos_py.agent.containerizer.networks.configuration import Malformed, request
from mesos_py.agent.containerizer.networks.plugins import Plugins
from mesos_py.agent.containerizer.networks.records import Attachment, Record, Records
from mesos_py.agent.containerizer.runtime.runtime import RuntimeUnavailable
from mesos_py.agent.namespaces import within
from mesos_py.agent.provisioner.tools import DIE_WITH_US, ToolFailed, run
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.flags import ContainerDNSInfo

log = structlog.get_logger(__name__)

NAMESPACE_TIMEOUT_S: Final = 30
LEAVE_ATTEMPTS: Final = 3  # of which the last is made whether its namespace stays or not
LEAVE_PAUSE_S: Final = 1.0

#: What is run, and where Debian has it.
PROGRAMS: Final = {"unshare": "util-linux", "umount": "mount", "ip": "iproute2"}


#: What is done first in a network namespace. Root in a user namespace is not root of this one, and could have no port
#: below 1024 of an address that is its container's alone.
NAMESPACE: Final = "ip link set lo up && echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start"


class Networks:
    """``place`` is a directory of this agent's alone, ``name_servers`` is --default_container_dns."""

    def __init__(
        self, catalogue: Catalogue, place: str, *, name_servers: ContainerDNSInfo | None = None, counts: bool = True
    ) -> None:
        """``counts``: usage tells what went through their links."""
        self._catalogue = catalogue
        self._counts = counts
        self._name_servers = name_servers
        self._plugins = Plugins(catalogue)
        self._records = Records(place)
        #: containers that are joining, or have joined: at the root of their trees, or nested with networks of their own
        self._joining: dict[str, asyncio.Future[Joined]] = {}
        #: other nested containers, and the one in whose networks they are
        self._roots: dict[str, str] = {}

    def open(self) -> None:
        """Everything that is needed is there. Raises RuntimeUnavailable or OSError."""
        for program, package in PROGRAMS.items():
            if shutil.which(program) is None:
                raise RuntimeUnavailable(f"network/cni needs {program} (apt-get install {package})")
        self._records.open()
        for file, text in self._catalogue.read()[1].items():
            log.warning("no network", file=file, why=text)

    async def recover(self, running: Collection[str]) -> None:
        """Of containers that are neither running nor the root of what is, nothing is left."""
        for container_id, root in self._records.nested():
            if container_id in running:
                self._roots[container_id] = root
            else:
                self._records.remove(container_id)
        for container_id in self._records.containers():
            if container_id not in running and container_id not in self._roots.values():
                log.info("remains of a container's networks are removed", container_id=container_id)
                await self._detach(container_id)
                continue
            joined = self._found(container_id)
            if joined is not None:
                self._joining[container_id] = asyncio.get_running_loop().create_future()
                self._joining[container_id].set_result(joined)

    async def join(self, spec: ContainerSpec) -> Joined | None:
        """The container is in its networks; None: in the host's. Raises NoNetwork and OSError."""
        root, container = spec.container_id, spec.container
        is_guest = not isolator.is_own(spec)
        if is_guest:
            assert spec.parent_id is not None
            root, container = self._roots.get(spec.parent_id, spec.parent_id), spec.root_container
        joining = self._joining.get(root)
        if joining is None:
            if not isolator.named(container):
                return None
            assert container is not None
            joining = asyncio.create_task(self._attach(root, container), name=f"join networks {root}")
            self._joining[root] = joining
        if is_guest:
            self._roots[spec.container_id] = root
            self._records.link(spec.container_id, root)
        return await asyncio.shield(joining)

    def of(self, container_id: str) -> Joined | None:
        """What the container is in; None: the host's network."""
        joining = self._joining.get(self._roots.get(container_id, container_id))
        if joining is None or not joining.done() or joining.cancelled() or joining.exception() is not None:
            return None
        return joining.result()

    async def usage(self, container_ids: Iterable[str]) -> dict[str, dict[str, int]]:
        """Fields of ResourceStatistics, of those that have networks of their own."""
        joined = {one: self.of(one) for one in container_ids if one in self._joining and self._counts}
        return await asyncio.to_thread(_traffic, {one: found for one, found in joined.items() if found is not None})

    async def leave(self, container_id: str) -> None:
        """Nothing is left of the networks of a container that is gone."""
        if self._roots.pop(container_id, None) is not None:
            self._records.remove(container_id)
            return
        joining = self._joining.pop(container_id, None)
        if joining is not None:
            joining.cancel()
            await asyncio.gather(joining, return_exceptions=True)
        for attempt in range(LEAVE_ATTEMPTS) if self._records.is_there(container_id) else ():
            is_last = attempt == LEAVE_ATTEMPTS - 1
            if await self._detach(container_id, is_last=is_last) or is_last:
                return
            await asyncio.sleep(LEAVE_PAUSE_S)

    # ---- parts

    async def _attach(self, container_id: str, container: ContainerInfo) -> Joined:
        if self._records.is_there(container_id):  # an agent was killed while it did this
            await self._detach(container_id)
        attachments = []
        for number, asked in enumerate(isolator.named(container)):
            network = self._catalogue.network(asked.name or "")
            if asked.port_mappings and not network.maps_ports:
                raise NoNetwork(f"CNI network '{network.name}' has no plugin that maps ports")
            attachments.append(Attachment(interface=f"eth{number}", network=network, asked=asked))
        record = Record(hostname=container.hostname or container_id, attachments=attachments)
        self._records.write(container_id, record)
        await self._make_namespace(container_id)
        for attachment in attachments:
            previous = None
            for plugin in attachment.network.plugins:
                told = request(attachment.network, plugin, attachment.asked, previous)
                previous = await self._call("ADD", told, container_id, attachment)
            attachment.result = previous
            self._records.write(container_id, record)
        for name, text in self._files(record).items():
            Path(self._records.directory(container_id), name).write_text(text, encoding="utf-8", errors="replace")
        return self._joined(container_id, record)

    async def _make_namespace(self, container_id: str) -> None:
        path = self._records.namespace(container_id)
        Path(path).touch()
        argv = ("unshare", f"--net={path}", "sh", "-ec", NAMESPACE)
        try:
            await run(*DIE_WITH_US, *argv, timeout_s=NAMESPACE_TIMEOUT_S)
        except ToolFailed as error:
            raise NoNetwork(f"Failed to make a network namespace: {error}") from error

    async def _detach(self, container_id: str, *, is_last: bool = True) -> bool:
        """Whether all is undone. Else the record stays, and the namespace for plugins that need it, but at the last."""
        try:
            record = self._records.read(container_id)
        except (Malformed, OSError) as error:
            log.warning("networks not left", container_id=container_id, why=str(error))
            record = None
        is_clean = True
        for attachment in reversed(record.attachments) if record is not None else ():
            previous = attachment.result if attachment.network.deletes_by_result else None
            for plugin in reversed(attachment.network.plugins):
                told = request(attachment.network, plugin, attachment.asked, previous)
                try:
                    await self._call("DEL", told, container_id, attachment)
                except NoNetwork as error:
                    log.warning("network not left", container_id=container_id, why=str(error))
                    is_clean = False
        if is_clean or is_last:
            is_clean &= await self._remove_namespace(container_id)
        if is_clean:
            await asyncio.to_thread(self._records.remove, container_id)
        return is_clean

    async def _remove_namespace(self, container_id: str) -> bool:
        path = self._records.namespace(container_id)
        try:
            if os.path.ismount(path):
                await run("umount", path, timeout_s=NAMESPACE_TIMEOUT_S)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)  # it goes from the mount namespaces of other containers, too
        except (ToolFailed, OSError) as error:
            log.warning("network namespace not removed", container_id=container_id, why=str(error))
            return False
        return True

    async def _call(
        self, command: str, told: dict[str, object], container_id: str, attachment: Attachment
    ) -> dict[str, object]:
        path = self._records.namespace(container_id)
        return await self._plugins.call(
            command, told, container_id=container_id, interface=attachment.interface,
            namespace=path if os.path.ismount(path) else "",
        )  # fmt: skip

    def _found(self, container_id: str) -> Joined | None:
        """As an earlier agent has left it; None: not whole."""
        try:
            record = self._records.read(container_id)
        except (Malformed, OSError) as error:
            log.warning("networks not found again", container_id=container_id, why=str(error))
            return None
        is_there = os.path.ismount(self._records.namespace(container_id))
        return self._joined(container_id, record) if record is not None and record.is_complete and is_there else None

    def _joined(self, container_id: str, record: Record) -> Joined:
        found = [address for one in record.attachments for address in results.addresses(one.result or {})]
        directory = self._records.directory(container_id)
        own = [isolator.HOSTS, isolator.HOSTNAME, isolator.RESOLV_CONF]
        files = {path: f"{directory}/{os.path.basename(path)}" for path in own}
        return Joined(
            namespace=self._records.namespace(container_id),
            hostname=record.hostname,
            infos=tuple([results.obtained(one.asked, one.result or {}) for one in record.attachments]),
            files={path: file if os.path.exists(file) else path for path, file in files.items()},
            address=str(found[0]) if found else "",
        )

    def _files(self, record: Record) -> dict[str, str]:
        """Name and text of the files that the container sees in /etc."""
        addresses, name_servers = [], []
        for one in record.attachments:
            addresses += results.addresses(one.result or {})
            told = results.dns(one.result or {})
            by_default = of_network(self._name_servers, one.network.name)
            name_servers += [told] if told.nameservers else [by_default] if by_default is not None else []
        texts = {
            "hosts": isolator.hosts(record.hostname, addresses),
            "hostname": f"{record.hostname}\n",
            "resolv.conf": isolator.resolv_conf(results.merged(name_servers)),
        }
        return {name: text for name, text in texts.items() if text}


def _traffic(joined: Mapping[str, Joined]) -> dict[str, dict[str, int]]:
    found = {}
    for container_id, one in joined.items():
        with contextlib.suppress(OSError):  # it has just ended
            text = within(one.namespace, Path("/proc/thread-self/net/dev").read_text)
            found[container_id] = traffic.total(text, [f"eth{number}" for number in range(len(one.infos))])
    return found
