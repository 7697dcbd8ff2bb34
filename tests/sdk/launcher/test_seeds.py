"""Whatever happens nothing is launched twice, and when it is over exactly what was declared runs."""

from __future__ import annotations

from collections import Counter
from random import Random

import attrs
import pytest

from mesos_py.machine.values import SECOND
from mesos_py.sdk.launcher import Backoff, Habits, Restart, Selection, Spec
from mesos_py.sdk.launcher.instances import State
from mesos_py.sdk.launcher.specs import parsed
from mesos_py.sdk.launcher.updates import ENDS
from mesos_py.sdk.matching import Locality, Request
from mesos_py.wire.task import TaskState
from tests.sdk.launcher.world import TASK, World, hosts

BLOCK = 40


def some_specs(rng: Random) -> list[Spec]:
    """Services of all sorts, and gangs, that fit into six hosts together."""
    made = []
    for name in ("a", "b", "c"):
        request = Request.of(
            cpus=1, mem=1, spread=rng.choice([None, "@zone"]),
            constraints=rng.choice([(), (), [("hostname", "UNIQUE")], [("hostname", "MAX_PER", "2")]]),
            locality=rng.choice([None, None, Locality(hosts=("h1",), zones=("z2",), host_wait_s=5, zone_wait_s=5)]),
        )  # fmt: skip
        made.append(Spec(
            name, TASK, count=rng.randint(0, 4), request=request, priority=rng.randint(0, 1),
            backoff=Backoff(first_s=rng.choice([0, 1, 20])), start_s=rng.choice([None, 15.0]),
            unreachable_s=rng.choice([None, 0.0, 30.0]),
            selection=rng.choice(list(Selection)),
        ))  # fmt: skip
    for name, gang in (("g", "g"), ("x", "m"), ("y", "m")):
        constraints = rng.choice([(), [("hostname", "UNIQUE")]])
        made.append(Spec(
            name, TASK, count=rng.randint(1, 3), request=Request.of(cpus=1, constraints=constraints), gang=gang,
            unreachable_s=rng.choice([None, 0.0]), start_s=rng.choice([None, 30.0]), restart=rng.choice(list(Restart)),
        ))  # fmt: skip
    return made


def disturb(world: World) -> None:
    """One thing happens, most likely a bad one."""
    rng = world.rng
    agent = rng.choice(list(world.agents.values()))
    what = rng.randrange(13)
    if what == 0:
        agent.is_reachable = not agent.is_reachable
    elif what == 1:
        world.rescind(agent)
    elif what == 2:
        world.cut()
    elif what == 3:
        world.is_cut = False
    elif what == 4:
        agent.offer = None  # gone, and the launcher does not know
    elif what == 5 and agent.tasks:
        task = agent.tasks[rng.choice(list(agent.tasks))]
        task.state = rng.choice([TaskState.TASK_FAILED, TaskState.TASK_FINISHED, TaskState.TASK_KILLED])
    elif what == 6:
        kept = [spec for spec in world.specs if spec.unreachable_s is None or rng.random() < 0.9]
        gang = rng.choice([None, "g", "m"])
        world.declare(*[
            attrs.evolve(
                spec, count=rng.randint(0, 4), gang=gang if rng.random() < 0.1 else spec.gang,
                version=rng.choice("12") if rng.random() < 0.3 else spec.version, away_max=rng.randint(1, 2),
            )
            for spec in kept
        ])  # fmt: skip
    elif what == 7:
        world.kill_unwanted()
    elif what == 8:
        world.start_tasks()
    elif what == 9:
        world.reconcile()
    elif what == 10:
        world.start()
    elif what == 11:
        world.advance(rng.randint(0, 20) * SECOND)
    world.offer_all()


@pytest.mark.parametrize("block", range(5))
def test_nothing_is_launched_twice_and_all_of_it_runs_in_the_end(block: int) -> None:
    """The world refuses a task id that it has seen before; at most one task of an instance is alive, unless its spec
    lets one on an unreachable agent be replaced; and after everything has healed there is no more and no less."""
    for seed in range(block * BLOCK, (block + 1) * BLOCK):
        rng = Random(seed)
        habits = Habits(hold_s=10, refuse_s=rng.choice([1.0, 100.0]))
        world = World(rng, hosts(6, "cpus:8;mem:100"), some_specs(rng), habits)
        world.crash_at = lambda rng=rng: rng.random() < 0.03
        for _ in range(rng.randint(20, 120)):
            disturb(world)
            check_one_task_each(world, seed)
        world.settle()
        for spec in world.specs:
            over = world.states(spec.name).count(State.OVER)
            assert len(world.running(spec.name)) + over == spec.count, (seed, spec.name, world.states(spec.name))
            live = [one for one in world.core.groups[spec.name].instances.values() if one.is_live]
            assert {one.version for one in live} <= {spec.version}, (seed, spec.name)
        known = {spec.name for spec in world.specs}
        assert all(parsed(task_id)[0] in known for task_id in all_running(world)), seed
        assert not world.wanted, seed
        assert world.core.hold is None, seed


def all_running(world: World) -> list[str]:
    return [
        task_id for agent in world.agents.values() for task_id, task in agent.tasks.items() if task.state not in ENDS
    ]


def check_one_task_each(world: World, seed: int) -> None:
    patient = {spec.name for spec in world.specs if spec.unreachable_s is None}
    places: Counter[tuple[str, int]] = Counter()
    for task_id in all_running(world):
        name, number, _ = parsed(task_id)
        if name in patient:
            places[name, number] += 1
    assert all(count == 1 for count in places.values()), (seed, places)
