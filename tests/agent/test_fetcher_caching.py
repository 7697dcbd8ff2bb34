"""The fetcher's cache at work: helpers below the supervisor, a web server that counts, files nobody else may touch."""

from __future__ import annotations

import asyncio
import functools
import io
import os
import signal
import tarfile
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from mesos_py.agent.fetcher import FetcherSettings, fetching
from mesos_py.agent.fetcher.cache import Measure
from mesos_py.agent.fetcher.fetching import Fetcher
from mesos_py.wire.command import CommandInfo
from tests.agent.containerizer.harness import Harness, until

SIZE_MAX = 100_000


@functools.cache  # there is a time in it
def archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as made:
        info = tarfile.TarInfo("inside")
        info.size = 5
        made.addfile(info, io.BytesIO(b"hello"))
    return buffer.getvalue()


class World(Harness):
    """A containerizer with a cache, and a web server that can be made to wait."""

    origin: str
    fetcher: Fetcher

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.asked: Counter[str] = Counter()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    @property
    def cache(self) -> Path:
        return self.directory / "fetch" / "mine"

    def files(self) -> list[Path]:
        return sorted(path for path in self.cache.rglob("*") if path.is_file())

    async def start(self) -> None:
        self.fetcher = Fetcher(FetcherSettings(cache_directory=str(self.cache), cache_size=SIZE_MAX))
        await self.process(fetching=self.fetcher).recover()

    def begin(self, name: str, *paths: str, user: str | None = None, **flags: object) -> None:
        uris = tuple(
            [
                CommandInfo.URI(value=path if path.startswith("/") else f"{self.origin}/{path}", cache=True, **flags)  # type: ignore[arg-type]
                for path in paths
            ]
        )  # fmt: skip
        self.containerizer.launch(self.spec(name, "true", uris=uris, user=user))

    async def fetch(self, name: str, *paths: str, user: str | None = None, **flags: object) -> Path:
        """The sandbox after a successful launch."""
        self.begin(name, *paths, user=user, **flags)
        assert await self.exited(name) == 0, self.events
        return self.sandbox(name)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked[f"{request.method} {request.path}"] += 1
        if request.method == "GET":
            await self.may_answer.wait()
        match request.path:
            case "/file":
                return web.Response(body=b"content")
            case "/a.tar.gz":
                return web.Response(body=archive())
            case "/large":
                return web.Response(body=b"x" * (SIZE_MAX + 1))
            case "/liar":
                return web.Response(body=b"x" * (10 if request.method == "HEAD" else 20))
            case "/unknown":
                stream = web.StreamResponse()
                await stream.prepare(request)
                if request.method == "GET":
                    await stream.write(b"content")
                return stream
            case "/no-head" if request.method == "GET":
                return web.Response(body=b"content")
        raise web.HTTPNotFound


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    await world.start()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", world.serve)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    world.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield world
    await world.containerizer.close()
    await runner.cleanup()


async def test_what_several_want_at_once_is_downloaded_once(world: World) -> None:
    """1 one downloads, two wait; 2 all have it; 3 a later one has it without a word to the server."""
    world.may_answer.clear()
    for name in ("a", "b", "c"):
        world.begin(name, "file")
    await until(lambda: world.asked["GET /file"])
    assert world.of("b") == []
    world.may_answer.set()
    for name in ("a", "b", "c"):
        assert await world.exited(name) == 0
    await world.fetch("d", "file", executable=True)
    assert [(world.sandbox(name) / "file").read_text() for name in "abcd"] == ["content"] * 4
    assert world.asked == {"HEAD /file": 1, "GET /file": 1}
    assert [(world.sandbox(name) / "file").stat().st_mode & 0o777 for name in "ad"] == [0o644, 0o755]
    assert [path.name for path in world.files()] == ["c1-file"]
    assert world.fetcher.cache.used == len("content")


async def test_an_archive_is_unpacked_from_the_cache(world: World) -> None:
    """It stays there; the sandbox has what was in it. One that is not to be unpacked is copied."""
    for name in ("a", "b"):
        sandbox = await world.fetch(name, "a.tar.gz")
        assert (sandbox / "inside").read_text() == "hello"
        assert not (sandbox / "a.tar.gz").exists()
    assert (await world.fetch("c", "a.tar.gz", extract=False) / "a.tar.gz").read_bytes() == archive()
    assert world.asked["GET /a.tar.gz"] == 1


@pytest.mark.parametrize(
    ("path", "size"), [("unknown", 7), ("no-head", 7), ("large", SIZE_MAX + 1), ("liar", 20)], ids=lambda value: value
)
async def test_what_cannot_be_kept_is_fetched_all_the_same(world: World, path: str, size: int) -> None:
    """Its size is not known, or too large, or not what was said."""
    for name in ("a", "b"):
        assert (await world.fetch(name, path) / path).stat().st_size == size
    assert world.files() == []
    assert world.fetcher.cache.used == 0
    assert world.asked[f"GET /{path}"] == (4 if path == "liar" else 2)


async def test_a_download_that_fails_fails_those_who_waited_each_by_itself(world: World) -> None:
    world.begin("a", "nothing")
    world.begin("b", "nothing")
    for name in ("a", "b"):
        assert "HTTP response status 404" in await world.failed(name)
    assert world.asked["GET /nothing"] == 2
    assert world.fetcher.cache.used == 0


async def test_what_failed_to_unpack_is_not_kept(world: World, tmp_path: Path) -> None:
    """The next attempt may find a better one."""
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(archive()[:-30])
    world.begin("a", str(broken))
    assert "Failed to extract 'broken.tar.gz'" in await world.failed("a")
    broken.write_bytes(archive())
    assert (await world.fetch("b", str(broken)) / "inside").exists()


async def test_whoever_is_destroyed_while_he_waits_is_gone_at_once(world: World) -> None:
    world.may_answer.clear()
    world.begin("a", "file")
    world.begin("b", "file")
    await until(lambda: world.asked["GET /file"])
    world.containerizer.destroy("b")
    world.containerizer.destroy("b")
    assert await world.exited("b") == signal.SIGKILL
    assert world.of("b") == ["ContainerExited"]
    world.may_answer.set()
    assert await world.exited("a") == 0
    assert world.of("b") == ["ContainerExited"]


async def test_when_the_one_who_downloads_is_destroyed_the_others_fetch_for_themselves(world: World) -> None:
    world.may_answer.clear()
    world.begin("a", "file")
    world.begin("b", "file")
    await until(lambda: world.asked["GET /file"])
    world.containerizer.destroy("a")
    assert await world.exited("a") == signal.SIGKILL
    world.may_answer.set()
    assert await world.exited("b") == 0
    assert (world.sandbox("b") / "file").read_text() == "content"
    assert world.files() == []


async def test_the_death_of_the_supervisor_fails_who_downloads_and_no_one_waits_for_ever(world: World) -> None:
    world.may_answer.clear()
    world.begin("a", "file")
    world.begin("b", "file")
    await until(lambda: world.asked["GET /file"])
    os.kill(world.containerizer.supervisor_pid, signal.SIGKILL)  # type: ignore[attr-defined]
    assert "the fetcher was lost" in await world.failed("a")
    world.may_answer.set()
    assert await world.exited("b") == 0
    assert (world.sandbox("b") / "file").read_text() == "content"


async def test_a_file_that_was_changed_or_removed_is_fetched_anew(world: World) -> None:
    """Whatever was done to its times; and the changed one is removed."""
    await world.fetch("a", "file")
    (kept,) = world.files()
    times = kept.stat()
    while kept.stat().st_ctime_ns == times.st_ctime_ns:  # the clock of file systems is coarse
        kept.write_text("changed")
        os.utime(kept, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert (await world.fetch("b", "file") / "file").read_text() == "content"
    (newer,) = world.files()
    newer.unlink()
    assert (await world.fetch("c", "file") / "file").read_text() == "content"
    await until(lambda: not kept.exists())
    assert world.asked["GET /file"] == 3


async def test_what_a_former_agent_kept_is_gone(world: World) -> None:
    await world.fetch("a", "file")
    await world.containerizer.close(keep=True)
    await world.start()
    assert world.files() == []
    await world.fetch("b", "file")
    assert world.asked["GET /file"] == 2


async def test_a_cache_that_cannot_be_used_keeps_nobody_from_fetching(world: World, tmp_path: Path) -> None:
    """It is open to others, or not to be made at all: it is gone past, and said so."""
    world.cache.mkdir(parents=True, mode=0o777)
    world.cache.chmod(0o777)
    sandbox = await world.fetch("a", "file")
    assert "past the cache" in (sandbox / "stderr").read_text()
    assert world.files() == []
    world.cache.rmdir()
    world.cache.symlink_to(tmp_path)
    assert "past the cache" in (await world.fetch("b", "file") / "stderr").read_text()
    assert world.fetcher.cache.used == 0


@pytest.mark.root
async def test_the_cache_is_closed_to_those_it_is_for(world: World) -> None:
    """1 as nobody, who can do nothing to the file; 2 what root alone may read he does not get, though it is kept."""
    sandbox = await world.fetch("a", "file", user="nobody")
    assert (sandbox / "file").owner() == "nobody"
    (kept,) = world.files()
    assert kept.parent.name == "nobody"
    assert (kept.owner(), kept.stat().st_mode & 0o777, world.cache.stat().st_mode & 0o777) == ("root", 0o600, 0o700)
    await world.fetch("b", "/etc/shadow")
    assert len(world.files()) == 2
    world.begin("c", "/etc/shadow", user="nobody")
    assert "Permission denied" in await world.failed("c")
    for name in ("d", "e"):
        assert (await world.fetch(name, "/bin/true", user="nobody") / "true").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("said", ["", "x", "1", "[1]", "[[1, 2], null, null]", '[["a", 1], null]', "[[-1, 420], null]"])
def test_a_helper_that_makes_no_sense_is_not_believed(said: str) -> None:
    """Where the agent is not root, tasks are of the user who runs it."""
    assert fetching._measures(said, 2) == [None, None]
    assert fetching._measures("[[7, 420], null]", 2) == [Measure(7, 0o644), None]
