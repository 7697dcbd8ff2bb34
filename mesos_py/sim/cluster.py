"""A cluster from a plan: masters, agents and schedulers on hosts of their own, all on one loop.

Hosts are m0, m1 ... (masters), z0, z1, z2 (ZooKeeper, where masters have rivals), a0 ... (agents), f0 ... (schedulers).

Everything that reaches a core and comes of it goes through ``applied``: into the digest that proves two runs equal,
past the core's own invariants, and to the checkers.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.coordination.address import Address, MasterAddress, ZooKeeperAddress
from mesos_py.coordination.locator import Locator
from mesos_py.coordination.memory import MemoryDisk
from mesos_py.coordination.zookeeper.session import Session
from mesos_py.machine.frame import Close, Event, Frame, Send
from mesos_py.machine.values import Nanos
from mesos_py.master.options import Options
from mesos_py.sim.agents import AgentProcess
from mesos_py.sim.clock import HostClock
from mesos_py.sim.digest import Digest
from mesos_py.sim.disk import SlowRecords, Space
from mesos_py.sim.fate import Fate, Program
from mesos_py.sim.frameworks import Framework
from mesos_py.sim.guests import Guests
from mesos_py.sim.hosts import RESTARTED_WITHIN, AgentHost
from mesos_py.sim.loop import SimLoop
from mesos_py.sim.masters import MasterProcess
from mesos_py.sim.net import Network
from mesos_py.sim.observe import host_of
from mesos_py.sim.operators import Operators
from mesos_py.sim.plan import FrameworkPlan, Plan
from mesos_py.sim.scheduler import SimScheduler
from mesos_py.sim.zookeeper.client import SimClient
from mesos_py.sim.zookeeper.ensemble import Ensemble
from mesos_py.sim.zookeeper.tree import Applied, Request
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.task import TaskStatus

ZOOKEEPER_HOSTS = ("z0", "z1", "z2")
ZOOKEEPER_PATH = "/mesos"
ZOOKEEPER = ZooKeeperAddress(hosts=ZOOKEEPER_HOSTS, path=ZOOKEEPER_PATH, credentials=None)


class Checker(Protocol):
    """Sees every event and frame of every core, and raises Violation. It may have further methods, see ``EARS``."""

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None: ...


#: What else checkers are told, if they have a method of that name:
#:
#:     heard(host, framework_id, status, at)     a scheduler hears an update
#:     kept(process, writes, at)                 a process's store has promised that they survive
#:     said(process, word, at)                   a word leaves a process
#:     written(session, request, applied, at)    ZooKeeper has carried out a write
#:     started(host, spec, fate, at)             a container has begun to run
#:     rebooted(host, at)                        nothing of what ran on the host runs any more
#:     forgotten(host, at)                       nor is there anything left of what its agent has kept
#:     watch(cluster)                            before anything else
EARS = ("applied", "heard", "kept", "said", "written", "started", "rebooted", "forgotten")

Sabotage = Callable[[str, Frame], None]
"""Changes a process's frame before anybody sees it: bugs planted to see whether they are found."""

Tamper = Callable[[MasterProcess | AgentProcess], None]
"""Changes a process before it does anything, for the same purpose."""


Executors = Callable[[str, ContainerSpec, Fate, Callable[[int], None]], Program | None]
"""Given the host, the container, and what to call with the exit code."""


class Cluster:
    """All of it. ``is_healed`` once the liveness phase has begun."""

    def __init__(
        self, loop: SimLoop, plan: Plan, checkers: Sequence[Checker] = (), sabotage: Sabotage | None = None,
        tamper: Tamper | None = None, journal: str | None = None,
    ) -> None:  # fmt: skip
        """``journal`` is a directory for what reaches masters and agents."""
        self.loop, self.plan, self.journal = loop, plan, journal
        self.tamper: Tamper = tamper or (lambda process: None)
        self._ears = {
            name: [getattr(checker, name) for checker in checkers if hasattr(checker, name)] for name in EARS
        }
        self._digest = Digest()
        #: the two that are called for everything that happens
        self._applied, self._said = [self._digest.applied, *self._ears["applied"]], self._ears["said"]
        if sabotage is not None:
            self._applied.insert(0, lambda process, event, frame, at: sabotage(process, frame))
        for checker in checkers:
            if hasattr(checker, "watch"):
                checker.watch(self)
        #: starts a program for a custom executor, or leaves it to a simulated one
        self.executors: Executors = lambda host, spec, fate, exit_: None
        self.is_healed = self.is_stopped = False
        #: why masters and agents have ended by themselves, and how often
        self.endings: dict[str, int] = {}
        #: kinds of faults that have begun, and how often
        self.faults: dict[str, int] = {}
        self.net = Network(loop, plan.seed, plan.weather)
        #: events applied
        self.events = 0
        self._processes = 0
        #: None: each master is alone, and there is only one
        self.ensemble = self._make_ensemble() if plan.has_zookeeper else None
        #: znodes that somebody has damaged, and what they held
        self.damaged: dict[str, bytes] = {}
        self._disk = MemoryDisk()
        #: by host; None: it is down
        self.masters: dict[str, MasterProcess | None] = dict.fromkeys(plan.master_hosts)
        #: host -> what happens to whoever writes something there next
        self._ambushes: dict[str, Callable[[], None]] = {}
        #: hosts whose master somebody keeps from running
        self._kept_down: dict[str, None] = {}
        self.agents = {one.host: AgentHost(self, one) for one in plan.agents}
        self.clocks: dict[str, HostClock] = {host: HostClock(loop) for host in plan.master_hosts}
        self.clocks |= {host: agent.clock for host, agent in self.agents.items()}
        self.schedulers: dict[str, Framework] = {}
        for host in plan.master_hosts:
            self.start_master(host)
        for agent in self.agents.values():
            agent.start()
        for framework in plan.frameworks:
            self._add_scheduler(framework)
        self.operators = Operators(self)
        self.guests = None if plan.guests_every_s is None else Guests(self, plan.guests_every_s)

    def rng(self, name: str) -> random.Random:
        """A stream of chance of its own, for whoever asks by a name that nobody else uses."""
        return random.Random(f"{self.plan.seed}/{name}")

    def name_process(self, what: str, host: str) -> str:
        """See ``observe``."""
        self._processes += 1
        return f"{what}-{host}.{self._processes}"

    def note_end(self, why: str) -> None:
        """A program has ended by itself."""
        self.endings[why] = self.endings.get(why, 0) + 1

    def ambush(self, host: str, spring: Callable[[], None]) -> None:
        """``spring`` is called when a core on ``host`` writes next, while nothing of that is kept."""
        if self._lie_in_wait not in self._applied:
            self._applied.append(self._lie_in_wait)
        self._ambushes[host] = spring

    def _lie_in_wait(self, process: str, event: Event, frame: Frame, at: Nanos) -> None:
        if frame.writes and (spring := self._ambushes.pop(host_of(process), None)) is not None:
            spring()

    def note_fault(self, kind: str) -> None:
        """Something goes wrong."""
        self.faults[kind] = self.faults.get(kind, 0) + 1

    # ---- ZooKeeper

    @property
    def zookeeper_hosts(self) -> tuple[str, ...]:
        return ZOOKEEPER_HOSTS if self.ensemble is not None else ()

    def _make_ensemble(self) -> Ensemble:
        plan = self.plan
        return Ensemble(
            self.loop, self.net, self.rng("zookeeper"), ZOOKEEPER_HOSTS, commit_max=plan.zk_commit_max,
            lag_max=plan.zk_lag_max, committed=self._written,
        )  # fmt: skip

    def _session(self, host: str, chance: random.Random, *, is_candidate: bool = False) -> Session:
        timeout_s = self.plan.zk_session_timeout_s
        client = SimClient(self.loop, self.net, host, ZOOKEEPER_HOSTS, timeout_s, chance)
        return Session(ZOOKEEPER, timeout_s=timeout_s, is_candidate=is_candidate, client=client)

    def locator(self, host: str, moved: Callable[[], None], chance: random.Random) -> Locator:
        """Where an agent on ``host`` finds the leading master."""
        address: Address = ZOOKEEPER if self.plan.has_zookeeper else MasterAddress(self.plan.master_hosts[0], 5050)
        return Locator(address, moved, lambda _: self._session(host, chance))

    # ---- masters

    @property
    def leader(self) -> MasterProcess | None:
        """The master that answers calls, if one does."""
        return next((master for master in self.masters.values() if master is not None and master.leads), None)

    def master_named(self, name: str) -> MasterProcess | None:
        """None when it is no more."""
        return next((master for master in self.masters.values() if master is not None and master.name == name), None)

    def start_master(self, host: str) -> None:
        """A master that knows what its predecessors wrote, unless there is one."""
        self._kept_down.pop(host, None)
        if self.masters[host] is not None:
            return
        plan = self.plan
        name = self.name_process("master", host)
        chance = self.rng(f"{name} zookeeper")  # the core's own is its alone, so that it can be replayed
        alone = SlowRecords(self._disk, self.rng(f"{name} disk"), plan.store_latency_max)
        made = self.masters[host] = MasterProcess(
            self.loop,
            self.net,
            self,
            host,
            name=name,
            options=Options(
                agent_ping_timeout_s=plan.ping_timeout_s,
                max_agent_ping_timeouts=plan.ping_timeouts,
                offer_timeout_s=plan.offer_timeout_s,
                agent_removal_rate_limit=plan.removals,
                weights=plan.weights,
            ),
            clock=self.clocks[host].process_clock(),
            rng=self.rng(name),
            encoded=plan.encoded,
            records=None if plan.has_zookeeper else alone,
            session=(lambda: self._session(host, chance, is_candidate=True)) if plan.has_zookeeper else None,
            ended=self._master_ended,
            journal=self.journal,
        )
        self.tamper(made)

    def kill_master(self, host: str) -> None:
        """kill -9, and nobody starts it again until ``start_master``."""
        self._kept_down[host] = None
        self._forget_master(self.masters[host])

    def _master_ended(self, master: MasterProcess, why: str) -> None:
        """By itself; somebody starts it again."""
        self.note_end(why)
        self._forget_master(master)
        delay = int(self.rng(f"{master.name} again").random() * RESTARTED_WITHIN)
        self.loop.post(self.loop.now + delay, lambda: self._restart_master(master.host))

    def _forget_master(self, master: MasterProcess | None) -> None:
        if master is not None and self.masters[master.host] is master:
            master.kill()
            self.masters[master.host] = None

    def _restart_master(self, host: str) -> None:
        if host not in self._kept_down and not self.is_stopped:
            self.start_master(host)

    # ---- frameworks

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
            self.loop, self.net, plan.host, info, plan.behaviour, plan.workload, self.rng(plan.host),
            masters=self.plan.master_hosts,
            on_update=lambda framework_id, status: self.heard(plan.host, framework_id, status),
        )  # fmt: skip
        self.schedulers[plan.host] = scheduler
        scheduler.start()

    # ---- all of them

    def heal(self) -> None:
        """Everything works and everybody behaves from now on."""
        self.is_healed = True
        self.net.heal()
        for server in self.ensemble.servers.values() if self.ensemble is not None else ():
            server.start()
            server.go_on()
        for host, master in self.masters.items():
            if master is not None:
                self.net.go_on(master.process)
            self.start_master(host)
        for agent in self.agents.values():
            agent.disk.space = Space.PLENTY
            if agent.agent is not None:
                self.net.go_on(agent.agent.process)
            agent.start()
        for scheduler in self.schedulers.values():
            if not scheduler.is_up:
                scheduler.start()
            scheduler.reform()
        self.operators.reform()

    def stop(self) -> None:
        """Nothing of the cluster wants to run any more."""
        self.is_stopped = True
        for master in self.masters.values():
            self._forget_master(master)
        for agent in self.agents.values():
            agent.reboot()

    # ---- watching

    def applied(self, process: str, core: Any, event: Event, frame: Frame) -> None:
        """One event of one core, with everything it caused."""
        self.events += 1
        at = self.loop.now
        try:
            for tell in self._applied:
                tell(process, event, frame, at)
            if frame.cause % self.plan.check_every == 0:
                core.check()
        except Exception as found:
            self._found(found)
            raise

    def kept(self, process: str, writes: Sequence[Any]) -> None:
        """A process's store has promised that these survive."""
        try:
            for tell in self._ears["kept"]:
                tell(process, writes, self.loop.now)
        except Exception as found:
            self._found(found)
            raise

    def said(self, process: str, word: Send | Close) -> None:
        """A word leaves a process."""
        try:
            for tell in self._said:
                tell(process, word, self.loop.now)
        except Exception as found:
            self._found(found)
            raise

    def _found(self, what: Exception) -> None:
        """It ends the run, although a driver catches what goes wrong in it, and perhaps nobody asks the driver."""
        self.loop.call_exception_handler({"exception": what})

    def started(self, host: str, spec: ContainerSpec, fate: Fate) -> None:
        """A container has begun to run."""
        for tell in self._ears["started"]:
            tell(host, spec, fate, self.loop.now)

    def rebooted(self, host: str) -> None:
        """Nothing of what ran on the host runs any more."""
        if self.guests is not None:
            self.guests.rebooted(host)
        for tell in self._ears["rebooted"]:
            tell(host, self.loop.now)

    def forgotten(self, host: str) -> None:
        """Nothing is left of what its agent has kept."""
        if self.guests is not None:
            self.guests.forgotten(host)
        for tell in self._ears["forgotten"]:
            tell(host, self.loop.now)

    def heard(self, host: str, framework_id: str, status: TaskStatus) -> None:
        """A framework's program has been told of a task."""
        self._digest.add(f"{self.loop.now} {host} {status.task_id} {status.state}")
        for tell in self._ears["heard"]:
            tell(host, framework_id, status, self.loop.now)

    def _written(self, session: int, request: Request, applied: Applied) -> None:
        self._digest.add(f"{self.loop.now} zookeeper {session} {type(request).__name__} {applied.touched}")
        for tell in self._ears["written"]:
            tell(session, request, applied, self.loop.now)

    @property
    def digest(self) -> str:
        """Equal when everything that happened so far was equal."""
        return self._digest.text()
