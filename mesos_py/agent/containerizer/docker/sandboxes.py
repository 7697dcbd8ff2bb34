"""Sandboxes of docker's containers, and what is fetched into them: the work of a containerizer of processes.

A process that does nothing is run in the sandbox, by the name of the container and a suffix: whoever can do that has
made the sandbox for its user, has fetched its URIs, and has begun its stdout and stderr.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import attrs

from mesos_py.agent.containerizer import Containerizer, ContainerSpec
from mesos_py.agent.events import ContainerEvent, ContainerExited, ContainerLaunchFailed

#: No container's id has a ".".
SUFFIX: Final = ".sandbox"


class NoSandbox(Exception):
    """It could not be made, or not all could be fetched; the text is why."""


class Sandboxes:
    """Each is made once, before its container."""

    def __init__(self, processes: Callable[[Callable[[ContainerEvent], None]], Containerizer]) -> None:
        """``processes`` makes a containerizer that nobody else uses, given where it is to report."""
        self._processes = processes(self._hear)
        self._making: dict[str, asyncio.Future[str | None]] = {}

    async def open(self) -> None:
        """Ready; what a former agent was making is given up."""
        for one in await self._processes.recover():
            self._processes.destroy(one.container_id)

    async def make(self, spec: ContainerSpec) -> None:
        """It is there. Raises NoSandbox. Nothing goes on in it after this is cancelled."""
        name = spec.container_id + SUFFIX
        made: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._making[name] = made
        nothing = attrs.evolve(
            spec, container_id=name, executable="/bin/sh", argv=("sh", "-c", ":"), is_kept=False, resources=(),
            limits={}, lines=None,
        )  # fmt: skip
        self._processes.launch(nothing)
        try:
            why = await asyncio.shield(made)
        except asyncio.CancelledError:
            self._processes.destroy(name)
            await asyncio.wait([made])
            raise
        finally:
            del self._making[name]
        if why is not None:
            raise NoSandbox(why.replace(name, spec.container_id))

    async def close(self) -> None:
        """What is under way is given up."""
        await self._processes.close()

    def _hear(self, event: ContainerEvent) -> None:
        why = None
        if isinstance(event, ContainerExited):
            self._processes.acknowledge(event.container_id)
            if event.status != 0:
                why = f"The sandbox could not be used (status {event.status})"
        elif isinstance(event, ContainerLaunchFailed):
            why = event.message
        else:
            return
        made = self._making.get(event.container_id)
        if made is not None and not made.done():
            made.set_result(why)
