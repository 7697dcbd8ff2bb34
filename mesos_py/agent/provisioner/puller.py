"""One pull, step by step, in a directory of its own below ``staging``.

::

    inspect   what the name means now, and of how many layers            skopeo inspect
    copy      manifest, config and layers, checked, into the blobs        skopeo copy
    unpack    layers over each other into image/rootfs, and on the disk   umoci raw unpack, find, sync

skopeo decides about registries, archives and platforms, umoci about what a layer may do to its root. umoci 0.4.7 lets a
whiteout of ``..`` remove the directory above the root; that is why the root stands alone in one. Devices in an image
are removed: which devices a container has is for its agent to say.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from typing import Final

import attrs

from mesos_py.agent.mapped_ids import MappedIds
from mesos_py.agent.provisioner import manifest
from mesos_py.agent.provisioner.places import read_json
from mesos_py.agent.provisioner.reference import LINK, Source
from mesos_py.agent.provisioner.tools import DIE_WITH_US, ToolFailed, Watch, remove, run

#: What skopeo may know of the agent's environment: how to reach a registry.
PASSED: Final = ("PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", *[
    spelled for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY") for spelled in (name, name.lower())
])  # fmt: skip

BLOBS: Final = "blobs/sha256"
#: umoci 0.4.7 reads no zstd.
GZIP: Final = ("--dest-compress", "--dest-compress-format=gzip")
COUNT: Final = "{{.Digest}} {{len .Layers}}"  # for skopeo inspect, in Go's template language


@attrs.frozen(kw_only=True)
class Limits:
    """Bounds of one pull."""

    #: without a byte from a registry; --fetcher_stall_timeout
    stall_timeout_s: float = 60.0
    pull_timeout_s: float = 3600.0
    unpack_timeout_s: float = 1800.0
    #: Docker cannot make an image with more than 127; what skopeo does with them grows with their square
    layers_max: int = 128
    #: bytes and inodes a pull leaves free on the disk
    free_min: int = 1 << 30
    free_inodes_min: int = 10_000


class BadBlobs(ToolFailed):
    """A layer that had been kept from an earlier pull could not be unpacked; it is gone now."""


class Puller:
    """Pulls into the blobs and staging directories of one store."""

    def __init__(self, store: str, limits: Limits, ids: MappedIds | None = None) -> None:
        """``ids`` are whom the users of what is unpacked are on the host."""
        self._store = store
        self._limits = limits
        mapping = () if ids is None else (f"0:{ids.first}:{ids.count}",)
        self._maps = tuple([f"--{kind}-map={text}" for text in mapping for kind in ("uid", "gid")])

    async def inspect(self, source: Source, auth: str, staging: str) -> str:
        """The digest of what the name means now. Raises ToolFailed for what must not be pulled, too."""
        if source.path:
            if not os.path.exists(source.path):
                raise ToolFailed(f"there is no '{source.path}'")
            os.symlink(source.path, f"{staging}/{LINK}")
        os.mkdir(f"{staging}/scratch")
        with open(f"{staging}/auth.json", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(auth)
        tls = ("--tls-verify=false",) if source.is_plain else ()
        said = await self._skopeo(
            staging, "inspect", "--no-tags", "--authfile=auth.json", f"--format={COUNT}", *tls, source.argument
        )
        digest, _, layers = said.strip().partition(" ")
        if int(layers) > self._limits.layers_max:
            raise ToolFailed(f"it has {layers} layers, more than {self._limits.layers_max}")
        if source.digest is not None and source.digest != digest:
            raise ToolFailed(f"its digest is {digest}, not {source.digest}")
        return digest

    async def copy(self, source: Source, digest: str, staging: str) -> str:
        """The digest of its OCI manifest, whose blobs are here now."""
        layout = f"{staging}/layout"
        await remove(layout)
        os.mkdir(layout)
        os.symlink("../../../blobs", f"{layout}/blobs")
        tls = ("--src-tls-verify=false",) if source.is_plain else ()
        await self._skopeo(
            staging, "copy", "--quiet", "--src-authfile=auth.json", *tls, *GZIP,
            source.pinned(digest), "oci:layout:image",
        )  # fmt: skip
        try:
            return manifest.parse_index(read_json(f"{layout}/index.json", manifest.SIZE_MAX))
        except (OSError, ValueError) as error:
            raise ToolFailed(str(error)) from error

    async def unpack(self, digest: str, staging: str) -> None:
        """``staging/image`` holds the whole image and has reached the disk. Raises BadBlobs if a new copy may help."""
        image, limits = f"{staging}/image", self._limits
        await remove(image)
        os.mkdir(image, 0o700)
        try:
            await run(
                *DIE_WITH_US, "umoci", "raw", "unpack", *self._maps, "--image", "../layout:image", "rootfs",
                cwd=image, timeout_s=limits.unpack_timeout_s, watch=room(self._store, limits),
            )  # fmt: skip
            found = self._read(digest)
        except ToolFailed as error:
            if self._drop(digest, os.stat(f"{staging}/auth.json").st_mtime):
                raise BadBlobs(str(error)) from error
            raise
        if not os.path.isdir(f"{image}/rootfs"):
            raise ToolFailed("its layers leave no root directory")
        devices = ("-xdev", "(", "-type", "b", "-o", "-type", "c", ")", "-delete")
        await run("find", "-P", "rootfs", *devices, cwd=image, timeout_s=limits.unpack_timeout_s)
        for name, hexadecimal in (("manifest.json", digest), ("config.json", found.config)):
            shutil.copyfile(f"{self._store}/{BLOBS}/{hexadecimal}", f"{image}/{name}")
        await run("sync", "--file-system", image, timeout_s=limits.unpack_timeout_s)

    # ---- parts

    async def _skopeo(self, staging: str, *arguments: str) -> str:
        env = {name: os.environ[name] for name in PASSED if name in os.environ} | {"HOME": staging}
        full, stall = room(self._store, self._limits), Stall(staging, self._limits.stall_timeout_s)
        return await run(
            *DIE_WITH_US, "skopeo", "--tmpdir", f"{staging}/scratch", *arguments,
            cwd=staging, env=env, timeout_s=self._limits.pull_timeout_s, watch=lambda: full() or stall(),
        )  # fmt: skip

    def _read(self, digest: str) -> manifest.Manifest:
        """umoci has checked both files against their digests."""
        try:
            found = manifest.parse_manifest(read_json(f"{self._store}/{BLOBS}/{digest}", manifest.SIZE_MAX))
            manifest.parse_config(read_json(f"{self._store}/{BLOBS}/{found.config}", manifest.SIZE_MAX))
        except (OSError, ValueError) as error:
            raise ToolFailed(str(error)) from error
        return found

    def _drop(self, digest: str, since: float) -> bool:
        """None of its blobs is kept; whether one of them was missing or older than ``since``."""
        blobs = {digest}
        with contextlib.suppress(OSError, ValueError):
            found = manifest.parse_manifest(read_json(f"{self._store}/{BLOBS}/{digest}", manifest.SIZE_MAX))
            blobs |= {found.config, *found.layers}
        is_old = False
        for name in blobs:
            path = f"{self._store}/{BLOBS}/{name}"
            try:
                is_old |= os.stat(path).st_mtime < since
                os.unlink(path)
            except FileNotFoundError:
                is_old = True
        return is_old


def room(directory: str, limits: Limits) -> Watch:
    """Objects when its disk is about to be full, whoever fills it."""

    def look() -> str | None:
        disk = os.statvfs(directory)
        if disk.f_bavail * disk.f_frsize < limits.free_min:
            return f"less than {limits.free_min >> 20} MB are free on the disk of '{directory}'"
        if disk.f_files and disk.f_favail < limits.free_inodes_min:
            return f"fewer than {limits.free_inodes_min} inodes are free on the disk of '{directory}'"
        return None

    return look


class Stall:
    """A Watch over a directory in which something must grow; what comes from a registry is a file there first."""

    def __init__(self, directory: str, timeout_s: float) -> None:
        self._directory = directory
        self._timeout_s = timeout_s
        self._last: list[tuple[str, int]] = []
        self._since = time.monotonic()

    def __call__(self) -> str | None:
        now = time.monotonic()
        found = _sizes(f"{self._directory}/layout") + _sizes(f"{self._directory}/scratch")
        if found != self._last:
            self._last, self._since = found, now
        return f"nothing has come for {self._timeout_s:g} s" if now - self._since > self._timeout_s else None


def _sizes(directory: str) -> list[tuple[str, int]]:
    try:
        return [(entry.name, entry.stat(follow_symlinks=False).st_size) for entry in os.scandir(directory)]
    except FileNotFoundError:
        return []  # not made yet, or a file has just got its name: that is a change, too
