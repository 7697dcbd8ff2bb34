"""What every containerizer promises, whatever it runs on."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mesos_py.agent.containerizer import ContainerSpec, NotStarted
from mesos_py.agent.containerizer.scripted import RUNS, Outcome, ScriptedContainerizer
from tests.agent.containerizer.conftest import CONFINED, remove_cgroups
from tests.agent.containerizer.docker.daemon import DOCKER
from tests.agent.containerizer.harness import Harness, is_alive, needs_cgroups, needs_crun, until

IGNORES_TERM = "trap '' TERM; touch ready; while :; do sleep 1000; done"


def script(spec: ContainerSpec) -> Outcome:
    """What the processes of this file do, for the containerizer that has none."""
    match spec.argv[0]:
        case "true":
            return Outcome(status=0)
        case "false":
            return Outcome(status=1 << 8)
        case "no-such-program":
            return Outcome(failure="Failed to execute 'no-such-program': No such file or directory")
        case "/bin/sh":
            return Outcome(ignores=(signal.SIGTERM,))
    return RUNS


KINDS = ["process", "scripted", pytest.param("cgroups", marks=needs_cgroups), pytest.param("crun", marks=needs_crun),
         pytest.param("docker", marks=DOCKER)]  # fmt: skip


@pytest.fixture(params=KINDS)
async def any_kind(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Harness]:
    harness = Harness(tmp_path)
    if request.param == "process":
        harness.process()
    elif request.param == "cgroups":
        harness.isolated(isolation=CONFINED)
    elif request.param == "docker":
        harness.docker(request.getfixturevalue("dockerd").socket)
    elif request.param == "crun":
        harness.isolated(isolation=f"{CONFINED},filesystem/linux,linux/capabilities,namespaces/ipc,namespaces/pid")
    else:
        harness.containerizer = ScriptedContainerizer(report=harness.events.append, script=script)
    assert await harness.containerizer.recover() == ()
    yield harness
    await harness.containerizer.close()
    assert harness.cgroups() == []
    remove_cgroups(harness)


@pytest.mark.parametrize(("program", "status"), [("true", 0), ("false", 256)])
async def test_launched_then_exited_with_the_raw_wait_status(any_kind: Harness, program: str, status: int) -> None:
    any_kind.containerizer.launch(any_kind.spec("c", program))
    assert any_kind.events == []  # never from within launch
    assert await any_kind.exited("c") == status
    assert any_kind.of("c") == ["ContainerLaunched", "ContainerExited"]


async def test_a_program_that_is_not_there_fails_the_launch(any_kind: Harness) -> None:
    any_kind.containerizer.launch(any_kind.spec("c", "no-such-program"))
    assert await any_kind.failed("c") == "Failed to execute 'no-such-program': No such file or directory"
    any_kind.containerizer.launch(any_kind.spec("d", "true"))
    await any_kind.exited("d")
    assert any_kind.of("c") == ["ContainerLaunchFailed"]


async def test_a_signal_ends_it_with_that_status(any_kind: Harness) -> None:
    any_kind.containerizer.launch(any_kind.spec("c", "sleep", "1000"))
    await any_kind.launched("c")
    any_kind.containerizer.signal("c", signal.SIGTERM)
    assert await any_kind.exited("c") == any_kind.killed(signal.SIGTERM)


async def test_destroy_ends_what_ignores_signals(any_kind: Harness) -> None:
    any_kind.containerizer.launch(any_kind.shell("c", IGNORES_TERM))
    await any_kind.launched("c")
    if not isinstance(any_kind.containerizer, ScriptedContainerizer):
        await until((any_kind.sandbox("c") / "ready").exists)
    any_kind.containerizer.signal("c", signal.SIGTERM)
    any_kind.containerizer.launch(any_kind.spec("d", "true"))
    await any_kind.exited("d")
    assert any_kind.exit_of("c") is None
    any_kind.containerizer.destroy("c")
    assert await any_kind.exited("c") == any_kind.killed(signal.SIGKILL)


async def test_destroy_may_follow_launch_at_once(any_kind: Harness) -> None:
    any_kind.containerizer.launch(any_kind.spec("c", "sleep", "1000"))
    any_kind.containerizer.destroy("c")
    any_kind.containerizer.destroy("c")
    await any_kind.exited("c")
    assert any_kind.of("c").count("ContainerExited") == 1


async def test_unknown_ids_are_ignored(any_kind: Harness) -> None:
    any_kind.containerizer.signal("nobody", signal.SIGTERM)
    any_kind.containerizer.destroy("nobody")
    any_kind.containerizer.launch(any_kind.spec("d", "true"))
    await any_kind.exited("d")
    assert any_kind.of("nobody") == []


async def test_an_id_runs_once(any_kind: Harness) -> None:
    any_kind.containerizer.launch(any_kind.spec("c", "sleep", "1000"))
    await any_kind.launched("c")
    any_kind.containerizer.launch(any_kind.spec("c", "true"))
    await until(lambda: len(any_kind.of("c")) == 2)
    assert any_kind.of("c") == ["ContainerLaunched", "ContainerLaunchFailed"]
    any_kind.containerizer.destroy("c")
    assert await any_kind.exited("c") == any_kind.killed(signal.SIGKILL)


async def test_usage_is_of_what_runs(any_kind: Harness) -> None:
    any_kind.containerizer.launch(any_kind.spec("c", "sleep", "1000"))
    any_kind.containerizer.launch(any_kind.spec("d", "true"))
    await any_kind.launched("c")
    await any_kind.exited("d")
    usage = await any_kind.containerizer.usage(["c", "d", "nobody"])
    assert list(usage) == ["c"]
    assert usage["c"].timestamp > 0


async def test_a_command_beside_a_container_tells_its_wait_status(any_kind: Harness) -> None:
    """It is no container of its own: nothing is reported of it."""
    any_kind.containerizer.launch(any_kind.spec("c", "sleep", "1000"))
    await any_kind.launched("c")
    assert await any_kind.containerizer.run_beside(any_kind.spec("c", "true")) == 0
    assert await any_kind.containerizer.run_beside(any_kind.spec("c", "false")) == 256
    with pytest.raises(NotStarted, match="Failed to execute 'no-such-program': No such file or directory"):
        await any_kind.containerizer.run_beside(any_kind.spec("c", "no-such-program"))
    assert any_kind.of("c") == ["ContainerLaunched"]


async def test_a_command_beside_a_container_that_is_not_waited_for_is_ended(any_kind: Harness) -> None:
    any_kind.containerizer.launch(any_kind.spec("c", "sleep", "1000"))
    await any_kind.launched("c")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await any_kind.containerizer.run_beside(any_kind.spec("c", "sleep", "1000"))
    assert await any_kind.containerizer.run_beside(any_kind.spec("c", "true")) == 0
    assert any_kind.of("c") == ["ContainerLaunched"]


async def test_close_destroys_everything(any_kind: Harness) -> None:
    for number in range(5):
        any_kind.containerizer.launch(any_kind.spec(f"c{number}", "sleep", "1000"))
        await any_kind.launched(f"c{number}")
    await any_kind.containerizer.close()
    if isinstance(any_kind.containerizer, ScriptedContainerizer):
        await until(lambda: len(any_kind.events) == 10)
    else:
        assert not any(is_alive(event.pid) for event in any_kind.events if hasattr(event, "pid"))
