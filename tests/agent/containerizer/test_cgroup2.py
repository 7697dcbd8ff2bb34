"""cgroup v2 on a real kernel: what needs no controller where v1 has them all, as on hosts with both.

What controllers do in v2 is tested by test_cgroups.py where that is all there is (.ci/cgroup2).
"""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mesos_py.agent.containerizer.cgroups.hierarchy import CgroupsUnavailable
from mesos_py.agent.containerizer.supervisor import cgroup
from tests.agent.containerizer.harness import Harness, is_alive, pid_in, until
from tests.agent.containerizer.test_cgroups import ESCAPE

UNIFIED = next((one for one in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
                if os.path.exists(f"{one}/cgroup.controllers")), "")  # fmt: skip
WHY_NOT = "cgroup v2 is mounted nowhere" if not UNIFIED else "" if os.access(UNIFIED, os.W_OK) else "cgroups need root"

pytestmark = [pytest.mark.root, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "cgroup v2 is there")]


@pytest.fixture
async def unified(tmp_path: Path) -> AsyncIterator[Harness]:
    """Containers are killed by cgroup, and nothing else is done with that; nothing is left."""
    harness = Harness(tmp_path)
    await harness.isolated(launcher="linux", isolation="posix/cpu,posix/mem", cgroups_hierarchy=UNIFIED).recover()
    yield harness
    await harness.containerizer.close()
    assert [one.name for one in Path(UNIFIED, harness.cgroups_root).iterdir() if one.is_dir()] == []
    os.rmdir(f"{UNIFIED}/{harness.cgroups_root}")


def place(harness: Harness, container_id: str) -> Path:
    return Path(UNIFIED, harness.cgroups_root, container_id)


async def test_a_container_is_in_its_cgroup_and_says_what_it_uses(unified: Harness) -> None:
    """1 in the leaf of it; 2 times of ended processes count; 3 it is gone after the container."""
    work = "python3 -c 'sum(range(3000000))' && : >ready && exec sleep 1000"
    unified.containerizer.launch(unified.shell("c", work))
    pid = await unified.launched("c")
    await until((unified.sandbox("c") / "ready").exists)
    assert (place(unified, "c") / "leaf/cgroup.procs").read_text().split() == [str(pid)]
    assert "populated 1" in (place(unified, "c") / "cgroup.events").read_text()
    usage = (await unified.containerizer.usage(["c"]))["c"]
    assert usage.cpus_user_time_secs is not None and usage.cpus_user_time_secs > 0.02
    unified.containerizer.destroy("c")
    assert await unified.exited("c") == signal.SIGKILL
    await until(lambda: not place(unified, "c").exists())


async def test_whoever_leaves_session_parent_and_environment_dies_with_the_container(unified: Harness) -> None:
    unified.containerizer.launch(unified.shell("c", f"{ESCAPE}until [ -s daemon ]; do sleep 0.01; done"))
    assert await unified.exited("c") == 0
    assert not is_alive(int((unified.sandbox("c") / "daemon").read_text()))


async def test_a_supervisor_that_dies_leaves_nothing_behind(unified: Harness) -> None:
    unified.containerizer.launch(unified.shell("c", ESCAPE + "exec sleep 1000"))
    await unified.launched("c")
    daemon = await pid_in(unified.sandbox("c") / "daemon")
    os.kill(unified.containerizer.inner.supervisor_pid, signal.SIGKILL)  # type: ignore[attr-defined]
    assert await unified.exited("c") is None
    assert not is_alive(daemon)


async def test_what_is_nested_is_killed_alone_and_with_its_executor(unified: Harness) -> None:
    """By ``cgroup.kill``, which is one write, also of what forks for ever."""
    made = unified.containerizer
    made.make_sandbox("pod", str(unified.sandbox("pod")), None, None)
    made.update("pod", (), {})
    for name in ("a", "b"):
        made.launch(unified.shell(name, "while :; do (exec sleep 0.001) & wait; done", parent_id="pod"))
        await unified.launched(name)
    inner = place(unified, "pod") / "mesos/b"
    assert cgroup.kill(os.fsencode(inner)) > 0
    assert await unified.exited("b") == signal.SIGKILL
    assert unified.of("a") == ["ContainerLaunched"]
    made.destroy("a")
    await unified.exited("a")
    made.destroy("pod")
    await until(lambda: not place(unified, "pod").exists())


async def test_a_controller_that_v1_has_is_none_of_v2s(tmp_path: Path) -> None:
    if "memory" in Path(UNIFIED, "cgroup.controllers").read_text().split():
        pytest.skip("all controllers are v2's here")
    with pytest.raises(CgroupsUnavailable, match="has no controller 'memory'"):
        Harness(tmp_path).isolated(isolation="cgroups/mem", cgroups_hierarchy=UNIFIED)
