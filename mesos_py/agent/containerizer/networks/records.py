"""What is known of the networks of each container, on disk::

    <place>/<container>/record.json    its networks, each with the answer of its plugins once there is one
                        ns             where its network namespace is mounted
                        hosts, hostname, resolv.conf
    <place>/<nested>    -> the container at the root of its tree

A record is there before the first plugin is run, and goes after the last one has undone its work.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from mesos_py.agent.containerizer.networks.configuration import Malformed, Network
from mesos_py.wire.codec.json import from_value, to_value
from mesos_py.wire.network import NetworkInfo


@attrs.define(eq=False, kw_only=True)
class Attachment:
    """A container in one network."""

    #: within the container
    interface: str
    network: Network
    asked: NetworkInfo
    #: what its last plugin has answered; None: it is not known how far they came
    result: dict[str, Any] | None = None


@attrs.define(eq=False, kw_only=True)
class Record:
    hostname: str
    attachments: list[Attachment]

    @property
    def is_complete(self) -> bool:
        return all(one.result is not None for one in self.attachments)


class Records:
    """Raises OSError where nothing else is said."""

    def __init__(self, place: str) -> None:
        self._place = place

    def open(self) -> None:
        os.makedirs(self._place, exist_ok=True)
        os.chmod(self._place, 0o700)

    def containers(self) -> Iterator[str]:
        """With networks of their own."""
        yield from sorted([one.name for one in os.scandir(self._place) if one.is_dir(follow_symlinks=False)])

    def nested(self) -> Iterator[tuple[str, str]]:
        """Nested containers, and the containers at the root of their trees."""
        yield from [(one.name, os.readlink(one.path)) for one in os.scandir(self._place) if one.is_symlink()]

    def directory(self, container_id: str) -> str:
        return f"{self._place}/{container_id}"

    def namespace(self, container_id: str) -> str:
        return f"{self._place}/{container_id}/ns"

    def link(self, container_id: str, root: str) -> None:
        if not os.path.lexists(self.directory(container_id)):
            os.symlink(root, self.directory(container_id))

    def is_there(self, container_id: str) -> bool:
        return os.path.lexists(self.directory(container_id))

    def write(self, container_id: str, record: Record) -> None:
        """It is there, whole, or as it was before."""
        directory = self.directory(container_id)
        os.makedirs(directory, exist_ok=True)
        networks = [
            {
                "interface": one.interface,
                "network": attrs.asdict(one.network),
                "asked": to_value(one.asked),
                "result": one.result,
            }
            for one in record.attachments
        ]
        text = json.dumps({"hostname": record.hostname, "networks": networks})
        Path(f"{directory}/record.new").write_text(text, encoding="utf-8")
        os.replace(f"{directory}/record.new", f"{directory}/record.json")

    def read(self, container_id: str) -> Record | None:
        """None: nothing was begun. Raises Malformed, too."""
        try:
            found = json.loads(Path(f"{self.directory(container_id)}/record.json").read_bytes())
            return Record(
                hostname=found["hostname"],
                attachments=[
                    Attachment(
                        interface=one["interface"],
                        network=Network(
                            name=one["network"]["name"],
                            version=one["network"]["version"],
                            plugins=tuple(one["network"]["plugins"]),
                        ),
                        asked=from_value(NetworkInfo, one["asked"]),
                        result=one["result"],
                    )
                    for one in found["networks"]
                ],
            )
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise Malformed(f"the record of its networks makes no sense: {error}") from error

    def remove(self, container_id: str) -> None:
        path = self.directory(container_id)
        if os.path.islink(path):
            os.unlink(path)
        else:
            shutil.rmtree(path, ignore_errors=True)
