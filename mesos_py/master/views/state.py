"""The whole cluster: /state, /state-summary, GET_STATE, GET_MASTER and the registry.

Mesos: src/master/readonly_handler.cpp state, stateSummary; src/master/http.cpp _getState, getMaster.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import orjson

from mesos_py.algebra.kinds import Format
from mesos_py.algebra.resources import Resources
from mesos_py.build import version_json
from mesos_py.machine.values import Nanos
from mesos_py.master.capabilities import MASTER_CAPABILITIES
from mesos_py.master.registry import Registry
from mesos_py.master.state import State
from mesos_py.master.views import agents, frameworks, tasks
from mesos_py.master.views.context import Context
from mesos_py.master.views.sections import Section, array_pieces
from mesos_py.master.views.tasks import Counts
from mesos_py.master.views.values import message, seconds
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.ids import AgentID, FrameworkID
from mesos_py.wire.master import MasterInfo
from mesos_py.wire.master_api import Response
from mesos_py.wire.schema import evolve


def state_pieces(context: Context, state: State) -> Iterator[bytes]:
    """/state, encoded; one piece per task and agent."""
    yield orjson.dumps(_head(context, state))[:-1] + b","
    yield from slaves_pieces(state)
    yield b","
    yield from frameworks_pieces(state)
    yield b',"orphan_tasks":[],"unregistered_frameworks":[]}'


def _head(context: Context, state: State) -> dict[str, Any]:
    info = context.info
    shown: dict[str, Any] = {**version_json(), "start_time": seconds(context.started_ns)}
    if context.elected_ns is not None:
        shown["elected_time"] = seconds(context.elected_ns)
    shown |= {
        "id": info.id,
        "pid": info.pid,
        "hostname": info.hostname,
        "capabilities": [capability.name for capability in MASTER_CAPABILITIES],
        "activated_slaves": float(state.agents_active),
        "deactivated_slaves": float(len(state.agents) - state.agents_active),
        "unreachable_slaves": float(len(state.unreachable_agents)),
    }
    if info.domain is not None:
        shown["domain"] = message(info.domain)
    if context.leader is not None:
        shown |= {"leader": context.leader.pid, "leader_info": _leader(context.leader)}
    for name in ("cluster", "log_dir", "external_log_file"):
        if name in context.flags:
            shown[name] = context.flags[name]
    shown["flags"] = dict(context.flags)
    return shown


def _leader(leader: MasterInfo) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": leader.id,
        "pid": leader.pid,
        "port": leader.port,
        "hostname": leader.hostname,
    }
    if leader.domain is not None:
        shown["domain"] = message(leader.domain)
    return shown


def slaves_pieces(state: State, *, only: AgentID | None = None, full: bool = False) -> Iterator[bytes]:
    """``"slaves":[..],"recovered_slaves":[..]``; ``full`` with resources as messages, as /slaves has them."""
    shown = [agent for agent in state.agents.values() if only is None or agent.id == only]
    recovered = [item for item in state.recovered_agents.items() if only is None or item[0] == only]
    encoded = (
        (agents.agent_json(agent, more=agents.full_resources(agent)) for agent in shown)
        if full
        else map(agents.agent_json, shown)
    )
    yield from array_pieces("slaves", encoded)
    yield b","
    yield from array_pieces("recovered_slaves", (agents.recovered_json(*item) for item in recovered))


def frameworks_pieces(state: State, *, only: FrameworkID | None = None) -> Iterator[bytes]:
    """``"frameworks":[..],"completed_frameworks":[..]``."""
    for name, known in (("frameworks", state.frameworks), ("completed_frameworks", state.completed_frameworks)):
        yield b'"frameworks":[' if name == "frameworks" else b',"completed_frameworks":['
        separator = b""
        for framework in list(known.values()):
            if only is None or framework.id == only:
                yield separator
                yield from frameworks.framework_pieces(framework)
                separator = b","
        yield b"]"


def summary_pieces(context: Context, state: State) -> Iterator[bytes]:
    """/state-summary, encoded: who is where, and how many tasks are in which state."""
    by_agent: dict[AgentID, Counts] = {}
    by_framework: dict[FrameworkID, Counts] = {}
    agents_of: dict[FrameworkID, dict[AgentID, None]] = {}
    frameworks_of: dict[AgentID, dict[FrameworkID, None]] = {}
    for framework in list(tasks.everyones(state)):
        counts = by_framework[framework.id] = Counts()
        here = agents_of.setdefault(framework.id, {})
        for task in chain(
            list(framework.tasks.values()), list(framework.unreachable_tasks.values()), list(framework.completed_tasks)
        ):
            counts.add(task.state)
            agent_id = task.agent_id
            if agent_id not in by_agent:
                by_agent[agent_id] = Counts()
            by_agent[agent_id].add(task.state)
            if agent_id not in here:
                here[agent_id] = None
                frameworks_of.setdefault(agent_id, {})[framework.id] = None
            yield b""
    head: dict[str, Any] = {"hostname": context.info.hostname}
    if "cluster" in context.flags:
        head["cluster"] = context.flags["cluster"]
    yield orjson.dumps(head)[:-1] + b","
    nothing = Counts()
    yield from array_pieces(
        "slaves",
        (
            agents.agent_json(
                agent,
                more={
                    **by_agent.get(agent.id, nothing).object(),
                    "framework_ids": list(frameworks_of.get(agent.id, ())),
                },
            )
            for agent in list(state.agents.values())
        ),
    )
    yield b","
    yield b'"frameworks":['
    separator = b""
    for framework in list(state.frameworks.values()):
        summary = yield from frameworks.summary(framework)
        shown = {
            **summary,
            **by_framework.get(framework.id, nothing).object(),
            "slave_ids": list(agents_of.get(framework.id, ())),
        }
        yield separator + orjson.dumps(shown)
        separator = b","
    yield b"]}"


# ---- v1


def get_state(state: State) -> Section:
    """GET_STATE; messages are made when the section is encoded."""
    return Section(
        Response.GetState,
        (
            ("get_tasks", tasks.get_tasks(state)),
            ("get_executors", frameworks.get_executors(state)),
            ("get_frameworks", frameworks.get_frameworks(state)),
            ("get_agents", agents.get_agents(state)),
        ),
    )


def get_master(context: Context) -> Response:
    return Response(
        type=Response.Type.GET_MASTER,
        get_master=Response.GetMaster(
            master_info=context.info,
            start_time=seconds(context.started_ns),
            elected_time=None if context.elected_ns is None else seconds(context.elected_ns),
        ),
    )


def registry_object(registry: Registry, info: MasterInfo) -> dict[str, Any]:
    """What survives this master, with the names of old; Mesos: src/master/registrar.cpp Registrar::registry."""
    shown: dict[str, Any] = {
        "master": {"info": message(info)},
        "slaves": {
            "slaves": [
                {"info": _agent_info(admitted.info), "deactivated": admitted.deactivated}
                | ({} if admitted.drain_info is None else {"drain_info": message(admitted.drain_info)})
                for admitted in registry.agents.values()
            ]
        },
    }
    if registry.unreachable:
        shown["unreachable"] = {
            "slaves": [
                {"id": {"value": agent_id}, "timestamp": _moment(lost.since_ns), "deactivated": lost.deactivated}
                for agent_id, lost in registry.unreachable.items()
            ]
        }
    if registry.gone:
        shown["gone"] = {
            "slaves": [{"id": {"value": agent_id}, "timestamp": _moment(at)} for agent_id, at in registry.gone.items()]
        }
    kept = registry.message()
    for name in ("quota_configs", "weights", "minimum_capabilities"):
        if getattr(kept, name):
            shown[name] = [message(each) for each in getattr(kept, name)]
    return shown


def _agent_info(info: AgentInfo) -> dict[str, Any]:
    """With resources in the endpoints' format, each with its role."""
    return message(evolve(info, resources=Resources.of(info.resources).messages(Format.ENDPOINT)))


def _moment(at: Nanos) -> dict[str, int]:
    return {"nanoseconds": at}
