"""Containers on virtual time: what becomes of each is written in its command.

A simulated task's command is its fate, so that a scenario reads as what it does and a scheduler needs no back door to
the machines its tasks run on::

    fate run=30 exit=1            runs for 30 virtual seconds, exits with 1
    fate launch=5 ignores=15      takes 5 seconds to start, runs until it is killed, by SIGKILL alone
    fate fail=1                   cannot be started
    fate sick=20                  its checks fail from 20 seconds after its start on
    fate executor=1 silent=1      a custom executor that never subscribes (executors.py reads the rest)

``SimContainers`` keeps the promises of the ``Containerizer`` port, with a delay between asking and hearing; it is the
agent's own business to survive what it hears.
"""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Collection, Iterable
from contextvars import Context
from typing import Any, Protocol

import attrs

from mesos_py.agent.containerizer import ContainerSpec, KnownContainer
from mesos_py.agent.events import ContainerExited, ContainerLaunched, ContainerLaunchFailed, Probed
from mesos_py.agent.usage import measure
from mesos_py.executor.targets import Found
from mesos_py.machine.values import MILLISECOND, seconds
from mesos_py.sim.loop import SimLoop
from mesos_py.wire.resource import Resource
from mesos_py.wire.stats import ResourceStatistics

REAPED_WITHIN = 50 * MILLISECOND  # between the death of a container and the agent's hearing of it
PROBED_WITHIN = 20 * MILLISECOND
FIRST_PID = 1 << 23


@attrs.frozen(kw_only=True)
class Fate:
    """What becomes of one container; durations in seconds."""

    #: whose it is, for whoever looks at the host
    task: str = ""
    #: from being asked to running
    launch: float = 0.1
    #: None: until it is killed
    run: float | None = None
    #: exit code after ``run``
    exit: int = 0
    #: the one signal it takes no notice of
    ignores: int = 0
    #: it cannot be started
    fail: int = 0
    #: seconds after its start from which its checks fail; None: it is not checked
    sick: float | None = None
    #: it is a custom executor
    executor: int = 0
    #: an executor that never subscribes
    silent: int = 0
    #: an executor that says how each task ended twice, the second time with another uuid
    twice: int = 0
    #: an executor that does not end when it has nothing left to do
    stays: int = 0
    #: seconds between its reconnections, None: its stream stays
    flaky: float | None = None

    def command(self) -> str:
        """As a command's value."""
        default = Fate()
        words = [
            f"{field.name}={getattr(self, field.name)}"
            for field in attrs.fields(Fate)
            if getattr(self, field.name) != getattr(default, field.name)
        ]
        return " ".join(("fate", *words))

    @staticmethod
    def of(command: str) -> Fate:
        """Raises ValueError for anything that ``command`` does not write."""
        first, *words = command.split()
        if first != "fate":
            raise ValueError(f"not a fate: {command!r}")
        given: dict[str, Any] = {}
        for word in words:
            name, _, text = word.partition("=")
            given[name] = text if name == "task" else int(text) if text.isdigit() else float(text)
        return Fate(**given)


class Program(Protocol):
    """A custom executor that runs in a container."""

    def kill(self) -> None:
        """It is gone at once."""

    def tasks(self) -> tuple[str, ...]:
        """What it runs now."""


@attrs.define(eq=False)
class Running:
    """A container that is being launched or runs."""

    spec: ContainerSpec
    fate: Fate
    is_launched: bool = False
    #: virtual time from which its checks fail
    sick_at: float = math.inf
    #: nothing of it runs any more, but the agent has not heard yet
    is_dead: bool = False


class SimContainers:
    """The containers of one agent's host."""

    def __init__(
        self,
        loop: SimLoop,
        report: Callable[[Any], None],
        start_executor: Callable[[ContainerSpec, Fate, Callable[[int], None]], Program],
    ) -> None:
        """``start_executor(spec, fate, exit)`` runs a custom executor."""
        self._loop, self._report, self._start_executor = loop, report, start_executor
        self.running: dict[str, Running] = {}
        self._executors: dict[str, Program] = {}
        self._pids = FIRST_PID
        self._is_closed = False
        #: containers are nobody's, whoever asked for them
        self._context = Context()

    # ---- the port

    def launch(self, spec: ContainerSpec) -> None:
        if spec.container_id in self.running:
            self._say(ContainerLaunchFailed(spec.container_id, "Container has already been started"))
            return
        one = self.running[spec.container_id] = Running(spec, Fate.of(spec.argv[-1]))
        self._loop.call_in(seconds(one.fate.launch), self._launched, one, context=self._context)

    def signal(self, container_id: str, signum: int) -> None:
        one = self.running.get(container_id)
        if one is not None and one.is_launched and signum != one.fate.ignores:
            self._die(one, signum)

    def destroy(self, container_id: str) -> None:
        one = self.running.get(container_id)
        if one is not None:
            self._die(one, int(signal.SIGKILL))

    def make_sandbox(self, container_id: str, path: str, latest_link: str | None, user: str | None) -> None:
        """There are no disks to fail."""

    def update(self, container_id: str, resources: tuple[Resource, ...]) -> None:
        """Statistics show what was launched."""

    async def usage(self, container_ids: Iterable[str]) -> dict[str, ResourceStatistics]:
        return {name: measure((), self.running[name].spec.resources) for name in container_ids if name in self.running}

    async def recover(self, expected: Collection[str] = ()) -> tuple[KnownContainer, ...]:
        return ()

    def acknowledge(self, container_id: str) -> None:
        """Nothing is told twice."""

    async def close(self, *, keep: bool = False) -> None:
        self.stop()

    def probe(self, container_id: str, what: str) -> None:
        """What a command finds that is run beside the container; nothing when it is not there any more."""
        self._loop.call_in(PROBED_WITHIN, self._probed, container_id, what)

    # ---- what happens

    def tasks(self) -> dict[tuple[str, str], None]:
        """(framework, task) of all that really runs."""
        found: dict[tuple[str, str], None] = {}
        for container_id, one in self.running.items():
            program = self._executors.get(container_id)
            for task_id in program.tasks() if program is not None else (one.fate.task,):
                found[framework_of(one.spec), task_id] = None
        return found

    def stop(self) -> None:
        """The host is gone: nothing runs, nothing is reported."""
        self._is_closed = True
        for program in self._executors.values():
            program.kill()
        self._executors.clear()
        self.running.clear()

    def kill(self, container_id: str) -> None:
        """It dies, as if by an oom killer."""
        self.destroy(container_id)

    def _launched(self, one: Running) -> None:
        if one.is_dead or self._is_closed:
            return
        container_id = one.spec.container_id
        if one.fate.fail:
            del self.running[container_id]
            self._say(ContainerLaunchFailed(container_id, "Failed to fetch all URIs for container"))
            return
        one.is_launched = True
        if one.fate.sick is not None:
            one.sick_at = self._loop.time() + one.fate.sick
        self._pids += 1
        self._say(ContainerLaunched(container_id, self._pids))
        if one.fate.executor:
            program = self._start_executor(one.spec, one.fate, lambda code: self._die(one, code << 8))
            self._executors[container_id] = program
        elif one.fate.run is not None:
            self._loop.call_in(seconds(one.fate.run), self._die, one, one.fate.exit << 8, context=self._context)

    def _probed(self, container_id: str, what: str) -> None:
        one = self.running.get(container_id)
        if one is not None and not one.is_dead:
            self._say(Probed(container_id, what, Found(0 if self._loop.time() < one.sick_at else 1 << 8)))

    def _die(self, one: Running, status: int) -> None:
        if one.is_dead or self._is_closed:
            return
        one.is_dead = True
        container_id = one.spec.container_id
        program = self._executors.pop(container_id, None)
        if program is not None:
            program.kill()
        status_heard = status if one.is_launched else None
        self._loop.call_in(REAPED_WITHIN, self._reaped, container_id, status_heard, context=self._context)

    def _reaped(self, container_id: str, status: int | None) -> None:
        if self.running.pop(container_id, None) is not None:
            self._say(ContainerExited(container_id, status))

    def _say(self, event: Any) -> None:
        if not self._is_closed:
            self._loop.call_soon(self._heard, event)

    def _heard(self, event: Any) -> None:
        if not self._is_closed:
            self._report(event)




def framework_of(spec: ContainerSpec) -> str:
    """Whose container it is; sandboxes are named so."""
    return spec.sandbox.split("/frameworks/")[1].split("/")[0]
