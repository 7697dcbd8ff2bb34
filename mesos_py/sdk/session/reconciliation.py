"""Asking for tasks until each was answered for: Mesos' reconciliation algorithm, as its documentation tells it.

::

    begin --> ask for all that are open --> wait, twice as long each time --> ask for those nobody has spoken of ...
          --> none is left: ask once for whatever the master knows --> begin again after ``EVERY_S``

An update of a task is an answer, whoever caused it. A master that waits for an agent to come back does not answer for
its tasks, and is asked again. Mesos: docs/reconciliation.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mesos_py.wire.ids import AgentID, TaskID
from mesos_py.wire.scheduler_api import Call

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
EVERY_S = 15 * 60.0
TASKS_AT_ONCE = 1_000  # in one call


class Reconciliation:
    """Which tasks nobody has spoken of since it began."""

    def __init__(self) -> None:
        self._left: dict[TaskID, AgentID | None] = {}
        self._rounds = 0
        #: the last question, for whatever there is, was asked
        self.is_over = True

    def begin(self, tasks: Iterable[tuple[TaskID, AgentID | None]]) -> None:
        """Nobody has spoken of any of them."""
        self._left, self._rounds, self.is_over = dict(tasks), 0, False

    def heard(self, task_id: TaskID) -> None:
        self._left.pop(task_id, None)

    def ask(self) -> Iterator[Call.Reconcile]:
        """The questions to ask now."""
        tasks = [Call.Reconcile.Task(task_id=task_id, agent_id=agent_id) for task_id, agent_id in self._left.items()]
        self._rounds += 1
        if not tasks:
            self.is_over = True
            yield Call.Reconcile()
        for start in range(0, len(tasks), TASKS_AT_ONCE):
            yield Call.Reconcile(tasks=tuple(tasks[start : start + TASKS_AT_ONCE]))

    @property
    def wait_s(self) -> float:
        """Until the next questions."""
        return EVERY_S if self.is_over else min(FIRST_WAIT_S * 2.0 ** (self._rounds - 1), LONGEST_WAIT_S)
