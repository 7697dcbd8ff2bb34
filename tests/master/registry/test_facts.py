"""What survives a master: every fact on every state of an agent, and that the form on the wire loses nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesos_py.master.registry import (
    AdmitAgent,
    Impossible,
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
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.codec import protobuf
from mesos_py.wire.ids import AgentID
from mesos_py.wire.quota import QuotaInfo
from mesos_py.wire.registry import Registry as Message
from tests import builders
from tests.builders import quota

INFO = builders.agent_info(agent_id="a")
OTHER = builders.agent_info("renamed", agent_id="a")
AT = 1_700_000_000_000_000_000

FACTS: dict[str, Write] = {
    "admit": AdmitAgent(INFO),
    "update": UpdateAgent(OTHER),
    "unreachable": MarkAgentUnreachable(AgentID("a"), AT),
    "reachable": MarkAgentReachable(OTHER),
    "gone": MarkAgentGone(AgentID("a"), AT),
    "remove": RemoveAgent(AgentID("a")),
    "prune": Prune((AgentID("a"),), ()),
    "prune gone": Prune((), (AgentID("a"),)),
}
#: state of the agent -> fact -> state after it; what is missing cannot be
TABLE = {
    "nothing": {"admit": "admitted", "reachable": "admitted", "prune": "nothing", "prune gone": "nothing"},
    "admitted": {
        "update": "admitted",
        "unreachable": "unreachable",
        "reachable": "admitted",
        "gone": "gone",
        "remove": "nothing",
        "prune": "admitted",
        "prune gone": "admitted",
    },
    "unreachable": {
        "admit": "admitted",
        "reachable": "admitted",
        "gone": "gone",
        "prune": "nothing",
        "prune gone": "unreachable",
    },
    "gone": {"prune": "gone", "prune gone": "nothing"},
}


def registry(state: str) -> Registry:
    made = Registry()
    if state != "nothing":
        made.apply(FACTS["admit"])
    if state in ("unreachable", "gone"):
        made.apply(FACTS[state])
    return made


def state_of(made: Registry) -> str:
    if "a" in made.agents:
        return "admitted"
    return "unreachable" if "a" in made.unreachable else "gone" if "a" in made.gone else "nothing"


@pytest.mark.parametrize("fact", FACTS)
@pytest.mark.parametrize("state", TABLE)
def test_every_fact_in_every_state(state: str, fact: str) -> None:
    """What cannot be is Impossible and changes nothing."""
    made = registry(state)
    expected = TABLE[state].get(fact)
    if expected is None:
        with pytest.raises(Impossible):
            made.apply(FACTS[fact])
        assert state_of(made) == state
    else:
        made.apply(FACTS[fact])
        assert state_of(made) == expected


def test_quota_that_says_nothing_is_none() -> None:
    """One entry for each role that has any, the last one said; the registry asks for masters that know what it means
    as long as there is one. A limit of 0 says much, a guarantee of 0 nothing."""
    made = Registry()
    first, none = quota("a", {"cpus": 1}, {}), quota("b", {}, {"cpus": 0})
    made.apply(UpdateQuota((quota("a", {}, {"mem": 5}), first, none, quota("c", {"cpus": 0.0004}, {}))))
    assert (made.quotas, made.capabilities) == ({"a": first, "b": none}, {"QUOTA_V2": None})
    made.apply(UpdateQuota((quota("a", {}, {}), quota("d", {}, {}))))
    assert (made.quotas, made.capabilities) == ({"b": none}, {"QUOTA_V2": None})
    made.apply(UpdateQuota((quota("b", {"cpus": 0}, {}),)))
    assert (made.quotas, made.capabilities) == ({}, {})


def test_quota_of_old_is_read() -> None:
    """A guarantee of before Mesos 1.9 is the limit, too; what was said of the role since then has the say."""
    old = tuple(
        Message.Quota(info=QuotaInfo(role=role, guarantee=builders.resources(cpus=2, mem=64))) for role in ("a", "b")
    )
    made = Registry.of(Message(quotas=old, quota_configs=(quota("b", {}, {"cpus": 1}),)))
    same = {"cpus": 2.0, "mem": 64.0}
    assert made.quotas == {"a": quota("a", same, same), "b": quota("b", {}, {"cpus": 1})}
    assert made.message().quotas == ()


def test_weights_are_kept_for_each_role() -> None:
    """Also those that are as if nothing was said."""
    made = Registry()
    made.apply(UpdateWeights({"a": 2.0, "b": 1.0}))
    made.apply(UpdateWeights({"a": 3.5}))
    assert made.weights == {"a": 3.5, "b": 1.0}


def test_a_copy_is_somebody_elses() -> None:
    """What is folded onto it is not seen by the first."""
    made = Registry()
    made.apply(FACTS["admit"])
    copied = made.copy()
    copied.apply(FACTS["gone"])
    copied.apply(UpdateWeights({"a": 2.0}))
    copied.apply(UpdateQuota((quota("a", {}, {"cpus": 1}),)))
    assert made.message() == registry("admitted").message()


def test_an_agent_without_id_is_nobody() -> None:
    with pytest.raises(Impossible):
        Registry().apply(AdmitAgent(builders.agent_info()))


@given(
    st.dictionaries(
        st.text("ab", min_size=1, max_size=3),
        st.sampled_from(["admitted", "unreachable", "gone"]),
        max_size=5,
    ),
    st.dictionaries(st.text("ab", min_size=1, max_size=3), st.sampled_from([0.5, 1.0, 7.0]), max_size=3),
)
def test_the_wire_form_loses_nothing(states: dict[str, str], roles: dict[str, float]) -> None:
    """Through protobuf and back."""
    made = Registry()
    made.apply(UpdateWeights(roles))
    made.apply(UpdateQuota(tuple(quota(role, {"cpus": amount}, {"mem": amount}) for role, amount in roles.items())))
    for name, state in states.items():
        agent_id = AgentID(name)
        made.apply(AdmitAgent(AgentInfo(hostname=name, id=agent_id)))
        if state == "unreachable":
            made.apply(MarkAgentUnreachable(agent_id, AT))
        if state == "gone":
            made.apply(MarkAgentGone(agent_id, AT))
    again = Registry.of(protobuf.decode(Message, protobuf.encode(made.message())))
    assert vars(again) == vars(made)
