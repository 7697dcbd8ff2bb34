"""Containers of a real dockerd: what they get, what is seen of them, and what is left."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import urllib.request
from pathlib import Path

import psutil
import pytest

from mesos_py.agent.containerizer.rotation import LOGROTATE, SIZE_MIN
from mesos_py.agent.events import ContainerLaunched
from mesos_py.wire.command import CommandInfo, Environment
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.task import TaskStatus
from mesos_py.wire.value import Parameter, Value
from mesos_py.wire.volume import MountPropagation, Volume
from tests.agent.containerizer.docker.asking import ports, scalar
from tests.agent.containerizer.docker.daemon import DOCKER, IMAGE, Daemon
from tests.agent.containerizer.docker.running import LOOP, of_host, ran, read, start
from tests.agent.containerizer.harness import Harness, until
from tests.ports import free_port

pytestmark = DOCKER

DockerInfo = ContainerInfo.DockerInfo
Network = DockerInfo.Network


def launched(harness: Harness, container_id: str) -> ContainerLaunched:
    events = [one for one in harness.events if isinstance(one, ContainerLaunched)]
    return next(one for one in events if one.container_id == container_id)


def cgroup(pid: int, controller: str) -> Path:
    """Of v1, as this host has it; skips the test on others."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            return Path(f"/sys/fs/cgroup/{controller}{path}")
    return pytest.skip("cgroups of v2")


async def test_environment_sandbox_and_output(docked: Harness) -> None:
    script = "echo $A; pwd; echo no >&2; echo mine >/mnt/mesos/sandbox/file; printf end"
    assert await ran(docked, "c", script) == "1\n/\nend"
    assert read(docked, "c", "stderr") == "no\n"
    assert read(docked, "c", "file") == "mine\n"


async def test_all_of_a_large_output_is_there_when_the_end_is_told(docked: Harness) -> None:
    said = await ran(docked, "c", "seq 1 200000; head -c 100000 /dev/zero | tr '\\0' x")
    assert said == "".join([f"{number}\n" for number in range(1, 200_001)]) + "x" * 100_000


async def test_what_was_fetched_is_in_its_sandbox(docked: Harness, tmp_path: Path) -> None:
    (tmp_path / "given").write_text("fetched\n")
    uris = (CommandInfo.URI(value=str(tmp_path / "given"), executable=False),)
    assert await ran(docked, "c", "cat /mnt/mesos/sandbox/given", uris=uris) == "fetched\n"


async def test_its_files_are_bounded_by_the_logger(dockerd: Daemon, tmp_path: Path) -> None:
    """As those of any container, by flags and by its own variables; it all is there when its end is told."""
    harness = Harness(tmp_path)
    await harness.docker(dockerd.socket, container_logger=LOGROTATE, max_stdout_size=SIZE_MIN).recover()
    try:
        variables = (Environment.Variable(name="CONTAINER_LOGGER_LOGROTATE_STDOUT_OPTIONS", value="rotate 2"),)
        command = CommandInfo(value="seq 1 20000", environment=Environment(variables=variables))
        docker = DockerInfo(image=IMAGE)
        info = ContainerInfo(type=ContainerInfo.Type.DOCKER, docker=docker)
        harness.containerizer.launch(harness.spec("c", "sh", container=info, command=command))
        assert await harness.exited("c") == 0
        files = sorted(harness.sandbox("c").glob("stdout*"))
        assert [file.name for file in files] == ["stdout", "stdout.1", "stdout.2"]
        assert max([file.stat().st_size for file in files]) <= SIZE_MIN
        said = "".join([file.read_text() for file in (*reversed(files[1:]), files[0])]).splitlines()
        assert said == [str(number) for number in range(20_001 - len(said), 20_001)]
    finally:
        await harness.containerizer.close()
        dockerd.clear()


async def test_what_cannot_be_fetched_is_said(docked: Harness) -> None:
    start(docked, "c", "true", uris=(CommandInfo.URI(value="/no/such/file"),))
    text = await docked.failed("c")
    assert text.startswith("Failed to fetch all URIs for container 'c': ")


async def test_volumes_of_the_host_and_of_the_sandbox(docked: Harness, tmp_path: Path) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "host/file").write_text("of the host\n")
    volumes = (
        Volume(mode=Volume.Mode.RO, container_path="/ro", host_path=str(tmp_path / "host")),
        Volume(mode=Volume.Mode.RW, container_path="/own", host_path="made"),
        Volume(mode=Volume.Mode.RW, container_path="relative", host_path=str(tmp_path / "new")),
    )
    script = "cat /ro/file; touch /ro/x 2>/dev/null || echo kept; echo a >/own/a; echo b >/mnt/mesos/sandbox/relative/b"
    assert await ran(docked, "c", script, container={"volumes": volumes}) == "of the host\nkept\n"
    assert read(docked, "c", "made/a") == "a\n"
    assert (tmp_path / "new/b").read_text() == "b\n"


async def test_what_is_mounted_later(dockerd: Daemon, tmp_path: Path) -> None:
    """1 the host mounts, and the container sees it; 2 the container mounts, and the host sees it; 3 not if neither."""
    harness, place = Harness(tmp_path), tmp_path / "shared"
    await harness.docker(dockerd.socket, docker_allow_privileged=True, docker_allowed_parameters=("cap-add",)).recover()
    place.mkdir()
    dockerd.where_it_mounts("mount", "-t", "tmpfs", "none", str(place))
    try:
        dockerd.where_it_mounts("mount", "--make-shared", str(place))
        dockerd.where_it_mounts("mkdir", f"{place}/a", f"{place}/b")
        modes = {"to": MountPropagation.Mode.HOST_TO_CONTAINER, "both": MountPropagation.Mode.BIDIRECTIONAL, "no": None}
        volumes = tuple([
            Volume(mode=Volume.Mode.RW, container_path=f"/{name}", source=of_host(str(place), mode))
            for name, mode in modes.items()
        ])  # fmt: skip
        can = Parameter(key="cap-add", value="SYS_ADMIN")
        mounts = "mount -t tmpfs none /both/b && touch /both/b/inner"
        sees = "until [ -e /to/a/outer ]; do sleep 0.02; done; ls /no/a; until [ -e /to/go ]; do sleep 0.02; done"
        start(harness, "c", f"{mounts}; {sees}", parameters=(can,), container={"volumes": volumes})
        await harness.launched("c")
        await until(lambda: "inner" in dockerd.where_it_mounts("ls", f"{place}/b"))
        dockerd.where_it_mounts("mount", "-t", "tmpfs", "none", f"{place}/a")
        dockerd.where_it_mounts("touch", f"{place}/a/outer", f"{place}/go")
        assert await harness.exited("c") == 0
        assert read(harness, "c") == ""
    finally:
        await harness.containerizer.close()
        dockerd.clear()
        dockerd.where_it_mounts("umount", "--recursive", "--lazy", str(place))


async def test_a_named_volume_outlives_its_container(docked: Harness, dockerd: Daemon) -> None:
    source = Volume.Source(
        type=Volume.Source.Type.DOCKER_VOLUME, docker_volume=Volume.Source.DockerVolume(name="kept", driver="local")
    )
    container = {"volumes": (Volume(mode=Volume.Mode.RW, container_path="/v", source=source),)}
    await ran(docked, "c", "echo kept >/v/file", container=container)
    assert await ran(docked, "d", "cat /v/file", container=container) == "kept\n"
    dockerd.clear()
    dockerd.client.remove_volume("kept")


async def test_a_mapped_port_leads_to_it(docked: Harness, dockerd: Daemon) -> None:
    port = free_port()
    mappings = (DockerInfo.PortMapping(host_port=port, container_port=80),)
    script = "cd /tmp; echo served >index.html; exec httpd -f -p 80"
    start(docked, "c", script, network=Network.BRIDGE, port_mappings=mappings, resources=(ports(port, port),))
    await docked.launched("c")

    def is_served() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1) as answer:
                return bool(answer.read() == b"served\n")
        except OSError:
            return False

    while not await asyncio.to_thread(is_served):
        assert docked.exit_of("c") is None
        await asyncio.sleep(0.02)
    event = launched(docked, "c")
    (info,) = event.network_infos
    address = info.ip_addresses[0].ip_address
    assert address is not None and address.rpartition(".")[0] == dockerd.address.rpartition(".")[0]
    network = docked.containerizer.network_of("c")
    assert network is not None and os.stat(network).st_ino != os.stat("/proc/self/ns/net").st_ino
    usage = (await docked.containerizer.usage(["c"]))["c"]
    assert usage.net_rx_packets and usage.net_tx_bytes


async def test_a_port_that_is_taken_fails_the_launch(docked: Harness, dockerd: Daemon) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        mappings = (DockerInfo.PortMapping(host_port=port, container_port=80),)
        start(docked, "c", "true", network=Network.BRIDGE, port_mappings=mappings, resources=(ports(port, port),))
        assert "address already in use" in await docked.failed("c")
    await until(lambda: dockerd.names() == [])


async def test_what_docker_says_of_it_comes_with_its_launch(docked: Harness) -> None:
    start(docked, "c", LOOP)
    pid = await docked.launched("c")
    event = launched(docked, "c")
    assert event.data is not None
    (told,) = json.loads(event.data)
    assert (told["Name"], told["State"]["Pid"]) == ("/mesos-c", pid)
    assert event.network_infos == ()
    assert docked.containerizer.network_of("c") is None


async def test_limits_are_its_cgroups(docked: Harness, dockerd: Daemon) -> None:
    """So are those of an update, which is made only if it changes anything."""
    start(docked, "c", LOOP, resources=(scalar("cpus", 0.5), scalar("mem", 64)))
    pid = await docked.launched("c")

    def value(controller: str, file: str) -> int:
        return int((cgroup(pid, controller) / file).read_text())

    assert (value("cpu", "cpu.shares"), value("memory", "memory.limit_in_bytes")) == (512, 64 << 20)
    docked.containerizer.update("c", (scalar("cpus", 1.0), scalar("mem", 128)), {"cpus": Value.Scalar(value=2.0)})
    await until(lambda: value("memory", "memory.limit_in_bytes") == 128 << 20)
    await until(lambda: (value("cpu", "cpu.shares"), value("cpu", "cpu.cfs_quota_us")) == (1024, 200_000))
    usage = (await docked.containerizer.usage(["c"]))["c"]
    assert usage.mem_limit_bytes == 128 << 20
    assert usage.processes is not None and usage.processes >= 1
    assert usage.mem_total_bytes
    assert usage.net_rx_bytes is None  # its links are the host's


async def test_an_update_during_the_launch_counts(docked: Harness, dockerd: Daemon) -> None:
    start(docked, "c", LOOP, resources=(scalar("mem", 64),))
    docked.containerizer.update("c", (scalar("mem", 96),), {})
    docked.containerizer.update("c", (scalar("mem", 128),), {})
    await docked.launched("c")
    await until(lambda: dockerd.client.inspect_container("mesos-c")["HostConfig"]["Memory"] == 128 << 20)


async def test_who_takes_too_much_memory(docked: Harness) -> None:
    start(docked, "c", "exec dd if=/dev/zero of=/dev/null bs=512M count=1", resources=(scalar("mem", 32),))
    assert await docked.exited("c") == 137 << 8
    limited = docked.limited("c")
    assert limited is not None
    assert limited.reason is TaskStatus.Reason.REASON_CONTAINER_LIMITATION_MEMORY
    assert limited.message == "Memory limit exceeded: Requested: 32MB Maximum Used: 32MB"
    assert limited.resources == (scalar("mem", 32),)


async def test_the_signal_that_an_image_wants(docked: Harness) -> None:
    parameters = (Parameter(key="stop-signal", value="SIGUSR1"),)
    start(docked, "c", f"trap 'echo told; exit 3' USR1; {LOOP}", parameters=parameters)
    await docked.launched("c")
    await until((docked.sandbox("c") / "ready").exists)
    docked.containerizer.signal("c", signal.SIGTERM)
    assert await docked.exited("c") == 3 << 8
    assert read(docked, "c") == "told\n"


async def test_user_hostname_and_working_directory(docked: Harness) -> None:
    parameters = (Parameter(key="user", value="nobody"), Parameter(key="workdir", value="/tmp"))
    said = await ran(
        docked, "c", "id -u; hostname; pwd", parameters=parameters, network=Network.NONE, container={"hostname": "mine"}
    )
    assert said == "65534\nmine\n/tmp\n"


async def test_an_image_that_nobody_has(docked: Harness, dockerd: Daemon) -> None:
    start(docked, "c", "true", image="127.0.0.1:1/no/such:1")
    assert (await docked.failed("c")).startswith("Failed to pull image '127.0.0.1:1/no/such:1': ")
    start(docked, "d", "true", image="NO SUCH")
    assert "invalid reference format" in await docked.failed("d")
    assert dockerd.names() == []


async def test_a_launch_that_fails_is_told_once(docked: Harness, dockerd: Daemon) -> None:
    """dockerd says that it has died and is removed, too."""
    for number in range(5):
        docked.containerizer.launch(docked.spec(f"c{number}", "no-such-program"))
    for number in range(5):
        assert await docked.failed(f"c{number}") == "Failed to execute 'no-such-program': No such file or directory"
    await ran(docked, "d", "true")
    assert [docked.of(f"c{number}") for number in range(5)] == [["ContainerLaunchFailed"]] * 5
    await until(lambda: dockerd.names() == ["mesos-d"])


async def test_a_check_that_says_something_says_it_in_the_sandbox(docked: Harness) -> None:
    start(docked, "c", LOOP)
    await docked.launched("c")
    checked = docked.spec("c", "sh", "-c", "echo $B; echo all is well >&2; exit 4", env={"B": "2"})
    assert await docked.containerizer.run_beside(checked) == 4 << 8
    assert sorted(read(docked, "c", "stderr").splitlines()) == ["2", "all is well"]


async def test_a_check_that_nobody_waits_for_is_killed(docked: Harness) -> None:
    start(docked, "c", LOOP)
    pid = await docked.launched("c")
    hangs = docked.spec("c", "sh", "-c", "touch /mnt/mesos/sandbox/begun; exec sleep 1234", env={})
    check = asyncio.create_task(docked.containerizer.run_beside(hangs))
    await until((docked.sandbox("c") / "begun").exists)
    check.cancel()
    await asyncio.gather(check, return_exceptions=True)

    def is_over() -> bool:
        members = (cgroup(pid, "pids") / "cgroup.procs").read_text().split()
        with contextlib.suppress(psutil.NoSuchProcess):
            return not any("1234" in psutil.Process(int(one)).cmdline() for one in members)
        return False

    await until(is_over)


async def test_containers_are_removed_after_their_delay(dockerd: Daemon, tmp_path: Path) -> None:
    """One that asks for --rm as soon as its exit is known."""
    harness = Harness(tmp_path)
    await harness.docker(dockerd.socket).recover()
    try:
        await ran(harness, "c", "true")
        await ran(harness, "d", "true", parameters=(Parameter(key="rm", value="true"),))
        await until(lambda: dockerd.names() == ["mesos-c"])
        await harness.containerizer.close()
        await until(lambda: dockerd.names() == [])
    finally:
        await harness.containerizer.close()
        dockerd.clear()


async def test_many_at_once(docked: Harness) -> None:
    names = [f"c{number}" for number in range(20)]
    for name in names:
        start(docked, name, f"echo {name}")
    for name in names:
        assert await docked.exited(name) == 0
        assert read(docked, name) == f"{name}\n"
