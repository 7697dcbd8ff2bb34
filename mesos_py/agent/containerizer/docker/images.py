"""The images that containers need are there, or why they are not.

An image is pulled when dockerd does not have it, or anyway if it is to be; those who want the same one wait for one
pull. Who pulls is said by a docker config: the agent's, or one that the task has fetched into its sandbox, of which
only user names and passwords count.
Mesos: src/docker/docker.cpp Docker::pull
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

import attrs
import docker.auth
import docker.utils

from mesos_py.agent.containerizer.docker.dockerd import NO_ANSWER, Away, Call, Dockerd, Refused, T
from mesos_py.agent.provisioner.credentials import SIZE_MAX, parse_docker_config
from mesos_py.web.metrics import Timer

PULLS_AT_ONCE: Final = 8

#: Where in a sandbox a docker config may be.
CONFIGS: Final = (".docker/config.json", ".dockercfg")

NOT_FOUND: Final = 404


class NoImage(Exception):
    """The image is not there and cannot be pulled; the text is why."""


@attrs.define(eq=False)
class _Pull:
    work: asyncio.Task[None]
    #: nobody waits for it any more
    is_given_up: threading.Event
    waiting: int = 0


class Images:
    """Of one dockerd. ``config`` is --docker_config; one that does not answer for ``patience_s`` has no images."""

    def __init__(
        self, dockerd: Dockerd, config: Mapping[str, Any] | None, *, patience_s: float, timer: Timer | None
    ) -> None:
        """``timer`` hears how long each pull takes that succeeds."""
        self._dockerd = dockerd
        self._patience_s = patience_s
        self._timer = timer
        self._config = config
        self._pulls: dict[tuple[str, str], _Pull] = {}
        self._turns = asyncio.Semaphore(PULLS_AT_ONCE)

    async def need(self, image: str, sandbox: str, *, anyway: bool) -> None:
        """dockerd has the image. Raises NoImage."""
        if not anyway and await self._is_there(image):
            return
        own = await asyncio.to_thread(_fetched_config, sandbox)
        key = (image, "" if own is None else sandbox)
        pull = self._pulls.get(key)
        if pull is None:
            given_up = threading.Event()
            work = asyncio.create_task(self._pull(image, own, given_up), name=f"pull {image}")
            pull = self._pulls[key] = _Pull(work, given_up)
            work.add_done_callback(lambda _: self._pulls.pop(key, None))
        pull.waiting += 1
        try:
            await asyncio.shield(pull.work)
        finally:
            pull.waiting -= 1
            if not pull.waiting and not pull.work.done():
                pull.is_given_up.set()
                pull.work.cancel()

    async def close(self) -> None:
        """Nothing is pulled any more."""
        pulls = [pull.work for pull in self._pulls.values()]
        for pull in self._pulls.values():
            pull.is_given_up.set()
            pull.work.cancel()
        await asyncio.gather(*pulls, return_exceptions=True)

    async def _is_there(self, image: str) -> bool:
        try:
            await self._insist(lambda client: client.inspect_image(image))  # type: ignore[no-untyped-call]
        except Refused as error:
            if error.status == NOT_FOUND:
                return False
            raise NoImage(str(error)) from error
        return True

    async def _pull(self, image: str, own: Mapping[str, Any] | None, given_up: threading.Event) -> None:
        def pull(client: docker.APIClient) -> str | None:
            name, tag = docker.utils.parse_repository_tag(image)
            auth = _auth(own if own is not None else self._config, name)
            for line in client.pull(name, tag=tag or "latest", stream=True, decode=True, auth_config=auth):
                if given_up.is_set():
                    return None
                if "error" in line:
                    return str(line["error"])
            return None

        async with self._turns:
            began = time.monotonic()
            try:
                why = await self._insist(pull)
            except Refused as error:
                why = str(error)
        if why is not None:
            raise NoImage(f"Failed to pull image '{image}': {why}")
        if self._timer is not None:
            self._timer.record((time.monotonic() - began) * 1000)

    async def _insist(self, call: Call[T]) -> T:
        try:
            return await self._dockerd.insist(call, patience_s=self._patience_s)
        except Away as error:
            raise NoImage(f"{NO_ANSWER}: {error}") from error


def _auth(config: Mapping[str, Any] | None, name: str) -> dict[str, Any] | None:
    """Who pulls it, by that config; None: whoever the config of the agent's own user says."""
    if config is None:
        return None
    registry, _ = docker.auth.resolve_repository_name(name)
    parsed = docker.auth.AuthConfig({**config, "auths": docker.auth.parse_auth(config.get("auths", {}))})
    return parsed.resolve_authconfig(registry) or {}


def _fetched_config(sandbox: str) -> dict[str, Any] | None:
    """Of a task, whose files may be anything: links are not followed, programs it names are not run. Raises NoImage."""
    for name in CONFIGS:
        path = os.path.join(sandbox, name)
        if os.path.realpath(path) != os.path.join(os.path.realpath(sandbox), name):
            continue
        with contextlib.suppress(FileNotFoundError):
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(fd, "rb") as file:
                if not stat.S_ISREG(os.fstat(fd).st_mode):
                    continue
                try:
                    return {"auths": parse_docker_config(file.read(SIZE_MAX + 1))["auths"]}
                except ValueError as error:
                    raise NoImage(f"'{name}' in the sandbox: {error}") from error
    return None
