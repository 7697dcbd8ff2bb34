"""An executor that speaks protobuf: finishes every task at once, echoes messages, ends on SHUTDOWN."""

from __future__ import annotations

import asyncio
import os
import uuid

import aiohttp

from mesos_py.wire.codec import protobuf
from mesos_py.wire.executor_api import Call, Event
from mesos_py.wire.ids import ExecutorID, FrameworkID, TaskID
from mesos_py.wire.recordio import Decoder
from mesos_py.wire.task import TaskState, TaskStatus

URL = f"http://{os.environ['MESOS_AGENT_ENDPOINT']}/api/v1/executor"
TYPE = "application/x-protobuf"
HEADERS = {"Content-Type": TYPE, "Accept": TYPE}
FRAMEWORK_ID = FrameworkID(os.environ["MESOS_FRAMEWORK_ID"])
EXECUTOR_ID = ExecutorID(os.environ["MESOS_EXECUTOR_ID"])


async def say(session: aiohttp.ClientSession, call: Call) -> None:
    async with session.post(URL, data=protobuf.encode(call), headers=HEADERS) as answer:
        assert answer.status == 202, await answer.text()


async def update(session: aiohttp.ClientSession, task_id: TaskID, state: TaskState) -> None:
    status = TaskStatus(
        task_id=task_id, state=state, source=TaskStatus.Source.SOURCE_EXECUTOR, uuid=uuid.uuid4().bytes,
        data=bytes(range(256)),
    )
    await say(session, Call(
        type=Call.Type.UPDATE, framework_id=FRAMEWORK_ID, executor_id=EXECUTOR_ID, update=Call.Update(status=status)))


async def main() -> None:
    subscribe = Call(
        type=Call.Type.SUBSCRIBE, framework_id=FRAMEWORK_ID, executor_id=EXECUTOR_ID, subscribe=Call.Subscribe())
    decoder = Decoder()
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session,
        session.post(URL, data=protobuf.encode(subscribe), headers=HEADERS) as answer,
    ):
        assert answer.headers["Content-Type"] == TYPE
        async for piece in answer.content.iter_any():
            for record in decoder.feed(piece):
                event = protobuf.decode(Event, record)
                if event.type == Event.Type.LAUNCH and event.launch is not None:
                    for state in (TaskState.TASK_RUNNING, TaskState.TASK_FINISHED):
                        await update(session, event.launch.task.task_id, state)
                elif event.type == Event.Type.MESSAGE and event.message is not None:
                    await say(session, Call(
                        type=Call.Type.MESSAGE, framework_id=FRAMEWORK_ID, executor_id=EXECUTOR_ID,
                        message=Call.Message(data=event.message.data[::-1])))
                elif event.type == Event.Type.SHUTDOWN:
                    return


if __name__ == "__main__":
    asyncio.run(main())
