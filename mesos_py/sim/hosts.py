"""Hosts of agents: what outlives an agent process, and what does not outlive the host.

::

    disk          records of the agent: survive everything but the loss of the disk
    supervisor    and the containers below it: survive the agent, not a reboot
    agent         a process; started again whenever it ends by itself, unless somebody keeps it from running
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.options import AgentOptions
from mesos_py.machine.values import SECOND
from mesos_py.sim import book
from mesos_py.sim.agents import AgentProcess
from mesos_py.sim.clock import HostClock
from mesos_py.sim.containers import SimContainers
from mesos_py.sim.disk import AgentDisk
from mesos_py.sim.executors import SimExecutor
from mesos_py.sim.fate import Fate, Program
from mesos_py.sim.supervisor import SimSupervisor
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.ids import ExecutorID, FrameworkID

if TYPE_CHECKING:
    from mesos_py.sim.cluster import Cluster
    from mesos_py.sim.plan import AgentPlan

PORTS = 12  # of every agent
RESTARTED_WITHIN = 5 * SECOND  # a program that ends by itself, by whoever looks after it


class AgentHost:
    """One host."""

    def __init__(self, cluster: Cluster, plan: AgentPlan) -> None:
        self._cluster, self.plan, self.name = cluster, plan, plan.host
        self.clock = HostClock(cluster.loop, plan.skew, plan.rate_ppm)
        self.disk = AgentDisk(plan.store_latency_max)
        #: None: it does not run
        self.agent: AgentProcess | None = None
        self._supervisor: SimSupervisor | None = None
        self._boots = 1
        self._is_kept_down = False

    # ---- the agent

    def start(self) -> None:
        """An agent that knows what was kept, unless there is one."""
        self._is_kept_down = False
        if self.agent is not None:
            return
        cluster = self._cluster
        name = cluster.name_process("agent", self.name)
        chance = cluster.rng(f"{name} rim")
        options = AgentOptions(master="zk://z0/mesos", work_dir="/w", switch_user=False)
        self.agent = AgentProcess(
            cluster.loop,
            cluster.net,
            cluster,
            self.name,
            name=name,
            options=options,
            info=self._info(),
            boot_id=f"{self.name} boot {self._boots}",
            disk=self.disk,
            clock=self.clock.process_clock(),
            rng=cluster.rng(name),
            chance=chance,
            encoded=cluster.plan.encoded,
            locator=lambda moved: cluster.locator(self.name, moved, chance),
            containers=lambda report: SimContainers(lambda: self.supervisor, report),
            ended=self._ended,
            journal=cluster.journal,
        )
        cluster.tamper(self.agent)

    def kill(self) -> None:
        """kill -9 of the agent, and nobody starts it again until ``start``."""
        self._is_kept_down = True
        self._forget(self.agent)

    def _ended(self, agent: AgentProcess, why: str) -> None:
        """By itself; somebody starts it again."""
        cluster = self._cluster
        cluster.note_end(why)
        self._forget(agent)
        delay = int(cluster.rng(f"{agent.name} again").random() * RESTARTED_WITHIN)
        cluster.loop.post(cluster.loop.now + delay, self._restart)

    def _restart(self) -> None:
        if not (self._is_kept_down or self._cluster.is_stopped):
            self.start()

    def _forget(self, agent: AgentProcess | None) -> None:
        if agent is not None and agent is self.agent:
            self._cluster.net.kill(agent.process)
            self.agent = None
            if self._supervisor is not None:
                self._supervisor.detach()

    def _info(self) -> AgentInfo:
        plan = self.plan
        resources = book.resources(cpus=plan.cpus, mem=plan.mem, disk=1024.0, ports=range(31000, 31000 + PORTS))
        return AgentInfo(hostname=self.name, port=5051, resources=resources)

    # ---- containers

    @property
    def supervisor(self) -> SimSupervisor:
        """The one that runs; another one is started when there is none."""
        if self._supervisor is None or self._supervisor.process.is_dead:
            cluster = self._cluster
            name = cluster.name_process("supervisor", self.name)
            chance = cluster.rng(name)
            self._supervisor = SimSupervisor(
                cluster.loop,
                cluster.net,
                name,
                lambda spec, fate, exit_: self._start_executor(spec, fate, exit_, chance),
                lambda spec, fate: cluster.started(self.name, spec, fate),
                orphan=AgentOptions(master="", work_dir="").recovery_timeout,
            )
        return self._supervisor

    def tasks(self) -> dict[tuple[str, str], None]:
        """(framework, task) of all that really runs here."""
        return {} if self._supervisor is None else self._supervisor.tasks()

    def _start_executor(
        self, spec: ContainerSpec, fate: Fate, exit_: Callable[[int], None], chance: random.Random
    ) -> Program:
        program = self._cluster.executors(self.name, spec, fate, exit_)
        if program is not None:
            return program
        framework_id, executor_id = spec.env["MESOS_FRAMEWORK_ID"], spec.env["MESOS_EXECUTOR_ID"]
        return SimExecutor(
            self._cluster.loop, self._cluster.net, self.name, FrameworkID(framework_id), ExecutorID(executor_id), fate,
            chance, exit_,
        )  # fmt: skip

    # ---- what happens to it

    def kill_supervisor(self) -> None:
        """With everything below it. An agent notices, and has another one started."""
        if self._supervisor is not None and not self._supervisor.process.is_dead:
            self._supervisor.die()
            if self.agent is not None:
                self.agent.process.enter(self.agent.containers.lost)

    def reboot(self) -> None:
        """Nothing runs any more, and the kernel has another boot id; the disk is as it was."""
        self.kill()
        if self._supervisor is not None:
            self._supervisor.die()
        self._boots += 1
        self._cluster.rebooted(self.name)

    def lose(self) -> None:
        """Host and disk are gone; who stands in its place is another agent."""
        self.reboot()
        self.disk = AgentDisk(self.plan.store_latency_max)
        self._cluster.forgotten(self.name)
