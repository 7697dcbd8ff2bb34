"""Operators who change their minds about who may have how much."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mesos_py.sim.cluster import Cluster
    from mesos_py.sim.faults import Fault


def ask(cluster: Cluster, fault: Fault) -> None:
    """Of the master that leads, sooner or later."""
    assert fault.order is not None
    cluster.operators.ask(fault.order)
