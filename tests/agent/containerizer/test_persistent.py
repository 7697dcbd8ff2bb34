"""Persistent volumes: where they are, how containers find them, and that they outlive whoever writes to them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mesos_py.agent.containerizer.isolators.persistent import wanted
from mesos_py.machine.problem import Problem
from mesos_py.wire.resource import Resource
from mesos_py.wire.volume import Volume
from tests import builders
from tests.agent.containerizer.conftest import CONFINED, remove_cgroups
from tests.agent.containerizer.harness import Harness, needs_cgroups, needs_crun

DiskInfo = Resource.DiskInfo
Source = DiskInfo.Source
Type = Resource.ReservationInfo.Type


def volume(
    name: str = "id", *, role: str = "eng", path: str = "data", mode: Volume.Mode = Volume.Mode.RW,
    source: Source | None = None, **fields: Any,
) -> Resource:  # fmt: skip
    reservation = Resource.ReservationInfo(type=Type.DYNAMIC, role=role)
    disk = DiskInfo(
        persistence=DiskInfo.Persistence(id=name), volume=Volume(mode=mode, container_path=path), source=source
    )
    return builders.scalar("disk", 8, disk=disk, reservations=(reservation,), **fields)


def of_path(root: str | None) -> Source:
    return Source(type=Source.Type.PATH, path=Source.Path(root=root))


def of_mount(root: str) -> Source:
    return Source(type=Source.Type.MOUNT, mount=Source.Mount(root=root))


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        (volume(), "/w/volumes/roles/eng/id"),
        (volume(role="eng/dev"), "/w/volumes/roles/eng dev/id"),
        (volume(source=of_path("/disk")), "/disk/volumes/roles/eng/id"),
        (volume(source=of_path("disk")), "/w/disk/volumes/roles/eng/id"),
        (volume(source=of_mount("/disk")), "/disk"),
    ],
)
def test_where_they_are(resource: Resource, path: str) -> None:
    found = wanted((builders.scalar("disk", 8), resource), "/w")
    assert not isinstance(found, Problem)
    assert [(one.path, one.container_path, one.is_read_only) for one in found] == [(path, "data", False)]


@pytest.mark.parametrize(
    ("resource", "text"),
    [
        (volume(path="../data"), "Path '../data' of persistent volume 'id' leads elsewhere"),
        (volume(path=""), "Path '' of persistent volume 'id' leads elsewhere"),
        (volume(role="*"), "Persistent volume 'id' is not reserved"),
        (volume("../id"), "'../id' of role 'eng' is not the name of a persistent volume"),
        (volume(".."), "'..' of role 'eng' is not the name of a persistent volume"),
        (volume(role=".."), "'id' of role '..' is not the name of a persistent volume"),
        (volume(source=Source(type=Source.Type.RAW)), "Persistent volume 'id' is on a disk of a kind that cannot"),
    ],
)
def test_what_is_refused(resource: Resource, text: str) -> None:
    found = wanted((resource,), "/w")
    assert isinstance(found, Problem)
    assert found.text.startswith(text)


KINDS = {
    "process": {"isolation": "posix/cpu,posix/mem"},
    "cgroups": {"isolation": CONFINED},
    "crun": {"isolation": f"{CONFINED},filesystem/linux,namespaces/pid"},
}


MARKED = ["process", pytest.param("cgroups", marks=needs_cgroups), pytest.param("crun", marks=needs_crun)]


@pytest.fixture(params=MARKED)
async def harness(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    """In a directory that others may pass through: links lead through it."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        made = Harness(Path(directory))
        await made.isolated(**KINDS[request.param]).recover()
        yield made
        await made.containerizer.close()
        remove_cgroups(made)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="users are switched by root")
async def test_what_one_writes_the_next_one_reads(harness: Harness) -> None:
    """1 a task writes, as its user; 2 it is gone, another one reads; 3 that it may write is for its volume to say."""
    (harness.work / "volumes").mkdir(parents=True)
    await harness.run("a", "echo kept >deep/data/file", resources=(volume(path="deep/data"),), user="nobody")
    kept = harness.work / "volumes/roles/eng/id"
    assert (kept / "file").read_text() == "kept\n"
    assert kept.stat().st_uid == 65534
    said = await harness.run("b", "cat data/file && touch data/more", resources=(volume(),))
    assert said == "kept\n"
    assert sorted(os.listdir(kept)) == ["file", "more"]


async def test_what_cannot_be_mounted_fails_the_launch(harness: Harness) -> None:
    harness.containerizer.launch(harness.spec("c", "true", resources=(volume(role="*"),)))
    assert await harness.failed("c") == "Persistent volume 'id' is not reserved"
    assert not (harness.work / "volumes").exists()


@pytest.mark.root
@needs_crun
async def test_one_that_is_only_read(tmp_path: Path) -> None:
    """That takes a mount: whoever follows a link may do what its target lets him."""
    harness = Harness(tmp_path)
    await harness.isolated(**KINDS["crun"]).recover()
    script = "echo x 2>/dev/null >data/file || echo kept"
    assert await harness.run("c", script, resources=(volume(mode=Volume.Mode.RO),)) == "kept\n"
    await harness.containerizer.close()
    remove_cgroups(harness)


async def test_volumes_do_not_cost_descriptors(harness: Harness) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for number in range(5):
        await harness.run(f"c{number}", "true", resources=(volume(),))
    assert len(os.listdir("/proc/self/fd")) < before + 5
