"""Following files of a sandbox: what is added, across rotations, and what is said when something has gone."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from mesos_py.agent.containerizer.supervisor.logger import LogFile
from mesos_py.cli import sandbox
from mesos_py.cli.client import Client, Refused
from mesos_py.files import Files, FilesError

MAX = 1000


class Agent:
    """READ_FILE of a real agent, without the network between; ``before_read`` happens just before an answer."""

    def __init__(self, directory: Path) -> None:
        self._files = Files()
        self._files.attach("/sandbox", str(directory))
        self.before_read: Callable[[str], Any] = lambda path: None

    async def call(self, type: str, body: dict[str, Any]) -> Any:
        assert type == "READ_FILE"
        self.before_read(body["path"])
        try:
            _, data, _ = self._files.read(body["path"], body["offset"], body["length"])
        except FilesError as exc:
            raise Refused(exc.status, exc.text) from exc
        return {"read_file": {"data": base64.b64encode(data).decode()}}


class Follower:
    """A copy of ``stdout`` that is under way, and the logger's end of that file."""

    def __init__(self, directory: Path, keep: int) -> None:
        self.agent = Agent(directory)
        self.file = LogFile(os.open(directory, os.O_RDONLY | os.O_DIRECTORY), b"stdout", MAX, keep, None)
        self.copied = b""
        self.missed = 0
        self.ended = asyncio.Event()
        self.counted = 0

    def say(self, lines: int) -> None:
        for number in range(self.counted, self.counted + lines):
            self.file.write(b"line %04d\n" % number)
        self.counted += lines

    def miss(self) -> None:
        self.missed += 1

    async def copy(self, *, older: bool = True) -> None:
        def write(data: bytes) -> None:
            self.copied += data

        missed = self.miss if older else None
        await sandbox.copy(cast("Client", self.agent), "/sandbox/stdout", write, self.ended, missed=missed)

    def lines(self, start: int, end: int) -> bytes:
        return b"".join([b"line %04d\n" % number for number in range(start, end)])


@pytest.fixture
def follower(tmp_path: Path) -> Follower:
    return Follower(tmp_path, keep=3)


async def reached(follower: Follower, text: bytes) -> None:
    async with asyncio.timeout(60):
        while text not in follower.copied:
            await asyncio.sleep(0.01)


async def test_all_that_is_kept_is_read_in_its_order(follower: Follower) -> None:
    """Once it has ended; a file that was asked for by its name is just that."""
    follower.say(250)
    follower.ended.set()
    await follower.copy()
    assert follower.copied == follower.lines(0, 250)
    follower.copied = b""
    await follower.copy(older=False)
    assert follower.copied == follower.lines(200, 250)
    assert follower.missed == 0


async def test_whoever_follows_goes_on_across_rotations(follower: Follower) -> None:
    """1 a part is read; 2 the file is rotated, more than once; 3 what comes after is read, all of it once."""
    copying = asyncio.create_task(follower.copy())
    for part in (7, 95, 130, 1, 99, 250, 0, 30):
        follower.say(part)
        if part:
            await reached(follower, b"line %04d\n" % (follower.counted - 1))
    follower.ended.set()
    await copying
    assert follower.copied == follower.lines(0, follower.counted)
    assert follower.missed == 0


async def test_a_rotation_just_while_we_look_loses_nothing(follower: Follower) -> None:
    """Before every single read one line is written, so that files are renamed between any two of them."""
    follower.say(3)
    copying = asyncio.create_task(follower.copy())
    await reached(follower, b"line 0002")
    left = 600

    def speak(path: str) -> None:
        nonlocal left
        if left:
            left -= 1
            follower.say(1)
        else:
            follower.ended.set()

    follower.agent.before_read = speak
    await copying
    assert follower.copied == follower.lines(0, 603)
    assert follower.missed == 0


async def test_what_was_rotated_away_is_said_to_be_missing(follower: Follower) -> None:
    """We go on with the oldest that is left."""
    follower.say(10)
    copying = asyncio.create_task(follower.copy())
    await reached(follower, b"line 0009")
    follower.say(1000)
    await reached(follower, b"line 1009")
    follower.ended.set()
    await copying
    assert follower.missed == 1
    assert follower.copied == follower.lines(0, 10) + follower.lines(700, 1010)


async def test_a_task_may_empty_or_remove_its_file(follower: Follower, tmp_path: Path) -> None:
    follower.say(20)
    copying = asyncio.create_task(follower.copy())
    await reached(follower, b"line 0019")
    os.truncate(tmp_path / "stdout", 0)
    follower.say(2)
    await reached(follower, b"line 0021")
    (tmp_path / "stdout").unlink()
    follower.ended.set()
    await copying
    assert follower.copied == follower.lines(0, 22)
    assert follower.missed == 1
