"""``examples/hello.py``, unmodified, on simulated clusters: F01 to F05 and F17 to F21, a few seeds each."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from types import ModuleType

import pytest

from mesos_py import sdk
from mesos_py.sdk.testing import Cluster, Fate, Program, simulated
from mesos_py.wire.task import TaskInfo
from tests.acceptance.cluster import ROOT


def example(name: str) -> ModuleType:
    """The example's module, as it is."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hello = example("hello")

seeds = pytest.mark.parametrize("seed", range(3))


def long(task: TaskInfo) -> Fate:
    """Long enough for anything to happen meanwhile."""
    return Fate(run=40.0)


async def through(cluster: Cluster, *, make: Callable[[], sdk.Scheduler] = hello.Hello, **fault: object) -> Program:
    """Its tasks run, the fault happens, and hello comes to its end; nothing was done twice."""
    program = cluster.start(make)
    await cluster.until(lambda: len(program.book) == 5 and all(one.was_running for one in program.book.values()))
    cluster.inject(**fault)  # type: ignore[arg-type]
    await cluster.until(lambda: program.has_ended, within_s=1_500.0)
    assert program.output.getvalue().count("TASK_FINISHED") == 5
    return program


@simulated
async def test_calm() -> None:
    """Five tasks, once."""
    async with Cluster() as cluster:
        program = cluster.start(hello.Hello)
        await cluster.until(lambda: program.has_ended)
        assert program.output.getvalue().count("TASK_FINISHED") == 5
        assert len(program.book) == 5


@seeds
@simulated
async def test_f01_the_leading_master_is_killed(seed: int) -> None:
    """The next one is found, and no task is done again."""
    async with Cluster(masters=3, seed=seed, outcomes=long) as cluster:
        program = await through(cluster, kind="restart master", for_s=60.0)
        assert len(program.book) == 5


@seeds
@simulated
async def test_f02_the_only_master_is_killed(seed: int) -> None:
    """It is waited for."""
    async with Cluster(seed=seed, outcomes=long) as cluster:
        program = await through(cluster, kind="restart master", for_s=20.0)
        assert len(program.book) == 5


@seeds
@simulated
async def test_f03_the_leading_master_is_stopped_for_a_while(seed: int) -> None:
    """Its silence, or ZooKeeper, tells; what it says when it wakes up does not count."""
    async with Cluster(masters=3, seed=seed, outcomes=long) as cluster:
        program = await through(cluster, kind="stop master", for_s=30.0)
        assert len(program.book) == 5


@seeds
@simulated
async def test_f04_the_leading_master_is_cut_off_from_zookeeper(seed: int) -> None:
    """It steps down, and is left for the next one."""
    async with Cluster(masters=3, seed=seed, outcomes=long) as cluster:
        program = await through(cluster, kind="cut off from zookeeper", for_s=60.0)
        assert len(program.book) == 5


@seeds
@simulated
async def test_f05_zookeeper_loses_its_quorum_for_five_minutes(seed: int) -> None:
    """Nobody leads meanwhile; tasks run on, and their ends are told afterwards."""
    async with Cluster(masters=3, seed=seed, outcomes=long) as cluster:
        program = await through(cluster, kind="lose quorum", host="z0", for_s=300.0)
        assert len(program.book) == 5


@seeds
@simulated
async def test_f17_hello_is_killed_and_started_again(seed: int) -> None:
    """It is the same framework, with the same tasks."""
    async with Cluster(seed=seed, outcomes=long) as cluster:
        program = await through(cluster, kind="restart framework", host="f0", for_s=100.0)
        assert len(program.book) == 5 and len(program.past_ids) == 1


@seeds
@simulated
async def test_f18_hello_is_started_again_with_nothing_kept(seed: int) -> None:
    """It is another framework, and does everything again; the first one is removed when its time is over."""
    async with Cluster(seed=seed, outcomes=long) as cluster:
        make = lambda: hello.Hello(failover_timeout_s=60.0)  # noqa: E731
        program = cluster.start(make)
        await cluster.until(lambda: len(program.book) == 5)
        cluster.inject("replace framework", "f0", for_s=5.0)
        await cluster.until(lambda: program.has_ended, within_s=300.0)
        assert len(program.book) == 10 and len(program.past_ids) == 2


@seeds
@simulated
async def test_f19_hello_is_started_again_too_late(seed: int) -> None:
    """Its tasks were killed, it learns so, and does them again as a new framework."""
    async with Cluster(seed=seed, outcomes=long) as cluster:
        program = cluster.start(lambda: hello.Hello(failover_timeout_s=10.0))
        await cluster.until(lambda: len(program.book) == 5)
        cluster.inject("restart framework", "f0", for_s=60.0)
        await cluster.until(lambda: program.has_ended, within_s=300.0)
        assert len(program.book) == 10 and program.output.getvalue().count("TASK_GONE") == 5


@seeds
@simulated
async def test_f20_two_instances_of_hello(seed: int) -> None:
    """The second one goes on, the first one ends and says why."""
    async with Cluster(seed=seed, outcomes=long) as cluster:
        program = await through(cluster, kind="rival", host="f0")
        assert len(program.book) == 5
        assert [type(error).__name__ for error in program.errors] in (["FailedOver"], ["Fenced"])


class Hoarder(sdk.Scheduler):
    """Keeps every offer."""

    declines = False


@seeds
@simulated
async def test_f21_beside_a_framework_that_never_declines(seed: int) -> None:
    """The master takes its offers back, and hello has its turn."""
    async with Cluster(agents=1, seed=seed, offer_timeout_s=20.0) as cluster:
        cluster.start(Hoarder)
        await cluster.until(lambda: cluster.programs[0].subscribed)
        program = cluster.start(hello.Hello)
        await cluster.until(lambda: program.has_ended, within_s=300.0)
        assert program.output.getvalue().count("TASK_FINISHED") == 5
