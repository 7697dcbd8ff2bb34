"""An executor of its own process that misbehaves as each task's data says; data are states, separated by blanks.

    RUNNING FINISHED FINISHED     an update each, every one with an uuid of its own
    RUNNING !                     the process ends at once, having said it
    RUNNING =                     the same update again
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import aiohttp

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))

from http_executor import HEADERS, Executor


class Unruly(Executor):
    async def perform(self, task: dict[str, Any]) -> None:
        status: dict[str, Any] = {}
        for word in base64.b64decode(task["data"]).decode().split():
            if word == "!":
                os._exit(7)
            if word != "=":
                status = {
                    "task_id": task["task_id"], "state": f"TASK_{word}", "source": "SOURCE_EXECUTOR",
                    "uuid": base64.b64encode(uuid.uuid4().bytes).decode(), "timestamp": time.time(),
                }
            call = {"type": "UPDATE", **self.ids, "update": {"status": status}}
            async with self.session.post(self.url, json=call, headers=HEADERS) as answer:
                print(word, answer.status, await answer.text(), flush=True)


async def main() -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
        await Unruly(session).run()


if __name__ == "__main__":
    asyncio.run(main())
