"""While instances are replaced there are never too few healthy ones because of us, and never too many at all; and there
is an end to it. Whatever happens: instances end and fall ill, agents go and come back, people change their minds, and
the framework is killed at any word."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.core import Marathon
from frameworks.marathon_py.definitions.legacy import read_given
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.deployments.plan import Kind, is_replaced
from frameworks.marathon_py.deployments.standing import is_up
from frameworks.marathon_py.instances.instance import Condition, Goal, Instance
from mesos_py.machine.frame import Frame
from mesos_py.machine.values import SECOND
from tests.marathon.world import TaskState, World, world_of

WEB = PathId("/web")


class Watch:
    """Looks at every frame in which instances of ``/web`` are replaced."""

    def __init__(self, is_resident: bool = False) -> None:
        self.is_resident = is_resident
        #: those that were healthy, and those that had been launched, after the frame before
        self.healthy: dict[str, None] = {}
        self.launched: dict[str, int] = {}
        self.core: Marathon | None = None
        self.seen = 0

    def __call__(self, m: Marathon, frame: Frame) -> None:
        there = m.of(WEB)
        serving = {one.id: None for one in there if serves(m, one)}
        launched = {one.id: one.incarnation for one in there}
        work = m.works.get(WEB)
        was_there = m is self.core  # else nobody has kept what was seen last
        if was_there and work is not None and work.action.kind is Kind.RESTART:
            self.seen += 1
            self.look(m, there, serving, launched)
        self.healthy, self.launched, self.core = serving, launched, m

    def look(self, m: Marathon, there: list[Instance], serving: dict[str, None], launched: dict[str, int]) -> None:
        spec: Any = m.specs[WEB]
        least = math.ceil(spec.instances * spec.upgrade_strategy.minimum_health_capacity)
        most = math.floor(spec.instances * (1 + spec.upgrade_strategy.maximum_over_capacity))
        if least == most:
            least, most = (least - 1, most) if self.is_resident else (least, most + 1)
        stopped = [one for one in self.healthy if one in m.instances and m.instances[one].goal is not Goal.RUNNING]
        if stopped:
            assert len(serving) >= least, f"{len(serving)} are healthy, and {least} must be; stopped: {stopped}"
        if any(number > self.launched.get(name, 0) for name, number in launched.items()):
            active = [one for one in there if one.is_active]
            assert len(active) <= most, f"{len(active)} are there, and {most} may be"


def serves(m: Marathon, instance: Instance) -> bool:
    """New ones are not counted on before they are ready, too."""
    spec = m.specs.get(WEB)
    if instance.goal is not Goal.RUNNING or spec is None:
        return False
    return instance.is_well if is_replaced(instance.spec, spec) else is_up(instance)


class Life:
    """One app, and whatever may happen to it."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = Random(seed)
        self.world: World = world_of(agents=4, seed=seed)
        self.world.watch = self.watch = Watch()
        self.is_checked = rng.random() < 0.6
        checks = [{"protocol": "MESOS_TCP", "portIndex": 0}] if self.is_checked else []
        self.put(cmd="run", instances=rng.choice((1, 2, 3, 5, 8)), healthChecks=checks, **self.strategy())
        self.calm(3)

    def strategy(self) -> dict[str, Any]:
        least, more = self.rng.choice((0, 0.3, 0.5, 0.9, 1)), self.rng.choice((0, 0.2, 0.5, 1))
        return {"upgradeStrategy": {"minimumHealthCapacity": least, "maximumOverCapacity": more}}

    def put(self, **body: Any) -> None:
        self.world.tell(words.PutApps((read_given({"id": WEB, **body}),), force=True))

    def calm(self, rounds: int) -> None:
        """Everything that runs is well, and time passes."""
        for _ in range(rounds):
            self.world.step()
            self.be_well(1.0)
            self.world.advance(2 * SECOND)

    def be_well(self, share: float) -> None:
        """So many of those that run are well, the others are ill."""
        if self.is_checked:
            for agent in self.world.agents.values():
                for task_id, task in list(agent.tasks.items()):
                    if task.state is TaskState.TASK_RUNNING and agent.away_since is None:
                        self.world.update(task_id, task.state, healthy=self.rng.random() < share)

    # ---- what may happen

    def change(self) -> None:
        rng = self.rng
        body: dict[str, Any] = {"cmd": rng.choice(("run", "walk", "swim"))}
        if rng.random() < 0.3:
            body |= self.strategy()
        if rng.random() < 0.3:
            body["instances"] = rng.choice((1, 2, 3, 5, 8))
        self.put(**body)

    def restart(self) -> None:
        self.world.tell(words.RestartApp(WEB, force=True))

    def take_back(self) -> None:
        for name in list(self.world.core.deployments):
            self.world.tell(words.CancelDeployment(name, force=self.rng.random() < 0.3))

    def end(self) -> None:
        alive = self.world.alive()
        if alive:
            self.world.end(self.rng.choice(alive))

    def flap(self) -> None:
        self.be_well(self.rng.choice((0, 0.5, 0.9)))

    def lose(self) -> None:
        self.world.lose(self.rng.choice(list(self.world.agents.values())))

    def find(self) -> None:
        for agent in list(self.world.agents.values()):
            self.world.find(agent)

    def crash(self) -> None:
        left = self.rng.randint(1, 40)

        def is_now() -> bool:
            nonlocal left
            left -= 1
            return left == 0

        self.world.crash_at = is_now

    def go_on(self) -> None:
        self.world.step()
        self.be_well(0.95)
        self.world.advance(self.rng.choice((1, 5, 20)) * SECOND)

    def live(self, steps: int) -> None:
        usual = (self.go_on,) * 6 + (self.end, self.flap)
        rare = (self.change, self.restart, self.take_back, self.lose, self.find, self.crash)
        for _ in range(steps):
            self.rng.choice(rare if self.rng.random() < 0.15 else usual)()


@pytest.mark.parametrize("seed", range(40))
def test_capacity_holds_whatever_happens(seed: int) -> None:
    life = Life(seed)
    life.live(60)
    life.world.settle(1)
    life.restart()
    life.calm(60)
    core = life.world.core
    assert not core.deployments, [one.record() for one in core.deployments.values()]
    spec = core.specs[WEB]
    assert [one.condition for one in core.of(WEB)] == [Condition.RUNNING] * spec.instances
    assert not any(is_replaced(one.spec, spec) for one in core.of(WEB))
    assert len(life.world.alive()) == spec.instances
    assert life.watch.seen


def test_the_watch_sees() -> None:
    """It would not be quiet if all were replaced at once."""
    life = Life(1)
    life.put(instances=4, upgradeStrategy={"minimumHealthCapacity": 1, "maximumOverCapacity": 0})
    life.calm(10)

    def all_at_once(m: Marathon, out: Frame) -> None:
        for one in m.of(WEB):
            m.want(one, Goal.DECOMMISSIONED, out)
            m.forget(one, out) if not one.open_tasks else None

    life.put(cmd="swim")
    with pytest.raises(AssertionError, match="healthy"):
        life.world.act(all_at_once)
