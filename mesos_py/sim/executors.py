"""A custom executor: subscribes to its agent, runs the tasks it is given, says how they end; sometimes badly.

What a good one does is what the executor API asks for: updates are kept until acknowledged and said again on every
subscription, together with the tasks nobody has acknowledged anything of. What a bad one does is in its fate: it never
subscribes, it says the same twice, its stream breaks again and again.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any

from mesos_py.machine.values import MILLISECOND, SECOND, seconds
from mesos_py.sim.fate import Fate
from mesos_py.sim.loop import SimLoop
from mesos_py.sim.net import End, Network
from mesos_py.wire.executor_api import Call, Event
from mesos_py.wire.ids import ExecutorID, FrameworkID, TaskID
from mesos_py.wire.task import TaskInfo, TaskState, TaskStatus

SERVICE = "executor"
IDLE = 5 * SECOND  # without tasks, after which it ends
UNASKED = 60 * SECOND  # without ever having had a task
RETRY_S = 0.5  # between two attempts to reach the agent


class SimExecutor:
    """One run of one executor, in a container of its host."""

    def __init__(
        self,
        loop: SimLoop,
        net: Network,
        host: str,
        framework_id: FrameworkID,
        executor_id: ExecutorID,
        fate: Fate,
        rng: random.Random,
        exit_: Any,
    ) -> None:
        self._loop, self._net, self._host = loop, net, host
        self._framework_id, self._executor_id = framework_id, executor_id
        self._fate, self._rng, self._exit = fate, rng, exit_
        self._stream: End | None = None
        self._is_over = self._had_tasks = False
        #: not ended yet
        self._running: dict[TaskID, TaskInfo] = {}
        #: nothing of it has been acknowledged
        self._unheard: dict[TaskID, TaskInfo] = {}
        #: uuid -> said, not acknowledged
        self._unacknowledged: dict[bytes, TaskStatus] = {}
        self._connecting = loop.create_task(self._connect(), name=f"executor {executor_id}")

    def kill(self) -> None:
        """It is gone at once."""
        self._is_over = True
        self._connecting.cancel()
        if self._stream is not None:
            self._stream.close()

    def tasks(self) -> tuple[str, ...]:
        """What it runs, or nobody has asked it to run yet: it was launched for that."""
        return tuple(self._running) if self._had_tasks else (self._fate.task,)

    async def _connect(self) -> None:
        while not self._fate.silent:
            with contextlib.suppress(ConnectionError):
                end = await self._net.connect(self._host, self._host, SERVICE)
                self._subscribe(end)
                return
            await asyncio.sleep(RETRY_S)

    def _subscribe(self, end: End) -> None:
        self._stream = end
        end.listen(self._hear, lambda why: self._lost(end))
        said = tuple(Call.Update(status=status) for status in self._unacknowledged.values())
        unheard = tuple(self._unheard.values())
        self._call(subscribe=Call.Subscribe(unacknowledged_tasks=unheard, unacknowledged_updates=said))
        if self._fate.flaky is not None:
            self._loop.call_in(seconds(self._fate.flaky), self._break, end)

    def _break(self, end: End) -> None:
        if end.is_open:
            end.close()
            self._lost(end)

    def _lost(self, end: End) -> None:
        if end is self._stream and not self._is_over:
            self._stream = None
            self._connecting = self._loop.create_task(self._connect(), name=f"executor {self._executor_id}")

    def _call(self, **payload: Any) -> None:
        (name,) = payload
        call = Call(
            executor_id=self._executor_id, framework_id=self._framework_id, type=Call.Type[name.upper()], **payload
        )
        if self._stream is not None:
            self._stream.send(call)

    # ---- what the agent says

    def _hear(self, event: Event) -> None:
        match event.type:
            case Event.Type.SUBSCRIBED:
                self._loop.call_in(UNASKED, self._quit_if_unasked)
            case Event.Type.LAUNCH if event.launch is not None:
                self._launch(event.launch.task)
            case Event.Type.LAUNCH_GROUP if event.launch_group is not None:
                for task in event.launch_group.task_group.tasks:
                    self._launch(task)
            case Event.Type.KILL if event.kill is not None:
                if event.kill.task_id in self._running:
                    delay = SECOND if self._fate.ignores else 10 * MILLISECOND
                    self._loop.call_in(delay, self._end, event.kill.task_id, TaskState.TASK_KILLED)
            case Event.Type.ACKNOWLEDGED if event.acknowledged is not None:
                self._unacknowledged.pop(event.acknowledged.uuid, None)
                self._unheard.pop(event.acknowledged.task_id, None)
            case Event.Type.SHUTDOWN:
                for task_id in list(self._running):
                    self._end(task_id, TaskState.TASK_KILLED)
                if not self._fate.ignores:
                    self._loop.call_in(100 * MILLISECOND, self._quit)

    def _quit_if_unasked(self) -> None:
        """What it was started for may have been lost on the way."""
        if not self._had_tasks:
            self._quit()

    def _quit(self) -> None:
        if not self._is_over:
            self._exit(0)

    def _launch(self, task: TaskInfo) -> None:
        self._had_tasks = True
        self._call(message=Call.Message(data=b"has begun"))
        self._running[task.task_id] = self._unheard[task.task_id] = task
        self._say(task.task_id, TaskState.TASK_STARTING)
        self._say(task.task_id, TaskState.TASK_RUNNING)
        data = (task.data or b"").decode()
        fate = Fate.of(data) if data else Fate()
        if fate.run is not None:
            end = TaskState.TASK_FAILED if fate.exit else TaskState.TASK_FINISHED
            self._loop.call_in(seconds(fate.run), self._end, task.task_id, end)

    def _end(self, task_id: TaskID, state: TaskState) -> None:
        if not self._is_over and self._running.pop(task_id, None) is not None:
            self._say(task_id, state)
            if self._fate.twice:
                self._say(task_id, TaskState.TASK_FAILED)
            if not self._fate.stays and not self._running:
                self._loop.call_in(IDLE, self._quit)

    def _say(self, task_id: TaskID, state: TaskState) -> None:
        uuid = self._rng.getrandbits(128).to_bytes(16, "big")
        status = TaskStatus(
            task_id=task_id,
            state=state,
            source=TaskStatus.Source.SOURCE_EXECUTOR,
            executor_id=self._executor_id,
            uuid=uuid,
            timestamp=self._loop.now / SECOND,
        )
        self._unacknowledged[uuid] = status
        self._call(update=Call.Update(status=status))
