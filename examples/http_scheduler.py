"""A scheduler straight on the HTTP API: nothing but aiohttp, and everything the protocol asks of a scheduler.

    mesos-py local &
    python examples/http_scheduler.py --tasks 5 --command 'echo hello from $MESOS_SANDBOX'
    python examples/http_scheduler.py --tasks 5 --executor examples/http_executor.py

The protocol in five lines:
1. POST SUBSCRIBE; the answer never ends. It is a RecordIO stream of events: length, newline, JSON, and again.
2. Its header Mesos-Stream-Id goes with every other call; each call is a POST of its own that answers 202.
3. HEARTBEAT comes every 15 s. Several missed ones mean that the connection is dead: subscribe again with the same id.
4. Every offer is answered: ACCEPT with tasks, or DECLINE with how long not to be asked again.
5. Every update that has a uuid is acknowledged, or it comes again.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import getpass
import json
import math
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

TERMINAL = {"TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST", "TASK_DROPPED", "TASK_GONE"}
HEARTBEATS_MISSED = 5
HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}


async def records(stream: aiohttp.StreamReader, timeout_s: float) -> AsyncIterator[Any]:
    """RecordIO: the length in decimal digits, a newline, that many bytes. Raises TimeoutError when nothing comes."""
    while True:
        async with asyncio.timeout(timeout_s):
            length = await stream.readline()
            if not length:
                return
            yield json.loads(await stream.readexactly(int(length)))


class Scheduler:
    """Speaks for one framework. Callers iterate over ``events()`` and make calls in between."""

    def __init__(self, master: str, name: str, role: str = "*", failover_timeout_s: float = 60.0) -> None:
        self.url = f"http://{master}/api/v1/scheduler"
        self.info: dict[str, Any] = {
            "name": name, "user": getpass.getuser(), "roles": [role], "failover_timeout": failover_timeout_s,
            "checkpoint": True,  # tasks go on when their agent is restarted
            "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}],
        }
        self.stream_id = ""

    async def __aenter__(self) -> Scheduler:
        self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, sock_connect=10))
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.session.close()

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Subscribe and yield events until the stream ends. With an id in ``info`` this is a failover: tasks go on."""
        call: dict[str, Any] = {"type": "SUBSCRIBE", "subscribe": {"framework_info": self.info}}
        if "id" in self.info:
            call["framework_id"] = self.info["id"]
        async with self.session.post(self.url, json=call, headers=HEADERS) as answer:
            if answer.status != 200:
                raise RuntimeError(f"SUBSCRIBE: {answer.status} {await answer.text()}")
            self.stream_id = answer.headers["Mesos-Stream-Id"]
            silence_s = 60.0
            async for event in records(answer.content, silence_s):
                if event["type"] == "SUBSCRIBED":
                    self.info["id"] = event["subscribed"]["framework_id"]
                    silence_s = HEARTBEATS_MISSED * event["subscribed"].get("heartbeat_interval_seconds", 15)
                elif event["type"] == "UPDATE" and "uuid" in event["update"]["status"]:
                    await self.acknowledge(event["update"]["status"])
                elif event["type"] == "ERROR":
                    raise RuntimeError(event["error"]["message"])
                yield event

    async def call(self, type: str, **body: Any) -> None:
        """Any call but SUBSCRIBE. 202 means that it was understood; what comes of it arrives as events."""
        message = {"type": type, "framework_id": self.info["id"]} | ({type.lower(): body} if body else {})
        headers = HEADERS | {"Mesos-Stream-Id": self.stream_id}
        async with self.session.post(self.url, json=message, headers=headers) as answer:
            if answer.status >= 300:
                raise RuntimeError(f"{type}: {answer.status} {await answer.text()}")

    async def acknowledge(self, status: dict[str, Any]) -> None:
        await self.call("ACKNOWLEDGE", agent_id=status["agent_id"], task_id=status["task_id"], uuid=status["uuid"])

    async def accept(self, offer: dict[str, Any], tasks: list[dict[str, Any]], refuse_s: float = 5.0) -> None:
        """Launch ``tasks`` with the offer; what they leave of it is not offered to us again for ``refuse_s``."""
        if tasks:
            await self.call(
                "ACCEPT", offer_ids=[offer["id"]], filters={"refuse_seconds": refuse_s},
                operations=[{"type": "LAUNCH", "launch": {"task_infos": tasks}}],
            )
        else:
            await self.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": refuse_s})


def amount(offer: dict[str, Any], name: str) -> float:
    """How much of a scalar an offer has; reserved and unreserved parts come as resources of their own."""
    return sum(float(part["scalar"]["value"]) for part in offer["resources"] if part["name"] == name)


def scalars(**amounts: float) -> list[dict[str, Any]]:
    return [{"name": name, "type": "SCALAR", "scalar": {"value": value}} for name, value in amounts.items()]


def room(offer: dict[str, Any], cpus: float, mem: float) -> int:
    """How many tasks of that size fit into the offer."""
    return math.floor(min(amount(offer, "cpus") / cpus, amount(offer, "mem") / mem) + 1e-9)


def task_info(number: int, offer: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """A shell command, or, with an executor, data that the executor makes sense of."""
    task: dict[str, Any] = {
        "name": f"task-{number}", "task_id": {"value": f"task-{number}"}, "agent_id": offer["agent_id"],
        "resources": scalars(cpus=options.cpus, mem=options.mem),
    }
    if not options.executor:
        return task | {"command": {"value": options.command}}
    program = str(Path(options.executor).resolve())
    executor = {
        "type": "CUSTOM", "executor_id": {"value": "example"}, "resources": scalars(cpus=0.1, mem=32),
        "command": {"shell": False, "value": sys.executable, "arguments": [sys.executable, program]},
    }
    return task | {"executor": executor, "data": base64.b64encode(options.command.encode()).decode()}


async def run(options: argparse.Namespace) -> int:
    """Launch the tasks as offers allow, wait for their ends, and leave. Exit status: were all of them successful?"""
    waiting = list(range(options.tasks))
    ends: dict[str, str] = {}
    async with Scheduler(options.master, "http example", options.role) as scheduler:
        async for event in scheduler.events():
            if event["type"] == "SUBSCRIBED":
                print(f"subscribed as {scheduler.info['id']['value']}", flush=True)
            elif event["type"] == "OFFERS":
                for offer in event["offers"]["offers"]:
                    # An executor needs room, too; without this one offer could be filled to the brim by its tasks.
                    fits = max(0, room(offer, options.cpus, options.mem) - (1 if options.executor else 0))
                    chosen, waiting = waiting[:fits], waiting[fits:]
                    await scheduler.accept(offer, [task_info(number, offer, options) for number in chosen])
            elif event["type"] == "UPDATE":
                status = event["update"]["status"]
                print(f"{status['task_id']['value']} {status['state']} {status.get('message', '')}".strip(), flush=True)
                if status["state"] in TERMINAL:
                    ends[status["task_id"]["value"]] = status["state"]
                if len(ends) == options.tasks:
                    await scheduler.call("TEARDOWN")
                    break
    return 0 if len(ends) == options.tasks and set(ends.values()) == {"TASK_FINISHED"} else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--master", default="127.0.0.1:5050", help="HOST:PORT")
    parser.add_argument("--tasks", type=int, default=3)
    parser.add_argument("--command", default="echo hello from $MESOS_SANDBOX")
    parser.add_argument("--executor", help="path of a Python executor; tasks run in it, not as commands")
    parser.add_argument("--role", default="*")
    parser.add_argument("--cpus", type=float, default=0.1)
    parser.add_argument("--mem", type=float, default=32)
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
