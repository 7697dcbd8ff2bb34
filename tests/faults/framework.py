"""A scheduler that remembers everything it is told, and does only what a test tells it to.

It finds the leading master through ZooKeeper, subscribes again with its id whenever its stream ends, and acknowledges
unless told not to. What came of its tasks is read off as tables::

    framework.reliable()   task -> states of the updates it was sent for certain (with a uuid), repetitions left out
    framework.told(task)   every state it was told of that task, as it came
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import itertools
import json
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Self

import aiohttp
import psutil

from mesos_py.coordination.address import parse_address
from mesos_py.coordination.locator import Locator
from tests.acceptance.cluster import MARK
from tests.faults.programs import until

Json = dict[str, Any]

PATH = "/api/v1/scheduler"
HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
TERMINAL = {
    "TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST", "TASK_DROPPED", "TASK_GONE",
    "TASK_GONE_BY_OPERATOR",
}
LASTING = "exec sleep 600"
CPUS, MEM = 0.1, 32.0
RETRY_S = 0.05


def always(status: Json) -> bool:
    return True


def never(status: Json) -> bool:
    return False


def until_its_end(status: Json) -> bool:
    """The last update of a task is not acknowledged."""
    return status["state"] not in TERMINAL


class Refused(Exception):
    """The master answered, and not with 202."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status} {text}")
        self.status = status


class Framework:
    """One scheduler of one framework, while it is entered."""

    def __init__(
        self,
        zk: str,
        *,
        id: str | None = None,
        failover_timeout_s: float = 600.0,
        checkpoint: bool = True,
        aware: bool = True,
        acknowledges: Callable[[Json], bool] = always,
    ) -> None:
        capabilities = ["MULTI_ROLE", "TASK_KILLING_STATE", *(["PARTITION_AWARE"] if aware else [])]
        self.info: Json = {
            "name": "faults", "user": getpass.getuser(), "roles": ["*"], "failover_timeout": failover_timeout_s,
            "checkpoint": checkpoint, "capabilities": [{"type": name} for name in capabilities],
        }
        if id is not None:
            self.info["id"] = {"value": id}
        #: which statuses; those that are not will come again
        self.acknowledges = acknowledges
        #: of every process of every task, in its environment
        self.mark = uuid.uuid4().hex
        #: everything that came, heartbeats left out
        self.events: list[Json] = []
        #: task -> statuses, as they came
        self.updates: dict[str, list[Json]] = {}
        #: those that stand
        self.offers: dict[str, Json] = {}
        #: errors that the master ended a stream with
        self.errors: list[str] = []
        #: HOST:PORT of the master that the stream comes from; None: there is none
        self.master: str | None = None
        self._is_idle = False
        self.stream_id = ""
        self._locator = Locator(parse_address(zk), self._moved)
        self._streaming: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._names = itertools.count()

    async def __aenter__(self) -> Self:
        self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, sock_connect=5))
        self._tasks = [asyncio.create_task(self._locator.run()), asyncio.create_task(self._follow())]
        await until(lambda: self.master, "subscribed")
        return self

    async def __aexit__(self, *exc: object) -> None:
        """It is gone as one that was killed: nobody is told."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.session.close()

    @property
    def id(self) -> str:
        return str(self.info["id"]["value"])

    # ---- the stream

    def _moved(self) -> None:
        if self._streaming is not None:
            self._streaming.cancel()

    async def _follow(self) -> None:
        while not self.errors:
            address = await self._locator.locate()
            self._streaming = asyncio.create_task(self._stream(address))
            try:
                await asyncio.wait((self._streaming,))
            finally:
                self._streaming.cancel()
            if not self._streaming.cancelled():
                error = self._streaming.exception()
                if error is not None and not isinstance(error, aiohttp.ClientError | Refused | OSError | EOFError):
                    raise error
            self.master = None
            self.offers.clear()
            await asyncio.sleep(RETRY_S)

    async def _stream(self, address: str) -> None:
        call: Json = {"type": "SUBSCRIBE", "subscribe": {"framework_info": self.info}}
        if "id" in self.info:
            call["framework_id"] = self.info["id"]
        async with self.session.post(
            f"http://{address}{PATH}", json=call, headers=HEADERS, allow_redirects=False
        ) as answer:
            if answer.status != 200:
                raise Refused(answer.status, await answer.text())
            while length := await answer.content.readline():  # RecordIO
                event = json.loads(await answer.content.readexactly(int(length)))
                if event["type"] == "SUBSCRIBED":
                    self.info["id"] = event["subscribed"]["framework_id"]
                    self.stream_id = answer.headers["Mesos-Stream-Id"]
                    self.master = address
                await self._heard(event)

    async def _heard(self, event: Json) -> None:
        if event["type"] != "HEARTBEAT":
            self.events.append(event)
        if event["type"] == "OFFERS":
            self.offers.update((offer["id"]["value"], offer) for offer in event["offers"]["offers"])
            if self._is_idle:
                await self.idle()
        elif event["type"] == "RESCIND":
            self.offers.pop(event["rescind"]["offer_id"]["value"], None)
        elif event["type"] == "ERROR":
            self.errors.append(event["error"]["message"])
        elif event["type"] == "UPDATE":
            status = event["update"]["status"]
            try:  # whoever sees it told may ask the master for what follows from the acknowledgement
                if self.acknowledges(status):
                    await self.acknowledge(status)
            finally:
                self.updates.setdefault(status["task_id"]["value"], []).append(status)

    # ---- calls

    async def call(self, type: str, **body: Any) -> None:
        """Raises Refused, or what aiohttp does when there is nobody."""
        await self.call_at(self.master or "127.0.0.1:1", self.stream_id, type, **body)

    async def call_at(self, master: str, stream_id: str, type: str, **body: Any) -> None:
        """The call as it may be made by one who has not heard of the change of leaders, or of instances."""
        async with self.session.post(
            f"http://{master}{PATH}", json=self.message(type, **body), headers=HEADERS | {"Mesos-Stream-Id": stream_id},
            allow_redirects=False,
        ) as answer:
            if answer.status != 202:
                raise Refused(answer.status, await answer.text())

    def message(self, type: str, **body: Any) -> Json:
        return {"type": type, "framework_id": self.info["id"]} | ({type.lower(): body} if body else {})

    async def acknowledge(self, status: Json) -> None:
        """Of a status without uuid there is nothing to acknowledge."""
        if "uuid" in status:
            try:
                await self.call(
                    "ACKNOWLEDGE", agent_id=status["agent_id"], task_id=status["task_id"], uuid=status["uuid"]
                )
            except (aiohttp.ClientError, Refused, OSError):
                return  # the update will come again

    async def acknowledge_last(self, task: str) -> None:
        """That, and everything that comes from now on."""
        self.acknowledges = always
        await self.acknowledge(self.updates[task][-1])

    async def idle(self) -> None:
        """What is offered is left to others, until we launch something again."""
        self._is_idle = True
        offers, self.offers = list(self.offers.values()), {}
        await self.call("SUPPRESS")
        await self.call("DECLINE", offer_ids=[offer["id"] for offer in offers], filters={"refuse_seconds": 0})

    async def kill(self, *tasks: str) -> None:
        for task in tasks:
            await self.call("KILL", task_id={"value": task})

    async def reconcile(self, *tasks: str, agent_id: str | None = None) -> dict[str, str]:
        """What the master says of the tasks, or of all it knows when none is named; asks until it says something."""
        begin = len(self.events)
        where = {} if agent_id is None else {"agent_id": {"value": agent_id}}
        while True:
            await self.call("RECONCILE", tasks=[{"task_id": {"value": task}} | where for task in tasks])
            await asyncio.sleep(0.1)
            found = {
                status["task_id"]["value"]: status["state"]
                for event in self.events[begin:] if event["type"] == "UPDATE"
                for status in [event["update"]["status"]] if status.get("reason") == "REASON_RECONCILIATION"
            }
            if found and set(tasks) <= set(found):
                return found

    # ---- tasks

    async def offer(self, agent_id: str | None = None, cpus: float = CPUS) -> Json:
        """One that stands, of that agent or of any, with room enough."""
        if self._is_idle:
            self._is_idle = False
            await self.call("REVIVE")

        def fitting() -> Json | None:
            return next((
                offer for offer in self.offers.values()
                if agent_id in (None, offer["agent_id"]["value"]) and scalar(offer, "cpus") >= cpus
                and scalar(offer, "mem") >= MEM
            ), None)  # fmt: skip

        found: Json = await until(fitting, f"an offer of {agent_id or 'any agent'}")
        return found

    def task(self, name: str, offer: Json, command: str = LASTING, **more: Any) -> Json:
        """A TaskInfo; the processes of it can be found by ``pids``."""
        task: Json = {
            "name": name, "task_id": {"value": name}, "agent_id": offer["agent_id"], "resources": resources(),
        }
        if "executor" not in more:
            variables = [{"name": MARK, "value": f"{self.mark}/{name}"}]
            task["command"] = {"value": command, "environment": {"variables": variables}}
        return task | more

    async def accept(self, offer: Json, tasks: Sequence[Json]) -> None:
        """Launch; what is left is offered again at once."""
        self.offers.pop(offer["id"]["value"], None)
        await self.call(
            "ACCEPT", offer_ids=[offer["id"]], filters={"refuse_seconds": 0},
            operations=[{"type": "LAUNCH", "launch": {"task_infos": list(tasks)}}],
        )

    async def launch(self, *names: str, agent_id: str | None = None, command: str = LASTING, **more: Any) -> None:
        """All with one offer."""
        offer = await self.offer(agent_id, CPUS * len(names))
        await self.accept(offer, [self.task(name, offer, command, **more) for name in names])

    async def run(self, *names: str, agent_id: str | None = None) -> dict[str, int]:
        """Launched, running, acknowledged; the process of each."""
        await self.launch(*names, agent_id=agent_id)
        await until(lambda: all(self.last(name) == "TASK_RUNNING" for name in names), f"{names} run")

        async def found() -> dict[str, int] | None:
            pids = await self.pids(*names)
            return pids if len(pids) == len(names) else None  # one that is just being executed shows no environment

        pids: dict[str, int] = await until(found, f"{names} have processes")
        return pids

    async def pids(self, *names: str) -> dict[str, int]:
        """The one process of each task that runs."""
        found = await self.processes()
        return {name: pid for pid, name in found.items() if name in names}

    async def processes(self) -> dict[int, str]:
        """Every process, with the task it is of."""
        return await asyncio.to_thread(self._processes)

    def _processes(self) -> dict[int, str]:
        found = {}
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                mark, _, name = process.environ().get(MARK, "").partition("/")
                if mark == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found[process.pid] = name
        return found

    async def all_gone(self) -> bool:
        """No process of any task is left."""
        return not await self.processes()

    async def end(self, *names: str) -> None:
        """Kill, and hear of the end of each."""
        await self.kill(*names)
        await self.ended(*names)

    async def ended(self, *names: str) -> None:
        """The last that was told of each is its end."""
        await until(lambda: all(self.last(name) in TERMINAL for name in names), f"{names} have ended")

    async def teardown(self) -> None:
        await self.call("TEARDOWN")
        await until(self.all_gone, "no process is left")

    # ---- tables

    def told(self, task: str) -> list[str]:
        return [short(status["state"]) for status in self.updates.get(task, ())]

    def last(self, task: str) -> str | None:
        told = self.updates.get(task)
        return told[-1]["state"] if told else None

    def reliable(self) -> dict[str, list[str]]:
        """See above; without tasks of which nothing reliable was told."""
        table: dict[str, list[str]] = {}
        for task, statuses in self.updates.items():
            uuids = dict.fromkeys((status["uuid"], status["state"]) for status in statuses if "uuid" in status)
            if uuids:
                table[task] = [short(state) for _, state in uuids]
        return table

    async def comes_to(self, table: dict[str, list[str]]) -> None:
        """What is reliably told is ``table`` at last."""
        with contextlib.suppress(AssertionError):
            await until(lambda: self.reliable() == table, "the table")
        assert self.reliable() == table, f"{self.reliable()} is not {table}"


def short(state: str) -> str:
    return state.removeprefix("TASK_")


def scalar(offer: Json, name: str) -> float:
    return sum(float(part["scalar"]["value"]) for part in offer["resources"] if part["name"] == name)


def resources(cpus: float = CPUS, mem: float = MEM) -> list[Json]:
    return [{"name": name, "type": "SCALAR", "scalar": {"value": value}} for name, value in
            (("cpus", cpus), ("mem", mem))]
