"""Executors of the SDK in the simulator: the real program in a process of its own, beside its agent."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any

from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.coordination import Records
from mesos_py.coordination.locator import Locator
from mesos_py.sdk.executor import Executor
from mesos_py.sdk.host import HOST, Account, Answered, KnownAgent, Link, NotReached
from mesos_py.sdk.testing.program import OUTPUT
from mesos_py.sim.clock import HostClock
from mesos_py.sim.executors import SERVICE
from mesos_py.sim.net import End
from mesos_py.sim.process import Process
from mesos_py.wire import executor_api as api
from mesos_py.wire import scheduler_api

if TYPE_CHECKING:
    import io

    from mesos_py.machine.values import Nanos
    from mesos_py.sim.cluster import Cluster


class ExecutorProgram:
    """One run of one executor, in a container; a ``sim.fate.Program``."""

    def __init__(
        self, cluster: Cluster, host: str, spec: ContainerSpec, make: Callable[[], Executor],
        exit_: Callable[[int], None], output: io.StringIO,
    ) -> None:  # fmt: skip
        self._cluster, self._make, self._exit = cluster, make, exit_
        self._executor: Executor | None = None
        name = cluster.name_process("executor", host)
        self._process = Process(cluster.loop, name)
        self._process.context.run(HOST.set, ExecutorHost(cluster, host, name, spec))
        self._process.context.run(OUTPUT.set, output)
        self._process.enter(self._begin, name)

    def _begin(self, name: str) -> None:
        self._running = self._cluster.loop.create_task(self._run(), name=name)

    async def _run(self) -> None:
        code = 0
        try:
            self._executor = self._make()
            await self._executor.run()
        except Exception:  # as a program that ends with a traceback
            code = 1
        self._cluster.loop.post(0, lambda: None if self._process.is_dead else self._exit(code))

    def kill(self) -> None:
        self._cluster.net.kill(self._process)

    def tasks(self) -> tuple[str, ...]:
        """What it runs; nobody has asked it for more."""
        return () if self._executor is None else tuple(self._executor.running)


class ExecutorHost:
    """See ``sdk.host.Host``: an agent on this host, and nothing else."""

    user = "nobody"
    master = ""

    def __init__(self, cluster: Cluster, name: str, process: str, spec: ContainerSpec) -> None:
        self._cluster, self.name = cluster, name
        self.rng = cluster.rng(f"{process} program")
        self.environment = spec.env

    def clock(self) -> Callable[[], Nanos]:
        return HostClock(self._cluster.loop).process_clock()

    def locator(self, master: str, moved: Callable[[], None]) -> Locator:
        raise NotImplementedError("executors have no master")

    async def subscribe(
        self, address: str, call: scheduler_api.Call, account: Account | None, answered: Answered[scheduler_api.Call]
    ) -> Link[scheduler_api.Call, scheduler_api.Event]:
        raise NotReached("executors have no master")

    async def attach(
        self, address: str, call: api.Call, token: str, answered: Answered[api.Call]
    ) -> Link[api.Call, api.Event]:
        try:
            end = await self._cluster.net.connect(self.name, self.name, SERVICE)
        except ConnectionError as error:
            raise NotReached(f"the agent: {error}") from error
        end.send(call)
        return ExecutorLink(end)

    async def agents(self, address: str, account: Account | None) -> tuple[KnownAgent, ...]:
        raise NotReached("executors have no master")

    async def records(self, place: str, framework: str, master: str) -> Records:
        raise NotImplementedError("executors keep nothing")


class ExecutorLink:
    """One simulated connection for events and calls."""

    def __init__(self, end: End) -> None:
        self._end = end
        self._arrived: deque[api.Event] = deque()
        self._wake = asyncio.Event()
        self._is_over = False
        end.listen(self._hear, self._lose)

    def _hear(self, event: api.Event) -> None:
        self._arrived.append(event)
        self._wake.set()

    def _lose(self, why: Any) -> None:
        self._is_over = True
        self._wake.set()

    async def events(self) -> AsyncGenerator[api.Event, None]:
        while True:
            while self._arrived:
                yield self._arrived.popleft()
            if self._is_over:
                return
            self._wake.clear()
            await self._wake.wait()

    async def call(self, call: api.Call) -> None:
        if self._is_over:
            raise NotReached("the connection has ended")
        self._end.send(call)

    async def close(self) -> None:
        self._is_over = True
        self._end.close()
