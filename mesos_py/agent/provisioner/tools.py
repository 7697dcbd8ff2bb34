"""Programs that do the work: each with a deadline, a bounded word, and no life beyond ours.

A program gets a session of its own and is killed with everything in it when its deadline passes, when what it does is
no longer wanted, or when ``watch`` says why it must not go on. The kernel kills it when the agent is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping

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


async def run(
    *argv: str, timeout_s: float, cwd: str = "/", env: Mapping[str, str] | None = None, watch: Watch | None = None
) -> str:
    """The program has ended well; what it printed. Raises ToolFailed."""
    name = argv[0] if argv[0] != DIE_WITH_US[0] else argv[len(DIE_WITH_US)]
    started = asyncio.ensure_future(_start(argv, cwd, env))
    try:
        process = await asyncio.shield(started)
    except OSError as error:
        raise ToolFailed(f"{name} cannot be run: {error.strerror}") from error
    except asyncio.CancelledError:
        # A start that is cut short would leave a process that nobody knows.
        (half,) = await asyncio.gather(started, return_exceptions=True)
        if not isinstance(half, BaseException):
            await _kill(half)
        raise
    ended = asyncio.ensure_future(_ended(process))
    try:
        async with asyncio.timeout(timeout_s):
            out, err = await _watched(ended, watch)
    except TimeoutError:
        raise ToolFailed(f"{name} has not ended within {timeout_s:g} s") from None
    finally:
        if not ended.done():
            await _kill(process)
            ended.cancel()
            await asyncio.gather(ended, return_exceptions=True)
    status = process.returncode
    if status:
        why = f"was killed by signal {-status}" if status < 0 else f"exited with status {status}"
        raise ToolFailed(cause(err.decode("utf-8", "replace")) or f"{name} {why}")
    return out.decode("utf-8", "replace")


async def remove(path: str) -> None:
    """Nothing of it is left, but for what is mounted there; failing that, it is logged and tried at the next start."""
    if not os.path.lexists(path):
        return
    try:
        await run("rm", "-rf", "--one-file-system", "--", path, timeout_s=REMOVE_TIMEOUT_S)
    except ToolFailed as error:
        log.warning("not removed", path=path, why=str(error))


async def _start(argv: tuple[str, ...], cwd: str, env: Mapping[str, str] | None) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *argv, cwd=cwd, env=env, start_new_session=True, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def _watched(ended: asyncio.Future[tuple[bytes, bytes]], watch: Watch | None) -> tuple[bytes, bytes]:
    while watch is not None and not ended.done():
        why = watch()
        if why is not None:
            raise ToolFailed(why)
        await asyncio.wait({ended}, timeout=WATCH_S)
    return await asyncio.shield(ended)


async def _ended(process: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
    assert process.stdout is not None and process.stderr is not None
    out, err, _ = await asyncio.gather(_read(process.stdout), _read(process.stderr), process.wait())
    return out, err


async def _read(stream: asyncio.StreamReader) -> bytes:
    kept = b""
    while chunk := await stream.read(OUTPUT_MAX):
        kept = (kept + chunk)[-OUTPUT_MAX:]
    return kept


async def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(KILL_TIMEOUT_S):
                await process.wait()
