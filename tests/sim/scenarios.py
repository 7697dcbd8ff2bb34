"""What scenarios are made of: plans with a few faults, and what must have come of them."""

from __future__ import annotations

from typing import Any

from mesos_py.master.events import ChangeWeights
from mesos_py.sim.behaviour import Behaviour
from mesos_py.sim.book import Workload
from mesos_py.sim.faults import OPERATOR, Fault
from mesos_py.sim.operators import Order
from mesos_py.sim.plan import FrameworkPlan, Plan
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


# ---- operators


def asks(at_s: float, order: Order) -> Fault:
    return Fault(at_s=at_s, kind="operator asks", host=OPERATOR, order=order)


def weigh(at_s: float, **weights: float) -> Fault:
    return asks(at_s, ChangeWeights(tuple([WeightInfo(role=role, weight=one) for role, one in weights.items()])))
