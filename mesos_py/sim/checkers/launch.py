"""A launch as it is said to an agent: whose, and which tasks."""

from __future__ import annotations

import attrs

from mesos_py.machine.frame import Close, Send
from mesos_py.wire import internal

Task = tuple[str, str]
"""Framework and task."""


@attrs.frozen
class Launch:
    """One word of a master that makes an agent run something."""

    framework_id: str
    #: what it runs outlives the agent
    checkpoint: bool
    tasks: tuple[Task, ...]

    @staticmethod
    def of(word: Send | Close) -> Launch | None:
        """None: it is something else."""
        message = word.message if isinstance(word, Send) else None
        if not isinstance(message, internal.RunTask | internal.RunTaskGroup):
            return None
        tasks = (message.task,) if isinstance(message, internal.RunTask) else message.task_group.tasks
        framework_id = message.framework.id or ""
        return Launch(framework_id, message.framework.checkpoint, tuple([(framework_id, one.task_id) for one in tasks]))
