"""Jobs and tasks as they are now, and what is kept of them.

There is an object for a task only while it lives or is to be run again: of an array's other tasks we know the positions
that were never started, and how many have ended which way. What became of each is in its record::

    batch/next             number of the next submission
    batch/submission/N     definitions, as they were taken: all of them or none
    batch/job/NAME         held, stopped, ended; nothing is kept while a job is as it was submitted
    batch/task/NAME.POS    attempts that have ended, and what is to become of the task
    batch/elements/NAME    how much its last attempts have processed, as they say
    batch/schedule/NAME    definition, and the last time of its calendar that was looked at

Of records that cannot be understood tells ``broken``.

A launch is not kept here: the session writes down every task before it is asked for, and what it knows of is what was
launched. A task's id is ``NAME.POSITION.SUBMISSION.ATTEMPT``; none is ever used twice.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Mapping
from typing import Any

import attrs

from frameworks.batch.broken import NOT_UNDERSTOOD, Broken, loads
from frameworks.batch.dag import End as JobEnd
from frameworks.batch.job import Job
from frameworks.batch.outcome import Outcome
from mesos_py.algebra.ranges import Ranges
from mesos_py.machine.usage import Usage
from mesos_py.machine.values import Nanos
from mesos_py.sdk.matching import Census, Request
from mesos_py.wire.ids import AgentID, TaskID

PREFIX = "batch/"
NEXT = PREFIX + "next"
SUBMISSION, JOB, TASK, ELEMENTS, SCHEDULE = (
    f"{PREFIX}{kind}/" for kind in ("submission", "job", "task", "elements", "schedule")
)  # fmt: skip

ATTEMPTS_KEPT = 20  # of one task, the last ones
UNKNOWN_ATTEMPT = 1_000_000  # of which nobody knows which it was
LOST = "lost"
_TASK_ID = re.compile(r"(.+)\.(\d{1,7})\.(\d{1,12})\.(\d{1,7})", re.ASCII)


class State(enum.Enum):
    """Of a task that there is an object for."""

    #: it may be started
    READY = "ready"
    #: it waits after a failure
    DELAYED = "delayed"
    #: it was asked for, and may be running
    LIVE = "live"
    #: of a gang: it has succeeded, and may have to do so again
    DONE = "done"


@attrs.frozen
class Attempt:
    """One that has ended."""

    number: int
    outcome: Outcome
    exit_code: int | None = None
    signal: str | None = None
    message: str = ""
    agent_id: str = ""
    hostname: str = ""
    #: with the agent and the task, where its sandbox and its logs are
    container_id: str = ""
    #: when it was asked for and when its end was heard of; None: nobody has written it down
    started: Nanos | None = None
    ended: Nanos = 0
    #: None: whoever ran it has not said
    usage: Usage | None = None

    def row(self) -> list[Any]:
        return [self.number, self.outcome.value, *attrs.astuple(self)[2:]]  # of usage, too

    @staticmethod
    def of(row: list[Any]) -> Attempt:
        usage = Usage(*row[-1]) if row[-1] is not None else None
        return Attempt(row[0], Outcome(row[1]), *[*row[2:-1], usage])


@attrs.frozen
class Kept:
    """What the record of a task says."""

    #: again, succeeded, failed; lost: the record cannot be understood
    then: str
    history: tuple[Attempt, ...]
    failures: int = 0
    losses: int = 0
    not_before: Nanos = 0

    @staticmethod
    def of(record: bytes) -> Kept:
        """Of one that cannot be understood: that nobody knows what became of the task, whose attempts are counted from
        a number on that it cannot have reached."""
        try:
            kept = loads(record)
            history = tuple(Attempt.of(row) for row in kept["attempts"])
            return Kept(str(kept["then"]), history, kept.get("f", 0), kept.get("l", 0), kept.get("not_before", 0))
        except NOT_UNDERSTOOD as error:
            why = f"what is kept of it cannot be understood: {error}"
            return Kept(LOST, (Attempt(UNKNOWN_ATTEMPT, Outcome.LOST, message=why),), losses=1)


@attrs.define(eq=False)
class Task:
    """Changed by ``core.Batch`` only."""

    entry: Entry
    position: int
    state: State = State.READY
    #: number of the one that lives or was last; 0: none
    attempt: int = 0
    failures: int = 0
    #: attempts that nobody is to blame for
    losses: int = 0
    #: while DELAYED
    not_before: Nanos = 0
    history: tuple[Attempt, ...] = ()
    # while LIVE
    agent_id: AgentID | None = None
    hostname: str = ""
    container_id: str = ""
    started: Nanos | None = None
    is_running: bool = False
    #: of the fields that its job asks about
    values: Mapping[str, str] = attrs.field(factory=dict)
    #: it is to end, and this is what that will be called
    stop: Outcome | None = None

    @property
    def id(self) -> TaskID:
        return TaskID(f"{self.entry.name}.{self.position}.{self.entry.submission}.{self.attempt}")

    @property
    def index(self) -> int:
        return self.entry.job.index(self.position)

    @property
    def record_name(self) -> str:
        return f"{TASK}{self.entry.name}.{self.position}"

    def record(self, then: str) -> bytes:
        """``then``: again, succeeded, failed."""
        kept: dict[str, Any] = {"then": then, "attempts": [one.row() for one in self.history[-ATTEMPTS_KEPT:]]}
        kept |= {key: number for key, number in (("f", self.failures), ("l", self.losses)) if number}
        if self.state is State.DELAYED:
            kept["not_before"] = self.not_before
        return _dump(kept)

    @staticmethod
    def restored(entry: Entry, position: int, record: bytes) -> tuple[Task, str]:
        """As it was kept, and what was to become of it."""
        kept = Kept.of(record)
        attempt = kept.history[-1].number if kept.history else 0
        task = Task(
            entry, position, attempt=attempt, failures=kept.failures, losses=kept.losses, not_before=kept.not_before,
            history=kept.history,
        )  # fmt: skip
        return task, kept.then


def parsed(task_id: TaskID) -> tuple[str, int, int, int] | None:
    """Job, position, submission, attempt; None: it is no id of ours."""
    match = _TASK_ID.fullmatch(task_id)
    return None if match is None else (match[1], int(match[2]), int(match[3]), int(match[4]))


@attrs.define(eq=False)
class Entry:
    """One job. Changed by ``core.Batch`` and the tables only."""

    job: Job
    #: number of its submission, and its place there: the order of jobs
    submission: int
    place: int
    submitted: Nanos
    #: name of the schedule that it is a run of
    schedule: str = ""
    due: Nanos = 0
    request: Request = attrs.field(init=False)
    #: positions that were never started
    fresh: Ranges = attrs.field(init=False)
    ready: dict[int, Task] = attrs.field(factory=dict)
    delayed: dict[int, Task] = attrs.field(factory=dict)
    live: dict[int, Task] = attrs.field(factory=dict)
    #: of a gang
    done: dict[int, Task] = attrs.field(factory=dict)
    succeeded: int = 0
    failed: int = 0
    is_held: bool = False
    #: it waits for jobs that it depends on
    is_pending: bool = False
    #: from when its deadline counts: when it was submitted, or run again
    counted_from: Nanos = attrs.field(default=attrs.Factory(lambda self: self.submitted, takes_self=True))
    #: nothing of it is started any more, and this is why
    stop: Outcome | None = None
    end: JobEnd | None = None
    ended: Nanos = 0
    #: what was launched first, as far as is known, was launched then; None: nothing
    started: Nanos | None = None
    #: when something of it could be started, or was, the last time
    since: Nanos = 0
    census: Census = attrs.field(init=False)
    #: how often in a row it has held offers in vain, and until when it must not again
    vain_holds: int = 0
    may_hold_at: Nanos = 0
    #: None: it is understood
    broken: Broken | None = None

    def __attrs_post_init__(self) -> None:
        self.request = self.job.request
        self.fresh = Ranges([(0, self.job.size - 1)])
        self.census = Census(self.request.fields)

    @property
    def name(self) -> str:
        return self.job.name

    @property
    def state(self) -> str:
        """In a word."""
        if self.end is not None:
            return self.end.value
        if self.stop is not None:
            return "stopping"
        if self.broken is not None:
            return "broken"
        if self.live:
            return "running"
        if self.is_held:
            return "held"
        return "pending" if self.is_pending else "queued"

    @property
    def order(self) -> tuple[int, int]:
        return self.submission, self.place

    @property
    def startable(self) -> int:
        """So many of its tasks could be started now, were it its turn."""
        if self.is_held or self.is_pending or self.stop is not None or self.broken is not None:
            return 0
        waiting = len(self.fresh) + len(self.ready)
        if self.job.gang:
            return waiting if waiting == self.job.gang else 0
        return max(0, min(waiting, self.job.parallel_max - len(self.live)))

    @property
    def is_over(self) -> bool:
        """There is nothing more to do, as far as anybody knows what there is to do."""
        is_known = self.broken is None or self.stop is not None
        return is_known and not (self.fresh or self.ready or self.delayed or self.live)

    @property
    def cost(self) -> float:
        """Of one task, in processors: its part of a host that has 4 GB for each."""
        needed = self.request.resources
        return max(needed.get("cpus") / 1_000, needed.get("mem") / 4_096_000, needed.get("gpus") / 125, 0.001)

    def record(self) -> bytes:
        kept: dict[str, Any] = {
            "held": self.is_held, "stop": self.stop.value if self.stop is not None else None, "from": self.counted_from,
        }  # fmt: skip
        if self.end is not None:
            kept |= {
                "end": self.end.value, "ended": self.ended, "succeeded": self.succeeded, "failed": self.failed,
                "started": self.started,
            }  # fmt: skip
        return _dump(kept)

    def restore(self, record: bytes) -> None:
        """As it was kept. Raises what ``broken.NOT_UNDERSTOOD`` lists, and has changed nothing then."""
        kept = loads(record)
        is_held, counted_from = bool(kept["held"]), int(kept["from"])
        stop = Outcome(kept["stop"]) if kept["stop"] is not None else None
        if "end" in kept:
            succeeded, failed, ended = int(kept["succeeded"]), int(kept["failed"]), int(kept["ended"])
            self.end, self.started = JobEnd(kept["end"]), kept["started"]
            self.succeeded, self.failed, self.ended = succeeded, failed, ended
            self.fresh = Ranges()
        self.is_held, self.counted_from, self.stop = is_held, counted_from, stop


def _dump(kept: object) -> bytes:
    return json.dumps(kept, separators=(",", ":")).encode()
