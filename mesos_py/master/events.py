"""Events that reach the master core and are neither a scheduler's call nor an agent's message.

The kinds of a master core's events:

* ``scheduler_api.Call.Type`` members, body the Call, peer the ``Mesos-Stream-Id`` (for SUBSCRIBE: the new stream's)
* classes of ``wire.internal``, body the message, peer the agent's channel
* the classes here: ``TeardownFramework``, ``MarkGone`` and what is said of weights and quota by an operator; the others
  are timers, made by the core for itself
* ``machine.frame.Disconnected`` with a peer, and ``Tick``
"""

from __future__ import annotations

from collections import deque

from mesos_py.machine.values import Nanos, value
from mesos_py.master.registry import Registry
from mesos_py.wire.ids import AgentID, FrameworkID, OfferID, TaskID
from mesos_py.wire.quota import QuotaConfig, QuotaRequest
from mesos_py.wire.role import WeightInfo
from mesos_py.wire.scheduler_api import Call


@value
class ChangeQuota:
    """An operator says what roles are guaranteed, and what they may not exceed; for all of them, or for none."""

    configs: tuple[QuotaConfig, ...]
    #: also beyond what the cluster has, and below what a role has already
    force: bool


@value
class ChangeWeights:
    """An operator says what roles weigh; of those that are not named nothing changes."""

    infos: tuple[WeightInfo, ...]


@value
class EndingDue:
    """A removed framework still has tasks or executors to be taken away."""

    framework_id: FrameworkID


@value
class FailoverExpired:
    """A framework has been away for its failover timeout."""

    framework_id: FrameworkID
    at: Nanos


@value
class HeartbeatDue:
    """Tell the scheduler that the stream is alive."""

    framework_id: FrameworkID


@value
class MarkGone:
    """An operator says that an agent will never be back."""

    agent_id: AgentID


@value
class OfferExpired:
    """``offer_timeout`` has passed without an answer."""

    offer_id: OfferID


@value
class WithdrawalDue:
    """Offers that nobody can answer any more are still to be taken back."""


@value
class AgentSilent:
    """Too many pings in a row are unanswered."""

    agent_id: AgentID


@value
class PingsDue:
    """Ask the agents of one round whether they are there, and count what they did not answer."""

    at: Nanos


@value
class RecoveryExpired:
    """Agents of earlier masters have had their time to come back to this one."""

    #: how many there were
    admitted: int


@value
class RegistryGcDue:
    """Time to look for agents that the registry need not remember any longer."""


@value
class RegistryRecovered:
    """What earlier masters kept; the core's own from now on."""

    registry: Registry


@value
class RemovalDue:
    """The limit of removals lets the next agent go."""


@value
class RemoveQuota:
    """An operator says that a role has neither guarantee nor limit."""

    role: str
    #: of the URL by which it was said; None: it was a call
    path: str | None = None


@value
class ReregisterExpired:
    """The agent has been disconnected, or missing after a failover, for ``agent_reregister_timeout``."""

    agent_id: AgentID


@value
class SetQuota:
    """An operator gives a role that has no quota a guarantee, and the same as limit."""

    request: QuotaRequest


@value
class TeardownFramework:
    """An operator asks to remove a framework, whoever it belongs to."""

    framework_id: FrameworkID


@value
class ReconcileDue:
    """A long reconciliation goes on: what is still to be told, of tasks the framework named or of all it has."""

    framework_id: FrameworkID
    named: bool
    questions: deque[Call.Reconcile.Task] | deque[TaskID]
