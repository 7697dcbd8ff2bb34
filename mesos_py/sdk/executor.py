"""``Executor``: a program that runs tasks on an agent. A task is a coroutine: it returns, raises or is cancelled.

::

    returns      TASK_FINISHED          cancelled by KILL or SHUTDOWN    TASK_KILLED
    raises       TASK_FAILED, and why   is not done in time after that   TASK_KILLED all the same

Everything else is done by the session (``session/executing``): subscribing, also to an agent that comes back, updates
until they are acknowledged, the end.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Self

import attrs
import structlog

from mesos_py.algebra.durations import parse_duration
from mesos_py.executor.host import grace_period
from mesos_py.machine.values import SECOND
from mesos_py.sdk.errors import SdkError
from mesos_py.sdk.host import Answered, Host, Link, host
from mesos_py.sdk.session import words
from mesos_py.sdk.session.executing import ExecutorSession, Started, Terms
from mesos_py.sdk.shell import Shell
from mesos_py.wire.executor_api import Call, Event
from mesos_py.wire.ids import ExecutorID, FrameworkID, TaskID
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import KillPolicy, TaskInfo, TaskState, TaskStatus

log = structlog.get_logger(__name__)

ACKNOWLEDGED_WITHIN_S = 1.0  # how long the last updates are waited for, beyond what there is of the grace
MARGIN_S = 0.5  # of the shutdown grace, for the last words


class Executor:
    """``sdk.run(MyExecutor())`` in a program that tasks name as their executor's command."""

    def __init__(self) -> None:
        self._host: Host = host()
        self.terms = terms_of(self._host.environment)
        self._token = self._host.environment.get("MESOS_EXECUTOR_AUTHENTICATION_TOKEN", "")
        self._session = ExecutorSession(self.terms, self._host.rng)
        self._shell: Shell[Call, Event] = Shell(self._session, self._connect, _tell_log, _refused)
        self._now = self._host.clock()
        self._running: dict[TaskID, _Running] = {}
        #: what the agent has told with the subscription
        self.subscribed: Event.Subscribed | None = None

    @property
    def running(self) -> Mapping[TaskID, TaskInfo]:
        """Tasks whose coroutines have not ended."""
        return {task_id: one.task for task_id, one in self._running.items()}

    # ---- handlers

    async def run_task(self, task: TaskInfo) -> None:
        """What the task does, from TASK_RUNNING to its end. ``task.data`` is its framework's."""
        raise NotImplementedError("an executor says what its tasks do")

    async def on_subscribed(self, subscribed: Event.Subscribed) -> None:
        """For the first time, or to an agent that was restarted."""

    async def on_launch(self, task: TaskInfo) -> None:
        """A task is to be run."""
        self._start(task)

    async def on_launch_group(self, tasks: tuple[TaskInfo, ...]) -> None:
        """Tasks are to be run together."""
        for task in tasks:
            self._start(task)

    async def on_kill(self, task_id: TaskID, policy: KillPolicy | None) -> None:
        """A task is to end, within its grace."""
        running = self._running.get(task_id)
        if running is not None:
            running.work.cancel()
            grace_s = grace_period(running.task, policy) / SECOND
            asyncio.get_running_loop().call_later(grace_s, self._give_up, running)

    async def on_message(self, data: bytes) -> None:
        """The framework has something to say."""

    async def on_shutdown(self) -> None:
        """Everything is to end within ``terms.shutdown_grace``; when this returns, the program ends."""
        work = [running.work for running in self._running.values()]
        for one in work:
            one.cancel()
        if work:
            await asyncio.wait(work, timeout=max(0.0, self.terms.shutdown_grace / SECOND - MARGIN_S))
        for running in list(self._running.values()):
            self._give_up(running)

    # ---- calls

    async def update(self, task_id: TaskID, state: TaskState, message: str | None = None, **more: Any) -> None:
        """The framework hears it, however often the agent is restarted meanwhile; ``more``: fields of TaskStatus."""
        await self._shell.ask(Call.Update, self._update(task_id, state, message, **more))

    async def message(self, data: bytes) -> None:
        """The framework hears it, unless it is lost on the way."""
        await self._shell.ask(Call.Message, self._session.made(Call.Type.MESSAGE, message=Call.Message(data=data)))

    def _update(self, task_id: TaskID, state: TaskState, message: str | None, **more: Any) -> Call:
        status = TaskStatus(
            task_id=task_id, state=state, message=message, source=TaskStatus.Source.SOURCE_EXECUTOR,
            executor_id=self.terms.executor_id, uuid=self._host.rng.getrandbits(128).to_bytes(16, "big"),
            timestamp=self._now() / SECOND,
        )  # fmt: skip
        return self._session.made(Call.Type.UPDATE, update=Call.Update(status=evolve(status, **more)))

    # ---- life

    async def run(self) -> None:
        """Until the agent, or its absence, says SHUTDOWN. Raises SubscriptionRefused."""
        async with self:
            async for event in self.events():
                await self.handle(event)

    async def __aenter__(self) -> Self:
        self._shell.open(None, self._now)
        self._shell.tell(Started())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._say_last_words()
        for running in self._running.values():
            running.work.cancel()
        await self._shell.close()

    async def events(self) -> AsyncIterator[Event]:
        """Events in their order; SHUTDOWN is the last one."""
        while (event := await self._shell.take()) is not None:
            if event.type is not Event.Type.ACKNOWLEDGED:
                yield event
            if event.type is Event.Type.SHUTDOWN:
                return

    async def handle(self, event: Event) -> None:
        """Call the handler of ``event``."""
        match event.type:
            case Event.Type.SUBSCRIBED if event.subscribed is not None:
                self.subscribed = event.subscribed
                await self.on_subscribed(event.subscribed)
            case Event.Type.LAUNCH if event.launch is not None:
                await self.on_launch(event.launch.task)
            case Event.Type.LAUNCH_GROUP if event.launch_group is not None:
                await self.on_launch_group(event.launch_group.task_group.tasks)
            case Event.Type.KILL if event.kill is not None:
                await self.on_kill(event.kill.task_id, event.kill.kill_policy)
            case Event.Type.MESSAGE if event.message is not None:
                await self.on_message(event.message.data)
            case Event.Type.SHUTDOWN:
                await self.on_shutdown()

    async def _say_last_words(self) -> None:
        """The agent has a moment to acknowledge the last updates, if it is there."""
        with contextlib.suppress(TimeoutError, SdkError):
            async with asyncio.timeout(ACKNOWLEDGED_WITHIN_S):
                while self._session.updates and self._session.is_subscribed and await self._shell.take():
                    pass

    async def _connect(self, asked: words.Subscribe, answered: Answered[Call]) -> Link[Call, Event]:
        return await self._host.attach(asked.address, asked.call, self._token, answered)

    # ---- tasks as coroutines

    def _start(self, task: TaskInfo) -> None:
        if task.task_id not in self._running:  # an agent that came back may tell it again
            work = asyncio.create_task(self._run(task), name=f"task {task.task_id}")
            self._running[task.task_id] = _Running(task, work)

    async def _run(self, task: TaskInfo) -> None:
        state, why = TaskState.TASK_FINISHED, None
        try:
            await self.update(task.task_id, TaskState.TASK_RUNNING)
            await self.run_task(task)
        except asyncio.CancelledError:
            state = TaskState.TASK_KILLED
        except Exception as error:
            state, why = TaskState.TASK_FAILED, f"{type(error).__name__}: {error}"
            log.warning("task has failed", task_id=task.task_id, exc_info=error)
        self._end(task, state, why)

    def _give_up(self, running: _Running) -> None:
        """If it has not ended yet, it has for everybody else, whatever it still does."""
        if self._running.get(running.task.task_id) is running:
            self._end(running.task, TaskState.TASK_KILLED, "The task did not end in time")

    def _end(self, task: TaskInfo, state: TaskState, why: str | None) -> None:
        """Told once."""
        if self._running.pop(task.task_id, None) is not None:
            self._shell.say(Call.Update, self._update(task.task_id, state, why))


@attrs.frozen(eq=False)
class _Running:
    """A task and what does it."""

    task: TaskInfo
    work: asyncio.Task[None]


def terms_of(environment: Mapping[str, str]) -> Terms:
    """What the agent has put into our environment. Raises RuntimeError when it was no agent who started us."""
    try:
        terms = Terms(
            agent=environment["MESOS_AGENT_ENDPOINT"],
            framework_id=FrameworkID(environment["MESOS_FRAMEWORK_ID"]),
            executor_id=ExecutorID(environment["MESOS_EXECUTOR_ID"]),
            checkpoint=environment.get("MESOS_CHECKPOINT") == "1",
        )
    except KeyError as error:
        raise RuntimeError(f"{error} is not set: agents start executors, for tasks that ask for them") from None
    given = {
        "recovery_timeout": "MESOS_RECOVERY_TIMEOUT", "backoff_max": "MESOS_SUBSCRIPTION_BACKOFF_MAX",
        "shutdown_grace": "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD",
    }  # fmt: skip
    return evolve(terms, **{
        field: parse_duration(environment[name]) for field, name in given.items() if name in environment
    })


def _tell_log(change: Any) -> None:
    if isinstance(change, words.Lost):
        log.warning("not subscribed", why=change.why)


def _refused(call: Call, status: int, text: str) -> None:
    log.warning("call refused", call=call.type.name if call.type else None, status=status, text=text)
