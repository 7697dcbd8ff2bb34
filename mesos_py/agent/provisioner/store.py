"""Every image once: pulled once for all who ask for it, unpacked once, shared by all containers that run it.

::

    <docker_store_dir>/index.json              which names are known, and what they meant when they were pulled
                       images/<digest>/        rootfs/, manifest.json, config.json: whole, or not there
                       blobs/sha256/<digest>   layers as they came, kept because images share them
                       staging/<random>/       what is being pulled or unpacked; removed at the next start

An image is named by the SHA-256 of its OCI manifest. It is unpacked beside the others, reaches the disk and gets its
name last, by a rename; so a killed agent never leaves half of one. A name is taken for known only while its image is
there. Blobs are a cache and nothing more: skopeo checks what it fetches against its digest, umoci checks again what it
unpacks; if one that was kept is bad, it is fetched anew.

Where users of containers are others on the host (``mapped_ids.py``), files of images are theirs, and ``images`` is
called after those: an agent that starts with other flags unpacks anew, and drops what nothing uses.

What is bounded: programs at once, their time, layers, the disk they fill. Not bounded is how much of that disk one
image takes. Who has pulled an image with a password has pulled it for everybody, as in Mesos.
Mesos: src/slave/containerizer/mesos/provisioner/docker/store.cpp, metadata_manager.cpp
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
import uuid
from collections import Counter
from collections.abc import Collection, Iterator
from functools import partial
from typing import Any, Final

import attrs
import structlog

from mesos_py.agent.mapped_ids import MappedIds
from mesos_py.agent.provisioner import manifest
from mesos_py.agent.provisioner.manifest import ImageConfig
from mesos_py.agent.provisioner.places import (
    Lock,
    private_directory,
    read_json,
    sync_directory,
    write_durably,
)
from mesos_py.agent.provisioner.puller import BLOBS, BadBlobs, Limits, Puller
from mesos_py.agent.provisioner.reference import Source
from mesos_py.agent.provisioner.tools import ToolFailed, remove
from mesos_py.web.metrics import Timer

log = structlog.get_logger(__name__)

PULL_TIME: Final = "containerizer/mesos/provisioner/docker_store/image_pull_ms"
IMAGES: Final = "images"
PULLS_MAX: Final = 8  # at once; others wait
INDEX_MAX: Final = 64 << 20  # bytes
CLOCK_TICK_S: Final = 0.02  # times of files lag behind the clock by as much


@attrs.frozen(kw_only=True)
class StoredImage:
    """An image that is here."""

    #: of its OCI manifest, hexadecimal
    digest: str
    #: the unpacked copy; nobody writes there
    rootfs: str
    config: ImageConfig
    #: digests of what it was made from
    blobs: frozenset[str]


@attrs.frozen
class Name:
    """What the key of a Source meant when it was pulled."""

    #: of a StoredImage
    digest: str
    #: of what skopeo found there
    pulled: str


@attrs.define(eq=False)
class _Pull:
    """One pull and all who wait for it."""

    key: tuple[str, bool, str]
    #: wall clock, as files have it
    began: float
    waiting: int = 0
    task: asyncio.Task[StoredImage] | None = None


class Store:
    """The images of one agent."""

    def __init__(self, directory: str, limits: Limits, ids: MappedIds | None = None) -> None:
        """Nothing is touched before ``open``. ``ids``: whom the users of images are on the host."""
        self.directory = directory
        self._limits = limits
        self._ids = ids
        #: the directory of unpacked images
        self._unpacked = IMAGES if ids is None else f"{IMAGES}-{ids}"
        self.pull_time = Timer(PULL_TIME)
        self._names: dict[str, Name] = {}
        self._images: dict[str, StoredImage] = {}
        #: those that may be joined
        self._pulls: dict[tuple[str, bool, str], _Pull] = {}
        #: those that have not ended yet
        self._running: list[_Pull] = []
        #: keys that must stay, because a container is just getting its image
        self._held: Counter[str] = Counter()
        self._slots = asyncio.Semaphore(PULLS_MAX)
        self._adopting, self._writing = asyncio.Lock(), asyncio.Lock()
        self._lock: Lock | None = None
        self._puller: Puller

    # ---- its life

    def open(self) -> None:
        """The directory is ours alone. Raises ValueError or OSError with a sentence that says why it cannot be."""
        self.directory = private_directory(self.directory)
        if ":" in self.directory:
            raise ValueError(f"'{self.directory}' is no place for images: skopeo takes no path with a colon")
        self._lock = Lock(f"{self.directory}/lock", f"the images in '{self.directory}'")
        for name in (self._unpacked, "blobs", "staging"):
            os.makedirs(f"{self.directory}/{name}", 0o700, exist_ok=True)
        self._puller = Puller(self.directory, self._limits, self._ids)

    async def recover(self, used: Collection[str]) -> None:
        """Known is what is whole; the rest is gone, but for images in use. Call once, before anything is asked for."""
        for unpacked in [name for name in os.listdir(self.directory) if name.startswith(IMAGES)]:
            if unpacked != self._unpacked:
                for digest in os.listdir(f"{self.directory}/{unpacked}"):
                    if digest not in used:
                        self._remove(f"{self.directory}/{unpacked}/{digest}")
        for digest in os.listdir(f"{self.directory}/{self._unpacked}"):
            try:
                self._images[digest] = self._read(digest)
            except (OSError, ValueError) as error:
                log.warning("image dropped", digest=digest, why=str(error))
                if digest not in used:
                    self._doom(digest)
        index = f"{self.directory}/index.json"
        try:
            self._names = _names(read_json(index, INDEX_MAX))
        except FileNotFoundError:
            self._names = {}
        except (OSError, ValueError) as error:
            log.warning("index of images dropped", path=index, why=str(error))
        self._names = {key: name for key, name in self._names.items() if name.digest in self._images}
        self._doom_unused(used)
        await self._empty([f"{self.directory}/staging/{name}" for name in os.listdir(f"{self.directory}/staging")])

    async def close(self) -> None:
        """No pull goes on, and another agent may have the directory."""
        for task in self.pulls():
            task.cancel()
        await asyncio.gather(*self.pulls(), return_exceptions=True)
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    # ---- images

    @contextlib.contextmanager
    def hold(self, source: Source) -> Iterator[None]:
        """Meanwhile the image of this name is not pruned."""
        self._held[source.key] += 1
        try:
            yield
        finally:
            self._held[source.key] -= 1
            if not self._held[source.key]:
                del self._held[source.key]

    async def get(self, source: Source, *, cached: bool, auth: str) -> StoredImage:
        """The image, pulled if it is not there or if it must be as it is now (``cached`` is False).

        Raises ToolFailed. The pull is given up when nobody waits for it any more.
        """
        known = self._names.get(source.key)
        if cached and known is not None:
            return self._images[known.digest]
        key = (source.key, cached, auth)
        pull = self._pulls.get(key)
        if pull is None:
            pull = self._pulls[key] = _Pull(key, time.time())
            self._running.append(pull)
            pull.task = asyncio.create_task(self._pull(pull, source, auth), name=f"pull {source.key}")
            pull.task.add_done_callback(partial(self._ended, pull))
        assert pull.task is not None
        pull.waiting += 1
        try:
            return await asyncio.shield(pull.task)
        except asyncio.CancelledError:
            if pull.task.cancelled() and not asyncio.current_task().cancelling():  # type: ignore[union-attr]
                raise ToolFailed("the agent ends") from None
            raise
        finally:
            pull.waiting -= 1
            if not pull.waiting and not pull.task.done():
                self._pulls.pop(key, None)  # whoever comes now begins anew
                pull.task.cancel()

    async def prune(self, excluded: Collection[str], used: Collection[str]) -> int:
        """Only images in use, excluded or just being asked for are left; how many are gone.

        ``excluded`` are keys of Sources, ``used`` digests of StoredImages.
        """
        self._names = {
            key: name for key, name in self._names.items()
            if key in excluded or key in self._held or name.digest in used
        }  # fmt: skip
        doomed = self._doom_unused(used)
        await self._write_index()
        await self._empty(doomed)
        return len(doomed)

    # ---- a pull

    def pulls(self) -> tuple[asyncio.Task[StoredImage], ...]:
        """Those that have not ended yet."""
        return tuple([pull.task for pull in self._running if pull.task is not None])

    def _ended(self, pull: _Pull, task: asyncio.Task[StoredImage]) -> None:
        self._running.remove(pull)
        if self._pulls.get(pull.key) is pull:
            del self._pulls[pull.key]
        if not task.cancelled():
            task.exception()  # whoever has waited has heard it

    async def _pull(self, pull: _Pull, source: Source, auth: str) -> StoredImage:
        async with self._slots:
            began = time.monotonic()
            staging = f"{self.directory}/staging/{uuid.uuid4().hex}"
            try:
                os.mkdir(staging, 0o700)
                image = await self._pulled(source, auth, staging)
            except OSError as error:
                raise ToolFailed(str(error)) from error
            finally:
                await self._empty([staging], but=pull)
        took_s = time.monotonic() - began
        self.pull_time.record(took_s * 1000)
        log.info("image pulled", image=source.key, digest=image.digest, seconds=round(took_s, 3))
        return image

    async def _pulled(self, source: Source, auth: str, staging: str) -> StoredImage:
        found = await self._puller.inspect(source, auth, staging)
        known = self._names.get(source.key)
        if known is not None and known.pulled == found:
            return self._images[known.digest]
        try:
            digest = await self._fetch(source, found, staging)
        except BadBlobs as error:
            log.warning("blobs dropped", image=source.key, why=str(error))
            digest = await self._fetch(source, found, staging)
        # From the image's coming to its name nothing is awaited, or it could be pruned.
        self._names[source.key] = Name(digest, found)
        image = self._images[digest]
        await self._write_index()
        return image

    async def _fetch(self, source: Source, found: str, staging: str) -> str:
        """The image of this digest is here."""
        digest = await self._puller.copy(source, found, staging)
        if digest not in self._images:
            await self._puller.unpack(digest, staging)
            async with self._adopting:
                if digest not in self._images:
                    self._images[digest] = await asyncio.to_thread(self._adopt, f"{staging}/image", digest)
        return digest

    def _adopt(self, made: str, digest: str) -> StoredImage:
        os.rename(made, f"{self.directory}/{self._unpacked}/{digest}")
        sync_directory(f"{self.directory}/{self._unpacked}")
        return self._read(digest)

    def _read(self, digest: str) -> StoredImage:
        """Raises OSError and ValueError for what is no image of ours."""
        directory = f"{self.directory}/{self._unpacked}/{digest}"
        parts = manifest.parse_manifest(read_json(f"{directory}/manifest.json", manifest.SIZE_MAX))
        config = manifest.parse_config(read_json(f"{directory}/config.json", manifest.SIZE_MAX))
        if not os.path.isdir(f"{directory}/rootfs"):
            raise ValueError("no root directory")
        blobs = frozenset((digest, parts.config, *parts.layers))
        return StoredImage(digest=digest, rootfs=f"{directory}/rootfs", config=config, blobs=blobs)

    async def _write_index(self) -> None:
        """A name that is lost costs another pull, so a disk that takes no index stops nothing."""
        path = f"{self.directory}/index.json"
        async with self._writing:
            data = json.dumps({key: attrs.asdict(name) for key, name in self._names.items()}).encode()
            try:
                await asyncio.to_thread(write_durably, path, data)
            except OSError as error:
                log.warning("index of images not written", path=path, why=str(error))

    # ---- what goes

    def _doom_unused(self, used: Collection[str]) -> list[str]:
        """Unknown is what has no name and no user. Nothing is awaited, or it could get one meanwhile."""
        named = {name.digest for name in self._names.values()}
        return [self._doom(digest) for digest in list(self._images) if digest not in named and digest not in used]

    def _doom(self, digest: str) -> str:
        """It is out of the way of another pull of it; where it is to be removed."""
        self._images.pop(digest, None)
        return self._remove(f"{self.directory}/{self._unpacked}/{digest}")

    def _remove(self, path: str) -> str:
        doomed = f"{self.directory}/staging/{uuid.uuid4().hex}"
        with contextlib.suppress(FileNotFoundError):
            os.rename(path, doomed)
        return doomed

    async def _empty(self, doomed: list[str], *, but: _Pull | None = None) -> None:
        """All that is gone, and so are blobs of no image that is here or, ``but`` one's, on its way."""
        for path in doomed:
            await remove(path)
        kept = {digest for image in self._images.values() for digest in image.blobs}
        began = [pull.began for pull in self._running if pull is not but]
        await asyncio.to_thread(_sweep, f"{self.directory}/{BLOBS}", kept, min(began, default=time.time()))


def _sweep(directory: str, kept: Collection[str], before: float) -> None:
    with contextlib.suppress(FileNotFoundError):  # there has been none yet
        for blob in os.scandir(directory):
            if blob.name not in kept and blob.stat().st_mtime < before - CLOCK_TICK_S:
                os.unlink(blob.path)


def _names(index: Any) -> dict[str, Name]:
    """Raises ValueError."""
    try:
        return {str(key): Name(str(name["digest"]), str(name["pulled"])) for key, name in index.items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("not an index of ours") from error
