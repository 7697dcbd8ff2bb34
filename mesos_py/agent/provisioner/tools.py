"""Programs that do the work: each with a deadline, a bounded word, and no life beyond ours.

A program gets a session of its own and is killed with everything in it when its deadline passes, when what it does is
no longer wanted, or when ``watch`` says why it must not go on. The kernel kills it when the agent is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from typing import IO

import structlog

from mesos_py.agent.provisioner.causes import cause

log = structlog.get_logger(__name__)

OUTPUT_MAX = 64 * 1024  # bytes that are kept of what a program writes, the last ones
WATCH_S = 0.25  # between two looks of a watch; a fast disk takes half a gigabyte meanwhile
REMOVE_TIMEOUT_S = 600
KILL_TIMEOUT_S = 10  # for the kernel to end a killed program; one that hangs in a system call is left to it

#: util-linux, as is everything else that is taken for granted here.
DIE_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")

#: Why the program must end now; None while it may go on.
Watch = Callable[[], str | None]


class ToolFailed(Exception):
    """A program has not done what it was run for; the text is why, in one sentence."""

    def __init__(self, text: str, printed: str = "") -> None:
        """``printed`` is what it has written to its standard output nevertheless."""
        super().__init__(text)
        self.printed = printed


async def run(
    *argv: str, timeout_s: float, cwd: str = "/", env: Mapping[str, str] | None = None, watch: Watch | None = None,
    stdin: int = subprocess.DEVNULL, output_max: int = OUTPUT_MAX,
) -> str:  # fmt: skip
    """The program has ended well; the last ``output_max`` bytes of what it printed. Raises ToolFailed.

    ``stdin`` is a file's descriptor.
    """
    name = argv[0] if argv[0] != DIE_WITH_US[0] else argv[len(DIE_WITH_US)]
    try:
        process = subprocess.Popen(  # noqa: ASYNC220  vfork: a millisecond, where uvloop's fork takes seven
            argv, cwd=cwd, env=env, start_new_session=True, stdin=stdin, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip
    except OSError as error:
        raise ToolFailed(f"{name} cannot be run: {error.strerror}") from error
    ended = asyncio.ensure_future(_ended(process, output_max))
    try:
        async with asyncio.timeout(timeout_s):
            out, err = await _watched(ended, watch)
    except TimeoutError:
        raise ToolFailed(f"{name} has not ended within {timeout_s:g} s") from None
    except OSError as error:
        raise ToolFailed(f"{name} cannot be watched: {error.strerror}") from error
    finally:
        if process.returncode is None or not ended.done():
            await _kill(process, ended)
    status = process.returncode
    if status:
        why = f"was killed by signal {-status}" if status < 0 else f"exited with status {status}"
        raise ToolFailed(cause(err.decode("utf-8", "replace")) or f"{name} {why}", out.decode("utf-8", "replace"))
    return out.decode("utf-8", "replace")


async def remove(path: str) -> None:
    """Nothing of it is left, but for what is mounted there; failing that, it is logged and tried at the next start."""
    if not os.path.lexists(path):
        return
    try:
        await run("rm", "-rf", "--one-file-system", "--", path, timeout_s=REMOVE_TIMEOUT_S)
    except ToolFailed as error:
        log.warning("not removed", path=path, why=str(error))


async def _watched(ended: asyncio.Future[tuple[bytes, bytes]], watch: Watch | None) -> tuple[bytes, bytes]:
    while watch is not None and not ended.done():
        why = watch()
        if why is not None:
            raise ToolFailed(why)
        await asyncio.wait({ended}, timeout=WATCH_S)
    return await asyncio.shield(ended)


async def _ended(process: subprocess.Popen[bytes], output_max: int) -> tuple[bytes, bytes]:
    assert process.stdout is not None and process.stderr is not None
    reading = _read(process.stdout, output_max), _read(process.stderr, OUTPUT_MAX)
    out, err, _ = await asyncio.gather(*reading, _exit(process))
    return out, err


async def _exit(process: subprocess.Popen[bytes]) -> None:
    """It has exited, and its status is known."""
    loop = asyncio.get_running_loop()
    exited = asyncio.Event()
    fd = os.pidfd_open(process.pid)
    loop.add_reader(fd, exited.set)
    try:
        await exited.wait()
    finally:
        loop.remove_reader(fd)
        os.close(fd)
        process.poll()


async def _read(pipe: IO[bytes], kept_max: int) -> bytes:
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    kept = b""
    try:
        while chunk := await reader.read(OUTPUT_MAX):
            kept = (kept + chunk)[-kept_max:]
    finally:
        transport.close()
    return kept


async def _kill(process: subprocess.Popen[bytes], ended: asyncio.Future[tuple[bytes, bytes]]) -> None:
    """What it has written no longer matters; what descends from it in its session is killed with it."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.wait({ended}, timeout=KILL_TIMEOUT_S)
    ended.cancel()
    await asyncio.gather(ended, return_exceptions=True)
