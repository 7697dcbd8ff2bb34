"""Storms: users who ask for anything, tasks of all kinds, and faults, in any order; and the calm after them."""

from __future__ import annotations

from random import Random
from typing import Any

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions.groups import read_update
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import read_pod
from mesos_py.sdk.testing import Cluster, Fate
from mesos_py.sim.faults import KINDS
from mesos_py.wire.task import TaskInfo
from tests.marathon.simulated.running import CHECKED, WEB, Running

STORM_S = 300.0
IDS, PODS = ["/a", "/g/b", "/g/c", "/d"], ["/p", "/g/q"]
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
        match rng.randrange(14):
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
            case 10 | 11:
                pod = self._pod(rng.choice(PODS))
                await running.ask(words.PutPod(pod, must_be_new=PathId(pod.id) not in core.specs, force=force))
            case 12 if rng.random() < 0.5:
                await running.ask(words.DeletePod(PathId(rng.choice(PODS)), force=force))
            case 13:
                self._cut_short(running, force)
                update = read_update({"scaleBy": rng.choice([0.5, 1, 1.5])})
                await running.ask(words.PutGroup(PathId("/g"), update, force=force))
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

    def _pod(self, id: str) -> Any:
        rng = self.rng
        containers = [{"name": name, "exec": {"command": {"shell": f"c{rng.randrange(100)}"}},
                       "resources": {"cpus": 0.1, "mem": 16}} for name in rng.choice([["x"], ["x", "y"]])]  # fmt: skip
        upgrade = {"minimumHealthCapacity": rng.choice([0, 0.5, 1]), "maximumOverCapacity": rng.choice([0, 1])}
        return read_pod({
            "id": id, "containers": containers, "scaling": {"kind": "fixed", "instances": rng.randrange(4)},
            "scheduling": {"upgrade": upgrade, "backoff": {"backoff": 0, "maxLaunchDelay": 20}},
        })  # fmt: skip

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
