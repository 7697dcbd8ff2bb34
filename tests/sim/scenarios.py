"""What scenarios are made of: plans with a few faults, and what must have come of them."""

from __future__ import annotations

from typing import Any

import attrs

from mesos_py.machine.values import MILLISECOND
from mesos_py.master.events import ChangeQuota, ChangeWeights
from mesos_py.sim.behaviour import Behaviour
from mesos_py.sim.book import Workload
from mesos_py.sim.faults import OPERATOR, Fault
from mesos_py.sim.operators import Order, quota
from mesos_py.sim.plan import AgentPlan, FrameworkPlan, Plan
from mesos_py.sim.run import Report, run
from mesos_py.wire.role import WeightInfo

#: tasks that run until they are killed, by a scheduler that does not kill
LASTING = Workload(forever=1.0, fails=0.0, stubborn=0.0)
PATIENT = Behaviour(target=3, kill_every_s=None)
#: what must not have happened to any task of a scenario that is survived
BROKEN = ("LOST", "GONE", "UNKNOWN", "DROPPED", "FAILED", "ERROR", "KILLED")


def framework(host: str = "f0", **fields: Any) -> FrameworkPlan:
    """Partition aware, checkpointing, in no hurry."""
    return FrameworkPlan(host=host, **({"behaviour": PATIENT, "workload": LASTING} | fields))


def plan(*faults: Fault, frameworks: tuple[FrameworkPlan, ...] = (framework(),), **fields: Any) -> Plan:
    """Two agents in fair weather, two virtual minutes unless said otherwise."""
    return Plan(frameworks=frameworks, faults=faults, **({"encoded": True} | fields))


def fault(at_s: float, kind: str, host: str, for_s: float = 0.0, draw: float = 0.0) -> Fault:
    return Fault(at_s=at_s, kind=kind, host=host, for_s=for_s, draw=draw)


def well(made: Plan, **options: Any) -> Report:
    """The report of a run that goes well."""
    report = run(made, **options)
    assert report.violation is None, report.text()
    return report


def survived(report: Report) -> None:
    """The last task has finished and everything else is still under way."""
    assert report.ends == {"OPEN": report.tasks - 1, "FINISHED": 1}, report.ends


# ---- quotas

#: wants more than there is, a tenth of a processor at a time
GREEDY = attrs.evolve(PATIENT, target=1_000, think=50 * MILLISECOND)
SMALL = Workload(forever=1.0, fails=0.0, stubborn=0.0, cpus_max=0.0, launch_max_s=0.1)


def asks(at_s: float, order: Order) -> Fault:
    return Fault(at_s=at_s, kind="operator asks", host=OPERATOR, order=order)


def limit(at_s: float, role: str, *, force: bool = False, **limits: float) -> Fault:
    return asks(at_s, ChangeQuota((quota(role, limits=limits),), force=force))


def guarantee(at_s: float, role: str, **guarantees: float) -> Fault:
    return asks(at_s, ChangeQuota((quota(role, guarantees=guarantees),), force=True))


def weigh(at_s: float, **weights: float) -> Fault:
    return asks(at_s, ChangeWeights(tuple([WeightInfo(role=role, weight=one) for role, one in weights.items()])))


def agents(count: int, **fields: Any) -> tuple[AgentPlan, ...]:
    """With room for ten small tasks each."""
    return tuple(AgentPlan(host=f"a{number}", **({"cpus": 1.0} | fields)) for number in range(count))


def limited(*faults: Fault, **fields: Any) -> Plan:
    """A framework that wants everything of five agents, in a role that may have one processor of five."""
    greedy = framework(behaviour=GREEDY, workload=SMALL, role="r1")
    made = {"frameworks": (greedy,), "agents": agents(5), "ends_all": True} | fields
    return plan(limit(0.1, "r1", cpus=1.0), *faults, **made)


#: four of five agents are back soon after a failover; the fifth takes its time
SLOW = (fault(24, "partition", "a0", 40, 0.001), fault(25, "restart master", "m0", 5))
