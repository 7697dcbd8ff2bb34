"""Probes against real sockets and scripted commands: what is found, how many at once, and what ends them."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mesos_py.agent import words
from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.containerizer.scripted import RUNS, Outcome, ScriptedContainerizer
from mesos_py.agent.events import Probed
from mesos_py.agent.namespaces import socket_in
from mesos_py.agent.probe import BODY_MAX, COMMANDS_AT_ONCE, CONNECTIONS_AT_ONCE, Prober
from mesos_py.executor.checks import CHECK, HEALTH
from mesos_py.executor.targets import Found, Http, Target, Tcp
from mesos_py.machine.frame import Event
from mesos_py.machine.values import MILLISECOND, SECOND
from mesos_py.sim.loop import SimLoop
from mesos_py.sim.process import Process
from tests.agent.containerizer.harness import until
from tests.ports import closed_port

Served = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Heard(Prober):
    """A prober with what it has told, and a containerizer that does as a command's name says."""

    def __init__(self) -> None:
        self.told: list[Probed] = []
        self.containerizer = ScriptedContainerizer(report=lambda _: None, script=_outcome)
        super().__init__(self.containerizer, self._hear)

    def _hear(self, event: Event) -> None:
        self.told.append(event.body)

    def look(self, target: Any, *, container_id: str = "c", what: str = HEALTH, timeout: int | None = None) -> None:
        self.probe(words.Probe(container_id, what, target, timeout))

    async def found(self, target: Target | ContainerSpec, timeout: int | None = 20 * SECOND) -> Found:
        self.look(target, timeout=timeout)
        await until(lambda: self.told)
        return self.told.pop().found


def _outcome(spec: ContainerSpec) -> Outcome:
    kinds = {"true": Outcome(status=0), "false": Outcome(status=256), "absent": Outcome(failure="no such program")}
    return kinds.get(spec.executable, RUNS)


def command(name: str, container_id: str = "c") -> ContainerSpec:
    return ContainerSpec(container_id=container_id, sandbox="/s", argv=(name,), executable=name, env={})


@pytest.fixture
async def prober() -> AsyncIterator[Heard]:
    made = Heard()
    yield made
    await made.close()


@asynccontextmanager
async def serving(serve: Served, host: str = "127.0.0.1", **settings: Any) -> AsyncIterator[int]:
    server = await asyncio.start_server(serve, host, 0, **settings)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def answering(status: int, *headers: str, body: bytes = b"", close: bool = True) -> Served:
    """A server that gives the same answer to everybody."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]
        writer.write("\r\n".join(lines).encode() + body)
        if close:
            writer.close()

    return serve


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """It takes what comes and says nothing."""
    while await reader.read(1000):
        pass  # until the other side has gone
    writer.close()


@pytest.mark.parametrize("status", [200, 204, 404, 503])
async def test_http_tells_the_status(prober: Heard, status: int) -> None:
    async with serving(answering(status)) as port:
        assert await prober.found(Http(f"http://127.0.0.1:{port}/health?deep=1")) == Found(status)


async def test_redirects_are_followed(prober: Heard) -> None:
    async with (
        serving(answering(418)) as other,
        serving(answering(302, f"Location: http://127.0.0.1:{other}/")) as port,
    ):
        assert await prober.found(Http(f"http://127.0.0.1:{port}")) == Found(418)


async def test_redirects_have_an_end(prober: Heard) -> None:
    async with serving(answering(302, "Location: /again")) as port:
        found = await prober.found(Http(f"http://127.0.0.1:{port}"))
    assert found.error is not None
    assert found.error.startswith("TooManyRedirects")


async def test_certificates_are_not_looked_at(prober: Heard, tmp_path: Path) -> None:
    key, certificate = str(tmp_path / "key"), str(tmp_path / "certificate")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
         "-out", certificate, "-subj", "/CN=nobody", "-days", "1"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    async with serving(answering(200, close=False), ssl=context) as port:
        assert await prober.found(Http(f"https://127.0.0.1:{port}")) == Found(200)


async def test_a_long_body_is_not_read_to_its_end(prober: Heard) -> None:
    """And one that is not there in full is no answer."""

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * BODY_MAX)
                await writer.drain()
        except ConnectionError:
            writer.close()

    async with serving(endless) as port:
        assert await prober.found(Http(f"http://127.0.0.1:{port}")) == Found(200)
    async with serving(answering(200, "Content-Length: 5", body=b"1234")) as port:
        assert (await prober.found(Http(f"http://127.0.0.1:{port}"))).value is None


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_tcp_tells_whether_somebody_listens(prober: Heard, host: str) -> None:
    try:
        async with serving(silent, host) as port:
            assert await prober.found(Tcp(host, port)) == Found(1)
    except OSError as error:
        pytest.skip(f"no {host} here: {error}")
    with closed_port(host) as port:
        assert await prober.found(Tcp(host, port)) == Found(0)


async def test_nobody_listens(prober: Heard) -> None:
    with closed_port() as port:
        found = await prober.found(Http(f"http://127.0.0.1:{port}"))
    assert found.error is not None
    assert found.error.startswith("ClientConnectorError: ")


@pytest.mark.root
async def test_a_container_is_looked_at_from_its_own_network(prober: Heard, tmp_path: Path) -> None:
    """What listens on its loopback is reached, what listens on ours is not; a network that is gone is no answer."""
    namespace = tmp_path / "ns"
    namespace.touch()
    command = ["unshare", f"--net={namespace}", "ip", "link", "set", "lo", "up"]
    subprocess.run(command, check=True, capture_output=True)
    try:
        prober.containerizer.networks["c"] = str(namespace)
        with socket_in(str(namespace), socket.AF_INET) as there, socket.create_server(("127.0.0.1", 0)) as here:
            there.bind(("127.0.0.1", 0))
            there.listen()
            port, ours = there.getsockname()[1], here.getsockname()[1]
            server = await asyncio.start_server(answering(204), sock=there)
            assert await prober.found(Tcp("127.0.0.1", port)) == Found(1)
            assert await prober.found(Http(f"http://127.0.0.1:{port}")) == Found(204)
            assert await prober.found(Tcp("127.0.0.1", ours)) == Found(int(ours == port))
            server.close()
        prober.containerizer.networks["c"] = str(tmp_path / "gone")
        assert await prober.found(Tcp("127.0.0.1", port)) == Found(0)
        found = await prober.found(Http(f"http://127.0.0.1:{port}"))
        assert "No such file or directory" in (found.error or "")
    finally:
        subprocess.run(["umount", str(namespace)], check=True)


@pytest.mark.parametrize("url", ["http://127.0.0.1:0", "http://127.0.0.1:1/\r\nX: y", "gopher://127.0.0.1:1", "http://["])
async def test_nonsense_is_no_answer(prober: Heard, url: str) -> None:
    found = await prober.found(Http(url))
    assert found.value is None
    assert found.error


@pytest.mark.parametrize(
    ("name", "found"),
    [("true", Found(0)), ("false", Found(256)), ("absent", Found(error="no such program"))],
)
async def test_commands(prober: Heard, name: str, found: Found) -> None:
    assert await prober.found(command(name)) == found


async def test_time_is_up(prober: Heard) -> None:
    """Whatever it is that hangs."""
    timed_out = Found(error="timed out after 20ms")
    assert await prober.found(command("sleep"), 20 * MILLISECOND) == timed_out
    async with serving(silent) as port:
        assert await prober.found(Http(f"http://127.0.0.1:{port}"), 20 * MILLISECOND) == timed_out


@pytest.mark.parametrize("is_stopped", [True, False], ids=["stopped", "runs"])
def test_the_time_in_which_the_agent_hung_does_not_count(is_stopped: bool) -> None:
    """The answer may lie in a socket: nobody can tell, and no task is killed for it."""
    loop = SimLoop()
    process, prober = Process(loop, "agent"), Heard()
    process.enter(lambda: loop.call_soon(lambda: prober.look(command("sleep"), timeout=20 * SECOND)))
    loop.run_for(10 * SECOND)
    if is_stopped:
        process.stop()
    loop.run_for(30 * SECOND)
    assert bool(prober.told) != is_stopped
    process.go_on()
    loop.run_for(1 * SECOND)
    assert [one.found for one in prober.told] == [Found() if is_stopped else Found(error="timed out after 20secs")]


async def test_the_end_of_a_container_ends_its_probes(prober: Heard) -> None:
    """Both that run; those of others go on."""
    async with serving(silent) as port:
        prober.look(command("sleep"))
        prober.look(Http(f"http://127.0.0.1:{port}"), what=CHECK)
        prober.look(command("sleep", "d"), container_id="d", timeout=50 * MILLISECOND)
        await until(lambda: len(prober.containerizer.asked) == 2)
        prober.forget("c")
        await until(lambda: prober.told)
    assert [one.container_id for one in prober.told] == ["d"]


@pytest.mark.parametrize("kind", ["commands", "connections"])
async def test_so_many_at_once(prober: Heard, kind: str) -> None:
    """The others wait, in order; one that is forgotten while it waits is never made."""
    at_once = COMMANDS_AT_ONCE if kind == "commands" else CONNECTIONS_AT_ONCE
    connected = 0

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connected
        connected += 1
        await silent(reader, writer)

    async with serving(hold, backlog=1000) as port:
        for number in range(at_once + 3):
            target = command("sleep", f"c{number}") if kind == "commands" else Http(f"http://127.0.0.1:{port}")
            prober.look(target, container_id=f"c{number}")

        def made() -> int:
            return len(prober.containerizer.asked) if kind == "commands" else connected

        await until(lambda: made() == at_once)
        prober.forget(f"c{at_once}")
        prober.forget("c0")
        await until(lambda: made() == at_once + 1)
        prober.forget("c1")
        await until(lambda: made() == at_once + 2)
        for number in range(at_once + 3):
            prober.forget(f"c{number}")
    assert prober.told == []


async def test_close_ends_everything(prober: Heard) -> None:
    for number in range(COMMANDS_AT_ONCE + 3):
        prober.look(command("sleep", f"c{number}"), container_id=f"c{number}")
    await until(lambda: len(prober.containerizer.asked) == COMMANDS_AT_ONCE)
    await prober.close()
    assert len(prober.containerizer.asked) == COMMANDS_AT_ONCE
    assert prober.told == []
