"""Maintenance: machines, windows, and how far they are drained.

Mesos: include/mesos/v1/maintenance/maintenance.proto, mesos.proto.
"""

from __future__ import annotations

from mesos_py.wire.allocator_api import InverseOfferStatus
from mesos_py.wire.schema import WireEnum, message, opt, rep, req
from mesos_py.wire.value import Unavailability


@message
class MachineID:
    """A machine, by hostname and ip; an agent is on it only when both match what the agent advertises."""

    hostname: str | None = opt(1)
    ip: str | None = opt(2)


@message
class MachineInfo:
    """A machine and its maintenance."""

    class Mode(WireEnum):
        UP = 1
        DRAINING = 2
        DOWN = 3

    id: MachineID = req(1)
    mode: Mode | None = opt(2)
    unavailability: Unavailability | None = opt(3)


@message
class Window:
    """Machines that are unavailable together."""

    machine_ids: tuple[MachineID, ...] = rep(1)
    unavailability: Unavailability = req(2)


@message
class Schedule:
    """All windows that are planned."""

    windows: tuple[Window, ...] = rep(1)


@message
class ClusterStatus:
    """Machines being drained or down."""

    @message
    class DrainingMachine:
        id: MachineID = req(1)
        statuses: tuple[InverseOfferStatus, ...] = rep(2)

    draining_machines: tuple[DrainingMachine, ...] = rep(1)
    down_machines: tuple[MachineID, ...] = rep(2)
