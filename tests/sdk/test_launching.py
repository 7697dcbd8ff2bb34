"""A launcher on simulated clusters: through faults, nothing twice, and exactly what was declared in the end."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random

import pytest

from mesos_py import sdk
from mesos_py.sdk.launcher import Backoff, Restart, Spec
from mesos_py.sdk.launcher.specs import parsed
from mesos_py.sdk.launching import Launcher
from mesos_py.sdk.matching import Request
from mesos_py.sdk.testing import LEADER, Cluster, Fate, simulated
from mesos_py.wire.task import TaskInfo

SLEEP = sdk.command("t", "sleep 1000")


def for_ever(task: TaskInfo) -> Fate:
    return Fate()


def service(name: str, count: int, **fields: object) -> Spec:
    request = Request.of(cpus=1, mem=32, constraints=[("hostname", "MAX_PER", "2")])
    return Spec(name, SLEEP, count=count, request=request, **fields)


def running(cluster: Cluster, *, may_be_two: bool = False) -> Counter[str]:
    """Tasks that really run, by spec; of no instance two."""
    found = [parsed(task_id) for tasks in cluster.running.values() for task_id in tasks]
    places = Counter((name, number) for name, number, _ in found)
    assert may_be_two or all(count == 1 for count in places.values()), places
    return Counter(name for name, _, _ in found)


def launcher(patience_s: float | None = None) -> Launcher:
    specs = [
        service("web", 5, unreachable_s=patience_s),
        Spec("gang", SLEEP, count=4, request=Request.of(cpus=1, mem=32), gang="gang", unreachable_s=patience_s),
    ]
    return Launcher(name="launcher", specs=specs, failover_timeout_s=3600.0)


@simulated
async def test_what_is_declared_runs() -> None:
    """More when more is declared, less when less is; and no offer is wanted when nothing is missing."""
    async with Cluster(agents=4, outcomes=for_ever) as cluster:
        program = cluster.start(launcher)
        await cluster.until(lambda: running(cluster) == {"web": 5, "gang": 4})
        scheduler = program.scheduler
        assert isinstance(scheduler, Launcher)
        await cluster.until(lambda: {one.state.value for one in scheduler.instances("web")} == {"running"})
        with pytest.raises(ValueError, match="wants offers in role 'x'; we are of"):
            await scheduler.declare(Spec("x", SLEEP, request=Request.of(role="x")))
        large = Spec("large", SLEEP, request=Request.of(cpus=9, mem=1))
        await scheduler.declare(service("web", 7, unreachable_s=None), service("new", 1), large)
        await cluster.until(lambda: running(cluster) == {"web": 7, "new": 1})
        await cluster.until(lambda: scheduler.funnel("large")[-2].declined, within_s=200.0)
        assert "cpus: 9 wanted" in scheduler.why("large").text
        await scheduler.declare()
        await cluster.until(lambda: not cluster.running)


@simulated
async def test_what_agents_can_do_is_known() -> None:
    """The master is asked, since offers do not tell."""
    async with Cluster(agents=3, outcomes=for_ever) as cluster:
        able = Spec("able", SLEEP, count=2, request=Request.of(cpus=1, mem=32, capabilities=["MULTI_ROLE"]))
        unable = Spec("unable", SLEEP, request=Request.of(cpus=1, mem=32, capabilities=["FLYING"]))
        program = cluster.start(lambda: Launcher(name="launcher", specs=[able, unable]))
        await cluster.until(lambda: running(cluster) == {"able": 2})
        scheduler = program.scheduler
        assert isinstance(scheduler, Launcher)
        lacking = "capabilities: FLYING wanted, others found"
        await cluster.until(lambda: lacking in scheduler.why("unable").text, within_s=200.0)


@simulated
async def test_another_version_is_rolled_out() -> None:
    """By whoever is started next, and a few at a time."""
    async with Cluster(agents=4, outcomes=for_ever) as cluster:
        version = ["1"]
        request = Request.of(cpus=1, mem=32)
        program = cluster.start(lambda: Launcher(name="l", specs=[Spec("web", SLEEP, count=4, request=request,
                                                                       version=version[0])]))  # fmt: skip
        await cluster.until(lambda: running(cluster) == {"web": 4})
        first = {task_id for tasks in cluster.running.values() for task_id in tasks}
        program.crash()
        version[0] = "2"
        program.start()
        fewest = 4

        def is_done() -> bool:
            nonlocal fewest
            now = running(cluster, may_be_two=True)["web"]
            fewest = min(fewest, now)
            return now == 4 and not first & {task_id for tasks in cluster.running.values() for task_id in tasks}

        await cluster.until(is_done, within_s=300.0)
        assert fewest >= 3


@simulated
async def test_jobs_end_and_are_not_done_again() -> None:
    """Forty tasks that fail now and then, on room for eight: each finishes once."""
    rng = Random(1)

    def outcomes(task: TaskInfo) -> Fate:
        return Fate(run=2.0, exit=1 if rng.random() < 0.3 else 0)

    ended: Counter[str] = Counter()

    class Jobs(Launcher):
        name = "jobs"
        specs = (
            Spec(
                "job", SLEEP, count=40, request=Request.of(cpus=1, mem=32), restart=Restart.ON_FAILURE,
                backoff=Backoff(first_s=1.0),
            ),
        )  # fmt: skip

        async def on_ended(self, told: object) -> None:
            ended[told.state.name] += 1
            if ended["TASK_FINISHED"] == 40:
                await self.teardown()

    async with Cluster(agents=2, outcomes=outcomes) as cluster:
        program = cluster.start(Jobs)
        await cluster.until(lambda: program.has_ended, within_s=300.0)
        assert ended["TASK_FAILED"] > 0
        assert len(program.book) == sum(ended.values())


SEEDS = 5
AGENTS = ("a0", "a1", "a2", "a3", "a4")
FAULTS = {
    "restart master": (LEADER,), "stop master": (LEADER,), "cut off from zookeeper": (LEADER,),
    "restart agent": AGENTS, "partition": (*AGENTS, "f0"), "reset": (*AGENTS, "f0"),
    "restart framework": ("f0",), "rival": ("f0",), "stall framework": ("f0",),
}  # fmt: skip


@pytest.mark.parametrize("patience_s", [None, 30.0])
@pytest.mark.parametrize("seed", range(SEEDS))
@simulated
async def test_nothing_is_launched_twice_whatever_happens(seed: int, patience_s: float | None) -> None:
    """Six faults drawn from the seed. The judges see to it that no id is launched twice. If unreachable tasks are not
    replaced no instance ever has two tasks; if they are, hosts may be lost for good, and what comes back has to go.
    In the end exactly what was declared runs."""
    kinds = FAULTS if patience_s is None else {**FAULTS, "lose host": AGENTS}
    rng, is_calm = Random(seed), False

    def outcomes(task: TaskInfo) -> Fate:
        return Fate() if is_calm or rng.random() < 0.8 else Fate(run=rng.uniform(1, 60), exit=1)

    async with Cluster(agents=5, masters=3, seed=seed, outcomes=outcomes) as cluster:
        program = cluster.start(lambda: launcher(patience_s))
        await cluster.until(lambda: program.book, within_s=60.0)
        for _ in range(6):
            kind = rng.choice(list(kinds))
            cluster.inject(kind, rng.choice(kinds[kind]), for_s=rng.uniform(5, 120))
            for _ in range(20):
                running(cluster, may_be_two=patience_s is not None)
                await asyncio.sleep(rng.uniform(0, 3))
        is_calm = True
        await cluster.settle()
        await cluster.until(lambda: running(cluster, may_be_two=True) == {"web": 5, "gang": 4}, within_s=1200.0)
        running(cluster)
        assert all(record.asked <= 1 for record in program.book.values())
