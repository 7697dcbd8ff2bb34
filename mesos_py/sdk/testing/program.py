"""A framework's program in the simulator: the real ``async`` code, in a process that can be stopped and killed.

To the cluster and its faults it is what a simulated scheduler is, so every kind of fault means to it what it says. The
book it is judged by is not its own: it is written by who sees what it says and hears.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from mesos_py.coordination.memory import MemoryDisk
from mesos_py.machine.values import seconds
from mesos_py.sdk.host import HOST
from mesos_py.sdk.scheduler import Scheduler
from mesos_py.sdk.session.calls import launched_by
from mesos_py.sdk.testing.host import SimHost, SimLink
from mesos_py.sim.book import Record, Shape
from mesos_py.sim.process import Process
from mesos_py.wire.ids import FrameworkID, TaskID
from mesos_py.wire.scheduler_api import Call, Event

if TYPE_CHECKING:
    from mesos_py.sim.cluster import Cluster

#: where what a program prints goes
OUTPUT: ContextVar[io.StringIO | None] = ContextVar("output", default=None)

RESTARTED_AFTER_S = 2.0  # by whoever looks after it, when it ends in any way but well
RESTARTS_MAX = 20


class Judge(Protocol):
    """Who looks at everything that a program says and hears."""

    def said(self, program: Program, link: SimLink, call: Call) -> None: ...

    def heard(self, program: Program, link: SimLink, event: Event) -> None: ...

    def answered(self, program: Program, link: SimLink, call: Call, status: int, text: str) -> None: ...

    def lost(self, program: Program, link: SimLink) -> None: ...


class Program:
    """One framework's program on a host of its own, through all its runs."""

    def __init__(
        self, cluster: Cluster, host: str, make: Callable[[], Scheduler], fates: Callable[[Call], Call],
        judges: Sequence[Judge] = (),
    ) -> None:  # fmt: skip
        """``make`` is called for each run; ``judges`` are told what it says and hears."""
        self._cluster, self.host, self._make, self._fates = cluster, host, make, fates
        self.judges = judges
        self.process: Process | None = None
        #: of the run that is under way, or was last; None: it has not got so far
        self.scheduler: Scheduler | None = None
        self._disks: dict[str, MemoryDisk] = {}
        #: what it printed
        self.output = io.StringIO()
        #: how runs ended that did not end well
        self.errors: list[BaseException] = []
        #: a run has ended well: the framework is torn down
        self.has_ended = False
        self.is_up = False
        self._is_kept_down = False
        #: as the masters see it
        self.framework_id: FrameworkID | None = None
        self.past_ids: list[FrameworkID] = []
        #: those that are subscribed
        self.links: dict[SimLink, None] = {}
        self.book: dict[TaskID, Record] = {}
        self.refusals: dict[str, int] = {}
        #: what simulated schedulers are told, and programs are not
        self.is_ending = False

    # ---- life

    def start(self) -> None:
        """It runs, unless it does already or has come to its end."""
        if self.is_up or self.has_ended:
            return
        self.is_up, self._is_kept_down, self.scheduler = True, False, None
        name = self._cluster.name_process("framework", self.host)
        process = self.process = Process(self._cluster.loop, name)
        host = SimHost(self._cluster, self.host, name, self._disks, self._fates, self)
        process.context.run(HOST.set, host)
        process.enter(self._begin, name)

    def _begin(self, name: str) -> None:
        OUTPUT.set(self.output)
        self._running = self._cluster.loop.create_task(self._run(), name=name)

    async def _run(self) -> None:
        error: BaseException | None = None
        process = self.process
        try:
            self.scheduler = self._make()
            await self.scheduler.run()
        except (Exception, SystemExit) as failure:  # judged by whoever looks at ``errors``
            error = failure
        self._cluster.loop.post(0, lambda: self._end(process, error))

    def _end(self, process: Process | None, error: BaseException | None) -> None:
        """A run has ended by itself, and nothing of it goes on."""
        assert process is not None
        self._cluster.net.kill(process)
        if error is not None:
            self.errors.append(error)
        if process is not self.process:
            return  # another instance has taken its place
        self.is_up = False
        self.links.clear()
        if error is None:
            self.has_ended = True
            self._abandon()
        elif len(self.errors) <= RESTARTS_MAX:
            self._cluster.loop.post(seconds(RESTARTED_AFTER_S), self._restart)

    def _restart(self) -> None:
        if not (self._is_kept_down or self._cluster.is_stopped):
            self.start()

    def crash(self) -> None:
        """kill -9, and nobody starts it again until ``start``."""
        self._is_kept_down = True
        if self.is_up and self.process is not None:
            self.is_up = False
            self.links.clear()
            self._cluster.net.kill(self.process)

    @property
    def is_stopped(self) -> bool:
        """By SIGSTOP."""
        return self.process is not None and not (self.process.runs or self.process.is_dead)

    def tell(self, event: Event) -> None:
        """The master it is subscribed to says that."""
        for link in self.links:
            if self.process is not None:
                self.process.enter(link.hear, event)

    def stop(self) -> None:
        """SIGSTOP."""
        if self.process is not None:
            self.process.stop()

    def go_on(self) -> None:
        """SIGCONT."""
        if self.process is not None:
            self._cluster.net.go_on(self.process)

    def rival(self) -> None:
        """Another instance with the same disks is started beside the one that runs."""
        if self.is_up:
            self.is_up = False
            self.links.clear()
            self.start()

    def forget_id(self) -> None:
        """Its disks are lost; whoever comes next knows nothing."""
        self._disks.clear()
        self._abandon()

    def _abandon(self) -> None:
        """What it has launched is not its any more."""
        if self.framework_id is not None:
            self.past_ids.append(self.framework_id)
        self.framework_id = None
        for record in self.book.values():
            record.abandoned = True

    def reform(self) -> None:
        """Nothing breaks any more. A stopped one goes on, and what it does is its own business."""
        self._is_kept_down = False
        self.go_on()
        self.start()

    # ---- what it is judged by

    @property
    def subscribed(self) -> bool:
        """Or it need not be."""
        return bool(self.links) or self.has_ended

    @property
    def is_probed(self) -> bool:
        return True

    def open_records(self) -> list[Record]:
        return [record for record in self.book.values() if record.is_open]

    def call(self, type_: Call.Type, payload: Mapping[str, Any] | None = None, **fields: Any) -> None:
        """Somebody at its console makes it say so."""
        if self.is_up and self.process is not None and self.scheduler is not None:
            call = Call(type=type_, **(payload or {}), **fields)
            self.process.enter(self._say, self.scheduler, call)

    def _say(self, scheduler: Scheduler, call: Call) -> None:
        self._saying = self._cluster.loop.create_task(scheduler.call(call), name=f"{self.host} says")

    # ---- what its links tell

    def said(self, link: SimLink, call: Call) -> None:
        if call.accept is not None and self.framework_id is not None:
            for task in launched_by(call.accept.operations):
                known = self.book.get(task.task_id)
                if known is None:
                    at = self._cluster.loop.now
                    made = Record(task.task_id, self.framework_id, task.agent_id, Shape(), at)
                    self.book[task.task_id] = made
                else:
                    known.asked += 1
        self._tell("said", link, call)

    def heard(self, link: SimLink, event: Event) -> None:
        if event.subscribed is not None:
            self.framework_id = event.subscribed.framework_id
            self.links[link] = None
        elif event.update is not None and self.framework_id is not None:
            self._cluster.heard(self.host, self.framework_id, event.update.status)
            record = self.book.get(event.update.status.task_id)
            if record is not None:
                record.hear(event.update.status, self._cluster.loop.now)
        elif event.error is not None:
            self.refusals[event.error.message] = self.refusals.get(event.error.message, 0) + 1
            if "removed" in event.error.message:
                self._abandon()
        self._tell("heard", link, event)

    def answered(self, link: SimLink, call: Call, status: int, text: str) -> None:
        if status >= 300:
            self.refusals[text] = self.refusals.get(text, 0) + 1
        self._tell("answered", link, call, status, text)

    def lost(self, link: SimLink) -> None:
        self.links.pop(link, None)
        self._tell("lost", link)

    def _tell(self, what: str, *told: Any) -> None:
        for judge in self.judges:
            getattr(judge, what)(self, *told)
