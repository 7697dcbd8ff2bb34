"""How it is learned that containers have ended, and how.

::

    "die" or "destroy" is heard --.
    it is not listed any more ----+--> inspected --> runs: nothing has happened
    a kill finds it gone ---------'         '--> ended, or removed by somebody else --> its output is written --> over

Everything that seems an end leads to one look at the container, because only that tells the truth: events may be late
or missing. All are listed when events begin again (dockerd was away), and every so often.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

import attrs
import structlog

from mesos_py.agent.containerizer.docker import described
from mesos_py.agent.containerizer.docker.described import Ended, Inspected
from mesos_py.agent.containerizer.docker.dockerd import Dockerd, Refused
from mesos_py.agent.containerizer.docker.launching import Launch
from mesos_py.agent.containerizer.docker.logs import Logs
from mesos_py.agent.containerizer.docker.removal import GONE
from mesos_py.agent.containerizer.docker.request import PREFIX, WORK_DIR, name_of
from mesos_py.wire.resource import Resource

LOOK_INTERVAL_S: Final = 60.0

log = structlog.get_logger(__name__)


@attrs.define(eq=False)
class Container:
    """One of dockerd's containers, from its launch until its end is known."""

    launch: Launch
    resources: tuple[Resource, ...] = ()
    #: until it runs or has failed
    launching: asyncio.Task[Inspected] | None = None
    pid: int | None = None
    #: it has a terminal, to which clients may attach
    is_terminal: bool = False
    #: path of its network namespace, unless that is the host's
    network: str | None = None
    #: by which it wants to be ended
    stop_signal: int = signal.SIGTERM
    #: what it may use, as fields of its HostConfig
    limits: dict[str, int] = attrs.Factory(dict)
    #: what dockerd was told of that last
    told: dict[str, int] = attrs.Factory(dict)
    #: somebody tells dockerd
    is_updated: bool = False
    is_doomed: bool = False
    #: somebody looks whether it has ended, or sees to that
    is_looked_at: bool = False
    #: the status it has ended with, as an event said
    heard_status: int | None = None

    @property
    def id(self) -> str:
        return self.launch.spec.container_id

    @property
    def name(self) -> str:
        return name_of(self.id)


class Ends:
    """Finds those of ``containers`` that have ended, and hands each to ``over``, once."""

    def __init__(
        self, dockerd: Dockerd, logs: Logs, containers: Mapping[str, Container], *,
        over: Callable[[Container, Ended], None], start: Callable[[Coroutine[Any, Any, None], str], None],
    ) -> None:  # fmt: skip
        """``start`` does something meanwhile."""
        self._dockerd = dockerd
        self._logs = logs
        self._containers = containers
        self._over = over
        self._start = start

    def listen(self, work_dir: str) -> None:
        """From now on, to what happens to containers with that mark."""
        filters = {"type": "container", "event": ["die", "destroy"], "label": f"{WORK_DIR}={work_dir}"}
        self._dockerd.listen(filters, self._hear, lambda: self._start(self._look(), "look at docker's containers"))

    async def look_often(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(LOOK_INTERVAL_S)
            await self._look()

    def check(self, one: Container) -> None:
        """It may have ended: that is looked at, if nobody does so."""
        if not one.is_looked_at and one.launching is None:
            one.is_looked_at = True
            self._start(self._see(one), f"see {one.name}")

    # ---- parts

    def _hear(self, event: Mapping[str, Any]) -> None:
        attributes = event.get("Actor", {}).get("Attributes", {})
        one = self._containers.get(str(attributes.get("name", "")).removeprefix(PREFIX))
        if one is None:
            return
        code = str(attributes.get("exitCode", ""))
        if event.get("Action") == "die" and code.isdigit():
            one.heard_status = described.raw_status(int(code))
        self.check(one)

    async def _look(self) -> None:
        """Whoever is not among those that run is looked at."""
        try:
            summaries = await self._dockerd.insist(lambda client: client.containers(filters={"name": PREFIX}))
        except Refused as error:
            log.warning("containers not listed", why=str(error))
            return
        running = {described.name(summary) for summary in summaries}
        for one in list(self._containers.values()):
            if one.name not in running:
                self.check(one)

    async def _see(self, one: Container) -> None:
        try:
            what = await self._dockerd.insist(lambda client: client.inspect_container(one.name))
        except Refused as error:
            if error.status != GONE:
                log.warning("container not seen", container_id=one.id, why=str(error))
            ended = Ended(status=one.heard_status, is_removed=True) if error.status == GONE else None
        else:
            ended = None if described.is_running(what) else described.ended(what)
        if ended is None:
            one.is_looked_at = False
            return
        await self._logs.finish(one.id)
        self._over(one, ended)
