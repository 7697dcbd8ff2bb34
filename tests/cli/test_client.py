"""Asking a master: what becomes of answers that are none."""

from __future__ import annotations

import asyncio

import pytest

from mesos_py.cli.client import Client, Refused, Unreachable
from mesos_py.cli.command import EXIT_REFUSED, EXIT_UNREACHABLE, CommandFailed


async def asked(status: str, what: str) -> CommandFailed:
    """What is raised for an answer with ``status``."""
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 4\r\n\r\nwhy?".encode())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, Client(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", what) as client:
        with pytest.raises(CommandFailed) as caught:
            await client.call("GET_AGENTS")
    return caught.value


async def test_a_master_that_does_not_lead_yet() -> None:
    """It is as good as none, which the exit code says: whoever asks again in a moment is answered."""
    failed = await asked("503 Service Unavailable", "master")
    assert isinstance(failed, Unreachable)
    assert failed.code == EXIT_UNREACHABLE
    assert str(failed).endswith("says: why?")


@pytest.mark.parametrize(("status", "what"), [("503 Service Unavailable", "agent"), ("400 Bad Request", "master")])
async def test_what_is_refused(status: str, what: str) -> None:
    """Anything else is an answer."""
    failed = await asked(status, what)
    assert isinstance(failed, Refused)
    assert (failed.code, failed.status) == (EXIT_REFUSED, int(status[:3]))
