"""The core behind a session, on simulated clusters: what the master is told of it, and what it hears of the master."""

from __future__ import annotations

import asyncio
from typing import Any

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions.settings import Settings
from frameworks.marathon_py.shell.prober import READINESS
from frameworks.marathon_py.shell.program import MarathonScheduler
from mesos_py.machine.frame import Send
from mesos_py.sdk.testing import Cluster, simulated
from mesos_py.wire.framework import FrameworkInfo

_Type = FrameworkInfo.Capability.Type


class Listening(MarathonScheduler):
    """Remembers what its subscribers hear."""

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        self.heard: list[Any] = []

    async def on_fact(self, fact: Any) -> None:
        self.heard.append(fact)

    @property
    def connections(self) -> list[str]:
        return [fact.what for fact in self.heard if isinstance(fact, words.Connection)]


@simulated
async def test_subscribers_hear_of_the_connection() -> None:
    """Registered once in a run; the same framework with the next master."""
    async with Cluster(agents=1, seed=3) as cluster:
        made: list[Listening] = []
        cluster.start(lambda: made.append(Listening()) or made[-1])  # type: ignore[func-returns-value]
        await cluster.until(lambda: made and made[0].connections)
        cluster.inject("restart master", for_s=5)
        await cluster.until(lambda: len(made[0].connections) == 3)
        assert made[0].connections == ["registered", "disconnected", "reregistered"]
        assert made[0].master_url is not None and made[0].master_url.startswith("http://")
        first, _, again = made[0].heard
        assert first.framework_id == again.framework_id == str(made[0].framework_id)


@simulated
async def test_the_master_knows_the_roles_that_the_core_is_in() -> None:
    """The next master, too; nothing is offered in those that are suppressed."""
    async with Cluster(agents=1, seed=3) as cluster:
        program = cluster.start(Listening)
        await cluster.until(lambda: program.scheduler is not None and program.scheduler.is_subscribed)
        assert isinstance(program.scheduler, Listening)
        running = program.scheduler
        running.say(Send(words.FRAMEWORK, words.Roles(("*", "dev"), ("*", "dev"))))
        session = running._there.session
        await cluster.until(lambda: session.info.roles == ("*", "dev"))
        assert list(session.suppressed) == ["*", "dev"]


def test_what_the_framework_understands_follows_from_features() -> None:
    usual = {_Type.PARTITION_AWARE, _Type.REGION_AWARE, _Type.MULTI_ROLE, _Type.RESERVATION_REFINEMENT}

    def understood(*features: str) -> set[_Type]:
        made = MarathonScheduler(settings=Settings(enable_features=features), webui_url="http://here")
        info = made.framework_info()
        assert (info.name, info.webui_url, info.checkpoint) == ("marathon", "http://here", True)
        return {one.type for one in info.capabilities}

    assert understood() == understood("vips", "secrets") == usual
    assert understood("task_killing", "gpu_resources") == usual | {_Type.TASK_KILLING_STATE, _Type.GPU_RESOURCES}


@simulated
async def test_probes_are_made_as_they_are_asked_for() -> None:
    """By whoever looks in a simulation."""

    class Looker:
        def __init__(self) -> None:
            self.looked: list[words.Probe] = []

        async def look(self, probe: words.Probe) -> words.Probed:
            await asyncio.sleep(1.0)
            self.looked.append(probe)
            return words.Probed(probe, status=200)

    looker = Looker()
    async with Cluster(agents=1, seed=3) as cluster:
        program = cluster.start(lambda: MarathonScheduler(looker=looker))
        await cluster.until(lambda: program.scheduler is not None and program.scheduler.is_subscribed)
        assert isinstance(program.scheduler, MarathonScheduler)
        probe = words.Probe("a", 1, READINESS, 0, "HTTP", "127.0.0.1", 80, "/", 20.0)
        program.scheduler.say(Send(words.PROBER, probe))
        assert looker.looked == []
        await cluster.until(lambda: looker.looked == [probe])
