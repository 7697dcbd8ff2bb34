"""The facts a master core tells: what the log, the operator event stream and the counters are made of.

A change is published after everything written before it is durable. It names ids for whoever follows one entity, and
carries the entity for whoever needs more; values that may have moved on by the time of publishing (a task's state)
are carried as they were.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from mesos_py.algebra.quota import Quota
from mesos_py.machine.values import value
from mesos_py.master.entities import Agent, Framework, Offer, Task
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.ids import AgentID, ExecutorID, FrameworkID, OfferID, TaskID
from mesos_py.wire.offer import Offer as WireOffer
from mesos_py.wire.task import TaskState, TaskStatus

# ---- frameworks


@value
class FrameworkAdded:
    """Subscribed for the first time, or recovered from an agent's report or its own id (``framework.recovered``)."""

    framework_id: FrameworkID
    framework: Framework


@value
class FrameworkUpdated:
    """Subscribed again, or changed its info."""

    framework_id: FrameworkID
    framework: Framework


@value
class FrameworkDisconnected:
    framework_id: FrameworkID
    framework: Framework


@value
class FrameworkRemoved:
    framework_id: FrameworkID
    framework: Framework


# ---- tasks and executors


@value
class TaskAdded:
    """Launched, or reported by an agent that came (back) to this master."""

    task_id: TaskID
    framework_id: FrameworkID
    agent_id: AgentID
    task: Task


@value
class TaskUpdated:
    """``state`` is the task's after the update, ``previous`` before it; ``status`` what caused it."""

    task_id: TaskID
    framework_id: FrameworkID
    agent_id: AgentID
    previous: TaskState
    state: TaskState
    status: TaskStatus
    task: Task


@value
class TaskRemoved:
    """No longer live: completed (acknowledged), unreachable, or gone with its framework or agent."""

    task_id: TaskID
    framework_id: FrameworkID
    agent_id: AgentID
    task: Task


@value
class TaskRefused:
    """Never became a task: invalid, unauthorised or its offer was gone; ``status`` was sent to the framework."""

    task_id: TaskID
    framework_id: FrameworkID
    status: TaskStatus


@value
class ExecutorAdded:
    executor_id: ExecutorID
    framework_id: FrameworkID
    agent_id: AgentID
    executor: ExecutorInfo


@value
class ExecutorRemoved:
    executor_id: ExecutorID
    framework_id: FrameworkID
    agent_id: AgentID


# ---- agents


@value
class AgentAdded:
    """Admitted, or back; ``returning`` when it came with an id."""

    agent_id: AgentID
    agent: Agent
    returning: bool


@value
class AgentUpdated:
    """A registered agent reregistered: its info, resources or connection may have changed."""

    agent_id: AgentID
    agent: Agent


@value
class AgentDisconnected:
    agent_id: AgentID
    agent: Agent


@value
class AgentRemovalScheduled:
    """To be given up, now or when the limit of removals allows it."""

    agent_id: AgentID
    message: str


@value
class AgentRemovalCanceled:
    """No longer to be given up: it came back, or has been removed otherwise."""

    agent_id: AgentID


@value
class AgentUnreachable:
    """Lost; its tasks are unreachable. ``recovered``: this master had never seen it."""

    agent_id: AgentID
    message: str
    recovered: bool


@value
class AgentGone:
    """An operator has said that it will never be back."""

    agent_id: AgentID


@value
class AgentsForgotten:
    """The registry has been tidied up."""

    unreachable: tuple[AgentID, ...]
    gone: tuple[AgentID, ...]


class Removal(enum.Enum):
    """Why an agent is no longer one of ours."""

    UNREGISTERED = "unregistered"
    REGISTERED = "registered"


@value
class AgentRemoved:
    agent_id: AgentID
    agent: Agent
    cause: Removal


# ---- offers


class OfferEnd(enum.Enum):
    """How an offer ended."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    RESCINDED = "rescinded"
    #: without a word: its framework went or came anew
    DISCARDED = "discarded"


@value
class OfferSent:
    offer_id: OfferID
    framework_id: FrameworkID
    agent_id: AgentID
    offer: Offer


@value
class OfferEnded:
    offer_id: OfferID
    framework_id: FrameworkID
    agent_id: AgentID
    end: OfferEnd


@value
class Accepted:
    """An ACCEPT was read; the types of its operations, done or not, and how many of them launch tasks."""

    framework_id: FrameworkID
    operations: tuple[WireOffer.Operation.Type | None, ...]
    launches: int


# ---- roles


@value
class QuotaUpdated:
    """The role is guaranteed so much, and limited so much; NO_QUOTA: neither."""

    role: str
    quota: Quota


@value
class WeightsUpdated:
    """These roles weigh otherwise than before."""

    weights: Mapping[str, float]


# ---- what was ignored


@value
class Dropped:
    """A word that had no effect; ``what`` is its kind, ``why`` for the log. Counted as invalid by the metrics."""

    what: str
    why: str
    framework_id: FrameworkID | None = None
    agent_id: AgentID | None = None
    task_id: TaskID | None = None


@value
class Broken:
    """An invariant does not hold: a bug of ours, or an agent that contradicts itself."""

    #: "I1" no double allocation, "I3" a task ends once ...
    invariant: str
    text: str
