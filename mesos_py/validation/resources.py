"""Rules for resources that a task, an executor or a container wants."""

from __future__ import annotations

from mesos_py.algebra.kinds import SCALAR
from mesos_py.algebra.resources import Resources


def invalid_gpus(resources: Resources) -> str | None:
    for kind, amount in resources:
        if kind.name == "gpus" and kind.type == SCALAR and amount % 1000:  # type: ignore[operator]
            return "The 'gpus' resource must be an unsigned integer"
    return None
