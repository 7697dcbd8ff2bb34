"""Everything about a run that is drawn before it begins, from one seed.

Swarm testing: each seed switches whole kinds of trouble on and off, so that some runs are all partitions and others
all misbehaviour, and rare combinations are reached. A plan is a value: it can be printed, and a run with some of its
faults left out is the same run otherwise, because every part of the cluster has its own stream of chance.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

import attrs

from mesos_py.flags import Rate
from mesos_py.machine.values import MILLISECOND, SECOND, Nanos
from mesos_py.sim import faults
from mesos_py.sim.behaviour import Behaviour
from mesos_py.sim.book import Workload
from mesos_py.sim.faults import Fault
from mesos_py.sim.net import Weather

LIVENESS_S = 2_400.0  # after healing, for everything to be settled; the longest back-off is ten minutes
FOR_GOOD_S = 1_500.0  # a failover timeout beyond any faults; what an abandoned framework held is there for others then


@attrs.frozen(kw_only=True)
class FrameworkPlan:
    """One framework; unless said otherwise, one that behaves, and whose tasks run until they are killed."""

    host: str = "f0"
    partition_aware: bool = True
    killing_state: bool = False
    checkpoint: bool = True
    failover_timeout_s: float = 300.0
    role: str = "*"
    behaviour: Behaviour = attrs.Factory(lambda: Behaviour(kill_every_s=None))
    workload: Workload = attrs.Factory(lambda: Workload(forever=1.0, fails=0.0, stubborn=0.0))


@attrs.frozen(kw_only=True)
class AgentPlan:
    """One host that runs tasks."""

    host: str = "a0"
    cpus: float = 4.0
    mem: float = 4096.0
    #: how far off its clock starts, and how much too fast it runs
    skew: Nanos = 0
    rate_ppm: int = 0
    store_latency_max: Nanos = 0


@attrs.frozen(kw_only=True)
class Plan:
    """One run; unless said otherwise, one master, two agents and one framework in fair weather, for two minutes."""

    seed: int = 0
    agents: tuple[AgentPlan, ...] = (AgentPlan(host="a0"), AgentPlan(host="a1"))
    frameworks: tuple[FrameworkPlan, ...] = (FrameworkPlan(),)
    weather: Weather = attrs.Factory(Weather)
    faults: tuple[Fault, ...] = ()
    #: virtual seconds of the safety phase
    duration_s: float = 120.0
    #: messages go through their codecs
    encoded: bool = False
    #: invariants of a core are checked after every so many of its frames
    check_every: int = 5
    #: how late timers are
    lateness_max: Nanos = 0
    ping_timeout_s: float = 15.0
    ping_timeouts: int = 5
    offer_timeout_s: float | None = None
    #: how fast agents are given up
    removals: Rate | None = None
    #: of roles
    weights: Mapping[str, float] = attrs.Factory(dict)
    #: of the disk of a master that is alone
    store_latency_max: Nanos = 10 * MILLISECOND
    #: between two containers that are launched over the API of agents, on average; None: there are none
    guests_every_s: float | None = None
    #: after healing everything is killed
    ends_all: bool = False
    #: without ZooKeeper one, which is alone
    masters: int = 1
    has_zookeeper: bool = False
    zk_session_timeout_s: float = 10.0
    #: until a majority has written, until the others have, too
    zk_commit_max: Nanos = 20 * MILLISECOND
    zk_lag_max: Nanos = 5 * MILLISECOND

    @property
    def master_hosts(self) -> tuple[str, ...]:
        return tuple(f"m{number}" for number in range(self.masters))

    def keeping(self, indexes: tuple[int, ...]) -> Plan:
        """The same run with these of its faults alone."""
        return attrs.evolve(self, faults=tuple(
            attrs.evolve(fault, is_left_out=index not in indexes) for index, fault in enumerate(self.faults)
        ))  # fmt: skip

    def text(self) -> str:
        """A few lines: what was drawn, and the faults with their numbers."""
        head = (
            f"seed {self.seed}: {len(self.agents)} agents, {len(self.frameworks)} frameworks, {self.duration_s:.0f} s,"
            f" pings {self.ping_timeout_s:g} s x {self.ping_timeouts}, offers {self.offer_timeout_s or 'for ever'},"
            f" {self.masters} masters{' with ZooKeeper' if self.has_zookeeper else ''},"
            f"{' encoded,' if self.encoded else ''} delay up to {self.weather.delay_max / SECOND:g} s"
        )
        faults = [f"  {index}: {one.text()}" for index, one in enumerate(self.faults) if not one.is_left_out]
        return "\n".join([head, *faults])


GUESTS = 0.3  # part of the seeds in which containers are launched over the API of agents, too
ORDERED, NESTED = 0.4, 0.3  # part of the seeds in which quotas and weights are set, and of their roles below others
CHECKED, SICK = 0.3, 0.3  # part of the seeds in which tasks are checked, and part of their tasks


def draw(seed: int) -> Plan:
    """The plan of ``seed``."""
    rng = random.Random(f"{seed}/plan")
    agents = tuple(_agent(rng, f"a{number}") for number in range(rng.choice((1, 2, 2, 3, 3, 4, 6))))
    frameworks = tuple(_framework(rng, f"f{number}") for number in range(rng.choice((1, 1, 2, 2, 3))))
    if random.Random(f"{seed}/checks").random() < CHECKED:
        frameworks = tuple(attrs.evolve(one, workload=attrs.evolve(one.workload, sick=SICK)) for one in frameworks)
    duration_s = rng.choice((60.0, 120.0, 240.0, 400.0))
    masters = rng.choice((0, 1, 2, 3, 3))
    master_hosts = [f"m{number}" for number in range(max(1, masters))]
    calm = rng.random() < 0.5
    spiky = rng.random() < 0.2
    weather = Weather(
        delay_max=rng.choice((2, 20, 200)) * MILLISECOND,
        spikes=0.01 if spiky else 0.0,
        give_up=rng.choice((10, 30, 60, 120)) * SECOND,
    )
    made = Plan(
        seed=seed,
        agents=agents,
        frameworks=frameworks,
        weather=weather,
        faults=faults.draw(
            rng, duration_s,
            master=master_hosts, zookeeper=("z0", "z1", "z2") if masters else (),
            agent=[one.host for one in agents], framework=[one.host for one in frameworks],
        ),
        duration_s=duration_s,
        encoded=rng.random() < 0.2,
        check_every=rng.choice((1, 10, 50)),
        lateness_max=0 if calm else rng.choice((1, 50)) * MILLISECOND,
        ping_timeout_s=rng.choice((15.0, 15.0, 5.0)),
        ping_timeouts=rng.choice((5, 5, 3)),
        offer_timeout_s=rng.choice((None, 30.0, 5.0)),
        store_latency_max=rng.choice((0, 20, 20, 2_000)) * MILLISECOND,
        guests_every_s=5.0 if random.Random(f"{seed}/guests").random() < GUESTS else None,
        ends_all=rng.random() < 0.5,
        removals=rng.choice((None, None, Rate(1, 20))),
        masters=len(master_hosts),
        has_zookeeper=masters > 0,
        zk_session_timeout_s=rng.choice((10.0, 10.0, 6.0)),
        zk_commit_max=rng.choice((2, 20, 500)) * MILLISECOND,
        zk_lag_max=rng.choice((5, 5, 1_000)) * MILLISECOND,
    )
    operators = random.Random(f"{seed}/operators")
    return _with_operators(operators, made) if operators.random() < ORDERED else made


def _with_operators(rng: random.Random, plan: Plan) -> Plan:
    """The same, with quotas and weights; some frameworks are in roles below those that have them."""
    frameworks = tuple(
        attrs.evolve(one, role=f"{one.role}/{one.host}") if one.role != "*" and rng.random() < NESTED else one
        for one in plan.frameworks
    )
    asked = faults.draw_orders(rng, plan.duration_s)
    slow = faults.draw_slow_returns(rng, plan.duration_s, [one.host for one in plan.agents])
    all_of_them = sorted([*plan.faults, *asked, *slow], key=lambda fault: fault.at_s)
    return attrs.evolve(plan, frameworks=frameworks, faults=tuple(all_of_them))


def _agent(rng: random.Random, host: str) -> AgentPlan:
    return AgentPlan(
        host=host,
        cpus=rng.choice((1.0, 2.0, 4.0, 8.0)),
        mem=rng.choice((512.0, 1024.0, 4096.0)),
        skew=rng.choice((0, 0, 3600, -3600)) * SECOND,
        rate_ppm=rng.choice((0, 0, 500, -500)),
        store_latency_max=rng.choice((0, 10, 500)) * MILLISECOND,
    )


def _framework(rng: random.Random, host: str) -> FrameworkPlan:
    misbehaves = rng.random() < 0.5

    def at_times(probability: float) -> float:
        return probability if misbehaves and rng.random() < 0.4 else 0.0

    behaviour = Behaviour(
        target=rng.randint(1, 6),
        think=rng.choice((0, 100, 2_000, 10_000)) * MILLISECOND,
        refuse_s=rng.choice((0.0, 1.0, 5.0, 30.0)),
        hoards=at_times(0.5),
        forgets=at_times(0.3),
        never_acknowledges=misbehaves and rng.random() < 0.15,
        stale=at_times(0.2),
        reuses=at_times(0.3),
        regrets=at_times(0.3),
        insists=at_times(0.5),
        kill_every_s=rng.choice((None, 20.0, 60.0)),
        reconcile_every_s=rng.choice((20.0, 60.0, 300.0)),
        shares=rng.choice((0.0, 0.5, 0.9)),
        meddles=rng.choice((0.0, 0.0, 0.2)),
        hostile=at_times(0.5),
        changes=rng.choice((0.0, 0.0, 0.1)),
        suppresses=rng.random() < 0.3,
    )
    kinds = rng.choice((("command",), ("command",), ("custom",), ("group",), ("command", "custom", "group")))
    workload = Workload(
        kinds=kinds,
        run_max_s=rng.choice((2.0, 30.0, 200.0)),
        forever=rng.choice((0.0, 0.3, 0.8)),
        fails=rng.choice((0.0, 0.1)),
        launch_max_s=rng.choice((0.1, 1.0, 15.0)),
        stubborn=rng.choice((0.0, 0.2)),
        silent=rng.choice((0.0, 0.0, 0.3)),
        twice=rng.choice((0.0, 0.0, 0.5)),
        flaky=rng.choice((0.0, 0.0, 0.5)),
    )
    return FrameworkPlan(
        host=host,
        partition_aware=rng.random() < 0.6,
        killing_state=rng.random() < 0.3,
        checkpoint=rng.random() < 0.6,
        failover_timeout_s=rng.choice((0.0, 30.0, 300.0, FOR_GOOD_S)),
        role=rng.choice(("*", "r1", "r2")),
        behaviour=behaviour,
        workload=workload,
    )
