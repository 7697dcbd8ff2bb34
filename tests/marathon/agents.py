"""Agents as a world of tests has them: what runs there, and what of it is on offer."""

from __future__ import annotations

from typing import Any

import attrs

from mesos_py.algebra.resources import Resources
from mesos_py.machine.values import Nanos
from mesos_py.sdk.session.book import ENDS
from mesos_py.wire.ids import OfferID, TaskID
from mesos_py.wire.offer import Offer
from mesos_py.wire.resource import Resource
from mesos_py.wire.task import TaskInfo, TaskState


@attrs.define(eq=False)
class Task:
    """As its agent has it."""

    info: TaskInfo
    #: of its executor, if it has one for itself or with others
    executor_id: str = ""
    state: TaskState = TaskState.TASK_STAGING
    fields: dict[str, Any] = attrs.field(factory=dict)


@attrs.define(eq=False)
class Agent:
    """A host, its tasks, and what of it is on offer."""

    template: Offer
    away_since: Nanos | None = None
    tasks: dict[TaskID, Task] = attrs.field(factory=dict)
    executors: dict[str, tuple[Resource, ...]] = attrs.field(factory=dict)
    offers: dict[OfferID, Offer] = attrs.field(factory=dict)

    @property
    def alive(self) -> list[Task]:
        return [task for task in self.tasks.values() if task.state not in ENDS]

    @property
    def free(self) -> Resources:
        """Of the template's role."""
        used = [Resources.of(task.info.resources) for task in self.alive]
        running = {task.executor_id for task in self.alive}
        used += [Resources.of(given) for name, given in self.executors.items() if name in running]
        return Resources.of(self.template.resources) - sum(used, Resources())
