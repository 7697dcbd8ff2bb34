"""The end of a framework: torn down by itself or an operator, or away for longer than its failover timeout.

::

    connected, disconnected, recovered --remove--> ending --its tasks and executors are taken away--> completed

From the first moment on it is as good as gone: its stream is closed, agents are told to shut it down, its calls and
its id are refused, and what agents say of it is not taken in. What it ran is taken away ``TAKEN_AT_ONCE`` tasks at a
time, so that the end of a large framework does not hold the loop; until its turn comes each counts as used. A framework
that runs less than that is completed within one frame, and nobody ever sees it ending.

Mesos: src/master/master.cpp Master::removeFramework; src/master/http.cpp Master::Http::teardown.
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.problem import Problem, bad_request
from mesos_py.machine.table import Table
from mesos_py.machine.timers import SOON, reprieve
from mesos_py.machine.values import Nanos
from mesos_py.master import words
from mesos_py.master.calls.callers import known_caller
from mesos_py.master.calls.offers import withdraw
from mesos_py.master.calls.reconcile import forget
from mesos_py.master.changes import OfferEnd
from mesos_py.master.entities import Framework, Task
from mesos_py.master.events import EndingDue, FailoverExpired, TeardownFramework
from mesos_py.master.state.executors import remove_executor
from mesos_py.master.state.frameworks import end_framework, remove_framework
from mesos_py.master.state.tasks import complete_lost, remove_task, update_task
from mesos_py.wire.ids import FrameworkID
from mesos_py.wire.internal import ShutdownFramework
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.task import TaskState, TaskStatus

if TYPE_CHECKING:
    from mesos_py.master.core import Master

table = Table("ends of frameworks")
TAKEN_AT_ONCE = 500  # tasks and executors, about 10 ms


@table.on(Call.Type.TEARDOWN, check=known_caller)
def teardown(m: Master, event: Event, out: Frame) -> None:
    """The framework is removed with everything it runs."""
    remove(m, m.state.frameworks[event.body.framework_id], out)


@table.on(TeardownFramework)
def teardown_framework(m: Master, event: Event, out: Frame) -> Problem | None:
    """The framework is removed with everything it runs."""
    framework = m.state.framework(event.body.framework_id)
    if framework is None:
        return bad_request("No framework found with specified ID")
    remove(m, framework, out)
    return None


def await_failover(m: Master, framework_id: FrameworkID, until: Nanos) -> None:
    """The framework is removed then, unless it is back."""
    m.timers.set(("failover", framework_id), until, FailoverExpired(framework_id, until))


@table.on(FailoverExpired)
def failover_expired(m: Master, event: Event, out: Frame) -> None:
    """The framework has been away for too long and is removed; not if it may be that it was we who were away."""
    expired: FailoverExpired = event.body
    again = reprieve(expired.at, out.now)
    if again is None:
        remove(m, m.state.frameworks[expired.framework_id], out)
    else:
        await_failover(m, expired.framework_id, again)


def remove(m: Master, framework: Framework, out: Frame) -> None:
    """The framework is over: tasks are killed, offers and executors gone; the id is remembered as completed."""
    for key in ("heartbeat", "failover"):
        m.timers.cancel((key, framework.id))
    forget(m, framework)
    withdraw(m, framework.offers.values(), out, end=OfferEnd.DISCARDED)
    m.allocator.deactivate_framework(framework.id)
    m.tell_agents(ShutdownFramework(framework_id=framework.id), out)
    if framework.peer is not None:
        out.close(framework.peer)
    end_framework(m.state, framework)
    _take_away(m, framework, out)


@table.on(EndingDue)
def ending_due(m: Master, event: Event, out: Frame) -> None:
    """More of what the framework ran is taken away."""
    _take_away(m, m.state.frameworks[event.body.framework_id], out)


def _take_away(m: Master, framework: Framework, out: Frame) -> None:
    """Once its offers are taken back: one thing after the other."""
    budget = 0 if framework.offers else TAKEN_AT_ONCE
    for task in list(islice(chain(framework.tasks.values(), framework.unreachable_tasks.values()), budget)):
        _kill(m, framework, task, out)
        budget -= 1
    held = ((agent_id, executor_id) for agent_id, here in framework.executors.items() for executor_id in here)
    for agent_id, executor_id in list(islice(held, budget)):
        freed = remove_executor(m.state, framework, m.state.agents[agent_id], executor_id, out)
        m.allocator.recover(framework.id, agent_id, freed, out.now, used=True)
        budget -= 1
    if budget == 0:
        m.timers.set(("ending", framework.id), out.now + SOON, EndingDue(framework.id))
        return
    m.allocator.remove_framework(framework.id)
    remove_framework(m.state, framework, out)


def _kill(m: Master, framework: Framework, task: Task, out: Frame) -> None:
    """One that has ended already is left as it ended. Nobody is told: there is nobody to hear it."""
    if not task.is_terminal:
        status = words.status(
            task.id,
            TaskState.TASK_KILLED,
            TaskStatus.Reason.REASON_FRAMEWORK_REMOVED,
            f"Framework {framework.id} removed",
            out.now,
            agent_id=task.agent_id,
            executor_id=task.executor_id,
        )
        is_live = task.id in framework.tasks
        if update_task(m.state, task, status, None, out) and is_live:
            m.allocator.recover(framework.id, task.agent_id, task.resources, out.now, used=True)
    if task.id in framework.tasks:
        remove_task(m.state, task, out)
    else:
        complete_lost(m.state, task)
