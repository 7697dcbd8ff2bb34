"""Faults of frameworks, by their numbers in the list of faults, as Marathon and whoever runs beside it meet them.

F17, F19, F24 to F27, F38: tests/marathon/instances/test_faults.py. F19 once more, and F35: test_simulated.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.shell.kept import FrameworkIdMissing
from mesos_py.coordination import Fenced
from mesos_py.coordination.memory import MemoryRecords
from mesos_py.sdk import CoreScheduler, Scheduler
from mesos_py.sdk.errors import FailedOver, NotKept
from mesos_py.sdk.session.connecting import FRAMEWORK
from mesos_py.sdk.testing import Cluster, Fate, Program, simulated
from mesos_py.sdk.testing.host import SimLink
from mesos_py.wire.offer import Offer
from mesos_py.wire.scheduler_api import Call, Event
from mesos_py.wire.task import TaskInfo
from tests.marathon.simulated.running import CHECKED, WEB, Running, until_killed

APP = {"id": "/web", **WEB, **CHECKED, "instances": 4, "backoffSeconds": 0}
WEB_ID = PathId("/web")
#: what changes anything in a cluster
WORDS = (Call.Type.ACCEPT, Call.Type.KILL)


async def well(cluster: Cluster, running: Running, within_s: float = 300.0) -> None:
    await cluster.until(lambda: not running.wrongs(), within_s=within_s)


async def started(cluster: Cluster, **options: Any) -> Running:
    """Marathon, with four instances that are well."""
    running = Running(cluster, **options)
    await running.put(APP)
    await well(cluster, running)
    return running


class Listener:
    """What is said on which link, and how many were lost."""

    def __init__(self) -> None:
        self.said_on: list[tuple[SimLink, Call]] = []
        self.losses = 0

    def said(self, program: Program, link: SimLink, call: Call) -> None:
        self.said_on.append((link, call))

    def heard(self, program: Program, link: SimLink, event: Event) -> None: ...

    def answered(self, program: Program, link: SimLink, call: Call, status: int, text: str) -> None: ...

    def lost(self, program: Program, link: SimLink) -> None:
        self.losses += 1


@simulated
async def test_f03_a_leader_oversleeps() -> None:
    """It is stopped, another one leads and changes things; when it wakes up it is asked to delete all, and believes
    that it may: nothing comes of that (Marathon's issue 1039)."""
    async with Cluster(agents=3, outcomes=until_killed) as cluster:
        running = await started(cluster)
        sleeper, scheduler = running.program.process, running.program.scheduler
        assert sleeper is not None and isinstance(scheduler, CoreScheduler)
        sleeper.stop()
        running.program.rival()
        await cluster.until(running.is_ready)
        await running.put({"id": "/web", "cmd": "other"})
        await well(cluster, running)
        asked: list[asyncio.Task[object]] = []
        sleeper.enter(lambda: asked.append(
            cluster.world.loop.create_task(scheduler.ask(words.DeleteApp(WEB_ID)), name="asked")
        ))  # fmt: skip
        cluster.world.net.go_on(sleeper)
        await cluster.until(lambda: sleeper.is_dead)
        assert isinstance(asked[0].exception(), NotKept)
        await well(cluster, running)
        assert running.core.specs[WEB_ID].cmd == "other"  # type: ignore[union-attr]
        assert [type(error) for error in running.program.errors] in ([FailedOver], [NotKept], [Fenced])


@simulated
async def test_f18_everything_that_was_kept_is_lost() -> None:
    """It is another framework, which runs what it is told to; what the first one ran ends in its time, and nothing is
    offered to a ghost."""
    async with Cluster(agents=3, outcomes=until_killed, settles=False) as cluster:
        running = await started(cluster, failover_timeout_s=60.0)
        first = {task for tasks in cluster.running.values() for task in tasks}
        cluster.inject("replace framework", "f0", for_s=5.0)
        await cluster.until(lambda: not running.is_ready())
        await cluster.until(running.is_ready, within_s=60)
        assert not running.core.specs
        ghost, heir = running.program.past_ids[0], running.program.framework_id
        assert ghost != heir
        leader = cluster.world.leader
        await running.put(APP)
        await cluster.until(lambda: sum(map(len, cluster.running.values())) == 8)
        assert leader is not None and not leader.core.state.frameworks[ghost].offers, "it would never answer them"
        await well(cluster, running)
        assert not first & {task for tasks in cluster.running.values() for task in tasks}


@simulated
async def test_f18_only_the_frameworks_id_is_lost() -> None:
    """It does not start, for it would run everything twice; its tasks go on until somebody has seen to it."""
    async with Cluster(agents=3, outcomes=until_killed) as cluster:
        running = await started(cluster)
        program = running.program
        program.crash()
        (disk,) = program._disks.values()  # as whoever has access to what is kept
        records = MemoryRecords(disk)
        framework_id = (await records.load())[FRAMEWORK]
        await records.commit({FRAMEWORK: None})
        program.start()
        await cluster.until(lambda: program.errors)
        assert isinstance(program.errors[-1], FrameworkIdMissing)
        assert sum(map(len, cluster.running.values())) == 4
        program.crash()
        records = MemoryRecords(disk)
        await records.load()
        await records.commit({FRAMEWORK: framework_id})
        program.start()
        await well(cluster, running)
        assert running.core.launches == 0


@simulated
async def test_f20_two_at_once() -> None:
    """The first one ends, and does nothing more: what it is asked for then comes to nothing."""
    ears = Listener()
    async with Cluster(agents=3, outcomes=until_killed, judges=[ears]) as cluster:
        running = await started(cluster)
        first, launches = running.core, running.core.launches
        (link,) = running.program.links
        cluster.inject("rival", "f0")
        await cluster.until(lambda: running.core is not first and running.is_ready())
        await running.put({"id": "/web", "cmd": "other"})
        await well(cluster, running)
        assert [type(error) for error in running.program.errors] == [FailedOver]
        (heir,) = running.program.links
        assert heir is not link
        begun = next(at for at, (one, _) in enumerate(ears.said_on) if one is heir)
        assert not [call for one, call in ears.said_on[begun:] if one is link and call.type in WORDS]
        assert first.launches == launches


class Hoarder(Scheduler):
    """It takes every offer, and never says anything."""

    name = "hoarder"
    store = "memory"
    declines = False

    async def on_offers(self, offers: Sequence[Offer]) -> None:
        return


@simulated
async def test_f21_a_neighbour_never_declines() -> None:
    """What it holds is taken back from it, and Marathon's instances run; Marathon itself holds nothing when all run."""
    async with Cluster(agents=3, outcomes=until_killed, offer_timeout_s=10.0, settles=False) as cluster:
        hoarder = cluster.start(Hoarder)
        await cluster.until(lambda: hoarder.subscribed)
        running = Running(cluster)
        await running.put({**APP, "instances": 12, "cpus": 0.9})
        await well(cluster, running)
        leader = cluster.world.leader
        assert leader is not None
        await cluster.until(
            lambda: {offer.framework_id for offer in leader.core.state.offers.values()} == {hoarder.framework_id}
        )


@simulated
async def test_f22_updates_are_not_acknowledged_for_long() -> None:
    """Marathon is stopped while its tasks end: it hears of each end when it goes on, and launches each of them once."""

    def outcome(task: TaskInfo) -> Fate:
        return Fate(run=30.0 if task.task_id.endswith("._app.1") else None)

    async with Cluster(agents=3, outcomes=outcome) as cluster:
        running = await started(cluster)
        running.program.stop()
        await cluster.until(lambda: not cluster.running)
        began = cluster.now_s
        await cluster.until(lambda: cluster.now_s > began + 600, within_s=700)
        assert not cluster.running
        running.program.go_on()
        await well(cluster, running)
        assert [one.incarnation for one in running.core.of(WEB_ID)] == [2, 2, 2, 2]


@simulated
async def test_f23_nothing_is_read_for_long() -> None:
    """The master gives it up, whatever it had for it; Marathon subscribes again and knows how things are."""
    ears = Listener()

    def short(task: TaskInfo) -> Fate:
        return Fate(run=40.0)

    async with Cluster(agents=3, outcomes=short, judges=[ears]) as cluster:
        running = Running(cluster)
        await running.put(APP)
        await cluster.until(lambda: sum(map(len, cluster.running.values())) == 4)
        cluster.inject("stall framework", "f0", for_s=300.0)
        await cluster.until(lambda: not cluster.running)
        await cluster.until(lambda: ears.losses > 0, within_s=300)
        await well(cluster, running, 600)
        assert running.program.errors == []
