"""The host's files bound once more, where the host does not see it, as they are mounted now."""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesos_py.agent.containerizer.supervisor.hostfiles import HostFiles
from tests.agent.containerizer.conftest import remove_cgroups
from tests.agent.containerizer.harness import DEADLINE_S, Harness, needs_crun

pytestmark = pytest.mark.root
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces are made by root")


@pytest.fixture
def made() -> Iterator[HostFiles]:
    with select.epoll() as epoll:
        made = HostFiles(epoll)
        yield made
        made.forget()
        os.close(made.changes)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Something is mounted there, at a time."""
    place = tmp_path / "disk"
    place.mkdir()
    yield place
    if place.is_mount():
        subprocess.run(["umount", str(place)], check=True)


def mount(place: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "none", str(place)], check=True)


def points(made: HostFiles, namespace: int) -> list[str]:
    """What is mounted there, as a child of ours says that has entered it."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            made.enter(namespace)
            os.write(tell, Path("/proc/self/mountinfo").read_bytes()[-60_000:])
        finally:
            os._exit(0)
    os.close(tell)
    with os.fdopen(told) as said:
        found = [line.split()[4] for line in said.read().splitlines()]
    os.waitpid(pid, 0)
    return found


@needs_root
def test_they_are_bound_once_and_only_there(made: HostFiles, tmp_path: Path) -> None:
    found = points(made, made.at(os.fsencode(tmp_path)))
    assert found.count(str(tmp_path)) == 1
    assert f"{tmp_path}/proc" in found
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()


@needs_root
def test_what_is_mounted_and_unmounted_later(made: HostFiles, tmp_path: Path, disk: Path) -> None:
    """Also when nobody but the kernel has said so."""
    place = os.fsencode(tmp_path)
    assert str(disk) not in points(made, made.at(place))
    mount(disk)
    assert str(disk) in points(made, made.at(place))
    subprocess.run(["umount", str(disk)], check=True)
    assert str(disk) not in points(made, made.at(place))


@needs_root
def test_whoever_waits_hears_of_it(tmp_path: Path, disk: Path) -> None:
    with select.epoll() as epoll:
        made = HostFiles(epoll)
        made.at(os.fsencode(tmp_path))
        mount(disk)
        assert [fd for fd, _ in epoll.poll(DEADLINE_S)] == [made.changes]
        made.forget()
        os.close(made.changes)


@needs_root
def test_a_place_that_is_not_there(made: HostFiles, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        made.at(os.fsencode(tmp_path / "no"))
    assert caught.value.filename == str(tmp_path / "no")


@needs_crun
async def test_a_container_that_cannot_have_them(tmp_path: Path) -> None:
    """It fails by that, and the next one has them."""
    harness = Harness(tmp_path)
    await harness.isolated(isolation="filesystem/linux").recover()
    (runtime,) = (tmp_path / "run").glob("crun-*")
    (runtime / "root").rename(runtime / "elsewhere")
    harness.containerizer.launch(harness.spec("c", "true"))
    text = f"Failed to isolate container: '{runtime}/root': No such file or directory"
    assert await harness.failed("c") == text
    (runtime / "elsewhere").rename(runtime / "root")
    assert await harness.run("d", "echo there") == "there\n"
    await harness.containerizer.close()
    remove_cgroups(harness)
