"""What containers use, on the page that Prometheus reads."""

from __future__ import annotations

from pathlib import Path

from mesos_py.agent.api import container_metrics
from mesos_py.agent.api.container_metrics import COUNTERS, samples
from mesos_py.web.metrics import prometheus
from mesos_py.wire.container import CgroupInfo
from mesos_py.wire.linux import Device
from mesos_py.wire.stats import ResourceStatistics
from tests.agent.serving import serving
from tests.agent.world import World, custom_task, task
from tests.web.test_metrics import parsed

Blkio = CgroupInfo.Blkio
Value = Blkio.Value


def device(minor: int, read: int) -> Blkio.Throttling.Statistics:
    operations = (Value(op=Blkio.Operation.READ, value=read), Value(op=Blkio.Operation.TOTAL, value=read))
    number = Device.Number(major_number=8, minor_number=minor)
    return Blkio.Throttling.Statistics(device=number, io_serviced=operations, io_service_bytes=operations)


def running(*names: str) -> tuple[World, dict[str, ResourceStatistics]]:
    world = World()
    for name in names:
        world.run(custom_task(f"task of {name}", name))
    blkio = Blkio.Statistics(throttling=(device(0, 5), device(16, 7)))
    found = ResourceStatistics(timestamp=1.0, cpus_user_time_secs=2.5, mem_rss_bytes=4096, blkio_statistics=blkio)
    return world, {executor.container_id: found for executor in world.agent.state.containers.values()}


def test_each_container_is_told_apart_by_its_framework_and_executor() -> None:
    """Whatever their names are; what is unknown is left out; devices are added up."""
    world, statistics = running("plain", 'a "quoted" one')
    families = parsed(prometheus(samples(world.agent, statistics), "mesos"))
    kind, rows = families["mesos_container_cpus_user_time_secs_total"]
    assert kind == "counter"
    assert rows == {
        '{framework_id="m-0000",executor_id="plain"}': 2.5,
        '{framework_id="m-0000",executor_id="a \\"quoted\\" one"}': 2.5,
    }
    assert families["mesos_container_mem_rss_bytes"][0] == "gauge"
    assert set(families["mesos_container_io_read_bytes_total"][1].values()) == {12}
    assert not any("disk" in name or "timestamp" in name for name in families)


def test_there_is_a_bound() -> None:
    world, statistics = running("a", "b", "c", "d", "e")
    families = parsed(prometheus(samples(world.agent, statistics, most=2), "mesos"))
    assert families["mesos_containers_left_out"][1] == {"": 3}
    assert len(families["mesos_container_mem_rss_bytes"][1]) == 2


def test_counters_are_fields() -> None:
    assert set(container_metrics._NAMES) >= COUNTERS


async def test_the_page_has_them_and_the_snapshot_has_not(tmp_path: Path) -> None:
    async with serving(tmp_path) as world:
        world.run(task())
        async with world.client.get("/metrics") as response:
            families = parsed(await response.text())
        assert families["mesos_containers_left_out"][1] == {"": 0}
        assert families["mesos_container_cpus_user_time_secs_total"][1].keys() == {
            '{framework_id="m-0000",executor_id="t"}'
        }
        assert not any(name.startswith("containers/") for name in await world.get("/metrics/snapshot"))
