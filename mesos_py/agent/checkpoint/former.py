"""What a former run of an agent has left, from its file to the state that the core recovers from.

::

    read --> kept --> the port that executors know --> settle --> AgentState, kept from now on

Everything that makes an agent refuse to start is here, with a text that says what to do.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import structlog

from mesos_py.agent.checkpoint import recovery
from mesos_py.agent.checkpoint.store import FILE, META, CheckpointStore, open_store
from mesos_py.agent.options import AgentOptions
from mesos_py.web.server import Server
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.checkpoint import AgentState
from mesos_py.wire.schema import evolve

log = structlog.get_logger(__name__)

#: Mesos: src/slave/slave.cpp Slave::__recover
ADVICE = """\
If recovery failed due to a change in configuration and you want to
keep the current agent id, you might want to change the
`--reconfiguration_policy` flag to a more permissive value.

To restart this agent with a new agent id instead, do as follows:
rm -f {}
This ensures that the agent does not recover old live executors."""


class RecoveryFailed(Exception):
    """The agent cannot go on as the one whose directory it is; the text says what to do."""


def read_boot_id() -> str:
    """Another one after every boot of the host."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


class FormerRun:
    """The agent that was here before this one, if any. Without ``read`` nothing is known, and nothing will be kept."""

    def __init__(self, options: AgentOptions, boot_id: str | None) -> None:
        self._options = options
        self._boot_id = boot_id or read_boot_id()
        self._kept = AgentState()
        #: None: nothing is kept
        self.store: CheckpointStore | None = None
        #: what could not be read and is overlooked
        self.problems: list[str] = []

    async def read(self, on_room: Callable[[bool], None]) -> None:
        """The file is this agent's now. Raises OSError, StoreFailed."""
        self.store = open_store(self._options.work_dir, on_room)
        if self._options.strict:
            self._kept = await self.store.load()
            return
        self._kept, self.problems = await self.store.salvage()
        for problem in self.problems:
            log.error("not recovered", problem=problem)

    async def listen(self, server: Server) -> int:
        """On the port that executors of the former run know, if any will do. Raises OSError."""
        options, kept = self._options, self._kept
        known = kept.info.port if kept.info is not None and not options.advertise_port else 0
        if options.port or not known:
            return await server.start(options.ip, options.port)
        try:
            return await server.start(options.ip, known)
        except OSError:
            if kept.frameworks:
                raise
            return await server.start(options.ip, 0)

    async def settle(self, info: AgentInfo) -> AgentState:
        """What is true still for an agent that introduces itself so; it is what is kept now. Raises RecoveryFailed."""
        kept = self._kept
        if self._options.port == 0 and kept.info is not None:
            kept = evolve(kept, info=evolve(kept.info, port=info.port))  # any will do
        try:
            known = recovery.reconfigured(kept, info, self._boot_id, self._options.reconfiguration_policy)
        except recovery.Incompatible as error:
            advice = ADVICE.format(os.path.join(self._options.work_dir, META, FILE))
            raise RecoveryFailed(f"Failed to perform recovery: {error}\n{advice}") from error
        state = recovery.settled(known, self._boot_id)
        if self.store is not None:
            await self.store.replace(state)
        return state
