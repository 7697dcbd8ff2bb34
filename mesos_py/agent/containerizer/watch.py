"""Isolators that look at containers from time to time: what they take of the disk, on which ports they listen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from mesos_py.wire.resource import Resource


class Watch(Protocol):
    """Reports a ContainerLimited of who takes what is not his. What is nested counts for the root of its tree."""

    def open(self) -> None:
        """It looks from now on."""

    async def close(self) -> None: ...

    def add(self, container_id: str, sandbox: str, resources: Sequence[Resource] | None) -> None:
        """The container is not nested. Resources that are None follow by ``update``."""

    def update(self, container_id: str, resources: Sequence[Resource]) -> None: ...

    def remove(self, container_id: str) -> None: ...

    def usage(self, container_id: str) -> Mapping[str, Any]:
        """Fields of ResourceStatistics, as they were when it was looked at last."""
