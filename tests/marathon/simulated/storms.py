"""Storms: users who ask for anything, tasks of all kinds, and faults, in any order; and the calm after them."""

from __future__ import annotations

from random import Random
from typing import Any

from mesos_py.machine.values import seconds
from mesos_py.sdk.testing import Cluster, Fate
from mesos_py.sim.faults import KINDS
from mesos_py.wire.task import TaskInfo
from tests.marathon.simulated.running import Running
from tests.marathon.simulated.users import Users

STORM_S = 300.0
CALM_S = 3_000.0
PATIENCE_S = 1_000.0  # of users, in the calm
KINDS_OF_FAULTS = [
    "restart framework", "rival", "stall framework", "partition", "cut to", "cut from", "reset", "clog",
    "restart master", "restart agent", "lose host", "kill containers", "stop agent", "reboot host",
]  # fmt: skip


class Storm:
    """Random faults, tasks of all kinds."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(f"storm {seed}")
        self.is_over = False

    def outcome(self, task: TaskInfo) -> Fate:
        """One in eight ends by itself; some are slow to start, one in forty cannot be started."""
        rng = self.rng
        if self.is_over:
            return Fate()
        return Fate(
            launch=rng.choice([0.1, 0.1, 0.5, 5.0]), run=rng.choice([None] * 7 + [rng.uniform(1, 60)]),
            exit=rng.randrange(2), fail=int(rng.random() < 0.025), ignores=rng.choice([0, 0, 0, 15]),
        )  # fmt: skip

    def fault(self) -> dict[str, Any]:
        rng = self.rng
        kind = rng.choice(KINDS_OF_FAULTS)
        on = KINDS[kind].on
        hosts = {"framework": ["f0"], "master": ["leader"], "agent": ["a0", "a1", "a2"], "host": ["a0", "a1", "f0"]}
        durations = KINDS[kind].durations_s
        return {"kind": kind, "host": rng.choice(hosts[on]), "for_s": min(60.0, rng.choice(durations or (0.0,))),
                "draw": rng.random()}  # fmt: skip

    def oversleep(self, cluster: Cluster, running: Running) -> None:
        """F03: who leads is stopped, another one takes over, and the first one wakes up and believes that it leads."""
        program, process = running.program, running.program.process
        if program.is_up and process is not None:
            process.stop()
            program.rival()
            cluster.world.loop.call_in(seconds(self.rng.choice([1.0, 20.0])), cluster.world.net.go_on, process)


async def storm(seed: int) -> Running:
    """A storm, and the calm after it. Raises AssertionError."""
    made = Storm(seed)
    rng = made.rng
    masters = rng.choice([1, 3])
    async with Cluster(agents=3, masters=masters, seed=seed, outcomes=made.outcome, settles=False) as cluster:
        running = Running(cluster)
        users = Users(rng, running)
        await cluster.until(running.is_ready)
        while cluster.now_s < STORM_S:
            until = cluster.now_s + rng.expovariate(1 / 8)
            chance = rng.random()
            if chance < 0.03:
                made.oversleep(cluster, running)
            elif chance < 0.35:
                cluster.inject(**made.fault())
            else:
                await users.call()
            await cluster.until(lambda: cluster.now_s >= until, within_s=1_000)  # noqa: B023
        running.sick = set()
        cluster.world.heal()
        made.is_over = True
        await calm(cluster, running, users)
        assert [error for error in running.program.errors if isinstance(error, AssertionError)] == []
        return running


async def calm(cluster: Cluster, running: Running, users: Users) -> None:
    """Nobody asks for anything new; what fails is launched again, until everything is as it is defined, for a while.
    What waits for people is not kept waiting."""
    end, clear = cluster.now_s + CALM_S, 0
    patient_until = cluster.now_s + PATIENCE_S
    while clear < 3:
        began = cluster.now_s
        await cluster.until(lambda: cluster.now_s >= began + 5.0)  # noqa: B023
        if running.is_ready():
            await users.approve()
            if cluster.now_s > patient_until:
                await users.give_up()
        clear = 0 if running.wrongs([*running.stopped]) else clear + 1
        assert cluster.now_s < end, f"not as defined after {end:g} s\n{running.stands()}"
