"""The master's log: what changed, after it is durable, as constant phrases with ids.

Agents and frameworks are logged as info, tasks and what was ignored as debug: an operator wants to know in a week that
an agent was lost, not that one of a million tasks ran.
"""

from __future__ import annotations

import logging
from typing import Any

import structlog

from mesos_py.machine.frame import Frame
from mesos_py.master import changes

log = structlog.get_logger("mesos_py.master")


class Logbook:
    """Logs what frames changed. With a ``verbosity`` above 0 (/logging/toggle) debug lines are logged as info."""

    def __init__(self) -> None:
        self.verbosity = 0
        #: looked up once: frames come by the thousand
        self._tells_details = bool(log.bind().is_enabled_for(logging.DEBUG))

    def observe(self, frame: Frame) -> None:
        """Log the frame's changes."""
        for change in frame.changes:
            teller = _TELLERS.get(type(change))
            if teller is not None:
                teller(change, frame.cause)
            elif self._tells_details or self.verbosity:
                self._tell_more(change, frame.cause)

    def set_verbosity(self, level: int) -> None:
        self.verbosity = level
        log.info("logging level changed", level=level)

    def _tell_more(self, change: Any, cause: int) -> None:
        teller = _DETAILS.get(type(change))
        if teller is not None:
            teller(log.info if self.verbosity else log.debug, change, cause)


def _framework(phrase: str) -> Any:
    def tell(change: Any, cause: int) -> None:
        info = change.framework.info
        log.info(phrase, framework_id=change.framework_id, name=info.name, principal=info.principal, cause=cause)

    return tell


def _agent(phrase: str) -> Any:
    def tell(change: Any, cause: int) -> None:
        agent = change.agent
        log.info(phrase, agent_id=change.agent_id, hostname=agent.info.hostname, pid=agent.pid, cause=cause)

    return tell


def _agent_unreachable(change: changes.AgentUnreachable, cause: int) -> None:
    log.warning("agent unreachable", agent_id=change.agent_id, reason=change.message, cause=cause)


def _removal_scheduled(change: changes.AgentRemovalScheduled, cause: int) -> None:
    log.info("agent to be given up", agent_id=change.agent_id, reason=change.message, cause=cause)


def _removal_canceled(change: changes.AgentRemovalCanceled, cause: int) -> None:
    log.info("agent not given up", agent_id=change.agent_id, cause=cause)


def _agent_gone(change: changes.AgentGone, cause: int) -> None:
    log.warning("agent marked gone", agent_id=change.agent_id, cause=cause)


def _agents_forgotten(change: changes.AgentsForgotten, cause: int) -> None:
    log.info("agents forgotten", unreachable=len(change.unreachable), gone=len(change.gone), cause=cause)


def _quota_updated(change: changes.QuotaUpdated, cause: int) -> None:
    quota = change.quota
    log.info(
        "quota updated", role=change.role, guarantees=str(quota.guarantees), limits=str(quota.limits), cause=cause
    )


def _weights_updated(change: changes.WeightsUpdated, cause: int) -> None:
    log.info("weights updated", weights=dict(change.weights), cause=cause)


def _task_updated(say: Any, change: changes.TaskUpdated, cause: int) -> None:
    say(
        "task updated",
        task_id=change.task_id,
        framework_id=change.framework_id,
        agent_id=change.agent_id,
        state=change.state.name,
        cause=cause,
    )


def _task_refused(change: changes.TaskRefused, cause: int) -> None:
    log.info(
        "task refused",
        task_id=change.task_id,
        framework_id=change.framework_id,
        reason=change.status.message,
        cause=cause,
    )


def _dropped(say: Any, change: changes.Dropped, cause: int) -> None:
    say(
        "ignored",
        what=change.what,
        why=change.why,
        framework_id=change.framework_id,
        agent_id=change.agent_id,
        task_id=change.task_id,
        cause=cause,
    )


def _broken(change: changes.Broken, cause: int) -> None:
    log.error("invariant broken", invariant=change.invariant, what=change.text, cause=cause)


_TELLERS: dict[type, Any] = {
    changes.FrameworkAdded: _framework("framework added"),
    changes.FrameworkUpdated: _framework("framework updated"),
    changes.FrameworkDisconnected: _framework("framework disconnected"),
    changes.FrameworkRemoved: _framework("framework removed"),
    changes.AgentAdded: _agent("agent added"),
    changes.AgentUpdated: _agent("agent reregistered"),
    changes.AgentDisconnected: _agent("agent disconnected"),
    changes.AgentRemoved: _agent("agent removed"),
    changes.AgentRemovalScheduled: _removal_scheduled,
    changes.AgentRemovalCanceled: _removal_canceled,
    changes.AgentUnreachable: _agent_unreachable,
    changes.AgentGone: _agent_gone,
    changes.AgentsForgotten: _agents_forgotten,
    changes.QuotaUpdated: _quota_updated,
    changes.WeightsUpdated: _weights_updated,
    changes.TaskRefused: _task_refused,
    changes.Broken: _broken,
}

_DETAILS: dict[type, Any] = {changes.TaskUpdated: _task_updated, changes.Dropped: _dropped}
