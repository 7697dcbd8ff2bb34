"""Isolated containers on one agent: launched and destroyed, as processes in cgroups and by crun with namespaces.

A container is ``sleep``; launched means that its process runs, destroyed that nothing is left of it and its cgroups.
Containers from an image that is there already are timed one after the other. The reference is bare ``crun``: ``run
--detach`` and ``delete --force`` of some bundles, one after the other, without cgroups. What is in --runtime_dir, and
crun's own state, is in memory, as /var/run is. Needs root, cgroups and crun.
"""

from __future__ import annotations

import argparse
import asyncio
import glob
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import structlog
import uvloop

from benchmarks import report
from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.containerizer.cgroups.hierarchy import CgroupsUnavailable, detect
from mesos_py.agent.containerizer.compose import compose
from mesos_py.agent.events import ContainerEvent, ContainerExited, ContainerLaunched, ContainerLaunchFailed
from mesos_py.agent.options import AgentOptions
from mesos_py.agent.provisioner.provisioner import Provisioner, ProvisionerSettings
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.image import Image
from mesos_py.wire.resource import Resource
from mesos_py.wire.value import Value
from tests.agent.provisioner.images import directory, file, layer, layout
from tests.agent.provisioner.registry import missing

LAUNCH_S, DESTROY_S = 30, 22  # of 1,000 containers; C++ Mesos on 24 cores
CGROUPS = "cgroups/cpu,cgroups/mem,cgroups/pids"
KINDS = (("cgroups", CGROUPS), ("cgroups and namespaces", f"{CGROUPS},filesystem/linux,namespaces/pid,namespaces/ipc"))
IMAGE_MS = 300  # the goal
IMAGES = 20
MEMORY = "/dev/shm"
AT_ONCE = 50  # bare crun, between two looks at the clock


def resources() -> tuple[Resource, ...]:
    return tuple(
        [Resource(name=name, type=Value.Type.SCALAR, scalar=Value.Scalar(value=amount))
         for name, amount in (("cpus", 0.01), ("mem", 32))]
    )  # fmt: skip


async def run(place: Path, memory: Path, isolation: str, count: int) -> tuple[float, float]:
    """Seconds of launching and of destroying all."""
    root = f"mesos-bench-{os.getpid()}"
    options = AgentOptions(
        master="127.0.0.1:1", work_dir=str(place / "work"), runtime_dir=str(memory / "run"), isolation=isolation,
        cgroups_root=root,
    )  # fmt: skip
    launched, exited = asyncio.Event(), asyncio.Event()
    left = {"launch": count, "exit": count}

    def hear(event: ContainerEvent) -> None:
        if isinstance(event, ContainerLaunchFailed):
            raise RuntimeError(event.message)
        if isinstance(event, ContainerLaunched):
            left["launch"] -= 1
            if left["launch"] == 0:
                launched.set()
        elif isinstance(event, ContainerExited):
            made.acknowledge(event.container_id)
            left["exit"] -= 1
            if left["exit"] == 0:
                exited.set()

    made = compose(options, hear)
    await made.recover()
    names = [f"c{number}" for number in range(count)]
    began = time.perf_counter()
    for name in names:
        made.launch(
            ContainerSpec(
                container_id=name, sandbox=f"{place}/work/{name}", argv=("sleep", "1000"), executable="/bin/sleep",
                env={"PATH": "/bin"}, resources=resources(),
            )
        )  # fmt: skip
    await launched.wait()
    up = time.perf_counter() - began
    began = time.perf_counter()
    for name in names:
        made.destroy(name)
    await exited.wait()
    await made.close()
    down = time.perf_counter() - began
    for path in glob.glob(f"/sys/fs/cgroup/*/{root}"):
        os.rmdir(path)
    return up, down


async def images(place: Path, memory: Path) -> list[float]:
    """Milliseconds from launch to process of each container from one image, but for the one that pulls it."""
    root = f"mesos-bench-{os.getpid()}"
    options = AgentOptions(
        master="127.0.0.1:1", work_dir=str(place / "work"), runtime_dir=str(memory / "run"), cgroups_root=root,
        isolation=f"{KINDS[1][1]},docker/runtime", image_providers="docker",
    )  # fmt: skip
    program = file("bin/busybox", Path("/bin/busybox").read_bytes(), mode=0o755)
    layout(place / "images", "a", layer(directory("bin"), program), Entrypoint=["/bin/busybox", "sleep", "1000"])
    settings = ProvisionerSettings(
        work_dir=str(place / "work"), store_dir=str(place / "store"), registry=str(place / "images")
    )
    (place / "work").mkdir()
    provisioner = Provisioner(settings)
    await provisioner.open()
    answers: asyncio.Queue[ContainerEvent] = asyncio.Queue()
    made = compose(options, answers.put_nowait, provisioner)
    await made.recover()
    await provisioner.recover(())
    image = Image(type=Image.Type.DOCKER, docker=Image.Docker(name="a"))
    container = ContainerInfo(type=ContainerInfo.Type.MESOS, mesos=ContainerInfo.MesosInfo(image=image))
    taken = []
    for number in range(IMAGES + 1):
        began = time.perf_counter()
        made.launch(
            ContainerSpec(
                container_id=f"c{number}", sandbox=f"{place}/work/c{number}", argv=("sh",), executable="sh", env={},
                resources=resources(), container=container, command=CommandInfo(shell=False),
            )
        )  # fmt: skip
        answer = await answers.get()
        if not isinstance(answer, ContainerLaunched):
            raise RuntimeError(answer)
        taken.append((time.perf_counter() - began) * 1e3)
    await made.close()
    await provisioner.close()
    for path in glob.glob(f"/sys/fs/cgroup/*/{root}"):
        os.rmdir(path)
    return taken[1:]


def bare(place: Path, count: int) -> tuple[float, float]:
    """Milliseconds of one bare container, up and down."""
    (place / "root").mkdir(parents=True)
    config = {
        "ociVersion": "1.0.2", "root": {"path": f"{place}/root"},
        "process": {"user": {"uid": 0, "gid": 0}, "args": ["/bin/sleep", "1000"], "env": ["PATH=/bin"], "cwd": "/"},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "ipc"}]},
    }  # fmt: skip
    (place / "config.json").write_text(json.dumps(config))
    crun = f"crun --cgroup-manager=disabled --root={place}/state"
    # In a mount namespace of its own, as all of it is bound onto the root.
    script = f"""mount --rbind / {place}/root
begin=$(date +%s%N)
for i in $(seq {count}); do {crun} run --detach --bundle={place} b$i </dev/null >/dev/null; done
middle=$(date +%s%N)
for i in $(seq {count}); do {crun} delete --force b$i; done
echo $((middle - begin)) $(($(date +%s%N) - middle))"""
    wrapped = ["unshare", "--mount", "--propagation=private", "sh", "-ec", script]
    said = subprocess.run(wrapped, check=True, capture_output=True, text=True).stdout
    up, down = [int(part) / 1e6 / count for part in said.split()]
    return up, down


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--containers", type=int, default=1_000)
    options = parser.parse_args()
    count = options.containers
    report.header(f"isolated: {count} containers launched, then destroyed, on one agent")
    try:
        detect("/sys/fs/cgroup", "mesos", ("cpu", "mem", "pids"))
    except CgroupsUnavailable as error:
        print(f"   not measured: {error}")
        return
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory() as given, tempfile.TemporaryDirectory(dir=MEMORY) as taken_from_memory:
        place, memory = Path(given), Path(taken_from_memory)
        has_crun = shutil.which("crun") is not None
        ms = bare(memory / "bare", min(count, AT_ONCE)) if has_crun else (0.0, 0.0)
        for name, isolation in KINDS if has_crun else KINDS[:1]:
            up, down = await run(place / name.replace(" ", "-"), memory / name.replace(" ", "-"), isolation, count)
            share = count / 1_000
            report.figure(f"{name}: all launched", up, "s", reference=LAUNCH_S * share, of="the goal")
            report.figure(f"{name}: all destroyed", down, "s", reference=DESTROY_S * share, of="the goal")
            report.figure(f"{name}: launch of one", up * 1e3 / count, "ms", reference=ms[0], of="bare crun")
            report.figure(f"{name}: destruction of one", down * 1e3 / count, "ms", reference=ms[1], of="bare crun")
        if has_crun and missing() is None:
            taken = await images(place / "from-image", memory / "from-image")
            report.figure("image that is there: running, median", statistics.median(taken), "ms", reference=IMAGE_MS,
                          of="the goal")  # fmt: skip
            report.figure("image that is there: running, median", statistics.median(taken), "ms", reference=ms[0],
                          of="bare crun")  # fmt: skip
            report.figure("image that is there: running, slowest", max(taken), "ms", reference=IMAGE_MS, of="the goal")


if __name__ == "__main__":
    uvloop.run(main())
