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
from pathlib import Path
from typing import Any

import aiohttp

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))

from http_executor import HEADERS, Executor


class Unruly(Executor):
    async def perform(self, task: dict[str, Any]) -> None:
        for word in base64.b64decode(task["data"]).decode().split():
            if word == "!":
                os._exit(7)
            elif word == "=":
                status = list(self.unacknowledged_updates.values())[-1]["status"]
                call = {"type": "UPDATE", **self.ids, "update": {"status": status}}
                async with self.session.post(self.url, json=call, headers=HEADERS):
                    continue
            else:
                await self.update(task["task_id"]["value"], f"TASK_{word}")


async def main() -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
        await Unruly(session).run()


if __name__ == "__main__":
    asyncio.run(main())
