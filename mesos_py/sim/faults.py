"""What goes wrong, as data: drawn from the seed, begun and ended by the table below, left out one by one to shrink.

A fault names what it is done to by host, or as the ``leader`` of the moment at which it begins; what it means while
the host is down already is nothing. Faults of the network are between a host and one master, or all, as drawn.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import attrs

from mesos_py.machine.values import seconds
from mesos_py.sim import orders
from mesos_py.sim.trouble import coordination, frameworks, hosts, network, operators

if TYPE_CHECKING:
    from mesos_py.sim.cluster import Cluster
    from mesos_py.sim.operators import Order


LEADER, OPERATOR = "leader", "operator"


@attrs.frozen(kw_only=True)
class Fault:
    """One thing that goes wrong at ``at_s`` of the safety phase, for ``for_s``; faults of an instant have 0."""

    at_s: float
    kind: str
    host: str
    for_s: float = 0.0
    #: chance of its own, whatever the kind makes of it, 0..1
    draw: float = 0.0
    #: it has its place in the run, and does nothing: so that what comes before the others is as it was with it
    is_left_out: bool = False
    #: what an operator asks for
    order: Order | None = None

    def text(self) -> str:
        if self.order is not None:
            return f"{self.at_s:g} s {self.kind} for {orders.text(self.order)}"
        lasting = f" for {self.for_s:g} s" if self.for_s else ""
        return f"{self.at_s:g} s {self.kind} {self.host}{lasting} ({self.draw:.3f})"


@attrs.frozen
class Kind:
    """How a fault begins and ends; ``durations_s`` to draw from, none for those of an instant."""

    #: what it is done to: "master", "zookeeper", "agent", "framework", "host": any that talks to masters; or nobody
    on: str
    begin: Callable[[Cluster, Fault], None]
    end: Callable[[Cluster, Fault], None] | None = None
    durations_s: tuple[float, ...] = ()
    #: in random plans, too
    is_drawn: bool = True


KINDS = {
    "cut to": Kind("host", network.cut_to, network.mend_to, (5, 30, 100, 200)),
    "cut from": Kind("host", network.cut_from, network.mend_from, (5, 30, 100, 200)),
    "partition": Kind("host", network.partition, network.unite, (2, 20, 60, 100, 200, 700)),
    "clog": Kind("host", network.clog, network.unclog, (5, 20, 60)),
    "swizzle": Kind("host", network.swizzle, None),
    "reset": Kind("host", network.reset),
    "flap": Kind("host", network.flap),
    "clock jump": Kind("host", hosts.jump),
    "restart master": Kind("master", hosts.kill_master, hosts.start_master, (0.1, 3, 20, 100)),
    "kill master in a write": Kind("master", hosts.ambush_master, None, (0.1, 3, 20)),
    "stop master": Kind("master", hosts.stop_master, hosts.go_on_master, (1, 5, 15, 40)),
    "cut off from zookeeper": Kind("master", coordination.cut_off, coordination.let_back, (3, 15, 60)),
    "reset zookeeper": Kind("master", coordination.reset),
    "damage registry": Kind("zookeeper", coordination.damage, coordination.repair, (30,), is_drawn=False),
    "restart zookeeper": Kind("zookeeper", coordination.kill, coordination.start, (0.5, 5, 60)),
    "stop zookeeper": Kind("zookeeper", coordination.stop, coordination.go_on, (3, 15, 60)),
    "isolate zookeeper": Kind("zookeeper", coordination.isolate, coordination.rejoin, (3, 15, 60)),
    "lose quorum": Kind("zookeeper", coordination.kill_others, coordination.start_all, (3, 30, 120)),
    "leave": Kind("agent", hosts.leave),
    "restart agent": Kind("agent", hosts.kill_agent, hosts.start_agent, (0.1, 5, 60, 150, 800)),
    "kill agent in a write": Kind("agent", hosts.ambush_agent, None, (0.1, 5, 60)),
    "end agent": Kind("agent", hosts.end_agent),
    "stop agent": Kind("agent", hosts.stop_agent, hosts.go_on_agent, (1, 15, 100)),
    "reboot host": Kind("agent", hosts.reboot, hosts.start_agent, (1, 30, 200)),
    "lose host": Kind("agent", hosts.lose, hosts.start_agent, (0.1, 60, 800)),
    "fill disk": Kind("agent", hosts.fill_disk, hosts.clear_disk, (1, 20, 100)),
    "mark gone": Kind("agent", hosts.mark_gone),
    "kill containers": Kind("agent", hosts.kill_containers),
    "kill supervisor": Kind("agent", hosts.kill_supervisor),
    "restart framework": Kind("framework", frameworks.crash, frameworks.return_, (0.5, 10, 60, 400)),
    "replace framework": Kind("framework", frameworks.crash, frameworks.return_as_another, (0.5, 60)),
    "stall framework": Kind("framework", frameworks.stall, frameworks.go_on, (5, 60, 200)),
    "rival": Kind("framework", frameworks.rival),
    "operator tears down": Kind("framework", frameworks.operator_tears_down),
    "tear down": Kind("framework", frameworks.tear_down),
    "kill everything": Kind("framework", frameworks.flood_kills),
    "operator asks": Kind("nobody", operators.ask, is_drawn=False),
}


def draw(
    rng: random.Random, duration_s: float, *, master: Sequence[str], zookeeper: Sequence[str], agent: Sequence[str],
    framework: Sequence[str],
) -> tuple[Fault, ...]:  # fmt: skip
    """Up to two dozen faults of a few kinds, in the order of their times."""
    targets = {
        "master": (*master, *[LEADER] * len(master)), "zookeeper": zookeeper, "agent": agent, "framework": framework,
        "host": (*agent, *framework),
    }  # fmt: skip
    enabled = [name for name, kind in KINDS.items()
               if kind.is_drawn and rng.random() < 0.35 and targets[kind.on]]  # fmt: skip
    made = []
    for _ in range(rng.choice((0, 2, 4, 8, 16, 24)) if enabled else 0):
        name = rng.choice(enabled)
        kind = KINDS[name]
        made.append(
            Fault(
                at_s=round(rng.random() * duration_s, 3),
                kind=name,
                host=rng.choice(targets[kind.on]),
                for_s=round(rng.choice(kind.durations_s) * (0.5 + rng.random()), 3) if kind.durations_s else 0.0,
                draw=round(rng.random(), 3),
            )
        )
    return tuple(sorted(made, key=lambda fault: fault.at_s))


def draw_orders(rng: random.Random, duration_s: float) -> tuple[Fault, ...]:
    """What operators ask for meanwhile, in the order of their times."""
    times = sorted(round(rng.random() * duration_s, 3) for _ in range(rng.choice((3, 8, 20))))
    return tuple([Fault(at_s=at_s, kind="operator asks", host=OPERATOR, order=orders.draw(rng)) for at_s in times])


def draw_slow_returns(rng: random.Random, duration_s: float, agent: Sequence[str]) -> tuple[Fault, ...]:
    """Masters change while an agent is away that comes back later than the others, with all that it has run on."""
    made: list[Fault] = []
    for _ in range(rng.choice((0, 0, 1, 2))):
        at_s, for_s = round(rng.uniform(0.2, 0.9) * duration_s, 3), round(rng.uniform(10, 80), 3)
        made.append(Fault(at_s=at_s, kind="restart agent", host=rng.choice(agent), for_s=for_s))
        made.append(Fault(at_s=at_s + 1, kind="restart master", host=LEADER, for_s=2.0))
    return tuple(made)


def schedule(cluster: Cluster, faults: Sequence[Fault]) -> None:
    """They begin and end when they are due, until the cluster is healed."""

    def unless_healed(action: Callable[[Cluster, Fault], None], fault: Fault) -> None:
        if not (cluster.is_healed or fault.is_left_out):
            action(cluster, fault)

    def begin(fault: Fault) -> None:
        kind = KINDS[fault.kind]
        if not (cluster.is_healed or fault.is_left_out):
            cluster.note_fault(fault.kind)
        if fault.host == LEADER:
            host = cluster.plan.master_hosts[0] if cluster.leader is None else cluster.leader.host
            fault = attrs.evolve(fault, host=host)
        unless_healed(kind.begin, fault)
        if kind.end is not None:
            cluster.loop.call_in(seconds(fault.for_s), unless_healed, kind.end, fault)

    for fault in faults:
        cluster.loop.call_in(seconds(fault.at_s), begin, fault)
