"""Readiness: new instances of a deployment are asked until they are ready once, and the deployment waits for that.

Asked is from when an instance runs, at once and then each interval, while a deployment works on its spec.
Source: mesosphere/marathon .../core/readiness/impl/ReadinessCheckExecutorImpl.scala,
.../core/deployment/impl/ReadinessBehavior.scala.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.checks import ReadinessCheck
from frameworks.marathon_py.instances import dues, probes
from frameworks.marathon_py.instances.instance import Condition, Instance, ReadinessResult
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.timers import SOON
from mesos_py.machine.values import seconds

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon

table = Table("readiness of instances")

READINESS = "readiness"  # kind of probes


def settle(m: Marathon, out: Frame) -> None:
    """Whoever has to be ready and is not is asked: what has changed, and what a deployment has begun to work on."""
    taken_up = chain.from_iterable(m.of_spec.get(spec_id, ()) for spec_id in m.taken_up)
    for name in dict.fromkeys([*m.touched, *taken_up]):
        instance = m.instances.get(name)
        key = ("readiness", name)
        if instance is not None and _check(m, instance) is not None and key not in m.timers:
            m.timers.set(key, out.now + SOON, dues.ReadinessDue(name))


def _check(m: Marathon, instance: Instance) -> ReadinessCheck | None:
    """None: there is nothing to ask, or nobody waits for the answer."""
    spec = instance.spec
    is_waited_for = instance.condition is Condition.RUNNING and not instance.is_ready and spec.id in m.locked
    return spec.readiness_checks[0] if is_waited_for and isinstance(spec, App) and spec.readiness_checks else None


@table.on(dues.ReadinessDue)
def readiness_due(m: Marathon, event: Event, out: Frame) -> None:
    """It is asked, and will be again, if anybody still waits for that."""
    instance = m.instances.get(event.body.instance_id)
    check = _check(m, instance) if instance is not None else None
    if instance is None or check is None:
        return
    interval = seconds(max(probes.INTERVAL_MIN_S, check.interval_seconds))
    m.timers.set(("readiness", instance.id), out.now + interval, event.body)
    target = probes.of_name(instance, check.port_name)
    if target is not None:
        probe = words.Probe(
            instance.id, instance.incarnation, READINESS, 0, check.protocol, *target, check.path,
            check.timeout_seconds,
        )  # fmt: skip
        out.send(words.PROBER, probe, volatile=True)


def found(m: Marathon, instance: Instance, told: words.Probed, out: Frame) -> None:
    """It is ready, or will be asked again; what it has answered is kept to be shown if the definition says so."""
    check = _check(m, instance)
    if check is None:
        return
    is_ready = told.status in check.http_status_codes_for_ready
    is_shown = check.preserve_last_response and told.status is not None
    instance.readiness = ReadinessResult(
        check.name, is_ready, told.status if is_shown else None, told.content_type if is_shown else "",
        told.body if is_shown else "",
    )  # fmt: skip
    if is_ready:
        instance.is_ready = True
        m.touch(instance)
