"""Nested and standalone containers as real processes, and an agent that is killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.agent.containerizer.harness import is_alive, pid_in, until
from tests.agent.masters import Master
from tests.agent.programs import AgentProgram
from tests.agent.test_server import shell

pytestmark = pytest.mark.xdist_group("restarts")


async def call(agent: AgentProgram, name: str, container_id: dict[str, Any], **fields: Any) -> tuple[int, Any]:
    """Status, and what was said."""
    message = {"type": name, name.lower(): {"container_id": container_id, **fields}}
    async with aiohttp.ClientSession() as client, client.post(f"http://{agent.address}/api/v1", json=message) as said:
        is_json = said.headers.get("Content-Type") == "application/json"
        return said.status, (await said.json())[name.lower()] if is_json else await said.text()


async def test_a_standalone_container_outlives_its_agent(master: Master, agent: AgentProgram, tmp_path: Path) -> None:
    """1 it runs in a sandbox of its own, and so does one nested in it; 2 kill -9, another agent; 3 both end, and go."""
    alone, inner = {"value": "alone"}, {"value": "n", "parent": {"value": "alone"}}
    sandbox = agent.work_dir / "containers" / "alone"
    program = f"env > seen; echo $$ > pid; until [ -e {tmp_path}/go ]; do sleep 0.01; done; exit 7"
    for container_id in (alone, inner):
        said = await call(agent, "LAUNCH_CONTAINER", container_id, command={"value": program})
        assert said == (200, "")
    places = [sandbox, sandbox / "containers" / "n"]
    pids = [await pid_in(place / "pid") for place in places]
    assert f"MESOS_SANDBOX={sandbox}\n" in (sandbox / "seen").read_text()
    await agent.killed()
    await agent.registered()
    assert all(map(is_alive, pids))
    assert await call(agent, "REMOVE_CONTAINER", inner) == (500, "Nested container has not terminated yet")
    (tmp_path / "go").touch()
    assert await call(agent, "WAIT_CONTAINER", alone) == (200, {"exit_status": 7 << 8})
    await until(lambda: not any(map(is_alive, pids)))
    assert await call(agent, "REMOVE_CONTAINER", alone) == (200, "")
    assert not sandbox.exists()
    await until(lambda: agent.kept("containers") == [])  # of the nested one until its own exit has been reported


async def test_a_nested_container_outlives_the_agent_with_its_task(
    master: Master, agent: AgentProgram, tmp_path: Path
) -> None:
    """1 beside a task that is kept; 2 kill -9, another agent; 3 it is killed; 4 the task has noticed nothing."""
    master.run(shell("t", "exec sleep 1000"), checkpoint=True)
    await master.until("t", "RUNNING")
    status = master.updates[-1].container_status
    assert status is not None
    assert status.container_id is not None
    nested = {"value": "n", "parent": {"value": status.container_id.value}}
    program = f"echo $$ > {tmp_path}/pid; exec sleep 1000"
    assert await call(agent, "LAUNCH_NESTED_CONTAINER", nested, command={"value": program}) == (200, "")
    pid = await pid_in(tmp_path / "pid")
    await agent.killed()
    await agent.registered()
    assert is_alive(pid)
    assert await call(agent, "LAUNCH_NESTED_CONTAINER", nested) == (202, "")
    assert await call(agent, "KILL_NESTED_CONTAINER", nested) == (200, "")
    assert await call(agent, "WAIT_NESTED_CONTAINER", nested) == (200, {"exit_status": 9})
    assert await call(agent, "REMOVE_NESTED_CONTAINER", nested) == (200, "")
    master.kill("t")
    assert await master.until("t", "KILLED") == ["STARTING", "RUNNING", "KILLED"]
