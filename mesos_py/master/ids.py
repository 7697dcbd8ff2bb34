"""Ids a master gives: its own id and a counter each for frameworks, agents and offers.

Counters start at 0 with every process; the master id, a UUID4 drawn by the shell, keeps them apart from those of
masters before it. Mesos: src/master/master.cpp newFrameworkId, newOfferId, newSlaveId.
"""

from __future__ import annotations

from mesos_py.wire.ids import AgentID, FrameworkID, OfferID


class Ids:
    """Numbered ids under one master id."""

    def __init__(self, master_id: str) -> None:
        self._master_id = master_id
        self._frameworks = self._agents = self._offers = 0

    def framework(self) -> FrameworkID:
        number, self._frameworks = self._frameworks, self._frameworks + 1
        return FrameworkID(f"{self._master_id}-{number:04d}")

    def agent(self) -> AgentID:
        number, self._agents = self._agents, self._agents + 1
        return AgentID(f"{self._master_id}-S{number}")

    def offer(self) -> OfferID:
        """Of offers and inverse offers."""
        number, self._offers = self._offers, self._offers + 1
        return OfferID(f"{self._master_id}-O{number}")
