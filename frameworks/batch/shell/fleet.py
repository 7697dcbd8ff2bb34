"""The hosts that the master knows, asked for when somebody submits jobs, and which jobs fit none of them.

What the master says of 5,000 agents takes us a second to read. So it is asked only about jobs that fit none of the
hosts that were offered lately, and none of those that it has named in the last ten minutes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from frameworks.batch import fitting
from frameworks.batch.job import Job
from mesos_py.sdk.host import NotReached, Refused
from mesos_py.sdk.matching import Host, Request
from mesos_py.sdk.matching.host import KnownAgent
from mesos_py.wire.ids import AgentID

FRESH_S = 5.0  # a list of agents is believed for so long by whoever is about to refuse something
KNOWN_S = 600.0  # and for so long by whoever is not
STILL_S = 5.0  # agents that have come and gone so lately may be followed by others
LOOK_EVERY_S, LOOKS_MAX = 1.0, 15  # at agents that come and go, before somebody is refused
TIMEOUT_S = 10.0  # after which whoever submits waits no more for the master
MISFITS_MAX = 20  # that are told at once; finding one costs a look at every host


class Fleet:
    """What one master says of its agents."""

    def __init__(
        self, agents: Callable[[], Awaitable[tuple[KnownAgent, ...]]], offered: Callable[[str], Sequence[Host]]
    ) -> None:
        """``agents`` asks the master; raises NotReached, Refused. ``offered``: hosts as a role was offered them."""
        self._ask, self._offered = agents, offered
        self._agents: tuple[KnownAgent, ...] = ()
        #: the same as hosts, by role
        self._hosts: dict[str, list[Host]] = {}
        #: when they are to be asked for again, and since when they have been the same; in seconds of the loop
        self._old_at = self._same_since = float("-inf")
        self._asking = asyncio.Lock()

    async def hosts(self, role: str) -> list[Host]:
        """All that are known now; none: no master says which there are."""
        async with self._asking:
            now = asyncio.get_running_loop().time()
            if now >= self._old_at:
                before, self._agents, self._hosts = self._agents, await self._asked(), {}
                self._old_at = now + FRESH_S
                if _ids(before) != _ids(self._agents):
                    self._same_since = now
            return self._known(role)

    def _known(self, role: str) -> list[Host]:
        """As the master has said last, if that is not long ago."""
        if asyncio.get_running_loop().time() > self._old_at + KNOWN_S:
            return []
        if role not in self._hosts:
            self._hosts[role] = [Host.of_agent(agent, role) for agent in self._agents]
        return self._hosts[role]

    async def _asked(self) -> tuple[KnownAgent, ...]:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._ask()
        except (NotReached, Refused, TimeoutError):
            return ()

    async def refused(self, jobs: Sequence[Job]) -> dict[str, str]:
        """The same of jobs that are to be refused for it: where hosts come and go, others are waited for a little."""
        found = await self.misfits(jobs)
        for _ in range(LOOKS_MAX):
            if not found or asyncio.get_running_loop().time() - self._same_since >= STILL_S:
                break
            await asyncio.sleep(LOOK_EVERY_S)
            self._old_at = float("-inf")
            found = await self.misfits(jobs)
        return found

    async def misfits(self, jobs: Iterable[Job]) -> dict[str, str]:
        """By name, why no known host could ever run them; at most ``MISFITS_MAX``."""
        found: dict[str, str] = {}
        known: dict[tuple[Request, int], str | None] = {}
        offered: dict[str, Sequence[Host]] = {}
        for job in jobs:
            key = job.request, job.gang
            if key not in known:
                if job.queue not in offered:
                    offered[job.queue] = self._offered(job.queue)
                known[key] = None
                if not (fitting.fits(job, offered[job.queue]) or fitting.fits(job, self._known(job.queue))):
                    known[key] = fitting.misfit(job, await self.hosts(job.queue))
                await asyncio.sleep(0)
            why = known[key]
            if why is not None:
                found[job.name] = why
                if len(found) == MISFITS_MAX:
                    break
        return found

def _ids(agents: Iterable[KnownAgent]) -> list[AgentID | None]:
    return [agent.agent_info.id for agent in agents]
