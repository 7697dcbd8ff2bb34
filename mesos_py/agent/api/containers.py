"""Calls about containers: each is a peer of the core's for as long as it waits for its answer.

Mesos: src/slave/http.cpp Http::_launchContainer, _waitContainer, _killContainer, _removeContainer.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from mesos_py.agent import events, removal, words
from mesos_py.agent.rim import AgentRim
from mesos_py.machine.driver import Driver, Stopped
from mesos_py.machine.frame import Event, PeerID
from mesos_py.machine.problem import Problem
from mesos_py.web.response import ACCEPTED, OK, HttpError, Response
from mesos_py.wire.agent_api import Call
from mesos_py.wire.agent_api import Response as Said

Type = Call.Type

KINDS: Final[dict[Call.Type, type]] = {
    Type.LAUNCH_NESTED_CONTAINER: Call.LaunchNestedContainer,
    Type.LAUNCH_CONTAINER: Call.LaunchContainer,
    Type.LAUNCH_NESTED_CONTAINER_SESSION: Call.LaunchNestedContainerSession,
    Type.WAIT_NESTED_CONTAINER: Call.WaitNestedContainer,
    Type.WAIT_CONTAINER: Call.WaitContainer,
    Type.KILL_NESTED_CONTAINER: Call.KillNestedContainer,
    Type.KILL_CONTAINER: Call.KillContainer,
    Type.REMOVE_NESTED_CONTAINER: Call.RemoveNestedContainer,
    Type.REMOVE_CONTAINER: Call.RemoveContainer,
}


class ContainerApi:
    """The calls that launch, wait, kill and remove."""

    def __init__(self, driver: Driver, rim: AgentRim, work_dir: str) -> None:
        self._driver = driver
        self._rim = rim
        self._work_dir = work_dir
        self._numbers = itertools.count(1)

    def table(self) -> dict[Call.Type, Callable[[Call], Awaitable[Said | Response]]]:
        """But for sessions, which are answered with a stream (attach_http.py)."""
        return {kind: self.make for kind in KINDS if kind is not Type.LAUNCH_NESTED_CONTAINER_SESSION}

    async def make(self, call: Call) -> Said | Response:
        """What the core answers, whenever that is."""
        async with self.asking(call) as answer:
            if isinstance(answer, Said.WaitContainer):
                return _terminated(call, answer)
            if answer.remove is not None:
                try:
                    await asyncio.to_thread(removal.remove, self._work_dir, answer.remove)
                except OSError as error:
                    raise HttpError(500, f"Failed to remove the sandbox directory: {error.strerror}") from error
            return ACCEPTED if answer.already else OK

    @contextlib.asynccontextmanager
    async def asking(self, call: Call) -> AsyncIterator[Any]:
        """The answer, a words.Done or a WaitContainer; the core learns when whoever has it goes. Raises HttpError."""
        peer = PeerID(f"call-{next(self._numbers)}")
        try:
            yield await self._ask(call, peer)
        finally:
            self._driver.tell(Event(events.AskerGone, events.AskerGone(peer)))

    async def _ask(self, call: Call, peer: PeerID) -> words.Done | Said.WaitContainer:
        assert call.type is not None
        answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._rim.askers[peer] = answered
        try:
            answer = await self._driver.ask(Event(KINDS[call.type], call, peer))
            if answer is None:
                answer = await answered
        except Stopped:
            raise HttpError(503) from None
        finally:
            del self._rim.askers[peer]
        if isinstance(answer, Problem):
            raise HttpError(int(answer.kind), answer.text)
        assert isinstance(answer, words.Done | Said.WaitContainer)
        return answer


def _terminated(call: Call, how: Said.WaitContainer) -> Said:
    if call.type is Type.WAIT_CONTAINER:
        return Said(type=Said.Type.WAIT_CONTAINER, wait_container=how)
    nested = Said.WaitNestedContainer(
        exit_status=how.exit_status, state=how.state, reason=how.reason, limitation=how.limitation, message=how.message
    )
    return Said(type=Said.Type.WAIT_NESTED_CONTAINER, wait_nested_container=nested)
