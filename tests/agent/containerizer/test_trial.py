"""An agent that is asked for what crun does tries it at its start, and refuses with the cause and what to do."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from mesos_py.agent.containerizer.isolation import settle
from mesos_py.agent.containerizer.runtime.plan import Planner
from mesos_py.agent.containerizer.runtime.runtime import INIT_PROGRAM, Runtime, RuntimeUnavailable
from mesos_py.agent.containerizer.runtime.trial import attempt, refusal
from mesos_py.agent.containerizer.supervisor import procfs
from tests.agent.containerizer.conftest import remove_cgroups
from tests.agent.containerizer.harness import Harness, needs_crun, until
from tests.agent.containerizer.test_namespaces import ISOLATION


@pytest.mark.parametrize(
    ("cause", "advice"),
    [
        (
            "cgroups in hybrid mode not supported, drop all controllers from cgroupv2",
            " (mount the controllers in /sys/fs/cgroup/unified/cgroup.controllers as v1, or boot with cgroup v2)",
        ),
        ("mount `proc`: Operation not permitted", " (an agent within a container has to be a privileged one)"),
        ("clone: No space left on device", " (/proc/sys/user/max_user_namespaces may be too low for namespaces/user)"),
        ("a bad day", ""),
    ],
)
def test_a_refusal_names_the_cause_and_what_to_do(cause: str, advice: str) -> None:
    text = f"filesystem/linux, linux/nnp need crun, which starts no container here: {cause}{advice}"
    assert refusal(settle("filesystem/linux,linux/nnp", None), cause) == text


@pytest.mark.root
@needs_crun
async def test_where_crun_runs_nothing_is_left_of_the_trial(tmp_path: Path, mark: int) -> None:
    harness = Harness(tmp_path)
    containerizer = harness.isolated(isolation=ISOLATION)
    await containerizer.recover()
    assert remains(tmp_path) == []
    await until(lambda: not inits(mark))
    await containerizer.close()
    assert harness.events == []
    remove_cgroups(harness)


@pytest.mark.root
@needs_crun
async def test_where_crun_starts_nothing_it_is_said_why(tmp_path: Path) -> None:
    runtime = Runtime(runtime_dir=str(tmp_path / "run"), work_dir=str(tmp_path))
    runtime.open()
    planner = Planner(isolation=settle("namespaces/pid", None), capabilities=(), init="/no/such/init")
    with pytest.raises(RuntimeUnavailable, match=r"^namespaces/pid need crun, which starts no .* `/no/such/init` not"):
        await attempt(runtime, planner)
    assert remains(tmp_path) == []


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[int]:
    """What this process starts carries it, wherever it goes."""
    made, before = procfs.mark_of(os.fsencode(tmp_path)), resource.getrlimit(resource.RLIMIT_RTTIME)
    resource.setrlimit(resource.RLIMIT_RTTIME, (made, before[1]))
    yield made
    resource.setrlimit(resource.RLIMIT_RTTIME, before)


def inits(mark: int) -> list[int]:
    """That nobody ends: their containers have no supervisor."""
    found = psutil.process_iter(["name", "ppid", "status"])
    wanted = [one for one in found if one.info["name"] == INIT_PROGRAM and one.info["ppid"] == 1]
    return [one.pid for one in wanted if procfs.mark(one.pid) == mark and one.info["status"] != psutil.STATUS_ZOMBIE]


def remains(directory: Path) -> list[str]:
    (place,) = (directory / "run").glob("crun-*")
    return [*os.listdir(place / "bundles"), *os.listdir(place / "state")]
