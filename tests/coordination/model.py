"""The simulator's ZooKeeper on a real loop, so that the suites real ensembles pass can be run against it."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable
from contextvars import Context
from typing import Any

from mesos_py.coordination.address import ZooKeeperAddress
from mesos_py.coordination.zookeeper.session import Session
from mesos_py.machine.values import MILLISECOND, SECOND, Nanos
from mesos_py.sim.net import Network, Weather
from mesos_py.sim.zookeeper.client import SimClient
from mesos_py.sim.zookeeper.ensemble import Ensemble

TICK = SECOND // 5


class RealTime:
    """What the simulator asks of its loop, from asyncio's."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.call_soon = self._loop.call_soon
        self.call_later = self._loop.call_later
        self.create_task = self._loop.create_task
        self.create_future = self._loop.create_future

    @property
    def now(self) -> Nanos:
        return int(self._loop.time() * SECOND)

    def call_in(
        self, delay: Nanos, call: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self._loop.call_later(max(0, delay) / SECOND, call, *args, context=context)

    def post(self, at: Nanos, call: Callable[[], object]) -> None:
        self._loop.call_later(max(0, at - self.now) / SECOND, call, context=Context())


class Model:
    """An ensemble of three and a network."""

    def __init__(self, address: ZooKeeperAddress) -> None:
        self.address = address
        loop: Any = RealTime()
        self.net = Network(loop, 0, Weather(delay_max=MILLISECOND))
        self._loop, self._rng = loop, random.Random(0)
        self.ensemble = Ensemble(
            loop, self.net, random.Random(1), tick=TICK, commit_max=MILLISECOND, lag_max=20 * MILLISECOND
        )
        self._numbers = itertools.count()

    def session(self, timeout_s: float = 5.0) -> Session:
        """A session of a client on a host of its own."""
        host = f"c{next(self._numbers)}"
        client = SimClient(self._loop, self.net, host, list(self.ensemble.servers), timeout_s, self._rng)
        return Session(self.address, timeout_s=timeout_s, is_candidate=True, client=client)


ADDRESS = ZooKeeperAddress(hosts=("z0", "z1", "z2"), path="/test/mesos", credentials=None)
