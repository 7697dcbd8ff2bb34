"""A rolling update of a web app under constant requests, none of which fails.

    python examples/rolling.py           # on the Marathon at MARATHON_URL, or on this machine

Three instances of ``web.py`` are replaced by those of the next version, while requests go to whichever of them Marathon
says is well. Three things together make that work: a health check, so that nobody is asked before he can answer; a
server that lingers when it is told to end; TASK_KILLING (``--enable_features=task_killing``), so that those who balance
load hear of that at once.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import attrs

from frameworks.marathon_py.shell.client import DEFAULT_URL, MarathonClient, NotThere, Refused
from frameworks.marathon_py.shell.waiting import Waiting

APP_ID = "/demo/web"
INSTANCES = 3
CLIENTS = 8
REQUEST_TIMEOUT_S = 5.0
BETWEEN_S = 0.02  # requests of one client
WELL_FOR_S = 1.0  # of each version, before and after the update
LOOK_EVERY_S = 0.1


def app(version: int, **fields: Any) -> dict[str, Any]:
    """As POST /v2/apps takes it; one more than ``INSTANCES`` may be there while it is changed."""
    return {
        "id": APP_ID, "cmd": f"exec {sys.executable} {Path(__file__).with_name('web.py')}", "instances": INSTANCES,
        "cpus": 0.1, "mem": 32, "env": {"VERSION": str(version)}, "taskKillGracePeriodSeconds": 10,
        "portDefinitions": [{"port": 0, "name": "http"}],
        "healthChecks": [{"protocol": "HTTP", "path": "/health", "portIndex": 0, "gracePeriodSeconds": 30,
                          "intervalSeconds": 1, "timeoutSeconds": 2, "maxConsecutiveFailures": 3}],
        "upgradeStrategy": {"minimumHealthCapacity": 1, "maximumOverCapacity": 0.34}, **fields,
    }  # fmt: skip


@attrs.frozen
class Task:
    """As Marathon tells it."""

    #: of the definition: a time
    version: str
    state: str
    is_well: bool
    address: str


@attrs.define
class Seen:
    """What became of requests."""

    #: by the version of who answered
    answers: Counter[str] = attrs.Factory(Counter)
    failures: list[str] = attrs.Factory(list)
    #: those that are there
    tasks: tuple[Task, ...] = ()
    #: of the definition, in their order: the first is version 1
    versions: list[str] = attrs.Factory(list)

    @property
    def by_version(self) -> dict[str, list[Task]]:
        found: dict[str, list[Task]] = {str(number): [] for number in range(1, len(self.versions) + 1)}
        for task in self.tasks:
            found[str(self.versions.index(task.version) + 1)].append(task)
        return found

    @property
    def standing(self) -> str:
        """One line about who is there."""
        return "; ".join(
            f"version {version}: {sum(one.is_well for one in tasks)} well of {len(tasks)}"
            for version, tasks in sorted(self.by_version.items()) if tasks
        )

    @property
    def line(self) -> str:
        counts = ", ".join(f"{count} by version {version}" for version, count in sorted(self.answers.items()))
        return f"{counts or 'no requests yet'}; {len(self.failures)} failed"


class Balancer:
    """Whom requests may go to: those that run and are well, as Marathon says; it is asked again when it has news."""

    def __init__(self, marathon: MarathonClient, seen: Seen) -> None:
        self._marathon, self._seen = marathon, seen
        self.backends: list[str] = []
        self._turn = 0

    async def follow(self) -> None:
        types = ("status_update_event", "health_status_changed_event", "instance_changed_event")
        while True:
            try:
                async with self._marathon.events(*types) as events:
                    await self._look()
                    async for _ in events:
                        await self._look()
            except (NotThere, Refused):
                pass  # whoever was well, is, as far as anybody knows
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self) -> None:
        told = (await self._marathon.app(APP_ID))["tasks"]
        tasks = tuple(_task(one) for one in told if one.get("ports") and one.get("version"))
        self._seen.versions += sorted({one.version for one in tasks} - {*self._seen.versions})
        self._seen.tasks = tasks
        self.backends = [one.address for one in tasks if one.is_well]

    def next(self) -> str | None:
        self._turn += 1
        return self.backends[self._turn % len(self.backends)] if self.backends else None


def _task(told: dict[str, Any]) -> Task:
    results = told["healthCheckResults"]
    is_well = told["state"] == "TASK_RUNNING" and bool(results) and all(result["alive"] for result in results)
    return Task(told["version"], told["state"], is_well, f"{told['host']}:{told['ports'][0]}")


async def ask(balancer: Balancer, seen: Seen, has_begun: asyncio.Event) -> None:
    """One client, for ever."""
    timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(force_close=True)) as session:
        await has_begun.wait()
        while True:
            backend = balancer.next()
            try:
                if backend is None:
                    raise OSError("nobody is there to be asked")
                async with session.get(f"http://{backend}/") as answer:
                    text = await answer.text()
                    if answer.status != 200:
                        raise OSError(f"{answer.status} {text}")
                    seen.answers[text.partition(" ")[0]] += 1
            except (OSError, aiohttp.ClientError, TimeoutError) as error:
                seen.failures.append(f"{backend}: {type(error).__name__} {error}")
            await asyncio.sleep(BETWEEN_S)


async def play(
    url: str, tell: Callable[[Seen], None] = lambda seen: None, instances: int = INSTANCES
) -> Seen:
    """What became of all requests, from when version 1 is well to when version 2 has taken its place. The app is gone
    afterwards. ``tell`` is called ten times a second. Raises what the client raises, and RuntimeError for a deployment
    that has failed."""
    seen = Seen()
    async with MarathonClient(url) as marathon, Waiting(marathon) as waiting, asyncio.TaskGroup() as group:
        balancer, has_begun = Balancer(marathon, seen), asyncio.Event()
        created = await marathon.add_app(app(1, instances=instances))
        tasks = [group.create_task(balancer.follow(), name="balancer")]
        tasks += [group.create_task(_show(seen, tell), name="show")]
        tasks += [group.create_task(ask(balancer, seen, has_begun), name="client") for _ in range(CLIENTS)]
        await _done(waiting, created["deployments"][0]["id"])
        while len(balancer.backends) < instances:
            await asyncio.sleep(LOOK_EVERY_S)
        has_begun.set()
        await asyncio.sleep(WELL_FOR_S)
        changed = await marathon.update_app(APP_ID, {"env": {"VERSION": "2"}})
        await _done(waiting, changed["deploymentId"])
        await asyncio.sleep(WELL_FOR_S)
        for task in tasks:
            task.cancel()
        removed = await marathon.remove_app(APP_ID)
        await _done(waiting, removed["deploymentId"])
    return seen


async def _done(waiting: Waiting, deployment: str) -> None:
    if not await waiting.for_end(deployment, [APP_ID]):
        raise RuntimeError(f"deployment {deployment} has failed")


async def _show(seen: Seen, tell: Callable[[Seen], None]) -> None:
    while True:
        tell(seen)
        await asyncio.sleep(LOOK_EVERY_S)


def is_as_meant(seen: Seen) -> bool:
    return not seen.failures and seen.answers.keys() == {"1", "2"}


async def main() -> int:
    begin, said = time.monotonic(), [""]

    def tell(seen: Seen) -> None:
        if seen.standing != said[0]:
            said[0] = seen.standing
            print(f"{time.monotonic() - begin:5.1f} s  {said[0]}; {seen.line}", flush=True)

    seen = await play(os.environ.get("MARATHON_URL", DEFAULT_URL), tell)
    print(seen.line)
    for failure in seen.failures[:5]:
        print(failure, file=sys.stderr)
    return 0 if is_as_meant(seen) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
