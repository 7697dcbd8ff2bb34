"""A host's supervisor: a process that runs containers and outlives the agents that ask it to.

It keeps the promises of the real one (``agent/containerizer/supervisor/``): what an agent has asked for happens though
the agent dies right after; exits are told again until they are acknowledged; whoever comes next is told what runs, and
whether it was sent SIGTERM. What a container waits to be fetched for is lost with the agent that fetched it. With no
agent for ``orphan_s`` everything ends. A supervisor that dies takes all containers with it.
"""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import attrs

from mesos_py.agent.containerizer import ContainerSpec, KnownContainer
from mesos_py.agent.events import ContainerExited, ContainerLaunched, ContainerLaunchFailed, Probed
from mesos_py.executor.targets import Found
from mesos_py.machine.values import MILLISECOND, Nanos, seconds
from mesos_py.sim.fate import Fate, Program
from mesos_py.sim.process import Process

if TYPE_CHECKING:
    from mesos_py.sim.loop import SimLoop
    from mesos_py.sim.net import Network

REAPED_WITHIN = 50 * MILLISECOND  # between the death of a container and the agent's hearing of it
PROBED_WITHIN = 20 * MILLISECOND
FIRST_PID = 1 << 23
QUICK_S = 0.1  # what takes longer to start is fetched first

Report = Callable[[Any], None]
StartExecutor = Callable[[ContainerSpec, Fate, Callable[[int], None]], Program]
Started = Callable[[ContainerSpec, Fate], None]


@attrs.define(eq=False)
class Running:
    """A container that is being launched or runs."""

    spec: ContainerSpec
    fate: Fate
    pid: int = 0
    #: virtual time from which its checks fail
    sick_at: float = math.inf
    #: nothing of it runs any more, but the agent has not heard yet
    is_dead: bool = False
    #: SIGTERM was sent to it
    is_told: bool = False

    @property
    def is_launched(self) -> bool:
        return self.pid != 0

    @property
    def is_fetching(self) -> bool:
        return not self.is_launched and self.fate.launch > QUICK_S


class SimSupervisor:
    """One supervisor, from its start to its end."""

    def __init__(
        self, loop: SimLoop, net: Network, name: str, start_executor: StartExecutor, started: Started, *, orphan: Nanos
    ) -> None:
        """``started`` is told of everything that begins to run."""
        self._loop, self._net, self._start_executor, self._started = loop, net, start_executor, started
        self._orphan = orphan
        self.process = Process(loop, name)
        self.running: dict[str, Running] = {}
        #: exits that no agent has acknowledged
        self.unacknowledged: dict[str, int | None] = {}
        self._executors: dict[str, Program] = {}
        self._pids = FIRST_PID
        self._report: Report | None = None
        self._agents = 0

    # ---- agents come and go

    def attach(self, report: Report, expected: Collection[str]) -> tuple[KnownContainer, ...]:
        """What runs; the exits of the rest of what is ``expected`` are told to ``report`` after this."""
        self._agents += 1
        self._report = report
        known = tuple(
            KnownContainer(container_id=name, pid=one.pid, sandbox=one.spec.sandbox, is_signalled=one.is_told)
            for name, one in self.running.items()
        )
        for container_id in expected:
            if container_id not in self.running:
                self.unacknowledged.setdefault(container_id, None)
        for container_id, status in self.unacknowledged.items():
            self._say(ContainerExited(container_id, status))
        return known

    def detach(self) -> None:
        """The agent is no more. What it has asked for without fetching is there by now; what no later agent would know
        ends."""
        self._report = None
        for container_id, one in list(self.running.items()):
            if one.is_fetching:
                del self.running[container_id]
                continue
            if not one.is_launched:
                self.process.enter(self._launch, one)
            if not one.spec.is_kept:
                self.destroy(container_id)
        self.process.enter(self._wait_for_another, self._agents)

    def _wait_for_another(self, agents: int) -> None:
        self._loop.call_in(self._orphan, self._give_up, agents)

    def _give_up(self, agents: int) -> None:
        if self._report is None and self._agents == agents:
            for container_id in list(self.running):
                self.destroy(container_id)
            self.unacknowledged.clear()

    def die(self) -> None:
        """Everything it ran dies with it, at once; nobody is told."""
        if not self.process.is_dead:
            self._net.kill(self.process)
            self.running.clear()

    # ---- what agents ask for

    def launch(self, spec: ContainerSpec) -> None:
        if self.process.is_dead:
            return
        container_id = spec.container_id
        if container_id in self.running or container_id in self.unacknowledged:
            self._say(ContainerLaunchFailed(container_id, "Container has already been started"))
            return
        one = self.running[container_id] = Running(spec, Fate.of(spec.argv[-1]))
        self.process.enter(self._later, one.fate.launch, self._launched, one)

    def signal(self, container_id: str, signum: int) -> None:
        """A container that is still fetched for is destroyed: nothing of the user's could handle it yet."""
        one = self.running.get(container_id)
        if one is None:
            return
        if one.is_fetching:
            self.destroy(container_id)
        elif one.is_launched:
            one.is_told |= signum == signal.SIGTERM
            if signum != one.fate.ignores:
                self._die(one, signum)

    def destroy(self, container_id: str) -> None:
        one = self.running.get(container_id)
        if one is not None:
            self._die(one, int(signal.SIGKILL))

    def acknowledge(self, container_id: str) -> None:
        self.unacknowledged.pop(container_id, None)

    def probe(self, container_id: str, what: str) -> None:
        """What a command finds that is run beside the container; nothing when it is not there any more."""
        self.process.enter(self._loop.call_in, PROBED_WITHIN, self._probed, container_id, what)

    # ---- what happens

    def _probed(self, container_id: str, what: str) -> None:
        one = self.running.get(container_id)
        if one is not None and not one.is_dead:
            self._say(Probed(container_id, what, Found(0 if self._loop.time() < one.sick_at else 1 << 8)))

    def tasks(self) -> dict[tuple[str, str], None]:
        """(framework, task) of all that really runs."""
        found: dict[tuple[str, str], None] = {}
        for container_id, one in self.running.items():
            if one.fate.guest:
                continue
            program = self._executors.get(container_id)
            for task_id in program.tasks() if program is not None else (one.fate.task,):
                found[framework_of(one.spec), task_id] = None
        return found

    def _later(self, delay_s: float, call: Callable[..., None], *args: Any) -> None:
        self._loop.call_in(seconds(delay_s), call, *args)

    def _launched(self, one: Running) -> None:
        container_id = one.spec.container_id
        if one.is_dead or one.is_launched or self.running.get(container_id) is not one:
            return
        self._launch(one)
        if one.is_launched:
            self._say(ContainerLaunched(container_id, one.pid))
        else:
            self._say(ContainerLaunchFailed(container_id, "Failed to fetch all URIs for container"))

    def _launch(self, one: Running) -> None:
        """It runs, or is no more."""
        container_id = one.spec.container_id
        if one.fate.fail:
            del self.running[container_id]
            return
        self._pids += 1
        one.pid = self._pids
        if one.fate.sick is not None:
            one.sick_at = self._loop.time() + one.fate.sick
        self._started(one.spec, one.fate)
        if one.fate.executor:
            self._executors[container_id] = self._start_executor(
                one.spec, one.fate, lambda code: self._die(one, code << 8)
            )
        elif one.fate.run is not None:
            self._later(one.fate.run, self._die, one, one.fate.exit << 8)

    def _die(self, one: Running, status: int) -> None:
        if not one.is_dead:
            one.is_dead = True
            program = self._executors.pop(one.spec.container_id, None)
            if program is not None:
                program.kill()
            self.process.enter(self._loop.call_in, REAPED_WITHIN, self._reaped, one, status)

    def _reaped(self, one: Running, status: int) -> None:
        container_id = one.spec.container_id
        if self.running.get(container_id) is one:
            del self.running[container_id]
            if one.is_launched:
                self.unacknowledged[container_id] = status
            self._say(ContainerExited(container_id, status))

    def _say(self, event: Any) -> None:
        if self._report is not None:
            self.process.enter(self._loop.call_soon, self._tell, self._report, event)

    def _tell(self, report: Report, event: Any) -> None:
        if report is self._report:
            report(event)


def framework_of(spec: ContainerSpec) -> str:
    """Whose container it is, "" if nobody's; sandboxes are named so."""
    return spec.sandbox.partition("/frameworks/")[2].partition("/")[0]
