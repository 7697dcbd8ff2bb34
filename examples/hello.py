"""Runs five tasks to their end, whatever happens to masters and agents, and to itself: it may be started again.

    mesos-py local &
    python examples/hello.py
"""

from collections.abc import Sequence

from mesos_py import sdk


class Hello(sdk.Scheduler):
    name = "hello"

    def missing(self) -> int:
        return 5 - sum(not task.has_failed for task in self.tasks.values())

    async def on_offers(self, offers: Sequence[sdk.Offer]) -> None:
        for offer in offers:
            await self.launch(offer, [sdk.command("hello", "echo hello") for _ in range(self.missing())])

    async def on_update(self, status: sdk.TaskStatus) -> None:
        print(status.task_id, status.state.name, flush=True)
        if sum(task.has_finished for task in self.tasks.values()) == 5:
            await self.teardown()


if __name__ == "__main__":
    sdk.run(Hello())
