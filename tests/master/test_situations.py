"""What becomes of a running task when its agent or its framework is lost, is back, or is given up: every situation.

A row is one situation for one kind of framework. ``told``: the states its scheduler hears since the task ran; then, at
the end of it: what the ``registry`` has of the agent, where the master keeps the task, and what reconciliation
answers about it, asked ``by agent``, asked with the task's id ``alone``, and as one of ``all`` (implicitly); ``x``
means that nobody is there to ask::

    kind         told                           registry     kept                     by agent     alone     all

Kinds: ``aware`` and ``plain`` are partition-aware or not and checkpoint; ``brief`` ones do not checkpoint.
Texts and reasons are in the tests of each noun (test_liveness, test_gone, test_removals, test_reregister).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from mesos_py.flags import Rate
from mesos_py.master.events import RegistryRecovered, TeardownFramework
from mesos_py.master.options import Options
from mesos_py.master.registry import Registry
from mesos_py.wire import internal
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import Task, TaskState
from tests import builders
from tests.builders import CAPABILITY
from tests.master.world import AgentDouble, World

KINDS: dict[str, dict[str, Any]] = {
    "aware": {"capabilities": (CAPABILITY.PARTITION_AWARE,)},
    "plain": {},
    "aware brief": {"capabilities": (CAPABILITY.PARTITION_AWARE,), "checkpoint": False},
    "plain brief": {"checkpoint": False},
}


class Stage:
    """A task that runs, and everything that may happen to its agent and its framework."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.world = World(Options(agent_removal_rate_limit=Rate(1, 600), registry_max_agent_age_s=1000))
        self.world.recover()
        self.agent = self.world.agent()
        info = builders.framework_info(framework_id="old-0001", failover_timeout=500.0, **KINDS[kind])
        self.scheduler = self.world.scheduler(info)
        self.scheduler.launch(builders.task())
        self.agent.update(self.scheduler.id, "t", TaskState.TASK_RUNNING)
        self.task: Task = self.world.state.frameworks[self.scheduler.id].tasks["t"].wire()
        self.scheduler.take()
        self.told: list[str] = []

    # ---- what happens

    def disconnects(self) -> None:
        self.agent.disconnect()

    def is_silent(self) -> None:
        """Long enough to be given up, and not until the registry is looked through."""
        self.agent.fall_silent()
        self.world.advance(100)

    def has_to_wait(self) -> None:
        """Another agent is given up just before this one."""
        other = self.world.agent(hostname="other")
        other.fall_silent()
        self.world.advance(10)
        self.is_silent()

    def stays_away(self) -> None:
        self.world.advance(700)

    def is_gone(self) -> None:
        self.world.mark_gone(self.agent.id)

    def unregisters(self) -> None:
        self.agent.say(internal.UnregisterAgent(agent_id=self.agent.id))

    def is_replaced(self) -> None:
        AgentDouble(self.world, builders.agent_info()).register()

    def is_forgotten(self) -> None:
        """The registry is looked through, and this has been long ago."""
        self.world.advance(1900)

    def is_back(self, **fields: Any) -> None:
        report = {"tasks": (self.task,), "frameworks": (self.scheduler.info,)} | fields
        self.agent.reregister(**report)

    def is_back_without(self) -> None:
        self.is_back(tasks=())

    def is_back_with_the_end(self) -> None:
        """The task has ended meanwhile; its update follows the report."""
        self.is_back(tasks=(evolve(self.task, state=TaskState.TASK_FINISHED),))
        self.agent.update(self.scheduler.id, "t", TaskState.TASK_FINISHED)

    def answers(self) -> None:
        """The agent, if it was asked about a task it does not have, says so."""
        state = TaskState.TASK_DROPPED if "aware" in self.kind else TaskState.TASK_LOST
        for welcome in self.agent.of(internal.AgentReregistered):
            for question in welcome.reconciliations:
                self.agent.update(question.framework_id, question.statuses[0].task_id, state)

    def master_fails(self, *, keeps_registry: bool = True) -> None:
        """Another takes over; the framework is back at once."""
        self.hear()
        before = self.world
        self.world = World(Options(agent_removal_rate_limit=Rate(1, 600)))
        kept = Registry.of(before.master.registry.message()) if keeps_registry else Registry()
        self.world.apply(RegistryRecovered, RegistryRecovered(kept))
        self.scheduler.world = self.agent.world = self.world
        self.scheduler.subscribe()

    def registry_is_lost(self) -> None:
        self.master_fails(keeps_registry=False)

    def framework_is_away(self) -> None:
        self.hear()
        self.scheduler.disconnect()

    def framework_is_back(self) -> None:
        self.scheduler.subscribe()

    def framework_is_over(self) -> None:
        self.world.advance(501)

    def framework_is_torn_down(self) -> None:
        self.hear()
        self.world.apply(TeardownFramework, TeardownFramework(self.scheduler.id))

    # ---- what came of it

    def hear(self) -> None:
        self.told += [status.state.name.removeprefix("TASK_") for status in self.scheduler.statuses()]
        self.scheduler.take()

    def registry(self) -> str:
        known = self.world.master.registry
        kinds = {"admitted": known.agents, "unreachable": known.unreachable, "gone": known.gone}
        return next((kind for kind, agents in kinds.items() if self.agent.id in agents), "-")

    def kept(self) -> str:
        state = self.world.state
        framework = state.frameworks.get(self.scheduler.id) or state.completed_frameworks[self.scheduler.id]
        live = {"live": framework.tasks, "unreachable": framework.unreachable_tasks}
        found = [f"{where} {tasks['t'].state.name}" for where, tasks in live.items() if "t" in tasks]
        found += [f"completed {task.state.name}" for task in framework.completed_tasks]
        assert len(found) <= 1, "the task is in two places"
        return found[0].replace("TASK_", "") if found else "-"

    def asked(self, *questions: tuple[str, str | None]) -> str:
        if self.scheduler.id not in self.world.state.frameworks or self.scheduler.peer not in self.world.state.peers:
            return "x"
        answers = self.scheduler.reconcile(*questions)
        assert len(answers) <= 1
        return answers[0].state.name.removeprefix("TASK_") if answers else "-"


#: What happens, step by step.
SITUATIONS: dict[str, tuple[Callable[[Stage], None], ...]] = {
    "disconnected": (Stage.disconnects,),
    "disconnected, back": (Stage.disconnects, Stage.is_back),
    "disconnected, back without it": (Stage.disconnects, Stage.is_back_without),
    "disconnected, back without it, asked": (Stage.disconnects, Stage.is_back_without, Stage.answers),
    "disconnected, back with its end": (Stage.disconnects, Stage.is_back_with_the_end),
    "disconnected for too long": (Stage.disconnects, Stage.stays_away),
    "waits to be given up": (Stage.has_to_wait,),
    "waits, back": (Stage.has_to_wait, Stage.is_back),
    "waits, back without it": (Stage.has_to_wait, Stage.is_back_without),
    "waits, given up": (Stage.has_to_wait, Stage.stays_away),
    "unreachable": (Stage.is_silent,),
    "unreachable, back": (Stage.is_silent, Stage.is_back),
    "unreachable, back without it": (Stage.is_silent, Stage.is_back_without),
    "unreachable, back with its end": (Stage.is_silent, Stage.is_back_with_the_end),
    "unreachable, forgotten": (Stage.is_silent, Stage.is_forgotten),
    "unreachable, forgotten, back": (Stage.is_silent, Stage.is_forgotten, Stage.is_back),
    "gone": (Stage.is_gone,),
    "gone, back": (Stage.is_gone, Stage.is_back),
    "disconnected, gone": (Stage.disconnects, Stage.is_gone),
    "waits, gone": (Stage.has_to_wait, Stage.is_gone),
    "unreachable, gone": (Stage.is_silent, Stage.is_gone),
    "unregistered": (Stage.unregisters,),
    "disconnected, replaced": (Stage.disconnects, Stage.is_replaced),
    "unreachable, replaced": (Stage.is_silent, Stage.is_replaced),
    "new master": (Stage.master_fails,),
    "new master, back": (Stage.master_fails, Stage.is_back),
    "new master, back without it": (Stage.master_fails, Stage.is_back_without),
    "new master, not back": (Stage.master_fails, Stage.stays_away),
    "new master, not back, back": (Stage.master_fails, Stage.stays_away, Stage.is_back),
    "new master, gone": (Stage.master_fails, Stage.is_gone),
    "unreachable, new master": (Stage.is_silent, Stage.master_fails),
    "unreachable, new master, gone": (Stage.is_silent, Stage.master_fails, Stage.is_gone),
    "gone, new master": (Stage.is_gone, Stage.master_fails),
    "registry lost": (Stage.registry_is_lost,),
    "registry lost, back": (Stage.registry_is_lost, Stage.is_back),
    "disconnected, torn down, back": (Stage.disconnects, Stage.framework_is_torn_down, Stage.is_back),
    "unreachable, torn down": (Stage.is_silent, Stage.framework_is_torn_down),
    "unreachable, torn down, back": (Stage.is_silent, Stage.framework_is_torn_down, Stage.is_back),
    "framework away, unreachable": (Stage.framework_is_away, Stage.is_silent),
    "framework away, unreachable, back": (Stage.framework_is_away, Stage.is_silent, Stage.framework_is_back),
    "framework away, unreachable, over": (Stage.framework_is_away, Stage.is_silent, Stage.framework_is_over),
}


#: A kind that is not listed is as its first word is.
TABLE = """
disconnected
    aware        -                              admitted     live RUNNING             RUNNING      RUNNING   RUNNING
    plain        -                              admitted     live RUNNING             RUNNING      RUNNING   RUNNING
    aware brief  LOST                           admitted     unreachable LOST         UNREACHABLE  UNKNOWN   -
    plain brief  LOST                           admitted     unreachable LOST         LOST         LOST      -
disconnected, back
    aware        -                              admitted     live RUNNING             RUNNING      RUNNING   RUNNING
    plain        -                              admitted     live RUNNING             RUNNING      RUNNING   RUNNING
    aware brief  LOST RUNNING                   admitted     live RUNNING             RUNNING      RUNNING   RUNNING
    plain brief  LOST RUNNING                   admitted     live RUNNING             RUNNING      RUNNING   RUNNING
disconnected, back without it
    aware        -                              admitted     live RUNNING             RUNNING      RUNNING   RUNNING
    plain        -                              admitted     live RUNNING             RUNNING      RUNNING   RUNNING
    aware brief  LOST                           admitted     completed LOST           GONE         UNKNOWN   -
    plain brief  LOST                           admitted     completed LOST           LOST         LOST      -
disconnected, back without it, asked
    aware        DROPPED                        admitted     live DROPPED             DROPPED      DROPPED   DROPPED
    plain        LOST                           admitted     live LOST                LOST         LOST      LOST
    aware brief  LOST                           admitted     completed LOST           GONE         UNKNOWN   -
    plain brief  LOST                           admitted     completed LOST           LOST         LOST      -
disconnected, back with its end
    aware        FINISHED                       admitted     live FINISHED            FINISHED     FINISHED  FINISHED
    plain        FINISHED                       admitted     live FINISHED            FINISHED     FINISHED  FINISHED
    aware brief  LOST FINISHED FINISHED         admitted     live FINISHED            FINISHED     FINISHED  FINISHED
    plain brief  LOST FINISHED FINISHED         admitted     live FINISHED            FINISHED     FINISHED  FINISHED
disconnected for too long
    aware        UNREACHABLE                    unreachable  unreachable UNREACHABLE  UNREACHABLE  UNKNOWN   -
    plain        LOST                           unreachable  unreachable LOST         LOST         LOST      -
    aware brief  LOST                           unreachable  unreachable LOST         UNREACHABLE  UNKNOWN   -
waits to be given up
    aware        UNREACHABLE                    admitted     unreachable UNREACHABLE  UNREACHABLE  UNKNOWN   -
    plain        -                              admitted     live RUNNING             RUNNING      RUNNING   RUNNING
waits, back
    aware        UNREACHABLE RUNNING            admitted     live RUNNING             RUNNING      RUNNING   RUNNING
    plain        -                              admitted     live RUNNING             RUNNING      RUNNING   RUNNING
waits, back without it
    aware        UNREACHABLE GONE               admitted     completed GONE           GONE         UNKNOWN   -
    plain        -                              admitted     live RUNNING             RUNNING      RUNNING   RUNNING
waits, given up
    aware        UNREACHABLE                    unreachable  unreachable UNREACHABLE  UNREACHABLE  UNKNOWN   -
    plain        LOST                           unreachable  unreachable LOST         LOST         LOST      -
unreachable
    aware        UNREACHABLE                    unreachable  unreachable UNREACHABLE  UNREACHABLE  UNKNOWN   -
    plain        LOST                           unreachable  unreachable LOST         LOST         LOST      -
unreachable, back
    aware        UNREACHABLE RUNNING            admitted     live RUNNING             RUNNING      RUNNING   RUNNING
    plain        LOST RUNNING                   admitted     live RUNNING             RUNNING      RUNNING   RUNNING
unreachable, back without it
    aware        UNREACHABLE GONE               admitted     completed GONE           GONE         UNKNOWN   -
    plain        LOST                           admitted     completed LOST           LOST         LOST      -
unreachable, back with its end
    aware        UNREACHABLE FINISHED FINISHED  admitted     live FINISHED            FINISHED     FINISHED  FINISHED
    plain        LOST FINISHED FINISHED         admitted     live FINISHED            FINISHED     FINISHED  FINISHED
unreachable, forgotten
    aware        UNREACHABLE                    -            -                        UNKNOWN      UNKNOWN   -
    plain        LOST                           -            -                        LOST         LOST      -
unreachable, forgotten, back
    aware        UNREACHABLE RUNNING            admitted     live RUNNING             RUNNING      RUNNING   RUNNING
    plain        LOST RUNNING                   admitted     live RUNNING             RUNNING      RUNNING   RUNNING
gone
    aware        GONE_BY_OP                     gone         completed GONE_BY_OP     GONE_BY_OP   UNKNOWN   -
    plain        LOST                           gone         completed LOST           LOST         LOST      -
gone, back
    aware        GONE_BY_OP                     gone         completed GONE_BY_OP     GONE_BY_OP   UNKNOWN   -
    plain        LOST                           gone         completed LOST           LOST         LOST      -
disconnected, gone
    aware        GONE_BY_OP                     gone         completed GONE_BY_OP     GONE_BY_OP   UNKNOWN   -
    plain        LOST                           gone         completed LOST           LOST         LOST      -
    aware brief  LOST LOST                      gone         completed LOST           GONE_BY_OP   UNKNOWN   -
    plain brief  LOST LOST                      gone         completed LOST           LOST         LOST      -
waits, gone
    aware        UNREACHABLE GONE_BY_OP         gone         completed GONE_BY_OP     GONE_BY_OP   UNKNOWN   -
    plain        LOST                           gone         completed LOST           LOST         LOST      -
unreachable, gone
    aware        UNREACHABLE GONE_BY_OP         gone         completed GONE_BY_OP     GONE_BY_OP   UNKNOWN   -
    plain        LOST LOST                      gone         completed LOST           LOST         LOST      -
unregistered
    aware        LOST                           -            completed LOST           UNKNOWN      UNKNOWN   -
    plain        LOST                           -            completed LOST           LOST         LOST      -
disconnected, replaced
    aware        LOST                           -            completed LOST           UNKNOWN      UNKNOWN   -
    plain        LOST                           -            completed LOST           LOST         LOST      -
unreachable, replaced
    aware        UNREACHABLE                    unreachable  unreachable UNREACHABLE  UNREACHABLE  UNKNOWN   -
    plain        LOST                           unreachable  unreachable LOST         LOST         LOST      -
new master
    aware        -                              admitted     -                        -            -         -
    plain        -                              admitted     -                        -            -         -
new master, back
    aware        -                              admitted     live RUNNING             RUNNING      RUNNING   RUNNING
    plain        -                              admitted     live RUNNING             RUNNING      RUNNING   RUNNING
new master, back without it
    aware        -                              admitted     -                        GONE         UNKNOWN   -
    plain        -                              admitted     -                        LOST         LOST      -
new master, not back
    aware        -                              unreachable  -                        UNREACHABLE  UNKNOWN   -
    plain        -                              unreachable  -                        LOST         LOST      -
new master, not back, back
    aware        RUNNING                        admitted     live RUNNING             RUNNING      RUNNING   RUNNING
    plain        RUNNING                        admitted     live RUNNING             RUNNING      RUNNING   RUNNING
new master, gone
    aware        -                              gone         -                        GONE_BY_OP   UNKNOWN   -
    plain        -                              gone         -                        LOST         LOST      -
unreachable, new master
    aware        UNREACHABLE                    unreachable  -                        UNREACHABLE  UNKNOWN   -
    plain        LOST                           unreachable  -                        LOST         LOST      -
unreachable, new master, gone
    aware        UNREACHABLE                    gone         -                        GONE_BY_OP   UNKNOWN   -
    plain        LOST                           gone         -                        LOST         LOST      -
gone, new master
    aware        GONE_BY_OP                     gone         -                        GONE_BY_OP   UNKNOWN   -
    plain        LOST                           gone         -                        LOST         LOST      -
registry lost
    aware        -                              -            -                        UNKNOWN      UNKNOWN   -
    plain        -                              -            -                        LOST         LOST      -
registry lost, back
    aware        RUNNING                        admitted     live RUNNING             RUNNING      RUNNING   RUNNING
    plain        RUNNING                        admitted     live RUNNING             RUNNING      RUNNING   RUNNING
disconnected, torn down, back
    aware        -                              admitted     completed KILLED         x            x         x
    plain        -                              admitted     completed KILLED         x            x         x
    aware brief  LOST                           admitted     completed LOST           x            x         x
    plain brief  LOST                           admitted     completed LOST           x            x         x
unreachable, torn down
    aware        UNREACHABLE                    unreachable  completed KILLED         x            x         x
    plain        LOST                           unreachable  completed LOST           x            x         x
unreachable, torn down, back
    aware        UNREACHABLE                    admitted     completed KILLED         x            x         x
    plain        LOST                           admitted     completed LOST           x            x         x
framework away, unreachable
    aware        -                              unreachable  unreachable UNREACHABLE  x            x         x
    plain        -                              unreachable  unreachable LOST         x            x         x
framework away, unreachable, back
    aware        -                              unreachable  unreachable UNREACHABLE  UNREACHABLE  UNKNOWN   -
    plain        -                              unreachable  unreachable LOST         LOST         LOST      -
framework away, unreachable, over
    aware        -                              unreachable  completed KILLED         x            x         x
    plain        -                              unreachable  completed LOST           x            x         x
"""


def rows() -> dict[tuple[str, str], list[str]]:
    """Situation and kind: the columns, in the order of the head of this file."""
    found: dict[tuple[str, str], list[str]] = {}
    situation = ""
    for line in TABLE.strip().splitlines():
        if not line.startswith(" "):
            situation = line
            continue
        kind, *columns = re.split(r"\s{2,}", line.strip())
        found[situation, kind] = columns
    return {
        (situation, kind): found.get((situation, kind)) or found[situation, kind.split()[0]]
        for situation in SITUATIONS
        for kind in KINDS
    }


@pytest.mark.parametrize(("situation", "kind", "expected"), [(*key, columns) for key, columns in rows().items()])
def test_every_situation(situation: str, kind: str, expected: list[str]) -> None:
    stage = Stage(kind)
    for step in SITUATIONS[situation]:
        step(stage)
    stage.hear()
    asked = [stage.asked(("t", stage.agent.id)), stage.asked(("t", None)), stage.asked()]
    found = [" ".join(stage.told) or "-", stage.registry(), stage.kept(), *asked]
    assert [column.replace("GONE_BY_OPERATOR", "GONE_BY_OP") for column in found] == expected
