"""How long the instances of a configuration wait after a failure, each time longer.

=====================================  ============================================================
an instance                            the delay of its configuration
=====================================  ============================================================
is dropped, in error, failed, gone,    is ``backoff``, then longer by ``backoffFactor`` each time,
has finished                           ``maxLaunchDelay`` at most; counted from now
is killed, gone as its agent drains    is dropped
provisioned, staging, starting, runs   counts from now: whoever else waits does so once more
is killed, unreachable, unknown        is what it was
is quiet for ``maxLaunchDelay``        is dropped
=====================================  ============================================================

It never gives up. Nothing is kept of it: a new leader starts with no delay.
Source: mesosphere/marathon .../core/launchqueue/impl/RateLimiter.scala, .../steps/NotifyRateLimiterStepImpl.scala.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import Pod
from frameworks.marathon_py.instances.instance import Condition, Instance
from mesos_py.machine.values import Nanos, seconds
from mesos_py.wire.task import TaskState, TaskStatus

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon

Config = tuple[PathId, str]
"""A spec and when it was last configured: what has a delay of its own, and is one class to offers."""

_FAILURES = (Condition.DROPPED, Condition.ERROR, Condition.FAILED, Condition.GONE, Condition.FINISHED)
_ADVANCES = (Condition.PROVISIONED, Condition.STAGING, Condition.STARTING, Condition.RUNNING)
_DRAINS = (TaskState.TASK_KILLED, TaskState.TASK_GONE_BY_OPERATOR)


@attrs.define
class Delay:
    """Nothing of the configuration is launched before ``until``."""

    length: Nanos
    since: Nanos
    most: Nanos

    @property
    def until(self) -> Nanos:
        return self.since + self.length

    def is_quiet(self, now: Nanos) -> bool:
        return now - self.since > self.most


def config_of(spec: App | Pod) -> Config:
    info = spec.version_info
    return PathId(spec.id), info.last_config_change_at if info is not None else spec.version


def until(m: Marathon, config: Config, now: Nanos) -> Nanos | None:
    """When it may be launched again; None: at once."""
    delay = m.delays.get(config)
    return delay.until if delay is not None and delay.until > now else None


def heard(m: Marathon, instance: Instance, now: Nanos) -> bool:
    """The delay is what the table above says, now that the instance is in another condition; False: as it was."""
    config = config_of(instance.spec)
    delay = m.delays.get(config)
    if delay is not None and delay.is_quiet(now):
        del m.delays[config]
        delay = None
    if _is_drained(instance):
        return m.delays.pop(config, None) is not None
    if instance.condition in _ADVANCES and delay is not None:
        delay.since = now
    elif instance.condition not in _FAILURES:
        return False
    else:
        first, factor, most = _strategy(instance.spec)
        length = min(first if delay is None else delay.length * factor, most)
        m.delays[config] = Delay(round(length), now, round(most))
    return True


def _strategy(spec: App | Pod) -> tuple[float, float, float]:
    """The first delay, by what each further one is longer, and the longest."""
    if isinstance(spec, Pod):
        given = spec.scheduling.backoff
        return seconds(given.backoff), given.backoff_factor, seconds(given.max_launch_delay)
    return seconds(spec.backoff_seconds), spec.backoff_factor, seconds(spec.max_launch_delay_seconds)


def _is_drained(instance: Instance) -> bool:
    """A task of it had to go since its agent is drained."""
    return any(
        task.status is not None and task.status.state in _DRAINS
        and task.status.reason is TaskStatus.Reason.REASON_AGENT_DRAINING
        for task in instance.tasks.values()
    )  # fmt: skip
