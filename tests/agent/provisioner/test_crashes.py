"""An agent that is killed before any one step of a pull: the next one knows the whole image, or none."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from mesos_py.agent.provisioner.reference import Layout, parse_reference, source
from mesos_py.agent.provisioner.store import Store
from tests.agent.provisioner.conftest import LIMITS
from tests.agent.provisioner.images import directory, file, layer, layout
from tests.agent.provisioner.registry import IMAGES

pytestmark = IMAGES

STEPS_MAX = 40  # a pull has some fifteen

#: Pulls an image and says so, unless it is killed before step N: a program's start, a rename, an fsync.
PROGRAM = """
import asyncio, os, signal, subprocess, sys
from mesos_py.agent.provisioner.puller import Limits
from mesos_py.agent.provisioner.reference import Layout, parse_reference, source
from mesos_py.agent.provisioner.store import Store

directory, place, last = sys.argv[1], sys.argv[2], int(sys.argv[3])
taken = 0

def step(real):
    def counted(*args, **kwargs):
        global taken
        taken += 1
        if taken == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)
    return counted

async def main():
    store = Store(directory, Limits(free_min=1, free_inodes_min=1))
    store.open()
    await store.recover(())
    subprocess.Popen, os.rename, os.fsync = step(subprocess.Popen), step(os.rename), step(os.fsync)
    await store.get(source(parse_reference("a"), Layout(place)), cached=True, auth="{}")
    print("pulled", flush=True)

asyncio.run(main())
"""


async def pull(store: str, place: Path, last: int) -> bool:
    """Whether it was pulled before the end."""
    agent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, store, str(place), str(last), stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    out, _ = await agent.communicate()
    assert agent.returncode in (0, -9)
    return b"pulled" in out


async def test_killed_before_every_step(store: Store, tmp_path: Path) -> None:
    """Whatever is there afterwards is whole, nothing is left half, and the image can be had."""
    place = tmp_path / "l"
    layout(place, "a", layer(directory("etc"), file("etc/one", b"1")), layer(file("etc/two", b"2")))
    await store.close()
    wanted = source(parse_reference("a"), Layout(str(place)))
    for last in range(1, STEPS_MAX):
        made = f"{tmp_path}/store{last}"
        is_pulled = await pull(made, place, last)
        later = Store(made, LIMITS)
        later.open()
        await later.recover(())
        assert os.listdir(f"{made}/staging") == []
        if is_pulled:
            (place / "index.json").unlink()  # it must not be asked again
        image = await later.get(wanted, cached=True, auth="{}")
        assert sorted(os.listdir(f"{image.rootfs}/etc")) == ["one", "two"]
        assert os.listdir(f"{made}/images") == [image.digest]
        await later.close()
        if is_pulled:
            assert last > 10
            return
    raise AssertionError("a pull does not end")
