"""An asyncio loop whose time is a number: it moves to the next timer when there is nothing else to do.

What asyncio promises is kept: callbacks of ``call_soon`` run in order, timers never early. What it does not promise
is drawn from the seed: the order of timers that are due together, and how late a timer is. Code that relies on more
than asyncio's promises breaks here first.

A future that nothing can complete any more is a ``Deadlock`` naming the tasks that wait. An exception that escapes
from a callback ends the run: in a simulation nobody reads a log.

Left out on purpose: sockets, processes, threads, signals. Code that asks for them has no place in a simulation.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import random
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterable
from contextvars import Context, copy_context
from typing import Any, TypeVar

from mesos_py.machine.values import SECOND, Nanos
from mesos_py.sim.process import CURRENT, Process

T = TypeVar("T")

CANCELLATIONS = 10  # of a task that waits for something else when it is cancelled
COMPACT_ABOVE = 1_000  # timers; below that, cancelled ones may stay until they are due


class Deadlock(Exception):
    """Nothing is ready and no timer is set, but somebody waits."""

    def __init__(self, tasks: list[asyncio.Task[Any]]) -> None:
        waiting = "\n".join(sorted(_where(task) for task in tasks))
        super().__init__(f"nothing will ever happen again, but these wait:\n{waiting}")


def _where(task: asyncio.Task[Any]) -> str:
    stack = task.get_stack(limit=1)
    at = f"{stack[0].f_code.co_qualname} line {stack[0].f_lineno}" if stack else "nowhere"
    return f"  {task.get_name()}: {at}"


class Handle(asyncio.TimerHandle):
    """As asyncio's, without what is there for its debug mode: there are so many that this is felt."""

    __slots__ = ()

    def __init__(
        self, loop: SimLoop, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None,
        due_s: float | None = None,
    ) -> None:  # fmt: skip
        """``due_s``: it is a timer."""
        self._loop, self._callback, self._args = loop, callback, args
        self._context = copy_context() if context is None else context
        self._when, self._scheduled = due_s, due_s is not None
        self._cancelled, self._repr, self._source_traceback = False, None, None


#: Typed as anything: what a simulation has no use for raises NotImplementedError, and says so by being absent here.
_Loop: Any = asyncio.AbstractEventLoop


class SimLoop(_Loop):  # type: ignore[misc]
    """Virtual time from 0; equal seeds run equal programs equally."""

    def __init__(self, seed: int | str = 0, *, lateness_max: Nanos = 0) -> None:
        self._random = random.Random(f"{seed}/loop").random
        self._lateness_max = lateness_max
        #: virtual nanoseconds since the loop was made; moved by the loop alone
        self.now: Nanos = 0
        self._ready: deque[Any] = deque()
        #: (due, drawn, number, handle)
        self._timers: list[tuple[Nanos, float, int, Any]] = []
        #: (due, drawn, number, what was posted); apart, because it is never many, and timers may be
        self._posted: list[tuple[Nanos, float, int, Any]] = []
        self._numbers = 0
        self._cancelled = 0
        #: dead processes, and what they would have done
        self._abandoned: list[tuple[Process, list[asyncio.Task[Any]]]] = []
        self._running = self._stopping = self._closed = False
        self._escaped: BaseException | None = None
        #: callbacks run, for figures
        self.steps = 0

    def time(self) -> float:
        return self.now / SECOND

    # ---- callbacks

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = Handle(self, callback, args, context)
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_in(round(delay * SECOND), callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        at = math.ceil(when * SECOND)
        if at / SECOND < when:
            at += 1  # never early, not even by what a float rounds off: who waits on then would wait for ever
        return self.call_in(at - self.now, callback, *args, context=context)

    def call_in(
        self, delay: Nanos, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """``call_later`` without floats."""
        draw = self._random()
        at = self.now + max(0, delay) + int(draw * self._lateness_max)
        handle = Handle(self, callback, args, context, at / SECOND)
        self._numbers += 1
        heapq.heappush(self._timers, (at, draw, self._numbers, handle))
        return handle

    def post(self, at: Nanos, callback: Callable[[], object]) -> None:
        """``callback`` is called at ``at``, or now if that is over: the world's own doing, which nobody can cancel.

        Its turn comes when nothing is ready, as that of a timer does.
        """
        random = self._random
        draw = random()
        if at < self.now:  # noqa: PLR1730  max() takes as long as all the rest
            at = self.now
        if self._lateness_max:
            at += int(draw * self._lateness_max)
        self._numbers += 1
        heapq.heappush(self._posted, (at, draw, self._numbers, callback))

    def _timer_handle_cancelled(self, handle: Any) -> None:
        self._cancelled += handle._scheduled
        if len(self._timers) > COMPACT_ABOVE and 2 * self._cancelled > len(self._timers):
            self._timers = [timer for timer in self._timers if not timer[3]._cancelled]
            heapq.heapify(self._timers)
            self._cancelled = 0

    # ---- futures and tasks

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self, coro: Generator[Any, None, T] | Coroutine[Any, Any, T], *, name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:  # fmt: skip
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        process = CURRENT.get()
        if process is not None:
            process.tasks.add(task)
        return task

    # ---- running

    def run_until_complete(self, future: Any) -> Any:
        """Its result. Raises what escaped from any callback meanwhile, and Deadlock."""
        task = asyncio.ensure_future(future, loop=self)
        task.add_done_callback(lambda done: self.stop())
        self._run()
        return task.result()

    def run_forever(self) -> None:
        self._run()

    def run_for(self, duration: Nanos) -> None:
        """Everything that is due within ``duration``."""
        self.call_in(duration, self.stop)
        self._run()

    def _run(self) -> None:
        before = events._get_running_loop()
        events._set_running_loop(self)
        self._running = True
        self._stopping = False
        ready, posted = self._ready, self._posted
        try:
            while True:  # CPython 3.11 specializes no loop that is entered once and has another condition
                if self._stopping:
                    break
                if ready:
                    self._run_ready()
                elif posted and not (self._timers and self._timers[0] < posted[0]):
                    self.now, _, _, call = heapq.heappop(posted)
                    self.steps += 1
                    call()
                else:
                    self._advance()
                if self._escaped is not None:
                    escaped, self._escaped = self._escaped, None
                    raise escaped
        finally:
            self._running = False
            events._set_running_loop(before)

    def _run_ready(self) -> None:
        """What is ready now; what becomes ready by that comes after it."""
        ready = self._ready
        count = len(ready)
        self.steps += count
        for _ in range(count):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            context = handle._context
            process = context.get(CURRENT)
            if process is None or process.runs:
                try:
                    context.run(handle._callback, *handle._args)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:
                    self.call_exception_handler({"exception": error})
            else:
                process.hold(handle)

    def _advance(self) -> None:
        """Time moves to the next timer, and all timers that are due by then are ready."""
        timers, posted = self._timers, self._posted
        while timers and timers[0][3]._cancelled:
            heapq.heappop(timers)
            self._cancelled = max(0, self._cancelled - 1)
        if not timers and not posted:
            raise Deadlock([task for task in asyncio.all_tasks(self) if not task.done()])
        while timers and not (posted and posted[0] < timers[0]) and (timers[0][0] == self.now or not self._ready):
            self.now, _, _, handle = heapq.heappop(timers)
            handle._scheduled = False
            if not handle._cancelled:
                self._ready.append(handle)

    def abandon(self, process: Process) -> None:
        """It will never run again. While its tasks are kept, nobody collects them, and their ``finally`` is not run."""
        self._abandoned.append((process, list(process.tasks)))

    def resume(self, handles: Iterable[asyncio.Handle]) -> None:
        """They were due while their process was stopped."""
        self._ready.extend(handles)

    def stop(self) -> None:
        self._stopping = True

    def is_running(self) -> bool:
        return self._running

    def is_closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """Cancel what has not ended and forget everything; what escapes meanwhile is not heard any more."""
        self._closed = True
        before = events._get_running_loop()
        events._set_running_loop(self)
        for process, _ in self._abandoned:
            self._ready.extend(process.remains())
        for _ in range(CANCELLATIONS):
            for task in sorted(asyncio.all_tasks(self), key=asyncio.Task.get_name):
                task.cancel()
            if not self._ready:
                break
            while self._ready:
                handle = self._ready.popleft()
                if not handle.cancelled():
                    handle._run()
        events._set_running_loop(before)
        self._timers.clear()
        self._posted.clear()
        self._abandoned.clear()

    async def shutdown_asyncgens(self) -> None:
        """There is nothing to wait for."""

    # ---- what went wrong

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """The first exception ends the run."""
        error = context.get("exception")
        if self._escaped is None and error is not None and not self._closed:
            self._escaped = error

    default_exception_handler = call_exception_handler

    def get_debug(self) -> bool:
        return False
