"""How much of the disk containers take, and the end of who takes too much."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mesos_py.agent.containerizer.disk import quota
from mesos_py.machine.values import SECOND
from mesos_py.wire.resource import Resource
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskStatus
from mesos_py.wire.value import Value
from mesos_py.wire.volume import Volume
from tests.agent.containerizer.harness import DEADLINE_S, Harness, until

FILLS = "dd if=/dev/zero of={} bs=1M count=3 2>/dev/null; exec sleep 1000"


def disk(mebibytes: float, info: Resource.DiskInfo | None = None) -> Resource:
    return Resource(name="disk", type=Value.Type.SCALAR, scalar=Value.Scalar(value=mebibytes), disk=info)


def persistent(name: str, mebibytes: float, path: str) -> Resource:
    DiskInfo = Resource.DiskInfo
    volume = Volume(mode=Volume.Mode.RW, container_path=path)
    info = DiskInfo(persistence=DiskInfo.Persistence(id=name), volume=volume)
    reservation = Resource.ReservationInfo(type=Resource.ReservationInfo.Type.DYNAMIC, role="eng")
    return evolve(disk(mebibytes, info), reservations=(reservation,))


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    made = Harness(tmp_path)
    await made.isolated(
        isolation="disk/du", enforce_container_disk_quota=True, container_disk_watch_interval=SECOND // 10
    ).recover()
    yield made
    await made.containerizer.close()


def test_a_quota_is_disk_that_is_nobodys_volume() -> None:
    volume = Resource.DiskInfo(persistence=Resource.DiskInfo.Persistence(id="p"))
    assert quota((disk(2), disk(1), disk(5, volume))) == 3 << 20
    assert quota((disk(5, volume),)) is None


async def test_who_takes_too_much_is_told_and_its_neighbour_is_not(harness: Harness) -> None:
    """Also one that has no quota may take what it likes."""
    for name, resources in (("c", (disk(1),)), ("enough", (disk(10),)), ("free", ())):
        harness.containerizer.launch(harness.shell(name, FILLS.format("f"), resources=resources))
    await until(lambda: harness.limited("c"))
    limited = harness.limited("c")
    assert limited is not None
    assert limited.reason is TaskStatus.Reason.REASON_CONTAINER_LIMITATION_DISK
    assert limited.message.startswith("Disk usage (")  # it may be told while more is written
    assert limited.message.endswith(") exceeds quota (1MB)")

    async def used(name: str) -> int:
        return (await harness.containerizer.usage([name]))[name].disk_used_bytes or 0

    for name in ("enough", "free"):
        async with asyncio.timeout(DEADLINE_S):
            while await used(name) < 3 << 20:
                await asyncio.sleep(0.01)
        assert harness.limited(name) is None
    assert (await harness.containerizer.usage(["enough"]))["enough"].disk_limit_bytes == 10 << 20
    harness.containerizer.destroy("c")
    await harness.exited("c")
    assert harness.of("c").count("ContainerLimited") == 1


async def test_an_executors_sandbox_holds_those_of_its_tasks(harness: Harness) -> None:
    made = harness.containerizer
    made.make_sandbox("pod", str(harness.sandbox("pod")), None, None)
    made.update("pod", (disk(1),), {})
    inner = f"{harness.sandbox('pod')}/containers/n"
    made.launch(harness.shell("n", FILLS.format("f"), parent_id="pod", sandbox=inner, resources=(disk(1),)))
    await until(lambda: harness.limited("pod"))
    assert harness.limited("n") is None


async def test_the_next_agent_goes_on_measuring(tmp_path: Path, harness: Harness) -> None:
    harness.containerizer.launch(harness.shell("c", f"until [ -e go ]; do sleep 0.01; done; {FILLS.format('f')}"))
    await harness.launched("c")
    await harness.containerizer.close(keep=True)
    second = Harness(tmp_path)
    made = second.isolated(
        isolation="disk/du", enforce_container_disk_quota=True, container_disk_watch_interval=SECOND // 10
    )
    assert [one.container_id for one in await made.recover()] == ["c"]
    made.update("c", (disk(1),), {})
    (second.sandbox("c") / "go").touch()
    await until(lambda: second.limited("c"))
    await made.close()
    await harness.isolated().recover()


async def test_a_persistent_volume_has_a_quota_of_its_own(harness: Harness) -> None:
    """1 what is in it does not count for the sandbox; 2 it is told apart; 3 too much of it ends the container."""
    small = persistent("small", 1, "small")
    spec = harness.shell("c", FILLS.format("large/f"), resources=(disk(1), persistent("large", 8, "large"), small))
    harness.containerizer.launch(spec)

    async def used() -> dict[str, int]:
        measured = (await harness.containerizer.usage(["c"]))["c"].disk_statistics
        return {one.persistence.id: one.used_bytes or 0 for one in measured if one.persistence is not None}

    await harness.launched("c")
    async with asyncio.timeout(DEADLINE_S):
        while (await used())["large"] < 3 << 20:
            await asyncio.sleep(0.01)
    assert (await used())["small"] < 1 << 20 and harness.limited("c") is None
    harness.containerizer.launch(harness.shell("d", FILLS.format("small/f"), resources=(disk(10), small)))
    await until(lambda: harness.limited("d"))
    limited = harness.limited("d")
    assert limited is not None
    (taken,) = limited.resources
    assert taken.disk is not None and taken.disk.persistence is not None and taken.disk.persistence.id == "small"
    assert limited.message.endswith("exceeds quota (1MB)")
