"""A core that is judged after every event: I13, of which the core itself has no say.

**Never above.** When a deployment replaces instances of an app and starts one more, no more of it are there, as far as
anybody knows, or wait to be launched than ``maximumOverCapacity`` allows; one more where nothing else could happen.
Those that were out of reach may come back later; when only the number of instances changes nobody waits for ends.

**Never below.** Whoever of an app is killed by us though it is well, enough others are well, as
``minimumHealthCapacity`` has it. What people kill by name, and what is to end, is their business.

Both hold for the definition as it is and, while a deployment goes on, for the one from which it began.
"""

from __future__ import annotations

import math
from random import Random
from typing import Any

from frameworks.marathon_py import words
from frameworks.marathon_py.core import Habits, Marathon
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.settings import Settings
from frameworks.marathon_py.deployments.plan import Kind, is_replaced
from frameworks.marathon_py.instances.instance import Condition, Goal, Instance, instance_of
from frameworks.marathon_py.instances.victims import grouped_by
from mesos_py.machine.frame import Event, Frame, Send
from mesos_py.machine.values import Nanos
from mesos_py.wire.scheduler_api import Call

UNAVAILABLE, ADDITIONAL = "MARATHON_DEPLOYMENT_MAX_UNAVAILABLE", "MARATHON_DEPLOYMENT_MAX_ADDITIONAL"


def is_up(instance: Instance) -> bool:
    """It runs, is wanted, and is well as far as that is looked at."""
    if instance.goal is not Goal.RUNNING or instance.condition is not Condition.RUNNING:
        return False
    has_checks = isinstance(instance.spec, App) and bool(instance.spec.health_checks)
    return instance.healthy is True or not has_checks


def least(spec: Any) -> int:
    if UNAVAILABLE in spec.labels:
        return max(0, spec.instances - int(spec.labels[UNAVAILABLE]))
    return math.ceil(spec.instances * _strategy(spec).minimum_health_capacity)


def most(spec: Any) -> int:
    over = math.floor(spec.instances * (1 + _strategy(spec).maximum_over_capacity))
    if ADDITIONAL in spec.labels:
        over = spec.instances + int(spec.labels[ADDITIONAL])
    return over + (over == least(spec))


def _strategy(spec: Any) -> Any:
    return spec.upgrade_strategy if isinstance(spec, App) else spec.scheduling.upgrade


class Judged(Marathon):
    """Raises AssertionError."""

    def __init__(
        self, rng: Random, settings: Settings, habits: Habits, counted: dict[PathId, list[Any]], stopped: set[PathId]
    ) -> None:
        """``counted``: definitions that count, of apps on which a deployment works, those since it began: whoever runs
        next goes on with it, and so does its judge. ``stopped``: what was left in the middle of a deployment."""
        super().__init__(rng, settings, habits)
        self._counted, self._stopped = counted, stopped
        #: apps of which instances are replaced, not only added or taken away
        self._replaced: dict[PathId, None] = {}
        #: instances that people have asked to be killed
        self._unwanted: set[str] = set()
        #: kills that were said, by instance and incarnation
        self._killed: set[tuple[str, int]] = set()
        self.launches = self.kills_of_the_well = 0

    def apply(self, event: Event, now: Nanos) -> Frame:
        were_up = {id: one for id, one in self.instances.items() if is_up(one)}
        before, were = dict(self.specs), set(self.instances)
        if isinstance(event.body, words.KillInstances):
            self._unwanted.update(event.body.ids)
        plans = {name: list(one.plan.affected) for name, one in self.deployments.items()}
        frame = super().apply(event, now)
        for fact in frame.changes:
            if isinstance(fact, words.DeploymentChanged) and fact.what == "failed":
                self._stopped.update(id for id in plans[fact.id] if not self._is_put_right(id))
        if event.kind is words.Begun:  # what a predecessor was asked to kill is killed again
            self._unwanted.update(name for name, one in self.instances.items() if one.is_killed)
        for id in dict.fromkeys([*before, *self.specs]) if self.has_begun else ():
            if id in self.locked or before.get(id) is not self.specs.get(id):
                known = self._counted.setdefault(id, [])
                known += [one for one in (before.get(id), self.specs.get(id)) if one is not None and one not in known]
            else:
                self._counted.pop(id, None)
                self._replaced.pop(id, None)
            if before.get(id) is not self.specs.get(id):
                self._replaced.pop(id, None)
                if before.get(id) is not None and id in self.specs and is_replaced(before[id], self.specs[id]):
                    self._replaced[id] = None
        if event.kind is not words.Begun:
            for name in self.instances.keys() - were:
                if self.instances[name].spec_id in self._replaced.keys() & self.locked.keys():
                    self._judge_another(self.instances[name])
        for send in frame.sends:
            if isinstance(send, Send) and isinstance(send.message, Call):
                self.launches += send.message.accept is not None
                self._judge_kill(send.message, were_up)
        return frame

    def _definitions(self, id: PathId) -> list[Any]:
        now = [self.specs[id]] if id in self.specs else []
        return [*self._counted.get(id, ()), *now]

    def _is_put_right(self, id: PathId) -> bool:
        """What a deployment has left in the middle another one ends, or takes back."""
        deployment = self.deployments.get(self.locked.get(id, ""))
        return deployment is not None and (deployment.is_rollback or any(
            action.spec_id == id and action.kind in (Kind.RESTART, Kind.STOP)
            for step in deployment.plan.steps for action in step
        ))  # fmt: skip

    def _judge_another(self, instance: Instance) -> None:
        there = [one for one in self.of(instance.spec_id) if one.is_active or one.wants_offer]
        bound = max(map(most, self._definitions(instance.spec_id)), default=0)
        assert len(there) <= bound, f"one more is started: {bound} may be, and there are {_stand(there)}"

    def _judge_kill(self, call: Call, were_up: dict[str, Instance]) -> None:
        if call.kill is None:
            return
        name = instance_of(call.kill.task_id) or ""
        instance = were_up.get(name) or self.instances.get(name)
        if instance is None or (name, instance.incarnation) in self._killed:
            return
        self._killed.add((name, instance.incarnation))  # once said it is repeated, though the task may be up by then
        if name not in were_up or instance.condition is not Condition.RUNNING:
            return  # it was not well, or is not any more: of a pod that has failed what is left is killed
        spec_id = instance.spec_id
        if name in self._unwanted or call.kill.task_id in self._unwanted or spec_id not in self.specs:
            return
        if spec_id not in self._replaced and grouped_by(self.specs[spec_id]):
            return  # where it is counts for more than how it is
        self.kills_of_the_well += 1
        left = sum(is_up(one) for one in self.of(spec_id))
        bound = min(map(least, self._definitions(spec_id)), default=0)
        stand = _stand(self.of(spec_id))
        assert left >= bound, f"{call.kill.task_id} is killed, though it is well; {bound} must be left of {stand}"


def _stand(instances: list[Instance]) -> str:
    return ", ".join(
        f"{one.id[-8:]} {one.condition.value}/{one.goal.value}/{one.healthy} of {one.spec.version}" for one in instances
    )
