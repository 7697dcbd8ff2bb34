"""Runs to replay: a small cluster of doubles, or whole simulated ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mesos_py.journal.replay import Run, find_runs
from mesos_py.journal.scribe import Scribe
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.journal import Recorder
from mesos_py.machine.values import Nanos
from mesos_py.sim.plan import Plan, draw
from mesos_py.sim.run import run as simulate
from mesos_py.wire.task import TaskState
from tests import builders
from tests.master.world import START, World


class WorldOnRecord(World):
    """A world whose master is recorded."""

    recorder: Recorder

    def apply(self, kind: Any, body: Any = None, peer: str | None = None, principal: str | None = None) -> Frame:
        self.recorder.heard(Event(kind, body, peer, principal), self.now)
        frame = super().apply(kind, body, peer, principal)
        self.recorder.answered(frame)
        return frame

    def read(self) -> Run:
        (found,) = find_runs(Path(self.recorder.path))
        return found


class RecordedWorld(WorldOnRecord):
    """By a scribe, below ``directory``."""

    def __init__(self, directory: Path, now: Nanos = START) -> None:
        super().__init__()
        self.now = now
        self.recorder = self.scribe = Scribe(str(directory), "master", self.master, now=now)


def busy(directory: Path) -> RecordedWorld:
    """Two agents, a framework, tasks that run and end, an agent that goes."""
    world = RecordedWorld(directory)
    world.recover()
    agents = [world.agent(hostname=f"h{number}") for number in range(2)]
    scheduler = world.scheduler()
    for number, agent in enumerate(agents):
        scheduler.launch(builders.task(f"t{number}", agent.id))
        scheduler.acknowledge(agent.update(scheduler.id, f"t{number}", TaskState.TASK_RUNNING))
    scheduler.acknowledge(agents[0].update(scheduler.id, "t0", TaskState.TASK_FINISHED))
    agents[1].disconnect()
    world.advance(5)
    return world


def simulated(what: int | Plan, directory: Path) -> list[Run]:
    """The journals of all masters and agents of a simulated run, of a seed or of a plan."""
    report = simulate(what if isinstance(what, Plan) else draw(what), journal=str(directory))
    assert report.violation is None, report.text()
    return find_runs(directory)
