"""Clients attached to what containers read and write: terminals, pipes, several readers, slow ones, the end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mesos_py.agent.containerizer import Attachment, InputTaken, Lines, NotAttached, Stream
from mesos_py.agent.containerizer.client import connect
from mesos_py.agent.containerizer.supervisor import frames
from tests.agent.containerizer.harness import DEADLINE_S, Harness, is_alive, until

PIPES, TERMINAL = Lines(), Lines(rows=24, columns=80)


@asynccontextmanager
async def attached(harness: Harness, container_id: str, *, types: bool = False) -> AsyncIterator[Attachment]:
    attachment = await harness.containerizer.attach(container_id, types=types)
    try:
        yield attachment
    finally:
        attachment.close()


async def everything(attachment: Attachment) -> dict[Stream, bytes]:
    """All it says until the end."""
    said = {Stream.STDOUT: b"", Stream.STDERR: b""}
    while (piece := await attachment.read()) is not None:
        said[piece[0]] += piece[1]
    return said


async def expect(attachment: Attachment, text: bytes) -> bytes:
    """What it says until ``text`` has been said."""
    said = b""
    async with asyncio.timeout(DEADLINE_S):
        while text not in said:
            piece = await attachment.read()
            assert piece is not None, said
            said += piece[1]
    return said


def session(harness: Harness, script: str, lines: Lines = PIPES, **changes: object) -> None:
    harness.containerizer.launch(harness.shell("c", script, lines=lines, inside="parent", is_kept=False, **changes))


async def test_a_session_waits_for_its_client_with_all_it_has_said(real: Harness) -> None:
    """1 it has ended; 2 whoever comes then hears everything, stream by stream; 3 nothing is in the sandbox."""
    session(real, "echo out; echo err >&2; exit 3")
    assert await real.exited("c") == 3 << 8
    async with attached(real, "c") as client:
        assert await everything(client) == {Stream.STDOUT: b"out\n", Stream.STDERR: b"err\n"}
    assert os.listdir(real.sandbox("c")) == []


async def test_what_is_typed_is_read_and_ends_when_it_is_said(real: Harness) -> None:
    """More than pipes hold, both ways at once."""
    session(real, "cat")
    await real.launched("c")
    data = os.urandom(1 << 20)
    async with attached(real, "c") as client, attached(real, "c", types=True) as typist:
        assert not typist.is_terminal
        heard = asyncio.create_task(everything(client))
        await typist.write(data)
        await typist.write(b"")
        assert (await heard)[Stream.STDOUT] == data
        await asyncio.wait_for(typist.ended(), DEADLINE_S)
    assert await real.exited("c") == 0


async def test_one_client_types_at_a_time(real: Harness) -> None:
    """A second one is refused; when the first has gone, another may."""
    session(real, "cat")
    await real.launched("c")
    async with attached(real, "c") as client:
        async with attached(real, "c", types=True) as typist:
            with pytest.raises(InputTaken, match="Multiple input connections are not allowed"):
                await real.containerizer.attach("c", types=True)
            await typist.write(b"first\n")
            assert await expect(client, b"first\n") == b"first\n"

        async def again() -> Attachment:
            while True:
                try:
                    return await real.containerizer.attach("c", types=True)
                except InputTaken:  # that the first has gone is heard in a moment
                    await asyncio.sleep(0.002)

        second = await asyncio.wait_for(again(), DEADLINE_S)
        await second.write(b"second\n")
        assert await expect(client, b"second\n") == b"second\n"
        second.close()


async def test_a_terminal(real: Harness) -> None:
    """1 it is one, its own, and of its size; 2 the size changes; 3 an interrupt that is typed is a signal."""
    traps = "trap 'echo; stty size' WINCH; trap 'echo caught; exit 9' INT"
    script = f"tty; stty size; {traps}; echo ready; while :; do sleep 0.01; done"
    session(real, script, TERMINAL)
    await real.launched("c")
    async with attached(real, "c") as client, attached(real, "c", types=True) as typist:
        said = await expect(client, b"ready\r\n")
        assert said.startswith(b"/dev/pts/")
        assert b"\r\n24 80\r\n" in said
        assert typist.is_terminal
        await typist.resize(50, 132)
        await expect(client, b"50 132\r\n")
        await typist.write(b"")  # a terminal has no end
        await typist.write(b"\x03")
        assert (await everything(client))[Stream.STDOUT].endswith(b"caught\r\n")
    assert await real.exited("c") == 9 << 8


async def test_job_control_works_in_a_terminal(real: Harness) -> None:
    """An interactive shell has no complaints, and survives an interrupt of what it runs."""
    real.containerizer.launch(
        real.spec("c", "bash", "--norc", "-i", lines=TERMINAL, inside="parent", is_kept=False,
                  env={"PATH": os.environ["PATH"], "PS1": "> ", "TERM": "dumb"})
    )  # fmt: skip
    await real.launched("c")
    async with attached(real, "c") as client, attached(real, "c", types=True) as typist:
        said = await expect(client, b"> ")
        assert b"no job control" not in said
        await typist.write(b"sh -c 'echo $((40+1)); exec sleep 1000'\n")
        await expect(client, b"\n41\r\n")
        await typist.write(b"\x03")
        await expect(client, b"> ")
        await typist.write(b"exit 4\n")
        await everything(client)
    assert await real.exited("c") == 4 << 8


async def test_a_task_with_a_terminal_is_logged_and_followed_by_many(real: Harness) -> None:
    """1 nobody is attached: everything is in the sandbox; 2 several hear the same from when they came."""
    script = "echo before; read line; echo got $line"
    real.containerizer.launch(real.shell("c", script, lines=TERMINAL))
    stdout = real.sandbox("c") / "stdout"
    await until(lambda: stdout.exists() and stdout.read_bytes() == b"before\r\n")
    async with attached(real, "c") as one, attached(real, "c") as two, attached(real, "c", types=True) as typist:
        heard = [asyncio.create_task(everything(client)) for client in (one, two)]
        await typist.write(b"hello\n")
        assert [(await said)[Stream.STDOUT] for said in heard] == [b"hello\r\ngot hello\r\n"] * 2
    assert await real.exited("c") == 0
    assert stdout.read_bytes() == b"before\r\nhello\r\ngot hello\r\n"


async def test_a_session_goes_at_the_pace_of_its_client(real: Harness) -> None:
    """It is held up, not cut off; nothing is lost."""
    size = 8 << 20
    session(real, f"head -c {size} /dev/zero | tr '\\0' x; echo done > {real.directory}/done")
    await real.launched("c")
    async with attached(real, "c") as client:
        await client.read()
        await asyncio.sleep(0.3)  # long enough for all of it to have been written, if it were not held up
        assert not (real.directory / "done").exists()
        said = await everything(client)
        assert size - (1 << 20) < len(said[Stream.STDOUT]) < size
    assert await real.exited("c") == 0


async def test_a_viewer_of_a_task_that_does_not_read_is_cut_off(real: Harness) -> None:
    """The task is not held up for long, and those who read hear everything (X25)."""
    size = 8 << 20
    script = f"stty raw -echo; read go; head -c {size} /dev/zero | tr '\\0' x"
    real.containerizer.launch(real.shell("c", script, lines=TERMINAL))
    await real.launched("c")
    async with attached(real, "c") as slow, attached(real, "c") as quick, attached(real, "c", types=True) as typist:
        await asyncio.sleep(0)
        await typist.write(b"go\n")
        heard = (await everything(quick))[Stream.STDOUT]
        assert heard.count(b"x") == size
        assert await real.exited("c") == 0
        with pytest.raises(NotAttached, match="not read in time"):
            await everything(slow)
    assert (real.sandbox("c") / "stdout").read_bytes().count(b"x") == size


async def test_a_client_that_goes_leaves_the_others(real: Harness) -> None:
    """And the container."""
    session(real, "while read line; do echo $line; done")
    await real.launched("c")
    async with attached(real, "c") as client, attached(real, "c", types=True) as typist:
        async with attached(real, "c") as other:
            await typist.write(b"a\n")
            assert await expect(other, b"a\n") == b"a\n"
        await typist.write(b"b\n")
        assert await expect(client, b"b\n") == b"a\nb\n"


async def test_who_has_no_lines_has_nobody_attached(real: Harness) -> None:
    """Mesos' text; an unknown container likewise."""
    real.containerizer.launch(real.spec("d", "sleep", "1000"))
    await real.launched("d")
    for name in ("d", "nobody"):
        for types in (True, False):
            with pytest.raises(NotAttached, match=r"^I/O switchboard server was disabled for this container$"):
                await real.containerizer.attach(name, types=types)


async def test_a_program_that_is_not_there_leaves_no_lines(real: Harness) -> None:
    real.containerizer.launch(real.spec("c", "no-such-program", lines=TERMINAL, inside="parent"))
    assert await real.failed("c") == "Failed to execute 'no-such-program': No such file or directory"
    with pytest.raises(NotAttached):
        await real.containerizer.attach("c", types=False)


async def test_an_agent_that_is_killed(real: Harness) -> None:
    """1 a session ends with it; 2 a task with a terminal goes on, and can be attached to by the next agent."""
    session(real, "echo $$; exec sleep 1000")
    real.containerizer.launch(real.shell("t", "echo $$; read line; echo got $line", lines=TERMINAL))
    await real.launched("t")
    await real.launched("c")
    async with attached(real, "c") as client:
        pid = int(await expect(client, b"\n"))
        await real.containerizer.close(keep=True)
        assert await everything(client) == {Stream.STDOUT: b"", Stream.STDERR: b""}
    await until(lambda: not is_alive(pid))
    again = real.process()
    (known,) = await again.recover()
    assert (known.container_id, is_alive(known.pid)) == ("t", True)
    async with attached(real, "t") as client, attached(real, "t", types=True) as typist:
        await typist.write(b"x\n")
        await expect(client, b"got x\r\n")
    assert await real.exited("t") == 0


async def test_destroy_ends_a_session_that_nobody_reads(real: Harness) -> None:
    """Its lines do not keep it."""
    session(real, "while :; do echo y; done")
    await real.launched("c")
    async with attached(real, "c") as client:
        await client.read()
        real.containerizer.destroy("c")
        assert await real.exited("c") == signal.SIGKILL
        assert (await everything(client))[Stream.STDOUT].strip(b"y\n") == b""


async def test_what_follows_at_once_is_typed(real: Harness) -> None:
    """A client need not wait for the answer to its first word."""
    session(real, "cat")
    await real.launched("c")
    (directory,) = (real.directory / "run").glob("supervisor-*")
    connection = connect(str(directory))
    words = ((frames.TYPE, frames.VERSION, b"c"), (frames.INPUT, b"hasty"), (frames.INPUT, b""))
    connection.sendall(b"".join([frames.encode(*word) for word in words]))
    async with attached(real, "c") as client:
        assert (await everything(client))[Stream.STDOUT] == b"hasty"
    connection.close()
