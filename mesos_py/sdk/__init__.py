"""Writing frameworks: schedulers that lose nothing, in a few lines.

A framework is a subclass of ``Scheduler``. This one runs five tasks to their end (``examples/hello.py``)::

    from mesos_py import sdk

    class Hello(sdk.Scheduler):
        name = "hello"

        async def on_offers(self, offers):
            for offer in offers:
                await self.launch(offer, [sdk.command("hello", "echo hello") for _ in range(self.missing())])

        async def on_update(self, status):
            print(status.task_id, status.state.name)
            if sum(task.has_finished for task in self.tasks.values()) == 5:
                await self.teardown()

        def missing(self):
            return 5 - sum(not task.has_failed for task in self.tasks.values())

    sdk.run(Hello())

**It may be killed at any moment, and so may the master and the agents.** Its framework id and every task are written
down before anybody hears of them; started again, it is the same framework and ``self.tasks`` is as it was. It finds the
leading master (``MESOS_MASTER`` or ``master = "zk://..."``), subscribes again when that one is lost, asks what became
of its tasks, and hears nothing twice.

**Handlers** are called one after the other. An update is acknowledged when ``on_update`` returns; if it raises, the
program ends, and the update comes again to the next run. An offer that ``on_offers`` has not used is declined; while
``self.wants_offers`` is False, there are none.

**Calls** do not fail when no master listens: what was launched comes to light (``TASK_DROPPED``, ``TASK_GONE``), kills
are repeated, offers are void. So there is one place where things go wrong, and that is ``on_update``.

**Own records**: ``self.keep("progress", b"17")`` survives before any later call leaves; ``self.records`` has what was.

**Who does not want offers at all** says what should run, and it does (``launching``, ``launcher``, ``matching``)::

    web = sdk.Spec(
        "web", sdk.command("web", "exec python3 -m http.server $PORT"), count=3,
        request=sdk.Request.of(cpus=0.1, mem=64, ports=[0], spread="hostname"),
    )
    sdk.run(sdk.Launcher(name="web", specs=[web]))

**By hand**: ``declines = False`` keeps offers for later, ``acknowledges = False`` and ``reconciles = False`` leave that
to the program; ``accept``, ``decline``, ``suppress``, ``revive``, ``acknowledge``, ``reconcile``, ``message``,
``shutdown`` and ``call`` are the calls of the v1 API with the messages of ``mesos_py.wire``. Without a subclass::

    async with sdk.Scheduler(name="mine") as scheduler:
        async for event in scheduler.events():      # asking for the next one acknowledges this one
            ...

**Executors** are the same for the other side: in an ``Executor`` a task is a coroutine, whose return, exception or
cancellation is how the task ends (``examples/executor.py``).

More, and how to test a framework: docs/sdk.md.
"""

from __future__ import annotations

import asyncio
import os

from mesos_py.config import parse
from mesos_py.coordination import DetectionFailed, StoreFailed
from mesos_py.coordination.address import AddressError
from mesos_py.logs import LogOptions, set_up
from mesos_py.machine.usage import Usage
from mesos_py.sdk.deciding import CoreScheduler
from mesos_py.sdk.errors import FailedOver, FrameworkRemoved, NotKept, SdkError, SubscriptionRefused
from mesos_py.sdk.executor import Executor
from mesos_py.sdk.launcher import Backoff, Habits, Launch, Restart, Selection, Spec
from mesos_py.sdk.launching import Launcher
from mesos_py.sdk.matching import Constraint, Locality, Request
from mesos_py.sdk.scheduler import Scheduler
from mesos_py.sdk.session.book import Task, is_end
from mesos_py.sdk.tasks import Pool, command, new_id, resources
from mesos_py.wire.offer import Offer
from mesos_py.wire.scheduler_api import Call, Event
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskInfo, TaskState, TaskStatus

__all__ = [
    "Backoff", "Call", "Constraint", "CoreScheduler", "Event", "Executor", "FailedOver", "FrameworkRemoved", "Habits",
    "Launch", "Launcher", "Locality", "NotKept", "Offer", "Pool", "Request", "Restart", "Scheduler", "SdkError",
    "Selection", "Spec", "SubscriptionRefused", "Task", "TaskInfo", "TaskState", "TaskStatus", "Usage", "command",
    "evolve", "is_end", "new_id", "resources", "run",
]  # fmt: skip


def run(program: Scheduler | Executor) -> None:
    """Until the framework is torn down, or the executor is told to end. Ctrl-C ends the program, no more; what else may
    end it is one line on stderr and exit code 1.

    Warnings go to stderr; MESOS_LOGGING_LEVEL and the other flags of a log say otherwise.
    """
    set_up(parse((), (LogOptions,), {"MESOS_LOGGING_LEVEL": "WARNING", **os.environ}).make(LogOptions))
    try:
        asyncio.run(program.run())
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except (SdkError, StoreFailed, DetectionFailed, AddressError) as error:
        raise SystemExit(f"{type(error).__name__}: {error}") from error
