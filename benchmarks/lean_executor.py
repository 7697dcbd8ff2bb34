"""A v1 HTTP executor that says RUNNING and FINISHED for every task at once; raw asyncio, calls pipelined."""

from __future__ import annotations

import asyncio
import base64
import os
import time
from typing import Any

import orjson

FRAMEWORK = {"value": os.environ["MESOS_FRAMEWORK_ID"]}
EXECUTOR = {"value": os.environ["MESOS_EXECUTOR_ID"]}


def post(writer: asyncio.StreamWriter, call: dict[str, Any], accept: str = "") -> None:
    data = orjson.dumps({"framework_id": FRAMEWORK, "executor_id": EXECUTOR} | call)
    writer.write(
        b"POST /api/v1/executor HTTP/1.1\r\nHost: agent\r\nContent-Type: application/json\r\n"
        b"%bContent-Length: %d\r\n\r\n%b" % (accept.encode(), len(data), data)
    )


def update(writer: asyncio.StreamWriter, task_id: Any, state: str) -> None:
    status = {
        "task_id": task_id, "state": state, "source": "SOURCE_EXECUTOR", "executor_id": EXECUTOR,
        "uuid": base64.b64encode(os.urandom(16)).decode(), "timestamp": time.time(),
    }
    post(writer, {"type": "UPDATE", "update": {"status": status}})


async def drain(reader: asyncio.StreamReader) -> None:
    while await reader.read(1 << 16):
        pass


async def main() -> None:
    host, _, port = os.environ["MESOS_AGENT_ENDPOINT"].rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=64 << 20)
    answers, calls = await asyncio.open_connection(host, int(port))
    draining = asyncio.create_task(drain(answers), name="answers")
    post(writer, {"type": "SUBSCRIBE", "subscribe": {}}, "Accept: application/json\r\n")
    await reader.readuntil(b"\r\n\r\n")
    while True:
        size = int(await reader.readline(), 16)
        chunk = await reader.readexactly(size + 2)
        event = orjson.loads(chunk[chunk.index(b"\n") + 1 : -2])
        if event["type"] == "LAUNCH":
            task_id = event["launch"]["task"]["task_id"]
            update(calls, task_id, "TASK_RUNNING")
            update(calls, task_id, "TASK_FINISHED")
        elif event["type"] == "SHUTDOWN":
            draining.cancel()
            return


if __name__ == "__main__":
    asyncio.run(main())
