"""Devices that the agent's flag allows, and cgroups of a namespace's own: what containers see and can use of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mesos_py.agent.containerizer.cgroups.controls import Policy, devices_v1
from mesos_py.agent.containerizer.isolators import devices
from mesos_py.agent.containerizer.runtime.host import find_devices
from mesos_py.agent.provisioner.provisioner import Provisioner, ProvisionerSettings
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.linux import Device, DeviceAccess, DeviceWhitelist
from tests.agent.containerizer.conftest import remove_cgroups
from tests.agent.containerizer.harness import Harness, needs_crun
from tests.agent.containerizer.test_image_containers import image
from tests.agent.provisioner.conftest import LIMITS
from tests.agent.provisioner.images import busybox
from tests.agent.provisioner.registry import IMAGES


def allowed(path: str | None, **access: bool) -> DeviceWhitelist:
    return DeviceWhitelist(
        allowed_devices=(DeviceAccess(device=Device(path=path), access=DeviceAccess.Access(**access)),)
    )


@pytest.mark.parametrize(
    ("whitelist", "text"),
    [
        (allowed(None, read=True), "expecting the path of each device"),
        (allowed("/etc/passwd", read=True), "expecting a path below /dev/, found '/etc/passwd'"),
        (allowed("/dev/../etc/passwd", read=True), "expecting a path below /dev/, found '/dev/../etc/passwd'"),
        (allowed("/dev/kmsg"), "expecting an access to '/dev/kmsg'"),
    ],
)
def test_what_cannot_be_meant(whitelist: DeviceWhitelist, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        devices.check(whitelist)


@pytest.mark.parametrize(
    ("path", "text"),
    [("/dev/no-such-device", "No such file or directory"), ("/dev/shm", "is not a device")],
)
def test_what_is_not_there(path: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"--allowed_devices: '{path}'.*{text}"):
        find_devices(allowed(path, read=True))


def test_what_a_cgroup_allows() -> None:
    """Nothing, then what everybody has, then the flag's; kmsg is character device 1:11."""
    (kmsg,) = find_devices(allowed("/dev/kmsg", read=True, mknod=True))
    assert (kmsg.rule, kmsg.mode) == ("c 1:11 rm", 0o444)
    writes = devices_v1(Policy(devices=(kmsg.rule,)))
    assert writes[0] == ("devices", "devices.deny", "a")
    assert writes[-1] == ("devices", "devices.allow", "c 1:11 rm")
    assert ("devices", "devices.allow", "c 1:3 rwm") in writes


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    """Containers from images, which may read the kernel's messages and nothing else that is not everybody's."""
    busybox(tmp_path / "images", "busy")
    made = Harness(tmp_path)
    made.work.mkdir()
    settings = ProvisionerSettings(
        work_dir=str(made.work), store_dir=str(tmp_path / "store"), registry=str(tmp_path / "images"), limits=LIMITS
    )
    provisioner = Provisioner(settings)
    await provisioner.open()
    isolation = "cgroups/mem,cgroups/devices,linux/devices,filesystem/linux,docker/runtime,namespaces/cgroup"
    await made.isolated(
        isolation=isolation, image_providers="docker", provisioner=provisioner,
        allowed_devices=allowed("/dev/kmsg", read=True),
    ).recover()  # fmt: skip
    await provisioner.recover(())
    yield made
    await made.containerizer.close()
    await provisioner.close()
    assert made.cgroups() == []
    remove_cgroups(made)


async def said(harness: Harness, script: str) -> list[str]:
    spec: dict[str, Any] = {"env": {}, "container": image("busy"), "command": CommandInfo(value=script)}
    harness.containerizer.launch(harness.spec("c", "/bin/sh", **spec))
    assert await harness.exited("c") == 0, (harness.sandbox("c") / "stderr").read_text()
    return (harness.sandbox("c") / "stdout").read_text().splitlines()


def of_images(test: Any) -> Any:
    for mark in (*IMAGES, needs_crun):
        test = mark(test)
    return test


@of_images
async def test_an_allowed_device_is_in_an_image_and_no_other_can_be_made(harness: Harness) -> None:
    script = """
        stat -c '%F %a %t %T' /dev/kmsg
        ls /dev | grep -c -E 'mem|sda|vda'
        (: >/dev/kmsg) 2>/dev/null || echo read only
        mknod m c 1 1; cat m 2>&1 | grep -o 'not permitted'
        head -c 1 /dev/zero | wc -c
    """
    assert await said(harness, script) == [
        "character special file 444 1 b", "0", "read only", "not permitted", "1"
    ]  # fmt: skip


@of_images
async def test_a_cgroup_namespace_shows_nothing_but_ones_own(harness: Harness) -> None:
    own = "grep -c . /proc/self/cgroup; grep -c mesos-test /proc/self/cgroup"
    count, others, below = await said(harness, f"{own}; ls /sys/fs/cgroup/memory/ | grep -c mesos || :")
    assert int(count) > 3
    assert (others, below) == ("0", "0")
