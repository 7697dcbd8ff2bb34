"""Launch tokens: so many instances may be asked for that are not known to run yet. A burst of launches is stopped
before it hurts agents and registries; every instance that runs (well, if somebody looks) lets another one go ahead,
and from time to time all of them are there again.

Source: mesosphere/marathon .../core/matcher/manager/impl/OfferMatcherManagerActor.scala.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from frameworks.marathon_py.instances.instance import Instance
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import Nanos, seconds, value

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon

table = Table("launch tokens")


@value
class RefillDue:
    """A timer: all tokens are there again."""


def take(m: Marathon, instance: Instance, now: Nanos) -> None:
    """One is used for a launch."""
    m.tokens -= 1
    m.unconfirmed[instance.id] = None
    if "tokens" not in m.timers:
        m.timers.set("tokens", now + seconds(m.habits.launch_token_refresh_interval_s), RefillDue())


def give_back(m: Marathon, instance: Instance) -> None:
    """The instance has used one, and somebody else may."""
    if m.unconfirmed.pop(instance.id, 0) is None:
        m.tokens = min(m.tokens + 1, m.habits.launch_tokens)
        if m.tokens == m.habits.launch_tokens:
            m.timers.cancel("tokens")


@table.on(RefillDue)
def refill_due(m: Marathon, event: Event, out: Frame) -> None:
    """As many as at the beginning."""
    m.tokens = m.habits.launch_tokens


def settle(m: Marathon) -> None:
    """Whoever has begun to run has given its token back; and if there are some again, so are launches."""
    for id_ in m.touched:
        if id_ in m.unconfirmed:
            instance = m.instances.get(id_)
            if instance is not None and instance.is_well:
                give_back(m, instance)
            elif instance is None or instance.condition.is_terminal or instance.wants_offer:
                del m.unconfirmed[id_]
    if m.is_short and m.tokens > 0:
        m.is_short = False
        m.renewed |= dict.fromkeys(m.waiting)
