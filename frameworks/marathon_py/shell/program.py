"""``MarathonScheduler``: Marathon's core as a program on the SDK. ``core`` decides; ``sdk.deciding`` is its shell.

What is added here is what only Marathon's core says or hears: probes, the roles that it is in, how the connection with
its master is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from types import TracebackType
from typing import Self

import structlog

from frameworks.marathon_py import words
from frameworks.marathon_py.core import Habits, Marathon
from frameworks.marathon_py.definitions.settings import Settings
from frameworks.marathon_py.launching.hooks import NO_HOOKS, Hooks
from frameworks.marathon_py.shell.kept import Checked
from frameworks.marathon_py.shell.metrics.counts import Counts
from frameworks.marathon_py.shell.prober import Looker, Network, Prober
from mesos_py.coordination import Records
from mesos_py.machine.frame import Frame, Send
from mesos_py.sdk import CoreScheduler
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.offer import Offer
from mesos_py.wire.scheduler_api import Call, Event
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskStatus

log = structlog.get_logger(__name__)

_Capability = FrameworkInfo.Capability
_Type = _Capability.Type

#: always; offers come with reservations as the SDK reads them, which Marathon's own does not ask for
CAPABILITIES = (_Type.PARTITION_AWARE, _Type.REGION_AWARE, _Type.MULTI_ROLE, _Type.RESERVATION_REFINEMENT)
#: by names of --enable_features
CAPABILITIES_OF = {"task_killing": _Type.TASK_KILLING_STATE, "gpu_resources": _Type.GPU_RESOURCES}


class MarathonScheduler(CoreScheduler[Marathon]):
    """``await MarathonScheduler(master="zk://...", store="sqlite:/var/lib/marathon").run()``."""

    name = "marathon"
    offers_at_once = 25  # REST is served in between
    habits: Habits = Habits()
    settings: Settings = Settings()
    #: for people; "": there is none
    webui_url: str = ""
    #: makes the probes
    looker: Looker = Network()
    #: so many of them at once
    probes_at_once: int = 256
    #: what plug-ins have to say
    hooks: Hooks = NO_HOOKS
    #: URI of a backup that is made before what an older version has kept is changed; "": none is
    backup_location: str = ""

    def make_core(self, rng: Random) -> Marathon:
        return Marathon(rng, self.settings, self.habits, self.hooks)

    def begun(self) -> words.Begun:
        under_way = {task.id: task.agent_id for task in self.tasks.values() if not task.has_ended}
        return words.Begun(dict(self.records), under_way)

    async def open_records(self) -> Records:
        return Checked(await self.open_place(), backup_location=self.backup_location or None)

    async def open_place(self) -> Records:
        """Where it keeps things."""
        return await super().open_records()

    def framework_info(self) -> FrameworkInfo:
        features = [capability for name, capability in CAPABILITIES_OF.items() if self.settings.has(name)]
        capabilities = tuple(_Capability(type=one) for one in (*CAPABILITIES, *features))
        return evolve(super().framework_info(), capabilities=capabilities, webui_url=self.webui_url or None)

    # ---- life

    async def __aenter__(self) -> Self:
        #: what the core is still to be told of; probes are bounded, and so are changes of the connection
        self._heard: asyncio.Queue[object] = asyncio.Queue()
        self._prober = Prober(self.looker, self._heard.put_nowait, self.probes_at_once)
        #: a master listens to us; one has before, in this run
        self._is_connected = self._was_connected = False
        #: of the master that has listened last, for people
        self.master_url: str | None = None
        self.counts = Counts()
        await super().__aenter__()
        for text in self.core.complaints:
            log.warning("record not understood", why=text)
        self._there.shell.start("what is heard besides", self._hear_others())
        for task in list(self.tasks.values()):
            if task.has_ended:
                self.forget(task.id)  # its end is kept by the core: nothing is acknowledged before
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._prober.close()
        await super().__aexit__(kind, error, trace)

    def on_frame(self, frame: Frame) -> None:
        self.counts.caused(frame)

    async def on_offers(self, offers: Sequence[Offer]) -> None:
        self.counts.offered(len(offers))
        await super().on_offers(offers)

    async def on_update(self, status: TaskStatus) -> None:
        self.counts.updated(status)
        await super().on_update(status)

    def say(self, word: Send) -> None:
        match word.message:
            case words.Probe() as probe:
                self._prober.probe(probe)
            case words.Roles(roles, suppressed):
                info = evolve(self._there.session.info, roles=roles)
                update = Call.UpdateFramework(framework_info=info, suppressed_roles=suppressed)
                call = Call(type=Call.Type.UPDATE_FRAMEWORK, update_framework=update)
                self._there.shell.say(call.type, call)
            case _:
                super().say(word)

    # ---- the master

    async def on_subscribed(self, subscribed: Event.Subscribed) -> None:
        what, self._is_connected = "reregistered" if self._was_connected else "registered", True
        self._was_connected = True
        info = subscribed.master_info
        master = "" if info is None else f"{info.hostname}:{info.port}"
        self.master_url = f"http://{master}/" if master else None
        domain = info.domain.fault_domain if info is not None and info.domain is not None else None
        region = domain.region.name if domain is not None else None
        await self.tell(words.Connection(what, str(subscribed.framework_id), master, region))

    def on_disconnected(self, why: str) -> None:
        if self._is_connected:
            self._is_connected = False
            self._heard.put_nowait(words.Connection("disconnected"))

    async def _hear_others(self) -> None:
        while True:
            await self.tell(await self._heard.get())

    async def on_message(self, message: Event.Message) -> None:
        await self.tell(words.MessageHeard(message.agent_id, message.executor_id, message.data))
