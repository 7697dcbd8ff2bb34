"""Facts before words, as their checker sees it: what may be said meanwhile, and what the next master has to find."""

from __future__ import annotations

from typing import Any

import pytest

from mesos_py.machine.frame import Event, Frame, Send
from mesos_py.master.events import RegistryRecovered
from mesos_py.master.registry import AdmitAgent, MarkAgentUnreachable, Registry, RemoveAgent
from mesos_py.sim.checkers.facts import Facts
from mesos_py.sim.observe import Violation
from tests import builders

NAME = "master-m0.1"
FIRST, SECOND, THIRD = (AdmitAgent(builders.agent_info(agent_id=f"S{number}")) for number in range(3))


def apply(facts: Facts, cause: int, *writes: Any, volatile: bool = False) -> Send:
    """A frame of the master that leads: the word that it says."""
    frame = Frame(0, cause)
    frame.writes += writes
    frame.send("somebody", f"word {cause}", volatile=volatile)
    facts.applied(NAME, Event("anything"), frame, 0)
    word = frame.sends[0]
    assert isinstance(word, Send)
    return word


def recover(facts: Facts, *kept: Any, name: str = "master-m1.2") -> None:
    """Another master has read these."""
    registry = Registry()
    for write in kept:
        registry.apply(write)
    facts.applied(name, Event(RegistryRecovered, RegistryRecovered(registry)), Frame(0), 0)


def led() -> Facts:
    """There is a master."""
    facts = Facts()
    recover(facts, name=NAME)
    return facts


def test_words_wait_for_all_facts_before_them() -> None:
    """Their own, and those of earlier frames; what carries no fact does not."""
    facts = Facts()
    first, second, heartbeat = apply(facts, 1, FIRST), apply(facts, 2), apply(facts, 3, volatile=True)
    facts.said(NAME, heartbeat, 0)
    facts.kept(NAME, (FIRST,), 0)
    facts.said(NAME, first, 0)
    third = apply(facts, 4, SECOND)
    facts.said(NAME, second, 0)
    with pytest.raises(Violation, match="but event 4 wrote what is not kept"):
        facts.said(NAME, third, 0)
    with pytest.raises(Violation, match="I5"):
        facts.said(NAME, apply(facts, 5), 0)


def test_what_was_kept_is_found() -> None:
    """By the next master, and nothing else; what was on its way may be there or not, in its order."""
    facts = led()
    for cause, write in enumerate((FIRST, SECOND, THIRD), start=1):
        apply(facts, cause, write)
    facts.kept(NAME, (FIRST,), 0)
    recover(facts, FIRST, SECOND)
    recover(facts, FIRST, SECOND)
    for wrong in ((FIRST,), (SECOND,), (FIRST, THIRD), ()):
        with pytest.raises(Violation, match="was kept"):
            recover(facts, *wrong)


def test_who_was_stopped_is_told_late_that_its_fact_was_kept() -> None:
    """Its successor has found it, and gone on from there (seed 710395)."""
    facts = led()
    apply(facts, 1, FIRST)
    recover(facts, FIRST)
    removed = Frame(0, 1)
    removed.writes.append(RemoveAgent(FIRST.agent.id))
    facts.applied("master-m1.2", Event("anything"), removed, 0)
    facts.kept("master-m1.2", removed.writes, 0)
    facts.kept(NAME, (FIRST,), 0)
    recover(facts, name="master-m2.3")


def test_states_of_agents_are_facts() -> None:
    """An agent that was given up is not found admitted."""
    facts = led()
    lost = MarkAgentUnreachable(FIRST.agent.id, 1)
    apply(facts, 1, FIRST)
    apply(facts, 2, lost)
    facts.kept(NAME, (FIRST, lost), 0)
    for wrong in ((FIRST,), (FIRST, RemoveAgent(FIRST.agent.id))):
        with pytest.raises(Violation, match="was kept"):
            recover(facts, *wrong)
    recover(facts, FIRST, lost)


def test_a_store_keeps_what_the_core_wrote() -> None:
    facts = Facts()
    apply(facts, 1, FIRST)
    with pytest.raises(Violation, match="something else"):
        facts.kept(NAME, (FIRST, SECOND), 0)
