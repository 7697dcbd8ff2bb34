"""An executor straight on the HTTP API: nothing but aiohttp. Each task's data is a shell command that it runs.

    python examples/http_scheduler.py --executor examples/http_executor.py --command 'echo from the executor'

The agent starts it with everything it needs in MESOS_* variables, one process for many tasks of one framework:
1. POST SUBSCRIBE to the agent; the answer is a RecordIO stream of events, as a scheduler's.
2. LAUNCH: send TASK_RUNNING, do the work, send how it ended. Each UPDATE has a uuid (16 random bytes) of our own.
3. Updates are kept until ACKNOWLEDGED, and said again in the next SUBSCRIBE: the agent may have restarted.
4. KILL ends a task, SHUTDOWN ends us. If the stream ends and the framework does not checkpoint, we end as well.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import sys
import time
import uuid
from typing import Any

import aiohttp

HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
RECONNECT_S = 1.0


class Executor:
    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session
        self.url = f"http://{os.environ['MESOS_AGENT_ENDPOINT']}/api/v1/executor"
        self.ids = {
            "framework_id": {"value": os.environ["MESOS_FRAMEWORK_ID"]},
            "executor_id": {"value": os.environ["MESOS_EXECUTOR_ID"]},
        }
        self.checkpoint = os.environ.get("MESOS_CHECKPOINT") == "1"
        self.unacknowledged_tasks: dict[str, Any] = {}
        self.unacknowledged_updates: dict[str, Any] = {}
        self.processes: dict[str, asyncio.subprocess.Process] = {}
        self.killed: set[str] = set()
        self.work: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Subscribe, and again if the agent comes back, until SHUTDOWN."""
        while True:
            with contextlib.suppress(aiohttp.ClientError, asyncio.IncompleteReadError):
                if await self.follow():
                    return
            if not self.checkpoint:
                return
            await asyncio.sleep(RECONNECT_S)

    async def follow(self) -> bool:
        """One subscription; True when it ended with SHUTDOWN."""
        subscribe = {
            "unacknowledged_tasks": list(self.unacknowledged_tasks.values()),
            "unacknowledged_updates": list(self.unacknowledged_updates.values()),
        }
        call = {"type": "SUBSCRIBE", **self.ids, "subscribe": subscribe}
        async with self.session.post(self.url, json=call, headers=HEADERS) as answer:
            if answer.status == 503:
                return False  # the agent has just come back and is not ready yet
            if answer.status != 200:
                raise RuntimeError(f"SUBSCRIBE: {answer.status} {await answer.text()}")
            while length := await answer.content.readline():  # RecordIO
                event = json.loads(await answer.content.readexactly(int(length)))
                print("event", event["type"], flush=True)
                if event["type"] == "LAUNCH":
                    self.launch(event["launch"]["task"])
                elif event["type"] == "LAUNCH_GROUP":
                    for task in event["launch_group"]["task_group"]["tasks"]:
                        self.launch(task)
                elif event["type"] == "KILL":
                    self.kill(event["kill"]["task_id"]["value"])
                elif event["type"] == "ACKNOWLEDGED":
                    self.unacknowledged_updates.pop(event["acknowledged"]["uuid"], None)
                    self.unacknowledged_tasks.pop(event["acknowledged"]["task_id"]["value"], None)
                elif event["type"] == "SHUTDOWN":
                    for task_id in list(self.processes):
                        self.kill(task_id)
                    await asyncio.gather(*self.work)
                    return True
        return False

    def launch(self, task: dict[str, Any]) -> None:
        self.unacknowledged_tasks[task["task_id"]["value"]] = task
        work = asyncio.create_task(self.perform(task))
        self.work.add(work)  # a task that nobody holds may be collected before it is done
        work.add_done_callback(self.work.discard)

    async def perform(self, task: dict[str, Any]) -> None:
        task_id = task["task_id"]["value"]
        command = base64.b64decode(task.get("data", "")).decode() or "true"
        process = await asyncio.create_subprocess_shell(command, start_new_session=True)
        self.processes[task_id] = process
        await self.update(task_id, "TASK_RUNNING")
        status = await process.wait()
        del self.processes[task_id]
        state = "TASK_KILLED" if task_id in self.killed else "TASK_FINISHED" if status == 0 else "TASK_FAILED"
        await self.update(task_id, state, f"exited with status {status}")

    def kill(self, task_id: str) -> None:
        if task_id in self.processes:
            self.killed.add(task_id)
            os.killpg(self.processes[task_id].pid, signal.SIGKILL)

    async def update(self, task_id: str, state: str, message: str = "") -> None:
        status: dict[str, Any] = {
            "task_id": {"value": task_id}, "state": state, "message": message, "source": "SOURCE_EXECUTOR",
            "uuid": base64.b64encode(uuid.uuid4().bytes).decode(), "timestamp": time.time(),
        }
        self.unacknowledged_updates[status["uuid"]] = {"status": status}
        call = {"type": "UPDATE", **self.ids, "update": {"status": status}}
        with contextlib.suppress(aiohttp.ClientError):  # then the next SUBSCRIBE tells it
            async with self.session.post(self.url, json=call, headers=HEADERS) as answer:
                if answer.status >= 300:
                    print("UPDATE", answer.status, await answer.text(), file=sys.stderr, flush=True)


async def main() -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
        await Executor(session).run()


if __name__ == "__main__":
    asyncio.run(main())
