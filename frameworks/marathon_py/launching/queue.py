"""Who waits for an offer, since when, and why not yet.

::

    an instance wants an offer --> waiting: may be launched, by role and configuration --> offers
                              \\-> aside: its configuration has a delay, or no offer can do --> waiting, later

Offers are wanted in the roles in which somebody is ``waiting``. While something of a spec waits, or was asked for and
not heard of, it has an entry in the queue, which remembers what became of the offers. When offers were last unused, and
for which reasons, is not remembered for each spec: there is the last offer of each agent, and whoever asks has it
judged (``reasons``, ``why``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import Pod
from frameworks.marathon_py.instances.instance import Condition, Instance
from frameworks.marathon_py.launching import backoff
from frameworks.marathon_py.launching.backoff import Config, config_of
from frameworks.marathon_py.launching.request import hindrance, request
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import SECOND, Nanos, value
from mesos_py.sdk.matching import Funnel, Request

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon

table = Table("the launch queue")

SWEEP = 10 * SECOND  # delays that are over for long are looked for
LOOK = 60 * SECOND  # how often what waits for a secret is looked at again


@value
class DelayOver:
    """A timer: what waits after a failure may be launched."""

    config: Config


@value
class LookDue:
    """A timer: what no offer could do may be possible by now."""


@value
class SweepDue:
    """A timer: delays that have been quiet for long enough are dropped."""


@attrs.define(eq=False)
class Entry:
    """One attempt to launch what there is too little of a spec, in one role."""

    since: Nanos
    #: offers that were looked at for it, and those that were no use
    processed: int = 0
    unused: int = 0
    last_used_at: Nanos | None = None
    last_unused_at: Nanos | None = None
    #: of all offers since it began
    funnel: Funnel = attrs.field(factory=Funnel)
    #: what is asked for by the version of the definition, as long as somebody asks
    requests: dict[str, Request] = attrs.field(factory=dict)
    #: ids of instances that are to be launched, or were asked for and not heard of
    launching: dict[str, None] = attrs.field(factory=dict)

    def request(self, m: Marathon, spec: App | Pod) -> Request:
        if spec.version not in self.requests:
            self.requests[spec.version] = request(m, spec)
        return self.requests[spec.version]


# ---- coming and going


def enter(m: Marathon, instance: Instance, now: Nanos) -> None:
    """It waits, and is launched as soon as it may be."""
    if instance.id in m.waits:
        return
    role, config = instance.spec.role, config_of(instance.spec)
    m.waits[instance.id] = role, config
    _look(m, instance.id)
    if _is_held(m, instance, config, now):
        m.aside.setdefault(config, {})[instance.id] = instance
    else:
        m.waiting.setdefault(role, {}).setdefault(config, {})[instance.id] = instance
        if role in m.refused:
            m.renewed.setdefault(role)


def _is_held(m: Marathon, instance: Instance, config: Config, now: Nanos) -> bool:
    due = backoff.until(m, config, now)
    if due is not None:
        m.timers.set(("delay", config), due, DelayOver(config))
        return True
    if hindrance(m, instance.spec) is None:
        return False
    if m.hooks.find_secret is not None and "hindered" not in m.timers:
        m.timers.set("hindered", now + LOOK, LookDue())
    return True


def leave(m: Marathon, instance: Instance) -> None:
    """It does not wait any more."""
    place = m.waits.pop(instance.id, None)
    if place is None:
        return
    role, config = place
    for line in (m.aside, m.waiting.get(role, {})):
        there = line.get(config, {})
        if there.pop(instance.id, None) is not None and not there:
            del line[config]
    if role in m.waiting and not m.waiting[role]:
        del m.waiting[role]
    if config not in m.aside:
        m.timers.cancel(("delay", config))


def sort(m: Marathon, config: Config, now: Nanos) -> None:
    """All that wait of the configuration do so where they have to, now that its delay is another."""
    there = [instance for line in (m.aside, *m.waiting.values()) for instance in line.get(config, {}).values()]
    for instance in there:
        leave(m, instance)
    for instance in there:
        enter(m, instance, now)


# ---- delays


def heard(m: Marathon, instance: Instance, now: Nanos) -> None:
    """The instance is in another condition, and so is perhaps the delay of others like it."""
    if backoff.heard(m, instance, now):
        sort(m, config_of(instance.spec), now)
        if m.delays and "delays" not in m.timers:
            m.timers.set("delays", now + SWEEP, SweepDue())


def clear(m: Marathon, spec_id: PathId, now: Nanos) -> None:
    """Nothing of the spec has to wait any longer."""
    for config in [config for config in m.delays if config[0] == spec_id]:
        del m.delays[config]
        sort(m, config, now)


@table.on(words.ClearDelay)
def clear_delay(m: Marathon, event: Event, out: Frame) -> None:
    """What waits after a failure may be launched; what does not wait at all is refused."""
    spec_id = event.body.id
    if spec_id not in m.queue:
        out.reply = words.Refused(404, f"Application {spec_id} not found in tasks queue.")
    else:
        clear(m, spec_id, out.now)


@table.on(DelayOver)
def delay_over(m: Marathon, event: Event, out: Frame) -> None:
    """What waits may be launched."""
    sort(m, event.body.config, out.now)


@table.on(LookDue)
def look_due(m: Marathon, event: Event, out: Frame) -> None:
    """What was hindered, and is not any more, may be launched."""
    for config in list(m.aside):
        sort(m, config, out.now)


@table.on(SweepDue)
def sweep_due(m: Marathon, event: Event, out: Frame) -> None:
    """Delays that nothing has happened to for long are dropped."""
    for config in [config for config, delay in m.delays.items() if delay.is_quiet(out.now)]:
        del m.delays[config]
        sort(m, config, out.now)
    if m.delays:
        m.timers.set("delays", out.now + SWEEP, SweepDue())


# ---- the end of an attempt


def settle(m: Marathon) -> None:
    """Specs that have nothing left to launch are not in the queue."""
    for name in m.touched:
        _look(m, name)


def _look(m: Marathon, name: str) -> None:
    """The instance is part of the attempt of which it has to be; one that nothing is part of any more is over."""
    instance, former = m.instances.get(name), m.launching.get(name)
    attempt = _attempt(instance) if instance is not None else None
    if attempt == former:
        return
    if instance is not None and attempt is not None:
        m.launching[name] = spec_id, role = attempt
        by_role = m.queue.setdefault(spec_id, {})
        if role not in by_role:
            by_role[role] = Entry(instance.since)
        by_role[role].launching[name] = None
    else:
        del m.launching[name]
    if former is not None:
        spec_id, role = former
        del m.queue[spec_id][role].launching[name]
        if not m.queue[spec_id][role].launching:
            del m.queue[spec_id][role]
        if not m.queue[spec_id]:
            del m.queue[spec_id]


def _attempt(instance: Instance) -> tuple[PathId, str] | None:
    """Whose attempt, and in which role, it is part of; None: there is nothing to launch."""
    is_launching = instance.wants_offer or instance.condition is Condition.PROVISIONED
    return (instance.spec_id, instance.spec.role) if is_launching else None


def check(m: Marathon) -> None:
    """What is always true between frames."""
    lines = [m.aside, *m.waiting.values()]
    there = [
        (name, (instance.spec.role, config))
        for line in lines for config, instances in line.items() for name, instance in instances.items()
    ]  # fmt: skip
    assert dict(there) == m.waits
    assert len(there) == len(m.waits), "nobody waits twice"
    assert all(instances for line in lines for instances in line.values())
    assert all(m.waiting.values())
    assert all(role in m.queue[config[0]] for role, config in m.waits.values())
    assert all(m.queue.values())
    launching = {name: where for name, one in m.instances.items() if (where := _attempt(one)) is not None}
    assert launching == m.launching
    entries = {(spec_id, role): entry for spec_id, by_role in m.queue.items() for role, entry in by_role.items()}
    assert all(entry.launching for entry in entries.values())
    assert {name: where for where, entry in entries.items() for name in entry.launching} == launching
    assert m.wanted.keys() == m.waiting.keys()
    assert 0 <= m.tokens <= m.habits.launch_tokens
    assert m.tokens == m.habits.launch_tokens or "tokens" in m.timers
