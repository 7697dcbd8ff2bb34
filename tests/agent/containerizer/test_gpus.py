"""GPUs: found by a library like NVIDIA's, given to one container each, and closed to all others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mesos_py.agent.containerizer.cgroups.controls import Policy
from mesos_py.agent.containerizer.cgroups.hierarchy import detect as find_cgroups
from mesos_py.agent.containerizer.cgroups.isolator import CgroupsIsolator
from mesos_py.agent.containerizer.gpus.allotment import Gpu, Gpus
from mesos_py.agent.containerizer.gpus.nvml import CONTROL, GpusUnavailable, check, find
from mesos_py.agent.containerizer.isolated import IsolatedContainerizer
from mesos_py.agent.containerizer.isolation import settle
from mesos_py.agent.containerizer.process import ProcessContainerizer
from mesos_py.agent.containerizer.runtime.bundle import Device
from mesos_py.agent.resources import detect
from mesos_py.machine.problem import Problem
from mesos_py.wire.resource import Resource
from tests import builders
from tests.agent.containerizer.conftest import remove_cgroups
from tests.agent.containerizer.harness import Harness, needs_cgroups, until


class NVMLError(Exception):
    pass


def library(minors: tuple[int, ...], *, fails: bool = False) -> Any:
    """The part of NVIDIA's bindings that is asked; UUIDs are bytes in the old ones."""

    def begin() -> None:
        if fails:
            raise NVMLError("Driver Not Loaded")

    return SimpleNamespace(
        NVMLError=NVMLError, nvmlInit=begin, nvmlShutdown=lambda: None, nvmlDeviceGetCount=lambda: len(minors),
        nvmlDeviceGetHandleByIndex=lambda index: index, nvmlDeviceGetMinorNumber=lambda handle: minors[handle],
        nvmlDeviceGetUUID=lambda handle: f"GPU-{handle}" if handle else b"GPU-0",
    )  # fmt: skip


def gpus(count: float) -> tuple[Resource, ...]:
    return (builders.scalar("gpus", count),) if count else ()


def test_what_the_library_knows() -> None:
    found = find(library((0, 2)), None)
    assert [device.path for device in found.nodes][:3] == ["/dev/nvidia0", "/dev/nvidia2", "/dev/nvidiactl"]
    assert len(find(library((0, 1, 2)), (2,))) == 1
    assert find(library((0, 1, 2)), (2,)).nodes[0].rule == "c 195:2 rwm"
    assert len(find(library(()), None)) == 0


@pytest.mark.parametrize(
    ("nvml", "indices", "text"),
    [
        (library((), fails=True), None, "gpu/nvidia needs the driver of NVIDIA, with its library: Driver Not Loaded"),
        (library((0,)), (1,), "--nvidia_gpu_devices: there is no GPU 1; this host has 1"),
    ],
)
def test_what_is_not_there(nvml: Any, indices: tuple[int, ...] | None, text: str) -> None:
    with pytest.raises(GpusUnavailable) as caught:
        find(nvml, indices)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("indices", "named", "text"),
    [
        ((0, 1), 1.0, r"The number of GPUs in --resources \(1\) is not that of --nvidia_gpu_devices \(2\)"),
        (None, 3.0, "--resources has 3 GPUs; this host has 2"),
        (None, 0.5, "--resources has 0.5 GPUs; this host has 2"),
    ],
)
def test_what_cannot_be_offered(indices: tuple[int, ...] | None, named: float, text: str) -> None:
    check(2, (0, 1), 2.0)
    check(2, None, 1.0)
    with pytest.raises(GpusUnavailable, match=text):
        check(2, indices, named)


def test_they_are_offered_unless_somebody_says_how_many() -> None:
    def amounts(flag: str, count: int) -> list[float]:
        found = detect(flag, "*", "/", gpus=count)
        return [one.scalar.value for one in found if one.name == "gpus" and one.scalar is not None]

    assert (amounts("", 2), amounts("", 0), amounts("gpus:1", 2), amounts("gpus:0", 2)) == ([2], [], [1], [])


@pytest.mark.parametrize(
    ("isolation", "needed"),
    [("gpu/nvidia,filesystem/linux", "cgroups/devices"), ("gpu/nvidia,cgroups/devices", "filesystem/linux")],
)
def test_what_they_need(isolation: str, needed: str) -> None:
    with pytest.raises(ValueError, match=f"The '{needed}' isolator must be enabled in order to use the 'gpu/nvidia'"):
        settle(isolation, None)
    assert "gpu/nvidia" in settle("gpu/nvidia,filesystem/linux,cgroups/devices", None)


def test_each_belongs_to_one_container() -> None:
    """1 two have some; 2 a third gets none; 3 one gives back, and the third has that; 4 a restart finds the same."""
    made = find(library((0, 1, 2)), None)
    assert made.settle("a", gpus(2)) is None and made.settle("b", gpus(1)) is None and made.settle("c", ()) is None
    assert [[gpu.index for gpu in made.of(name)] for name in "abc"] == [[0, 1], [2], []]
    refused = made.settle("c", gpus(1))
    assert isinstance(refused, Problem) and refused.text == "Requested 1 gpus but only 0 available"
    assert made.settle("a", gpus(1)) is None and made.settle("c", gpus(1)) is None
    assert [gpu.index for gpu in made.of("c")] == [1]
    again = find(library((0, 1, 2)), None)
    for name in "abc":
        again.restore(name, (*made.rules(name), "c 1:3 rwm"))
    assert [again.of(name) == made.of(name) for name in "abc"] == [True] * 3
    assert again.rules("b") == ("c 195:2 rwm", CONTROL.rule) and again.rules("nobody") == ()
    again.release("b")
    assert again.settle("a", gpus(2)) is None
    problem = made.settle("a", gpus(0.5))
    assert isinstance(problem, Problem) and problem.text == "The 'gpus' resource must be an unsigned integer"


def card(index: int, path: str, minor: int) -> Gpu:
    """A device that there is, in the place of one that there is not: 1:11 are the kernel's messages, 1:2 its memory."""
    device = Device(path=path, kind="c", major=1, minor=minor, may_read=True, may_write=True, may_make=True)
    return Gpu(index=index, uuid=f"GPU-{index}", device=device)


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    """Containers with a GPU that is really /dev/kmsg, and another one that nobody opens."""
    made = Harness(tmp_path)
    isolate(made)
    await made.containerizer.recover()
    yield made
    await made.containerizer.close()
    assert made.cgroups() == []
    remove_cgroups(made)


def isolate(harness: Harness) -> None:
    found = find_cgroups("/sys/fs/cgroup", harness.cgroups_root, ("devices",))

    def report(event: Any) -> None:
        harness.events.append(event)
        if type(event).__name__ == "ContainerExited":
            harness.containerizer.acknowledge(event.container_id)

    harness.containerizer = IsolatedContainerizer(
        inner=lambda report, cgroup_of: ProcessContainerizer(
            work_dir=str(harness.work), runtime_dir=str(harness.directory / "run"), report=report, cgroup_of=cgroup_of
        ),
        report=report,
        cgroups=lambda report: CgroupsIsolator(
            found, Policy(), report, gpus=Gpus([card(0, "/dev/kmsg", 11), card(1, "/dev/kmem", 2)])
        ),
    )


@pytest.mark.root
@needs_cgroups
async def test_a_container_can_use_its_own_and_no_other(harness: Harness) -> None:
    """1 one with and one without; 2 both are taken, a third waits in vain; 3 what is given back is closed at once."""
    look = "exec 3</dev/kmsg && echo mine"
    assert await harness.run("a", look, resources=gpus(1)) == "mine\n"
    await until(lambda: not harness.cgroups())
    waits = "until [ -e go ]; do sleep 0.01; done; exec 3</dev/kmsg"
    harness.containerizer.launch(harness.shell("b", waits, resources=gpus(2)))
    await harness.launched("b")
    harness.containerizer.launch(harness.shell("c", "true", resources=gpus(1)))
    assert await harness.failed("c") == "Failed to prepare isolator: cgroups: Requested 1 gpus but only 0 available"
    harness.containerizer.update("b", (), {})
    (harness.sandbox("b") / "go").touch()
    assert await harness.exited("b") != 0
    assert "not permitted" in (harness.sandbox("b") / "stderr").read_text()


@pytest.mark.root
@needs_cgroups
async def test_the_next_agent_knows_whose_they_are(tmp_path: Path) -> None:
    first = Harness(tmp_path)
    isolate(first)
    await first.containerizer.recover()
    first.containerizer.launch(first.spec("a", "sleep", "1000", resources=gpus(2)))
    await first.launched("a")
    await first.containerizer.close(keep=True)
    second = Harness(tmp_path)
    isolate(second)
    assert [one.container_id for one in await second.containerizer.recover()] == ["a"]
    second.containerizer.launch(second.spec("b", "true", resources=gpus(1)))
    assert (await second.failed("b")).endswith("Requested 1 gpus but only 0 available")
    second.containerizer.destroy("a")
    await second.exited("a")
    await until(lambda: not second.cgroups())
    assert await second.run("c", "exec 3</dev/kmsg && echo mine", resources=gpus(1)) == "mine\n"
    await second.containerizer.close()
    remove_cgroups(second)
