"""Containers of the API in the core of an agent that is started again: what is known, and what is forgotten."""

from __future__ import annotations

from mesos_py.agent import events, words
from mesos_py.wire.agent_api import Response
from tests import builders
from tests.agent.test_api_containers import DESTROYED, Asking


def test_standalone_containers_survive_the_agent() -> None:
    """1 launched without any framework; 2 the next agent knows it; 3 it waits, and hears of its end."""
    world = Asking(registered=False)
    world.tell(events.Recovered())
    resources = (builders.scalar("cpus", 1),)
    key = world.launch("alone", resources=resources)
    spec_sandbox = world.agent.api_containers.by_key[key].record.sandbox
    assert spec_sandbox == "/w/containers/alone"
    inner = world.launch("alone", "n")
    ended = world.launch("alone", "e")
    world.exited(3 << 8, ended)
    world = world.restarted(key, inner)  # type: ignore[assignment]
    assert words.UpdateContainer(key, resources, {}) in world.to_containers(words.UpdateContainer)
    assert world.to_containers(DESTROYED) == []
    assert world.ask("wait_container", "alone", "e") == Response.WaitContainer(exit_status=3 << 8)
    assert world.ask("wait_container", "alone", peer="w") is None
    world.exited(0, key)
    assert world.answer("w") == Response.WaitContainer(exit_status=0)
    assert world.to_containers(DESTROYED) == [DESTROYED(inner)]
    world.exited(9, inner)
    assert world.ask("remove_container", "alone") == words.Done(remove="/w/containers/alone")
    assert not any(kind == "containers" for kind, _ in world.records)


def test_nested_containers_survive_with_their_executor() -> None:
    """Of a framework that checkpoints; of any other they end with the agent, as it does."""
    world = Asking()
    root = world.command_task(checkpoint=True)
    key = world.launch(root, "n")
    lost = world.launch(root, "l")
    world.ask("launch_nested_container_session", root, "s", peer="me")
    session = world.spec().container_id
    world.launched(session)
    world = world.restarted(root, key, session)  # type: ignore[assignment]
    assert world.to_containers(DESTROYED) == [DESTROYED(session)]
    assert world.ask("wait_container", root, "n", peer="w") is None
    world.exited(None, lost)
    assert world.ask("wait_container", root, "l", peer="x") == Response.WaitContainer()
    world.exited(0, root)
    assert world.to_containers(DESTROYED) == [DESTROYED(key)]


def test_what_lost_its_parent_while_no_agent_was_there_is_forgotten() -> None:
    """After a reboot, everything."""
    world = Asking()
    root = world.command_task(checkpoint=True)
    world.launch(root, "n")
    world.launch("alone")
    again = world.restarted(boot_id="boot-2")
    assert again.agent.api_containers.by_key == {}
    assert not any(kind == "containers" for kind, _ in again.records)


def test_what_has_lost_an_ancestor_is_forgotten_and_its_name_another_s() -> None:
    """1 a tree of three, whose root ends; 2 another of the same names; 3 a restart before the first has gone."""
    world = Asking()
    names = ("a", "b", "c")
    first = [world.launch(*names[: depth + 1]) for depth in range(3)]
    world.exited(0, first[0])
    second = [world.launch(*names[: depth + 1]) for depth in range(3)]
    world = world.restarted(*first[1:], *second)  # type: ignore[assignment]
    assert world.to_containers(words.DestroyContainer) == [DESTROYED(key) for key in first[1:]]
    assert sorted(world.agent.api_containers.by_key) == sorted(second)
    assert world.ask("kill_container", *names) == words.Done()
    assert world.to_containers(words.SignalContainer) == [words.SignalContainer(second[2], 9)]
