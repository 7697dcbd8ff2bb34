"""A later agent finds what the former has left, in dockerd alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mesos_py.agent.containerizer.docker.containerizer import REMOVED
from mesos_py.agent.containerizer.docker.recovery import sort
from mesos_py.agent.events import ContainerExited
from mesos_py.machine.values import SECOND
from tests.agent.containerizer.docker.asking import scalar
from tests.agent.containerizer.docker.daemon import DOCKER, IMAGE, Daemon
from tests.agent.containerizer.docker.running import LOOP, WAIT, ran, read, start
from tests.agent.containerizer.harness import Harness, until

UUID = "01234567-89ab-cdef-0123-456789abcdef"
OURS, OTHERS = {"mesos_py.work_dir": "/w"}, {"mesos_py.work_dir": "/x"}


@pytest.mark.parametrize(
    ("name", "labels", "state", "which"),
    [
        ("mesos-c", OURS, "running", "ours"), ("mesos-c", OURS, "exited", "ours"), ("mesos-c", {}, "running", "ours"),
        ("mesos-c", OTHERS, "running", None), ("mesos-d", OURS, "running", "orphans"),
        ("mesos-d", OURS, "created", "orphans"), ("mesos-d", OURS, "exited", "over"), ("mesos-d", {}, "running", None),
        (f"mesos-{UUID}", {}, "running", "orphans"), (f"mesos-{UUID}", {}, "exited", "orphans"),
        (f"mesos-S0.{UUID}.executor", {}, "running", "orphans"), (f"mesos-{UUID}", OTHERS, "running", None),
        (f"my-mesos-{UUID}", {}, "running", None), ("db", {}, "running", None),
    ],
)  # fmt: skip
def test_whose_is_whose(name: str, labels: dict[str, str], state: str, which: str | None) -> None:
    found = sort([{"Names": [f"/{name}"], "Labels": labels, "State": state}], ["c"], "/w")
    assert {kind for kind in ("ours", "orphans", "over") if getattr(found, kind)} == ({which} if which else set())


class Agents:
    """One after the other, on the same work directory; each hears of exits and acknowledges none by itself."""

    def __init__(self, dockerd: Daemon, directory: Path, **flags: object) -> None:
        self.dockerd = dockerd
        self.directory = directory
        self.flags = flags
        self.harness = Harness(directory)

    async def next(self, *expected: str) -> list[str]:
        """What runs still, of these."""
        self.harness = Harness(self.directory)
        made = self.harness.docker(self.dockerd.socket, acknowledges=False, **self.flags)
        return [known.container_id for known in await made.recover(expected)]

    async def part(self) -> None:
        await self.harness.containerizer.close(keep=True)


@pytest.fixture
async def agents(dockerd: Daemon, tmp_path: Path) -> AsyncIterator[Agents]:
    made = Agents(dockerd, tmp_path)
    await made.next()
    yield made
    await made.harness.containerizer.close()
    dockerd.clear()


def real(test: Any) -> Any:
    for mark in DOCKER:
        test = mark(test)
    return test


@real
async def test_what_runs_goes_on(agents: Agents) -> None:
    """With its output: nothing is lost, nothing is there twice."""
    count = "i=0; while [ $i -lt 500 ]; do echo $i; echo e$i >&2; i=$((i+1)); done"
    script = f"{WAIT}; {count}; rm go ready; {WAIT}; echo end"
    start(agents.harness, "c", f"seq 1 1000; {script}", resources=(scalar("mem", 64),))
    pid = await agents.harness.launched("c")
    sandbox = agents.harness.sandbox("c")
    await until((sandbox / "ready").exists)
    await agents.part()
    (sandbox / "go").touch()
    await until(lambda: (sandbox / "ready").exists() and not (sandbox / "go").exists())
    assert await agents.next("c") == ["c"]
    known_usage = await agents.harness.containerizer.usage(["c"])
    assert list(known_usage) == ["c"] and os.path.exists(f"/proc/{pid}")
    (sandbox / "go").touch()
    assert await agents.harness.exited("c") == 0
    numbers = [str(number) for number in (*range(1, 1001), *range(500))]
    assert read(agents.harness, "c").split() == [*numbers, "end"]
    assert read(agents.harness, "c", "stderr").split() == [f"e{number}" for number in range(500)]


@real
async def test_what_was_written_before_its_place_was_kept_is_written_once(agents: Agents) -> None:
    """A kill -9 between the two leaves the file longer than the position says."""
    start(agents.harness, "c", f"echo first; {WAIT}; echo second")
    sandbox = agents.harness.sandbox("c")
    await until(lambda: (sandbox / "stdout").exists() and read(agents.harness, "c") == "first\n")
    await until((sandbox / "ready").exists)
    await agents.part()
    with (sandbox / "stdout").open("a") as file:
        file.write("a part of what com")
    assert await agents.next("c") == ["c"]
    (sandbox / "go").touch()
    assert await agents.harness.exited("c") == 0
    assert read(agents.harness, "c") == "first\nsecond\n"


@real
async def test_what_ended_meanwhile_is_told_truly_and_again(agents: Agents) -> None:
    """As often as it takes until it is acknowledged; then it is forgotten."""
    start(agents.harness, "c", f"{WAIT}; echo last; exit 7")
    await agents.harness.launched("c")
    sandbox = agents.harness.sandbox("c")
    await until((sandbox / "ready").exists)
    await agents.part()
    (sandbox / "go").touch()
    await until(lambda: agents.dockerd.names(status="exited") == ["mesos-c"])
    for _ in range(2):
        assert await agents.next("c") == []
        assert await agents.harness.exited("c") == 7 << 8
        assert read(agents.harness, "c") == "last\n"
        await agents.part()
    await agents.next("c")
    await agents.harness.exited("c")
    agents.harness.containerizer.acknowledge("c")
    await agents.part()
    assert await agents.next() == []
    assert agents.dockerd.names() == ["mesos-c"]  # until its delay is over


@real
async def test_what_somebody_removed_meanwhile_is_gone(agents: Agents) -> None:
    start(agents.harness, "c", LOOP)
    await agents.harness.launched("c")
    await until((agents.harness.sandbox("c") / "ready").exists)
    await agents.part()
    agents.dockerd.client.remove_container("mesos-c", force=True)
    assert await agents.next("c") == []
    assert await agents.harness.exited("c") is None
    assert [one.message for one in agents.harness.events if isinstance(one, ContainerExited)] == [REMOVED]


@real
async def test_orphans_are_removed_and_others_are_left_alone(agents: Agents) -> None:
    start(agents.harness, "c", LOOP)
    await agents.harness.launched("c")
    await agents.part()
    client = agents.dockerd.client
    for name, labels in ((f"mesos-{UUID}", {}), ("mesos-x", {"mesos_py.work_dir": "/other"}), ("db", {})):
        client.create_container(IMAGE, ["sleep", "1000"], name=name, labels=labels)
        client.start(name)
    agents.flags["docker_kill_orphans"] = False
    assert await agents.next() == []
    await agents.part()
    assert len(agents.dockerd.names(status="running")) == 4
    del agents.flags["docker_kill_orphans"]
    assert await agents.next() == []
    await until(lambda: sorted(agents.dockerd.names()) == ["db", "mesos-x"])


@real
async def test_what_is_left_of_a_delay_counts(agents: Agents) -> None:
    await ran(agents.harness, "c", "true")
    agents.harness.containerizer.acknowledge("c")
    await agents.part()
    assert agents.dockerd.names() == ["mesos-c"]
    agents.flags["docker_remove_delay"] = SECOND // 100
    await agents.next()
    await until(lambda: agents.dockerd.names() == [])


@real
async def test_a_kill_reaches_what_a_former_agent_has_launched(agents: Agents) -> None:
    start(agents.harness, "c", f"trap 'exit 5' TERM; {LOOP}")
    start(agents.harness, "d", LOOP)
    for name in ("c", "d"):
        await agents.harness.launched(name)
        await until((agents.harness.sandbox(name) / "ready").exists)
    await agents.part()
    assert sorted(await agents.next("c", "d")) == ["c", "d"]
    agents.harness.containerizer.signal("c", signal.SIGTERM)
    agents.harness.containerizer.destroy("d")
    assert await agents.harness.exited("c") == 5 << 8
    assert await agents.harness.exited("d") == 137 << 8


@real
async def test_what_nobody_will_know_ends_with_its_agent(agents: Agents) -> None:
    start(agents.harness, "kept", LOOP)
    start(agents.harness, "mine", LOOP, is_kept=False)
    for name in ("kept", "mine"):
        await agents.harness.launched(name)
    await agents.part()
    await until(lambda: agents.dockerd.names(status="running") == ["mesos-kept"])
    await agents.next()


@real
async def test_what_nobody_will_know_ends_with_an_agent_that_is_killed(dockerd: Daemon, tmp_path: Path) -> None:
    """kill -9: what is kept runs on."""
    program = (
        "import asyncio, sys; from pathlib import Path\n"
        "from tests.agent.containerizer.harness import Harness\n"
        "from tests.agent.containerizer.docker.running import LOOP, start\n"
        "async def main():\n"
        "    harness = Harness(Path(sys.argv[1]))\n"
        "    await harness.docker(sys.argv[2]).recover()\n"
        "    start(harness, 'kept', LOOP)\n"
        "    start(harness, 'mine', LOOP, is_kept=False)\n"
        "    await asyncio.sleep(1000)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path), dockerd.socket]) as agent:
        try:
            await until(lambda: sorted(dockerd.names(status="running")) == ["mesos-kept", "mesos-mine"])
        finally:
            agent.kill()
    try:
        await until(lambda: dockerd.names() == ["mesos-kept"])
    finally:
        dockerd.clear()
