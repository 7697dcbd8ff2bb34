"""The whole framework on simulated clusters with faults: no job is lost, no task is run twice that was not lost.

And the checker of Jepsen's test of Chronos (aphyr/jepsen chronos/src/jepsen/chronos/checker.clj, in its meaning): each
time of a schedule is a *target*, a span in which a run must begin; runs are matched to targets, one to one.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from frameworks.batch import words
from frameworks.batch.core import Habits
from frameworks.batch.entry import parsed
from frameworks.batch.fields import read
from frameworks.batch.job import Submission
from frameworks.batch.schedule import Schedule
from frameworks.batch.shell.program import BatchScheduler
from mesos_py.machine.problem import Problem
from mesos_py.machine.values import SECOND
from mesos_py.sdk.testing import Cluster, Fate, Program, simulated
from mesos_py.wire.task import TaskInfo

SETTINGS = {"habits": Habits(refuse_s=5.0)}
RETRY = {"retry": {"max": 5, "delay_s": 1}}


def batch() -> BatchScheduler:
    return BatchScheduler(**SETTINGS)


def minute(task: TaskInfo) -> Fate:
    return Fate(run=60.0)


class Running:
    """A program in a cluster, and what is asked of it."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.program: Program = cluster.start(batch)

    @property
    def scheduler(self) -> BatchScheduler:
        assert isinstance(self.program.scheduler, BatchScheduler)
        return self.program.scheduler

    async def ask(self, body: object) -> Any:
        """As somebody at its console would."""
        return await self.cluster.ask(self.program, body)

    def is_ready(self) -> bool:
        scheduler = self.program.scheduler
        return self.program.is_up and isinstance(scheduler, BatchScheduler) and scheduler.has_begun

    async def submit(self, *jobs: dict[str, Any]) -> Any:
        base = {"command": "x", "resources": {"cpus": 1, "mem": 32}}
        made = read(Submission, {"jobs": [{**base, **job} for job in jobs]})
        return await self.ask(words.Submit(made))

    def are_over(self) -> bool:
        return self.is_ready() and all(entry.end is not None for entry in self.scheduler.core.entries.values())

    def states(self) -> dict[str, str]:
        return {entry.name: entry.state for entry in self.scheduler.core.entries.values()}


@simulated
async def test_calm() -> None:
    """A graph with an array in it, in its order."""
    async with Cluster(agents=2) as cluster:
        running = Running(cluster)
        assert await running.submit(
            {"name": "a", "array": "1-20%6"}, {"name": "b", "depends": [{"job": "a"}]},
            {"name": "g", "gang": 6, "depends": [{"job": "b"}]},
        ) == ("a", "b", "g")  # fmt: skip
        await cluster.until(running.are_over, within_s=600)
        assert running.states() == {"a": "succeeded", "b": "succeeded", "g": "succeeded"}
        assert len(running.program.book) == 27


FAULTS = [
    {"kind": "restart master", "for_s": 20.0}, {"kind": "stop master", "for_s": 30.0},
    {"kind": "restart framework", "host": "f0", "for_s": 5.0}, {"kind": "partition", "host": "a0", "for_s": 30.0},
    {"kind": "restart agent", "host": "a1", "for_s": 10.0}, {"kind": "lose host", "host": "a2", "for_s": 60.0},
    {"kind": "partition", "host": "f0", "for_s": 40.0}, {"kind": "stall framework", "host": "f0", "for_s": 20.0},
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=[f"{one['kind']} {one.get('host', '')}" for one in FAULTS])
@pytest.mark.parametrize("seed", range(2))
@simulated
async def test_faults(fault: dict[str, Any], seed: int) -> None:
    """Everything succeeds; only what was on a host that was lost or out of reach is run twice."""
    async with Cluster(agents=3, masters=3, seed=seed, outcomes=minute) as cluster:
        running = Running(cluster)
        await running.submit({"name": "a", "array": "1-30", **RETRY}, {"name": "g", "gang": 5, **RETRY})
        await cluster.until(lambda: len(cluster.running) == 3)
        cluster.inject(**fault)
        await cluster.until(running.are_over, within_s=3_000)
        assert running.states() == {"a": "succeeded", "g": "succeeded"}
        attempts = Counter(parsed(task_id)[:2] for task_id in running.program.book)
        assert len(attempts) == 35
        if fault["kind"] in ("restart master", "stop master", "restart framework", "stall framework"):
            assert {*attempts.values()} == {1}
        assert running.program.errors == []


@pytest.mark.parametrize("seed", range(4))
@simulated
async def test_a_framework_that_is_killed_while_it_is_told_loses_nothing_it_has_taken(seed: int) -> None:
    """Whatever it has replied to is there afterwards; whatever it has not is there whole or not at all."""
    async with Cluster(agents=2, seed=seed) as cluster:
        running = Running(cluster)
        taken: list[str] = []
        for number in range(12):
            cluster.inject("restart framework", "f0", for_s=0.5, draw=(seed + number % 3) / 10)
            reply = await running.submit({"name": f"{number}.a"}, {"name": f"{number}.b", "array": "1-3"})
            if reply is not None:
                assert not isinstance(reply, Problem) or reply.kind == 409
                taken.append(f"{number}.a")
        await cluster.until(running.are_over, within_s=1_000)
        states = running.states()
        assert {*taken} <= states.keys() and len(taken) >= 1
        assert {*states.values()} == {"succeeded"}
        assert {name for name in states if name.endswith("b")} == {f"{name[:-1]}b" for name in states}


# ---- targets and runs

LATE_S = 60.0
FORGIVENESS_S = 5.0  # Jepsen's: clocks and queues


def unmatched(targets: list[float], begun: list[float], late_s: float) -> list[float]:
    """Targets for which no run of their own has begun in time. Spans of equal length, so that giving each run to the
    earliest target that may have it is best."""
    runs, missing = sorted(begun), []
    for target in sorted(targets):
        while runs and runs[0] < target:
            runs.pop(0)
        if runs and runs[0] <= target + late_s:
            runs.pop(0)
        else:
            missing.append(target)
    return missing


def test_the_checker_itself() -> None:
    """It finds what is missing and forgives what is late."""
    assert unmatched([0, 10, 20], [1, 12, 29], 10) == []
    assert unmatched([0, 10, 20], [1, 29], 10) == [10]
    assert unmatched([0, 10], [9.5], 10) == [10]
    assert unmatched([0], [-1], 10) == [0]


@pytest.mark.parametrize("seed", range(3))
@simulated
async def test_f39_every_target_is_met_while_the_network_is_cut_again_and_again(seed: int) -> None:
    """60 s split every 120 s, as Jepsen does: agents, the framework, the leading master are on the small side by turns.

    Times at which there was nobody who could begin are made up for (``missed: all``), within what the cut has taken.
    """
    begun: dict[str, float] = {}
    async with Cluster(agents=4, masters=3, seed=seed, outcomes=lambda task: Fate(run=5.0)) as cluster:
        running = Running(cluster)
        start = cluster.now_s
        schedule = {
            "name": "tick", "interval": "R10//PT1M", "overlap": "allow", "missed": "all", "keep_runs": 100,
            "jobs": [{"name": "j", "command": "x", "resources": {"cpus": 1, "mem": 32}, **RETRY}],
        }  # fmt: skip
        assert await running.ask(words.PutSchedule(read(Schedule, schedule))) is None
        start = cluster.now_s
        sides = ["a0", "f0", "a1", "leader", "a2"]
        for side in sides:
            cluster.inject("partition", *([] if side == "leader" else [side]), for_s=60.0)
            end = cluster.now_s + 120.0
            await cluster.until(lambda end=end: cluster.now_s >= end, within_s=200.0)
        await cluster.until(running.are_over, within_s=1_000)
        for task_id, record in running.program.book.items():
            name = parsed(task_id)[0]
            begun[name] = min(begun.get(name, float("inf")), record.launched_at / SECOND)
        targets = [start + 60.0 * number for number in range(10)]
        assert unmatched([one - FORGIVENESS_S for one in targets], list(begun.values()), LATE_S + 120.0) == []
        assert len(running.states()) == 10 and {*running.states().values()} == {"succeeded"}
        assert running.scheduler.core.plans["tick"].skipped == 0
