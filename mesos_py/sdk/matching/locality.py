"""Delay scheduling: a task that would rather stand near its data waits a while for such a host, then takes what comes.

    waited    0 .......... wait_s .......... 2 * wait_s ..........
    level     HOST         ZONE              ANY

A level without names is not waited for. Nobody is held up by more than the waits together, and a host of a better
level is always taken before one of a worse.

Source: Zaharia et al., "Delay Scheduling: A Simple Technique for Achieving Locality and Fairness in Cluster
Scheduling", EuroSys 2010; the levels are Spark's spark.locality.wait.node and .rack.
"""

from __future__ import annotations

import enum

import attrs

from mesos_py.machine.values import Nanos, seconds

WAIT_S = 3.0  # Spark's default: as long as a few short tasks take to make room


class Level(enum.IntEnum):
    """How near a host is; also: how far from its data a task may stand by now."""

    HOST = 0
    ZONE = 1
    ANY = 2


@attrs.frozen
class Locality:
    """Where the data is, and how long each level is waited for, in seconds."""

    hosts: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    host_wait_s: float = attrs.field(default=WAIT_S, validator=attrs.validators.ge(0))
    zone_wait_s: float = attrs.field(default=WAIT_S, validator=attrs.validators.ge(0))

    def of(self, hostname: str, zone: str | None) -> Level:
        """How near such a host is."""
        if hostname in self.hosts:
            return Level.HOST
        return Level.ZONE if zone is not None and zone in self.zones else Level.ANY

    def allowed(self, waited: Nanos) -> Level:
        """The worst level that a task takes after it has waited so long."""
        for level, end in self._ends():
            if waited < end:
                return level
        return Level.ANY

    def changes_after(self, waited: Nanos) -> Nanos | None:
        """How long it is from then until ``allowed`` says something else; None: it will not."""
        return next((end - waited for _, end in self._ends() if waited < end), None)

    def _ends(self) -> tuple[tuple[Level, Nanos], ...]:
        host_end = seconds(self.host_wait_s) if self.hosts else 0
        zone_end = host_end + (seconds(self.zone_wait_s) if self.zones else 0)
        return (Level.HOST, host_end), (Level.ZONE, zone_end)
