"""A framework that launches one long task, says so, and waits to be killed with -9.

    python keeper.py MASTER COMMAND
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))

from http_scheduler import Scheduler, task_info


async def main(master: str, command: str) -> None:
    options = argparse.Namespace(cpus=0.1, mem=32, executor=None, command=command)
    launched = False
    async with Scheduler(master, "keeper", failover_timeout_s=600) as scheduler:
        async for event in scheduler.events():
            if event["type"] == "OFFERS":
                for offer in event["offers"]["offers"]:
                    await scheduler.accept(offer, [] if launched else [task_info(0, offer, options)], refuse_s=3600)
                    launched = True
            elif event["type"] == "UPDATE":
                status = event["update"]["status"]
                print(json.dumps({"id": scheduler.info["id"]["value"], "state": status["state"]}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
