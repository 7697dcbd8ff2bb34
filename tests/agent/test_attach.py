"""Sessions and attached clients over HTTP, with real processes: as captured, in both encodings, with every refusal."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mesos_py.agent.api import attach as attach_http
from mesos_py.agent.options import AgentOptions
from mesos_py.agent.server import AgentServer
from mesos_py.wire import recordio
from mesos_py.wire.agent_api import Call, ProcessIO
from mesos_py.wire.codec import json as codec
from mesos_py.wire.codec import protobuf
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.ids import ContainerID
from mesos_py.wire.linux import TTYInfo
from tests.agent.attaching import JSON, PROTOBUF, RECORDIO, STREAMED, Heard, Sessions, Typist, root_of
from tests.agent.containerizer.harness import is_alive, pid_in, until
from tests.agent.masters import WAIT_S, Master
from tests.agent.programs import AgentProgram
from tests.agent.test_server import shell
from tests.agent.world import task
from tests.golden import golden_dir

pytestmark = pytest.mark.xdist_group("restarts")



@pytest.fixture
async def sessions(master: Master, tmp_path: Path) -> AsyncIterator[Sessions]:
    options = AgentOptions(
        master=f"127.0.0.1:{master.port}", work_dir=str(tmp_path / "work"), runtime_dir=str(tmp_path / "run"), port=0,
        switch_user=False, registration_backoff_factor=1, resources="cpus:8;mem:1024",
    )  # fmt: skip
    async with AgentServer(options) as server, aiohttp.ClientSession() as client:
        await until(lambda: master.peer)
        master.run(shell("t", "exec sleep 1000"))
        await master.until("t", "RUNNING")
        yield Sessions(f"127.0.0.1:{server.port}", client, root_of(master))


async def test_a_session_as_captured(sessions: Sessions, tmp_path: Path) -> None:
    """Head and records, one a chunk; 202 when there is one of that name; its exit status is known afterwards."""
    captured = (golden_dir() / "agent_v1.running" / "LAUNCH_NESTED_CONTAINER_SESSION_stream.txt").read_text()
    records = [line for line in captured.split("<<<")[1].splitlines() if line.startswith("{")]
    waits = "until [ -e {}/{} ]; do sleep 0.01; done"
    script = f"echo out; {waits.format(tmp_path, 1)}; echo err >&2; {waits.format(tmp_path, 2)}"
    async with sessions.session("sess1", script) as heard:
        assert heard.response.headers["Content-Type"] == RECORDIO
        assert heard.response.headers["Message-Content-Type"] == JSON
        assert heard.response.headers["Transfer-Encoding"] == "chunked"
        chunks = []
        async for chunk, is_whole in heard.response.content.iter_chunks():
            assert is_whole
            if not chunk:
                break  # how aiohttp says that this was all
            chunks.append(chunk)
            async with sessions.stream(
                "LAUNCH_NESTED_CONTAINER_SESSION", container_id=sessions.id("sess1"), command={"value": "true"}
            ) as again:
                assert (again.status, await again.read()) == (202, b"")
            (tmp_path / str(len(chunks))).touch()
        assert chunks == [b"58\n" + record.encode() for record in records]
    assert await sessions.ended("sess1") == 0
    assert await sessions.call("REMOVE_CONTAINER", "sess1") == (200, "")


@pytest.mark.parametrize("accept", [JSON, PROTOBUF, f"{RECORDIO};protobuf"])
async def test_records_are_of_the_kind_that_is_accepted(sessions: Sessions, accept: str) -> None:
    """Streams may be asked for without saying so: then the content type is that of the records."""
    headers = {"Content-Type": PROTOBUF, "Accept": accept.partition(";")[0]}
    if accept.startswith(RECORDIO):
        headers["Message-Accept"] = PROTOBUF
    call = Call(
        type=Call.Type.LAUNCH_NESTED_CONTAINER_SESSION,
        launch_nested_container_session=Call.LaunchNestedContainerSession(
            container_id=container_id(sessions, "s"), command=shell("x", "echo out").command
        ),
    )
    async with sessions.client.post(sessions.url, data=protobuf.encode(call), headers=headers) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == accept.partition(";")[0]
        assert response.headers.get("Message-Content-Type") == (PROTOBUF if accept.startswith(RECORDIO) else None)
        (record,) = recordio.Decoder().feed(await response.read())
    if accept == JSON:
        assert json.loads(record) == {"type": "DATA", "data": {"type": "STDOUT", "data": "b3V0Cg=="}}
    else:
        assert protobuf.decode(ProcessIO, record) == ProcessIO(
            type=ProcessIO.Type.DATA, data=ProcessIO.Data(type=ProcessIO.Data.Type.STDOUT, data=b"out\n")
        )


def container_id(sessions: Sessions, name: str) -> ContainerID:
    return ContainerID(value=name, parent=ContainerID(value=sessions.root))


async def test_typing_into_a_session(sessions: Sessions) -> None:
    """1 heartbeats mean nothing; 2 one typist at a time; 3 empty data ends its input; 4 everybody is told so."""
    async with sessions.session("s", "cat; exit 3") as heard:
        typist = sessions.typist("s")
        typist.control(type="HEARTBEAT", heartbeat={"interval": {"nanoseconds": 30000000000}})
        typist.type(b"hello ")
        assert await heard.until(b"hello ") == b"hello "
        other = sessions.typist("s")
        assert await other.answered == (409, "Multiple input connections are not allowed")
        typist.type(b"world")
        typist.type(b"")
        assert await heard.rest() == {"STDOUT": b"world"}
        typist.end()
        assert await typist.answered == (200, "")
    assert await sessions.ended("s") == 3 << 8


async def test_a_typist_is_answered_soon_after_the_end(sessions: Sessions) -> None:
    """Though it has not ended its request."""
    async with sessions.session("s", "read line; echo $line") as heard:
        typist = sessions.typist("s")
        typist.type(b"x\n")
        assert await heard.rest() == {"STDOUT": b"x\n"}
        async with asyncio.timeout(WAIT_S):
            assert await typist.answered == (200, "")


async def test_a_terminal_and_its_size(sessions: Sessions) -> None:
    """As asked for, and as it becomes; what is on stderr is on the terminal, too."""
    tty = {"window_size": {"rows": 33, "columns": 99}}
    async with sessions.session("s", "stty size >&2; read x; stty size", tty=tty) as heard:
        await heard.until(b"33 99\r\n")
        typist = sessions.typist("s")
        typist.control(type="TTY_INFO", tty_info={"window_size": {"rows": 50, "columns": 132}})
        typist.type(b"\n")
        assert (await heard.rest())["STDOUT"].endswith(b"50 132\r\n")


async def test_a_session_ends_with_its_client(sessions: Sessions, tmp_path: Path) -> None:
    """All of it; the agent goes on, and remembers how it ended."""
    command = f"trap '' HUP TERM; echo $$; sleep 1000 & echo $! > {tmp_path}/pid; wait"
    async with sessions.session("s", command) as heard:
        first = int(await heard.until(b"\n"))
        second = await pid_in(tmp_path / "pid")
        assert is_alive(first)
        heard.response.close()
    await until(lambda: not is_alive(first) and not is_alive(second))
    assert await sessions.ended("s") == 9


async def test_several_clients_of_a_task_with_a_terminal(master: Master, agent: AgentProgram) -> None:
    """1 they hear it from when they came; 2 one goes; 3 the agent is killed; 4 the next one serves it, too."""
    tty = TTYInfo(window_size=TTYInfo.WindowSize(rows=40, columns=100))
    command = shell("t", "stty size; while read line; do echo got $line; done; exit 4").command
    terminal = ContainerInfo(type=ContainerInfo.Type.MESOS, tty_info=tty)
    master.run(task("t", command=command, container=terminal), checkpoint=True)
    await master.until("t", "RUNNING")
    root = {"value": root_of(master)}
    async with aiohttp.ClientSession() as client:
        sessions = Sessions(agent.address, client, root["value"])
        stdout = next(agent.work_dir.glob("slaves/*/frameworks/*/executors/t/runs/latest/stdout"))
        await until(lambda: stdout.read_bytes() == b"40 100\r\n")
        async with sessions.stream("ATTACH_CONTAINER_OUTPUT", container_id=root) as answer:
            one = Heard(answer)
            async with sessions.stream("ATTACH_CONTAINER_OUTPUT", container_id=root) as other:
                typist = Typist(sessions, root)
                typist.type(b"a\n")
                assert await Heard(other).until(b"got a\r\n") == await one.until(b"got a\r\n") == b"a\r\ngot a\r\n"
            typist.type(b"b\n")
            await one.until(b"got b\r\n")
        await agent.killed()
        await agent.registered()
        await asyncio.gather(typist.answered, return_exceptions=True)
        sessions = Sessions(agent.address, client, root["value"])
        async with sessions.stream("ATTACH_CONTAINER_OUTPUT", container_id=root) as answer:
            typist = Typist(sessions, root)
            typist.type(b"c\n\x04")
            assert (await Heard(answer).rest())["STDOUT"].endswith(b"got c\r\n")
    assert await master.until("t", "FAILED") == ["STARTING", "RUNNING", "FAILED"]
    assert stdout.read_bytes().endswith(b"got b\r\nc\r\ngot c\r\n")


async def test_a_client_that_does_not_read_is_cut_off(sessions: Sessions, master: Master) -> None:
    """X25: 1 the task is held up for a moment; 2 its other client hears everything; 3 the lazy one hears no end."""
    size = 24 << 20
    flood = f"stty raw -echo; read go; head -c {size} /dev/zero | tr '\\0' x; exec sleep 1000"
    terminal = ContainerInfo(type=ContainerInfo.Type.MESOS, tty_info=TTYInfo())
    master.run(task("flood", command=shell("flood", flood).command, container=terminal))
    await master.until("flood", "RUNNING")
    root = {"value": root_of(master)}
    call = {"type": "ATTACH_CONTAINER_OUTPUT", "attach_container_output": {"container_id": root}}
    body = json.dumps(call).encode()
    host, port = sessions.url.removeprefix("http://").removesuffix("/api/v1").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /api/v1 HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    async with sessions.stream("ATTACH_CONTAINER_OUTPUT", container_id=root) as answer:
        typist, heard, said = Typist(sessions, root), Heard(answer), 0
        typist.type(b"go\n")
        while said < size:
            record = await heard.record()
            assert record is not None
            said += base64.b64decode(record["data"]["data"]).count(b"x")
        everything = b""
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(1 << 20):
                everything += piece
        assert not everything.endswith(b"0\r\n\r\n")
        assert len(everything) < size  # of what is a third more in JSON
        writer.close()
        typist.end()
        await typist.answered


async def test_what_cannot_be_attached_to(sessions: Sessions) -> None:
    """Mesos' statuses and texts."""
    for kind, wanted, status, text in (
        ("ATTACH_CONTAINER_OUTPUT", {"value": "x"}, 404, "Container x cannot be found"),
        ("ATTACH_CONTAINER_OUTPUT", {"value": sessions.root}, 500,
         "I/O switchboard server was disabled for this container"),
    ):  # fmt: skip
        async with sessions.stream(kind, container_id=wanted) as answer:
            assert (answer.status, await answer.text()) == (status, text)
        typist = Typist(sessions, wanted)
        assert await typist.answered == (status, text)
    async with sessions.stream(
        "LAUNCH_NESTED_CONTAINER_SESSION", container_id=sessions.id("s"),
        command={"shell": False, "value": "no-such-program"},
    ) as answer:  # fmt: skip
        assert answer.status == 400
        assert await answer.text() == "Failed to execute 'no-such-program': No such file or directory"


BAD_RECORDS: list[tuple[Callable[[Typist], None], str]] = [
    (lambda typist: typist.send("CONTAINER_ID", container_id={"value": "x"}),
     "Expecting 'attach_container_input.type' to be 'PROCESS_IO' instead of: 'CONTAINER_ID'"),
    (lambda typist: typist.send("PROCESS_IO"), "Expecting 'attach_container_input.process_io' to be present"),
    (lambda typist: typist.send("PROCESS_IO", process_io={}), "Expecting 'process_io.type' to be present"),
    (lambda typist: typist.send("PROCESS_IO", process_io={"type": "DATA", "data": {"type": "STDOUT", "data": ""}}),
     "Expecting 'process_io.data.type' to be 'STDIN'"),
    (lambda typist: typist.control(type="TTY_INFO"), "Expecting 'process_io.control.tty_info' to be present"),
    (lambda typist: typist.control(type="TTY_INFO", tty_info={"window_size": {"rows": 1, "columns": 1}}),
     "Unable to set the window size: Inappropriate ioctl for device"),
]  # fmt: skip


async def test_bad_records(sessions: Sessions) -> None:
    """400 with the reason; what was typed before is, and the next typist may come."""
    async with sessions.session("s", "cat") as heard:
        for number, (send, text) in enumerate(BAD_RECORDS):
            typist = sessions.typist("s")
            typist.type(b"%d" % number)
            send(typist)
            assert await typist.answered == (400, text)
            assert await heard.until(b"%d" % number) == b"%d" % number
        body = b"12\nno json here"
        async with sessions.client.post(sessions.url, data=body, headers=STREAMED) as response:
            assert response.status == 400
        for body, text in ((b"", "Received EOF while reading request body"), (b"x\n", "Failed to decode length")):
            async with sessions.client.post(sessions.url, data=body, headers=STREAMED) as response:
                assert response.status == 400
                assert text in await response.text()


async def test_streams_are_for_those_calls_alone(sessions: Sessions) -> None:
    """Of requests and of answers; in Mesos' order."""
    record = recordio.encode(b'{"type":"GET_HEALTH"}')
    async with sessions.client.post(sessions.url, data=record, headers=STREAMED) as response:
        assert response.status == 415
        text = await response.text()
        assert text == "Streaming 'Content-Type' application/recordio is not supported for GET_HEALTH call"
    headers = {"Accept": JSON, "Message-Accept": JSON}
    async with sessions.client.post(sessions.url, json={"type": "GET_HEALTH"}, headers=headers) as response:
        assert response.status == 406
        assert await response.text() == "Expecting 'Message-Accept' to be not set for non-streaming responses"


class Quiet:
    """What never says anything."""

    is_terminal = False

    async def read(self) -> None:
        await asyncio.Event().wait()


async def test_a_stream_that_says_nothing_beats() -> None:
    """Nobody on the way shall take it for dead; the record says how often it comes."""
    attachment: Any = Quiet()
    beat = await attach_http._next(attachment, 0.01)
    assert beat is not None
    assert json.loads(codec.encode(beat)) == {
        "type": "CONTROL", "control": {"type": "HEARTBEAT", "heartbeat": {"interval": {"nanoseconds": 10_000_000}}},
    }  # fmt: skip
