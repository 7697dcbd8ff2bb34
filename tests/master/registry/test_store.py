"""Facts become records of their own, and records become the registry again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesos_py.coordination import Changes, Corrupt, Key
from mesos_py.coordination.memory import MemoryDisk, MemoryRecords
from mesos_py.master import registry
from mesos_py.master.registry.store import KINDS, MASTER, TOUCHES, RegistryStore, to_message, to_records
from mesos_py.wire.agent import DrainConfig, DrainInfo, DrainState
from mesos_py.wire.codec import msgpack
from mesos_py.wire.ids import AgentID
from mesos_py.wire.maintenance import MachineID, MachineInfo, Schedule, Window
from mesos_py.wire.quota import QuotaConfig
from mesos_py.wire.registry import Registry as Message
from mesos_py.wire.role import WeightInfo
from mesos_py.wire.value import TimeInfo, Unavailability, Value
from tests import builders
from tests.wire.samples import sample


class Counting(MemoryRecords):
    """Remembers which records each commit wrote."""

    def __init__(self, disk: MemoryDisk) -> None:
        super().__init__(disk)
        self.written: list[list[Key]] = []

    async def commit(self, changes: Changes) -> None:
        self.written.append(sorted(changes))
        await super().commit(changes)


async def test_a_commit_writes_what_it_touches() -> None:
    """One agent's records, not the registry."""
    disk = MemoryDisk()
    records = Counting(disk)
    store = RegistryStore(records)
    await store.load(builders.master_info())
    await store.commit([registry.AdmitAgent(builders.agent_info(agent_id=f"S{n}")) for n in range(100)])
    assert len(disk.kept) == 101
    await store.commit([registry.MarkAgentUnreachable(AgentID("S7"), 5), registry.RemoveAgent(AgentID("S8"))])
    assert records.written[-1] == [(kind, f"S{n}") for kind in ("agents", "gone", "unreachable") for n in (7, 8)]
    assert records.written[0] == [MASTER]
    again = await RegistryStore(MemoryRecords(disk)).load(builders.master_info())
    assert again.agents.keys() == {f"S{n}" for n in range(100)} - {"S7", "S8"}
    assert again.unreachable == {"S7": registry.Unreachable(5)}


ids = st.sampled_from(["S1", "S2", "S3"])
limits = st.sampled_from([{}, {"cpus": Value.Scalar(value=0.0)}, {"mem": Value.Scalar(value=64.0)}])
configs = st.builds(QuotaConfig, role=st.sampled_from("ab"), limits=limits)
facts = st.one_of(
    st.builds(registry.AdmitAgent, st.builds(lambda name: builders.agent_info(agent_id=name), ids)),
    st.builds(registry.UpdateAgent, st.builds(lambda name: builders.agent_info(agent_id=name, hostname="other"), ids)),
    st.builds(registry.MarkAgentUnreachable, ids, st.integers(0, 2**60)),
    st.builds(registry.MarkAgentReachable, st.builds(lambda name: builders.agent_info(agent_id=name), ids)),
    st.builds(registry.MarkAgentGone, ids, st.integers(0, 2**60)),
    st.builds(registry.RemoveAgent, ids),
    st.builds(registry.UpdateWeights, st.dictionaries(st.sampled_from("ab"), st.sampled_from([1.0, 2.5]), max_size=2)),
    st.builds(registry.UpdateQuota, st.lists(configs, max_size=2).map(tuple)),
    st.builds(registry.Prune, st.lists(ids, max_size=2).map(tuple), st.lists(ids, max_size=2).map(tuple)),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(facts, st.booleans()), max_size=20))
def test_the_next_master_finds_the_fold(steps: list[tuple[Any, bool]]) -> None:
    """Whatever happened, in whatever portions it was committed, and however often the master changed."""
    disk = MemoryDisk()
    folded = registry.Registry()

    async def run() -> None:
        store = RegistryStore(MemoryRecords(disk))
        await store.load(builders.master_info())
        waiting = []
        for fact, is_committed in steps:
            try:
                folded.apply(fact)
            except registry.Impossible:
                continue
            waiting.append(fact)
            if is_committed:
                await store.commit(waiting)
                waiting = []
                store = RegistryStore(MemoryRecords(disk))
                await store.load(builders.master_info())
        await store.commit(waiting)
        found = await RegistryStore(MemoryRecords(disk)).load(builders.master_info())
        assert vars(found) == vars(folded)

    asyncio.run(run())


async def test_a_commit_writes_the_roles_it_names() -> None:
    """And takes away what says nothing any more, with the capability that nobody needs then."""
    disk = MemoryDisk()
    records = Counting(disk)
    store = RegistryStore(records)
    await store.load(builders.master_info())
    limited = QuotaConfig(role="a/b", limits={"cpus": Value.Scalar(value=1.0)})
    await store.commit([registry.UpdateQuota((limited,)), registry.UpdateWeights({"a/b": 2.5})])
    assert records.written[-1] == [("capabilities", "QUOTA_V2"), ("quota", "a/b"), ("weights", "a/b")]
    assert set(disk.kept) == {MASTER, *records.written[-1]}
    await store.commit([registry.UpdateQuota((QuotaConfig(role="a/b"),))])
    assert set(disk.kept) == {MASTER, ("weights", "a/b")}


async def test_a_registry_that_asks_for_more_is_refused() -> None:
    """A newer master has written what this one would not keep to."""
    disk = MemoryDisk()
    records = MemoryRecords(disk)
    await records.load()
    asked = [Message.MinimumCapability(capability=name) for name in ("QUOTA_V2", "QUOTA_V3")]
    await records.commit({("capabilities", each.capability): msgpack.encode(each) for each in asked})
    with pytest.raises(Corrupt, match="asks for masters that can do QUOTA_V3, which this one cannot"):
        await RegistryStore(MemoryRecords(disk)).load(builders.master_info())


def test_every_fact_has_a_row() -> None:
    """A fact nobody can write down would be lost."""
    assert set(TOUCHES) == set(registry.Write.__args__)


def test_every_part_of_a_registry_has_a_record() -> None:
    """There and back: all kinds of records there are, with all their fields."""
    info = builders.agent_info(agent_id="S1")
    drain = DrainInfo(state=DrainState.DRAINING, config=DrainConfig(mark_gone=True))
    machine = MachineInfo(id=MachineID(hostname="h", ip="10.0.0.1"), mode=MachineInfo.Mode.DOWN)
    whole = Message(
        master=Message.Master(info=builders.master_info()),
        agents=Message.Agents(agents=(Message.Agent(info=info, drain_info=drain, deactivated=True),)),
        unreachable=Message.UnreachableAgents(
            agents=(Message.UnreachableAgent(id=AgentID("S2"), timestamp=TimeInfo(nanoseconds=1), drain_info=drain),)
        ),
        gone=Message.GoneAgents(agents=(Message.GoneAgent(id=AgentID("S3"), timestamp=TimeInfo(nanoseconds=2)),)),
        machines=Message.Machines(machines=(Message.Machine(info=machine),)),
        schedules=(Schedule(windows=(Window(machine_ids=(machine.id,), unavailability=sample(Unavailability, 1)),)),),
        quota_configs=(QuotaConfig(role="a/b", limits={"cpus": Value.Scalar(value=2)}),),
        weights=(Message.Weight(info=WeightInfo(role="a/b", weight=2.5)),),
        minimum_capabilities=(Message.MinimumCapability(capability="QUOTA_V2"),),
    )
    records = to_records(whole)
    assert {kind for kind, _ in records} == set(KINDS)
    assert to_message(records) == whole


async def test_what_cannot_be_understood_is_refused() -> None:
    """F08: not skipped, not taken for nothing."""
    agent = msgpack.encode(Message.Agent(info=builders.agent_info(agent_id="S1")))
    wrong: dict[Key, bytes] = {
        ("agents", "S1"): b"\xc1",
        ("agents", "S2"): agent,
        ("agents", "S3"): msgpack.pack({}),
        ("what", "S1"): agent,
        MASTER: b"",
    }
    for key, contents in wrong.items():
        disk = MemoryDisk()
        records = MemoryRecords(disk)
        await records.load()
        await records.commit({key: contents})
        with pytest.raises(Corrupt, match=f"{key[0]}"):
            await RegistryStore(MemoryRecords(disk)).load(builders.master_info())
