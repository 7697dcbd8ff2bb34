"""What has ended is remembered for people to see."""

from __future__ import annotations

import pytest

from frameworks.marathon_py.definitions.pods import Pod, complete_pod, read_pod
from frameworks.marathon_py.instances.failures import ENDED_MAX
from mesos_py.wire.task import TaskState
from tests.marathon.app_of import SETTINGS, app_of
from tests.marathon.world import world_of


def pod() -> Pod:
    container = {"exec": {"command": {"shell": "x"}}, "resources": {}}
    containers = [{"name": "a", **container}, {"name": "b", **container}]
    given = {"id": "/pod", "containers": containers, "scheduling": {"backoff": {"backoff": 0}}}
    return complete_pod(read_pod(given), SETTINGS)


@pytest.mark.parametrize(
    ("state", "is_failure"),
    [
        (TaskState.TASK_FAILED, True), (TaskState.TASK_ERROR, True), (TaskState.TASK_LOST, True),
        (TaskState.TASK_DROPPED, True), (TaskState.TASK_GONE, True), (TaskState.TASK_UNKNOWN, True),
        (TaskState.TASK_FINISHED, False), (TaskState.TASK_KILLED, False),
    ],
)  # fmt: skip
def test_failures_of_an_app(state: TaskState, is_failure: bool) -> None:
    world = world_of(app_of())
    world.run()
    (instance,) = world.of()
    placed, version = instance.placed, instance.spec.version
    assert placed is not None
    world.end(world.alive()[0], state, message="why")
    for _ in range(2):
        failure = world.core.failures.get("/web")
        assert (failure is not None) is is_failure
        if failure is not None:
            assert (failure.task_id, failure.state) == (f"{instance.id}._app.1", state.name)
            assert (failure.message, failure.hostname, failure.version) == ("why", placed.hostname, version)
        world.start()


def test_what_flaps_is_seen_and_what_was_asked_for_is_not() -> None:
    """The last ends, whatever they were, but kills that somebody wanted; a new leader knows them."""
    world = world_of(app_of())
    for _ in range(ENDED_MAX + 2):
        world.settle(40)
        world.end(world.alive()[0], TaskState.TASK_FINISHED, message="done")
    world.settle(40)
    world.kill(world.of()[0].id)
    world.settle(3)
    for _ in range(2):
        history = world.core.histories["/web"]
        assert len(history) == ENDED_MAX
        assert {(one.state, one.message) for one in history} == {("TASK_FINISHED", "done")}
        assert all(one.started_at is not None and one.started_at < one.at for one in history)
        assert world.core.failures == {}
        world.start()


def test_instances_of_a_pod() -> None:
    """One entry for each incarnation, with what its containers said, and the last of them only."""
    world = world_of(pod())
    world.run()
    (instance,) = world.of("/pod")
    world.end(instance.tasks["b"].id, TaskState.TASK_FAILED, message="Command exited with status 3")
    assert world.core.ended == {}, "the other one runs still"
    assert world.conditions("/pod") == ["Failed"]
    world.end(instance.tasks["a"].id, TaskState.TASK_KILLED, message="Command terminated with signal Terminated")
    for _ in range(2):
        (ended,) = world.core.ended["/pod"]
        assert (ended.instance_id, ended.message) == (instance.id, "Command exited with status 3")
        assert [(one.name, one.state, one.exit_code) for one in ended.containers] == [
            ("a", "TASK_KILLED", None), ("b", "TASK_FAILED", 3),
        ]  # fmt: skip
        assert ended.started_at is not None
        world.start()
    for _ in range(ENDED_MAX + 2):
        world.run()
        (instance,) = world.of("/pod")
        for task in list(instance.tasks.values()):
            world.end(task.id)
    assert len(world.core.ended["/pod"]) == ENDED_MAX
    assert world.core.ended["/pod"][-1].containers[0].task_id.endswith(f".{ENDED_MAX + 3}")


def test_what_is_no_more_is_not_remembered() -> None:
    world = world_of(app_of(backoffSeconds=0))
    world.run()
    world.end(world.alive()[0])
    world.run()
    assert {"marathon/failure/web", "marathon/history/web"} < {*world.records}
    world.define()
    assert world.core.failures, "it ends still"
    world.run()
    assert world.core.failures == {}
    assert not {"marathon/failure/web", "marathon/history/web"} & {*world.records}
