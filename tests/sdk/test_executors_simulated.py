"""Executors of the SDK, unmodified, in the simulator: they outlive their agents, and their tasks are told right."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from mesos_py import sdk
from mesos_py.sdk.testing import Cluster, simulated
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.ids import ExecutorID

seeds = pytest.mark.parametrize("seed", range(3))


class Sleeper(sdk.Executor):
    """Each task sleeps for as many seconds as its data says; 13 is too many."""

    async def run_task(self, task: sdk.TaskInfo) -> None:
        amount = float(task.data or b"0")
        await asyncio.sleep(amount)
        if amount == 13:
            raise ValueError("thirteen")
        print(task.task_id, "slept well")


class Sleeps(sdk.Scheduler):
    """Three tasks in one executor; over when all have ended."""

    amounts: Sequence[str] = ("30", "40", "13")

    async def on_offers(self, offers: Sequence[sdk.Offer]) -> None:
        executor = ExecutorInfo(
            type=ExecutorInfo.Type.CUSTOM, executor_id=ExecutorID("sleeper"), resources=sdk.resources(cpus=0.1, mem=32),
        )  # fmt: skip
        tasks = [
            sdk.evolve(sdk.command(f"for-{amount}", "", task_id=f"for-{amount}"), command=None, executor=executor,
                       data=amount.encode())
            for amount in self.amounts
        ]  # fmt: skip
        await self.launch(offers[0], tasks)
        self.wants_offers = False

    async def on_update(self, status: sdk.TaskStatus) -> None:
        print(status.task_id, status.state.name, status.message or "")
        if len(self.tasks) == 3 and all(task.has_ended for task in self.tasks.values()):
            await self.teardown()


def cluster_of(seed: int) -> Cluster:
    return Cluster(agents=1, seed=seed, executors=lambda info: Sleeper)


@seeds
@simulated
async def test_calm(seed: int) -> None:
    """A coroutine that returns is a task that has finished, one that raises one that has failed."""
    async with cluster_of(seed) as cluster:
        program = cluster.start(Sleeps)
        await cluster.until(lambda: program.has_ended)
        said = program.output.getvalue()
        assert said.count("TASK_FINISHED") == 2 and "for-13 TASK_FAILED ValueError: thirteen" in said
        assert cluster.executor_output.getvalue().count("slept well") == 2


@seeds
@simulated
async def test_f09_the_agent_is_restarted(seed: int) -> None:
    """The executor waits for it and goes on; ends that came meanwhile are told afterwards."""
    async with cluster_of(seed) as cluster:
        program = cluster.start(Sleeps)
        await cluster.until(lambda: len(cluster.running.get("a0", ())) == 3)
        cluster.inject("restart agent", "a0", for_s=35.0)
        await cluster.until(lambda: program.has_ended, within_s=200.0)
        said = program.output.getvalue()
        assert said.count("TASK_FINISHED") == 2 and said.count("TASK_FAILED") == 1
        assert "for-13 TASK_FAILED ValueError: thirteen" in said


@seeds
@simulated
async def test_a_task_that_is_killed(seed: int) -> None:
    """Its coroutine is cancelled; the others go on."""
    async with cluster_of(seed) as cluster:
        program = cluster.start(Sleeps)
        await cluster.until(lambda: len(cluster.running.get("a0", ())) == 3)
        scheduler = program.scheduler
        assert scheduler is not None
        kill = sdk.Call.Kill(task_id=next(iter(scheduler.tasks)))
        program.call(sdk.Call.Type.KILL, kill=kill)
        await cluster.until(lambda: program.has_ended, within_s=100.0)
        said = program.output.getvalue()
        assert (said.count("TASK_KILLED"), said.count("TASK_FINISHED")) == (1, 1)


@simulated
async def test_an_agent_that_does_not_come_back() -> None:
    """The executor ends by itself after its recovery timeout; nothing of it runs on."""
    async with Cluster(agents=1, executors=lambda info: Sleeper, settles=False) as cluster:
        cluster.start(lambda: Sleeps(amounts=("5000", "6000", "7000")))
        await cluster.until(lambda: len(cluster.running.get("a0", ())) == 3)
        cluster.world.agents["a0"].kill()
        await asyncio.sleep(14 * 60)
        assert cluster.running
        await asyncio.sleep(3 * 60)
        assert cluster.running == {}
