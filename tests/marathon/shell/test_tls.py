"""HTTPS: what is listened with, who is trusted, and what is no certificate."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
from pathlib import Path

import aiohttp
import pytest

from frameworks.marathon_py.shell import tls
from frameworks.marathon_py.shell.api.errors import Failed
from frameworks.marathon_py.shell.flags import read
from frameworks.marathon_py.shell.relay import Relay
from frameworks.marathon_py.shell.serve import serve
from mesos_py.config import UsageError
from mesos_py.logs import Threshold
from mesos_py.web.request import Request
from mesos_py.web.response import Chunked, Response
from mesos_py.web.router import Answer
from mesos_py.web.server import Server
from tests.marathon.shell.running import HERE, NO_MASTER, Marathon


def certificate(path: Path, host: str = "IP:127.0.0.1", password: str = "") -> str:
    """Of its own making, with its key, in one file."""
    key = path.with_suffix(".key")
    secret = ["-passout", f"pass:{password}"] if password else ["-nodes"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", *secret, "-days", "2",
         "-subj", "/CN=marathon", "-addext", f"subjectAltName={host}", "-keyout", str(key), "-out", str(path)],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_text(path.read_text() + key.read_text())
    return str(path)


async def asked(port: int, context: ssl.SSLContext) -> str:
    connector = aiohttp.TCPConnector(ssl=context)
    url = f"https://127.0.0.1:{port}/x"
    async with aiohttp.ClientSession(connector=connector) as client, client.get(url) as answer:
        return await answer.text()


async def echo(request: Request) -> Answer:
    return Response(200, request.path.encode(), "text/plain")


async def test_nothing_but_tls_is_spoken(tmp_path: Path) -> None:
    """X26: not in the clear, and not to who trusts somebody else."""
    path = certificate(tmp_path / "one.pem", password="secret")
    server = Server(echo)
    port = await server.start("127.0.0.1", 0, tls.of_server(path, "secret"))
    try:
        assert await asked(port, tls.of_client(path, ignores_hostname=False)) == "/x"
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await asked(port, ssl.create_default_context())
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        with contextlib.suppress(ConnectionError):  # it may be cut off as well
            assert b"/x" not in await reader.read()
        writer.close()
        assert await asked(port, tls.of_client(path, ignores_hostname=False)) == "/x"
    finally:
        await server.close(0.0)


class Asked(Request):
    """One that nobody has sent."""

    def __init__(self) -> None:
        from aiohttp.test_utils import make_mocked_request

        super().__init__(make_mocked_request("GET", "/x", headers={"Host": "standby"}), b"")


@pytest.mark.parametrize(("host", "ignores", "is_handed"), [
    ("IP:127.0.0.1", False, True), ("DNS:other", False, False), ("DNS:other", True, True),
])  # fmt: skip
async def test_a_standby_trusts_who_has_the_same_certificate(
    tmp_path: Path, host: str, ignores: bool, is_handed: bool
) -> None:
    """If it is of the host that it says, or that does not matter."""
    path = certificate(tmp_path / "one.pem", host)
    server = Server(echo)
    port = await server.start("127.0.0.1", 0, tls.of_server(path, None))
    relay = Relay("s:1", connect_s=20.0, read_s=20.0, connections_max=1, trusted=tls.of_client(path, ignores))
    try:
        if is_handed:
            answer = await relay.hand(Asked(), f"https://127.0.0.1:{port}")
            assert isinstance(answer, Chunked)
            assert [piece async for piece in answer.pieces] == [b"/x"]
        else:
            with pytest.raises(Failed) as caught:
                await relay.hand(Asked(), f"https://127.0.0.1:{port}")
            assert caught.value.response.status == 500
    finally:
        await relay.close()
        await server.close(0.0)


def test_what_is_no_certificate(tmp_path: Path) -> None:
    """Keystores of Java are told from what is damaged, and there is a way to convert them."""
    path = tmp_path / "store"
    for beginning in ("feedfeed", "cececece", "308209"):
        path.write_bytes(bytes.fromhex(beginning) + b"rest")
        with pytest.raises(tls.NoCertificate, match=r"it is a keystore of Java.*keytool -importkeystore"):
            tls.of_server(str(path), None)
    path.write_text("-----BEGIN NOTHING-----")
    locked = certificate(tmp_path / "locked.pem", password="secret")
    for wrong in (str(path), str(tmp_path / "none"), locked):
        with pytest.raises(tls.NoCertificate):
            tls.of_server(wrong, None)
    with pytest.raises(tls.NoCertificate):
        tls.of_server(locked, "another")


async def test_https_alone(tmp_path: Path) -> None:
    """The leader is told by its https address then."""
    path = certificate(tmp_path / "one.pem")
    marathon = Marathon(
        "--disable_http", "--https_port=0", f"--ssl_keystore_path={path}", "--internal_store_backend=mem")
    try:
        assert marathon.url.startswith("https://127.0.0.1:")
        connector = aiohttp.TCPConnector(ssl=tls.of_client(path, ignores_hostname=False))
        async with aiohttp.ClientSession(connector=connector) as client, asyncio.timeout(60):
            while (told := await _leader(client, marathon.url)) is None:
                await asyncio.sleep(0.05)
        assert told == marathon.url
    finally:
        marathon.stop()


async def _leader(client: aiohttp.ClientSession, url: str) -> str | None:
    async with client.get(f"{url}/ping") as answer:
        return answer.headers.get("X-Marathon-Leader")


@pytest.mark.parametrize(("arguments", "why"), [
    (("--disable_http",), "--disable_http needs a certificate for HTTPS"),
    (("--ssl_keystore_path=/none",), "--ssl_keystore_path=/none: .*No such file"),
    (("--http_credentials=me",), "--http_credentials: expecting USER:PASSWORD"),
    (("--zk=zk://host:1/",), "--zk: .*expecting a"), (("--zk=host:1",), "--zk: expecting zk://host:port/path"),
    (("--mesos_authentication", "--mesos_authentication_secret_file=/none"), "secret_file: .*No such file"),
])  # fmt: skip
async def test_flags_that_make_no_sense_stop_the_start(arguments: tuple[str, ...], why: str) -> None:
    flags = read([f"--master={NO_MASTER}", *HERE, *arguments], {})
    with pytest.raises(UsageError, match=why):
        await serve(flags, Threshold("INFO"))
