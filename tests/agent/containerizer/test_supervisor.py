"""The supervisor outlives agents, keeps exit reports for them, and is replaced when it dies itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import stat
import time
from pathlib import Path

import psutil
import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from mesos_py.agent.containerizer.client import SupervisorClient, SupervisorSettings, SupervisorUnavailable
from mesos_py.agent.containerizer.supervisor import frames, procfs
from mesos_py.agent.containerizer.supervisor.server import Supervisor
from mesos_py.agent.containerizer.supervisor.tree import Container
from tests.agent.containerizer.harness import Harness, is_alive, until


async def test_containers_outlive_their_agent(tmp_path: Path) -> None:
    """1 two run; 2 the agent goes; 3 one ends meanwhile; 4 the next agent finds one and hears of the other."""
    first = Harness(tmp_path)
    await first.process().recover()
    first.containerizer.launch(first.spec("stays", "sleep", "1000"))
    first.containerizer.launch(first.shell("leaves", "until [ -e go ]; do sleep 0.01; done; exit 7"))
    pids = {name: await first.launched(name) for name in ("stays", "leaves")}
    supervisor_pid = first.containerizer.supervisor_pid  # type: ignore[attr-defined]
    await first.containerizer.close(keep=True)

    (first.sandbox("leaves") / "go").touch()
    await until(lambda: not is_alive(pids["leaves"]))

    second = Harness(tmp_path)
    made = second.process()
    known = await made.recover()
    assert made.supervisor_pid == supervisor_pid
    assert {container.container_id: container.pid for container in known}["stays"] == pids["stays"]
    assert await second.exited("leaves") == 7 << 8
    made.signal("stays", signal.SIGTERM)
    assert await second.exited("stays") == signal.SIGTERM
    await made.close()
    await until(lambda: not is_alive(supervisor_pid))


async def test_what_is_not_kept_ends_with_its_agent(tmp_path: Path) -> None:
    """However the agent ends, and all of its tree."""
    first = Harness(tmp_path)
    await first.process().recover()
    first.containerizer.launch(first.spec("stays", "sleep", "1000"))
    first.containerizer.launch(first.shell("goes", "setsid sleep 1000 & exec sleep 1000", is_kept=False))
    pids = [await first.launched(name) for name in ("stays", "goes")]
    await until(lambda: len(psutil.Process(pids[1]).children()) == 1)
    (child,) = psutil.Process(pids[1]).children()
    await first.containerizer.close(keep=True)
    await until(lambda: not is_alive(pids[1]) and not is_alive(child.pid))
    assert is_alive(pids[0])
    second = Harness(tmp_path)
    assert "stays" in [one.container_id for one in await second.process().recover()]
    assert await second.exited("goes") == signal.SIGKILL
    await second.containerizer.close()


async def test_an_exit_is_told_again_until_it_is_acknowledged(tmp_path: Path) -> None:
    first = Harness(tmp_path)
    made = first.process(acknowledges=False)
    await made.recover()
    made.launch(first.spec("c", "true"))
    assert await first.exited("c") == 0
    await made.close(keep=True)

    second = Harness(tmp_path)
    made = second.process(acknowledges=False)
    assert await made.recover() == ()
    assert await second.exited("c") == 0
    made.launch(second.spec("c", "true"))
    await until(lambda: second.of("c") == ["ContainerExited", "ContainerLaunchFailed"])
    made.acknowledge("c")
    await made.close(keep=True)

    third = Harness(tmp_path)
    made = third.process()
    await made.recover()
    made.launch(third.spec("d", "true"))
    await third.exited("d")
    assert third.of("c") == []
    await made.close()


async def test_a_supervisor_does_not_carry_the_mark_of_what_it_launched(tmp_path: Path) -> None:
    """Another supervisor that sweeps for the container would kill it for a part of that."""
    harness = Harness(tmp_path)
    made = harness.process()
    await made.recover()
    made.launch(harness.shell("marked", "touch ready; exec sleep 1000"))
    await until((harness.sandbox("marked") / "ready").exists)
    (child,) = psutil.Process(made.supervisor_pid).children()
    mark = procfs.mark_of(b"marked", str(harness.work).encode())
    assert procfs.mark(child.pid) == mark
    await until(lambda: procfs.mark(made.supervisor_pid) != mark)  # it has it while it launches
    await made.close()


async def test_containers_of_another_agent_with_the_same_id_are_left_alone(tmp_path: Path) -> None:
    """What a dead supervisor left is found by a mark that no other work directory has."""
    ours, theirs = Harness(tmp_path / "ours"), Harness(tmp_path / "theirs")
    for each in (ours, theirs):
        await each.process().recover()
        each.containerizer.launch(each.spec("same", "sleep", "1000"))
    pids = [await each.launched("same") for each in (ours, theirs)]
    os.kill(ours.containerizer.supervisor_pid, signal.SIGKILL)  # type: ignore[attr-defined]
    assert await ours.exited("same") is None
    assert [is_alive(pid) for pid in pids] == [False, True]
    for each in (ours, theirs):
        await each.containerizer.close()



async def test_what_a_dead_supervisor_ran_is_destroyed(tmp_path: Path) -> None:
    """Its processes went to init, some in other sessions with an empty environment: found by their mark."""
    harness = Harness(tmp_path)
    made = harness.process()
    await made.recover()
    script = "(env -i setsid sleep 1000 &); echo $$ > main; touch ready; exec sleep 1000"
    made.launch(harness.shell("c", script))
    await until((harness.sandbox("c") / "ready").exists)
    dead = made.supervisor_pid

    def below() -> set[int]:
        return {process.pid for process in psutil.Process(dead).children(recursive=True)}

    await until(lambda: len(below()) == 2)  # the shells in between have gone
    left = below()
    os.kill(dead, signal.SIGKILL)
    assert await harness.exited("c") is None
    assert not any(is_alive(pid) for pid in left)
    made.launch(harness.spec("d", "true"))
    assert await harness.exited("d") == 0
    assert made.supervisor_pid != dead
    await made.close()


async def test_a_launch_under_way_when_the_supervisor_dies_fails(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    made = harness.process()
    await made.recover()
    os.kill(made.supervisor_pid, signal.SIGKILL)
    made.launch(harness.spec("c", "sleep", "1000"))
    assert "supervisor ended" in await harness.failed("c")
    await made.close()


async def test_a_second_agent_is_turned_away(real: Harness) -> None:
    other = Harness(real.directory)
    with pytest.raises(SupervisorUnavailable, match=rf"another agent \(pid {os.getpid()}\) is connected"):
        await other.process().recover()
    real.containerizer.launch(real.spec("c", "true"))
    assert await real.exited("c") == 0


async def test_the_socket_is_closed_to_others_and_may_lie_deep(tmp_path: Path) -> None:
    """AF_UNIX paths end at 107 bytes; ours does not."""
    deep = tmp_path / ("x" * 200)
    harness = Harness(deep)
    await harness.process().recover()
    directory = next((deep / "run").iterdir())
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((directory / "socket").stat().st_mode) == 0o700
    harness.containerizer.launch(harness.spec("c", "true"))
    assert await harness.exited("c") == 0
    await harness.containerizer.close()


async def test_it_ends_when_there_is_nothing_to_do(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    made = harness.process(idle_s=0.2)
    await made.recover()
    pid = made.supervisor_pid
    made.launch(harness.spec("c", "true"))
    assert await harness.exited("c") == 0
    await made.close(keep=True)
    await until(lambda: not is_alive(pid))


async def test_without_an_agent_for_too_long_it_ends_its_containers(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    made = harness.process(orphan_s=0.2, idle_s=0.2)
    await made.recover()
    made.launch(harness.spec("c", "sleep", "1000"))
    pid, supervisor = await harness.launched("c"), made.supervisor_pid
    await made.close(keep=True)
    await until(lambda: not is_alive(pid) and not is_alive(supervisor))


async def test_agents_that_start_at_once_share_one_supervisor(tmp_path: Path) -> None:
    """One of them is turned away, and there is one process, whoever was first."""
    settings = SupervisorSettings(work_dir=str(tmp_path), runtime_dir=str(tmp_path / "run"))

    async def connect() -> SupervisorClient:
        client, _ = await SupervisorClient.open(settings, on_frame=lambda _: None, on_lost=lambda: None)
        return client

    results = await asyncio.gather(connect(), connect(), connect(), return_exceptions=True)
    clients = [result for result in results if isinstance(result, SupervisorClient)]
    assert len(clients) == 1
    assert all(isinstance(result, SupervisorUnavailable) for result in results if result not in clients)
    await clients[0].quit()


def test_it_works_on_uvloop(tmp_path: Path) -> None:
    """The programs run on it; its transports and pipes are not quite asyncio's."""

    async def story() -> None:
        for name in ("first", "second"):
            harness = Harness(tmp_path)
            made = harness.process()
            await made.recover()
            made.launch(harness.spec(name, "true"))
            assert await harness.exited(name) == 0
            os.kill(made.supervisor_pid, signal.SIGKILL)
            made.launch(harness.spec("lost", "true"))
            assert "supervisor ended" in await harness.failed("lost")
            await made.close()

    uvloop.run(story())


@pytest.mark.parametrize(
    "junk",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\xff\xff\xff",
        b"\0\0\0\0",
        frames.encode(frames.LAUNCH, b"x"),
        frames.encode(frames.HELLO, b"0", b"1"),
        frames.encode(frames.HELLO, frames.VERSION, b"1")[:-1],
        frames.encode(frames.HELLO),
    ],
)
async def test_junk_on_the_socket_harms_nobody(real: Harness, junk: bytes) -> None:
    directory = next((real.directory / "run").iterdir())
    stranger = socket.socket(socket.AF_UNIX)
    holder = os.open(directory, os.O_RDONLY)
    stranger.connect(f"/proc/self/fd/{holder}/socket")
    os.close(holder)
    stranger.send(junk)
    stranger.shutdown(socket.SHUT_WR)
    real.containerizer.launch(real.spec("c", "true"))
    assert await real.exited("c") == 0
    stranger.close()


async def test_it_is_small(real: Harness) -> None:
    """Private memory of the supervisor, and of a running container, in bounds an order above what was measured."""
    real.containerizer.launch(real.spec("c", "sleep", "1000"))
    pid = await real.launched("c")
    assert psutil.Process(real.containerizer.supervisor_pid).memory_full_info().uss < 40 << 20  # type: ignore[attr-defined]
    assert psutil.Process(pid).memory_full_info().uss < 5 << 20


@given(st.lists(st.lists(st.binary(max_size=20), min_size=1, max_size=5), max_size=5), st.integers(1, 7))
def test_frames_survive_being_cut_anywhere(messages: list[list[bytes]], step: int) -> None:
    wire = b"".join(frames.encode(*message) for message in messages)
    decoder = frames.Decoder()
    seen = [frame for at in range(0, len(wire), step) for frame in decoder.feed(wire[at : at + step])]
    assert seen == messages


@given(st.binary(max_size=200))
def test_no_bytes_surprise_the_decoder(data: bytes) -> None:
    try:
        for frame in frames.Decoder().feed(data):
            assert frame
    except frames.FrameError:
        pass


@given(st.lists(st.binary().filter(lambda item: b"\0" not in item)))
def test_lists_survive_joining(items: list[bytes]) -> None:
    assert frames.split(frames.join(items)) == items


async def test_running_out_of_descriptors_fails_launches_and_nothing_else(real: Harness) -> None:
    """The supervisor lives through it, and what it ran before too."""
    real.containerizer.launch(real.spec("before", "sleep", "1000"))
    await real.launched("before")
    assert await real.run("first", "true") == ""  # it is done with what came before
    supervisor = psutil.Process(real.containerizer.supervisor_pid)  # type: ignore[attr-defined]
    _, hard = supervisor.rlimit(psutil.RLIMIT_NOFILE)
    supervisor.rlimit(psutil.RLIMIT_NOFILE, (supervisor.num_fds() + 1, hard))
    real.containerizer.launch(real.spec("starved", "true"))
    assert "Too many open files" in await real.failed("starved")
    real.containerizer.make_sandbox("m", str(real.sandbox("m")), None, None)
    await until(lambda: real.of("m") == ["DirectoryFailed"])
    supervisor.rlimit(psutil.RLIMIT_NOFILE, (hard, hard))
    real.containerizer.launch(real.spec("after", "true"))
    assert await real.exited("after") == 0
    assert real.of("before") == ["ContainerLaunched"]


async def test_many_launches_leave_no_descriptors(real: Harness) -> None:
    supervisor = psutil.Process(real.containerizer.supervisor_pid)  # type: ignore[attr-defined]
    await real.run("first", "true")
    before = supervisor.num_fds()
    for number in range(200):
        real.containerizer.launch(real.spec(f"c{number}", "true" if number % 2 else "missing"))
    await until(lambda: len(real.events) == 2 + 2 * 100 + 100)
    await until(lambda: supervisor.num_fds() <= before)


async def test_another_version(tmp_path: Path) -> None:
    """It was left by an older or a newer program; whoever starts this one learns what to do."""
    settings = SupervisorSettings(work_dir="/w", runtime_dir=str(tmp_path))
    directory = Path(settings.directory)
    directory.mkdir(mode=0o700)

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frames.encode(frames.ERROR, b"expected HELLO of version 0"))
        writer.close()

    server = await asyncio.start_unix_server(refuse, directory / "socket")
    with pytest.raises(SupervisorUnavailable, match=r"version 0; this agent speaks version .*--recover=cleanup"):
        await SupervisorClient.open(settings, on_frame=lambda _: None, on_lost=lambda: None)
    server.close()
    await server.wait_closed()


async def test_one_that_hangs(tmp_path: Path) -> None:
    """It takes connections (its kernel does) and answers none: whoever needs it learns what to do."""
    settings = SupervisorSettings(work_dir="/w", runtime_dir=str(tmp_path), start_s=0.1)
    directory = Path(settings.directory)
    directory.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(directory / "socket"))
        listener.listen()
        with pytest.raises(SupervisorUnavailable, match=r"has not answered within 0.1 s.*kill -CONT.*lock' names its"):
            await SupervisorClient.open(settings, on_frame=lambda _: None, on_lost=lambda: None)
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(60)
            assert connection.recv(1 << 16)  # its HELLO
            assert connection.recv(1) == b""


def test_it_waits_for_containers_that_take_long_to_end() -> None:
    """Without an agent for too long, it ends them, and looks at them when it is time to."""
    before = signal.getsignal(signal.SIGCHLD)
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        stack.callback(signal.set_wakeup_fd, -1)
        stack.callback(signal.signal, signal.SIGCHLD, before)
        listener.listen()
        supervisor = Supervisor(listener, b"/root", 0.0, 0.0)
        container = Container(b"/root", b"c", b"/none", 0, None)
        supervisor._trees.add(container)
        assert supervisor._patience() == 0.0
        assert not supervisor._is_done()
        container.look_at = time.monotonic() + 100.0
        assert supervisor._patience() > 90.0
