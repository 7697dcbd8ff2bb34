"""Nested and standalone containers: launched, waited for, killed and removed over the agent's API.

Whoever asks is a peer of its own (agent/container_http.py): it is answered by a Problem at once, or by one word, which
may come much later. A call that names a container by its chain of ids means any container; only those launched over
the API can be removed.

Mesos: src/slave/http.cpp Http::_launchContainer and what follows it; src/slave/containerizer/mesos/containerizer.cpp
launch, wait, kill, remove.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from mesos_py.agent import events, gc, specs, whereabouts, words
from mesos_py.agent.api_containers import ApiContainer, Phase, text_of
from mesos_py.agent.calls import descendants
from mesos_py.agent.calls.room import NO_ROOM
from mesos_py.agent.checkpoint import facts
from mesos_py.agent.containerizer import KnownContainer
from mesos_py.agent.containerizer.isolators import network
from mesos_py.agent.whereabouts import Place
from mesos_py.algebra.resources import Resources
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.problem import Kind, Problem, bad_request
from mesos_py.machine.table import Table
from mesos_py.wire.agent_api import Call, Response
from mesos_py.wire.checkpoint import AgentState, Container, Termination
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.ids import ContainerID
from mesos_py.wire.network import NetworkInfo

if TYPE_CHECKING:
    from mesos_py.agent.core import Agent

rows = Table("containers of the API")

NOT_SUPPORTED: Final = "The provided ContainerInfo is not supported"
DESTROYED: Final = "Container destroyed during launch"
NOT_TERMINATED: Final = "Nested container has not terminated yet"
#: How it begins when there is no such program. Mesos finds that out in the container, which runs for a moment and
#: exits with 1; what was wrong is in the sandbox's stderr, there as here.
NOT_EXECUTED: Final = "Failed to execute"
STATUS_NOT_EXECUTED: Final = 1 << 8
SIGNALS: Final = range(1, signal.SIGRTMAX + 1)


# ---- calls


@rows.on(Call.LaunchNestedContainer)
@rows.on(Call.LaunchContainer)
@rows.on(Call.LaunchNestedContainerSession)
def launch_container(agent: Agent, event: Event, out: Frame) -> Problem | None:
    """It is launched unless there is one of its name; the answer is a words.Done, or why it could not be launched."""
    call: Call = event.body
    wanted = call.launch_container or call.launch_nested_container or call.launch_nested_container_session
    assert wanted is not None
    assert event.peer is not None
    container_id = wanted.container_id
    known = whereabouts.find(agent, container_id)
    if known is not None and (known.container is None or known.container.phase is not Phase.ENDED):
        out.send(event.peer, words.Done(already=True))
        return None
    parent = None
    if container_id.parent is not None:
        parent = whereabouts.find(agent, container_id.parent)
        problem = _invalid_parent(container_id.parent, parent)
        if problem is not None:
            return problem
    unsupported = _unsupported(agent, call, parent)
    if unsupported is not None:
        return unsupported
    if known is not None and known.container is not None:
        descendants.forget(agent, known.container, out)  # its name is given to another
    record = _record(agent, call, parent)
    agent.collector.cancel(record.sandbox)  # one of its name may have left it
    container = ApiContainer(
        record,
        is_kept=not record.is_session and (parent is None or parent.is_kept),
        owner=event.peer if record.is_session else None,
    )
    agent.api_containers.add(container)
    agent.api_containers.wait_for_launch(container.key, event.peer)
    _save(container, out)
    if record.is_session:
        assert parent is not None
        spec = specs.session(parent.spec(), record)
    else:
        spec = specs.api_container(record, agent.ip, is_kept=container.is_kept)
    out.send(words.CONTAINERS, words.LaunchContainer(spec))
    return None


@rows.on(Call.WaitNestedContainer)
@rows.on(Call.WaitContainer)
def wait_container(agent: Agent, event: Event, out: Frame) -> Problem | None:
    """Its termination is told once it has ended, or now if it has."""
    call: Call = event.body
    wanted = call.wait_container or call.wait_nested_container
    assert wanted is not None
    assert event.peer is not None
    place = whereabouts.find(agent, wanted.container_id)
    if place is None:
        return Problem(Kind.NOT_FOUND, f"Container {text_of(wanted.container_id)} cannot be found")
    if place.container is not None and place.container.phase is Phase.ENDED:
        out.send(event.peer, _termination(place.container))
    else:
        agent.api_containers.wait(place.key, event.peer)
    return None


@rows.on(Call.KillNestedContainer)
@rows.on(Call.KillContainer)
def kill_container(agent: Agent, event: Event, out: Frame) -> Problem | None:
    """It was sent the signal, SIGKILL unless another is named."""
    call: Call = event.body
    wanted = call.kill_container or call.kill_nested_container
    assert wanted is not None
    assert event.peer is not None
    signum = signal.SIGKILL if wanted.signal is None else wanted.signal
    if signum not in SIGNALS:
        return bad_request(f"Invalid signal {signum}")
    place = whereabouts.find(agent, wanted.container_id)
    container = None if place is None else place.container
    if place is None or (container is not None and container.phase is Phase.ENDED):
        text = text_of(wanted.container_id)
        return Problem(Kind.NOT_FOUND, f"Container '{text}' cannot be found (or is already killed)")
    if container is not None and container.phase is Phase.LAUNCHING:
        descendants.destroy(agent, container, out)
    else:
        for key in _processes(agent, place):
            out.send(words.CONTAINERS, words.SignalContainer(key, int(signum)))
    out.send(event.peer, words.Done())
    return None


@rows.on(Call.RemoveNestedContainer)
@rows.on(Call.RemoveContainer)
def remove_container(agent: Agent, event: Event, out: Frame) -> Problem | None:
    """It is forgotten; the answer names the sandbox, which whoever asks removes."""
    call: Call = event.body
    wanted = call.remove_container or call.remove_nested_container
    assert wanted is not None
    assert event.peer is not None
    container_id = wanted.container_id
    place = whereabouts.find(agent, container_id)
    container = None if place is None else place.container
    if place is not None and (container is None or container.phase is not Phase.ENDED):
        return Problem(Kind.INTERNAL, NOT_TERMINATED)
    sandbox = whereabouts.sandbox_of(agent, container_id)
    if sandbox is None:
        return Problem(Kind.INTERNAL, "Unknown root container")
    if container is not None:
        descendants.forget(agent, container, out)
        sandbox = None if container.record.is_session else sandbox  # it had its parent's
    elif container_id.parent is None:
        return Problem(Kind.NOT_FOUND, f"Container {text_of(container_id)} cannot be found")
    if sandbox is not None:
        agent.collector.cancel(sandbox)
    out.send(event.peer, words.Done(remove=sandbox))
    return None


@rows.on(events.AskerGone)
def asker_gone(agent: Agent, event: Event, out: Frame) -> None:
    """Nobody waits there any more; a session ends with whoever had it."""
    container = agent.api_containers.leave(event.body.peer)
    if container is not None:
        descendants.destroy(agent, container, out)


# ---- what the containerizer reports (calls/containers.py)


def launched(
    agent: Agent, container: ApiContainer, pid: int | None, out: Frame, networks: tuple[NetworkInfo, ...] = ()
) -> None:
    """Its process runs: whoever has launched it may go on."""
    if container.phase is not Phase.LAUNCHING:
        return
    agent.api_containers.place(container, pid, networks)
    _save(container, out)
    for peer in agent.api_containers.take_launching(container.key):
        out.send(peer, words.Done())


def failed(agent: Agent, container: ApiContainer, message: str, out: Frame) -> None:
    """It was never there, or only for the moment in which Mesos finds out that there is no such program.

    Whoever has a session would wait for words that nobody can say: it is refused.
    """
    if message.startswith(NOT_EXECUTED) and not container.record.is_session:
        launched(agent, container, None, out)
        exited(agent, container, STATUS_NOT_EXECUTED, out, message)
        return
    agent.state.count("slave/container_launch_errors")
    _never_launched(agent, container, message, out)


def exited(agent: Agent, container: ApiContainer, status: int | None, out: Frame, message: str | None = None) -> None:
    """Its termination can be asked for until it is removed, or its parent has gone."""
    if container.phase is Phase.ENDED:
        return  # told again, since nobody knew that we had heard
    if container.phase is Phase.LAUNCHING and agent.api_containers.launching.get(container.key):
        _never_launched(agent, container, DESTROYED, out)
        return
    agent.api_containers.end(container, exit_status=status, message=message)
    if not container.record.is_session:
        gc.give_up_nested(agent, container.record.sandbox, out)
    descendants.ended(agent, container.key, _termination(container), out)
    if container.is_orphan:
        descendants.forget(agent, container, out)
        return
    _save(container, out)
    surplus = agent.api_containers.surplus(container.record.parent)
    if surplus is not None:
        descendants.forget(agent, surplus, out)


def limited(agent: Agent, container: ApiContainer, why: Termination, out: Frame) -> None:
    """It is destroyed for what it took too much of."""
    agent.api_containers.note(container, termination=why)
    descendants.destroy(agent, container, out)


# ---- recovery (calls/recovery.py)


def restore(agent: Agent, record: Container, state: AgentState, out: Frame) -> None:
    """A former agent's container is known again, unless what it was nested in is gone."""
    if not _has_place(agent, record, {one.key: one for one in state.containers}):
        out.write(facts.ContainerForgotten(record.key))
        return
    container = ApiContainer(record, is_kept=True)
    agent.api_containers.add(container)
    if record.ended:
        agent.api_containers.end(container)
        gc.give_up_nested(agent, record.sandbox, out)
    elif record.pid is not None:
        agent.api_containers.place(container, record.pid)


def _has_place(agent: Agent, record: Container, records: Mapping[str, Container]) -> bool:
    """Everything that it is nested in is there; its name may be another's otherwise."""
    while record.parent is not None:
        parent = records.get(record.parent)
        if parent is None:
            executor = agent.state.containers.get(record.parent)
            return record.parent in agent.state.nested or (executor is not None and not executor.is_over)
        if parent.ended:
            return False
        record = parent
    return True


def resume(agent: Agent, container: ApiContainer, known: KnownContainer | None, out: Frame) -> None:
    """It goes on as it was; of one that does not run its exit will be reported."""
    if known is None or container.phase is Phase.ENDED:
        return
    record = container.record
    out.send(words.CONTAINERS, words.UpdateContainer(container.key, record.resources, record.limits))
    if container.phase is Phase.RUNNING:
        agent.api_containers.place(container, known.pid, known.network_infos)
    else:
        launched(agent, container, known.pid, out, known.network_infos)


# ---- parts


def _never_launched(agent: Agent, container: ApiContainer, message: str, out: Frame) -> None:
    for peer in agent.api_containers.take_launching(container.key):
        out.send(peer, bad_request(message))
    descendants.ended(agent, container.key, descendants.termination(None, message=message), out)
    descendants.forget(agent, container, out)


def _invalid_parent(container_id: ContainerID, parent: Place | None) -> Problem | None:
    text = text_of(container_id)
    if parent is None or (parent.container is not None and parent.container.phase is Phase.ENDED):
        return bad_request(f"Parent container {text} does not exist")
    if parent.is_ending:
        return bad_request(f"Parent container {text} is in 'DESTROYING' state")
    if not parent.is_launched:
        return bad_request(f"Parent container {text} is not launched yet")
    return None


def _unsupported(agent: Agent, call: Call, parent: Place | None) -> Problem | None:
    """What neither this host nor the disk has room for."""
    wanted = call.launch_container or call.launch_nested_container or call.launch_nested_container_session
    assert wanted is not None
    if wanted.container is not None and wanted.container.type is ContainerInfo.Type.DOCKER:
        return bad_request(NOT_SUPPORTED)
    if parent is not None and parent.is_docker and call.launch_nested_container_session is None:
        return bad_request("Nested containers are not supported")
    text = specs.unsupported(agent.options, wanted.container, wanted.command, network.named(wanted.container))
    if text == specs.UNKNOWN_CONTAINER and parent is not None and parent.is_docker:
        text = None  # a session, for dockerd
    resources = () if call.launch_container is None else call.launch_container.resources
    text = text or network.problem(wanted.container, lambda: Resources.of(resources))
    if text is not None:
        return bad_request(NOT_SUPPORTED if text == specs.UNKNOWN_CONTAINER else text)
    if not agent.has_room and (parent is None or parent.is_kept):
        return Problem(Kind.UNAVAILABLE, NO_ROOM)
    return None


def _record(agent: Agent, call: Call, parent: Place | None) -> Container:
    wanted = call.launch_container or call.launch_nested_container or call.launch_nested_container_session
    assert wanted is not None
    is_session = call.launch_nested_container_session is not None
    sandbox = whereabouts.sandbox_of(agent, wanted.container_id)
    assert sandbox is not None
    user = None if parent is None else parent.user
    if agent.options.switch_user and wanted.command is not None and wanted.command.user is not None:
        user = wanted.command.user
    return Container(
        container_id=wanted.container_id,
        key=agent.new_id(),
        parent=None if parent is None else parent.key,
        root=None if parent is None else parent.root,
        sandbox=sandbox if parent is None or not is_session else parent.sandbox,
        user=user,
        command=wanted.command,
        container=wanted.container,
        resources=() if call.launch_container is None else call.launch_container.resources,
        limits={} if call.launch_container is None else call.launch_container.limits,
        is_session=is_session,
    )


def _save(container: ApiContainer, out: Frame) -> None:
    if container.is_kept:
        out.write(facts.ContainerSaved(container.record))


def _termination(container: ApiContainer) -> Response.WaitContainer:
    record = container.record
    return descendants.termination(record.exit_status, record.termination, record.message)


def _processes(agent: Agent, place: Place) -> tuple[str, ...]:
    """The containers whose processes are meant: an executor without one of its own has its tasks'."""
    return tuple(agent.state.containers[place.key].nested) if place.is_pod else (place.key,)
