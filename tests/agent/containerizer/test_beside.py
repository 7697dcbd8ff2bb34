"""Commands next to containers, as real processes: where they are, what they leave, who ends them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mesos_py.agent.containerizer import NotStarted
from mesos_py.agent.containerizer.supervisor import procfs
from tests.agent.containerizer.harness import Harness, needs_cgroups, pid_in, until

SLEEPS = "echo $$ > {0}.new; mv {0}.new {0}; exec sleep 1000"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    """With a container `c` that runs."""
    made = Harness(tmp_path)
    await made.process().recover()
    made.containerizer.launch(made.shell("c", "echo mine; echo mine >&2; exec sleep 1000"))
    await made.launched("c")
    await until((made.sandbox("c") / "stderr").read_text)
    yield made
    await made.containerizer.close()


def is_running(pid: int) -> bool:
    status = procfs.stat(pid)
    return status is not None and status.state not in b"ZX"


async def test_it_runs_in_the_sandbox_and_speaks_to_its_stderr(harness: Harness) -> None:
    spec = harness.shell("c", "pwd; echo $X >&2; cat", env={"X": "x", "PATH": os.environ["PATH"]})
    assert await harness.containerizer.run_beside(spec) == 0
    sandbox = harness.sandbox("c")
    assert (sandbox / "stderr").read_text() == f"mine\n{sandbox}\nx\n"
    assert (sandbox / "stdout").read_text() == "mine\n"


async def test_whoever_is_not_waited_for_goes_with_its_whole_tree(harness: Harness) -> None:
    """1 it has a child; 2 nobody waits any more; 3 both are gone, the container runs on."""
    sandbox = harness.sandbox("c")
    script = f"sleep 1000 & echo $! > {sandbox}/child; {SLEEPS.format(sandbox / 'pid')}"
    running = asyncio.create_task(harness.containerizer.run_beside(harness.shell("c", script)))
    pid = await pid_in(sandbox / "pid")
    child = await pid_in(sandbox / "child")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await until(lambda: not is_running(pid) and not is_running(child))
    assert harness.of("c") == ["ContainerLaunched"]


async def test_the_next_agent_ends_what_nobody_waits_for(harness: Harness, tmp_path: Path) -> None:
    """The container it stood next to is known, and runs on."""
    sandbox = harness.sandbox("c")
    running = asyncio.create_task(
        harness.containerizer.run_beside(harness.shell("c", SLEEPS.format(sandbox / "pid")))
    )
    pid = await pid_in(sandbox / "pid")
    await harness.containerizer.close(keep=True)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    again = Harness(tmp_path)
    (known,) = await again.process().recover()
    harness.containerizer = again.containerizer
    assert known.container_id == "c"
    await until(lambda: not is_running(pid))
    assert is_running(known.pid)
    assert await again.containerizer.run_beside(again.shell("c", "exit 3")) == 3 << 8
    assert again.events == []


async def test_a_supervisor_that_dies_leaves_nothing_and_tells_nothing(harness: Harness) -> None:
    """The status is not known; the process is gone."""
    sandbox = harness.sandbox("c")
    running = asyncio.create_task(
        harness.containerizer.run_beside(harness.shell("c", SLEEPS.format(sandbox / "pid")))
    )
    pid = await pid_in(sandbox / "pid")
    os.kill(harness.containerizer.supervisor_pid, signal.SIGKILL)  # type: ignore[attr-defined]
    assert await running is None
    await until(lambda: not is_running(pid))


async def test_what_no_process_can_be_given_is_not_started(harness: Harness) -> None:
    for argv in (("sh", "-c", "a\0b"), ("\udfff" * 3, "\ud800")):
        with pytest.raises(NotStarted, match="Failed to execute"):
            await harness.containerizer.run_beside(harness.spec("c", *argv))


@needs_cgroups
@pytest.mark.root
async def test_it_shares_the_cgroups_of_its_container(confined: Harness) -> None:
    """1 it is where the container is; 2 what is killed there with the container has told nothing."""
    confined.containerizer.launch(confined.spec("c", "sleep", "1000"))
    pid = await confined.launched("c")
    command = confined.shell("c", "cat /proc/self/cgroup > mine")
    assert await confined.containerizer.run_beside(command) == 0
    assert (confined.sandbox("c") / "mine").read_text() == Path(f"/proc/{pid}/cgroup").read_text()
    running = asyncio.create_task(
        confined.containerizer.run_beside(confined.shell("c", SLEEPS.format(confined.sandbox("c") / "pid")))
    )
    beside = await pid_in(confined.sandbox("c") / "pid")
    confined.containerizer.destroy("c")
    assert await confined.exited("c") == signal.SIGKILL
    assert await running is None
    assert not is_running(beside)
    assert await confined.containerizer.run_beside(command) is None


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
async def test_it_runs_as_the_user_of_its_task(harness: Harness) -> None:
    """And what it writes is that user's."""
    harness.containerizer.launch(harness.spec("d", "sleep", "1000", user="nobody"))
    await harness.launched("d")
    command = harness.shell("d", "id -un; touch made", user="nobody")
    assert await harness.containerizer.run_beside(command) == 0, (harness.sandbox("d") / "stderr").read_text()
    assert (harness.sandbox("d") / "stderr").read_text() == "nobody\n"
    assert (harness.sandbox("d") / "made").owner() == "nobody"
