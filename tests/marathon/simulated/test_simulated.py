"""Marathon on simulated clusters with faults: I13 holds at every event, and what runs is what is defined in the end.

F17 (killed and started again), F20 (two at once), F23 (stalled), F24 to F27 (races with agents and masters, which the
simulated network makes all the time), F35 (a deployment that is interrupted anywhere).
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions.paths import PathId
from mesos_py.sdk.testing import Cluster, Fate, simulated
from mesos_py.sdk.testing.loop import run_simulated
from mesos_py.sim.faults import KINDS
from mesos_py.wire.task import TaskInfo
from tests.marathon.simulated.running import Running, until_killed

WEB = {"cpus": 0.1, "mem": 16, "cmd": "sleep"}
CHECKED = {"healthChecks": [{"protocol": "HTTP", "intervalSeconds": 2, "gracePeriodSeconds": 30, "timeoutSeconds": 1}]}


def checked(**fields: Any) -> dict[str, Any]:
    return {"id": "/web", **WEB, **CHECKED, **fields}


@simulated
async def test_calm() -> None:
    """Created, changed, scaled, removed; each deployment ends, and what is defined runs."""
    async with Cluster(agents=3, outcomes=until_killed) as cluster:
        running = Running(cluster)
        reply = await running.put(checked(instances=4), {"id": "/plain", **WEB})
        assert isinstance(reply, words.Started)
        await cluster.until(lambda: not running.wrongs(), within_s=120)
        await running.put({"id": "/web", "cmd": "other"})
        await cluster.until(lambda: not running.wrongs(), within_s=200)
        assert running.core.kills_of_the_well == 4
        await running.put({"id": "/web", "instances": 2}, {"id": "/plain", "instances": 3})
        await cluster.until(lambda: not running.wrongs(), within_s=120)
        assert sum(map(len, cluster.running.values())) == 5
        await running.ask(words.DeleteApp(PathId("/web")))
        await cluster.until(lambda: not running.wrongs(), within_s=120)
        assert sum(map(len, cluster.running.values())) == 3


FAULTS = [
    {"kind": "restart framework", "host": "f0", "for_s": 3.0}, {"kind": "rival", "host": "f0"},
    {"kind": "stall framework", "host": "f0", "for_s": 20.0}, {"kind": "partition", "host": "f0", "for_s": 40.0},
    {"kind": "restart master", "for_s": 10.0}, {"kind": "partition", "host": "a0", "for_s": 100.0},
    {"kind": "restart agent", "host": "a1", "for_s": 10.0}, {"kind": "lose host", "host": "a2", "for_s": 60.0},
    {"kind": "kill containers", "host": "a0"},
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=[f"{one['kind']} {one.get('host', '')}" for one in FAULTS])
@pytest.mark.parametrize("after_s", [0.3, 4.0])
@simulated
async def test_f35_a_rolling_update_is_interrupted(fault: dict[str, Any], after_s: float) -> None:
    """Soon after it was asked for, or when some of it is done; it ends all the same."""
    async with Cluster(agents=3, masters=3, seed=int(after_s), outcomes=until_killed) as cluster:
        running = Running(cluster)
        strategy = {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0.2}
        await running.put(checked(instances=6, upgradeStrategy=strategy))
        await cluster.until(lambda: not running.wrongs(), within_s=200)
        reply = await running.put({"id": "/web", "cmd": "other"})
        assert isinstance(reply, words.Started)
        began = cluster.now_s
        await cluster.until(lambda: cluster.now_s >= began + after_s)
        cluster.inject(**fault)
        await cluster.until(lambda: cluster.now_s >= began + after_s + fault.get("for_s", 0.0) + 1.0, within_s=200)
        await cluster.until(lambda: not running.wrongs(), within_s=2_000)
        assert running.core.specs[PathId("/web")].version == reply.version  # type: ignore[union-attr]
        assert running.program.errors == [] or fault["kind"] == "rival"


# ---- anything, in any order

STORM_S = 300.0
IDS = ["/a", "/g/b", "/g/c", "/d"]
KINDS_OF_FAULTS = [
    "restart framework", "rival", "stall framework", "partition", "cut to", "cut from", "reset", "clog",
    "restart master", "restart agent", "lose host", "kill containers", "stop agent", "reboot host",
]  # fmt: skip


class Storm:
    """Random calls of users, random faults, tasks of all kinds."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(f"storm {seed}")
        self.is_over = False
        #: apps at which a deployment was stopped, or cut short by one that only changes numbers: instances of former
        #: versions may stay, as Marathon has it
        self.mixed: set[PathId] = set()

    def outcome(self, task: TaskInfo) -> Fate:
        """One in eight ends by itself; some are slow to start, one in forty cannot be started."""
        rng = self.rng
        if self.is_over:
            return Fate()
        return Fate(
            launch=rng.choice([0.1, 0.1, 0.5, 5.0]), run=rng.choice([None] * 7 + [rng.uniform(1, 60)]),
            exit=rng.randrange(2), fail=int(rng.random() < 0.025), ignores=rng.choice([0, 0, 0, 15]),
        )  # fmt: skip

    async def call(self, running: Running) -> None:
        """Something that people do; refusals are answers, too."""
        rng = self.rng
        id = rng.choice(IDS)
        force = rng.random() < 0.4
        core = running.core
        match rng.randrange(10):
            case 0 | 1 | 2:
                await running.put(self._app(id), force=force, partial=False)
            case 3:
                self._cut_short(running, force)
                await running.put({"id": id, "instances": rng.randrange(6)}, force=force)
            case 4:
                await running.put({"id": id, "cmd": f"c{rng.randrange(100)}", "cpus": 0.1}, force=force)
            case 5:
                await running.ask(words.RestartApp(PathId(id), force=force))
            case 6:
                await running.ask(words.DeleteApp(PathId(id), force=force))
            case 7 if core.instances:
                self._cut_short(running, force)
                some = tuple(rng.sample(sorted(core.instances), min(2, len(core.instances))))
                await running.ask(words.KillInstances(some, scale=rng.random() < 0.3, force=force))
            case 8 if core.locked:
                deployment = rng.choice(sorted(core.locked.values()))
                if force:
                    self.mixed.update(one for one, by in core.locked.items() if by == deployment)
                await running.ask(words.CancelDeployment(deployment, force=force))
            case 9:
                running.sick = {task for tasks in cluster_tasks(running) for task in tasks if rng.random() < 0.1}

    def _cut_short(self, running: Running, force: bool) -> None:
        if force:
            self.mixed.update(running.core.locked)

    def _app(self, id: str) -> dict[str, Any]:
        rng = self.rng
        made = {
            **WEB, "id": id, "instances": rng.randrange(6), "cmd": f"c{rng.randrange(100)}",
            "upgradeStrategy": {"minimumHealthCapacity": rng.choice([0, 0.5, 0.75, 1]),
                                "maximumOverCapacity": rng.choice([0, 0.25, 1])},
            "backoffSeconds": rng.choice([0, 1]), "maxLaunchDelaySeconds": 20,
        }  # fmt: skip
        if rng.random() < 0.5:
            made |= CHECKED
        if rng.random() < 0.3:
            made["unreachableStrategy"] = {"inactiveAfterSeconds": 5, "expungeAfterSeconds": rng.choice([5, 30])}
        if rng.random() < 0.2 and id != "/a":
            made["dependencies"] = ["/a"]
        return made

    def fault(self) -> dict[str, Any]:
        rng = self.rng
        kind = rng.choice(KINDS_OF_FAULTS)
        on = KINDS[kind].on
        hosts = {"framework": ["f0"], "master": ["leader"], "agent": ["a0", "a1", "a2"], "host": ["a0", "a1", "f0"]}
        durations = KINDS[kind].durations_s
        return {"kind": kind, "host": rng.choice(hosts[on]), "for_s": min(60.0, rng.choice(durations or (0.0,))),
                "draw": rng.random()}  # fmt: skip


def cluster_tasks(running: Running) -> list[list[str]]:
    return list(running.cluster.running.values())


async def storm(seed: int) -> Running:
    """A storm, and the calm after it. Raises AssertionError."""
    made = Storm(seed)
    rng = made.rng
    masters = rng.choice([1, 3])
    async with Cluster(agents=3, masters=masters, seed=seed, outcomes=made.outcome, settles=False) as cluster:
        running = Running(cluster)
        await cluster.until(running.is_ready)
        while cluster.now_s < STORM_S:
            until = cluster.now_s + rng.expovariate(1 / 8)
            if rng.random() < 0.35:
                cluster.inject(**made.fault())
            else:
                await made.call(running)
            await cluster.until(lambda: cluster.now_s >= until, within_s=1_000)  # noqa: B023
        running.sick = set()
        cluster.world.heal()
        made.is_over = True
        await calm(cluster, running, made)
        assert [error for error in running.program.errors if isinstance(error, AssertionError)] == []
        return running


async def calm(cluster: Cluster, running: Running, made: Storm) -> None:
    """Nobody asks for anything; what fails is launched again, until everything is as it is defined, for a while."""
    end, clear = cluster.now_s + 3_000.0, 0
    while clear < 3:
        began = cluster.now_s
        await cluster.until(lambda: cluster.now_s >= began + 5.0)  # noqa: B023
        clear = 0 if running.wrongs([*made.mixed]) else clear + 1
        assert cluster.now_s < end, f"not as defined after {end:g} s\n{running.stands()}"


@pytest.mark.parametrize("seed", range(6))
def test_storms(seed: int) -> None:
    """Whatever comes in whatever order."""
    running = run_simulated(storm(seed), seed)
    assert running.core.launches > 0
