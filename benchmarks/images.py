"""Images without a daemon: from a name to a root, with nothing there and with the image there, and the root's end.

The image is a file of a megabyte and 2,000 small ones, in an OCI layout on this disk. The reference is the program
``mount`` alone, mounting the same overlay as often, one after the other. Needs root and what the tests of images need.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog
import uvloop

from benchmarks import report
from mesos_py.agent.provisioner.provisioner import Provisioner, ProvisionerSettings
from mesos_py.wire.image import Image
from tests.agent.provisioner.images import directory, file, layer, layout
from tests.agent.provisioner.registry import missing

IMAGE = Image(type=Image.Type.DOCKER, docker=Image.Docker(name="a"))
FILES = 2_000
GOAL_MS = 30  # of the 300 ms after which a task of a warm image is to run


async def each(names: list[str], work: Callable[[str], Awaitable[object]]) -> list[float]:
    """Milliseconds of each, one after the other."""
    taken = []
    for name in names:
        began = time.perf_counter()
        await work(name)
        taken.append((time.perf_counter() - began) * 1e3)
    return taken


def bare(root: Path, image: str, count: int) -> float:
    """Milliseconds of one bare mount."""
    for number in range(count):
        for name in ("upper", "scratch", "root"):
            (root / f"{name}{number}").mkdir(parents=True)
    began = time.perf_counter()
    for number in range(count):
        options = f"volatile,lowerdir={image},upperdir={root}/upper{number},workdir={root}/scratch{number}"
        subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", f"{root}/root{number}"], check=True)
    taken = (time.perf_counter() - began) * 1e3 / count
    subprocess.run(["umount", *[f"{root}/root{number}" for number in range(count)]], check=True)
    return taken


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--containers", type=int, default=100)
    options = parser.parse_args()
    report.header(f"images: {options.containers} roots of one image of {FILES} files")
    why = missing()
    if why is not None:
        print(f"   not measured: {why}")
        return
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory() as place:
        files = [file(f"d{number % 50}/f{number}", os.urandom(1_000)) for number in range(FILES)]
        dirs = [directory(f"d{number}") for number in range(50)]
        layout(Path(place, "images"), "a", layer(file("program", os.urandom(1 << 20)), *dirs, *files))
        settings = ProvisionerSettings(
            work_dir=f"{place}/work", store_dir=f"{place}/store", registry=f"{place}/images"
        )
        provisioner = Provisioner(settings)
        await provisioner.open()
        await provisioner.recover(())
        (cold,) = await each(["cold"], lambda name: provisioner.provision(name, IMAGE))
        report.figure("pull, unpack, sync, mount", cold, "ms")
        names = [f"c{number}" for number in range(options.containers)]
        (digest,) = os.listdir(f"{place}/store/images")
        mount = bare(Path(place, "bare"), f"{place}/store/images/{digest}/rootfs", options.containers)
        warm, slow = report.quantiles(await each(names, lambda name: provisioner.provision(name, IMAGE)))
        report.figure("a root of an image that is there, median", warm, "ms", reference=GOAL_MS, of="goal")
        report.figure("the same, 99 %", slow, "ms", reference=GOAL_MS, of="goal")
        report.figure("the same, median", warm, "ms", reference=round(mount, 2), of="bare mount")
        end, slow = report.quantiles(await each(names, provisioner.destroy))
        report.figure("its end, median", end, "ms")
        report.figure("its end, 99 %", slow, "ms")
        began = time.perf_counter()
        await asyncio.gather(*[provisioner.provision(name, IMAGE) for name in names])
        report.figure("all at once", options.containers / (time.perf_counter() - began), "roots/s")
        began = time.perf_counter()
        await asyncio.gather(*[provisioner.destroy(name) for name in names])
        report.figure("all ended at once", options.containers / (time.perf_counter() - began), "roots/s")
        await provisioner.close()


if __name__ == "__main__":
    uvloop.run(main())
