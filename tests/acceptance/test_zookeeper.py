"""Real processes on a real ZooKeeper: the leading master is killed, and nobody who asks notices for long."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from mesos_py.coordination.address import parse_address
from tests.coordination.arenas import ZooKeeperArena
from tests.coordination.conftest import address, zookeeper  # noqa: F401 - fixtures
from tests.coordination.ensemble import Ensemble

pytestmark = [pytest.mark.acceptance, pytest.mark.zk, pytest.mark.xdist_group("zookeeper")]

ROOT = Path(__file__).parents[2]
WAIT_S = 60


@contextmanager
def program(*words: str) -> Iterator[subprocess.Popen[str]]:
    """``mesos-py WORDS``, once it has said that it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mesos_py", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready http://")
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mesos_py", *words],
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
        cwd=ROOT,
    )


async def agents(zk: str, count: int) -> list[str]:
    """Ids of the registered agents, once there are so many, asked of whoever leads."""
    async with asyncio.timeout(WAIT_S):
        while True:
            asked = await asyncio.to_thread(run, "agents", f"--master={zk}", "--json")
            if asked.returncode == 0 and len(found := json.loads(asked.stdout)) == count:
                return [agent["agent_info"]["id"]["value"] for agent in found]
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
async def test_the_leader_is_lost(zookeeper: Ensemble, tmp_path: Path, how: signal.Signals) -> None:  # noqa: F811
    """F01, F03: the agent is registered with the next leader under its id, and tasks run again; the old one ends."""
    zk = f"zk://{zookeeper.hosts}/acceptance/{how.name.lower()}"
    assert run("agents", f"--master={zk}").returncode == 69
    master = ("master", "--port=0", f"--zk={zk}", "--zk_session_timeout=5secs")
    with ExitStack() as stack:
        first = stack.enter_context(program(*master))
        stack.enter_context(
            program("agent", f"--master={zk}", "--port=0", f"--work_dir={tmp_path}", f"--runtime_dir={tmp_path}/run",
                    "--resources=cpus:2;mem:256", "--registration_backoff_factor=0secs")
        )
        before = await agents(zk, 1)
        stack.enter_context(program(*master))
        ran = await asyncio.to_thread(run, "run", f"--master={zk}", "--", "echo", "one")
        assert (ran.returncode, ran.stdout) == (0, "one\n")
        arena = ZooKeeperArena(parse_address(zk))  # type: ignore[arg-type]
        watcher = await arena.watcher()
        old = await watcher.next()
        first.send_signal(how)
        while await watcher.next() in (None, old):
            pass
        await arena.close()
        if how is signal.SIGSTOP:
            first.send_signal(signal.SIGCONT)
            assert await asyncio.to_thread(first.wait, WAIT_S) == 1
        assert await agents(zk, 1) == before
        ran = await asyncio.to_thread(run, "run", f"--master={zk}", "--", "echo", "two")
        assert (ran.returncode, ran.stdout) == (0, "two\n")
