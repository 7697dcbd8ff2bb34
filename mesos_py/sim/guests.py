"""Somebody who launches containers over the API of agents, and wants to know what has become of each.

::

    launch, until it is answered --> there --kill--> waits, until it is told how it ended --> removes it --> unknown
         '--> refused: there must be nothing of it      '--> a session: leaves, and with that it has to end

Standalone containers, others nested in them or in a task's, and sessions. A call whose answer was lost with its agent
is made again: the name is all that a caller has. What must be true of the answers is judged here (I12), what must not
be left over in the end in ``debts``.
"""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any, Final

import attrs

from mesos_py.agent import words
from mesos_py.agent.calls.api_containers import NOT_TERMINATED
from mesos_py.machine.problem import Kind, Problem
from mesos_py.sim.fate import Fate
from mesos_py.sim.observe import Violation
from mesos_py.wire.agent_api import Call, Response
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.ids import ContainerID

if TYPE_CHECKING:
    from mesos_py.sim.cluster import Cluster

AT_ONCE: Final = 12  # containers of all kinds
RUNS_MAX_S, LAUNCH_MAX_S = 60.0, 10.0
AGAIN_S = 1.0  # before a call that nobody has answered is made again
LOOK_S = 0.5  # whether the agent is still there

Type = Call.Type
#: How a container may end whatever it was told; None is no answer.
KILLED: Final = int(signal.SIGKILL)


@attrs.define(eq=False)
class Guest:
    """One container."""

    host: str
    id: ContainerID
    #: no other guest's
    number: int
    fate: Fate
    #: the one it is nested in, if that is one of ours
    parent: Guest | None = None
    is_session: bool = False
    #: agents and supervisors that it has seen
    seen: dict[Any, None] = attrs.Factory(dict)
    #: signals that it was sent
    signals: dict[int, None] = attrs.Factory(dict)
    is_there: bool = False
    #: its host was booted again, after which an agent knows of no containers (as in Mesos)
    is_excused: bool = False

    @property
    def name(self) -> str:
        return f"{self.id.value} on {self.host}"

    @property
    def is_standalone(self) -> bool:
        return self.id.parent is None


class Guests:
    """All of them. ``every_s``: between two launches, on average."""

    def __init__(self, cluster: Cluster, every_s: float) -> None:
        self._cluster, self._every_s = cluster, every_s
        self._rng = cluster.rng("guests")
        self._count = 0
        #: those that have not been removed
        self.book: dict[str, Guest] = {}
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._start(self._come())

    def debts(self) -> list[str]:
        """What is left that nobody wants; empty in the end."""
        left = [f"I12 container {one.name} is not removed" for one in self.book.values()]
        for host in self._cluster.agents.values():
            left += [f"I12 container {one.spec.container_id} still runs on {host.name}"
                     for one in host.supervisor.running.values() if one.fate.guest]  # fmt: skip
            core = None if host.agent is None else host.agent.core
            left += [f"I12 the agent of {host.name} still knows of {one.text}"
                     for one in (() if core is None else core.api_containers.by_key.values())]  # fmt: skip
        return left

    def rebooted(self, host: str) -> None:
        """Nothing of it runs any more."""
        for one in self.book.values():
            one.is_excused |= one.host == host

    def forgotten(self, host: str) -> None:
        """With its disk, whatever was there."""
        for name, one in list(self.book.items()):
            if one.host == host:
                del self.book[name]

    def _has(self, guest: Guest) -> bool:
        """Its host was not lost."""
        return self.book.get(guest.id.value) is guest

    # ---- their lives

    async def _come(self) -> None:
        while not self._cluster.is_healed:
            await asyncio.sleep(self._rng.expovariate(1 / self._every_s))
            if len(self.book) < AT_ONCE and not self._cluster.is_healed:
                guest = self._draw()
                self.book[guest.id.value] = guest
                self._start(self._live(guest))

    def _draw(self) -> Guest:
        rng = self._rng
        self._count += 1
        # Names are used again, as soon as nobody knows of the last one to have it.
        name = next(name for name in map("g{}".format, range(AT_ONCE)) if name not in self.book)
        host = rng.choice(list(self._cluster.agents))
        parents: list[tuple[ContainerID, Guest | None]] = [
            (one.id, one) for one in self.book.values() if one.host == host and one.is_there and not one.is_session
        ]
        agent = self._cluster.agents[host].agent
        if agent is not None and agent.core is not None:
            parents += [(ContainerID(value=name), None) for name in agent.core.state.containers]
        parent_id, parent = rng.choice(parents) if parents and rng.random() < 0.6 else (None, None)
        fate = Fate(
            guest=1, launch=rng.random() * rng.choice((0.1, LAUNCH_MAX_S)), fail=int(rng.random() < 0.1),
            run=rng.choice((None, rng.random() * RUNS_MAX_S)), exit=rng.choice((0, 3)),
        )  # fmt: skip
        return Guest(
            host=host, id=ContainerID(value=name, parent=parent_id), number=self._count, fate=fate, parent=parent,
            is_session=parent_id is not None and rng.random() < 0.3,
        )  # fmt: skip

    async def _live(self, guest: Guest) -> None:
        rng = self._cluster.rng(f"guest {guest.number}")
        stays_s = rng.random() * RUNS_MAX_S
        if guest.is_session:
            await self._attend(guest, stays_s)
        elif await self._launch(guest):
            waiting = self._cluster.loop.create_task(self._wait(guest), name=f"wait for {guest.name}")
            await asyncio.wait((waiting,), timeout=stays_s)
            signum = rng.choice((signal.SIGTERM, signal.SIGKILL))
            while not waiting.done():
                guest.signals[signum] = None
                kill = Call.KillContainer(container_id=guest.id, signal=signum)
                await self._call(guest, Call(type=Type.KILL_CONTAINER, kill_container=kill))
                await asyncio.wait((waiting,), timeout=AGAIN_S)
            guest.is_there = False
            self._judge(guest, waiting.result())
            await self._remove(guest)
        if self._has(guest):
            del self.book[guest.id.value]

    async def _launch(self, guest: Guest) -> bool:
        """Whether it was launched, now or by an earlier call whose answer was lost."""
        command = CommandInfo(value=guest.fate.command())
        launch = Call.LaunchContainer(container_id=guest.id, command=command)
        answer = await self._insist(guest, Call(type=Type.LAUNCH_CONTAINER, launch_container=launch))
        guest.is_there = isinstance(answer, words.Done)
        return guest.is_there

    async def _attend(self, guest: Guest, stays_s: float) -> None:
        """A session, which ends with the connection of whoever has it."""
        session = Call.LaunchNestedContainerSession(
            container_id=guest.id, command=CommandInfo(value=guest.fate.command())
        )
        call = Call(type=Type.LAUNCH_NESTED_CONTAINER_SESSION, launch_nested_container_session=session)
        await self._call(guest, call, stays_s=stays_s)
        remove = Call(type=Type.REMOVE_CONTAINER, remove_container=Call.RemoveContainer(container_id=guest.id))
        is_over = False
        while not is_over:
            await asyncio.sleep(AGAIN_S)
            is_over = not _is_not_over(await self._insist(guest, remove))

    async def _wait(self, guest: Guest) -> Response.WaitContainer | None:
        """How it ended; None: it was forgotten, and may have been."""
        wait = Call.WaitContainer(container_id=guest.id)
        answer = await self._insist(guest, Call(type=Type.WAIT_CONTAINER, wait_container=wait))
        if isinstance(answer, Response.WaitContainer):
            return answer
        if self._has(guest) and self._must_be_known(guest):
            raise Violation("I12", f"{guest.name} was launched and is not known any more: {answer}")
        return None

    async def _remove(self, guest: Guest) -> None:
        remove = Call.RemoveContainer(container_id=guest.id)
        answer = await self._insist(guest, Call(type=Type.REMOVE_CONTAINER, remove_container=remove))
        if _is_not_over(answer):
            raise Violation("I12", f"{guest.name} has ended, and cannot be removed: {answer.text}")
        wait = Call.WaitContainer(container_id=guest.id)
        answer = await self._insist(guest, Call(type=Type.WAIT_CONTAINER, wait_container=wait))
        if not isinstance(answer, Problem) or answer.kind is not Kind.NOT_FOUND:
            raise Violation("I12", f"{guest.name} was removed, and is still known: {answer}")

    # ---- what must be true

    def _must_be_known(self, guest: Guest) -> bool:
        """Nobody but its caller can have made the agent forget it."""
        if guest.is_excused or guest.is_standalone:
            return not guest.is_excused
        if guest.parent is None or guest.parent.id.parent is not None:
            return False  # where tasks come and go, and what is not kept may have been in between
        running = self._cluster.agents[guest.host].supervisor.running.values()
        return any(one.fate == guest.parent.fate and not one.is_dead for one in running if one.fate.guest)

    def _judge(self, guest: Guest, how: Response.WaitContainer | None) -> None:
        """It has ended as it was to, or as somebody has made it; how is not known only if somebody was not there."""
        if how is None or not self._has(guest):
            return
        ends = {KILLED, *guest.signals, *([] if guest.fate.run is None else [guest.fate.exit << 8])}
        if how.exit_status not in ends and not (how.exit_status is None and len(guest.seen) > 2):
            raise Violation("I12", f"{guest.name} ({guest.fate.command()}) ended so: {how}")

    # ---- calls

    async def _insist(self, guest: Guest, call: Call) -> Any:
        """The answer, of whichever agent; a Problem if there is no such host any more."""
        while self._has(guest):
            answer = await self._call(guest, call)
            if answer is not None and not (isinstance(answer, Problem) and answer.kind is Kind.UNAVAILABLE):
                return answer
            await asyncio.sleep(AGAIN_S)
        return Problem(Kind.NOT_FOUND, "The host is lost")

    async def _call(self, guest: Guest, call: Call, *, stays_s: float = 0.0) -> Any:
        """What the agent answers; None: nothing. The connection ends ``stays_s`` after the answer."""
        host = self._cluster.agents[guest.host]
        agent = host.agent
        if agent is None or not agent.is_ready:
            return None
        guest.seen[agent] = guest.seen[host.supervisor] = None
        answer: asyncio.Future[Any] = self._cluster.loop.create_future()
        peer = agent.ask(call, answer)
        while not answer.done() and not agent.process.is_dead:
            await asyncio.wait((answer,), timeout=LOOK_S)
        guest.seen[host.supervisor] = None  # it may have been killed meanwhile
        await asyncio.sleep(stays_s)
        agent.leave(peer)
        return answer.result() if answer.done() else None

    def _start(self, work: Any) -> None:
        task = self._cluster.loop.create_task(work, name="guests")
        self._tasks[task] = None
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        task.result()


def _is_not_over(answer: Any) -> bool:
    """It cannot be removed yet."""
    return isinstance(answer, Problem) and answer.text == NOT_TERMINATED
