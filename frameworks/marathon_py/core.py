"""Marathon: what is to run, what does, and how the one becomes the other. Pure; its shell is ``shell.program``.

::

    instances/updates.py   what became of tasks            deployments/requests.py  changes people ask for
    instances/kills.py     victims, and kills in flight    deployments/steps.py     plans carried out, step by step
    instances/health.py    probes and what they mean       launching/offers.py      offers used and given back
    instances/scale.py     what runs is what is defined    launching/queue.py       who waits, why, since when

It stands behind a session of the SDK, which keeps every task before it is asked for, repeats kills until they have
worked, reconciles, and acknowledges an update when we have dealt with it. What is promised here:

* **What was answered is kept.** The reply to a request leaves when its records are stored.
* **What runs is what is defined**, in the end: whatever is too few is launched, too many is killed, and nobody's is
  killed, in whatever order crashes, losses and changes come.
* **During a rolling update** there are never fewer healthy instances than ``minimumHealthCapacity`` lets there be
  because of us, and never more than ``maximumOverCapacity`` allows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from frameworks.marathon_py import begun, connection, words
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.groups import Group
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import Pod
from frameworks.marathon_py.definitions.settings import Settings
from frameworks.marathon_py.definitions.trees import Spec
from frameworks.marathon_py.deployments import group_requests, outcome, pod_requests, requests, steps
from frameworks.marathon_py.deployments.deployment import Deployment, Work
from frameworks.marathon_py.deployments.versions import Versions
from frameworks.marathon_py.instances import (
    failures,
    health,
    kills,
    overdue,
    readiness,
    records,
    scale,
    unreachable,
    updates,
)
from frameworks.marathon_py.instances import requests as instance_requests
from frameworks.marathon_py.instances.failures import EndedInstance, EndedTask
from frameworks.marathon_py.instances.instance import Condition, Goal, Instance, InstanceTask, Placed, instance_id
from frameworks.marathon_py.launching import offers, queue, tokens
from frameworks.marathon_py.launching.backoff import Config, Delay
from frameworks.marathon_py.launching.hooks import NO_HOOKS, Hooks
from frameworks.marathon_py.launching.offers import Seen
from frameworks.marathon_py.launching.queue import Entry
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table, dispatch
from mesos_py.machine.timers import Timers
from mesos_py.machine.values import Nanos
from mesos_py.sdk.launcher import wishes
from mesos_py.sdk.matching.host import Place
from mesos_py.wire.ids import TaskID

if TYPE_CHECKING:
    from random import Random

ROWS = Table.merge(
    begun.table, connection.table, updates.table, unreachable.table, overdue.table, scale.table, kills.table,
    health.table, readiness.table, instance_requests.table,
    requests.table, group_requests.table, pod_requests.table, outcome.table,
    offers.table, queue.table, tokens.table, wishes.table,
)  # fmt: skip


@attrs.frozen(kw_only=True)
class Habits:
    """Flags of Marathon by their names, in seconds; what they mean is in ``shell.flags``."""

    decline_offer_duration_s: float = 120.0
    min_revive_offers_interval_s: float = 5.0
    max_instances_per_offer: int = 5
    launch_tokens: int = 100
    launch_token_refresh_interval_s: float = 30.0
    max_running_deployments: int = 100
    zk_max_versions: int = 50
    local_port_min: int = 10_000
    local_port_max: int = 20_000
    scale_apps_initial_delay_s: float = 15.0
    scale_apps_interval_s: float = 300.0
    task_launch_confirm_timeout_s: float = 300.0
    task_launch_timeout_s: float = 300.0
    kill_chunk_size: int = 100
    kill_retry_timeout_s: float = 30.0
    env_vars_prefix: str = ""
    executor: str = "//cmd"
    accepted_resource_roles_default_behavior: str = "any"
    gpu_scheduling_behavior: str = "restricted"
    maintenance_mode: bool = True
    draining_seconds: float = 0.0
    mesos_user: str = ""
    checkpoint: bool = True

    @property
    def revive_every_s(self) -> float:
        return self.min_revive_offers_interval_s


class Marathon:
    """Everything. Only its own methods and those of the tables change it."""

    def __init__(
        self, rng: Random, settings: Settings | None = None, habits: Habits | None = None,
        hooks: Hooks = NO_HOOKS,
    ) -> None:  # fmt: skip
        self.rng = rng
        self.settings = settings or Settings()
        self.habits = habits or Habits()
        self.hooks = hooks
        #: everything that is kept of us
        self.records: dict[str, bytes] = {}
        #: what of it could not be understood, and is not needed
        self.complaints: list[str] = []
        #: all definitions as they are, and by id; what is kept of former ones
        self.root = Group()
        self.specs: dict[PathId, Spec] = {}
        self.versions = Versions(self.records)
        #: deployments that are under way; what they do at present, by spec
        self.deployments: dict[str, Deployment] = {}
        self.works: dict[PathId, Work] = {}
        #: specs that deployments work on, and the deployment's id: nobody else adds instances or takes them away
        self.locked: dict[PathId, str] = {}
        self.instances: dict[str, Instance] = {}
        #: by spec and id, also of specs that are no more and still have some
        self.of_spec: dict[PathId, dict[str, Instance]] = {}
        #: whose task that is, of tasks that are not known to have ended
        self.tasks: dict[TaskID, Instance] = {}
        #: those that may be launched, by role, configuration and id; those that wait and may not yet; where each waits
        self.waiting: dict[str, dict[Config, dict[str, Instance]]] = {}
        self.aside: dict[Config, dict[str, Instance]] = {}
        self.waits: dict[str, tuple[str, Config]] = {}
        self.delays: dict[Config, Delay] = {}
        #: attempts to launch what there is too little of, by spec and role; the one that each instance is part of
        self.queue: dict[PathId, dict[str, Entry]] = {}
        self.launching: dict[str, tuple[PathId, str]] = {}
        #: launches that may be asked for; those that have used one and are not known to run; some were not asked for
        self.tokens = self.habits.launch_tokens
        self.unconfirmed: dict[str, None] = {}
        self.is_short = False
        #: the last that each agent offered, for those who ask why
        self.seen: dict[Place, Seen] = {}
        #: where the master is; None: nobody knows, or it has no region
        self.home_region: str | None = None
        #: those that the master knows us in
        self.roles: dict[str, None] = {self.settings.mesos_role: None}
        self.timers = Timers()
        #: of apps, how they have failed the last time, and how tasks have ended; of pods, how instances have
        self.failures: dict[PathId, EndedTask] = {}
        self.histories: dict[PathId, tuple[EndedTask, ...]] = {}
        self.ended: dict[PathId, tuple[EndedInstance, ...]] = {}
        #: instances that are to be killed; those whose kill was said and that have not ended
        self.kills: dict[str, None] = {}
        self.killing: dict[str, None] = {}
        #: definitions that have health checks and instances, one of which is here, by id and version
        self.checked: dict[PathId, dict[str, tuple[App, Instance]]] = {}
        #: roles in which offers are wanted, as we have said; in which they are to be asked for again; in which
        #: something was given back since they were last asked for
        self.wanted: dict[str, None] = {}
        self.renewed: dict[str, None] = {}
        self.refused: dict[str, None] = {}
        self.has_begun = False
        #: of this frame: instances that are others than before, their specs; specs that have other instances than
        #: before, to be looked at, and seen
        self.touched: dict[str, None] = {}
        self.moved: dict[PathId, None] = {}
        self.recounted: dict[PathId, None] = {}
        self.counted: dict[PathId, None] = {}
        #: of this frame, too: specs that deployments have begun to work on
        self.taken_up: dict[PathId, None] = {}
        self._cause = 0

    def apply(self, event: Event, now: Nanos) -> Frame:
        """Everything ``event`` causes. What it has in ``writes`` must survive before ``sends`` leave."""
        self._cause += 1
        out = Frame(now, self._cause)
        dispatch(ROWS, self, event, out)
        self.settle(out)
        return out

    def settle(self, out: Frame) -> None:
        """What follows from whatever has happened in this frame, and what is kept of it."""
        outcome.settle(self, out)
        steps.settle(self, out)
        scale.settle(self, out)
        kills.settle(self, out)
        overdue.settle(self, out)
        health.settle(self, out)
        readiness.settle(self, out)
        failures.settle(self, out)
        tokens.settle(self)
        queue.settle(self)
        records.settle(self, out)
        connection.settle(self, out)  # before offers are asked for
        wishes.settle(self, out)
        self.touched.clear()
        self.moved.clear()
        self.counted.clear()
        self.taken_up.clear()

    def deadline(self) -> Nanos | None:
        return self.timers.deadline()

    # ---- the ways in which things change

    def keep(self, name: str, contents: bytes | None, out: Frame) -> None:
        """The record survives."""
        if contents is None:
            if self.records.pop(name, None) is None:
                return
        else:
            if self.records.get(name) == contents:
                return
            self.records[name] = contents
        out.write(words.Kept(name, contents))

    def add(self, spec: App | Pod, out: Frame) -> Instance:
        """One more instance of the spec waits for an offer."""
        instance = Instance(instance_id(PathId(spec.id), self._uuid(out.now)), spec, since=out.now)
        self.instances[instance.id] = instance
        self.of_spec.setdefault(instance.spec_id, {})[instance.id] = instance
        queue.enter(self, instance, out.now)
        self.recounted[instance.spec_id] = None
        self.changed(instance, out)
        return instance

    def restore(self, instance: Instance, out: Frame) -> None:
        """It is there, as it was kept."""
        self.instances[instance.id] = instance
        self.of_spec.setdefault(instance.spec_id, {})[instance.id] = instance
        self.tasks.update((task.id, instance) for task in instance.tasks.values() if not task.condition.is_terminal)
        self._wait(instance, out)

    def become(self, instance: Instance, condition: Condition, out: Frame) -> None:
        """It is in that condition from now on; where it waits follows from that, and everybody is told."""
        if instance.condition is condition:
            return
        was_current = instance.is_current
        instance.condition, instance.since = condition, out.now
        instance.active_since = (instance.active_since or out.now) if condition is Condition.RUNNING else None
        if instance.is_current is not was_current:
            self.recounted[instance.spec_id] = None
        queue.heard(self, instance, out.now)
        self._wait(instance, out)
        self.changed(instance, out)

    def launched(self, instance: Instance, where: Placed, tasks: Iterable[InstanceTask], out: Frame) -> None:
        """Its tasks are asked for, there."""
        instance.incarnation += 1
        instance.placed, instance.tasks = where, {task.container: task for task in tasks}
        instance.healthy, instance.is_ready, instance.unreachable_since, instance.is_killed = None, False, None, False
        for task in instance.tasks.values():
            self.tasks[task.id] = instance
        self.become(instance, Condition.PROVISIONED, out)

    def not_launched(self, instance: Instance, out: Frame) -> None:
        """Nobody has heard that its tasks were asked for: there are none, and their ids can be used again."""
        self.clear(instance)
        instance.incarnation -= 1
        if instance.goal is Goal.RUNNING:
            self.become(instance, Condition.SCHEDULED, out)
        else:
            self.forget(instance, out)

    def want(self, instance: Instance, goal: Goal, out: Frame) -> None:
        """That is wanted of it from now on; whoever wants less of it asks for a kill, too (``instances.kills``)."""
        if instance.goal is not goal:
            instance.goal = goal
            self.recounted[instance.spec_id] = None
            self._wait(instance, out)
            self.touch(instance)  # what is wanted is nobody's business: events are about how it is

    def clear(self, instance: Instance) -> None:
        """It is nowhere, and there is nothing to be said of its tasks any more."""
        self._drop(instance)
        instance.tasks, instance.placed = {}, None
        instance.is_killed, instance.is_ready, instance.unreachable_since = False, False, None
        instance.health, instance.unhealthy_because, instance.readiness = {}, "", None

    def forget(self, instance: Instance, out: Frame) -> None:
        """There is no such instance any more, and nothing is kept of it."""
        siblings = self.of_spec[instance.spec_id]
        del self.instances[instance.id], siblings[instance.id]
        if not siblings:
            del self.of_spec[instance.spec_id]
        queue.leave(self, instance)
        self._drop(instance)
        self.touched[instance.id] = self.moved[instance.spec_id] = self.recounted[instance.spec_id] = None

    def changed(self, instance: Instance, out: Frame) -> None:
        """It is kept as it is now, and subscribers hear of it."""
        self.touch(instance)
        placed = instance.placed
        out.change(words.InstanceChanged(
            instance.id, instance.spec_id, instance.spec.version, instance.condition.value, instance.goal.value,
            placed.agent_id if placed is not None else "", placed.hostname if placed is not None else "",
        ))  # fmt: skip

    def touch(self, instance: Instance) -> None:
        """It is kept as it is now."""
        self.touched[instance.id] = self.moved[instance.spec_id] = None

    def _drop(self, instance: Instance) -> None:
        for task in instance.tasks.values():
            self.tasks.pop(task.id, None)
        self.kills.pop(instance.id, None)
        self.killing.pop(instance.id, None)

    def _wait(self, instance: Instance, out: Frame) -> None:
        if instance.wants_offer:
            queue.enter(self, instance, out.now)
        else:
            queue.leave(self, instance)

    def _uuid(self, now: Nanos) -> str:
        """A time-based one (version 1), as Marathon's; node and sequence are drawn, so that none comes twice."""
        ticks = now // 100 + 0x01B21DD213814000
        low, mid, high = ticks & 0xFFFFFFFF, ticks >> 32 & 0xFFFF, ticks >> 48 & 0x0FFF | 0x1000
        sequence, node = self.rng.getrandbits(14) | 0x8000, self.rng.getrandbits(48) | 1 << 40
        return f"{low:08x}-{mid:04x}-{high:04x}-{sequence:04x}-{node:012x}"

    def uuid4(self) -> str:
        """One that is drawn."""
        bits = self.rng.getrandbits(128) & ~(0xF << 76) & ~(0x3 << 62) | 4 << 76 | 2 << 62
        text = f"{bits:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    # ---- looking

    def of(self, spec_id: PathId) -> list[Instance]:
        """The instances of a spec, those of former versions, too."""
        return list(self.of_spec.get(spec_id, {}).values())

    def check(self) -> None:
        """What is always true between frames."""
        for name, instance in self.instances.items():
            assert name == instance.id
            assert self.of_spec[instance.spec_id][name] is instance
            assert (name in self.waits) is instance.wants_offer, instance
            assert all(self.tasks[task.id] is instance for task in instance.open_tasks), instance
            assert (instance.placed is not None) is bool(instance.tasks), instance
            assert (instance.condition is Condition.SCHEDULED) is not bool(instance.tasks), instance
            assert instance.goal is not Goal.DECOMMISSIONED or instance.open_tasks, instance
            assert instance.goal is not Goal.RUNNING or instance.open_tasks or not instance.tasks, instance
            assert self.versions.spec(instance.spec_id, instance.spec.version) is not None, instance
        assert sum(map(len, self.of_spec.values())) == len(self.instances)
        assert all(self.of_spec.values())
        queue.check(self)
        assert len(self.tasks) == sum(len(one.open_tasks) for one in self.instances.values())
        assert len(self.killing) <= self.habits.kill_chunk_size
        for name in (*self.kills, *self.killing):
            assert self.instances[name].is_killed
        for spec_id, work in self.works.items():
            assert self.locked[spec_id] == work.deployment.id
            assert work.deployment.works[spec_id] is work
            work.census.check(self.of_spec.get(spec_id, {}))
        for deployment in self.deployments.values():
            assert deployment.works, deployment
            assert all(self.locked[spec_id] == deployment.id for spec_id in deployment.plan.affected)
            assert all(self.works[spec_id] is work for spec_id, work in deployment.works.items())
            assert deployment.version in self.versions.roots
        assert not self.touched
        assert not self.moved
        assert not self.recounted
