"""Running a containerizer in a test: a record of its events and waiting for what must come."""

from __future__ import annotations

import asyncio
import glob
import os
import shutil
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from mesos_py.agent.containerizer import Containerizer, ContainerSpec
from mesos_py.agent.containerizer.cgroups.hierarchy import detect
from mesos_py.agent.containerizer.compose import compose
from mesos_py.agent.containerizer.process import ProcessContainerizer
from mesos_py.agent.containerizer.runtime.runtime import find_init
from mesos_py.agent.events import (
    ContainerEvent,
    ContainerExited,
    ContainerLaunched,
    ContainerLaunchFailed,
    ContainerLimited,
)
from mesos_py.agent.options import AgentOptions
from mesos_py.agent.provisioner.provisioner import Provisioner
from mesos_py.machine.values import SECOND
from mesos_py.web.metrics import Timer
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.value import Parameter
from tests.agent.containerizer.docker.daemon import IMAGE

DEADLINE_S = 60  # for something that takes milliseconds

#: All cgroups are those of v2 here. Without, there are those of v1, perhaps beside some of v2.
IS_V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")


def _why_no_cgroups() -> str:
    """Empty: there are cgroups of v1 or v2 that we may use."""
    try:
        detect("/sys/fs/cgroup", "mesos-test", ("cpu", "mem", "pids"))
    except (ValueError, OSError) as error:
        return str(error)
    return "" if os.access("/sys/fs/cgroup", os.W_OK) else "cgroups cannot be written here"


_HAS_CRUN = shutil.which("crun") is not None and find_init() is not None
_NO_CRUN = _why_no_cgroups() or ("" if _HAS_CRUN else "crun or an init is missing (.ci/containers)")

#: For tests of namespaces.
needs_crun = pytest.mark.skipif(bool(_NO_CRUN), reason=_NO_CRUN or "there is crun")

#: For tests that put real processes into cgroups.
needs_cgroups = pytest.mark.skipif(bool(_why_no_cgroups()), reason=_why_no_cgroups() or "there are cgroups")


def docker_container(argv: tuple[str, ...]) -> dict[str, object]:
    """The same command in a container of docker. As a first process sleep would ignore signals: it gets an init."""
    init = "true" if argv[0] == "sleep" else "false"
    more = (Parameter(key="init", value=init), Parameter(key="workdir", value="/mnt/mesos/sandbox"))
    docker = ContainerInfo.DockerInfo(image=IMAGE, parameters=more)
    info = ContainerInfo(type=ContainerInfo.Type.DOCKER, docker=docker)
    return {"container": info, "command": CommandInfo(shell=False, value=argv[0], arguments=argv[1:]), "env": {}}


async def until(condition: Callable[[], object]) -> None:
    """Wait for real processes to get there; fail after a generous deadline."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.002)


async def pid_in(path: Path) -> int:
    """The pid that is written there, once it is there in full."""
    await until(lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())


def is_alive(pid: int) -> bool:
    """Zombies are not: what init of a container does with them is its own business."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Harness:
    """A containerizer with the record of what it reported."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.work = directory / "work"
        self.events: list[ContainerEvent] = []
        self.containerizer: Containerizer
        #: of dockerd, from a registry
        self.pulls = Timer("pulls_ms")
        #: what is different in a spec
        self.wraps: Callable[[tuple[str, ...]], dict[str, object]] | None = None

    def process(self, *, acknowledges: bool = True, **settings: object) -> ProcessContainerizer:
        def report(event: ContainerEvent) -> None:
            self.events.append(event)
            if acknowledges and isinstance(event, ContainerExited):
                made.acknowledge(event.container_id)

        made = ProcessContainerizer(
            work_dir=str(self.work), runtime_dir=str(self.directory / "run"), report=report, **settings
        )  # type: ignore[arg-type]
        self.containerizer = made
        return made

    def isolated(
        self, *, root: str = "", acknowledges: bool = True, provisioner: Provisioner | None = None, **flags: object
    ) -> Containerizer:
        """As an agent with these flags would run containers; cgroups below ``root``, the test's own."""
        options = AgentOptions(
            master="127.0.0.1:1", work_dir=str(self.work), runtime_dir=str(self.directory / "run"),
            cgroups_root=root or self.cgroups_root, **flags,
        )  # type: ignore[arg-type]  # fmt: skip

        def report(event: ContainerEvent) -> None:
            self.events.append(event)
            if acknowledges and isinstance(event, ContainerExited):
                made.acknowledge(event.container_id)

        made = compose(options, report, provisioner, docker_pulls=self.pulls)
        self.containerizer = made
        return made

    def docker(self, socket: str, *, acknowledges: bool = True, **flags: object) -> Containerizer:
        """As an agent with these flags would run containers of docker."""
        paths = str(self.directory)
        given = {"docker_socket": socket, "docker_timeout": DEADLINE_S * SECOND, "fetcher_allowed_paths": paths}
        self.wraps = docker_container
        return self.isolated(acknowledges=acknowledges, containerizers=("docker",), **given | flags)

    def killed(self, signum: int) -> int:
        """The raw status of what a signal has ended: what docker runs exits, with 128 more."""
        return (128 + signum) << 8 if self.wraps is docker_container else signum

    @property
    def cgroups_root(self) -> str:
        """No other test's."""
        return f"mesos-test-{os.getpid()}-{zlib.crc32(os.fsencode(self.directory)):x}"

    def cgroups(self) -> list[str]:
        """Every directory of containers there is in any tree."""
        return glob.glob(f"/sys/fs/cgroup/{'' if IS_V2 else '*/'}{self.cgroups_root}/*/")

    def limited(self, container_id: str) -> ContainerLimited | None:
        for event in self.events:
            if isinstance(event, ContainerLimited) and event.container_id == container_id:
                return event
        return None

    def sandbox(self, container_id: str) -> Path:
        return self.work / "runs" / container_id

    def spec(self, container_id: str, *argv: str, **changes: object) -> ContainerSpec:
        settings: dict[str, object] = {
            "container_id": container_id,
            "sandbox": str(self.sandbox(container_id)),
            "argv": argv,
            "executable": argv[0],
            "env": {"PATH": os.environ["PATH"]},
            "is_kept": True,
        }
        if self.wraps is not None:
            settings |= self.wraps(argv)
        return ContainerSpec(**(settings | changes))  # type: ignore[arg-type]

    def shell(self, container_id: str, script: str, **changes: object) -> ContainerSpec:
        return self.spec(container_id, "/bin/sh", "-c", script, **changes)

    def of(self, container_id: str) -> list[str]:
        return [type(event).__name__ for event in self.events if event.container_id == container_id]

    def exit_of(self, container_id: str) -> ContainerExited | None:
        for event in self.events:
            if isinstance(event, ContainerExited) and event.container_id == container_id:
                return event
        return None

    async def launched(self, container_id: str) -> int:
        await until(lambda: self.of(container_id))
        for event in self.events:
            if isinstance(event, ContainerLaunched) and event.container_id == container_id:
                return event.pid
        raise AssertionError(self.events)

    async def failed(self, container_id: str) -> str:
        await until(lambda: self.of(container_id))
        event = next(event for event in self.events if event.container_id == container_id)
        assert isinstance(event, ContainerLaunchFailed), event
        return event.message

    async def exited(self, container_id: str) -> int | None:
        await until(lambda: self.exit_of(container_id))
        event = self.exit_of(container_id)
        assert event is not None
        return event.status

    async def run(self, container_id: str, script: str, **changes: object) -> str:
        """The output of a shell script that must succeed."""
        self.containerizer.launch(self.shell(container_id, script, **changes))
        assert await self.exited(container_id) == 0, (self.sandbox(container_id) / "stderr").read_text()
        return (self.sandbox(container_id) / "stdout").read_text()
