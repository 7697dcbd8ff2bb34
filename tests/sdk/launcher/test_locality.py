"""Delay scheduling: a task stands no farther from its data than it has waited for, and no longer waits than it must."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from mesos_py.machine.values import SECOND
from mesos_py.sdk.launcher import Habits, Spec, words
from mesos_py.sdk.launcher.specs import parsed
from mesos_py.sdk.matching import Locality, Request
from mesos_py.wire.task import TaskState
from tests.sdk.launcher.world import RUNNING, TASK, World, hosts


def some_locality(rng: Random) -> Locality:
    return Locality(
        hosts=tuple(rng.sample([f"h{n}" for n in range(8)], rng.randint(0, 2))),
        zones=tuple(rng.sample(["z0", "z1", "z2"], rng.randint(0, 2))),
        host_wait_s=rng.choice([0, 3, 10]), zone_wait_s=rng.choice([0, 3, 10]),
    )  # fmt: skip


def launches(world: World, begun: int) -> Iterator[tuple[str, int, str, int]]:
    """Spec, number and host of what was launched since, and when."""
    for frame in world.frames[begun:]:
        for change in frame.changes:
            if isinstance(change, words.Launched):
                yield *parsed(change.task_id)[:2], change.hostname, frame.now


@pytest.mark.parametrize("seed", range(60))
def test_waits_are_kept(seed: int) -> None:
    """Tasks end now and then, and wait again from then on. Offers come every second, of whatever is free."""
    rng = Random(seed)
    wishes = {f"s{n}": some_locality(rng) for n in range(3)}
    specs = [
        Spec(name, TASK, count=rng.randint(1, 6), request=Request.of(cpus=1, locality=wish))
        for name, wish in wishes.items()
    ]
    world = World(rng, hosts(8, "cpus:3;mem:1"), specs, Habits(refuse_s=rng.choice([1.0, 100.0])))
    zones = {agent.template.hostname: agent.template.domain.fault_domain.zone.name for agent in world.agents.values()}
    #: since when those that wait have waited, by spec and number
    waiting = {(spec.name, number): world.now for spec in specs for number in range(spec.count)}
    for _ in range(60):
        world.advance(SECOND)
        begun = len(world.frames)
        world.offer_all()
        for name, number, hostname, now in launches(world, begun):
            waited = now - waiting.pop((name, number))
            assert wishes[name].of(hostname, zones[hostname]) <= wishes[name].allowed(waited), (seed, name, hostname)
        for (name, _), since in waiting.items():
            longest_s = wishes[name].host_wait_s + wishes[name].zone_wait_s
            assert world.now - since <= (longest_s + 1) * SECOND, (seed, name)
        for agent in world.agents.values():
            for task_id, task in list(agent.tasks.items()):
                task.state = RUNNING
                if rng.random() < 0.03:
                    task.state = TaskState.TASK_LOST
                    waiting[parsed(task_id)[:2]] = world.now
        world.reconcile()


def test_declaring_it_again_does_not_make_it_wait_longer() -> None:
    def spec() -> Spec:
        return Spec("s", TASK, request=Request.of(cpus=1, locality=Locality(hosts=("h9",), host_wait_s=10)))

    world = World(Random(1), hosts(1), [spec()])
    for _ in range(5):
        world.advance(2 * SECOND)
        world.declare(spec())
    world.offer_all()
    assert len(world.launched) == 1


def test_a_near_host_that_is_free_is_taken_at_once() -> None:
    """And a far one is not taken as long as it need not be, though it is offered."""
    wish = Locality(hosts=("h1",), host_wait_s=10)
    spec = Spec("s", TASK, count=5, request=Request.of(cpus=1, locality=wish))
    world = World(Random(1), hosts(2, "cpus:4;mem:1"), [spec])
    world.offer_all()
    assert [agent.template.hostname for agent in world.agents.values() for _ in agent.tasks] == ["h1"] * 4
    world.advance(10 * SECOND)
    world.offer_all()
    assert [agent.template.hostname for agent in world.agents.values() for _ in agent.tasks] == ["h0", *["h1"] * 4]
