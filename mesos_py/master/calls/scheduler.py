"""What schedulers ask about themselves and their executors: REVIVE, SUPPRESS, REQUEST, MESSAGE, SHUTDOWN, updates.

A call that is well formed but cannot have an effect is dropped: the answer is 202 all the same, and a ``Dropped``
change says why. Mesos: src/master/master.cpp Master::revive, suppress, schedulerMessage, shutdown, updateFramework.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.algebra.roles import invalid_role
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.problem import Problem, bad_request
from mesos_py.machine.table import Table
from mesos_py.master.calls.callers import known_caller
from mesos_py.master.calls.offers import withdraw
from mesos_py.master.calls.subscription import tell_allocator, with_principal
from mesos_py.master.capabilities import subscribed_roles
from mesos_py.master.changes import Dropped
from mesos_py.master.entities import Agent, Framework
from mesos_py.master.state.frameworks import replace_info, set_suppressed
from mesos_py.master.validation.framework import (
    changed_fixed_fields,
    changed_principal,
    invalid_constraints,
    invalid_framework,
    invalid_suppressed,
)
from mesos_py.wire.ids import AgentID
from mesos_py.wire.internal import FrameworkToExecutor, ShutdownExecutor, UpdateFramework
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.schema import evolve

if TYPE_CHECKING:
    from mesos_py.master.core import Master

table = Table("scheduler calls")
T = Call.Type


@table.on(T.REVIVE, check=known_caller)
def revive(m: Master, event: Event, out: Frame) -> None:
    """The framework wants offers for the roles (none given: all) again, whatever it declined there before."""
    call: Call = event.body
    framework = m.state.frameworks[call.framework_id]  # type: ignore[index]
    roles = _roles(framework, call.revive.roles if call.revive is not None else (), "REVIVE", out)
    if roles is not None:
        set_suppressed(framework, roles, False)
        m.allocator.revive(framework.id, roles)


@table.on(T.SUPPRESS, check=known_caller)
def suppress(m: Master, event: Event, out: Frame) -> None:
    """The framework gets no more offers for the roles (none given: all); those it has stay."""
    call: Call = event.body
    framework = m.state.frameworks[call.framework_id]  # type: ignore[index]
    roles = _roles(framework, call.suppress.roles if call.suppress is not None else (), "SUPPRESS", out)
    if roles is not None:
        set_suppressed(framework, roles, True)
        m.allocator.suppress(framework.id, roles)


def _roles(framework: Framework, given: tuple[str, ...], what: str, out: Frame) -> tuple[str, ...] | None:
    """The roles meant, None when one of them makes the whole call void."""
    for role in given:
        why = invalid_role(role)
        if why is None and role not in framework.roles:
            why = f"the framework is not subscribed to role '{role}'"
        if why is not None:
            out.change(Dropped(what, why, framework_id=framework.id))
            return None
    return given or framework.roles


@table.on(T.REQUEST, check=known_caller)
def request(m: Master, event: Event, out: Frame) -> None:
    """Nothing: the allocator does not look at requests, as in Mesos."""


@table.on(T.ACCEPT_INVERSE_OFFERS, check=known_caller)
@table.on(T.DECLINE_INVERSE_OFFERS, check=known_caller)
def answer_inverse_offers(m: Master, event: Event, out: Frame) -> None:
    """Nothing while no inverse offers are made: every id is unknown, and unknown ones are ignored."""
    call: Call = event.body
    assert call.type is not None
    out.change(Dropped(call.type.name, "no such inverse offers", framework_id=call.framework_id))


@table.on(T.MESSAGE, check=known_caller)
def message(m: Master, event: Event, out: Frame) -> None:
    """The executor's agent gets the message, if it is connected; nothing is guaranteed."""
    call: Call = event.body
    assert call.message is not None
    agent = _connected(m, call.message.agent_id, "MESSAGE", call, out)
    if agent is not None:
        word = FrameworkToExecutor(
            framework_id=call.framework_id,  # type: ignore[arg-type]
            executor_id=call.message.executor_id,
            data=call.message.data,
        )
        out.send(agent.peer, word)


@table.on(T.SHUTDOWN, check=known_caller)
def shutdown(m: Master, event: Event, out: Frame) -> None:
    """The agent is told to shut the executor down."""
    call: Call = event.body
    assert call.shutdown is not None
    agent = _connected(m, call.shutdown.agent_id, "SHUTDOWN", call, out)
    if agent is not None:
        word = ShutdownExecutor(framework_id=call.framework_id, executor_id=call.shutdown.executor_id)  # type: ignore[arg-type]
        out.send(agent.peer, word)


def _connected(m: Master, agent_id: AgentID, what: str, call: Call, out: Frame) -> Agent | None:
    agent = m.state.agents.get(agent_id)
    if agent is None or not agent.connected:
        why = "agent is not registered" if agent is None else "agent is disconnected"
        out.change(Dropped(what, why, framework_id=call.framework_id, agent_id=agent_id))
        return None
    return agent


@table.on(T.UPDATE_FRAMEWORK, check=known_caller)
def update_framework(m: Master, event: Event, out: Frame) -> Problem | None:
    """The framework is as described from now on; offers in roles it left are rescinded."""
    call: Call = event.body
    asked = call.update_framework
    assert asked is not None
    framework = m.state.frameworks[call.framework_id]  # type: ignore[index]
    info = with_principal(asked.framework_info, event.principal)
    roles = subscribed_roles(info)
    if (text := invalid_framework(info, m.options)) is not None:
        return bad_request(f"Supplied FrameworkInfo is not valid: {text}")
    text = changed_principal(framework.info, info) or changed_fixed_fields(framework.info, info)
    if text is not None:
        return bad_request(f"FrameworkInfo update is not valid: {text}")
    text = invalid_suppressed(asked.suppressed_roles, roles) or invalid_constraints(asked.offer_constraints, roles)
    if text is not None:
        return bad_request(f"'UpdateFramework' call is not valid: {text}")
    info = evolve(info, id=framework.id)
    is_new = info != framework.info
    withdraw(m, [offer for offer in framework.offers.values() if offer.role not in roles], out)
    replace_info(framework, info, dict.fromkeys(asked.suppressed_roles), asked.offer_constraints, out)
    tell_allocator(m, framework)
    if is_new:
        m.tell_agents(UpdateFramework(framework=info), out)
    return None
