"""Whatever happens in whatever order: when all is well again, what runs is what is defined.

People change, scale, restart, delete, kill and cancel; tasks end; agents go, come back, and come back without their
tasks; updates are lost, repeated and out of order; nobody listens for a while; and the framework is killed at any word.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions import legacy
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import read_pod
from frameworks.marathon_py.deployments.plan import is_replaced
from frameworks.marathon_py.instances.instance import Goal
from mesos_py.machine.values import SECOND
from mesos_py.wire.ids import TaskID
from mesos_py.wire.task import TaskState
from tests.marathon.app_of import SETTINGS
from tests.marathon.world import ENDS, world_of

ENDINGS = sorted(ENDS, key=lambda one: one.name)
STRATEGIES: tuple[Any, ...] = (
    "disabled", {"inactiveAfterSeconds": 0, "expungeAfterSeconds": 0},
    {"inactiveAfterSeconds": 30, "expungeAfterSeconds": 90}, {"inactiveAfterSeconds": 50, "expungeAfterSeconds": 50},
)  # fmt: skip
CHECKS: tuple[Any, ...] = ([], [{"protocol": "TCP", "intervalSeconds": 5, "gracePeriodSeconds": 0, "portIndex": 0}])
UPGRADES: tuple[Any, ...] = (
    {}, {"upgradeStrategy": {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0}},
    {"upgradeStrategy": {"minimumHealthCapacity": 1, "maximumOverCapacity": 0}},
)  # fmt: skip


class Chaos:
    """One world, and whatever may happen in it."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.world = world_of(seed=seed, agents=4, kill_chunk_size=self.rng.choice([1, 3, 100]))
        self.world.look = self.look
        #: ids of tasks that were heard of once
        self.seen: list[TaskID] = []
        #: a deployment was stopped where it was: instances of former versions may stay
        self.forces, self.was_stopped = seed % 4 < 2, False
        self.is_ill = 0.2

    def look(self, probe: words.Probe) -> words.Probed | None:
        drawn = self.rng.random()
        if drawn > 0.95:
            return None
        return words.Probed(probe, cause="ill" if drawn < self.is_ill else "")

    # ---- what may happen

    def put(self) -> None:
        rng = self.rng
        given: dict[str, Any] = {"id": rng.choice(["/a", "/b", "/g/c"])}
        if rng.random() < 0.6 or PathId(given["id"]) not in self.world.core.specs:
            given |= {
                "cmd": rng.choice(["run", "walk", "swim"]), "unreachableStrategy": rng.choice(STRATEGIES),
                "healthChecks": rng.choice(CHECKS), **rng.choice(UPGRADES),
            }  # fmt: skip
        if rng.random() < 0.7:
            given["instances"] = rng.randint(0, 4)
        read = legacy.translate(legacy.read_given(given), SETTINGS)
        self._ask(words.PutApps((read,), force=self._force()))

    def put_pod(self) -> None:
        """Of two containers, one of which is looked at by its agent."""
        names = self.rng.choice([["one", "two"], ["one"]])
        containers = [
            {"name": name, "exec": {"command": {"shell": "run"}}, "resources": {"cpus": 0.1, "mem": 32}}
            for name in names
        ]  # fmt: skip
        unreachable = {"unreachableStrategy": self.rng.choice(STRATEGIES)}
        given = {
            "id": "/p", "containers": containers, "scheduling": unreachable,
            "scaling": {"kind": "fixed", "instances": self.rng.randint(0, 3)},
        }  # fmt: skip
        is_new = PathId("/p") not in self.world.core.specs
        self._ask(words.PutPod(read_pod(given), must_be_new=is_new, force=self._force()))

    def delete_pod(self) -> None:
        self._ask(words.DeletePod(PathId("/p"), force=self._force()))

    def _force(self) -> bool:
        force = self.forces and self.rng.random() < 0.2
        self.was_stopped |= force
        return force

    def _ask(self, request: Any) -> None:
        self.world.tell(request)

    def restart(self) -> None:
        self._ask(words.RestartApp(PathId("/a"), force=self._force()))

    def delete(self) -> None:
        self._ask(words.DeleteApp(PathId(self.rng.choice(["/a", "/b"])), force=self._force()))

    def kill(self) -> None:
        there = list(self.world.core.instances)
        some = tuple(self.rng.sample(there, min(len(there), self.rng.randint(0, 3))))
        kind = self.rng.choice([{}, {"wipe": True}, {"scale": True, "force": self._force()}])
        self._ask(words.KillInstances(some, **kind))

    def cancel(self) -> None:
        for name in list(self.world.core.deployments):
            force = self._force()
            self._ask(words.CancelDeployment(name, force=force))

    def launch(self) -> None:
        self.world.launch()
        self.seen += [one for one in self.world.infos if one not in self.seen]

    def start_tasks(self) -> None:
        self.world.start_tasks()

    def reconcile(self) -> None:
        self.world.reconcile()

    def hear(self) -> None:
        """One agent's updates arrive."""
        agent = self.rng.choice(list(self.world.agents.values()))
        if not self.world.is_cut and agent.away_since is None:
            for task in list(agent.tasks.values())[:2]:
                self.world.update(task.info.task_id, task.state)

    def echo(self) -> None:
        """Something that was said long ago, about any task."""
        if self.seen and not self.world.is_cut:
            state = self.rng.choice([TaskState.TASK_STAGING, TaskState.TASK_RUNNING, TaskState.TASK_UNREACHABLE])
            task_id = self.rng.choice(self.seen)
            if task_id in self.world.book or self.rng.random() < 0.3:
                self.world.update(task_id, state, message="an echo")
                self.world.told.pop(task_id, None)

    def end(self) -> None:
        alive = self.world.alive()
        if alive:
            task_id = self.rng.choice(alive)
            agent = self.world.agent_of(task_id)
            task = agent.tasks[task_id]
            task.state = self.rng.choice(ENDINGS)
            for other in agent.alive if task.state is not TaskState.TASK_FINISHED else ():
                if task.executor_id and other.executor_id == task.executor_id:
                    other.state = TaskState.TASK_KILLED

    def kill_unwanted(self) -> None:
        self.world.kill_unwanted()

    def advance(self) -> None:
        self.world.advance(round(self.rng.expovariate(1 / 20) * SECOND))

    def partition(self) -> None:
        agent = self.rng.choice(list(self.world.agents.values()))
        if agent.away_since is None:
            agent.away_since = self.world.now
        else:
            agent.away_since = None

    def reboot(self) -> None:
        agent = self.rng.choice(list(self.world.agents.values()))
        agent.tasks.clear()

    def cut(self) -> None:
        if self.world.is_cut:
            self.world.is_cut = False
        elif self.rng.random() < 0.3:
            self.world.cut()

    def crash(self) -> None:
        self.world.start()

    def live(self, steps: int) -> None:
        """Most of what happens is what makes things go on."""
        happenings: dict[Callable[[], None], int] = {
            self.put: 6, self.put_pod: 2, self.delete_pod: 1, self.restart: 2, self.delete: 1, self.kill: 3,
            self.cancel: 1, self.launch: 8, self.start_tasks: 8, self.reconcile: 8, self.hear: 8, self.echo: 3,
            self.end: 4, self.kill_unwanted: 6, self.advance: 8, self.partition: 3, self.reboot: 1, self.cut: 2,
            self.crash: 2,
        }  # fmt: skip
        for happening in self.rng.choices(list(happenings), list(happenings.values()), k=steps):
            happening()

    # ---- in the end

    def heal(self) -> None:
        world = self.world
        self.is_ill = 0.0
        world.settle(100)

    def check(self) -> None:
        world, core = self.world, self.world.core
        assert core.deployments == {}
        for spec_id, spec in core.specs.items():
            there = core.of(spec_id)
            assert len(there) == spec.instances, (spec_id, spec.instances, there)
            for instance in there:
                assert (instance.goal, instance.condition.value) == (Goal.RUNNING, "Running")
                assert instance.healthy in (True, None)
                assert self.was_stopped or not is_replaced(instance.spec, spec), (instance.spec, spec)
        assert {*world.alive()} == {*core.tasks}
        assert {*core.instances} == {one.id for spec_id in core.specs for one in core.of(spec_id)}
        assert {*world.book} == {*world.alive()}
        assert world.unwanted == {}
        assert sum("/instance/" in name for name in world.records) == len(core.instances)


@pytest.mark.parametrize("part", range(2))
def test_what_runs_is_what_is_defined(part: int) -> None:
    for seed in range(part * 20, part * 20 + 20):
        chaos = Chaos(seed)
        try:
            chaos.live(120)
            chaos.heal()
            chaos.check()
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error


@pytest.mark.parametrize("part", range(2))
def test_it_is_killed_at_any_word(part: int) -> None:
    for seed in range(1_000 + part * 12, 1_012 + part * 12):
        chaos = Chaos(seed)
        chaos.world.crash_at = lambda rng=chaos.rng: rng.random() < 0.03  # type: ignore[misc]
        try:
            chaos.live(120)
            chaos.heal()
            chaos.check()
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
