"""Frameworks and executors as the master shows them.

Mesos: src/master/readonly_handler.cpp FullFrameworkWriter, src/master/http.cpp _getFrameworks, _getExecutors.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import orjson

from mesos_py.algebra.kinds import Format
from mesos_py.algebra.resources import NONE, Resources
from mesos_py.master import words
from mesos_py.master.entities import Framework, Offer
from mesos_py.master.state import State
from mesos_py.master.views import tasks
from mesos_py.master.views.sections import Section, array_pieces
from mesos_py.master.views.values import Total, labels_list, message, resources_json, resources_object, seconds
from mesos_py.wire.constraints import OfferConstraints
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.master_api import Response
from mesos_py.wire.offer import Offer as WireOffer
from mesos_py.wire.resource import Resource
from mesos_py.wire.value import TimeInfo


def summary(framework: Framework, held: Total | None = None) -> Generator[bytes, None, dict[str, Any]]:
    """The first members of the framework object, all that /state-summary shows; what is used and offered is also
    added to ``held``.

    The framework may be on every agent: yields b"" for each, so that there can be a pause, and returns the object.
    """
    info = framework.info
    used, offered = Total(), Total()
    parts = [(used, resources) for resources in framework.used.values()]
    parts += [(offered, offer.resources) for offer in framework.offers.values()]
    for total, resources in parts:
        total.add(resources)
        if held is not None:
            held.add(resources)
        yield b""
    return {
        "id": framework.id,
        "name": info.name,
        "used_resources": used.shown(),
        "offered_resources": offered.shown(),
        "capabilities": [_capability(capability) for capability in info.capabilities],
        "hostname": info.hostname or "",
        "webui_url": info.webui_url or "",
        "active": framework.active,
        "connected": framework.connected,
        "recovered": framework.recovered,
    }


def _capability(capability: FrameworkInfo.Capability) -> str:
    return capability.type.name if capability.type is not None else "UNKNOWN"


def framework_pieces(framework: Framework) -> Iterator[bytes]:
    """The framework object of /state and /frameworks, encoded; one piece per task."""
    head = yield from _head(framework)
    yield orjson.dumps(head)[:-1] + b","
    yield from array_pieces("tasks", map(tasks.task_json, list(framework.tasks.values())))
    yield b","
    yield from array_pieces("unreachable_tasks", map(tasks.task_json, list(framework.unreachable_tasks.values())))
    yield b","
    yield from array_pieces("completed_tasks", map(tasks.task_json, list(framework.completed_tasks)))
    yield b","
    yield from array_pieces("offers", map(orjson.dumps, _offers(framework)))
    yield b","
    yield from array_pieces("executors", map(orjson.dumps, _executors(framework)))
    tail: dict[str, Any] = {}
    if framework.info.labels is not None:
        tail["labels"] = labels_list(framework.info.labels)
    constraints = framework.offer_constraints
    tail["offer_constraints"] = message(constraints) if constraints is not None else {}
    yield b"," + orjson.dumps(tail)[1:]


def _head(framework: Framework) -> Generator[bytes, None, dict[str, Any]]:
    info = framework.info
    held = Total()
    shown = yield from summary(framework, held)
    shown |= {
        "user": info.user,
        "failover_timeout": info.failover_timeout,
        "checkpoint": info.checkpoint,
        "registered_time": seconds(framework.registered_time_ns),
        "unregistered_time": seconds(framework.unregistered_time_ns or 0),
    }
    if info.principal is not None:
        shown["principal"] = info.principal
    shown["resources"] = held.shown()
    again = framework.reregistered_time_ns
    if again is not None and again != framework.registered_time_ns:
        shown["reregistered_time"] = seconds(again)
    if framework.capabilities.multi_role:
        shown["roles"] = list(info.roles)
    else:
        shown["role"] = info.role or "*"
    return shown


def _offers(framework: Framework) -> Iterator[dict[str, Any]]:
    for offer in list(framework.offers.values()):
        yield {
            "id": offer.id,
            "framework_id": offer.framework_id,
            "allocation_info": {"role": offer.role},
            "slave_id": offer.agent_id,
            "resources": resources_json(offer.resources),
        }


def _executors(framework: Framework) -> Iterator[dict[str, Any]]:
    for agent_id, executors in list(framework.executors.items()):
        for info in list(executors.values()):
            yield {**executor_object(info, framework), "slave_id": agent_id}


def executor_object(info: ExecutorInfo, framework: Framework) -> dict[str, Any]:
    """Mesos: src/common/http.cpp json(JSON::ObjectWriter*, const ExecutorInfo&)."""
    command: dict[str, Any] = {"argv": [], "uris": []}
    if info.command is not None:
        command = {}
        if info.command.shell is not None:
            command["shell"] = info.command.shell
        if info.command.value is not None:
            command["value"] = info.command.value
        command["argv"] = list(info.command.arguments)
        if info.command.environment is not None:
            command["environment"] = message(info.command.environment)
        command["uris"] = [_uri(uri) for uri in info.command.uris]
    resources = Resources.of(info.resources)
    shown: dict[str, Any] = {
        "executor_id": info.executor_id,
        "name": info.name or "",
        "framework_id": info.framework_id or framework.id,
        "command": command,
        "resources": resources_object((resources,)),
    }
    for kind, _ in resources:
        if kind.allocated_role is not None:
            shown["role"] = kind.allocated_role
        break
    if info.labels is not None:
        shown["labels"] = labels_list(info.labels)
    if info.type is not None:
        shown["type"] = info.type.name
    return shown


def _uri(uri: Any) -> dict[str, Any]:
    return {"value": uri.value} if uri.executable is None else {"value": uri.value, "executable": uri.executable}


# ---- v1


def get_frameworks(state: State) -> Section:
    """GET_FRAMEWORKS; messages are made when the section is encoded."""
    live, completed = list(state.frameworks.values()), list(state.completed_frameworks.values())
    return Section(
        Response.GetFrameworks,
        (("frameworks", _sections(live, state)), ("completed_frameworks", _sections(completed, state))),
    )


def _sections(frameworks: list[Framework], state: State) -> Iterator[Section | None]:
    """Each framework, its offers included; there may be one of every agent."""
    for framework in frameworks:
        offers = list(framework.offers.values())
        allocated = yield from _sum(list(framework.used.values()))
        offered = yield from _sum([offer.resources for offer in offers])
        rest = _message(framework, allocated, offered)
        wires = _offer_wires(framework, offers, state)
        yield Section(Response.GetFrameworks.Framework, (("offers", wires),) if offers else (), rest)


def _offer_wires(framework: Framework, offers: list[Offer], state: State) -> Iterator[WireOffer]:
    for offer in offers:
        agent = state.agents.get(offer.agent_id)
        if agent is not None:
            yield words.offer(offer, framework, agent)


def _message(framework: Framework, allocated: Resources, offered: Resources) -> Response.GetFrameworks.Framework:
    """Without its offers."""
    return Response.GetFrameworks.Framework(
        framework_info=framework.info,
        active=framework.active,
        connected=framework.connected,
        recovered=framework.recovered,
        registered_time=TimeInfo(nanoseconds=framework.registered_time_ns),
        reregistered_time=_time(framework.reregistered_time_ns or framework.registered_time_ns),
        unregistered_time=_time(framework.unregistered_time_ns),
        allocated_resources=_endpoint(allocated),
        offered_resources=_endpoint(offered),
        offer_constraints=framework.offer_constraints or OfferConstraints(),
    )


def _sum(parts: list[Resources]) -> Generator[None, None, Resources]:
    """Like ``sum``, without copying the sum at each step; yields at each step, and returns the sum."""
    while len(parts) > 1:
        halved = []
        for a, b in zip(parts[::2], [*parts[1::2], NONE], strict=False):
            halved.append(a + b)
            yield
        parts = halved
    return parts[0] if parts else NONE


def _endpoint(resources: Resources) -> tuple[Resource, ...]:
    return resources.messages(Format.ENDPOINT) if resources else ()


def _time(moment: int | None) -> TimeInfo | None:
    return None if moment is None else TimeInfo(nanoseconds=moment)


def get_executors(state: State) -> Section:
    """GET_EXECUTORS; messages are made when the section is encoded."""
    return Section(Response.GetExecutors, (("executors", _executor_wires(list(state.frameworks.values()))),))


def _executor_wires(frameworks: list[Framework]) -> Iterator[Response.GetExecutors.Executor]:
    for framework in frameworks:
        for agent_id, executors in list(framework.executors.items()):
            for info in list(executors.values()):
                yield Response.GetExecutors.Executor(executor_info=info, agent_id=agent_id)
