"""From a task to a bundle on disk: its root and volumes are there, its isolators have added their part.

    launched = await preparer.prepare(spec)     # what is to be run instead, or a Problem
    await preparer.undo(container_id)           # always, whatever has become of it
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import attrs

from mesos_py.agent.containerizer import NO_SANDBOX, ContainerSpec
from mesos_py.agent.containerizer.isolators import volumes
from mesos_py.agent.containerizer.networks.catalogue import NoNetwork
from mesos_py.agent.containerizer.networks.networks import Networks
from mesos_py.agent.containerizer.runtime import places, trial
from mesos_py.agent.containerizer.runtime.plan import Planner
from mesos_py.agent.containerizer.runtime.runtime import Runtime, identify, numbers
from mesos_py.agent.provisioner.manifest import ImageConfig
from mesos_py.agent.provisioner.provisioner import Provisioner, ProvisionError
from mesos_py.machine.problem import Problem, bad_request
from mesos_py.wire.image import Image


class Preparer:
    """``provisioner`` is None without images, ``networks`` without CNI networks.

    ``force_creation`` are directories below which sources are made.
    """

    def __init__(
        self, *, runtime: Runtime, planner: Planner, work_dir: str, provisioner: Provisioner | None,
        networks: Networks | None, force_creation: Sequence[str],
    ) -> None:  # fmt: skip
        self.runtime = runtime
        self._planner = planner
        self._sandboxes = places.Sandboxes(work_dir)
        self._provisioner = provisioner
        self.networks = networks
        self._force_creation = force_creation

    async def open(self) -> None:
        """Containers can be started here. Raises RuntimeUnavailable or OSError."""
        self.runtime.open(self._planner.ids)
        if self.networks is not None:
            self.networks.open()
        await trial.attempt(self.runtime, self._planner)

    async def recover(self, running: Collection[str]) -> None:
        """Nothing is left of other containers."""
        await asyncio.to_thread(self.runtime.recover, running)
        if self.networks is not None:
            await self.networks.recover(running)

    async def prepare(self, spec: ContainerSpec) -> ContainerSpec | Problem:
        try:
            identity = identify(spec.user)
        except KeyError:
            text = f"Failed to chown directory to '{spec.user}': No such user '{spec.user}'"
            return bad_request(f"{NO_SANDBOX} '{spec.sandbox}': {text}")
        ids = self._planner.ids
        if ids is not None:
            if not ids.has(identity.uid, identity.gid, *identity.groups):
                text = f"User {identity.uid}, or a group of it, is none of the {ids.count} that containers have"
                return bad_request(text)
            spec = attrs.evolve(spec, user=numbers(identity.owner(ids)))
        wanted_image = None if spec.container is None or spec.container.mesos is None else spec.container.mesos.image
        try:
            image = None if wanted_image is None else await self._provision(spec, wanted_image)
            joined = None if self.networks is None else await self.networks.join(spec)
            bundle = self._planner.plan(spec, identity, image, joined)
            if isinstance(bundle, Problem):
                return bundle
            found = volumes.wanted(bundle, self._planner.isolation, parent_sandbox=spec.parent_sandbox,
                                   work_dir=self._sandboxes.work_dir)  # fmt: skip
            if isinstance(found, Problem):
                return found
            if found:
                await asyncio.to_thread(self._sandboxes.make, bundle.spec)
            secrets = self.runtime.secrets(spec.container_id)
            for volume in found:
                rootfs = ""
                if isinstance(volume.source, volumes.OfImage):
                    rootfs, _ = await self._provision(spec, volume.source.image)
                await asyncio.to_thread(places.mount, bundle, volume, rootfs, self._force_creation, secrets)
            return await asyncio.to_thread(self.runtime.write, bundle)
        except (ProvisionError, NoNetwork, places.NoVolume) as error:
            return bad_request(str(error))
        except OSError as error:
            return bad_request(f"Failed to prepare '{error.filename}': {error.strerror}")

    def owner(self, user: str | None) -> str | None:
        """To whom a sandbox on the host belongs that is for this user of containers."""
        if self._planner.ids is None:
            return user
        try:
            identity = identify(user)
        except KeyError:
            return user  # whoever makes the sandbox says so
        return numbers(identity.owner(self._planner.ids))

    async def _provision(self, spec: ContainerSpec, image: Image) -> tuple[str, ImageConfig]:
        if self._provisioner is None:
            raise ProvisionError("Container root filesystems not supported")
        made = await self._provisioner.provision(spec.container_id, image)
        return made.rootfs, made.config

    async def undo(self, container_id: str) -> None:
        """Nothing is left of what was prepared for it."""
        if self.networks is not None:
            await self.networks.leave(container_id)
        await asyncio.to_thread(self.runtime.remove, container_id)
        if self._provisioner is not None:
            await self._provisioner.destroy(container_id)
