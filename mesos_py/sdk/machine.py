"""The machine we are on: HTTP, the system's clock, files."""

from __future__ import annotations

import getpass
import os
import random
import socket
from collections.abc import Callable, Mapping

from mesos_py.coordination import Records
from mesos_py.coordination.address import parse_address
from mesos_py.coordination.locator import Locator
from mesos_py.machine.driver import Clock
from mesos_py.machine.values import Nanos
from mesos_py.sdk import http, store
from mesos_py.sdk.host import Account, Answered, KnownAgent, Link
from mesos_py.wire import executor_api
from mesos_py.wire.scheduler_api import Call, Event

DEFAULT_MASTER = "127.0.0.1:5050"


class RealHost:
    """See ``Host``."""

    def __init__(self) -> None:
        self.rng = random.Random()
        self.user = getpass.getuser()
        self.name = socket.gethostname()
        self.environment: Mapping[str, str] = os.environ
        self.master = os.environ.get("MESOS_MASTER", DEFAULT_MASTER)

    def clock(self) -> Callable[[], Nanos]:
        return Clock()

    def locator(self, master: str, moved: Callable[[], None]) -> Locator:
        if master.startswith(("http://", "https://")):
            master = str(http.Place.of(master)).removeprefix("https://")
        return Locator(parse_address(master), moved)

    async def subscribe(
        self, address: str, call: Call, account: Account | None, answered: Answered[Call]
    ) -> Link[Call, Event]:
        place, authorization = http.Place.of(address), http.basic(account)
        return await http.subscribe(place, http.SCHEDULER_PATH, authorization, call, Event, answered)

    async def agents(self, address: str, account: Account | None) -> tuple[KnownAgent, ...]:
        return await http.ask_agents(http.Place.of(address), http.basic(account))

    async def attach(
        self, address: str, call: executor_api.Call, token: str, answered: Answered[executor_api.Call]
    ) -> Link[executor_api.Call, executor_api.Event]:
        place, authorization = http.Place.of(address), f"Bearer {token}" if token else ""
        return await http.subscribe(place, http.EXECUTOR_PATH, authorization, call, executor_api.Event, answered)

    async def records(self, place: str, framework: str, master: str) -> Records:
        return await store.open_records(place, framework, master)
