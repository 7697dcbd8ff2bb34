"""Nested and standalone containers of the API in the agent's core: whose they are, who waits, what survives."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from mesos_py.agent import events, words
from mesos_py.agent.api_containers import ENDED_MAX
from mesos_py.machine.problem import Kind, Problem
from mesos_py.wire import internal
from mesos_py.wire.agent_api import Call, Response
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.ids import ContainerID
from mesos_py.wire.task import TaskState, TaskStatus
from tests import builders
from tests.agent.world import FRAMEWORK_ID, World, custom_task, framework, task

DESTROYED = words.DestroyContainer


def chain(*values: str) -> ContainerID:
    """Outermost first."""
    made: ContainerID | None = None
    for value in values:
        made = ContainerID(value=value, parent=made)
    assert made is not None
    return made


class Asking(World):
    """A world with callers of the container API."""

    def ask(self, name: str, *ids: str, peer: str = "call-1", **fields: Any) -> Any:
        """Make a call about a container; a Problem, or what was said to the caller at once."""
        kind = getattr(Call, "".join(part.title() for part in name.split("_")))
        if name.startswith("launch"):
            fields = {"command": CommandInfo(value="sleep 1")} | fields
        call = Call(type=Call.Type[name.upper()], **{name: kind(container_id=chain(*ids), **fields)})
        self.apply(kind, call, peer)
        return self.frame.reply or self.answer(peer)

    def answer(self, peer: str = "call-1") -> Any:
        said = self.to(peer, object)
        assert len(said) < 2, said
        return said[0] if said else None

    def launch(self, *ids: str, **fields: Any) -> str:
        """Launch it and let it run; its key."""
        assert self.ask("launch_container", *ids, **fields) is None
        key = self.spec().container_id
        self.launched(key)
        assert self.answer() == words.Done()
        return key

    def kill_framework(self) -> None:
        self.master(internal.ShutdownFramework(framework_id=FRAMEWORK_ID))

    def command_task(self, **by: Any) -> str:
        """A command task that runs; its container's id."""
        self.run(task(), by=framework(**by) if by else None)
        self.launched()
        return self.executor().container_id


def test_a_nested_container_runs_in_the_sandbox_of_its_root_with_a_key_of_ours() -> None:
    """1 launched; 2 told when it runs; 3 its name is taken; 4 its termination is told for as long as it is known."""
    world = Asking()
    root = world.command_task()
    assert world.ask("launch_nested_container", root, "n", peer="a") is None
    spec = world.spec()
    assert spec.sandbox == f"{world.executor().sandbox}/containers/n"
    assert (spec.parent_id, spec.argv, spec.inside) == (root, ("sh", "-c", "sleep 1"), None)
    assert spec.env["MESOS_SANDBOX"] == spec.sandbox
    assert "MESOS_EXECUTOR_ID" not in spec.env
    assert world.ask("launch_nested_container", root, "n", peer="b") == words.Done(already=True)
    world.launched(spec.container_id)
    assert world.answer("a") == words.Done()
    assert world.ask("wait_nested_container", root, "n", peer="w") is None
    world.exited(5 << 8, spec.container_id)
    assert world.answer("w") == Response.WaitContainer(exit_status=5 << 8)
    assert world.ask("wait_container", root, "n", peer="w") == Response.WaitContainer(exit_status=5 << 8)
    world.exited(None, spec.container_id)  # told again
    assert world.ask("wait_container", root, "n", peer="w") == Response.WaitContainer(exit_status=5 << 8)
    assert world.ask("kill_nested_container", root, "n").text == (
        f"Container '{root}.n' cannot be found (or is already killed)"
    )
    assert world.ask("remove_nested_container", root, "n") == words.Done(remove=spec.sandbox)
    assert world.ask("wait_nested_container", root, "n") == Problem(
        Kind.NOT_FOUND, f"Container {root}.n cannot be found"
    )
    assert world.states() == ["STARTING", "RUNNING"]


@pytest.mark.parametrize(("signum", "sent"), [(None, 9), (15, 15)])
def test_kill_sends_a_signal(signum: int | None, sent: int) -> None:
    """SIGKILL unless another one is named."""
    world = Asking()
    root = world.command_task()
    key = world.launch(root, "n")
    assert world.ask("kill_container", root, "n", signal=signum) == words.Done()
    assert world.to_containers(words.SignalContainer) == [words.SignalContainer(key, sent)]
    assert world.ask("kill_container", root, "n", signal=99).kind is Kind.BAD_REQUEST


def test_containers_of_executors_and_tasks_have_waiters_too() -> None:
    """And their tasks' ends are told as ever."""
    world = Asking()
    root = world.command_task()
    assert world.ask("wait_container", root, peer="w") is None
    assert world.ask("kill_container", root, signal=15) == words.Done()
    assert world.to_containers(words.SignalContainer) == [words.SignalContainer(root, 15)]
    world.exited(signal.SIGTERM)
    assert world.answer("w") == Response.WaitContainer(exit_status=15)
    assert world.states()[-1] == "FAILED"
    assert world.ask("remove_container", root) == Problem(Kind.NOT_FOUND, f"Container {root} cannot be found")


def test_what_is_nested_ends_with_its_parent_and_its_name_is_free() -> None:
    """1 the parent goes; 2 those who wait for children hear of their ends; 3 nobody knows them any more."""
    world = Asking()
    root = world.command_task()
    outer = world.launch(root, "n")
    inner = world.launch(root, "n", "m")
    ended = world.launch(root, "e")
    world.exited(0, ended)
    world.ask("wait_container", root, "n", "m", peer="w")
    world.exited(0, root)
    assert world.to_containers(DESTROYED) == [DESTROYED(outer), DESTROYED(inner)]
    world.exited(9, outer)
    world.exited(9, inner)
    assert world.answer("w") == Response.WaitContainer(exit_status=9)
    assert world.agent.api_containers.by_key == {}


def test_a_parent_that_ends_takes_its_children_and_keeps_its_own_termination() -> None:
    """A nested container can be a parent, too."""
    world = Asking()
    root = world.command_task()
    outer = world.launch(root, "n")
    inner = world.launch(root, "n", "m")
    world.exited(0, outer)
    assert world.to_containers(DESTROYED) == [DESTROYED(inner)]
    assert world.ask("launch_nested_container", root, "n", "o").text == f"Parent container {root}.n does not exist"
    world.exited(9, inner)
    assert world.ask("wait_container", root, "n") == Response.WaitContainer(exit_status=0)
    assert world.ask("wait_container", root, "n", "m").kind is Kind.NOT_FOUND
    assert world.ask("launch_container", root, "n") is None  # an ended one makes room for another of its name
    assert world.ask("wait_container", root, "n", peer="w") is None


def test_parents_that_cannot_be() -> None:
    """Unknown, being destroyed, not launched."""
    world = Asking()
    assert world.ask("launch_nested_container", "x", "n") == Problem(
        Kind.BAD_REQUEST, "Parent container x does not exist"
    )
    world.run(task())
    root = world.executor().container_id
    assert world.ask("launch_nested_container_session", root, "s") == Problem(
        Kind.BAD_REQUEST, f"Parent container {root} is not launched yet"
    )
    world.launched()
    assert world.ask("launch_container", root, "n") is None
    assert world.ask("launch_container", root, "n", "m", peer="b").text == (
        f"Parent container {root}.n is not launched yet"
    )
    world.kill_framework()
    assert world.ask("launch_nested_container", root, "o", peer="c").text == (
        f"Parent container {root} is in 'DESTROYING' state"
    )


def test_a_launch_that_fails_says_why_and_leaves_nothing() -> None:
    """But a program that is not there has run for a moment, as in Mesos."""
    world = Asking()
    root = world.command_task()
    world.ask("launch_container", root, "n", peer="a")
    world.ask("wait_container", root, "n", peer="w")
    world.tell(events.ContainerLaunchFailed(world.agent.api_containers.by_text[f"{root}.n"].key, "no"))
    assert world.answer("a") == Problem(Kind.BAD_REQUEST, "no")
    assert world.answer("w") == Response.WaitContainer(message="no")
    assert world.agent.api_containers.by_key == {}
    text = "Failed to execute 'x': No such file or directory"
    world.ask("launch_container", root, "n", peer="a")
    world.tell(events.ContainerLaunchFailed(world.spec().container_id, text))
    assert world.answer("a") == words.Done()
    assert world.ask("wait_container", root, "n") == Response.WaitContainer(exit_status=1 << 8, message=text)
    assert world.states() == ["STARTING", "RUNNING"]


def test_killed_while_it_is_launched() -> None:
    """Whoever launched it is told."""
    world = Asking()
    root = world.command_task()
    world.ask("launch_container", root, "n", peer="a")
    key = world.spec().container_id
    assert world.ask("kill_container", root, "n", peer="k") == words.Done()
    assert world.to_containers(DESTROYED) == [DESTROYED(key)]
    world.exited(9, key)
    assert world.answer("a") == Problem(Kind.BAD_REQUEST, "Container destroyed during launch")


def test_remove_needs_an_end_and_a_root() -> None:
    """Mesos' words; of a container that never was there is nothing to remove but what lies in its place."""
    world = Asking()
    root = world.command_task()
    world.launch(root, "n")
    text = "Nested container has not terminated yet"
    assert world.ask("remove_container", root, "n") == Problem(Kind.INTERNAL, text)
    assert world.ask("remove_container", root) == Problem(Kind.INTERNAL, text)
    assert world.ask("remove_nested_container", "x", "n") == Problem(Kind.INTERNAL, "Unknown root container")
    assert world.ask("remove_nested_container", root, "o") == words.Done(
        remove=f"{world.executor().sandbox}/containers/o"
    )


def test_a_limit_is_told_to_those_who_wait() -> None:
    """It is destroyed; its task is not concerned."""
    world = Asking()
    root = world.command_task()
    key = world.launch(root, "n")
    world.ask("wait_container", root, "n", peer="w")
    disk = (builders.scalar("disk", 7),)
    reason = TaskStatus.Reason.REASON_CONTAINER_LIMITATION_DISK
    world.tell(events.ContainerLimited(key, reason, "too much", disk))
    assert world.to_containers(DESTROYED) == [DESTROYED(key)]
    world.exited(9, key)
    said = world.answer("w")
    assert (said.exit_status, said.reason, said.message) == (9, reason, "too much")
    assert said.limitation.resources == disk
    assert said.state is TaskState.TASK_FAILED


def test_terminations_are_bounded() -> None:
    """The oldest of one parent is forgotten first."""
    world = Asking()
    root = world.command_task()
    for number in range(ENDED_MAX + 1):
        world.exited(0, world.launch(root, f"n{number}"))
    assert world.ask("wait_container", root, "n0").kind is Kind.NOT_FOUND
    assert world.ask("wait_container", root, "n1") == Response.WaitContainer(exit_status=0)


def test_what_nobody_here_can_run_is_refused() -> None:
    world = Asking()
    root = world.command_task()
    docker = ContainerInfo(type=ContainerInfo.Type.DOCKER)
    refused = world.ask("launch_container", root, "n", container=docker)
    assert refused == Problem(Kind.BAD_REQUEST, "The provided ContainerInfo is not supported")
    world.tell(events.RoomChanged(False))
    assert world.ask("launch_container", "s").kind is Kind.UNAVAILABLE


def test_a_command_task_that_has_ended_is_no_parent() -> None:
    """Though its container is not reported gone yet."""
    world = Asking()
    root = world.command_task()
    world.tell(events.ContainerLimited(root, TaskStatus.Reason.REASON_CONTAINER_LIMITATION_DISK, "too much"))
    world.acknowledge_all()
    assert world.ask("launch_nested_container_session", root, "s").text == (
        f"Parent container {root} is in 'DESTROYING' state"
    )


# ---- sessions


def test_a_session_joins_its_parent_and_ends_with_whoever_has_it() -> None:
    """It has the parent's sandbox and environment; its own termination can be asked for after it."""
    world = Asking()
    root = world.command_task(checkpoint=True)
    assert world.ask("launch_nested_container_session", root, "s", peer="me") is None
    spec = world.spec()
    assert (spec.inside, spec.sandbox, spec.is_kept) == (root, world.executor().sandbox, False)
    assert spec.env["MESOS_SANDBOX"] == world.executor().sandbox
    assert world.frame.writes == []
    world.launched(spec.container_id)
    assert world.answer("me") == words.Done()
    world.tell(events.AskerGone("me"))
    assert world.to_containers(DESTROYED) == [DESTROYED(spec.container_id)]
    world.exited(9, spec.container_id)
    assert world.ask("wait_container", root, "s") == Response.WaitContainer(exit_status=9)
    assert world.ask("remove_container", root, "s") == words.Done()  # its sandbox was its parent's


def test_a_session_whose_program_is_not_there_is_refused() -> None:
    """Nobody could say so on its output."""
    world = Asking()
    root = world.command_task()
    world.ask("launch_nested_container_session", root, "s", peer="me")
    text = "Failed to execute 'x': No such file or directory"
    world.tell(events.ContainerLaunchFailed(world.spec().container_id, text))
    assert world.answer("me") == Problem(Kind.BAD_REQUEST, text)
    assert world.ask("wait_container", root, "s").kind is Kind.NOT_FOUND


def test_sessions_in_every_kind_of_container() -> None:
    """A custom executor, a task in a group, its pod, a nested and a standalone container."""
    world = Asking()
    world.run(custom_task())
    world.launched()
    custom = world.executor().container_id
    assert world.ask("launch_nested_container_session", custom, "s", peer="1") is None
    assert world.spec().env["MESOS_EXECUTOR_ID"] == "e"

    pods = Asking()
    pods.run_group([task("a")])
    task_key = pods.spec().container_id
    pods.launched(task_key)
    pod = pods.executor().container_id
    assert pods.ask("launch_nested_container_session", pod, task_key, "s", peer="1") is None
    assert pods.spec().sandbox == f"{pods.executor().sandbox}/containers/{task_key}"
    assert (pods.spec().parent_id, pods.spec().inside) == (pod, task_key)
    assert pods.ask("launch_nested_container_session", pod, "s", peer="2") is None
    assert pods.spec().sandbox == pods.executor().sandbox
    nested = pods.launch(pod, "n")
    assert pods.ask("launch_nested_container_session", pod, "n", "s", peer="3") is None
    assert (pods.spec().inside, pods.spec().sandbox) == (nested, f"{pods.executor().sandbox}/containers/n")
    alone = pods.launch("alone")
    assert pods.ask("launch_nested_container_session", "alone", "s", peer="4") is None
    assert (pods.spec().inside, pods.spec().parent_id) == (alone, alone)


def test_askers_that_go_are_not_told() -> None:
    """And leave nothing behind."""
    world = Asking()
    root = world.command_task()
    key = world.launch(root, "n")
    world.ask("wait_container", root, "n", peer="a")
    world.ask("wait_container", root, "n", peer="b")
    world.tell(events.AskerGone("a"))
    world.tell(events.AskerGone("nobody"))
    world.exited(0, key)
    assert (world.to("a", object), len(world.to("b", object))) == ([], 1)
