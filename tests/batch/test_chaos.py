"""Anything in any order, the framework killed between any two words: no job is lost, and none is run twice that was not
lost, preempted or in a gang."""

from __future__ import annotations

import json
from random import Random

import pytest

from frameworks.batch import words
from frameworks.batch.core import Habits
from frameworks.batch.entry import parsed
from mesos_py.machine.values import SECOND
from mesos_py.wire.ids import TaskID
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.task import TaskState
from tests.batch.world import ENDS, UNREACHABLE, World, hosts

STEPS = 150
FINISHED, FAILED = TaskState.TASK_FINISHED, TaskState.TASK_FAILED


class Chaos(World):
    """Looks at every launch."""

    #: that the framework may have taken for lost
    doubtful: dict[TaskID, None]

    def __init__(self, rng: Random) -> None:
        self.doubtful = {}
        self.jobs = 0
        habits = Habits(
            patience_s=20, hold_s=30, preempt_after_s=15, refuse_s=10, revive_every_s=1, ended_max=10**6,
            starting_max=rng.choice([4, 2_000]), launches_max=rng.choice([1, 3, 200]),
        )  # fmt: skip
        super().__init__(rng, hosts(4, "cpus:4;mem:8000"), habits)

    def _accept(self, call: Call) -> None:
        if not self.is_cut:
            for info in call.accept.operations[0].launch.task_infos:
                self._look(info.task_id)
        super()._accept(call)

    def _look(self, task_id: TaskID) -> None:
        """No earlier attempt runs or has done the work, as far as anybody could know."""
        job, position, submission, attempt = parsed(task_id)
        for other in self.launched:
            if other not in self.doubtful and parsed(other)[:3] == (job, position, submission):
                assert parsed(other)[3] < attempt
                assert other not in self.alive(), f"{task_id} while {other} runs"
                is_again = job.startswith("g") or self.ends.get(other) is not FINISHED
                assert is_again, f"{task_id} though {other} has finished"

    def submit_something(self) -> None:
        rng, number = self.rng, self.jobs
        self.jobs += 1
        base = {"retry": {"max": rng.randrange(3), "delay_s": rng.randrange(20)}, "unreachable_s": 20,
                "priority": rng.randrange(3), "user": rng.choice("abc")}  # fmt: skip
        kind = rng.randrange(4)
        if kind == 0:
            self.submit({**base, "name": f"s{number}", "resources": {"cpus": rng.choice([1, 4])}})
        elif kind == 1:
            self.submit({**base, "name": f"a{number}", "array": f"1-{rng.randrange(1, 12)}%3"})
        elif kind == 2:
            self.submit({**base, "name": f"g{number}", "gang": rng.randrange(2, 6), "resources": {"cpus": 2}})
        else:
            on = rng.choice(["success", "failure", "completion"])
            self.submit(
                {**base, "name": f"d{number}.a"},
                {**base, "name": f"d{number}.b", "depends": [{"job": f"d{number}.a", "on": on}]},
            )

    def step(self) -> None:
        rng = self.rng
        agent = rng.choice(list(self.agents.values()))
        task_ids = [task_id for task_id, task in agent.tasks.items() if task.state not in ENDS]
        task_id = rng.choice(task_ids) if task_ids else None
        match rng.randrange(16):
            case 0 if self.jobs < 25:
                self.submit_something()
            case 1 | 2 | 3:
                self.offer_all()
            case 4 | 5 if task_id is not None and agent.is_reachable and not self.is_cut:
                self.end(task_id, rng.choice([FINISHED, FINISHED, FAILED]))
            case 6 if task_id is not None:  # its end is not told yet
                agent.tasks[task_id].state = self.ends[task_id] = FINISHED
            case 7:
                self.kill_unwanted()
                self.reconcile()
            case 8:
                self.advance(rng.randrange(30) * SECOND)
            case 9 if agent.is_reachable and not self.is_cut:
                agent.is_reachable = False
                self.rescind(agent)
                for one in agent.tasks:
                    self.doubtful[one] = None
                    if one in self.book:
                        self.update(one, UNREACHABLE)
            case 10:
                agent.is_reachable = True
            case 11:
                self.cut()
            case 12:
                self.is_cut = False
            case 13:
                self.start()
            case 14:
                self.rescind(agent)
            case 15 if self.core.entries:
                name = rng.choice(list(self.core.entries))
                verb = rng.choice([words.Hold, words.Release, words.Release, words.Cancel])
                self.tell(verb(name))


@pytest.mark.parametrize("seed", range(40))
def test_nothing_is_lost_and_nothing_is_run_twice(seed: int) -> None:
    rng = Random(seed)
    world = Chaos(rng)
    crashes = iter(int(rng.expovariate(1 / 15)) for _ in range(10**6))
    left = next(crashes)

    def crash() -> bool:
        nonlocal left
        left -= 1
        if left < 0:
            left = next(crashes)
            return True
        return False

    if seed % 2:
        world.crash_at = crash
    for _ in range(STEPS):
        world.step()
    world.crash_at = lambda: False
    for name, entry in list(world.core.entries.items()):
        if entry.is_held and entry.end is None:
            world.tell(words.Release(name))
    world.drain()
    for entry in world.core.entries.values():
        if entry.state == "succeeded":
            assert entry.succeeded == entry.job.size
        elif entry.state == "failed":
            assert entry.failed > 0
    assert {one.submission for one in world.core.entries.values()} == {
        number for number in range(1, world.core.next_submission) if f"batch/submission/{number}" in world.records
    }
    for name, record in world.records.items():
        if name.startswith("batch/task/"):
            numbers = [attempt[0] for attempt in json.loads(record)["attempts"]]
            assert numbers == sorted({*numbers}), f"{name} counts an attempt twice"
    assert not world.alive() and not world.core.tasks
