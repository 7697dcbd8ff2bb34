"""Every status a scheduler was seen to get from a C++ agent, and ours in the same place: field by field, in order."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from mesos_py.agent import events
from mesos_py.executor.checks import CHECK, HEALTH
from mesos_py.executor.targets import Found
from mesos_py.wire.codec import json as codec
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.health import CheckInfo, HealthCheck
from tests import builders
from tests.agent.world import TASK_KILLING_STATE, World, framework, task
from tests.golden import golden_dir

#: What is the same in both worlds.
SAME = ("state", "message", "source", "reason", "check_status", "healthy")


def captured(stream: str, task_id: str) -> list[dict[str, Any]]:
    """The statuses of one task, as the captured stream has them."""
    found = []
    for line in (golden_dir() / "scheduler" / stream).read_text().splitlines():
        if line.startswith('{"type":"UPDATE"'):
            status = json.loads(line)["update"]["status"]
            if status["task_id"]["value"] == task_id and status["source"] != "SOURCE_MASTER":
                found.append(status)
    return found


def shell(world: World, task_id: str, value: str | None, **fields: Any) -> None:
    world.run(task(task_id, command=CommandInfo(value=value), **fields))


def finished(world: World, task_id: str) -> None:
    shell(world, task_id, "true")
    world.launched()
    world.exited(0)


def failed(world: World, task_id: str, status: int = 5 << 8) -> None:
    shell(world, task_id, "exit 5")
    world.launched()
    world.exited(status)


def gave_up(world: World, task_id: str) -> None:
    shell(world, task_id, None)
    world.launched()
    world.exited(0)


def not_executed(world: World, task_id: str) -> None:
    world.run(task(task_id, command=CommandInfo(shell=False, value="/bin/nonexistent")))
    world.launched()
    world.exited(1 << 8)


def not_fetched(world: World, task_id: str) -> None:
    shell(world, task_id, "true")
    container_id = "2ef94fcc-64ca-40ef-89c2-39a2e3c02279"
    text = f"Failed to fetch all URIs for container '{container_id}': exited with status 1"
    world.tell(events.ContainerLaunchFailed(world.executor().container_id, text))


def no_user(world: World, task_id: str) -> None:
    shell(world, task_id, "true")
    text = captured("stream_invalid.txt", task_id)[0]["message"]
    world.tell(events.ContainerLaunchFailed(world.executor().container_id, text))


def executor_exited(world: World, task_id: str) -> None:
    world.run(task(task_id, executor=builders.executor("e32")))
    world.launched()
    world.exited(0)


def killed_in_a_group(world: World, task_id: str) -> None:
    """pod-a and pod-b; the second has a check."""
    check = CheckInfo(type=CheckInfo.Type.COMMAND, command=CheckInfo.Command(command=CommandInfo(value="true")))
    by = framework(capabilities=(TASK_KILLING_STATE,))
    world.run_group([task("pod-a"), task("pod-b", check=check)], by=by)
    containers = list(world.executor().nested)
    for container_id in containers:
        world.launched(container_id)
    world.tell(events.Probed(containers[1], CHECK, Found(4 << 8)))
    world.kill("pod-a")
    for container_id in list(world.executor().nested):
        world.exited(15, container_id)


def healthy(world: World, task_id: str) -> None:
    check = HealthCheck(type=HealthCheck.Type.COMMAND, command=CommandInfo(value="true"), delay_seconds=0.0)
    shell(world, task_id, "sleep 1000", health_check=check)
    world.launched()
    world.tell(events.Probed(world.executor().container_id, HEALTH, Found(0)))


SITUATIONS: dict[tuple[str, str], Callable[[World, str], None]] = {
    ("stream_running.txt", "quick-1"): finished,
    ("stream_running.txt", "fail-1"): failed,
    ("stream_running.txt", "pod-a"): killed_in_a_group,
    ("stream_running.txt", "pod-b"): killed_in_a_group,
    ("stream_running.txt", "long-1"): healthy,
    ("stream_invalid.txt", "x27b"): gave_up,
    ("stream_invalid.txt", "x27c"): not_executed,
    ("stream_invalid.txt", "x29b"): lambda world, task_id: failed(world, task_id, 9),
    ("stream_invalid.txt", "x30"): not_fetched,
    ("stream_invalid.txt", "x31"): no_user,
    ("stream_invalid.txt", "x32"): executor_exited,
}


@pytest.mark.parametrize(("stream", "task_id"), SITUATIONS)
def test_statuses_are_those_of_mesos(stream: str, task_id: str) -> None:
    """The same statuses in the same order, with the same fields in the same order and the same texts."""
    world = World()
    SITUATIONS[stream, task_id](world, task_id)
    ours = [codec.to_value(status) for status in heard(world, task_id)]
    theirs = captured(stream, task_id)
    assert [one["state"] for one in ours] == [one["state"] for one in theirs]
    for mine, captured_ in zip(ours, theirs, strict=True):
        assert list(mine) == list(captured_), mine["state"]
        assert {name: mine.get(name) for name in SAME} == {name: captured_.get(name) for name in SAME}
        if "container_status" in captured_:
            fields, theirs_ = list(mine["container_status"]), list(captured_["container_status"])
            if mine["state"] == "TASK_STARTING":  # there the container may run already, here it never does
                theirs_ = [name for name in theirs_ if name in fields]
            assert fields == theirs_, mine["state"]
            assert list(mine["container_status"]["container_id"]) == list(
                captured_["container_status"]["container_id"]
            )


def heard(world: World, task_id: str) -> list[Any]:
    """What the framework got: every update, acknowledged one by one."""
    world.acknowledge_all()
    return [update.status for update in world.said if update.status.task_id == task_id]
