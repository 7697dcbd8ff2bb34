"""One launch, step by step: sandbox, image, mounts, created, started, looked at.

Cancelled at any step, or failed, it says so; whoever asked removes what may have been created then. A step that dockerd
does not answer is repeated, because each may be done twice: a second creation finds the name taken, a second start
finds it started. That has an end: a task whose dockerd is away for ``patience_s`` fails with that for a reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

import attrs
import docker

from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.containerizer.docker.described import Inspected
from mesos_py.agent.containerizer.docker.dockerd import NO_ANSWER, Away, Dockerd, Refused
from mesos_py.agent.containerizer.docker.images import Images, NoImage
from mesos_py.agent.containerizer.docker.mounts import NoMount, settle
from mesos_py.agent.containerizer.docker.request import BAD_OPTIONS, Request, Settings, request
from mesos_py.agent.containerizer.docker.sandboxes import NoSandbox, Sandboxes
from mesos_py.agent.containerizer.docker.warden import Warden
from mesos_py.machine.problem import Problem

T = TypeVar("T")

LAUNCHES_AT_ONCE: Final = 8
CONFLICT: Final = 409

#: What dockerd says when there is no such program in the image, or it is none, and what that means.
_NO_PROGRAM: Final = {
    "executable file not found": "No such file or directory",
    "no such file or directory": "No such file or directory",
    "permission denied": "Permission denied",
    "exec format error": "Exec format error",
}


class NotLaunched(Exception):
    """The container does not run and will not; the text is why."""


@attrs.define(eq=False)
class Launch:
    """What one launch has come to."""

    spec: ContainerSpec
    #: dockerd may have a container of that name, or be about to
    may_exist: bool = False
    is_removed_at_once: bool = False


class Launcher:
    """Launches the containers of one agent, so many at once."""

    def __init__(
        self, dockerd: Dockerd, images: Images, sandboxes: Sandboxes, settings: Settings, warden: Warden,
        *, patience_s: float,
    ) -> None:  # fmt: skip
        self._dockerd = dockerd
        self._images = images
        self._sandboxes = sandboxes
        self._settings = settings
        self._warden = warden
        self._patience_s = patience_s
        self._turns = asyncio.Semaphore(LAUNCHES_AT_ONCE)

    async def run(self, launch: Launch) -> Inspected:
        """It has been started, and this is what dockerd says of it. Raises NotLaunched."""
        spec = launch.spec
        try:
            if not spec.is_kept:
                await self._warden.open()
            await self._sandboxes.make(spec)
            asked = request(spec, self._settings)
            if isinstance(asked, Problem):
                raise NotLaunched(asked.text)
            launch.is_removed_at_once = asked.is_removed_at_once
            await self._images.need(asked.image, spec.sandbox, anyway=asked.is_pulled_anyway)
            async with self._turns:
                return await self._start(launch, asked)
        except NoMount as error:
            raise NotLaunched(f"{BAD_OPTIONS}{error}") from error
        except (NoSandbox, NoImage) as error:
            raise NotLaunched(str(error)) from error

    async def _start(self, launch: Launch, asked: Request) -> Inspected:
        spec, settings, name = launch.spec, self._settings, asked.name
        mounts = await asyncio.to_thread(
            settle, asked.mounts, spec.sandbox, settings.sandbox_directory, settings.policy
        )
        config: dict[str, Any] = {**asked.config, "HostConfig": {**asked.config["HostConfig"], "Mounts": mounts}}
        try:
            await self._repeat(launch, lambda client: client.create_container_from_config(config, name))  # type: ignore[no-untyped-call]
        except Refused as error:
            if error.status != CONFLICT or not launch.may_exist:
                raise NotLaunched(f"Failed to create container: {error}") from error
        launch.may_exist = True
        try:
            await self._repeat(launch, lambda client: client.start(name))
            return await self._repeat(launch, lambda client: client.inspect_container(name))
        except Refused as error:
            why = not_executed(spec.executable, str(error)) or f"Failed to start container: {error}"
            raise NotLaunched(why) from error

    async def _repeat(self, launch: Launch, call: Callable[[docker.APIClient], T]) -> T:
        before = launch.may_exist

        def attempt(client: docker.APIClient) -> T:
            launch.may_exist = True  # whoever is cancelled from here on has not heard the answer
            return call(client)

        def missed(error: Away) -> None:
            nonlocal before
            before = launch.may_exist = before or not error.is_unsent

        try:
            return await self._dockerd.insist(attempt, patience_s=self._patience_s, missed=missed)
        except Away as error:
            raise NotLaunched(f"{NO_ANSWER}: {error}") from error


def not_executed(program: str, text: str) -> str | None:
    """What a runtime says of a program that it could not execute, in the words of the other containerizers."""
    why = next((why for sign, why in _NO_PROGRAM.items() if sign in text), None)
    return None if why is None or "exec" not in text else f"Failed to execute '{program}': {why}"
