"""A cluster from a plan: one master, agents and schedulers on hosts of their own, all on one loop.

Everything that reaches a core and comes of it goes through ``applied``: into the digest that proves two runs equal,
past the core's own invariants, and to the checkers.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from mesos_py.agent.options import AgentOptions
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.master.options import Options
from mesos_py.sim import book
from mesos_py.sim.digest import Digest
from mesos_py.sim.loop import SimLoop
from mesos_py.sim.net import Network
from mesos_py.sim.plan import AgentPlan, FrameworkPlan, Plan
from mesos_py.sim.processes import AgentProcess, Clock, MasterProcess, SimStore
from mesos_py.sim.scheduler import SimScheduler
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.task import TaskStatus

PORTS = 12  # of every agent
EPOCH: Nanos = 1_700_000_000 * SECOND


class Violation(Exception):
    """An invariant does not hold: which one, and the story."""

    def __init__(self, invariant: str, text: str) -> None:
        super().__init__(f"{invariant}: {text}")
        self.invariant = invariant


class Checker(Protocol):
    """Sees every event and frame of every core, and every update a scheduler hears. Raises Violation."""

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None: ...

    def heard(self, host: str, framework_id: str, status: TaskStatus, at: Nanos) -> None: ...


Sabotage = Callable[[str, Frame], None]
"""Changes a process's frame before anybody sees it: bugs planted to see whether they are found."""


class Cluster:
    """All of it. ``is_healed`` once the liveness phase has begun."""

    def __init__(
        self,
        loop: SimLoop,
        plan: Plan,
        checkers: Sequence[Checker] = (),
        sabotage: Sabotage | None = None,
        journal: str | None = None,
    ) -> None:
        """``journal`` is a directory for what reaches masters and agents."""
        self.loop, self.plan, self.checkers, self._sabotage = loop, plan, checkers, sabotage
        self._journal = journal
        self.is_healed = False
        self.net = Network(loop, plan.seed, plan.weather)
        self.agents: dict[str, AgentProcess | None] = {}
        self.schedulers: dict[str, SimScheduler] = {}
        #: events applied
        self.events = 0
        self._digest = Digest()
        self._frames: dict[str, int] = {}
        self._plans = {one.host: one for one in plan.agents}
        self._runs = 0
        self._store = SimStore(self._rng("master store"), plan.store_latency_max)
        #: None while there is none
        self.master: MasterProcess | None = None
        self._masters = 0
        self.start_master()
        for agent in plan.agents:
            self.agents[agent.host] = None
            self.start_agent(agent.host)
        for framework in plan.frameworks:
            self._add_scheduler(framework)

    def _rng(self, name: str) -> random.Random:
        return random.Random(f"{self.plan.seed}/{name}")

    def _guard(self, task: asyncio.Task[None]) -> None:
        """What stops a driver ends the run."""
        task.add_done_callback(lambda done: None if done.cancelled() else done.result())

    # ---- hosts

    def start_master(self) -> None:
        """A master that knows what its predecessors wrote, unless there is one."""
        if self.master is not None:
            return
        plan = self.plan
        name = f"m{self._masters}"
        self._masters += 1
        self.master = MasterProcess(
            self.loop,
            self.net,
            self,
            name=name,
            options=Options(
                agent_ping_timeout_s=plan.ping_timeout_s,
                max_agent_ping_timeouts=plan.ping_timeouts,
                offer_timeout_s=plan.offer_timeout_s,
                agent_removal_rate_limit=plan.removals,
            ),
            clock=Clock(self.loop, EPOCH),
            store=self._store,
            rng=self._rng(name),
            encoded=plan.encoded,
            journal=self._journal,
        )
        self._guard(self.master.running)

    def stop_master(self) -> None:
        """kill -9."""
        if self.master is not None:
            self.master.crash()
            self.master = None

    def start_agent(self, host: str) -> None:
        """A new agent process on the host, unless one runs there. One that still says good-bye is cut short."""
        before = self.agents[host]
        if before is not None:
            if not (before.is_leaving or before.is_over):
                return
            self.stop_agent(host)
        plan = self._plans[host]
        self._runs += 1
        process = AgentProcess(
            self.loop,
            self.net,
            self,
            host,
            name=f"{host}#{self._runs}",
            options=AgentOptions(master="master:5050", work_dir="/w", switch_user=False),
            info=_agent_info(plan),
            clock=Clock(self.loop, EPOCH, plan.skew, plan.rate_ppm),
            store=SimStore(self._rng(f"{host} store {self._runs}"), plan.store_latency_max),
            rng=self._rng(f"{host} {self._runs}"),
            encoded=self.plan.encoded,
            journal=self._journal,
        )
        self.agents[host] = process
        self._guard(process.running)

    def stop_agent(self, host: str) -> None:
        """kill -9, and everything it ran dies with it."""
        agent = self.agents[host]
        if agent is not None:
            if not agent.is_over:
                agent.crash()
            self.agents[host] = None

    def _add_scheduler(self, plan: FrameworkPlan) -> None:
        types = FrameworkInfo.Capability.Type
        capabilities = [types.MULTI_ROLE]
        capabilities += [types.PARTITION_AWARE] if plan.partition_aware else []
        capabilities += [types.TASK_KILLING_STATE] if plan.killing_state else []
        info = FrameworkInfo(
            name=plan.host,
            user="nobody",
            roles=(plan.role,),
            checkpoint=plan.checkpoint,
            failover_timeout=plan.failover_timeout_s,
            capabilities=tuple(FrameworkInfo.Capability(type=one) for one in capabilities),
        )
        scheduler = SimScheduler(
            self.loop, self.net, plan.host, info, plan.behaviour, plan.workload, self._rng(plan.host),
            on_update=lambda framework_id, status: self._heard(plan.host, framework_id, status),
        )  # fmt: skip
        self.schedulers[plan.host] = scheduler
        scheduler.start()

    def heal(self) -> None:
        """Everything works and everybody behaves from now on."""
        self.is_healed = True
        self.net.heal()
        self.start_master()
        self._keep_agents()
        for scheduler in self.schedulers.values():
            if not scheduler.is_up:
                scheduler.start()
            scheduler.reform()

    def _keep_agents(self) -> None:
        """Every host has an agent; one that was marked gone while it was cut off hears of it, and ends, only now."""
        for host in self.agents:
            self.start_agent(host)
        self.loop.call_in(10 * SECOND, self._keep_agents)

    def stop(self) -> None:
        """Nothing of the cluster wants to run any more."""
        self.stop_master()
        for agent in self.agents.values():
            if agent is not None:
                agent.crash()

    # ---- watching

    def applied(self, process: str, core: Any, event: Event, frame: Frame) -> None:
        """One event of one core, with everything it caused."""
        self.events += 1
        if self._sabotage is not None:
            self._sabotage(process, frame)
        self._digest.applied(self.loop.now, process, event, frame)
        count = self._frames[process] = self._frames.get(process, 0) + 1
        if count % self.plan.check_every == 0:
            core.check()
        for checker in self.checkers:
            checker.applied(process, event, frame, self.loop.now)

    def _heard(self, host: str, framework_id: str, status: TaskStatus) -> None:
        self._digest.add(f"{self.loop.now} {host} {status.task_id} {status.state}")
        for checker in self.checkers:
            checker.heard(host, framework_id, status, self.loop.now)

    @property
    def digest(self) -> str:
        """Equal when everything that happened so far was equal."""
        return self._digest.text()


def _agent_info(plan: AgentPlan) -> AgentInfo:
    return AgentInfo(hostname=plan.host, port=5051, resources=book.resources(
        cpus=plan.cpus, mem=plan.mem, disk=1024.0, ports=range(31000, 31000 + PORTS)
    ))  # fmt: skip
