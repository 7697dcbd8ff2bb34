"""Fetching for real: the helper below the supervisor, local files and a web server on loopback."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import psutil
import pytest
from aiohttp import web

from mesos_py.agent.fetcher import FetcherSettings
from mesos_py.agent.fetcher.fetching import Fetcher
from mesos_py.wire.command import CommandInfo
from tests.agent.containerizer.harness import Harness, is_alive, until

Uri = CommandInfo.URI


class World(Harness):
    """A ready containerizer with strict bounds, a directory of sources and a web server."""

    origin: str
    fetcher: Fetcher

    @property
    def source(self) -> Path:
        return self.directory / "source"

    async def fetch(self, *uris: Uri | str, **changes: object) -> Path:
        """The sandbox after a successful launch."""
        made = tuple(Uri(value=uri) if isinstance(uri, str) else uri for uri in uris)
        self.containerizer.launch(self.spec("c", "true", uris=made, **changes))
        await until(lambda: self.of("c"))
        assert self.of("c")[0] == "ContainerLaunched", self.events
        assert await self.exited("c") == 0
        return self.sandbox("c")

    async def refusal(self, *uris: Uri | str, **changes: object) -> str:
        """The cause of a failed launch."""
        made = tuple(Uri(value=uri) if isinstance(uri, str) else uri for uri in uris)
        self.containerizer.launch(self.spec("c", "true", uris=made, **changes))
        text = await self.failed("c")
        start = "Failed to fetch all URIs for container 'c': "
        assert text.startswith(start)
        assert "Failed: " + text.removeprefix(start) in (self.sandbox("c") / "stderr").read_text()
        return text.removeprefix(start)


async def serve(request: web.Request) -> web.StreamResponse:
    match request.path:
        case "/file":
            return web.Response(body=b"content " + request.query_string.encode())
        case "/big":
            return web.Response(body=b"x" * 2_000_000)
        case "/endless":
            stream = web.StreamResponse()
            await stream.prepare(request)
            for _ in range(10_000):
                await stream.write(b"x" * 65536)
            return stream
        case "/silent":
            stream = web.StreamResponse(headers={"Content-Length": "10"})
            await stream.prepare(request)
            await stream.write(b"x")
            await asyncio.sleep(1000)
            return stream
        case "/short":
            stream = web.StreamResponse(headers={"Content-Length": "10"})
            await stream.prepare(request)
            await stream.write(b"x")
            assert request.transport is not None
            request.transport.close()
            return stream
        case "/to":
            raise web.HTTPFound(request.query["where"])
        case "/loop":
            raise web.HTTPFound("/loop")
        case "/created":
            return web.Response(status=201, body=b"content")
    raise web.HTTPNotFound


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    world.source.mkdir()
    bounds = FetcherSettings(
        frameworks_home=str(world.source), stall_timeout_s=60, download_max=1_000_000, extract_max=1_000_000,
        extract_entries_max=50, redirects_max=3,
    )  # fmt: skip
    world.fetcher = Fetcher(bounds)
    await world.process(fetching=world.fetcher).recover()
    application = web.Application()
    application.router.add_get("/{path:.*}", serve)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    world.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield world
    await world.containerizer.close()
    await runner.cleanup()


async def test_local_files_by_path_by_url_and_relative(world: World) -> None:
    for name in ("a", "b", "c", "d"):
        (world.source / name).write_text(name)
    sandbox = await world.fetch(
        str(world.source / "a"), f"file://{world.source}/b", f"file://localhost{world.source}/c", "d"
    )
    assert [(sandbox / name).read_text() for name in "abcd"] == ["a", "b", "c", "d"]
    log = (sandbox / "stderr").read_text()
    assert f"Fetching URI '{world.source}/a'" in log
    assert "Successfully fetched all URIs" in log
    assert (sandbox / "stdout").read_text() == ""


async def test_download_with_name_rules(world: World) -> None:
    """The query is part of the name; output_file makes directories; executable is 0755 and never unpacked."""
    sandbox = await world.fetch(
        f"{world.origin}/file",
        f"{world.origin}/file?q=1",
        Uri(value=f"{world.origin}/file?q=2", output_file="x/y/z"),
        Uri(value=f"{world.origin}/file", output_file="tool.tar", executable=True),
    )
    assert (sandbox / "file").read_text() == "content "
    assert (sandbox / "file?q=1").read_text() == "content q=1"
    assert (sandbox / "x" / "y" / "z").read_text() == "content q=2"
    assert (sandbox / "tool.tar").stat().st_mode & 0o7777 == 0o755


async def test_redirects_are_followed(world: World) -> None:
    sandbox = await world.fetch(Uri(value=f"{world.origin}/to?where=/to?where=/file", output_file="f"))
    assert (sandbox / "f").read_text() == "content "


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/nope", "HTTP response status 404"),
        ("/created", "HTTP response status 201"),
        ("/big", "larger than 1000000 bytes (download_max)"),
        ("/endless", "larger than 1000000 bytes (download_max)"),
        ("/silent", "stalled for 0.5 s (fetcher_stall_timeout)"),
        ("/short", "ended after 1 of 10 bytes"),
        ("/loop", "more than 3 redirects"),
        ("/to?where=file:///etc/passwd", "refused: not http or https"),
        ("/to?where=ftp://127.0.0.1/x", "refused: not http or https"),
        ("/to?where=http://169.254.169.254/latest/meta-data", "is in 169.254.0.0/16 (fetcher_denied"),
        ("/to?where=http://[fe80::1]/x", "is in fe80::/10"),
        ("/to?where=http://[::ffff:169.254.169.254]/x", "is in 169.254.0.0/16"),
        ("/to?where=http://2852039166/x", "is in 169.254.0.0/16"),
        ("/to?where=http://100.100.100.200/x", "is in 100.100.100.200/32"),
        ("/to?where=http://0.0.0.0/x", "is not the address of a server"),
        ("/to?where=http://%00/x", "Error downloading resource"),
    ],
)
async def test_downloads_that_are_refused(world: World, path: str, text: str) -> None:
    """X07 and the bounds; nothing half done stays in the sandbox."""
    if path == "/silent":
        world.fetcher.settings = attrs.evolve(world.fetcher.settings, stall_timeout_s=0.5)
    assert text in await world.refusal(world.origin + path)
    assert {entry.name for entry in world.sandbox("c").iterdir()} == {"stderr"}


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("http://169.254.169.254/latest/meta-data", "is in 169.254.0.0/16"),
        ("http://127.0.0.1:1/x", "Connection refused"),
        ("ftp://host/x", "it needs an FTP client"),
        ("hdfs://host/x", "'hdfs' needs the Hadoop client"),
        ("file://relative/x", "File URI only supports absolute paths"),
        ("/nowhere/x", "Failed to copy '/nowhere/x': No such file or directory"),
        ("/dev/zero", "not a regular file"),
        ("/etc", "not a regular file"),
        ("/proc/1/environ", "it is the kernel's or the agent's own"),
        ("/sys/kernel/uevent_seqnum", "it is the kernel's or the agent's own"),
    ],
)
async def test_uris_that_cannot_be_fetched(world: World, uri: str, text: str) -> None:
    assert text in await world.refusal(uri)


async def test_a_relative_path_needs_a_home(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    await harness.process().recover()
    harness.containerizer.launch(harness.spec("c", "true", uris=(Uri(value="a"),)))
    assert "A relative path was passed for the resource but the Mesos framework home was not specified." in (
        await harness.failed("c")
    )
    await harness.containerizer.close()


async def test_an_invalid_uri_never_starts_anything(world: World) -> None:
    world.containerizer.launch(world.spec("c", "true", uris=(Uri(value="/a'b"),)))
    assert await world.failed("c") == "Could not fetch: Illegal characters in URI"
    assert not world.sandbox("c").exists()


async def test_a_fifo_as_source_is_not_waited_for(world: World) -> None:
    os.mkfifo(world.source / "fifo")
    assert "not a regular file" in await world.refusal("fifo")


async def test_destroy_cancels_a_fetch(world: World, tmp_path: Path) -> None:
    """Before anything ran: ContainerExited alone, and the helper is gone."""
    slow = Uri(value=f"{world.origin}/silent")
    world.containerizer.launch(world.spec("c", "true", uris=(slow,)))
    await until((world.sandbox("c") / "stderr").exists)
    world.containerizer.destroy("c")
    assert await world.exited("c") == signal.SIGKILL
    assert world.of("c") == ["ContainerExited"]
    world.containerizer.launch(world.spec("d", "true", uris=(slow,)))
    world.containerizer.signal("d", signal.SIGTERM)
    assert await world.exited("d") == signal.SIGKILL


async def test_the_death_of_the_supervisor_fails_a_fetch(world: World) -> None:
    """The helper goes with it; nobody asked for a destroy, so it is a failed launch."""
    world.containerizer.launch(world.spec("c", "true", uris=(Uri(value=f"{world.origin}/silent"),)))
    await until((world.sandbox("c") / "stderr").exists)
    supervisor = psutil.Process(world.containerizer.supervisor_pid)  # type: ignore[attr-defined]
    helpers = supervisor.children()
    supervisor.kill()
    assert await world.failed("c") == "Failed to fetch all URIs for container 'c': the fetcher was lost"
    await until(lambda: not any(is_alive(helper.pid) for helper in helpers))


async def test_a_fetch_does_not_survive_its_agent(world: World) -> None:
    """The next agent knows nothing of what was to be started; the helper is ended."""
    world.containerizer.launch(world.spec("c", "true", uris=(Uri(value=f"{world.origin}/silent"),)))
    await until((world.sandbox("c") / "stderr").exists)
    await world.containerizer.close(keep=True)
    assert await world.process().recover() == ()
    supervisor = psutil.Process(world.containerizer.supervisor_pid)  # type: ignore[attr-defined]
    await until(lambda: not supervisor.children())
    assert world.events == []


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="switching users needs root")
async def test_fetching_is_done_as_the_user(world: World) -> None:
    """What he may not read is not fetched for him, and what is fetched is his."""
    import pwd

    nobody = pwd.getpwnam("nobody").pw_uid
    sandbox = await world.fetch(Uri(value=f"{world.origin}/file", output_file="x/f"), user="nobody")
    assert (sandbox / "x").stat().st_uid == (sandbox / "x" / "f").stat().st_uid == nobody
    world.events.clear()
    secret = world.source / "secret"
    secret.write_text("secret")
    secret.chmod(0o600)
    world.containerizer.launch(world.spec("d", "true", uris=(Uri(value=str(secret)),), user="nobody"))
    assert "Permission denied" in await world.failed("d")
