"""What was found when a task was checked. The task's executor knows what it means (mesos_py/executor/checks.py).

Mesos: src/launcher/executor.cpp, src/launcher/default_executor.cpp, taskHealthUpdated and taskCheckUpdated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.agent import changes, events
from mesos_py.agent.hosting import Hosting
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table

if TYPE_CHECKING:
    from mesos_py.agent.core import Agent

rows = Table("checks")


@rows.on(events.Probed)
def probed(agent: Agent, event: Event, out: Frame) -> None:
    """The executor has heard it, if it is there still."""
    found: events.Probed = event.body
    executor = agent.state.containers.get(found.container_id) or agent.state.nested.get(found.container_id)
    if executor is None or executor.builtin is None:
        return
    if found.found.error is not None:
        task_id = executor.nested.get(found.container_id) or next(iter(executor.launched), None)
        if task_id is not None:
            out.change(changes.CheckUnanswered(executor.framework.id, task_id, found.what, found.found.error))
    executor.builtin.probed(Hosting(agent, executor, out), found.container_id, found.what, found.found)
