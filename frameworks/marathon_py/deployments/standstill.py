"""What an app or a pod waits for beside offers, in sentences: instances that are not up yet, or have not ended, the
rest of its deployment, people. What waits for offers is told by ``views.why``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.timestamps import timestamp
from frameworks.marathon_py.deployments.deployment import Deployment, Work
from frameworks.marathon_py.deployments.plan import is_replaced
from frameworks.marathon_py.deployments.standing import has_readiness_checks
from frameworks.marathon_py.instances import unreachable
from frameworks.marathon_py.instances.instance import Condition, Goal, Instance
from mesos_py.machine.values import SECOND, Nanos, seconds

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon

NAMES_MAX = 5  # of apps and pods that are waited for


def sentences(m: Marathon, spec_id: PathId, now: Nanos) -> Iterator[str]:
    """None at all: it waits for nothing."""
    deployment, work = m.deployments.get(m.locked.get(spec_id, "")), m.works.get(spec_id)
    instances = m.of(spec_id)
    if work is not None:
        instances = [one for one in instances if not is_replaced(one.spec, work.action.spec)]
    yield from _instances([one for one in instances if one.goal is Goal.RUNNING], work is not None, now)
    leaving = [one for one in m.of(spec_id) if one.goal is not Goal.RUNNING and one.open_tasks]
    if leaving:
        yield f"{things(len(leaving), 'instance')} {_are(leaving)} to end, and {_have(leaving)} not ended yet."
    if work is not None:
        yield from _canaries(m, work, now)
    elif deployment is not None:
        yield _others(deployment, spec_id)


def _instances(instances: list[Instance], is_deployed: bool, now: Nanos) -> Iterator[str]:
    """Of one definition, those that are not what is wanted of them."""
    coming = [one for one in instances if one.condition in (Condition.STAGING, Condition.STARTING)]
    if coming:
        yield f"{things(len(coming), 'instance')} {_are(coming)} starting."
    running = [one for one in instances if one.condition is Condition.RUNNING]
    ill = [one for one in running if not one.is_well]
    if ill:
        yield f"{things(len(ill), 'instance')} {_are(ill)} not healthy: {_cause(ill)}."
    unready = [one for one in running if one.is_well and has_readiness_checks(one.spec) and not one.is_ready]
    if unready and is_deployed:
        yield f"{things(len(unready), 'instance')} {_are(unready)} not ready: {_unready(unready)}."
    for away in (one for one in instances if one.unreachable_since is not None):
        yield _away(away, now)


def _cause(ill: Iterable[Instance]) -> str:
    """Of one of them, one that says more than that nothing is known."""
    said = [found.cause for one in ill for found in one.health.values() if found.cause and not found.is_alive]
    if said:
        return said[0]
    is_told = any(one.healthy is False for one in ill)
    return "a health check of its agent has failed" if is_told else "health checks have not said anything yet"


def _unready(unready: Iterable[Instance]) -> str:
    asked = [one.readiness for one in unready if one.readiness is not None]
    if not asked:
        return "the readiness check has not been answered yet"
    return f"the readiness check '{asked[0].name}' does not say so"


def _away(instance: Instance, now: Nanos) -> str:
    since, strategy = instance.unreachable_since, unreachable.strategy_of(instance)
    assert since is not None
    where = instance.placed.hostname if instance.placed is not None else "its agent"
    told = f"{instance.id} on {where} is out of reach since {timestamp(since)}"
    if strategy is None:
        return f"{told}, and is waited for whatever happens."
    inactive = since + seconds(strategy.inactive_after_seconds)
    expunge = since + seconds(strategy.expunge_after_seconds)
    if now < inactive:
        return f"{told}; it is replaced in {in_seconds(inactive - now)}, unless it is back before."
    return f"{told}; another one takes its place, and it is forgotten in {in_seconds(expunge - now)}."


def _canaries(m: Marathon, work: Work, now: Nanos) -> Iterator[str]:
    if not work.is_held:
        return
    due = m.timers.pending().get(("canary", work.action.spec_id))
    canaries = things(work.terms.canaries or 0, "canary", "canaries")
    if due is not None:
        yield f"Its {canaries} must be up for another {in_seconds(due - now)} before others follow."
    else:
        yield f"Others follow its {canaries} when somebody says so: deployment continue {work.deployment.id}."


def _others(deployment: Deployment, spec_id: PathId) -> str:
    """Its deployment works on others at present."""
    steps = deployment.plan.steps
    later = [at for at, step in enumerate(steps, 1) if at > deployment.current
             and any(action.spec_id == spec_id for action in step)]  # fmt: skip
    names = [str(one) for one in deployment.works]
    shown = ", ".join(names[:NAMES_MAX]) + (" and others" if len(names) > NAMES_MAX else "")
    now = f"step {deployment.current} of {len(steps)} of deployment {deployment.id} waits for {shown}"
    return f"It comes in step {later[0]}; {now}." if later else f"It is as it has to be; {now}."


def things(count: int, name: str, plural: str = "") -> str:
    return f"{count} {name if count == 1 else plural or f'{name}s'}"


def in_seconds(time: Nanos) -> str:
    return f"{max(1, -(-time // SECOND))} s"


def _are(some: list[Instance]) -> str:
    return "is" if len(some) == 1 else "are"


def _have(some: list[Instance]) -> str:
    return "has" if len(some) == 1 else "have"
