"""Containers of Docker on one agent: launched and destroyed, beside bare ``docker run``.

A container is ``sleep`` of busybox in the host's network; launched means that it runs, destroyed that it has ended. The
reference is ``docker run --detach`` of as many, one after the other and eight at once, and ``docker rm --force`` of
them, on the same dockerd, which the program starts for itself. Needs root and docker.io.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog
import uvloop

from benchmarks import report
from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.containerizer.compose import compose
from mesos_py.agent.events import ContainerEvent, ContainerExited, ContainerLaunched, ContainerLaunchFailed
from mesos_py.agent.options import AgentOptions
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.container import ContainerInfo
from tests.agent.containerizer.docker.daemon import IMAGE, Daemon, missing

AT_ONCE = 8  # as many as an agent launches

COMMAND = CommandInfo(shell=False, value="sleep", arguments=("1000",))
CONTAINER = ContainerInfo(type=ContainerInfo.Type.DOCKER, docker=ContainerInfo.DockerInfo(image=IMAGE))


async def ours(place: Path, dockerd: Daemon, count: int) -> tuple[float, float]:
    """Seconds of launching and of destroying all."""
    options = AgentOptions(
        master="127.0.0.1:1", work_dir=str(place / "work"), runtime_dir=str(place / "run"), containerizers=("docker",),
        docker_socket=dockerd.socket,
    )  # fmt: skip
    heard: asyncio.Queue[ContainerEvent] = asyncio.Queue()
    made = compose(options, heard.put_nowait)
    await made.recover()

    async def hear(kind: type[ContainerEvent]) -> None:
        for _ in range(count):
            event = await heard.get()
            while not isinstance(event, kind):
                assert not isinstance(event, ContainerLaunchFailed), event
                event = await heard.get()
            if isinstance(event, ContainerExited):
                made.acknowledge(event.container_id)

    names = [f"c{number}" for number in range(count)]
    began = time.perf_counter()
    for name in names:
        made.launch(
            ContainerSpec(
                container_id=name, sandbox=f"{place}/work/{name}", argv=("sleep",), executable="sleep", env={},
                container=CONTAINER, command=COMMAND,
            )
        )  # fmt: skip
    await hear(ContainerLaunched)
    up = time.perf_counter() - began
    began = time.perf_counter()
    for name in names:
        made.destroy(name)
    await hear(ContainerExited)
    down = time.perf_counter() - began
    await made.close()
    return up, down


def bare(dockerd: Daemon, count: int, at_once: int) -> tuple[float, float]:
    """The same of the ``docker`` program."""
    docker = ["docker", "--host", f"unix://{dockerd.socket}"]
    names = [f"bare{at_once}-{number}" for number in range(count)]

    def run(*arguments: str) -> None:
        subprocess.run([*docker, *arguments], check=True, capture_output=True, timeout=60)

    def timed(*arguments: str) -> float:
        began = time.perf_counter()
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(lambda name: run(*[name if one == "NAME" else one for one in arguments]), names))
        return time.perf_counter() - began

    up = timed("run", "--detach", "--network=host", "--name", "NAME", IMAGE, "sleep", "1000")
    return up, timed("rm", "--force", "NAME")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--containers", type=int, default=100)
    count = parser.parse_args().containers
    report.header(f"docker: {count} containers launched, then destroyed, on one agent")
    why = missing()
    if why:
        print(f"   not measured: {why}")
        return
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory(prefix="mesos-bench-") as directory:
        place = Path(directory)
        dockerd = Daemon(place)
        dockerd.open()
        try:
            references = {at_once: bare(dockerd, count, at_once) for at_once in (1, AT_ONCE)}
            up, down = uvloop.run(ours(place, dockerd, count))
        finally:
            dockerd.close()
    for at_once, (bare_up, bare_down) in references.items():
        of = f"docker run, {at_once} at once"
        report.figure("launched", count / up, "a second", reference=count / bare_up, of=of)
        of = f"docker rm -f, {at_once} at once"
        report.figure("destroyed", count / down, "a second", reference=count / bare_down, of=of)


if __name__ == "__main__":
    main()
