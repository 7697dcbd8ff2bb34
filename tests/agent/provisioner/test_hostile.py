"""X08: images that attack the host. Each is refused or harmless, as what lies outside of it shows."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import random
import stat
import subprocess
import sys
import tarfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest

from mesos_py.agent.provisioner.causes import LENGTH_MAX
from mesos_py.agent.provisioner.puller import Limits
from mesos_py.agent.provisioner.reference import Layout, Remote, Source, parse_reference, source
from mesos_py.agent.provisioner.store import Store, StoredImage
from mesos_py.agent.provisioner.tools import ToolFailed
from tests.agent.containerizer.harness import is_alive
from tests.agent.provisioner.conftest import LIMITS
from tests.agent.provisioner.images import (
    Member,
    device,
    directory,
    file,
    hard_link,
    layer,
    layout,
    symlink,
)
from tests.agent.provisioner.registry import IMAGES, Registry

pytestmark = IMAGES

WAIT_S = 60
OUT = "{out}"  # in a member's names: the directory outside, absolute
UP = "../" * 20


def at(place: Path, name: str = "a") -> Source:
    return source(parse_reference(name), Layout(str(place)))


async def get(store: Store, wanted: Source, auth: str = '{"auths": {}}') -> StoredImage:
    return await store.get(wanted, cached=True, auth=auth)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """What an image must not reach."""
    made = tmp_path / "out"
    (made / "sub").mkdir(parents=True)
    (made / "victim").write_text("untouched")
    (made / "sub/victim").write_text("untouched")
    return made


def everything(*roots: Path) -> dict[str, tuple[int, int, int, int, bytes]]:
    """Each path below with its mode, owner, links and content."""
    found = {}
    for root in roots:
        for path in (root, *root.rglob("*")):
            one = path.lstat()
            data = path.read_bytes() if stat.S_ISREG(one.st_mode) else b""
            found[str(path)] = (one.st_mode, one.st_uid, one.st_gid, one.st_nlink * stat.S_ISREG(one.st_mode), data)
    return found


CASES: dict[str, tuple[tuple[Member, ...], ...]] = {
    "names that lead up": ((file(f"{UP}evil"), file(f"a/{UP}evil"), directory(f"{UP}{OUT}/sub/evil")),),
    "absolute names": ((file(f"{OUT}/evil"), file(f"{OUT}/victim", b"evil")),),
    "whiteout of ..": ((file(".wh..."),),),
    "whiteout of .. further down": ((directory("a"), file("a/.wh...")),),
    "whiteout of .. above": ((file("../.wh..."),),),
    "whiteout of .": ((file(".wh.."),),),
    "whiteout of nothing": ((file(".wh."),),),
    "whiteout of what is outside": ((file(f"{UP}{OUT}/.wh.victim"), file(f"{OUT}/.wh.sub")),),
    "opaque directory outside": ((file(f"{UP}{OUT}/.wh..wh..opq"),),),
    "symlink, then write": ((symlink("l", OUT), file("l/evil"), file("l/victim", b"evil")),),
    "relative symlink, then write": ((symlink("l", f"{UP}{OUT}"), file("l/victim", b"evil")),),
    "symlink, then write in the next layer": ((symlink("l", OUT),), (file("l/victim", b"evil"), directory("l/d"))),
    "symlink in place of a directory": ((directory("d"),), (symlink("d", OUT),), (file("d/victim", b"evil"),)),
    "symlink, then whiteout": ((symlink("l", OUT),), (file("l/.wh.victim"), file("l/sub/.wh..wh..opq"))),
    "symlink to a file, then write": ((symlink("l", f"{OUT}/victim"),), (file("l", b"evil", mode=0o777, uid=1),)),
    "symlink in place of the root": ((symlink(".", OUT),), (file("victim", b"evil"),)),
    "file in place of the root": ((file("."),),),
    "hard link to the outside": ((hard_link("h", f"{OUT}/victim"), file("h", b"evil")),),
    "hard link up": ((hard_link("h", f"{UP}{OUT}/victim"), file("h", b"evil")),),
    "hard link through a symlink": ((symlink("l", OUT), hard_link("h", "l/victim"), file("h", b"evil", mode=0o777)),),
    "symlink loop": ((symlink("a", "b"), symlink("b", "a"), file("a/evil")),),
    "a name that is too long": ((file("/".join(["d" * 50] * 100)),),),
    "a strange name": ((file("a\nb\x1b[31m"), file("-rf"), file("\\")),),
}


def placed(member: Member, out: Path) -> Member:
    fields = {name: value.replace(OUT, str(out)) if isinstance(value, str) else value
              for name, value in member.fields.items()}  # fmt: skip
    return attrs.evolve(member, name=member.name.replace(OUT, str(out)), fields=fields)


@pytest.mark.parametrize("case", CASES)
async def test_layers_that_reach_out(store: Store, tmp_path: Path, out: Path, case: str) -> None:
    """What is outside stays as it was, and so do the store and its other images."""
    layout(tmp_path / "good", "a", layer(file("good", b"good")))
    good = await get(store, at(tmp_path / "good"))
    layout(tmp_path / "l", "a", *[layer(*[placed(member, out) for member in one]) for one in CASES[case]])
    kept = Path(store.directory)
    before = everything(out, kept / "images" / good.digest)
    beside = set(os.listdir(tmp_path))
    try:
        image = await get(store, at(tmp_path / "l"))
    except ToolFailed as error:
        assert 0 < len(str(error)) <= LENGTH_MAX
        assert "\n" not in str(error)
        assert os.listdir(kept / "images") == [good.digest]
    else:
        assert {path.name for path in kept.glob("images/*")} == {good.digest, image.digest}
    assert everything(out, kept / "images" / good.digest) == before
    assert set(os.listdir(tmp_path)) == beside
    assert set(os.listdir(kept)) == {"index.json", "lock", "images", "blobs", "staging"}
    assert os.listdir(kept / "staging") == []


async def test_devices_and_set_uid_programs(store: Store, tmp_path: Path) -> None:
    """Devices of an image are not made; a set-uid program is, where no user of this host can run it."""
    true = Path("/bin/true").read_bytes()
    layout(tmp_path / "l", "a", layer(
        directory("d"), device("d/null"), device("d/disk", tarfile.BLKTYPE, 254, 0), device("d/none", minor=0, major=0),
        file("su", true, mode=0o4755), directory("", mode=0o777),
    ))  # fmt: skip
    image = await get(store, at(tmp_path / "l"))
    assert os.listdir(f"{image.rootfs}/d") == []
    assert os.stat(f"{image.rootfs}/su").st_mode & 0o7777 == 0o4755
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", f"{image.rootfs}/su"]
    assert "Permission denied" in subprocess.run(as_nobody, check=False, capture_output=True, text=True).stderr
    assert subprocess.run([f"{image.rootfs}/su"], check=False).returncode == 0


async def test_attributes_of_overlays(store: Store, tmp_path: Path) -> None:
    """An image cannot tell the kernel that its directories are elsewhere."""
    attributes = {"SCHILY.xattr.trusted.overlay.redirect": "/etc", "SCHILY.xattr.trusted.overlay.opaque": "y",
                  "SCHILY.xattr.user.harmless": "b"}  # fmt: skip
    layout(tmp_path / "l", "a", layer(directory("d", pax_headers=attributes)))
    image = await get(store, at(tmp_path / "l"))
    assert not [name for name in os.listxattr(f"{image.rootfs}/d") if name.startswith("trusted.")]


@pytest.mark.parametrize("count", [129, 1000])
async def test_too_many_layers(store: Store, tmp_path: Path, count: int) -> None:
    """They are counted before one of them is fetched."""
    layout(tmp_path / "l", "a", *[layer(file("a"))] * count)
    with pytest.raises(ToolFailed, match=f"^it has {count} layers, more than 128$"):
        await get(store, at(tmp_path / "l"))
    assert not os.path.exists(f"{store.directory}/blobs/sha256")


async def test_as_many_layers_as_may_be(store: Store, tmp_path: Path) -> None:
    layout(tmp_path / "l", "a", layer(file("first")), *[layer(file("same"))] * 126, layer(file("last")))
    image = await get(store, at(tmp_path / "l"))
    assert sorted(os.listdir(image.rootfs)) == ["first", "last", "same"]


def edited(data: bytes) -> bytes:
    """Other bytes of the same length that still unpack."""
    changed = gzip.decompress(data).replace(b"harmless", b"hostile!")
    packed = gzip.compress(changed, 1, mtime=0)
    assert len(packed) <= len(data) + 64 and packed != data
    return packed


#: what is said of a part that is not what its digest says
SAID = {
    "layer": r"Digest did not match, expected sha256:",
    "config": r"digest sha256:.* does not match expected sha256:",
    "manifest": r"Manifest does not match provided manifest digest sha256:",
}


@pytest.mark.parametrize("part", SAID)
async def test_a_registry_that_serves_something_else(
    store: Store, registry: Registry, tmp_path: Path, part: str
) -> None:
    """Bytes that are not what their digest says are not used, whoever changed them."""
    pushed = layout(tmp_path / "l", "a", layer(file("f", b"harmless" * 100)), Cmd=["harmless", part])
    registry.push(tmp_path / "l", "a", f"edited/{part}")
    manifest = json.loads((tmp_path / "l/blobs" / pushed.replace(":", "/")).read_text())
    parts = {"layer": manifest["layers"][0]["digest"], "config": manifest["config"]["digest"], "manifest": pushed}
    held = registry.blob(parts[part])
    data = held.read_bytes()
    held.write_bytes(edited(data) if part == "layer" else data.replace(b'"harmless"', b'"hostile!"') + b" ")
    name = f"edited/{part}@{pushed}" if part == "manifest" else f"edited/{part}"
    with pytest.raises(ToolFailed, match=SAID[part]):
        await get(store, source(parse_reference(name), Remote(registry.host, is_plain=True)), registry.docker_config())
    assert os.listdir(f"{store.directory}/images") == []


async def test_a_layout_whose_blob_was_edited(store: Store, tmp_path: Path) -> None:
    layout(tmp_path / "l", "a", layer(file("f", b"harmless" * 100)))
    for path in (tmp_path / "l/blobs/sha256").iterdir():
        if path.read_bytes()[:2] == b"\x1f\x8b":
            path.write_bytes(edited(path.read_bytes()))
    with pytest.raises(ToolFailed, match=SAID["layer"]):
        await get(store, at(tmp_path / "l"))
    assert os.listdir(f"{store.directory}/images") == []


async def test_a_config_that_makes_no_sense(store: Store, tmp_path: Path) -> None:
    layout(tmp_path / "l", "a", layer(file("f")), Env={"A": "b"})
    with pytest.raises(ToolFailed, match=r"\S"):
        await get(store, at(tmp_path / "l"))
    assert os.listdir(f"{store.directory}/images") == []
    assert os.listdir(f"{store.directory}/staging") == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MB."""
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m,mode=700", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


async def test_a_bomb(small_disk: Path, tmp_path: Path) -> None:
    """An image that unpacks to more than the disk has ends with a sentence; the next one finds room."""
    layout(tmp_path / "l", "bomb", layer(file("zero", bytes(200 << 20))))
    layout(tmp_path / "l", "good", layer(file("good")))
    store = Store(str(small_disk / "store"), Limits(free_min=16 << 20, free_inodes_min=10))
    store.open()
    await store.recover(())
    with pytest.raises(ToolFailed, match=r"less than 16 MB are free on the disk of|no space left on device"):
        await get(store, at(tmp_path / "l", "bomb"))
    assert os.listdir(f"{store.directory}/staging") == os.listdir(f"{store.directory}/images") == []
    assert os.listdir(f"{store.directory}/blobs/sha256") == []
    assert os.listdir((await get(store, at(tmp_path / "l", "good"))).rootfs) == ["good"]
    await store.close()


async def test_no_room_to_begin_with(store: Store, tmp_path: Path) -> None:
    layout(tmp_path / "l", "a", layer(file("f")))
    await store.close()
    for limits, text in (
        (Limits(free_min=1 << 60), "^less than 1099511627776 MB are free on the disk of "),
        (Limits(free_min=1, free_inodes_min=1 << 60), "^fewer than 1152921504606846976 inodes are free on the disk "),
    ):
        full = Store(store.directory, limits)
        full.open()
        with pytest.raises(ToolFailed, match=text):
            await get(full, at(tmp_path / "l"))
        await full.close()


class Line:
    """A bad line to a registry: ``chunk`` bytes every ``pause_s`` from it, and none after ``most``."""

    def __init__(self, target: str | None, *, most: int = 0) -> None:
        self.host = ""
        self.asked = asyncio.Event()
        self._target = target
        self.most = most
        self.chunk, self.pause_s = 1 << 30, 0.0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.set()
        if self._target is None:
            await reader.read()  # until the other side has gone
            writer.close()
            return
        host, _, port = self._target.partition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        upward = asyncio.create_task(self._pass(reader, far_writer, 1 << 16, 0.0, 1 << 40))
        await self._pass(far_reader, writer, self.chunk, self.pause_s, self.most)
        await upward

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, chunk: int, pause_s: float, most: int
    ) -> None:
        try:
            while most > 0 and (data := await reader.read(min(chunk, most, 1 << 16))):
                most -= len(data)
                writer.write(data)
                await writer.drain()
                await asyncio.sleep(pause_s)
            if most > 0:
                writer.close()
        except ConnectionError:
            writer.close()


@asynccontextmanager
async def listening(line: Line) -> AsyncIterator[Line]:
    server = await asyncio.start_server(line.answer, "127.0.0.1", 0)
    line.host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield line
    finally:
        server.close()


@pytest.fixture
async def silent() -> AsyncIterator[Line]:
    """Who takes connections and says nothing."""
    async with listening(Line(None)) as made:
        yield made


@pytest.fixture
async def impatient(tmp_path: Path, store: Store) -> AsyncIterator[Store]:
    """A store with half a second of --fetcher_stall_timeout."""
    await store.close()
    made = Store(store.directory, attrs.evolve(LIMITS, stall_timeout_s=0.5))
    made.open()
    yield made
    await made.close()


async def test_a_registry_that_does_not_answer(impatient: Store, silent: Line) -> None:
    with pytest.raises(ToolFailed, match=r"^nothing has come for 0\.5 s$"):
        await get(impatient, source(parse_reference("a"), Remote(silent.host, is_plain=True)))


async def test_a_registry_that_falls_silent(impatient: Store, registry: Registry, tmp_path: Path) -> None:
    """In the middle of a layer; one that is only slow is waited for."""
    layout(tmp_path / "l", "a", layer(file("noise", random.Random(1).randbytes(1 << 20))))
    registry.push(tmp_path / "l", "a", "line/a")
    async with listening(Line(registry.host, most=1 << 19)) as line:
        wanted = source(parse_reference("line/a"), Remote(line.host, is_plain=True))
        auth = registry.docker_config().replace(registry.host, line.host)
        with pytest.raises(ToolFailed, match=r"^nothing has come for 0\.5 s$"):
            await get(impatient, wanted, auth)
        line.most, line.chunk, line.pause_s = 1 << 40, 1 << 16, 0.15
        await impatient.close()
        patient = Store(impatient.directory, attrs.evolve(LIMITS, stall_timeout_s=2.0))
        patient.open()
        began = time.monotonic()
        image = await get(patient, wanted, auth)
        assert time.monotonic() - began > 2.0  # longer than it would have been allowed to be silent
        assert os.listdir(image.rootfs) == ["noise"]
        await patient.close()


async def test_an_agent_that_is_killed_while_it_pulls(tmp_path: Path, silent: Line, store: Store) -> None:
    """What it ran ends with it, and the next agent begins with a clean store."""
    await store.close()
    program = f"""
import asyncio
from mesos_py.agent.provisioner.puller import Limits
from mesos_py.agent.provisioner.reference import Remote, parse_reference, source
from mesos_py.agent.provisioner.store import Store

async def main():
    store = Store({store.directory!r}, Limits(free_min=1, free_inodes_min=1))
    store.open()
    await store.get(source(parse_reference("a"), Remote({silent.host!r}, is_plain=True)), cached=True, auth="{{}}")

asyncio.run(main())
"""
    agent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, env={**os.environ, "PYTHONPATH": os.getcwd()}
    )
    async with asyncio.timeout(WAIT_S):
        await silent.asked.wait()
        (child,) = Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split()
        assert b"skopeo" in Path(f"/proc/{child}/cmdline").read_bytes()
        agent.kill()
        await agent.wait()
        while is_alive(int(child)):
            await asyncio.sleep(0.005)
    later = Store(store.directory, LIMITS)
    later.open()
    assert len(os.listdir(f"{later.directory}/staging")) == 1
    await later.recover(())
    assert os.listdir(f"{later.directory}/staging") == []
    await later.close()
