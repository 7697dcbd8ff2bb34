"""Invariants of a running master: what is wrong is found though nothing happens, and ends nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from mesos_py.algebra.resources import NONE
from mesos_py.master import audit, changes
from mesos_py.master.audit import Audit
from mesos_py.master.logbook import Logbook
from mesos_py.master.metrics import Metrics
from mesos_py.wire.ids import FrameworkID, TaskID
from mesos_py.wire.internal import StatusUpdate
from mesos_py.wire.task import TaskState
from tests import builders
from tests.master.world import World


class Watched:
    """A world with tasks on three agents, and who watches it."""

    def __init__(self) -> None:
        self.world = World(check=False)
        self.agents = [self.world.agent(hostname=f"h{number}") for number in range(3)]
        self.scheduler = self.world.scheduler()
        for number, agent in enumerate(self.agents):
            self.scheduler.launch(builders.task(f"t{number}", agent.id), refuse_s=0.0)
        self.metrics = Metrics(self.world.master, started_ns=0)
        self.audit = Audit(self.world.master, lambda: self.world.now, (self.metrics.observe, Logbook().observe))

    def round(self) -> None:
        """All agents, whatever the time, and however long one takes."""
        checks = self.audit.checks
        self.audit._round_at = 0.0
        while self.audit.checks < checks + len(self.world.state.agents):
            self.audit.look()

    @property
    def violations(self) -> float:
        (found,) = [one.number for one in self.metrics.samples(0) if one.name == "master/invariant_violations"]
        return found


@pytest.fixture
def watched() -> Iterator[Watched]:
    with capture_logs():
        yield Watched()


def test_a_sound_master_is_looked_at_and_left_alone(watched: Watched) -> None:
    watched.round()
    watched.round()
    assert (watched.audit.checks, watched.violations) == (6, 0)


def test_what_is_allocated_twice_is_found(watched: Watched) -> None:
    """I1: what an agent offers and uses is more than it has."""
    watched.world.advance(5)
    agent = watched.world.state.agents[watched.agents[1].id]
    assert agent.offers
    agent.total = agent.total_used().unallocate()
    with capture_logs() as logs:
        watched.round()
    assert watched.violations == 1
    (told,) = logs
    assert (told["event"], told["log_level"], told["invariant"]) == ("invariant broken", "error", "I1")
    assert "m-S1" in told["what"]
    watched.round()
    assert watched.violations == 2, "as long as it is wrong"


def test_what_an_index_has_lost_is_found(watched: Watched) -> None:
    """A task that its framework does not know, a sum that is not one."""
    framework = watched.world.state.frameworks[FrameworkID("m-0000")]
    del framework.tasks[TaskID("t0")]
    watched.world.state.agents[watched.agents[2].id].used[framework.id] = NONE
    watched.round()
    assert watched.violations == 2


def test_an_end_after_an_end_is_found(watched: Watched) -> None:
    """I3: told again by the same update it is the same end, by another one it is not."""
    agent, scheduler, world = watched.agents[0], watched.scheduler, watched.world
    status = agent.update(scheduler.id, "t0", TaskState.TASK_FINISHED)
    agent.say(StatusUpdate(framework_id=scheduler.id, status=status))
    assert world.changes(changes.Broken) == []
    agent.update(scheduler.id, "t0", TaskState.TASK_FAILED)
    (found,) = world.changes(changes.Broken)
    assert (found.invariant, found.text) == ("I3", "t0 of m-0000 has ended, and is TASK_FAILED by another update")
    watched.metrics.observe(world.frames[-1])
    assert watched.violations == 1


def test_a_turn_is_short(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends after the agent with which its time is over; the next one goes on there, a new round comes later."""
    monkeypatch.setattr(audit, "TURN_S", 0.0)
    watched.audit.look()
    assert watched.audit.checks == 0
    monkeypatch.setattr(audit, "TURN_S", 60.0)
    for _ in range(3):
        watched.audit.look()
        assert watched.audit.checks == 3
