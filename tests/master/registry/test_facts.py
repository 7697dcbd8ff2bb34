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
    Write,
)
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.codec import protobuf
from mesos_py.wire.ids import AgentID
from mesos_py.wire.registry import Registry as Message
from tests import builders

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


def test_an_agent_without_id_is_nobody() -> None:
    with pytest.raises(Impossible):
        Registry().apply(AdmitAgent(builders.agent_info()))


@given(
    st.dictionaries(
        st.text("ab", min_size=1, max_size=3),
        st.sampled_from(["admitted", "unreachable", "gone"]),
        max_size=5,
    )
)
def test_the_wire_form_loses_nothing(states: dict[str, str]) -> None:
    """Through protobuf and back."""
    made = Registry()
    for name, state in states.items():
        agent_id = AgentID(name)
        made.apply(AdmitAgent(AgentInfo(hostname=name, id=agent_id)))
        if state == "unreachable":
            made.apply(MarkAgentUnreachable(agent_id, AT))
        if state == "gone":
            made.apply(MarkAgentGone(agent_id, AT))
    again = Registry.of(protobuf.decode(Message, protobuf.encode(made.message())))
    assert (again.agents, again.unreachable, again.gone) == (made.agents, made.unreachable, made.gone)
