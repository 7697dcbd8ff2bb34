"""What roles weigh in fair sharing: an operator changes it at run time, and every later master knows.

A registry with weights has the say; ``--weights`` are what a cluster begins with, and are kept in its registry then.
Mesos: src/master/weights_handler.cpp, src/master/weights.cpp; src/master/master.cpp Master::_recover.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mesos_py.algebra.roles import invalid_role, is_strict_subrole
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.problem import Problem, bad_request
from mesos_py.machine.table import Table
from mesos_py.master.allocator.roles import DEFAULT_WEIGHT
from mesos_py.master.calls.offers import withdraw
from mesos_py.master.changes import WeightsUpdated
from mesos_py.master.events import ChangeWeights
from mesos_py.master.options import Options
from mesos_py.master.registry import UpdateWeights
from mesos_py.master.validation.records import too_long
from mesos_py.wire.role import WeightInfo

if TYPE_CHECKING:
    from mesos_py.master.core import Master

table = Table("weights")
PREFIX = "Failed to validate update weights request JSON"
SHOWN_MAX = 100  # characters of a role that is too long


def recover_weights(m: Master, out: Frame) -> None:
    """A new master's roles weigh what the registry says; if it says nothing of any, what --weights says."""
    weights = m.registry.weights or {role: float(weight) for role, weight in m.options.weights.items()}
    if weights and not m.registry.weights:
        m.persist(UpdateWeights(weights), out)
    m.allocator.set_weights(weights)


@table.on(ChangeWeights)
def change_weights(m: Master, event: Event, out: Frame) -> Problem | None:
    """All of these roles weigh what is said, or none does. If anybody is in one that weighs otherwise now, every offer
    there is is taken back, so that all is shared out anew."""
    infos: tuple[WeightInfo, ...] = event.body.infos
    for info in infos:
        wrong = _invalid(info, m.options)
        if wrong is not None:
            return bad_request(PREFIX + wrong)
    known = m.registry.weights
    changed = {_role(info): info.weight for info in infos}
    changed = {role: weight for role, weight in changed.items() if known.get(role) != weight}
    if not changed:
        return None
    shared = [role for role, weight in changed.items() if known.get(role, DEFAULT_WEIGHT) != weight]
    m.persist(UpdateWeights(changed), out)
    out.change(WeightsUpdated(changed))
    m.allocator.set_weights(changed)
    if any(_is_anybody_in(m, role) for role in shared):
        withdraw(m, m.state.offers.values(), out)
    return None


def _role(info: WeightInfo) -> str:
    return (info.role or "").strip()


def _invalid(info: WeightInfo, options: Options) -> str | None:
    """Why this cannot be a role's weight, in Mesos' words."""
    role = _role(info)
    wrong = too_long(role)
    if wrong is not None:
        return f": Invalid role '{role[:SHOWN_MAX]}...': {wrong}"
    wrong = invalid_role(role)
    if wrong is not None:
        return f": Invalid role '{role}': {wrong}"
    if not options.allows_role(role):
        return f": Unknown role '{role}'"
    if not 0 < info.weight < math.inf:  # nor not a number
        rule = "finite" if info.weight > 0 else "positive"
        return f" for role '{role}': Invalid weight '{info.weight:g}': Weights must be {rule}"
    return None


def _is_anybody_in(m: Master, role: str) -> bool:
    """A framework is subscribed to the role, or to one below it."""
    frameworks = m.state.frameworks.values()
    return any(mine == role or is_strict_subrole(mine, role) for each in frameworks for mine in each.roles)
