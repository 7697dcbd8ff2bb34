"""Agents as the master shows them. Mesos: src/master/readonly_handler.cpp SlaveWriter, src/master/http.cpp _getAgents.

The part that rarely changes (who the agent is and has) is encoded once and kept with the agent; what is used and
offered is made at each reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from mesos_py.algebra.kinds import Format
from mesos_py.algebra.resources import Resources
from mesos_py.master.entities import Agent, RecoveredAgent
from mesos_py.master.state import State
from mesos_py.master.views.sections import Section
from mesos_py.master.views.values import (
    attributes_object,
    capability_names,
    message,
    resource_messages,
    resources_json,
    seconds,
    sum_json,
)
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.ids import AgentID
from mesos_py.wire.master_api import Response
from mesos_py.wire.value import TimeInfo


def agent_json(agent: Agent, *, more: dict[str, Any] | None = None) -> bytes:
    """The agent object of /state and /slaves, encoded; ``more`` members follow."""
    if agent.json is None:
        agent.json = orjson.dumps(_lasting(agent))[:-1]
    passing = {
        "used_resources": sum_json(tuple(agent.used.values())),
        "offered_resources": sum_json(tuple([offer.resources for offer in agent.offers.values()])),
    }
    if more is not None:
        passing |= more
    return b"%s,%s" % (agent.json, orjson.dumps(passing)[1:])


def _lasting(agent: Agent) -> dict[str, Any]:
    info = agent.info
    shown: dict[str, Any] = {
        "id": agent.id,
        "hostname": info.hostname,
        "port": info.port,
        "attributes": attributes_object(info.attributes),
    }
    if info.domain is not None:
        shown["domain"] = message(info.domain)
    shown |= {"pid": agent.pid, "registered_time": seconds(agent.registered_time_ns)}
    if agent.reregistered_time_ns is not None:
        shown["reregistered_time"] = seconds(agent.reregistered_time_ns)
    shown |= {
        "resources": resources_json(agent.total),
        "reserved_resources": {
            role: resources_json(reserved) for role, reserved in agent.total.reservations().items()
        },
        "unreserved_resources": resources_json(agent.total.unreserved()),
        "active": agent.active,
        "deactivated": agent.deactivated,
        "version": agent.version,
        "capabilities": capability_names(agent.capabilities.told),
    }
    if agent.drain_info is not None:
        shown["drain_info"] = message(agent.drain_info)
    return shown


def full_resources(agent: Agent) -> dict[str, Any]:
    """The members /slaves has on top: resources as messages."""
    return {
        "reserved_resources_full": {
            role: resource_messages(_endpoint(reserved)) for role, reserved in agent.total.reservations().items()
        },
        "unreserved_resources_full": resource_messages(_endpoint(agent.total.unreserved())),
        "used_resources_full": resource_messages(_endpoint(agent.total_used())),
        "offered_resources_full": resource_messages(_endpoint(agent.total_offered())),
    }


def _endpoint(resources: Resources) -> Any:
    return resources.messages(Format.ENDPOINT)


def recovered_json(agent_id: AgentID, agent: RecoveredAgent) -> bytes:
    info = agent.info
    shown: dict[str, Any] = {
        "id": agent_id,
        "hostname": info.hostname,
        "port": info.port,
        "attributes": attributes_object(info.attributes),
    }
    if info.domain is not None:
        shown["domain"] = message(info.domain)
    return orjson.dumps(shown)


# ---- v1


def get_agents(state: State) -> Section:
    """GET_AGENTS; messages are made when the section is encoded."""
    agents = list(state.agents.values())
    recovered: list[AgentInfo] = [agent.info for agent in state.recovered_agents.values()]
    return Section(Response.GetAgents, (("agents", _wires(agents)), ("recovered_agents", recovered)))


def _wires(agents: list[Agent]) -> Iterator[Response.GetAgents.Agent]:
    for agent in agents:
        yield agent_message(agent)


def agent_message(agent: Agent) -> Response.GetAgents.Agent:
    return Response.GetAgents.Agent(
        agent_info=agent.info,
        active=agent.active,
        deactivated=agent.deactivated,
        version=agent.version,
        pid=agent.pid,
        registered_time=TimeInfo(nanoseconds=agent.registered_time_ns),
        reregistered_time=(
            None if agent.reregistered_time_ns is None else TimeInfo(nanoseconds=agent.reregistered_time_ns)
        ),
        total_resources=_endpoint(agent.total),
        allocated_resources=_endpoint(agent.total_used()) if agent.used else (),
        offered_resources=_endpoint(agent.total_offered()) if agent.offers else (),
        capabilities=agent.capabilities.told,
        drain_info=agent.drain_info,
    )
