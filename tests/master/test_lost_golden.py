"""An agent lost, back and marked gone, as captured from a C++ master: the same words in the same order, field by field.

Compared is what the master says of its own: statuses without uuid, and FAILURE. Times and ids of agents differ.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from mesos_py.wire.codec import json as codec
from mesos_py.wire.container import ContainerStatus
from mesos_py.wire.ids import ContainerID
from mesos_py.wire.scheduler_api import Event
from mesos_py.wire.task import TaskState
from tests import builders
from tests.builders import CAPABILITY
from tests.golden import golden_dir
from tests.master.world import World

TIMES = ("timestamp", "unreachable_time")


def captured(name: str) -> list[dict[str, Any]]:
    """The master's own words."""
    lines = (golden_dir() / "extras" / name).read_text().splitlines()
    return [word for line in lines if line.startswith('{"type":"') for word in own(json.loads(line))]


def own(word: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The word without what differs from run to run, if it is the master's own and about the lost agent."""
    if word["type"] == "FAILURE":
        yield {"type": "FAILURE", "fields": sorted(word["failure"])}
    status = word.get("update", {}).get("status", {})
    if word["type"] == "UPDATE" and "uuid" not in status:
        times = {key for key in TIMES if key in status}
        told = {key: value for key, value in status.items() if key not in (*TIMES, "agent_id", "container_status")}
        yield {"type": "UPDATE", "times": sorted(times), "has": sorted(status), **told}


@pytest.mark.parametrize(
    ("capture", "task_id", "capabilities"),
    [
        ("sched_stream_agent_lost_partition_aware.txt", "part-1", (CAPABILITY.PARTITION_AWARE,)),
        ("sched_stream_agent_lost_plain.txt", "lost-1", ()),
    ],
)
def test_lost_asked_about_back_and_gone(capture: str, task_id: str, capabilities: tuple[CAPABILITY, ...]) -> None:
    """1 launched and running 2 silent, so lost 3 reconciled (the capture has it for one of them) 4 back 5 gone."""
    expected = captured(capture)
    world = World()
    agent, scheduler = world.agent(), world.scheduler(capabilities=capabilities)
    scheduler.launch(builders.task(task_id))
    container = ContainerStatus(container_id=ContainerID(value="c"), executor_pid=1)
    agent.update(scheduler.id, task_id, TaskState.TASK_RUNNING, container_status=container)
    task = next(iter(world.state.frameworks[scheduler.id].tasks.values())).wire()
    agent.fall_silent()
    world.advance(100)
    words = scheduler.take()
    if any(word.get("message", "").startswith("Reconciliation") for word in expected):
        scheduler.reconcile((task_id, agent.id))
        words += scheduler.take()
    agent.reregister(tasks=(task,), frameworks=(scheduler.info,))
    world.mark_gone(agent.id)
    words += scheduler.take()
    told = [word for word in words if word.type in (Event.Type.UPDATE, Event.Type.FAILURE)]
    assert [line for word in told for line in own(codec.to_value(word))] == expected
