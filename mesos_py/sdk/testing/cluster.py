"""``Cluster``: simulated masters and agents for the programs of a test, judged at every event and again at the end."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.machine.values import SECOND, Nanos, seconds
from mesos_py.sdk.deciding import CoreScheduler
from mesos_py.sdk.scheduler import Scheduler
from mesos_py.sdk.testing.executors import ExecutorProgram
from mesos_py.sdk.testing.outcomes import Executors, Fates, Outcomes
from mesos_py.sdk.testing.program import Judge, Program
from mesos_py.sim import faults
from mesos_py.sim.checkers.containers import Containers
from mesos_py.sim.checkers.lives import Lives
from mesos_py.sim.checkers.offers import Offers
from mesos_py.sim.checkers.updates import Updates
from mesos_py.sim.checkers.writers import Writers
from mesos_py.sim.cluster import Cluster as World
from mesos_py.sim.fate import Fate
from mesos_py.sim.faults import Fault
from mesos_py.sim.loop import SimLoop
from mesos_py.sim.net import Weather
from mesos_py.sim.plan import AgentPlan, Plan
from mesos_py.sim.settled import debts
from mesos_py.wire.task import TaskInfo

#: agents from which on a core's invariants, which cost as much as there are agents, are checked less often
MANY = 100
LOOK_EVERY_S = 0.05
SETTLE_S = 2_400.0  # the longest back-off is ten minutes
SETTLED_FOR = 3  # looks in a row without debts
SETTLE_LOOK_EVERY_S = 10.0


class NotSettled(AssertionError):
    """Something is owed that should have been paid by now."""


class Cluster:
    """``async with Cluster(agents=10_000, seed=7) as cluster: cluster.start(Hello)``, on a simulated loop.

    With more than one master, or ``zookeeper=True``, they are elected in a simulated ZooKeeper. ``outcomes`` says what
    becomes of a task; unless told otherwise each runs for a second and exits with 0.
    """

    def __init__(
        self, *, agents: int = 2, masters: int = 1, zookeeper: bool = False, seed: int = 0, cpus: float = 4.0,
        mem: float = 4096.0, outcomes: Outcomes | None = None, executors: Executors | None = None,
        faults: Sequence[Fault] = (), settles: bool = True,
        delay_max_s: float = 0.005, encoded: bool = False, offer_timeout_s: float | None = None,
        judges: Sequence[Judge] = (),
    ) -> None:  # fmt: skip
        """``executors`` says which custom executors are programs of the test, and what makes one.

        ``faults`` happen when they are due; ``settles``: at the end everything is healed, and must be well then.

        ``delay_max_s``: of a message; ``encoded``: messages pass through their codecs.
        """
        self.seed = seed
        self._plan = Plan(
            seed=seed, agents=tuple(AgentPlan(host=f"a{number}", cpus=cpus, mem=mem) for number in range(agents)),
            frameworks=(), masters=masters, has_zookeeper=zookeeper or masters > 1, faults=tuple(faults),
            weather=Weather(delay_max=max(seconds(delay_max_s), Weather().delay_min)), encoded=encoded,
            offer_timeout_s=offer_timeout_s, check_every=1 if agents < MANY else 10 * agents,
        )  # fmt: skip
        self._fates = Fates(outcomes or _runs_for_a_second, executors or (lambda info: None))
        #: what programs of executors printed
        self.executor_output = io.StringIO()
        self._settles, self._judges = settles, judges
        self._offers, self._updates, self._lives = Offers(), Updates(), Lives()
        self.programs: list[Program] = []
        self._world: World | None = None

    @property
    def world(self) -> World:
        """The simulator's own cluster, for everything that is not said here."""
        if self._world is None:
            raise RuntimeError("enter the cluster first: 'async with Cluster(...) as cluster'")
        return self._world

    @property
    def now_s(self) -> float:
        """Virtual seconds since the beginning."""
        return self.world.loop.time()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, SimLoop):
            raise RuntimeError("a simulated cluster needs a simulated loop: put @simulated above the test")
        judges = (Writers(), self._offers, self._updates, self._lives, Containers())
        self._world = World(loop, self._plan, judges)
        self._world.executors = self._start_executor
        faults.schedule(self._world, self._plan.faults)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None and self._settles:
                await self.settle()
            elif isinstance(error, Exception) and f"seed {self.seed}" not in str(error):
                error.add_note(self.story())
        finally:
            for program in self.programs:
                program.crash()
            self.world.stop()

    # ---- programs

    def start(self, make: Callable[[], Scheduler], host: str = "") -> Program:
        """A program of its own host; ``make`` makes the scheduler of each of its runs."""
        program = Program(self.world, host or f"f{len(self.programs)}", make, self._fates.into, self._judges)
        self.programs.append(program)
        self.world.schedulers[program.host] = program
        program.start()
        return program

    async def ask(self, program: Program, body: object, within_s: float = 60.0) -> Any:
        """What a ``CoreScheduler`` replies to ``body``, once its run has begun; None: the run has ended before. Raises
        what the program raises to whoever asks."""
        await self.until(lambda: _has_begun(program), within_s)
        process, scheduler = program.process, program.scheduler
        assert process is not None and isinstance(scheduler, CoreScheduler)
        asking: list[asyncio.Task[Any]] = []
        process.enter(lambda: asking.append(self.world.loop.create_task(scheduler.ask(body), name="asked")))
        await self.until(lambda: any(one.done() for one in asking) or process.is_dead, within_s)
        return asking[0].result() if asking and asking[0].done() else None

    def _start_executor(
        self, host: str, spec: ContainerSpec, fate: Fate, exit_: Callable[[int], None]
    ) -> ExecutorProgram | None:
        make = self._fates.programs.get(spec.env["MESOS_EXECUTOR_ID"])
        if make is None:
            return None
        return ExecutorProgram(self.world, host, spec, make, exit_, self.executor_output)

    # ---- faults

    def inject(self, kind: str, host: str = faults.LEADER, for_s: float = 0.0, draw: float = 0.5) -> None:
        """Something goes wrong now, and is well again after ``for_s``: a row of ``sim.faults.KINDS``.

        ``host`` is m0 ..., a0 ..., z0 ..., the host of a program, or the leading master's.
        """
        fault = Fault(at_s=0.0, kind=kind, host=host, for_s=for_s, draw=draw)
        faults.schedule(self.world, (fault,))

    # ---- time

    async def until(self, condition: Callable[[], object], within_s: float = 60.0) -> None:
        """Returns as soon as ``condition()`` is true; raises AssertionError after ``within_s`` virtual seconds."""
        loop = self.world.loop
        end: Nanos = loop.now + seconds(within_s)
        while not condition():
            if loop.now >= end:
                raise AssertionError(f"still not so after {within_s:g} virtual seconds\n{self.story()}")
            await asyncio.sleep(LOOK_EVERY_S)

    async def settle(self) -> None:
        """Everything is healed, and whatever is owed is paid in time: see ``sim.settled``. Raises NotSettled."""
        world = self.world
        world.heal()
        until, clear, left = world.loop.now + seconds(SETTLE_S), 0, [""]
        while clear < SETTLED_FOR:
            await asyncio.sleep(SETTLE_LOOK_EVERY_S)
            left = debts(world, self._offers, self._updates, self._lives)
            clear = 0 if left else clear + 1
            if left and world.loop.now > until:
                raise NotSettled("\n".join([*left[:20], self.story()]))

    # ---- looking

    @property
    def running(self) -> dict[str, list[str]]:
        """Ids of tasks that really run, by the host of their agent."""
        found = {host: [task_id for _, task_id in agent.tasks()] for host, agent in self.world.agents.items()}
        return {host: tasks for host, tasks in found.items() if tasks}

    @property
    def digest(self) -> str:
        """Equal when everything that happened so far was equal."""
        return self.world.digest

    def story(self) -> str:
        """For a person: where everybody stands."""
        world = self.world
        lines = [f"seed {self.seed}, after {world.loop.now / SECOND:.3f} virtual seconds, {world.events} events"]
        for program in self.programs:
            stands = "is subscribed" if program.subscribed else "is not subscribed"
            stands = "has ended" if program.has_ended else stands
            failures = "".join(f"; {type(error).__name__}: {error}" for error in program.errors[-3:])
            lines.append(f"  {program.host} {stands}, {len(program.open_records())} tasks under way{failures}")
        leader = "nobody" if world.leader is None else world.leader.host
        lines.append(f"  {leader} leads, {sum(map(len, self.running.values()))} tasks run")
        return "\n".join(lines)


def _has_begun(program: Program) -> bool:
    return program.is_up and isinstance(program.scheduler, CoreScheduler) and program.scheduler.has_begun


def _runs_for_a_second(task: TaskInfo) -> Fate:
    return Fate(run=1.0)
