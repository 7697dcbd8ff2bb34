"""A framework's life: subscribed, failed over, away, back, removed.

::

    (nothing) --SUBSCRIBE--> connected --stream closed--> disconnected --failover_timeout--> completed
                                 ^  \\----TEARDOWN------------------------------------------>/
    recovered --SUBSCRIBE--------+---SUBSCRIBE (fails over)--- disconnected

An id this master does not know is taken at its word: the framework subscribed to a master before this one, and what
it has running will be told by agents. Only ids remembered as completed are refused.

What becomes of a removed framework is in calls/teardown. Mesos: src/master/master.cpp Master::subscribe,
failoverFramework, disconnect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event, Frame, PeerID
from mesos_py.machine.table import Table
from mesos_py.machine.values import seconds
from mesos_py.master import words
from mesos_py.master.calls.offers import withdraw
from mesos_py.master.calls.reconcile import forget
from mesos_py.master.calls.teardown import await_failover, remove
from mesos_py.master.capabilities import FrameworkCapabilities, subscribed_roles
from mesos_py.master.changes import OfferEnd
from mesos_py.master.entities import Framework
from mesos_py.master.events import HeartbeatDue
from mesos_py.master.state.frameworks import add_framework, connect_framework, disconnect_framework, replace_info
from mesos_py.master.validation.framework import (
    changed_principal,
    compiled,
    invalid_constraints,
    invalid_framework,
    invalid_suppressed,
    minima,
)
from mesos_py.wire.constraints import OfferConstraints
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import FrameworkID
from mesos_py.wire.internal import UpdateFramework
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.schema import evolve

if TYPE_CHECKING:
    from mesos_py.master.core import Master

table = Table("subscription")


@table.on(Call.Type.SUBSCRIBE)
def subscribe(m: Master, event: Event, out: Frame) -> None:
    """The stream is the framework's: SUBSCRIBED and a heartbeat, or an ERROR and its end."""
    call: Call = event.body
    peer = event.peer
    assert call.subscribe is not None
    assert peer is not None
    asked = call.subscribe
    info = with_principal(asked.framework_info, event.principal)
    roles = subscribed_roles(info)
    known = m.state.frameworks.get(info.id) if info.id else None
    refusal = (
        invalid_framework(info, m.options)
        or ("Framework has been removed" if _is_over(m, info.id) else None)
        or invalid_suppressed(asked.suppressed_roles, roles)
        or invalid_constraints(asked.offer_constraints, roles)
        or (changed_principal(known.info, info) if known is not None else None)
    )
    if refusal is not None:
        out.send(peer, words.error(refusal))
        out.close(peer)
        return
    suppressed = dict.fromkeys(asked.suppressed_roles)
    if known is None:
        framework = _add(m, info, peer, suppressed, asked.offer_constraints, out)
    else:
        framework = known
        _fail_over(m, framework, info, peer, suppressed, asked.offer_constraints, out)
    out.send(peer, words.subscribed(framework, m.info, m.options.heartbeat_interval_s))
    _heartbeat(m, framework, out, volatile=False)


def _is_over(m: Master, framework_id: FrameworkID | None) -> bool:
    ending = m.state.frameworks.get(framework_id) if framework_id else None
    return framework_id in m.state.completed_frameworks or (ending is not None and ending.is_ending)


def with_principal(info: FrameworkInfo, principal: str | None) -> FrameworkInfo:
    """An omitted principal is the authenticated one."""
    return evolve(info, principal=principal) if principal is not None and not info.principal else info


def _add(
    m: Master,
    info: FrameworkInfo,
    peer: PeerID,
    suppressed: dict[str, None],
    constraints: OfferConstraints | None,
    out: Frame,
) -> Framework:
    framework_id = FrameworkID(info.id) if info.id else m.ids.framework()
    framework = Framework(
        id=framework_id,
        info=evolve(info, id=framework_id),
        capabilities=FrameworkCapabilities.of(info),
        roles=subscribed_roles(info),
        suppressed=suppressed,
        offer_constraints=constraints,
        peer=peer,
        connected=True,
        recovered=False,
        active=True,
        registered_time_ns=out.now,
        # An id from a master before this one makes it a return.
        reregistered_time_ns=out.now if info.id else None,
    )
    add_framework(m.state, framework, out)
    tell_allocator(m, framework, new=True)
    return framework


def recover(m: Master, info: FrameworkInfo, out: Frame) -> None:
    """A framework this master knows only from an agent's report; it waits for its scheduler without a deadline."""
    assert info.id is not None
    framework = Framework(
        id=info.id,
        info=info,
        capabilities=FrameworkCapabilities.of(info),
        roles=subscribed_roles(info),
        suppressed={},
        offer_constraints=None,
        peer=None,
        connected=False,
        recovered=True,
        active=False,
        registered_time_ns=out.now,
    )
    add_framework(m.state, framework, out)
    tell_allocator(m, framework, new=True)


def _fail_over(
    m: Master,
    framework: Framework,
    info: FrameworkInfo,
    peer: PeerID,
    suppressed: dict[str, None],
    constraints: OfferConstraints | None,
    out: Frame,
) -> None:
    """A new stream takes the place of the old one, or of none."""
    if framework.peer is not None:
        out.send(framework.peer, words.error("Framework failed over"))
        out.close(framework.peer)
    m.timers.cancel(("failover", framework.id))
    forget(m, framework)
    withdraw(m, framework.offers.values(), out, end=OfferEnd.DISCARDED)
    old = framework.info
    info = evolve(info, user=old.user, checkpoint=old.checkpoint)
    connect_framework(m.state, framework, peer, out.now)
    replace_info(framework, info, suppressed, constraints, out)
    tell_allocator(m, framework)
    m.allocator.activate_framework(framework.id)
    m.tell_agents(UpdateFramework(framework=info), out)


def tell_allocator(m: Master, framework: Framework, *, new: bool = False) -> None:
    """The allocator divides by what the framework is now."""
    settings = {
        "roles": framework.roles,
        "suppressed": tuple(framework.suppressed),
        "capabilities": framework.capabilities,
        "offer_filters": minima(framework.info.offer_filters),
        "constraints": compiled(framework.offer_constraints),
    }
    if new:
        m.allocator.add_framework(framework.id, active=framework.active, **settings)  # type: ignore[arg-type]
    else:
        m.allocator.update_framework(framework.id, **settings)  # type: ignore[arg-type]


# ---- heartbeats


def _heartbeat(m: Master, framework: Framework, out: Frame, *, volatile: bool) -> None:
    """Said now, and again after the interval, whatever else is said in between."""
    assert framework.peer is not None
    out.send(framework.peer, words.HEARTBEAT, volatile=volatile)
    again = out.now + seconds(m.options.heartbeat_interval_s)
    m.timers.set(("heartbeat", framework.id), again, HeartbeatDue(framework.id))


@table.on(HeartbeatDue)
def heartbeat_due(m: Master, event: Event, out: Frame) -> None:
    """The scheduler hears that its stream is alive."""
    _heartbeat(m, m.state.frameworks[event.body.framework_id], out, volatile=True)


# ---- the end of a stream


def disconnected(m: Master, framework: Framework, out: Frame) -> None:
    """The framework is away: no offers, and removed unless it is back within its failover_timeout."""
    withdraw(m, framework.offers.values(), out)
    m.timers.cancel(("heartbeat", framework.id))
    forget(m, framework)
    m.allocator.deactivate_framework(framework.id)
    disconnect_framework(m.state, framework, out)
    timeout = seconds(max(framework.info.failover_timeout, 0.0))
    if timeout == 0:
        remove(m, framework, out)
    else:
        await_failover(m, framework.id, out.now + timeout)
