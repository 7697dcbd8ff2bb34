"""A containerizer without processes: what would have happened is written down beforehand.

For tests of the agent's core and for simulation; held to the same contract suite as the real one
(``tests/agent/containerizer/test_contract.py``).
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Collection, Iterable, Mapping

import attrs

from mesos_py.agent.containerizer import Attachment, ContainerSpec, KnownContainer, NotAttached, NotStarted
from mesos_py.agent.events import ContainerEvent, ContainerExited, ContainerLaunched, ContainerLaunchFailed
from mesos_py.agent.usage import measure
from mesos_py.wire.resource import Resource
from mesos_py.wire.stats import ResourceStatistics
from mesos_py.wire.value import Value

#: Pids of scripted containers start here, beyond any real one (PID_MAX_LIMIT is 4 Mi).
FIRST_PID = 1 << 23


@attrs.frozen(kw_only=True)
class Outcome:
    """What becomes of one container."""

    #: launching fails with this text
    failure: str | None = None
    #: it ends by itself at once with this raw wait status
    status: int | None = None
    #: signals it takes no notice of; SIGKILL always works
    ignores: tuple[int, ...] = ()


#: Runs until it is signalled or destroyed.
RUNS = Outcome()


class ScriptedContainerizer:
    """The Containerizer port as a table; `script` decides what each launch leads to."""

    def __init__(
        self,
        *,
        report: Callable[[ContainerEvent], None],
        script: Callable[[ContainerSpec], Outcome] = lambda _: RUNS,
    ) -> None:
        """``script`` is asked about what runs next to a container, too: it ends at once, or never."""
        self._report = report
        self._script = script
        self._next_pid = FIRST_PID
        #: id -> outcome of what was launched and has not ended
        self._running: dict[str, Outcome] = {}
        self._resources: dict[str, tuple[Resource, ...]] = {}
        #: of those that are not in ours: the path of its namespace
        self.networks: dict[str, str] = {}
        #: everything it was asked for, in order: ("launch", id), ("signal 15", id), ("destroy", id)
        self.asked: list[tuple[str, str]] = []

    def launch(self, spec: ContainerSpec) -> None:
        self.asked.append(("launch", spec.container_id))
        if spec.container_id in self._running:
            self._say(ContainerLaunchFailed(spec.container_id, "Container has already been started"))
            return
        outcome = self._script(spec)
        if outcome.failure is not None:
            self._say(ContainerLaunchFailed(spec.container_id, outcome.failure))
            return
        self._running[spec.container_id] = outcome
        self._resources[spec.container_id] = spec.resources
        self._say(ContainerLaunched(spec.container_id, self._next_pid))
        self._next_pid += 1
        if outcome.status is not None:
            self.exit(spec.container_id, outcome.status)

    def exit(self, container_id: str, status: int | None) -> None:
        """The container ends now with this raw wait status."""
        if self._running.pop(container_id, None) is not None:
            self._say(ContainerExited(container_id, status))

    def signal(self, container_id: str, signum: int) -> None:
        self.asked.append((f"signal {int(signum)}", container_id))
        outcome = self._running.get(container_id)
        if outcome is not None and (signum == signal.SIGKILL or signum not in outcome.ignores):
            self.exit(container_id, int(signum))

    def destroy(self, container_id: str) -> None:
        self.asked.append(("destroy", container_id))
        self.exit(container_id, int(signal.SIGKILL))

    async def run_beside(self, spec: ContainerSpec) -> int | None:
        self.asked.append(("run beside", spec.container_id))
        outcome = self._script(spec)
        if outcome.failure is not None:
            raise NotStarted(outcome.failure)
        if outcome.status is None:
            await asyncio.Event().wait()
        return outcome.status

    def network_of(self, container_id: str) -> str | None:
        return self.networks.get(container_id)

    async def attach(self, container_id: str, *, types: bool) -> Attachment:
        raise NotAttached("I/O switchboard server was disabled for this container")

    def make_sandbox(self, container_id: str, path: str, latest_link: str | None, user: str | None) -> None:
        self.asked.append((f"make_sandbox {path}", container_id))

    def update(
        self, container_id: str, resources: tuple[Resource, ...], limits: Mapping[str, Value.Scalar]
    ) -> None:
        self._resources[container_id] = resources

    async def usage(self, container_ids: Iterable[str]) -> dict[str, ResourceStatistics]:
        return {name: measure((), self._resources[name]) for name in container_ids if name in self._running}

    async def recover(self, expected: Collection[str] = ()) -> tuple[KnownContainer, ...]:
        for container_id in expected:
            self._say(ContainerExited(container_id, None))
        return ()

    def acknowledge(self, container_id: str) -> None:
        """Nothing is told twice."""

    async def close(self, *, keep: bool = False) -> None:
        if not keep:
            for container_id in list(self._running):
                self.destroy(container_id)

    def _say(self, event: ContainerEvent) -> None:
        # Never from within launch: whoever asked has finished its own turn first.
        asyncio.get_running_loop().call_soon(self._report, event)
