"""One instance: a place to be filled, and the task that fills it.

::

    WAITING --launch--> STARTING --> RUNNING --ended by itself--> WAITING (after a while), or OVER
       ^                   |            |  ^
       |                   |            v  |
       +---- lost ---------+----- UNREACHABLE --- waited long enough --> WAITING
    any of them --not wanted any more--> STOPPING --ended--> gone, or WAITING or OVER as its gang is

What is kept of it is what a successor could not find out: the task that may be alive and where, how often it has
failed, and whether it is over.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping

import attrs

from mesos_py.machine.values import Nanos
from mesos_py.sdk.launcher.specs import task_id_of
from mesos_py.wire.ids import AgentID, TaskID

NO_VALUES: Mapping[str, str] = {}


class State(enum.Enum):
    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    UNREACHABLE = "unreachable"
    STOPPING = "stopping"
    OVER = "over"


#: those with a task that is, or may be, alive
LIVE = (State.STARTING, State.RUNNING, State.UNREACHABLE, State.STOPPING)


@attrs.define(eq=False)
class Instance:
    """Changed by ``core.DesiredSet`` only, which keeps the indexes."""

    name: str
    number: int
    state: State = State.WAITING
    #: of the task that fills it, or filled it last; -1: none ever did
    incarnation: int = -1
    agent_id: AgentID | None = None
    #: of its spec, when its task was launched
    version: str = ""
    #: of the fields that its spec asks about, at the place where its task is
    values: Mapping[str, str] = NO_VALUES
    #: in a row
    failures: int = 0
    #: when it came into its state
    since: Nanos = 0
    #: while WAITING: not to be launched before
    not_before: Nanos = 0
    #: while STOPPING: what it is afterwards; None: gone
    then: State | None = None
    #: while OVER: it finished
    finished: bool = False

    @property
    def key(self) -> tuple[str, int]:
        return self.name, self.number

    @property
    def task_id(self) -> TaskID:
        return task_id_of(self.name, self.number, self.incarnation)

    @property
    def is_live(self) -> bool:
        return self.state in LIVE

    @property
    def is_wanted(self) -> bool:
        """It will not be gone when its task has ended."""
        return self.state is not State.STOPPING or self.then is not None

    @property
    def record_name(self) -> str:
        return f"{PREFIX}{self.name}.{self.number}"

    def record(self) -> bytes:
        kept: dict[str, object] = {"incarnation": self.incarnation}
        if self.is_live:
            kept |= {"agent_id": self.agent_id, "values": dict(self.values)}
            if self.version:
                kept["version"] = self.version
            if self.state is State.STOPPING:
                kept["then"] = self.then.value if self.then is not None else None
        if self.failures:
            kept["failures"] = self.failures
        if self.state is State.OVER:
            kept["finished"] = self.finished
        return json.dumps(kept, separators=(",", ":")).encode()

    @staticmethod
    def of(record_name: str, record: bytes) -> Instance:
        """As it was kept; a task that was launched may run, or not. Raises ValueError."""
        name, _, number = record_name.removeprefix(PREFIX).rpartition(".")
        kept = json.loads(record)
        instance = Instance(name, int(number), incarnation=int(kept["incarnation"]))
        instance.failures = int(kept.get("failures", 0))
        if "finished" in kept:
            instance.state, instance.finished = State.OVER, bool(kept["finished"])
        elif "agent_id" in kept:
            instance.agent_id, instance.values = kept["agent_id"], dict(kept["values"])
            instance.version = kept.get("version", "")
            instance.state = State.STOPPING if "then" in kept else State.STARTING
            instance.then = State(kept["then"]) if kept.get("then") else None
        return instance


PREFIX = "launcher/"
"""Names of the records begin with it: others are the program's own."""

RESERVED = PREFIX + "reserved"
"""The record of the first incarnation that may be used by a successor."""
