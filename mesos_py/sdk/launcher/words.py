"""What a launcher hears besides events and the words of ``session.behind``, and what it tells. Pure values."""

from __future__ import annotations

from collections.abc import Mapping

from mesos_py.machine.values import value
from mesos_py.sdk.launcher.specs import Spec
from mesos_py.wire.ids import AgentID, TaskID
from mesos_py.wire.task import TaskState

# ---- heard


@value
class Begun:
    """What earlier runs have kept has been read, and these specs are all that should run."""

    records: Mapping[str, bytes]
    #: of every task that they had asked for, its state as last heard; one that is not here was never asked for
    tasks: Mapping[TaskID, TaskState]
    specs: tuple[Spec, ...]


@value
class Declared:
    """These specs are all that should run from now on."""

    specs: tuple[Spec, ...]


@value
class AgentKnown:
    """Somebody has told which capabilities an agent has."""

    agent_id: AgentID
    capabilities: tuple[str, ...]


@value
class WaitOver:
    """A timer: an instance has waited long enough after a failure."""

    name: str
    number: int


@value
class StartDue:
    """A timer: a task should run by now."""

    name: str
    number: int


@value
class UnreachableDue:
    """A timer: a task on an unreachable agent has been waited for long enough."""

    name: str
    number: int


@value
class LookDue:
    """A timer: tasks of a former version are to be looked for."""

    name: str


@value
class HoldOver:
    """A timer: a gang has held offers for as long as it may."""


@value
class PauseOver:
    """A timer: a gang that has held offers in vain may do so again."""

    gang: str


# ---- facts for the log and for those who wait


@value
class Launched:
    """A task was asked for."""

    task_id: TaskID
    hostname: str


@value
class Ended:
    """A task has ended, and ``then`` is what becomes of its instance."""

    task_id: TaskID
    state: TaskState
    then: str


@value
class HoldBegan:
    """A gang keeps offers until it has enough of them."""

    gang: str


@value
class HoldEnded:
    """And has launched, or given them back, or they were taken away."""

    gang: str
