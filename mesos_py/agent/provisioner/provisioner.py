"""The agent's images, all of it together: a root for each container that wants one, and the end of both.

    provisioner = Provisioner(settings)
    await provisioner.open()                          # or a sentence that says why images cannot be used here
    await provisioner.recover(known containers)       # what belongs to nobody is unmounted and removed
    made = await provisioner.provision(container_id, image)
    ... the container runs in made.rootfs ...
    await provisioner.destroy(container_id)           # always, also when provision has failed or was cancelled

Mesos: src/slave/containerizer/mesos/provisioner/provisioner.cpp, Slave::checkImageDiskUsage in src/slave/slave.cpp
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Collection, Sequence
from typing import Any, Final

import attrs
import structlog

from mesos_py.agent.mapped_ids import MappedIds
from mesos_py.agent.provisioner import credentials, rootfs
from mesos_py.agent.provisioner.manifest import ImageConfig
from mesos_py.agent.provisioner.places import OWN, let_in
from mesos_py.agent.provisioner.puller import Limits
from mesos_py.agent.provisioner.reference import (
    Archives,
    Layout,
    Registry,
    Source,
    parse_reference,
    parse_registry,
    source,
)
from mesos_py.agent.provisioner.store import Store
from mesos_py.agent.provisioner.tools import ToolFailed, remove
from mesos_py.wire.flags import ImageGcConfig
from mesos_py.wire.image import Image

log = structlog.get_logger(__name__)

MOUNTS_MAX: Final = 8  # programs that mount or unmount at once; the kernel does it one after the other anyway

#: What is run, and where Debian has it.
PROGRAMS: Final = {"skopeo": "skopeo", "umoci": "umoci", "setpriv": "util-linux", "mount": "mount", "umount": "mount"}


class ProvisionError(Exception):
    """A container does not get its root; the text is why, in one sentence."""


@attrs.frozen(kw_only=True)
class ProvisionerSettings:
    """What the agent's flags say about images."""

    work_dir: str
    #: --docker_store_dir
    store_dir: str
    #: --docker_registry
    registry: str
    #: --docker_config, its text
    docker_config: str | None = None
    #: --image_provisioner_backend; None: the first that works
    backend: str | None = None
    #: --image_gc_config; None: images go only when somebody says so
    gc: ImageGcConfig | None = None
    limits: Limits = attrs.Factory(Limits)
    #: whom the users of images are on the host; None: those of the same number
    ids: MappedIds | None = None


@attrs.frozen(kw_only=True)
class Provisioned:
    """A container's root."""

    #: absolute; its own, to be written to
    rootfs: str
    #: how the image wants to be run
    config: ImageConfig


class Provisioner:
    """Images and roots of one agent."""

    def __init__(self, settings: ProvisionerSettings) -> None:
        """Nothing is touched before ``open``."""
        self._settings = settings
        self._store = Store(settings.store_dir, settings.limits, settings.ids)
        self._root = f"{settings.work_dir}/provisioner"
        self._backend = ""
        self._registry: Registry
        self._auths: Any = credentials.NO_CONFIG
        #: digests of the images over which each container's roots lie
        self._used: dict[str, set[str]] = {}
        self._destroying: dict[str, asyncio.Task[None]] = {}
        self._mounts = asyncio.Semaphore(MOUNTS_MAX)
        self.pull_time = self._store.pull_time
        #: containers whose roots could not be removed
        self.remove_errors = 0

    # ---- its life

    async def open(self) -> None:
        """Everything that is needed is there. Raises ValueError or OSError with a sentence that says what is not."""
        settings = self._settings
        if os.geteuid() != 0:
            raise ValueError("--image_providers needs root")
        for program, package in PROGRAMS.items():
            if shutil.which(program) is None:
                raise ValueError(f"--image_providers needs {program} (apt-get install {package})")
        self._registry = _registry(settings.registry)
        if settings.docker_config is not None:
            self._auths = credentials.parse_docker_config(settings.docker_config)
        for image in () if settings.gc is None else settings.gc.excluded_images:
            try:
                self._source(image)
            except ProvisionError as error:
                raise ValueError(f"--image_gc_config: {error}") from error
        os.makedirs(f"{self._root}/containers", exist_ok=True)
        os.chmod(self._root, OWN)
        if settings.ids is not None:
            let_in(self._root, settings.ids)
        self._store.open()
        lower = f"{self._store.directory}/staging/probe"
        os.makedirs(lower, exist_ok=True)
        try:
            self._backend = await rootfs.choose(settings.backend, lower, self._root, settings.limits)
        except ToolFailed as error:
            name = settings.backend
            raise ValueError(f"The specified provisioner backend '{name}' is not supported: {error}") from error
        log.info("images", store=self._store.directory, registry=settings.registry, backend=self._backend)

    async def recover(self, known: Collection[str]) -> None:
        """Roots of other containers than these are gone, and so is what no root and no name needs."""
        names = os.listdir(f"{self._root}/containers")
        await asyncio.gather(*[self.destroy(name) for name in names if name not in known])
        for name in os.listdir(self._root):
            if name != "containers":
                await remove(f"{self._root}/{name}")  # a probe that was cut short
        for name in known:
            paths = rootfs.images_of(self._place(name))
            if paths:
                self._used[name] = {os.path.basename(os.path.dirname(path)) for path in paths}
        await self._store.recover(self._in_use())

    async def close(self, *, keep: bool = False) -> None:
        """No pull goes on; with ``keep`` the roots stay for the next agent, otherwise nothing is left mounted."""
        await self._store.close()
        await asyncio.gather(*self._destroying.values())
        if not keep and os.path.isdir(f"{self._root}/containers"):
            await asyncio.gather(*[self.destroy(name) for name in os.listdir(f"{self._root}/containers")])

    # ---- containers

    async def provision(self, container_id: str, image: Image) -> Provisioned:
        """The container has another root, of this image. Raises ProvisionError.

        A container may have several. Whatever happens, and also when this is cancelled, ``destroy`` follows some time.
        """
        wanted = self._source(image)
        assert image.docker is not None
        name = image.docker.name
        if "/" in container_id or container_id in ("", ".", ".."):
            raise ProvisionError(f"'{container_id}' is no container's id")
        with self._store.hold(wanted):
            try:
                auth = credentials.auth_file(self._auths, image.docker)
                stored = await self._store.get(wanted, cached=image.cached, auth=auth)
            except (ToolFailed, ValueError) as error:
                raise ProvisionError(f"Failed to pull image '{name}': {error}") from error
            self._used.setdefault(container_id, set()).add(stored.digest)
            try:
                async with self._mounts:
                    made = await rootfs.provision(
                        self._backend, stored.rootfs, self._place(container_id), self._settings.limits
                    )
            except (ToolFailed, OSError) as error:
                raise ProvisionError(f"Failed to provision image '{name}': {error}") from error
        return Provisioned(rootfs=made, config=stored.config)

    async def destroy(self, container_id: str) -> None:
        """Nothing is left of the container's roots, if it had any; what cannot be removed is logged and counted."""
        running = self._destroying.get(container_id)
        if running is None:
            running = asyncio.create_task(self._destroy(container_id), name=f"unmount {container_id}")
            self._destroying[container_id] = running
            running.add_done_callback(lambda _: self._destroying.pop(container_id))
        await asyncio.shield(running)

    async def _destroy(self, container_id: str) -> None:
        place = self._place(container_id)
        if os.path.lexists(place):
            async with self._mounts:
                try:
                    await rootfs.destroy(place)
                except ToolFailed as error:
                    self.remove_errors += 1
                    log.error("roots of a container are left", container_id=container_id, path=place, why=str(error))
                    return
        self._used.pop(container_id, None)

    # ---- images

    async def prune(self, excluded: Sequence[Image] = ()) -> None:
        """Images that no container uses are gone, but for the excluded ones. Raises ProvisionError for bad names.

        Without any given, those of --image_gc_config are excluded, as in Mesos.
        """
        if not excluded and self._settings.gc is not None:
            excluded = self._settings.gc.excluded_images
        keys = {self._source(image).key for image in excluded}
        began = time.monotonic()
        count = await self._store.prune(keys, self._in_use())
        log.info("images pruned", count=count, seconds=round(time.monotonic() - began, 3))

    async def watch_disk(self) -> None:
        """Never ends: prunes whenever the store's disk is fuller than --image_gc_config wants it to be."""
        gc = self._settings.gc
        while gc is not None:
            try:
                disk = shutil.disk_usage(self._store.directory)
                if disk.used > disk.total * (1 - gc.image_disk_headroom):
                    await self.prune()
            except OSError as error:
                log.warning("images not pruned", path=self._store.directory, error=str(error))
            await asyncio.sleep(gc.image_disk_watch_interval.nanoseconds / 1e9)

    # ---- parts

    def _place(self, container_id: str) -> str:
        return f"{self._root}/containers/{container_id}"

    def _in_use(self) -> set[str]:
        return {digest for digests in self._used.values() for digest in digests}

    def _source(self, image: Image) -> Source:
        if image.type is not Image.Type.DOCKER:
            raise ProvisionError(f"Unsupported container image type: {image.type.name}")
        name = "" if image.docker is None else image.docker.name
        try:
            return source(parse_reference(name), self._registry)
        except ValueError as error:
            raise ProvisionError(f"Failed to parse docker image '{name}': {error}") from error


def _registry(text: str) -> Registry:
    """Raises ValueError."""
    found = parse_registry(text)
    if not isinstance(found, Archives):
        return found
    if not os.path.isdir(found.directory):
        raise ValueError(f"--docker_registry: there is no directory '{found.directory}'")
    return Layout(found.directory) if os.path.exists(f"{found.directory}/oci-layout") else found
