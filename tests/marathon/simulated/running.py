"""Marathon in a simulated cluster: real program, virtual time, tasks with fates, probes that see what really runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from random import Random
from typing import Any

from frameworks.marathon_py import words
from frameworks.marathon_py.core import Habits, Marathon
from frameworks.marathon_py.definitions import legacy
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.settings import Settings
from frameworks.marathon_py.deployments.plan import is_replaced
from frameworks.marathon_py.instances.instance import instance_of
from frameworks.marathon_py.shell.program import MarathonScheduler
from mesos_py.coordination import Changes, Key, Records
from mesos_py.sdk.errors import NotKept
from mesos_py.sdk.testing import Cluster, Fate, Program
from mesos_py.wire.task import TaskInfo
from tests.marathon.simulated.judge import Judged, is_up

SETTINGS = Settings()
HABITS = Habits(
    launch_tokens=10_000, min_revive_offers_interval_s=2.0, decline_offer_duration_s=10.0, scale_apps_interval_s=30.0,
    scale_apps_initial_delay_s=5.0, task_launch_confirm_timeout_s=60.0, task_launch_timeout_s=60.0,
    kill_retry_timeout_s=10.0,
)  # fmt: skip
LATENCY_S = 0.02
WEB = {"cpus": 0.1, "mem": 16, "cmd": "sleep"}
CHECKED = {"healthChecks": [{"protocol": "HTTP", "intervalSeconds": 2, "gracePeriodSeconds": 30, "timeoutSeconds": 1}]}


class Looker:
    """A probe is answered if the task runs and the network lets it through; a sick one says so."""

    def __init__(self, running: Running) -> None:
        self._running = running

    async def look(self, probe: words.Probe) -> words.Probed:
        await asyncio.sleep(LATENCY_S)
        host, task_id = self._running.place(probe.instance_id)
        if not host or self._running.cluster.world.net.is_cut(self._running.program.host, host):
            await asyncio.sleep(probe.timeout_s)
            raise TimeoutError
        if task_id in self._running.sick:
            return words.Probed(probe, cause="", status=500)
        return words.Probed(probe, status=200)


class Witnessed:
    """The Records port. Of those who have opened a place, the last one may write there, and nobody else can: F03."""

    def __init__(self, records: Records, owners: list[Witnessed]) -> None:
        self._records, self._owners = records, owners

    async def load(self) -> dict[Key, bytes]:
        loaded = await self._records.load()
        self._owners.append(self)
        return loaded

    async def commit(self, changes: Changes) -> None:
        is_owner = self._owners[-1] is self
        await self._records.commit(changes)
        assert is_owner, f"another one had taken over before this was kept: {list(changes)[:5]}"

    async def is_owner(self) -> bool:
        return await self._records.is_owner()

    async def close(self) -> None:
        await self._records.close()


class Running:
    """The program in its cluster, and what is asked of it."""

    def __init__(self, cluster: Cluster, failover_timeout_s: float = 1e6) -> None:
        self.cluster = cluster
        #: tasks whose probes fail
        self.sick: set[str] = set()
        self.cores: list[Judged] = []
        #: apps and pods at which a deployment was stopped, or cut short by one that only changes numbers: instances
        #: of former versions may stay, as Marathon has it
        self.stopped: set[PathId] = set()
        counted: dict[PathId, list[Any]] = {}
        running, owners = self, list[Witnessed]()

        class Scheduler(MarathonScheduler):
            habits = HABITS
            settings = SETTINGS

            def make_core(self, rng: Random) -> Marathon:
                running.cores.append(Judged(rng, self.settings, self.habits, counted, running.stopped))
                return running.cores[-1]

            async def open_place(self) -> Records:
                return Witnessed(await super().open_place(), owners)

        self.program: Program = cluster.start(
            lambda: Scheduler(looker=Looker(running), failover_timeout_s=failover_timeout_s)
        )

    @property
    def core(self) -> Judged:
        return self.cores[-1]

    def place(self, instance_id: str) -> tuple[str, str]:
        """Host and id of its task that really runs; none: empty texts."""
        for host, tasks in self.cluster.running.items():
            for task in tasks:
                if instance_of(task) == instance_id:  # type: ignore[arg-type]
                    return host, task
        return "", ""

    # ---- what people ask for

    async def ask(self, body: object) -> Any:
        """The reply; None: whoever was asked has ended, or may keep nothing any more, since another has taken over."""
        with contextlib.suppress(NotKept):
            return await self.cluster.ask(self.program, body, within_s=3_000.0)

    async def put(self, *apps: dict[str, Any], force: bool = False, partial: bool = True) -> Any:
        given = tuple(legacy.translate(legacy.read_given(app), SETTINGS) for app in apps)
        return await self.ask(words.PutApps(given, partial=partial, force=force))

    # ---- what is so

    def is_ready(self) -> bool:
        return self.program.is_up and bool(self.cores) and self.core.has_begun and self.program.subscribed

    def wrongs(self, exempt: Sequence[PathId] = ()) -> list[str]:
        """Why what runs is not what is defined. ``exempt``: apps of which instances of former versions may run on."""
        if not self.is_ready():
            return ["Marathon does not run"]
        core, wrong = self.core, []
        running = {task for tasks in self.cluster.running.values() for task in tasks}
        wanted = set()
        for id, spec in core.specs.items():
            instances = core.of(id)
            ups = [one for one in instances if is_up(one)]
            if len(ups) != spec.instances or len(instances) != spec.instances:
                stand = ", ".join(f"{one.condition.value}/{one.goal.value}/{one.healthy}" for one in instances)
                wrong.append(f"{id}: {len(ups)} of {spec.instances} are up: {stand}")
            if id not in exempt:
                old = [one.id for one in instances if is_replaced(one.spec, spec)]
                wrong += [f"{one} is of a former version" for one in old]
            wanted |= {str(task.id) for one in instances for task in one.open_tasks}
        for id in core.of_spec:
            if id not in core.specs:
                wrong.append(f"{id} is no more, and has instances")
        wrong += [f"{one} runs and is nobody's" for one in sorted(running - wanted)]
        wrong += [f"{one} does not run" for one in sorted(wanted - running)]
        wrong += [f"{id} is deployed by {deployment}" for id, deployment in core.locked.items()]
        return wrong

    def stands(self) -> str:
        return "\n".join([*self.wrongs()[:20], self.cluster.story()])


def until_killed(task: TaskInfo) -> Fate:
    return Fate()

