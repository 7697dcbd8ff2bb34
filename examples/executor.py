"""An executor: each of its tasks is a coroutine. What it gets as data it says back, once a second, until it is done.

    python examples/executor.py    # is what a task names as its executor's command; see tests/acceptance/test_sdk.py
"""

import asyncio

from mesos_py import sdk


class Echo(sdk.Executor):
    async def run_task(self, task: sdk.TaskInfo) -> None:
        words = (task.data or b"").decode().split()
        for word in words:
            print(word, flush=True)
            await self.message(word.encode())
            await asyncio.sleep(0.1)
        if "fail" in words:
            raise ValueError("as it was told")


if __name__ == "__main__":
    sdk.run(Echo())
