"""Simulated clusters for tests of frameworks: what is judged, what programs are, and that a seed is a run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from mesos_py import sdk
from mesos_py.sdk.testing import Cluster, Fate, NotSettled, simulated
from mesos_py.sdk.testing.loop import run_simulated
from mesos_py.wire.task import TaskInfo


class Keeper(sdk.Scheduler):
    """Keeps three tasks running."""

    async def on_offers(self, offers: Sequence[sdk.Offer]) -> None:
        missing = 3 - sum(not task.has_ended for task in self.tasks.values())
        for offer in offers:
            await self.launch(offer, [sdk.command("kept", "run", cpus=1.0) for _ in range(missing)])
            missing = 3 - sum(not task.has_ended for task in self.tasks.values())


def lasting(task: TaskInfo) -> Fate:
    return Fate()


async def trial(seed: int) -> tuple[str, list[str]]:
    async with Cluster(masters=3, agents=5, seed=seed, outcomes=lasting) as cluster:
        program = cluster.start(Keeper)
        await cluster.until(lambda: sum(map(len, cluster.running.values())) == 3)
        cluster.inject("restart master", for_s=30.0)
        cluster.inject("reboot host", next(iter(cluster.running)), for_s=10.0)
        await asyncio.sleep(400.0)
        return cluster.digest, list(program.book)


def test_a_seed_is_a_run() -> None:
    """Equal seeds, equal runs to the last event; another seed is another run."""
    first, again, other = (run_simulated(trial(seed), seed) for seed in (7, 7, 8))
    assert first == again != other
    assert len(first[1]) > 3, "what was lost was replaced"


@simulated
async def test_an_hour_passes_at_once() -> None:
    """Virtual time moves when nothing else happens."""
    async with Cluster(outcomes=lasting) as cluster:
        cluster.start(Keeper)
        await asyncio.sleep(3_600.0)
        assert cluster.now_s == pytest.approx(3_600.0)
        assert sum(map(len, cluster.running.values())) == 3


@simulated
async def test_programs_are_processes() -> None:
    """Stopped, one does nothing; killed, it is gone without a word; started, it finds what was kept."""
    async with Cluster(outcomes=lasting) as cluster:
        program = cluster.start(Keeper)
        await cluster.until(lambda: program.subscribed and len(program.book) == 3)
        program.stop()
        await asyncio.sleep(10.0)
        program.go_on()
        program.crash()
        assert not program.subscribed
        program.start()
        await cluster.until(lambda: program.subscribed)
        assert program.scheduler is not None and len(program.scheduler.tasks) == len(program.book) == 3


class Broken(Keeper):
    """Fails in a handler."""

    async def on_update(self, status: sdk.TaskStatus) -> None:
        raise ValueError("no idea what to do")


@simulated
async def test_a_program_that_fails_is_started_again() -> None:
    """And says why it has failed."""
    async with Cluster(settles=False) as cluster:
        program = cluster.start(Broken)
        await cluster.until(lambda: len(program.errors) >= 3)
        assert {str(error) for error in program.errors} == {"no idea what to do"}
        assert "no idea what to do" in cluster.story()


class Forgetful(Keeper):
    acknowledges = False


@simulated
async def test_debts_are_found_at_the_end() -> None:
    """Whoever never acknowledges owes something, whatever else is well."""
    with pytest.raises(NotSettled, match="is owed an acknowledgement"):
        async with Cluster(outcomes=lasting) as cluster:
            program = cluster.start(Forgetful)
            await cluster.until(lambda: len(program.book) == 3)


@simulated
async def test_what_does_not_become_true() -> None:
    """Says how things stand instead."""
    async with Cluster(settles=False) as cluster:
        with pytest.raises(AssertionError, match="still not so after 5 virtual seconds\nseed 0"):
            await cluster.until(lambda: False, within_s=5.0)


async def test_a_cluster_needs_a_simulated_loop() -> None:
    """On a real one it says what is missing."""
    with pytest.raises(RuntimeError, match="@simulated"):
        async with Cluster():
            pass
