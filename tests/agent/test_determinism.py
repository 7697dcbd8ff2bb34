"""I15: the same events and the same seed give the same frames, whatever the hash seed of the process."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from mesos_py.agent import events
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.wire import executor_api, internal
from mesos_py.wire.ids import ExecutorID
from tests.agent.world import FRAMEWORK_ID, TASK_KILLING_STATE, World, custom_task, framework, task

ROOT = Path(__file__).resolve().parents[2]


class Recording(World):
    """Keeps what reached the core and what came of it."""

    def __init__(self) -> None:
        self.recorded: list[tuple[Event, Nanos, str]] = []
        super().__init__(seed=7)

    def apply(self, kind: Any, body: Any = None, peer: str | None = None) -> Frame:
        frame = super().apply(kind, body, peer)
        self.recorded.append((Event(kind, body, peer), self.now, repr(frame)))
        return frame


def story() -> Recording:
    """A bit of everything."""
    world = Recording()
    by = framework(checkpoint=True, capabilities=(TASK_KILLING_STATE,))
    for number in range(5):
        world.run(task(f"command-{number}"), by=by)
        world.launched(world.executor(f"command-{number}").container_id)
    world.run_group([task("a"), task("b"), task("c")], by=by)
    for container_id in list(world.agent.state.nested):
        world.launched(container_id)
    world.run(custom_task("custom", "x"), by=by)
    world.call(executor_api.Call.Subscribe(), executor_id="x")
    world.kill("b")
    world.advance(4 * SECOND)
    world.tell(events.MasterLost("master-1"))
    world.exited(0, world.executor("command-3").container_id)
    world.tell(events.MasterConnected("master-1", "127.0.0.1:5050"))
    world.advance(30 * SECOND)
    world.master(internal.AgentReregistered(agent_id="m-S0", total_ping_timeout_seconds=75.0))  # type: ignore[arg-type]
    world.master(internal.ShutdownExecutor(framework_id=FRAMEWORK_ID, executor_id=ExecutorID("x")))
    world.advance(10 * SECOND)
    world.acknowledge_all()
    world.master(internal.ShutdownFramework(framework_id=FRAMEWORK_ID))
    world.advance(10 * SECOND)
    return world


def digest() -> str:
    return hashlib.sha256("\n".join(frame for _, _, frame in story().recorded).encode()).hexdigest()


def test_replaying_gives_the_same_frames() -> None:
    """A recorded run, applied to a fresh core."""
    recorded = story().recorded
    fresh = World(registered=False, seed=7).agent
    for event, now, frame in recorded:
        assert repr(fresh.apply(event, now)) == frame


def test_hash_seeds_change_nothing() -> None:
    """Sets of strings iterate differently in each process; no frame may show it."""
    program = "from tests.agent.test_determinism import digest; print(digest())"
    digests = set()
    for seed in ("1", "2"):
        env = os.environ | {"PYTHONHASHSEED": seed}
        run = subprocess.run([sys.executable, "-c", program], env=env, cwd=ROOT, capture_output=True, text=True,
                             check=True)  # fmt: skip
        digests.add(run.stdout)
    assert digests == {digest() + "\n"}
