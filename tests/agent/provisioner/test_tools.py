"""Programs that are run: what they say, how they fail, and that nothing of them is left."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import psutil
import pytest

from mesos_py.agent.provisioner.tools import DIE_WITH_US, OUTPUT_MAX, ToolFailed, run

WAIT_S = 60


async def gone(*pids: int) -> None:
    async with asyncio.timeout(WAIT_S):
        while any(_runs(pid) for pid in pids):
            await asyncio.sleep(0.005)


def _runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


async def pids(path: Path, count: int) -> list[int]:
    async with asyncio.timeout(WAIT_S):
        while not path.exists() or len(path.read_text().split()) < count:
            await asyncio.sleep(0.005)
    return [int(word) for word in path.read_text().split()]


async def test_what_a_program_says(tmp_path: Path) -> None:
    said = await run("sh", "-c", 'echo "$A $PWD"', cwd=str(tmp_path), env={"A": "b"}, timeout_s=WAIT_S)
    assert said == f"b {tmp_path}\n"


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (("no-such-program",), "no-such-program cannot be run: No such file or directory"),
        ((*DIE_WITH_US, "no-such-program"), "failed to execute no-such-program: No such file or directory"),
        (("sh", "-c", "echo why >&2; exit 3"), "why"),
        (("sh", "-c", "exit 3"), "sh exited with status 3"),
        (("sh", "-c", "kill -9 $$"), "sh was killed by signal 9"),
        ((*DIE_WITH_US, "sh", "-c", "exit 3"), "sh exited with status 3"),
    ],
)
async def test_failures(argv: tuple[str, ...], text: str) -> None:
    """One sentence, which names the program if it named nothing itself."""
    with pytest.raises(ToolFailed) as caught:
        await run(*argv, timeout_s=WAIT_S)
    assert str(caught.value) == text


async def test_output_is_bounded() -> None:
    """A program that does not stop talking does not fill our memory; its last words are kept."""
    said = await run("sh", "-c", "head -c 10000000 /dev/zero; echo end", timeout_s=WAIT_S)
    assert len(said) == OUTPUT_MAX
    assert said.endswith("end\n")


#: Itself and a child that ignores everything but SIGKILL; then it hangs.
HANGS = "trap '' TERM HUP INT; sleep 1000 & echo $$ $! > pids; wait"


async def test_a_deadline(tmp_path: Path) -> None:
    """The whole tree is gone when it has passed."""
    with pytest.raises(ToolFailed, match=r"^sh has not ended within 2 s$"):
        await run("sh", "-c", HANGS, cwd=str(tmp_path), timeout_s=2)
    await gone(*await pids(tmp_path / "pids", 2))


async def test_cancelling(tmp_path: Path) -> None:
    """The whole tree is gone when nobody wants it any more."""
    task = asyncio.create_task(run("sh", "-c", HANGS, cwd=str(tmp_path), timeout_s=WAIT_S))
    running = await pids(tmp_path / "pids", 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(*running)


async def test_cancelling_at_once(tmp_path: Path) -> None:
    """Also before it has really been started."""
    for turns in range(12):
        path = tmp_path / f"pid{turns}"
        task = asyncio.create_task(run("sh", "-c", f"echo $$ > {path}; sleep 1000", timeout_s=WAIT_S))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        if path.exists() and path.read_text():
            await gone(int(path.read_text()))
    children = psutil.Process().children(recursive=True)
    await gone(*[child.pid for child in children if str(tmp_path) in _line(child)])


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


async def test_a_watch(tmp_path: Path) -> None:
    """It is asked until it objects; then the tree is gone."""
    path = tmp_path / "pids"
    with pytest.raises(ToolFailed, match=r"^enough$"):
        await run(
            "sh", "-c", HANGS, cwd=str(tmp_path), timeout_s=WAIT_S,
            watch=lambda: "enough" if path.exists() and path.read_text().endswith("\n") else None,
        )  # fmt: skip
    await gone(*await pids(path, 2))


async def test_a_killed_agent(tmp_path: Path) -> None:
    """Nobody is left to kill what it ran; the kernel does."""
    program = (
        "import asyncio; from mesos_py.agent.provisioner.tools import *; "
        "asyncio.run(run(*DIE_WITH_US, 'sh', '-c', 'echo $$ > pids; exec sleep 1000', cwd='.', timeout_s=1000))"
    )
    agent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.getcwd()}
    )
    running = await pids(tmp_path / "pids", 1)
    agent.kill()
    await agent.wait()
    await gone(*running)
