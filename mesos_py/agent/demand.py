"""What an executor and its unfinished tasks may use together, kept up as tasks come and go.

Adding it up anew for each task would cost an executor of a thousand tasks a million additions. If a task has a limit,
everybody counts: with its limit, else with its request; infinity swallows the rest. A task without a limit of cpus has
none in truth, unless ``--cgroups_enable_cfs`` makes its request one.
Mesos: src/slave/slave.cpp computeExecutorLimits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from mesos_py.algebra.quantities import Milli, from_milli, to_milli
from mesos_py.algebra.resources import Resources
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.task import TaskInfo
from mesos_py.wire.value import Value

#: What a task may have a limit of.
LIMITED: Final = ("cpus", "mem")


@attrs.define
class Bound:
    """The limits of one name."""

    #: tasks that have one; of these, those whose limit is infinity; and the sum of the others
    limited: int = 0
    endless: int = 0
    limits: Milli = 0
    #: tasks that have none, and the sum of their requests
    unlimited: int = 0
    requests: Milli = 0


@attrs.define
class Demand:
    """Of one executor."""

    #: the executor's own
    overhead: Resources
    #: with its tasks'
    used: Resources
    bounds: dict[str, Bound] = attrs.Factory(lambda: {name: Bound() for name in LIMITED})

    @classmethod
    def of(cls, info: ExecutorInfo, tasks: Iterable[TaskInfo] = ()) -> Demand:
        own = Resources.of(info.resources)
        made = cls(own, own)
        for task in tasks:
            made.add(task)
        return made

    def add(self, task: TaskInfo) -> None:
        wanted = Resources.of(task.resources)
        self.used += wanted
        self._count(task, wanted, 1)

    def remove(self, task: TaskInfo) -> None:
        """One that was added."""
        wanted = Resources.of(task.resources)
        self.used -= wanted
        self._count(task, wanted, -1)

    def limits(self, *, enable_cfs: bool) -> Mapping[str, Value.Scalar]:
        """Of what they have limits of."""
        found = {}
        for name, bound in self.bounds.items():
            if bound.limited:
                is_endless = bound.endless or (bound.unlimited and name == "cpus" and not enable_cfs)
                total = self.overhead.scalar(name) + bound.limits + bound.requests
                found[name] = Value.Scalar(value=math.inf if is_endless else from_milli(total))
        return found

    def _count(self, task: TaskInfo, wanted: Resources, sign: int) -> None:
        for name, bound in self.bounds.items():
            limit = task.limits.get(name)
            if limit is None:
                bound.unlimited += sign
                bound.requests += sign * wanted.scalar(name)
            else:
                bound.limited += sign
                if math.isinf(limit.value):
                    bound.endless += sign
                else:
                    bound.limits += sign * to_milli(limit.value)
