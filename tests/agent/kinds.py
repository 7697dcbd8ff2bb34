"""The ways there are to run a task, and one agent for each: what every one of them must do alike is in test_kinds.py.

A way is one row of ``KINDS``: the flags of its agent, and what its tasks name as their container. Whoever adds a
containerizer adds a row; the scenarios come by themselves.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import psutil
import pytest

from mesos_py.agent.containerizer.client import SupervisorSettings
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.image import Image
from mesos_py.wire.task import TaskInfo, TaskStatus
from mesos_py.wire.value import Parameter
from tests import builders
from tests.agent.containerizer.docker import daemon
from tests.agent.containerizer.harness import needs_cgroups, needs_crun, until
from tests.agent.masters import Master
from tests.agent.programs import AgentProgram
from tests.agent.provisioner.images import busybox
from tests.agent.provisioner.registry import IMAGES
from tests.agent.world import AGENT_ID, FRAMEWORK_ID, task

MESOS = ContainerInfo.Type.MESOS
CGROUPS = "cgroups/cpu,cgroups/mem,cgroups/pids,posix/rlimits,disk/du"
NAMESPACES = f"{CGROUPS},filesystem/linux,namespaces/pid,namespaces/ipc,linux/capabilities,linux/nnp,volume/secret"

#: What an agent of any kind is told.
DISK = ("--enforce_container_disk_quota", "--container_disk_watch_interval=100ms")

PIDS = "--cgroups_pids_limit=60"

#: What a task of any kind has but those of Docker.
OURS = frozenset({"users", "disk", "supervisor"})
CAN = OURS | {"memory", "limits", "pids"}

#: The image that tasks run from, where they run from one.
IMAGE = "busy"


@attrs.frozen(kw_only=True)
class Kind:
    """One way to run tasks."""

    name: str
    #: of its agent; the directory is for what has to be there before it starts
    flags: Callable[[Path], tuple[str, ...]]
    #: what a task names as its container, with further fields of ContainerInfo
    container: Callable[[Mapping[str, Any]], ContainerInfo | None]
    #: what only some can: "memory", "pids", "limits" (cgroups of v1 that can be looked at), "volumes", "image", OURS
    can: frozenset[str] = OURS
    #: the sandbox as its tasks see it; None: where it is
    sandbox: str | None = None
    marks: tuple[pytest.MarkDecorator, ...] = ()

    #: how a command is said to have ended there, as it is said elsewhere
    says: Callable[[str], str] = str

    @property
    def param(self) -> Any:
        return pytest.param(self, id=self.name, marks=[*self.marks])


def _plain(fields: Mapping[str, Any]) -> ContainerInfo | None:
    return ContainerInfo(type=MESOS, **fields) if fields else None


def _from_image(fields: Mapping[str, Any]) -> ContainerInfo:
    name = fields.get("name", IMAGE)
    found = Image(type=Image.Type.DOCKER, docker=Image.Docker(name=name, config=fields.get("config")))
    rest = {key: value for key, value in fields.items() if key not in ("name", "config")}
    return ContainerInfo(type=MESOS, mesos=ContainerInfo.MesosInfo(image=found), **rest)


def _image_flags(place: Path) -> tuple[str, ...]:
    busybox(place / "images", IMAGE)
    return (
        f"--isolation={NAMESPACES},docker/runtime", "--image_providers=docker", f"--docker_registry={place}/images",
        f"--docker_store_dir={place}/store", *DISK, PIDS,
    )  # fmt: skip


def _in_docker(fields: Mapping[str, Any]) -> ContainerInfo:
    """Below an init, because the first process of a container ignores signals; in its sandbox, as everybody else."""
    more = (Parameter(key="init", value="true"), Parameter(key="workdir", value="/mnt/mesos/sandbox"))
    docker = ContainerInfo.DockerInfo(image=daemon.IMAGE, parameters=more)
    return ContainerInfo(type=ContainerInfo.Type.DOCKER, docker=docker, **fields)


def _said_of_docker(text: str) -> str:
    """Its containers exit, with 128 and the number of the signal; a program that is not there is a 127."""
    for name in ("Terminated", "Killed", "Segmentation fault"):
        number = next(one for one in signal.Signals if signal.strsignal(one) == name)
        text = text.replace(f"terminated with signal {name}", f"exited with status {128 + number}")
    return text.replace("Command exited", "Container exited")


KINDS = (
    Kind(name="process", flags=lambda _: ("--isolation=posix/cpu,posix/mem,posix/rlimits,disk/du", *DISK),
         container=_plain),
    Kind(name="cgroups", flags=lambda _: (f"--isolation={CGROUPS}", *DISK, PIDS), container=_plain,
         can=CAN, marks=(pytest.mark.root, needs_cgroups)),
    Kind(name="namespaces", flags=lambda _: (f"--isolation={NAMESPACES}", *DISK, PIDS), container=_plain,
         can=CAN | {"volumes"}, marks=(pytest.mark.root, needs_crun)),
    Kind(name="image", flags=_image_flags, container=_from_image,
         can=CAN | {"volumes", "image"}, sandbox="/mnt/mesos/sandbox",
         marks=(pytest.mark.root, needs_crun, *IMAGES)),
    Kind(name="docker", flags=lambda _: ("--containerizers=docker,mesos", "--docker_remove_delay=0secs"),
         container=_in_docker, can=frozenset({"memory", "docker"}), sandbox="/mnt/mesos/sandbox",
         marks=(*daemon.DOCKER,), says=_said_of_docker),
)  # fmt: skip


def needs(what: str) -> Any:
    """The test is for the kinds that can do this."""
    kinds = [kind.param for kind in KINDS if what in kind.can]
    return pytest.mark.parametrize("kept", kinds, indirect=True, scope="module")


class Host:
    """An agent of one kind, with its master and everything it leaves on the host."""

    def __init__(self, kind: Kind, directory: Path, dockerd: daemon.Daemon | None = None) -> None:
        self.kind = kind
        self.dockerd = dockerd
        self.directory = directory
        self.master = Master()
        self.agent = AgentProgram(self.master, directory)
        #: of no other host, not even an earlier one
        self.cgroups_root = f"mesos-test-{os.getpid()}-{directory.name[-8:]}"
        paths = f"--fetcher_allowed_paths={directory}"  # which is for nobody else
        self._flags = (*kind.flags(directory), f"--cgroups_root={self.cgroups_root}", paths, "--switch_user")
        if os.geteuid() != 0:
            self._flags = self._flags[:-1]
        if dockerd is not None:
            self._flags = (*self._flags, f"--docker_socket={dockerd.socket}")
        self._mounts = self.mounts()
        #: of tasks; the last one is ``t<count>``
        self.count = 0

    async def open(self) -> None:
        self.master.port = await self.master.server.start("127.0.0.1", 0)
        await self.agent.registered(*self._flags)

    async def close(self) -> None:
        await self.agent.cleanup()
        await self.master.server.close()
        for place in Path("/sys/fs/cgroup").glob(f"*/{self.cgroups_root}"):
            os.rmdir(place)

    async def killed(self) -> None:
        """kill -9 of the agent, and nobody in its place yet."""
        await self.agent.killed()

    async def again(self) -> None:
        """The next agent, on what the last one has left."""
        await self.agent.registered(*self._flags)

    # ---- tasks

    def task(self, script: str | CommandInfo, *, container: Mapping[str, Any] | None = None, **fields: Any) -> TaskInfo:
        """``container``: fields of its ContainerInfo; for images ``name`` is whose, ``config`` Docker's."""
        self.count += 1
        command = CommandInfo(value=script) if isinstance(script, str) else script
        return task(f"t{self.count}", command=command, container=self.kind.container(container or {}), **fields)

    def run(self, script: str | CommandInfo, **fields: Any) -> str:
        """The task's id."""
        info = self.task(script, **fields)
        self.master.run(info, checkpoint=True)
        return info.task_id

    async def running(self, task_id: str, file: str = "") -> None:
        """It runs, and has made this file in its sandbox."""
        await self.master.until(task_id, "RUNNING")
        if file:
            await until((self.sandbox(task_id) / file).exists)

    async def end(self, task_id: str) -> TaskStatus:
        """How it ended; nothing is left of it."""
        await self.master.until_ended(task_id)
        await until(lambda: not self.left())
        return self.master.ends[task_id]

    async def said(self, script: str, **fields: Any) -> str:
        """The output of a script that must succeed."""
        task_id = self.run(script, **fields)
        end = await self.end(task_id)
        assert end.message == self.kind.says("Command exited with status 0"), (end, self.read(task_id, "stderr"))
        return self.read(task_id, "stdout")

    def sandbox(self, task_id: str) -> Path:
        runs = f"slaves/{AGENT_ID}/frameworks/{FRAMEWORK_ID}/executors/{task_id}/runs"
        return (self.agent.work_dir / runs / "latest").resolve()

    def read(self, task_id: str, file: str) -> str:
        path = self.sandbox(task_id) / file
        return path.read_text() if path.exists() else ""

    # ---- the host

    def mounts(self) -> list[str]:
        """Of this test's directory, and whatever is mounted on the host's root."""
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        return [line for line in lines if str(self.directory) in line or line.split()[4] == "/"]

    async def answers(self) -> bool:
        """The agent is responsive."""
        async with aiohttp.ClientSession() as session, session.get(f"http://{self.agent.address}/health") as response:
            return response.status == 200

    def processes(self) -> list[psutil.Process]:
        """Everything below its supervisor, or the first of each container of Docker."""
        if self.dockerd is not None:
            return self.dockerd.processes()
        try:
            found = self.supervisor()
            return [] if found is None else [
                one for one in found.children(recursive=True) if one.status() != psutil.STATUS_ZOMBIE
            ]  # fmt: skip
        except psutil.Error:
            return self.processes()  # some have just ended

    def supervisor(self) -> psutil.Process | None:
        work_dir = os.path.realpath(self.agent.work_dir)
        settings = SupervisorSettings(work_dir=work_dir, runtime_dir=f"{self.directory}/run")
        for process in psutil.process_iter():
            try:
                if settings.directory in process.cmdline():
                    return process
            except psutil.Error:
                continue
        return None

    def cgroup(self, controller: str) -> Path:
        """Where the containers' cgroups are in this tree of v1."""
        return Path(f"/sys/fs/cgroup/{controller}/{self.cgroups_root}")

    def left(self) -> list[str]:
        """Whatever containers have left on this host, in words."""
        found = [f"process {process.pid}" for process in self.processes()]
        found += [f"mount {line}" for line in self.mounts() if line not in self._mounts]
        found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/{self.cgroups_root}/*/")]
        for place in ("run/crun-*/bundles/*", "run/crun-*/state/*", "work/provisioner/containers/*"):
            found += [str(path) for path in self.directory.glob(place)]
        return found if self.dockerd is None else [*found, *self.dockerd.names()]


def nobody(script: str) -> CommandInfo:
    """As another user than the agent's, who is root."""
    return CommandInfo(value=script, user="nobody")


def scalars(**amounts: float) -> tuple[Any, ...]:
    """Resources of a task, allocated to ``*``."""
    return tuple([builders.scalar(name, amount, "*") for name, amount in amounts.items()])


def host_directory() -> Path:
    """Short, so that its sockets have names; removed by whoever asks."""
    return Path(tempfile.mkdtemp(prefix="mesos-py-kind-"))


def forget(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
