"""A framework of its own process: it launches two tasks, does not acknowledge what it hears of ``b``, and is killed.

    python -m tests.faults.mute ZK MARK

Prints one JSON object once ``a`` runs and there is something to acknowledge of ``b``.
"""

from __future__ import annotations

import asyncio
import json
import sys

from mesos_py.logs import LogOptions, set_up
from tests.faults.framework import Framework
from tests.faults.programs import until


async def main(zk: str, mark: str) -> None:
    set_up(LogOptions())
    async with Framework(zk, acknowledges=lambda status: status["task_id"]["value"] != "b") as framework:
        framework.mark = mark
        pids = await framework.run("a")
        await framework.launch("b", command="exit 0")
        await until(lambda: framework.told("b"), "something is told of b")
        print(json.dumps({"id": framework.id, "pids": pids}), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
