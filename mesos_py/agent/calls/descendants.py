"""The end of a container, whoever launched it: whoever waits for it is told, and what is nested in it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.agent import words
from mesos_py.agent.api_containers import ApiContainer, Phase
from mesos_py.agent.checkpoint import facts
from mesos_py.machine.frame import Frame
from mesos_py.wire.agent_api import Response
from mesos_py.wire.checkpoint import Termination
from mesos_py.wire.resource import TaskResourceLimitation

if TYPE_CHECKING:
    from mesos_py.agent.core import Agent


def ended(agent: Agent, key: str, how: Response.WaitContainer, out: Frame) -> None:
    """Nothing of the container is left, and nobody can be nested in it any more."""
    for peer in agent.api_containers.take_waiting(key):
        out.send(peer, how)
    _abandon(agent, key, out)


def _abandon(agent: Agent, key: str, out: Frame) -> None:
    """What is nested in it has lost its name and ends, however deep."""
    for child in agent.api_containers.children_of(key):
        if child.phase is Phase.ENDED:
            forget(agent, child, out)
        elif not child.is_orphan:
            agent.api_containers.orphan(child)
            destroy(agent, child, out)
            _abandon(agent, child.key, out)


def destroy(agent: Agent, container: ApiContainer, out: Frame) -> None:
    """It ends; its exit, or that it was never launched, will be reported."""
    agent.api_containers.destroy(container)
    out.send(words.CONTAINERS, words.DestroyContainer(container.key))


def forget(agent: Agent, container: ApiContainer, out: Frame) -> None:
    """Nobody can ask for it any more. What was nested in it has lost its name before."""
    agent.api_containers.forget(container)
    if container.is_kept:
        out.write(facts.ContainerForgotten(container.key))


def termination(
    exit_status: int | None, why: Termination | None = None, message: str | None = None
) -> Response.WaitContainer:
    """What WAIT_CONTAINER answers: the wait status, and why we ended it if we did."""
    if why is None:
        return Response.WaitContainer(exit_status=exit_status, message=message)
    return Response.WaitContainer(
        exit_status=exit_status,
        state=why.state,
        reason=why.reason,
        limitation=TaskResourceLimitation(resources=why.resources) if why.resources else None,
        message=why.message,
    )
