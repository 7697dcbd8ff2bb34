"""I7 as its checker sees it, change by change: when agents may be given up, and who may come back."""

from __future__ import annotations

import pytest

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.values import SECOND
from mesos_py.master import changes
from mesos_py.master.events import RegistryRecovered
from mesos_py.master.registry import Registry
from mesos_py.sim.checkers.presence import Presence
from mesos_py.sim.observe import Violation
from tests.master.world import World


@pytest.fixture
def world() -> World:
    return World()


def change(presence: Presence, what: object, at_s: float = 0.0) -> None:
    frame = Frame(0)
    frame.change(what)
    presence.applied("master-m0.1", Event("anything"), frame, round(at_s * SECOND))


def test_who_is_gone_stays_away(world: World) -> None:
    """For the master that heard so, and for those after it."""
    agent_id = world.agent().id
    back = changes.AgentAdded(agent_id, world.state.agents[agent_id], returning=True)
    presence = Presence()
    change(presence, back)
    change(presence, changes.AgentGone(agent_id))
    with pytest.raises(Violation, match="is back, but was marked gone"):
        change(presence, back)
    kept = Registry()
    kept.gone[agent_id] = 1
    later = Presence()
    later.applied("master-m1.2", Event(RegistryRecovered, RegistryRecovered(kept)), Frame(0), 0)
    with pytest.raises(Violation, match="is back"):
        change(later, back)
