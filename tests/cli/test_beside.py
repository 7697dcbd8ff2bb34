"""A program that runs beside a local cluster: it ends with it, and is started again when it ends by itself."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from mesos_py.cli.beside import Beside
from mesos_py.cli.command import CommandFailed

PATIENCE_S = 30.0


def beside(folder: Path, lived_s: float) -> Beside:
    return Beside("It", "tests.cli.beside", lambda port: [str(port), str(folder)], lived_s=lived_s)


def started(folder: Path) -> dict[int, str]:
    """Ports that they were given, by process."""
    return {int(one.stem): one.read_text() for one in folder.glob("*.pid")}


async def test_one_that_ends_is_started_again_where_it_was(tmp_path: Path) -> None:
    """With the port that the first one has picked; the last one is told to end."""
    async with asyncio.timeout(PATIENCE_S):
        async with beside(tmp_path, lived_s=0.0) as one:
            keeping = asyncio.create_task(one.keep())
            (first,) = started(tmp_path)
            os.kill(first, signal.SIGKILL)
            while "4321" not in started(tmp_path).values():
                await asyncio.sleep(0.01)
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            ports = started(tmp_path)
            last = next(process for process in ports if process != first)
            assert (ports[first], ports[last], one.url) == ("0", "4321", "http://127.0.0.1:4321")
        with pytest.raises(ProcessLookupError):
            os.kill(last, 0)


async def test_one_that_ends_at_once_is_not(tmp_path: Path) -> None:
    """Whoever keeps it running learns how it has ended."""
    (tmp_path / "short").touch()
    async with asyncio.timeout(PATIENCE_S), beside(tmp_path, lived_s=60.0) as one:
        with pytest.raises(CommandFailed, match="It has ended with 0"):
            await one.keep()


async def test_one_that_does_not_start(tmp_path: Path) -> None:
    """Nobody waits for it."""
    with pytest.raises(CommandFailed, match="has not started"):
        async with asyncio.timeout(PATIENCE_S), Beside("It", "tests.cli.nothing", lambda port: []):
            pass
