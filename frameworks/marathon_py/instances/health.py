"""Health: checks that we make ourselves (HTTP, HTTPS, TCP), those that agents make, and what they say together.

::

    RUNNING --ProbeDue, each interval--> Probe --Probed--> counted --> flips: facts, kept
                                                      \\--> failed once more than maxConsecutiveFailures: killed

A failure means nothing while the instance does not run, nor in its grace period, which ends with the first success. One
that has failed ``maxConsecutiveFailures`` times is killed at the next failure; what is out of reach is not. A
label may say how many others must run (``definitions.terms``).

Of results only flips are kept, so that a new leader knows who was healthy and does not begin with nothing; how often
in a row something has failed since then is counted anew. Marathon keeps none, and its load balancers empty their pools.

Source: mesosphere/marathon .../core/health/impl/HealthCheckActor.scala, .../core/health/Health.scala.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions import fields, terms
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.checks import OF_MARATHON, TCP, HealthCheck
from frameworks.marathon_py.instances import dues, kills, probes, readiness
from frameworks.marathon_py.instances.instance import APP, Condition, HealthResult, Instance
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import seconds

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon
    from frameworks.marathon_py.definitions.paths import PathId

table = Table("health of instances")

HEALTH = "health"  # kind of probes
FIRST_AFTER_S = 5.0  # at most, from when it runs; Marathon: HealthCheckActor


# ---- whom to ask, and when


def settle(m: Marathon, out: Frame) -> None:
    """Whoever runs is asked, each check in its interval; people know which checks there are."""
    for name in m.touched:
        instance = m.instances.get(name)
        if instance is None or not isinstance(instance.spec, App) or not instance.spec.health_checks:
            continue
        if instance.spec.version not in m.checked.get(instance.spec_id, ()):
            m.checked.setdefault(instance.spec_id, {})[instance.spec.version] = instance.spec, instance
            for check in instance.spec.health_checks:
                out.change(words.CheckAdded(instance.spec_id, instance.spec.version, fields.show(check)))
        if instance.condition is Condition.RUNNING:
            _ask(m, instance, out)
    for spec_id in m.counted:
        if spec_id in m.checked:
            _strike(m, spec_id, out)


def _ask(m: Marathon, instance: Instance, out: Frame) -> None:
    for index, check in of_marathon(instance):
        key = _key(instance, index)
        if key not in m.timers:
            first_s = min(check.interval_seconds, FIRST_AFTER_S)
            if instance.since < out.now:  # it is asked again, by a new leader, who does not ask all at once
                first_s *= m.rng.random()
            m.timers.set(key, out.now + seconds(first_s), dues.ProbeDue(*key[1:]))


def _strike(m: Marathon, spec_id: PathId, out: Frame) -> None:
    """Of versions that no instance has any more there are no checks. One instance of each is known, and another is
    looked for when that is gone."""
    known = m.checked[spec_id]
    for version, (spec, instance) in list(known.items()):
        if m.instances.get(instance.id) is instance and instance.spec.version == version:
            continue
        other = next((one for one in m.of_spec.get(spec_id, {}).values() if one.spec.version == version), None)
        if other is not None:
            known[version] = spec, other
            continue
        del known[version]
        for check in spec.health_checks:
            out.change(words.CheckAdded(spec_id, None, fields.show(check)))
    if not known:
        del m.checked[spec_id]


def of_marathon(instance: Instance) -> list[tuple[int, HealthCheck]]:
    """Those of its checks that we make, by their places in the definition."""
    checks = instance.spec.health_checks if isinstance(instance.spec, App) else ()
    return [(index, check) for index, check in enumerate(checks) if check.protocol in OF_MARATHON]


def _key(instance: Instance, index: int) -> tuple[str, str, int, int]:
    return "probe", instance.id, instance.incarnation, index


@table.on(dues.ProbeDue)
def probe_due(m: Marathon, event: Event, out: Frame) -> None:
    """It is asked, and will be again, if it runs still."""
    told: dues.ProbeDue = event.body
    instance = m.instances.get(told.instance_id)
    if instance is None or instance.incarnation != told.incarnation or instance.condition is not Condition.RUNNING:
        return
    check = dict(of_marathon(instance)).get(told.index)
    if check is None:
        return
    key = _key(instance, told.index)
    m.timers.set(key, out.now + seconds(max(probes.INTERVAL_MIN_S, check.interval_seconds)), told)
    target = (
        probes.of_port(instance, check.port) if check.port is not None
        else probes.of_index(instance, check.port_index or 0)
    )  # fmt: skip
    if target is not None:
        probe = words.Probe(
            instance.id, instance.incarnation, HEALTH, told.index, check.protocol, *target, check.path or "/",
            check.timeout_seconds,
        )  # fmt: skip
        out.send(words.PROBER, probe, volatile=True)


# ---- what was found


@table.on(words.Probed)
def probed(m: Marathon, event: Event, out: Frame) -> None:
    """What it means is counted, for whoever still has that task."""
    told: words.Probed = event.body
    instance = m.instances.get(told.probe.instance_id)
    if instance is None or instance.incarnation != told.probe.incarnation:
        return
    if told.probe.kind != HEALTH:
        readiness.found(m, instance, told, out)
        return
    check = dict(of_marathon(instance)).get(told.probe.index)
    if check is None or _is_ignored(check, told):
        return
    cause = _cause(check, told)
    if cause:
        _failed(m, instance, told.probe.index, check, cause, out)
    else:
        before = instance.health.get(told.probe.index, HealthResult())
        _be(m, instance, told.probe.index, before.succeeded(out.now), out)


def _is_ignored(check: HealthCheck, told: words.Probed) -> bool:
    return bool(check.ignore_http1xx) and told.status is not None and told.status < HTTPStatus.OK


def _cause(check: HealthCheck, told: words.Probed) -> str:
    """Why it has failed; "": it has not."""
    if told.cause or check.protocol == TCP:
        return told.cause
    if told.status is None:
        return "no answer"
    if HTTPStatus.OK <= told.status < HTTPStatus.BAD_REQUEST:
        return ""
    known = told.status in HTTPStatus.__members__.values()
    return f"{told.status} {HTTPStatus(told.status).phrase}" if known else str(told.status)


def _failed(m: Marathon, instance: Instance, index: int, check: HealthCheck, cause: str, out: Frame) -> None:
    before = instance.health.get(index, HealthResult())
    grace_ends = instance.since + seconds(check.grace_period_seconds)
    if instance.condition is not Condition.RUNNING or (before.first_success is None and out.now < grace_ends):
        return
    out.change(words.CheckFailed(instance.id, instance.spec_id, fields.show(check)))
    has_failed = 0 < check.max_consecutive_failures <= before.consecutive_failures
    if has_failed and not instance.is_killed and _may_be_missed(m, instance):
        _kill(m, instance, cause, out)
    _be(m, instance, index, before.failed(out.now, cause), out)


def _may_be_missed(m: Marathon, instance: Instance) -> bool:
    """As many others run as its app says; else it is judged anew at its next failure."""
    least = terms.min_running(instance.spec.labels)
    if not least:
        return True
    others = [one for one in m.of(instance.spec_id) if one is not instance and not one.is_killed]
    return sum(one.condition is Condition.RUNNING for one in others) >= least


def _kill(m: Marathon, instance: Instance, cause: str, out: Frame) -> None:
    placed, task = instance.placed, instance.tasks[APP]
    assert placed is not None, instance
    out.change(words.UnhealthyKilled(
        instance.id, task.id, instance.spec_id, instance.spec.version, cause, placed.agent_id, placed.hostname,
    ))  # fmt: skip
    instance.unhealthy_because = cause
    kills.kill(m, instance, out)


def _be(m: Marathon, instance: Instance, index: int, result: HealthResult, out: Frame) -> None:
    before = instance.health.get(index)
    instance.health[index] = result
    if before is None or before.is_alive is not result.is_alive:
        m.touched[instance.id] = None
        out.change(words.CheckFlipped(instance.id, instance.spec_id, instance.spec.version, result.is_alive))
        judge(m, instance, out)


# ---- together


def judge(m: Marathon, instance: Instance, out: Frame) -> None:
    """It is as healthy as all of its checks say; whoever waits for that goes on."""
    healthy = _together(instance)
    if healthy is not instance.healthy:
        instance.healthy = healthy
        m.touch(instance)
        fact = words.InstanceHealthChanged(instance.id, instance.spec_id, instance.spec.version, healthy)
        out.change(fact)


def _together(instance: Instance) -> bool | None:
    """None: some have not said anything, or there are none."""
    spec = instance.spec
    answers: list[bool | None] = []
    if isinstance(spec, App):
        task = instance.tasks.get(APP)
        for index, check in enumerate(spec.health_checks):
            if check.protocol in OF_MARATHON:
                found = instance.health.get(index)
                answers.append(found.is_alive if found is not None else None)
            else:
                answers.append(task.healthy if task is not None else None)
    else:
        checked = [one.name for one in spec.containers if one.health_check is not None]
        answers += [instance.tasks[name].healthy if name in instance.tasks else None for name in checked]
    return None if not answers or None in answers else all(answers)
