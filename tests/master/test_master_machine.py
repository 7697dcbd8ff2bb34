"""Whatever schedulers and agents do, in whatever order: no resource is used twice, no task is lost or ends twice.

Hypothesis draws calls, valid and invalid, of three frameworks and messages, losses and returns of three agents, and
quotas. After every frame all invariants of the core are checked (``World``); on top of that, from what was said alone:

* I2 an offer launches once; a task that runs is not launched again
* I3 nothing but repetitions and reconciliation follows a terminal update of an agent
* I8 no agent is told to shut a framework down unless it was torn down or its failover_timeout has passed
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mesos_py.flags import Rate
from mesos_py.machine.problem import Problem
from mesos_py.master.changes import TaskAdded
from mesos_py.master.entities import TERMINAL
from mesos_py.master.events import ChangeQuota
from mesos_py.master.options import Options
from mesos_py.wire import internal
from mesos_py.wire.ids import AgentID, ExecutorID, FrameworkID, OfferID, TaskID
from mesos_py.wire.resource import Resource
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.task import TaskState, TaskStatus
from tests import builders
from tests.master.hosts import Host
from tests.master.world import Scheduler, World

REPORTED = [
    TaskState.TASK_STARTING,
    TaskState.TASK_RUNNING,
    TaskState.TASK_KILLING,
    TaskState.TASK_FINISHED,
    TaskState.TASK_FAILED,
    TaskState.TASK_LOST,
]
#: Statuses that are answers to what the framework said rather than news of the task.
ANSWERS = [
    TaskStatus.Reason.REASON_RECONCILIATION,
    TaskStatus.Reason.REASON_TASK_INVALID,
    TaskStatus.Reason.REASON_TASK_GROUP_INVALID,
    TaskStatus.Reason.REASON_INVALID_OFFERS,
]
slots = st.integers(0, 2)
task_ids = st.sampled_from(["t0", "t1", "t2", "t3", "t4", "t5", "a/b"])
states = st.sampled_from(REPORTED)


class MasterMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.hosts: dict[int, Host] = {}
        self.schedulers: dict[int, Scheduler] = {}
        #: what each framework was last told by an agent's own terminal update
        self.ended: dict[tuple[str, str], TaskStatus] = {}

    @initialize(aware=st.booleans(), checkpoint=st.booleans(), limit=st.sampled_from([None, Rate(1, 300)]))
    def cluster_is_up(self, aware: bool, checkpoint: bool, limit: Rate | None) -> None:
        self.world = World(
            Options(offer_timeout_s=20.0, max_completed_tasks_per_framework=3, agent_removal_rate_limit=limit)
        )
        for slot in range(2):
            self.agent_registers(slot)
            self.framework_subscribes(slot, aware, checkpoint, 30.0)

    # ---- agents

    @rule(slot=slots)
    def agent_registers(self, slot: int) -> None:
        if slot not in self.hosts:
            resources = builders.resources(cpus=2, mem=512, disk=2 * (slot != 1))
            double = self.world.agent(hostname=f"host-{slot}", resources=resources)
            self.hosts[slot] = Host(double)

    @rule(slot=slots)
    def agent_disconnects(self, slot: int) -> None:
        host = self.hosts.get(slot)
        if host is not None and host.connected:
            host.connected = False
            host.double.disconnect()

    @rule(slot=slots)
    def agent_comes_back(self, slot: int) -> None:
        host = self.hosts.get(slot)
        if host is not None:
            self.obey()
            host.reregister()

    @rule(slot=slots)
    def agent_forgets_and_comes_back(self, slot: int) -> None:
        """Its tasks died with it; it does not name them."""
        host = self.hosts.get(slot)
        if host is not None:
            host.tasks.clear()
            host.executors.clear()
            self.agent_disconnects(slot)
            host.reregister()

    @rule(slot=slots)
    def agent_falls_silent(self, slot: int) -> None:
        host = self.hosts.get(slot)
        if host is not None:
            host.double.fall_silent()

    @rule(slot=slots)
    def agent_unregisters(self, slot: int) -> None:
        host = self.hosts.get(slot)
        if host is not None and host.connected:
            host.double.say(internal.UnregisterAgent(agent_id=host.double.id))
            del self.hosts[slot]

    @rule(slot=slots)
    def agent_is_marked_gone(self, slot: int) -> None:
        """It hears of it at once if it is there, else when it is back."""
        host = self.hosts.get(slot)
        if host is not None and host.double.id in self.world.state.agents:
            self.world.mark_gone(host.double.id)
            host.connected = False

    @rule(slot=slots, pick=st.integers(0, 5), state=states, ahead=st.none() | states)
    def agent_updates(self, slot: int, pick: int, state: TaskState, ahead: TaskState | None) -> None:
        """A task goes on; perhaps the agent has heard more of it than it tells now."""
        host = self.hosts.get(slot)
        if host is None or not host.connected:
            return
        if not host.tasks:
            host.double.update("nobody", "nothing", state)
            return
        running = list(host.tasks.values())[pick % len(host.tasks)]
        if TERMINAL[running.state]:
            if running.unacknowledged is not None:
                host.send(running, running.unacknowledged)
            return
        latest = ahead if ahead is not None and TERMINAL[ahead] and not TERMINAL[state] else state
        running.state = state
        running.unacknowledged = host.double.update(running.framework_id, running.info.task_id, state, latest=latest)
        if latest is not state:
            running.state = latest
            running.unacknowledged = host.double.update(
                running.framework_id, running.info.task_id, latest, latest=latest
            )

    @rule(slot=slots, status=st.integers(-1, 9))
    def executor_exits(self, slot: int, status: int) -> None:
        host = self.hosts.get(slot)
        if host is None or not host.connected or not host.executors:
            return
        key = next(iter(host.executors))
        del host.executors[key]
        for task in host.tasks.values():
            alive = not TERMINAL[task.state]
            if task.executor is not None and (task.framework_id, task.executor.executor_id) == key and alive:
                task.state = TaskState.TASK_FAILED
                task.unacknowledged = host.double.update(key[0], task.info.task_id, task.state, latest=task.state)
        host.double.say(
            internal.ExitedExecutor(framework_id=FrameworkID(key[0]), executor_id=ExecutorID(key[1]), status=status)
        )

    # ---- frameworks

    @rule(slot=slots, aware=st.booleans(), checkpoint=st.booleans(), timeout=st.sampled_from([0.0, 30.0, 300.0]))
    def framework_subscribes(self, slot: int, aware: bool, checkpoint: bool, timeout: float) -> None:
        """A new framework, or the old one fails over, or one that is gone begins anew."""
        scheduler = self.schedulers.get(slot)
        if scheduler is not None and scheduler.id not in self.world.state.completed_frameworks:
            scheduler.subscribe()
            return
        capabilities = (builders.CAPABILITY.PARTITION_AWARE,) if aware else ()
        self.schedulers[slot] = self.world.scheduler(
            name=f"f{slot}", roles=(f"r{slot}",), capabilities=capabilities, checkpoint=checkpoint,
            failover_timeout=timeout,
        )  # fmt: skip

    @rule(slot=slots)
    def framework_disconnects(self, slot: int) -> None:
        if slot in self.schedulers:
            self.schedulers[slot].disconnect()

    @rule(slot=slots, type_=st.sampled_from([Call.Type.REVIVE, Call.Type.SUPPRESS, Call.Type.TEARDOWN]))
    def framework_says(self, slot: int, type_: Call.Type) -> None:
        self.call(slot, type_)

    @rule(slot=slots, pick=st.integers(0, 5))
    def framework_kills(self, slot: int, pick: int) -> None:
        scheduler = self.schedulers.get(slot)
        if scheduler is not None and scheduler.id in self.world.state.frameworks:
            known = [*self.world.state.frameworks[scheduler.id].tasks, "unknown"]
            self.call(slot, Call.Type.KILL, kill=Call.Kill(task_id=TaskID(known[pick % len(known)])))

    @rule(slot=slots, task_id=task_ids, agent=st.sampled_from([None, "m-S0", "m-S1", "nowhere"]))
    def framework_reconciles(self, slot: int, task_id: str, agent: str | None) -> None:
        agent_id = None if agent is None else AgentID(agent)
        asked = (Call.Reconcile.Task(task_id=TaskID(task_id), agent_id=agent_id),) if agent != "nowhere" else ()
        self.call(slot, Call.Type.RECONCILE, reconcile=Call.Reconcile(tasks=asked))

    @rule(slot=slots, refuse_s=st.sampled_from([0.0, 5.0, -1.0, 1e9]))
    def framework_declines(self, slot: int, refuse_s: float) -> None:
        scheduler = self.schedulers.get(slot)
        if scheduler is not None:
            scheduler.decline(OfferID("nope"), *self.offers(slot)[-2:], refuse_s=refuse_s)

    @rule(
        slot=slots,
        task_id=task_ids,
        cpus=st.sampled_from([0.5, 1, 3]),
        kind=st.sampled_from(["command", "executor", "group"]),
        refuse_s=st.sampled_from([0.0, 60.0]),
        stale=st.booleans(),
    )
    def framework_accepts(self, slot: int, task_id: str, cpus: float, kind: str, refuse_s: float, stale: bool) -> None:
        """One offer, one task; sometimes on an offer that is none any more."""
        holders = [number % 3 for number in (slot, slot + 1, slot + 2) if self.alive(number % 3)]
        slot = slot if stale or not holders else holders[0]
        scheduler = self.schedulers.get(slot)
        offers = self.offered(slot) if stale else self.alive(slot)
        if scheduler is None or not offers:
            return
        offer = offers[0 if stale else -1]
        fields: dict[str, Any] = {"cpus": cpus, "mem": 64}
        if kind == "executor":
            fields["executor"] = builders.executor("e")
        task = builders.task(task_id, offer.agent_id, **fields)
        operation = builders.launch(task)
        if kind == "group":
            group_executor = builders.default_executor("g", scheduler.id, resources=small_executor())
            operation = builders.launch_group(group_executor, task, builders.task("second", offer.agent_id, cpus=0.1))
        scheduler.accept([offer], operation, refuse_s=refuse_s)
        assert offer.id not in self.world.state.offers or stale
        self.obey()

    @rule(slot=slots)
    def framework_acknowledges(self, slot: int) -> None:
        scheduler = self.schedulers.get(slot)
        if scheduler is None:
            return
        for status in scheduler.statuses():
            if status.uuid is not None:
                scheduler.acknowledge(status)
        self.read(scheduler)

    # ---- operators, and time

    @rule(slot=slots, guarantee=st.integers(0, 2), limit=st.none() | st.integers(0, 4), force=st.booleans())
    def operator_sets_quota(self, slot: int, guarantee: float, limit: float | None, force: bool) -> None:
        """I9 is among the core's invariants; what is refused changes nothing."""
        config = builders.quota(f"r{slot}", {"cpus": guarantee}, {} if limit is None else {"cpus": limit})
        frame = self.world.apply(ChangeQuota, ChangeQuota((config,), force))
        assert frame.reply is None or not (frame.sends or frame.changes or frame.writes)

    @rule(seconds=st.sampled_from([0.0, 1.0, 10.0, 80.0, 700.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.advance(seconds)

    # ---- helpers

    def call(self, slot: int, type_: Call.Type, **payload: Any) -> None:
        scheduler = self.schedulers.get(slot)
        if scheduler is not None:
            frame = scheduler.call(type_, **payload)
            if isinstance(frame.reply, Problem):
                assert not frame.sends
                assert not frame.changes

    def offered(self, slot: int) -> list[Any]:
        scheduler = self.schedulers.get(slot)
        if scheduler is None:
            return []
        return [offer for word in scheduler.unread if word.offers is not None for offer in word.offers.offers]

    def alive(self, slot: int) -> list[Any]:
        return [offer for offer in self.offered(slot) if offer.id in self.world.state.offers]

    def offers(self, slot: int) -> list[OfferID]:
        return [offer.id for offer in self.offered(slot)]

    def read(self, scheduler: Scheduler) -> None:
        """Judge what the scheduler has heard of its tasks (I3)."""
        for status in scheduler.statuses():
            if status.reason in ANSWERS:
                continue
            key = (scheduler.id, status.task_id)
            before = self.ended.get(key)
            if before is not None and status.uuid != before.uuid:
                assert status.state is before.state, f"I3: {status} after {before}"
            if status.uuid is not None and TERMINAL[status.state]:
                self.ended[key] = status
        offers = [word for word in scheduler.unread if word.offers is not None]
        scheduler.unread[:] = offers[-3:]

    def obey(self) -> None:
        for scheduler in self.schedulers.values():
            self.read(scheduler)
        for host in self.hosts.values():
            for message in host.double.heard:
                if isinstance(message, internal.RunTask):
                    self.ended.pop((str(message.framework.id), message.task.task_id), None)
                elif isinstance(message, internal.RunTaskGroup):
                    for task in message.task_group.tasks:
                        self.ended.pop((str(message.framework.id), task.task_id), None)
            host.obey(self.world)
        self.hosts = {slot: host for slot, host in self.hosts.items() if not host.told_to_exit}

    @invariant()
    def everybody_obeys(self) -> None:
        self.world.settle()
        self.obey()


def small_executor() -> tuple[Resource, ...]:
    """One agent has no disk, and refuses groups for that."""
    return builders.resources(cpus=0.1, mem=32, disk=1)


def walk(seed: int, steps: int) -> MasterMachine:
    """The same rules drawn with weights of a busy cluster, much deeper than hypothesis goes."""
    rng = random.Random(seed)
    machine = MasterMachine()
    machine.cluster_is_up(rng.random() < 0.5, rng.random() < 0.5, rng.choice([None, Rate(1, 300)]))

    def slot() -> int:
        return rng.randrange(3)

    rules: list[tuple[int, Any]] = [
        (3, lambda: machine.agent_registers(slot())),
        (2, lambda: machine.agent_disconnects(slot())),
        (4, lambda: machine.agent_comes_back(slot())),
        (1, lambda: machine.agent_forgets_and_comes_back(slot())),
        (1, lambda: machine.agent_falls_silent(slot())),
        (1, lambda: machine.agent_unregisters(slot())),
        (1, lambda: machine.agent_is_marked_gone(slot())),
        (
            60,
            lambda: machine.agent_updates(
                slot(), rng.randrange(9), rng.choice(REPORTED), rng.choice([None, None, *REPORTED])
            ),
        ),
        (5, lambda: machine.executor_exits(slot(), rng.randrange(3))),
        (
            4,
            lambda: machine.framework_subscribes(
                slot(), rng.random() < 0.5, rng.random() < 0.5, rng.choice([0.0, 30.0, 300.0])
            ),
        ),
        (1, lambda: machine.framework_disconnects(slot())),
        (5, lambda: machine.framework_says(slot(), rng.choice([Call.Type.REVIVE] * 9 + [Call.Type.SUPPRESS]))),
        (1, lambda: machine.framework_says(slot(), Call.Type.TEARDOWN) if rng.random() < 0.3 else None),
        (8, lambda: machine.framework_kills(slot(), rng.randrange(9))),
        (
            4,
            lambda: machine.framework_reconciles(
                slot(), f"t{rng.randrange(6)}", rng.choice([None, "m-S0", "m-S1", "nowhere"])
            ),
        ),
        (5, lambda: machine.framework_declines(slot(), rng.choice([0.0, 5.0, -1.0]))),
        (
            60,
            lambda: machine.framework_accepts(
                slot(),
                f"t{rng.randrange(15)}",
                rng.choice([0.1, 0.1, 0.2, 0.5, 3]),
                rng.choice(["command", "command", "executor", "group"]),
                0.0,
                rng.random() < 0.05,
            ),
        ),
        (50, lambda: machine.framework_acknowledges(slot())),
        (2, lambda: machine.operator_sets_quota(slot(), rng.choice([0, 1]), rng.choice([None, 1, 2, 4]), True)),
        (40, lambda: machine.time_passes(rng.choice([1.0, 1.0, 1.0, 10.0]))),
        (1, lambda: machine.time_passes(rng.choice([80.0, 80.0, 700.0]))),
    ]
    weights = [weight for weight, _ in rules]
    for _, step in rng.choices(rules, weights, k=steps):
        step()
        machine.everybody_obeys()
    return machine


@pytest.mark.parametrize("seed", range(6))
def test_a_long_walk(seed: int) -> None:
    """600 steps of a busy cluster break no rule; on failure ``walk(seed, 600)`` shows the same again."""
    machine = walk(seed, 600)
    assert len(machine.world.changes(TaskAdded)) > 15, "the walk has become too tame to show anything"


MasterMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
TestMaster = MasterMachine.TestCase
