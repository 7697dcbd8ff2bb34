"""How much there is of each resource over all agents, kept up to date so that gauges need not walk."""

from __future__ import annotations

from mesos_py.algebra.kinds import SCALAR
from mesos_py.algebra.quantities import Milli
from mesos_py.algebra.resources import Resources


class Sums:
    """Scalars over all registered agents, for gauges: name -> Milli, plain and revocable apart."""

    __slots__ = ("plain", "revocable")

    def __init__(self) -> None:
        self.plain: dict[str, Milli] = {}
        self.revocable: dict[str, Milli] = {}

    def add(self, resources: Resources, sign: int = 1) -> None:
        for kind, amount in resources:
            if kind.type == SCALAR:
                sums = self.revocable if kind.revocable else self.plain
                size = amount if kind.whole is None else (kind.whole if kind.shared else kind.whole * amount)  # type: ignore[operator]
                sums[kind.name] = sums.get(kind.name, 0) + sign * size  # type: ignore[operator]
