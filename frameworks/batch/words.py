"""What the batch framework hears besides events and the words of ``session.behind``, and what it tells. Pure values."""

from __future__ import annotations

from collections.abc import Mapping

from frameworks.batch.job import Submission
from frameworks.batch.schedule import Schedule
from mesos_py.machine.values import Nanos, value
from mesos_py.wire.ids import AgentID, TaskID

# ---- heard


@value
class UnderWay:
    """A task, as the session knows it."""

    agent_id: AgentID | None
    #: when it was asked for; None: nobody knows
    launched: Nanos | None


@value
class Begun:
    """What earlier runs have kept was read."""

    records: Mapping[str, bytes]
    #: tasks that were asked for and are not known to have ended; what is not here was never asked for
    tasks: Mapping[TaskID, UnderWay]


@value
class Submit:
    """These jobs are to be run. Reply: the names of the jobs."""

    submission: Submission


@value
class Cancel:
    """The job is not wanted any more."""

    name: str


@value
class Hold:
    """Nothing of the job is started until it is released; what runs goes on."""

    name: str


@value
class Release:
    name: str


@value
class Again:
    """What of an ended job has not succeeded is to be run again, and so is what was skipped because of it."""

    name: str


@value
class Pass:
    """An ended job counts as succeeded, and what was skipped because of it is to be run."""

    name: str


@value
class Drop:
    """An ended job is to be forgotten."""

    name: str


@value
class PutSchedule:
    """The schedule is this one from now on, new or not."""

    schedule: Schedule


@value
class DropSchedule:
    """It is no more; its runs go on."""

    name: str


@value
class PauseSchedule:
    name: str
    is_paused: bool


@value
class RunSchedule:
    """It is run now, whatever the calendar says. Reply: the names of the jobs."""

    name: str
    #: after those that its jobs have which depend on none
    arguments: tuple[str, ...] = ()
    #: only this job of it is run, and what hangs on it alone; none: all are
    only: str = ""


@value
class Processed:
    """A task has processed so many elements more."""

    task_id: TaskID
    elements: int


# ---- timers


@value
class RetryDue:
    """A task has waited long enough after a failure."""

    name: str
    position: int


@value
class UnreachableDue:
    """A task on an unreachable host was waited for long enough."""

    task_id: TaskID


@value
class DeadlineDue:
    """A job must have ended by now."""

    name: str


@value
class ForgetDue:
    """A job ended long ago."""

    name: str


@value
class ScheduleDue:
    """The calendar is to be looked at."""

    name: str


@value
class PreemptDue:
    """Those who wait are to be looked at."""


@value
class MatchDue:
    """Offers are left that nobody has looked at."""


@value
class HoldOver:
    """A job has held offers for as long as it may."""


# ---- facts


@value
class JobChanged:
    """Submitted, started, held, released, ended, forgotten: ``state`` is what it is now."""

    name: str
    state: str
    schedule: str


@value
class TaskLaunched:
    task_id: TaskID
    job: str
    index: int
    attempt: int
    hostname: str


@value
class TaskEnded:
    """An attempt is over; ``then`` is what becomes of its task: succeeded, failed, again."""

    task_id: TaskID
    job: str
    index: int
    attempt: int
    outcome: str
    exit_code: int | None
    message: str
    then: str


@value
class RunSkipped:
    """Times of a schedule at which nothing was run, and why."""

    schedule: str
    count: int
    why: str
    due: Nanos
