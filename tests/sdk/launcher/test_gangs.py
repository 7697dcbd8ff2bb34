"""Gangs: all or none, one of them holding at a time, none of them for ever."""

from __future__ import annotations

from random import Random

import pytest

from mesos_py.machine.values import SECOND
from mesos_py.sdk.launcher import Habits, Restart, Spec, words
from mesos_py.sdk.launcher.instances import State
from mesos_py.sdk.matching import Locality, Request
from mesos_py.wire.task import TaskState
from tests.sdk.launcher.world import ONE, RUNNING, TASK, World, hosts


def gang(name: str, count: int, **fields: object) -> Spec:
    return Spec(name, TASK, count=count, request=ONE, gang=name, **fields)


def test_offers_are_held_until_there_are_enough() -> None:
    """Nothing is asked for until the third agent's offer is there; then everything is, at once."""
    world = World(Random(1), hosts(3, "cpus:2;mem:1"), [gang("g", 6)])
    for number in range(2):
        world.offer_all(f"a{number}")
        assert world.core.hold is not None
        assert len(world.core.hold.offers) == number + 1
        assert world.launched == []
    world.offer_all("a2")
    assert len(world.launched) == 6
    assert world.core.hold is None
    assert not world.wanted


def test_what_is_held_in_vain_is_given_back_and_held_longer_ago_each_time() -> None:
    """A gang that is too large holds, lets go, and waits twice as long as before; another is launched meanwhile."""
    habits = Habits(hold_s=10)
    world = World(Random(1), hosts(2, "cpus:2;mem:1"), [gang("g", 5)], habits)
    pauses = []
    for _ in range(4):
        world.offer_all()
        assert world.core.hold is not None
        assert len(world.core.hold.offers) == 2
        world.advance(10 * SECOND)
        assert world.core.hold is None
        assert all(agent.offer is None for agent in world.agents.values())
        assert not world.wanted
        pauses.append((world.core.deadline() - world.now) / SECOND)
        world.advance(world.core.deadline() - world.now)
        assert world.wanted
    assert [round(pause / 10) for pause in pauses] == [1, 2, 4, 8]
    assert world.launched == []


def test_a_gang_that_waits_says_for_how_many_there_is_room() -> None:
    world = World(Random(1), hosts(2, "cpus:2;mem:1"), [gang("g", 5)], Habits(hold_s=10))
    world.offer_all()
    assert world.core.explain("g", world.now).text == "2 of 2 hosts fit, with room for 4 of 5 tasks"


def test_a_gang_waits_for_its_data_through_its_pauses() -> None:
    """Near its data is room for half of it. It holds that in vain, and then has waited long enough for any host."""
    near = Request.of(cpus=1, locality=Locality(hosts=("h0",), host_wait_s=15))
    spec = Spec("g", TASK, count=4, request=near, gang="g")
    world = World(Random(1), hosts(2, "cpus:2;mem:1"), [spec], Habits(hold_s=10))
    world.offer_all()
    assert world.core.hold is not None
    assert [offer.hostname for offer in world.core.hold.offers.values()] == ["h0"]
    world.advance(22 * SECOND)
    world.offer_all()
    assert len(world.launched) == 4


def test_two_gangs_do_not_hold_against_each_other() -> None:
    """Each needs all three agents. The first in order holds, the second takes nothing; both run one after the other."""
    specs = [gang("g", 6, restart=Restart.ON_FAILURE), gang("h", 6, restart=Restart.ON_FAILURE, priority=1)]
    world = World(Random(1), hosts(3, "cpus:2;mem:1"), specs)
    world.offer_all("a0")
    world.offer_all("a1")
    assert world.core.hold is not None
    assert world.core.hold.gang == "h"
    world.offer_all("a2")
    assert {task_id[0] for task_id in world.launched} == {"h"}
    for agent in world.agents.values():
        for task in agent.tasks.values():
            task.state = TaskState.TASK_FINISHED
    world.reconcile()
    world.advance(2 * SECOND)
    world.offer_all()
    assert len(world.launched) == 12


def test_others_are_launched_past_a_gang_that_holds() -> None:
    """They get what the gang does not need, and none of what it does."""
    small = Spec("s", TASK, count=4, request=Request.of(mem=1))
    world = World(Random(1), [*hosts(1, "cpus:2;mem:9"), *hosts(2, "mem:9")[1:]], [gang("g", 4, priority=1), small])
    world.offer_all()
    assert world.core.hold is not None
    assert [offer.hostname for offer in world.core.hold.offers.values()] == ["h0"]
    assert len(world.agents["a1"].tasks) == 4


def test_a_rescinded_offer_is_not_held() -> None:
    world = World(Random(1), hosts(2, "cpus:2;mem:1"), [gang("g", 5)])
    world.offer_all()
    world.rescind(world.agents["a0"])
    assert world.core.hold is not None
    assert len(world.core.hold.offers) == 1
    world.rescind(world.agents["a1"])
    assert world.core.hold is None


@pytest.mark.parametrize("end", [TaskState.TASK_FAILED, TaskState.TASK_LOST, TaskState.TASK_KILLED])
def test_a_gang_that_loses_one_begins_again(end: TaskState) -> None:
    """The others are killed, those that had finished are done again, and only when all have ended they start."""
    world = World(Random(1), hosts(3, "cpus:2;mem:1"), [gang("g", 4, restart=Restart.ON_FAILURE)])
    world.offer_all()
    first, second, *rest = world.launched
    world.start_tasks()
    world.reconcile()
    world.update(second, TaskState.TASK_FINISHED)
    assert world.states("g").count(State.OVER) == 1
    world.update(first, end)
    assert {*world.unwanted} == {*rest}
    assert sorted(state.value for state in world.states("g")) == ["stopping", "stopping", "waiting", "waiting"]
    world.advance(5 * SECOND)
    world.offer_all()
    assert len(world.launched) == 4
    for agent in world.agents.values():
        for task_id in (first, second):
            agent.tasks.pop(task_id, None)
    world.kill_unwanted()
    world.reconcile()
    world.advance(5 * SECOND)
    world.offer_all()
    assert len(world.launched) == 8
    world.settle()
    assert world.states("g") == [State.RUNNING] * 4


def test_nobody_waits_for_one_that_has_left_the_gang() -> None:
    """It is declared on its own while its task is still to end; the others start without it."""
    x, y = (Spec(name, TASK, count=1, request=ONE, gang="m", unreachable_s=None) for name in "xy")
    world = World(Random(1), hosts(2, "cpus:2;mem:1"), [x, y])
    world.offer_all()
    world.start_tasks()
    world.reconcile()
    world.update(next(task_id for task_id in world.launched if task_id.startswith("y")), TaskState.TASK_LOST)
    assert (world.states("x"), world.states("y")) == ([State.STOPPING], [State.WAITING])
    world.offer_all()
    assert len(world.launched) == 2
    world.declare(Spec("x", TASK, count=1, request=ONE, unreachable_s=None), y)
    world.offer_all()
    assert [task_id[0] for task_id in world.launched[2:]] == ["y"]
    world.declare(x, y)
    world.settle()
    assert (world.states("x"), world.states("y")) == ([State.RUNNING], [State.RUNNING])


def test_a_gang_is_given_up_as_one() -> None:
    world = World(Random(1), hosts(2, "cpus:2;mem:1"), [gang("g", 3, restart=Restart.NEVER)])
    world.offer_all()
    world.update(world.launched[0], TaskState.TASK_FAILED)
    world.settle(3)
    assert world.states("g") == [State.OVER] * 3
    assert not any(instance.finished for instance in world.core.instances())
    world.start()
    assert world.states("g") == [State.OVER] * 3
    assert not world.wanted


@pytest.mark.parametrize("seed", range(30))
def test_every_gang_that_fits_runs_to_its_end(seed: int) -> None:
    """Gangs of any size that the cluster has room for, on offers that come one by one: each is launched whole, and all
    of them finish in bounded time, the one that is too large notwithstanding."""
    rng = Random(seed)
    specs = [
        gang(f"g{n}", rng.randint(1, 12), restart=Restart.ON_FAILURE, priority=rng.randint(0, 2))
        for n in range(rng.randint(2, 6))
    ]
    specs.append(gang("large", 13, priority=rng.randint(0, 3)))
    world = World(rng, hosts(4, "cpus:3;mem:1"), specs, Habits(hold_s=20))
    for _ in range(400):
        world.offer_all(f"a{rng.randrange(4)}")
        for agent in world.agents.values():
            for task in agent.tasks.values():
                if rng.random() < 0.3:
                    task.state = TaskState.TASK_FINISHED if task.state is RUNNING else RUNNING
        world.reconcile()
        world.advance(2 * SECOND)
    for spec in specs[:-1]:
        assert world.states(spec.name) == [State.OVER] * spec.count, spec.name
    assert world.states("large") == [State.WAITING] * 13
    began = [change for frame in world.frames for change in frame.changes if isinstance(change, words.HoldBegan)]
    assert any(change.gang == "large" for change in began)
