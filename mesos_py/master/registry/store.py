"""The registry as records: one for each agent, unreachable agent, gone agent, machine, role ...

A commit writes only the records its facts touch, however large the registry is. What stands in the other records is
left alone, and so are the kinds of records this master has no facts for yet. A registry that asks for more than this
master can do is refused. Records hold the messages of
wire/registry.py in msgpack.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from mesos_py.coordination import RESTORE_HINT, Corrupt, Key, Records
from mesos_py.machine.values import value
from mesos_py.master.capabilities import MASTER_CAPABILITIES, QUOTA
from mesos_py.master.registry import (
    AdmitAgent,
    MarkAgentGone,
    MarkAgentReachable,
    MarkAgentUnreachable,
    Prune,
    Registry,
    RemoveAgent,
    UpdateAgent,
    UpdateQuota,
    UpdateWeights,
    Write,
)
from mesos_py.wire.codec import msgpack
from mesos_py.wire.codec.errors import DecodeError
from mesos_py.wire.ids import AgentID
from mesos_py.wire.maintenance import Schedule
from mesos_py.wire.master import MasterInfo
from mesos_py.wire.quota import QuotaConfig
from mesos_py.wire.registry import Registry as Message

MASTER: Key = ("master", "")
READ_AT_ONCE = 200  # records decoded before the loop has its turn, about 5 ms


@value
class Kind:
    """One kind of record: its message, what distinguishes one of them, and all of them in a whole registry."""

    message: type[Any]
    name: Callable[[Any], str | None]
    all: Callable[[Message], Sequence[Any]]


KINDS: Mapping[str, Kind] = {
    "master": Kind(Message.Master, lambda _: "", lambda whole: () if whole.master is None else (whole.master,)),
    "agents": Kind(
        Message.Agent, lambda one: one.info.id, lambda whole: () if whole.agents is None else whole.agents.agents
    ),
    "unreachable": Kind(
        Message.UnreachableAgent,
        lambda one: one.id,
        lambda whole: () if whole.unreachable is None else whole.unreachable.agents,
    ),
    "gone": Kind(Message.GoneAgent, lambda one: one.id, lambda whole: () if whole.gone is None else whole.gone.agents),
    "machines": Kind(
        Message.Machine,
        lambda one: f"{one.info.id.hostname or ''}/{one.info.id.ip or ''}",
        lambda whole: () if whole.machines is None else whole.machines.machines,
    ),
    "schedules": Kind(Schedule, lambda _: "", lambda whole: whole.schedules),
    "quota": Kind(QuotaConfig, lambda one: one.role, lambda whole: whole.quota_configs),
    "weights": Kind(Message.Weight, lambda one: one.info.role, lambda whole: whole.weights),
    "capabilities": Kind(
        Message.MinimumCapability, lambda one: one.capability, lambda whole: whole.minimum_capabilities
    ),
}



def _of_agents(*agent_ids: AgentID | None) -> Iterator[Key]:
    """All records that there may be about these agents."""
    for agent_id in agent_ids:
        assert agent_id is not None
        yield from (("agents", agent_id), ("unreachable", agent_id), ("gone", agent_id))


#: the records that a fact may change
TOUCHES: Mapping[type[Any], Callable[[Any], Iterable[Key]]] = {
    AdmitAgent: lambda fact: _of_agents(fact.agent.id),
    UpdateAgent: lambda fact: _of_agents(fact.agent.id),
    MarkAgentUnreachable: lambda fact: _of_agents(fact.agent_id),
    MarkAgentReachable: lambda fact: _of_agents(fact.agent.id),
    MarkAgentGone: lambda fact: _of_agents(fact.agent_id),
    RemoveAgent: lambda fact: _of_agents(fact.agent_id),
    Prune: lambda fact: _of_agents(*fact.unreachable, *fact.gone),
    UpdateQuota: lambda fact: (
        ("capabilities", QUOTA), *(("quota", config.role) for config in fact.configs),
    ),
    UpdateWeights: lambda fact: (("weights", role) for role in fact.weights),
}


class RegistryStore:
    """What a master's driver commits to. ``load`` first."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._registry = Registry()

    async def load(self, master: MasterInfo) -> Registry:
        """Take over in the name of ``master``; returns what earlier masters kept. Raises Corrupt, StoreFailed."""
        kept = await self._records.load()
        read: list[tuple[str, Any]] = []
        for key, contents in sorted(kept.items()):
            read.append(_message(key, contents))
            if len(read) % READ_AT_ONCE == 0:
                await asyncio.sleep(0)
        found = _whole(read)
        _check_capabilities(found)
        self._registry = Registry.of(found)
        await self._records.commit({MASTER: msgpack.encode(Message.Master(info=master))})
        return self._registry.copy()

    async def commit(self, writes: Sequence[Write]) -> None:
        """All of ``writes`` or none of them survive from now on. Raises Fenced, StoreFailed."""
        touched: dict[Key, None] = {}
        for write in writes:
            self._registry.apply(write)
            touched.update(dict.fromkeys(TOUCHES[type(write)](write)))
        changes: dict[Key, bytes | None] = {}
        for key in touched:
            message = self._registry.record(*key)
            changes[key] = None if message is None else msgpack.encode(message)
        await self._records.commit(changes)

    async def close(self) -> None:
        """Let go of the records."""
        await self._records.close()


def _check_capabilities(registry: Message) -> None:
    """Masters can do what the registry asks for. Raises Corrupt. Mesos: src/master/master.cpp Master::_recover."""
    able = {capability.name for capability in MASTER_CAPABILITIES}
    missing = [each.capability for each in registry.minimum_capabilities if each.capability not in able]
    if missing:
        raise Corrupt(
            f"the registry asks for masters that can do {', '.join(missing)}, which this one cannot:"
            " lead with the newer master that has written it"
        )


def to_records(registry: Message) -> dict[Key, bytes]:
    """The records that amount to ``registry``."""
    return {
        (kind, row.name(one) or ""): msgpack.encode(one) for kind, row in KINDS.items() for one in row.all(registry)
    }


def to_message(kept: Mapping[Key, bytes]) -> Message:
    """The registry that records amount to. Raises Corrupt for what is none of ours."""
    return _whole([_message(key, contents) for key, contents in sorted(kept.items())])


def _message(key: Key, contents: bytes) -> tuple[str, Any]:
    """The kind and the message of one record. Raises Corrupt."""
    kind, name = key
    row = KINDS.get(kind)
    if row is None:
        text = f"the registry has records of a kind '{kind}', which this program does not know"
        raise Corrupt(f"{text}: use the one that wrote it, or a later one")
    try:
        message = msgpack.decode(row.message, contents)
    except DecodeError as error:
        text = f"the record {kind}/{name} of the registry cannot be read: {error}; {RESTORE_HINT}"
        raise Corrupt(text) from error
    if (row.name(message) or "") != name:
        raise Corrupt(f"the record {kind}/{name} of the registry is of {row.name(message)}")
    return kind, message


def _whole(messages: Iterable[tuple[str, Any]]) -> Message:
    found: dict[str, list[Any]] = {kind: [] for kind in KINDS}
    for kind, message in messages:
        found[kind].append(message)
    return Message(
        master=found["master"][0] if found["master"] else None,
        agents=Message.Agents(agents=tuple(found["agents"])),
        unreachable=Message.UnreachableAgents(agents=tuple(found["unreachable"])),
        gone=Message.GoneAgents(agents=tuple(found["gone"])),
        machines=Message.Machines(machines=tuple(found["machines"])),
        schedules=tuple(found["schedules"]),
        quota_configs=tuple(found["quota"]),
        weights=tuple(found["weights"]),
        minimum_capabilities=tuple(found["capabilities"]),
    )
