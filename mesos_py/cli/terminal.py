"""Our own terminal, or whatever stands for it: read as it is typed, raw while something else is in charge of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import stat
import sys
import termios
import tty
from collections.abc import AsyncIterator, Iterator

from mesos_py.cli.command import CommandFailed

READ_BYTES = 32 * 1024

ENDING = (signal.SIGTERM, signal.SIGHUP)


def is_terminal() -> bool:
    """Somebody sits in front of it."""
    return sys.stdin.isatty()


def size() -> tuple[int, int] | None:
    """(rows, columns); None: there is no terminal, or it does not know."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            columns, rows = os.get_terminal_size(stream.fileno())
            if rows and columns:
                return rows, columns
    return None


@contextlib.contextmanager
def raw(*, wanted: bool = True) -> Iterator[None]:
    """Every key is a byte, also those that are signals otherwise; afterwards it is as it was, however we end."""
    if not wanted or not is_terminal():
        yield
        return
    fd, loop, task = sys.stdin.fileno(), asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    before = termios.tcgetattr(fd)
    for signum in ENDING:
        loop.add_signal_handler(signum, task.cancel)
    try:
        tty.setraw(fd, termios.TCSADRAIN)  # what was typed ahead is not thrown away
        yield
    except asyncio.CancelledError:
        raise CommandFailed("ended by a signal", 128 + signal.SIGTERM) from None
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
        for signum in ENDING:
            loop.remove_signal_handler(signum)


async def typed() -> AsyncIterator[bytes]:
    """What comes on stdin, until its end; read when it is asked for. Others share it: it still blocks for them."""
    fd = sys.stdin.fileno()
    waits = not stat.S_ISREG(os.fstat(fd).st_mode)  # nobody can be told when a file is readable: it always is
    while True:
        if waits:
            await _readable(fd)
        try:
            data = os.read(fd, READ_BYTES)
        except OSError:  # EIO: the terminal has gone
            return
        if not data:
            return
        yield data


async def nothing() -> AsyncIterator[bytes]:
    """Of those who type nothing."""
    return
    yield


async def resized() -> AsyncIterator[tuple[int, int]]:
    """Its size now, and whenever it has changed."""
    changed = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGWINCH, changed.set)
    try:
        while True:
            known = size()
            if known is not None:
                yield known
            await changed.wait()
            changed.clear()
    finally:
        loop.remove_signal_handler(signal.SIGWINCH)


async def _readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(fd, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(fd)
