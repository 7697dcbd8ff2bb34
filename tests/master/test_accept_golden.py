"""Every ACCEPT that a C++ master was given and refused (or took) is given to ours: same operations, same answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from mesos_py.wire.codec import json as codec
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.ids import OfferID
from mesos_py.wire.internal import ExitedExecutor
from mesos_py.wire.offer import Offer
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.task import TaskState, TaskStatus
from tests import builders
from tests.golden import golden_dir
from tests.master.world import AgentDouble, Scheduler, World

MASTER = "19eccc43-7f67-4c5c-ae3d-204f17c6e430"


def cases() -> Iterator[tuple[str, str, str, list[dict[str, Any]]]]:
    """Name, operations, answer and the master's own statuses of each case, in order; ids are ours."""
    text = (golden_dir() / "scheduler" / "invalid_tasks.txt").read_text()
    text = text.replace(f"{MASTER}-S0", "m-S0").replace(f"{MASTER}-0008", "m-0000")
    for case in text.split("=== ")[1:]:
        name, *lines = case.splitlines()
        operations = next(line for line in lines if line.startswith(">>> ")).partition("operations: ")[2]
        answer = next(line for line in lines if line.startswith("<<< "))
        events = [json.loads(line[6:])["update"]["status"] for line in lines if line.startswith("EVENT ")]
        yield name, operations, answer, [event for event in events if event["source"] == "SOURCE_MASTER"]


def told(statuses: list[TaskStatus]) -> list[dict[str, Any]]:
    return [codec.to_value(status) for status in statuses if status.source is TaskStatus.Source.SOURCE_MASTER]


def offer_ids(name: str, scheduler: Scheduler) -> tuple[OfferID, ...]:
    """Which offers a case accepts; the capture tells only by its name."""
    if name == "empty offer ids":
        return ()
    if name == "invalid offer id":
        return (OfferID("bogus-offer"),)
    (offer,) = scheduler.offers()
    if name == "already declined offer":
        scheduler.decline(offer.id)
    return (offer.id, offer.id) if name == "duplicate offer ids" else (offer.id,)


def without_times(status: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in status.items() if key != "timestamp"}


def launch_executor(world: World, scheduler: Scheduler, executor: ExecutorInfo) -> None:
    scheduler.accept(scheduler.offers(), builders.launch_group(executor, builders.task("first", cpus=0.1, mem=32)))
    assert "first" in world.state.frameworks[scheduler.id].tasks


def finish_all(world: World, scheduler: Scheduler, agent: AgentDouble) -> None:
    for task_id in list(world.state.frameworks[scheduler.id].tasks):
        scheduler.acknowledge(agent.update(scheduler.id, task_id, TaskState.TASK_FINISHED))
    for executor_id in list(world.state.agents[agent.id].executors.get(scheduler.id, ())):
        if executor_id != "g1":
            agent.say(ExitedExecutor(framework_id=scheduler.id, executor_id=executor_id, status=0))


def test_every_captured_accept_is_answered_alike() -> None:
    """Status by status: fields, texts and reasons; only times and offer ids differ."""
    world = World()
    info = builders.agent_info(
        cpus=64, resources=(*builders.resources(64, 65536, 100000), builders.ports((31000, 32000)))
    )
    agent = world.agent(info)
    scheduler = world.scheduler(checkpoint=False)
    compared = 0
    for name, operations, answer, expected in cases():
        if " 400 " in answer or name == "op unknown type":
            continue  # never reaches a core
        if name == "reuse id of completed task":
            scheduler.acknowledge(agent.update(scheduler.id, "dupL", TaskState.TASK_KILLED))
        world.advance(6)
        if name == "LAUNCH_GROUP empty":
            # There it left an executor behind, which ours does not; so it has something to do first.
            executor = operations.partition('"executor": ')[2].partition(', "task_group"')[0]
            launch_executor(world, scheduler, codec.decode(ExecutorInfo, executor))
            world.advance(6)
        decoded = tuple(codec.from_value(Offer.Operation, operation) for operation in json.loads(operations))
        ids = offer_ids(name, scheduler)
        scheduler.unread[:] = [word for word in scheduler.unread if word.offers is not None]
        scheduler.call(Call.Type.ACCEPT, accept=Call.Accept(offer_ids=ids, operations=decoded))
        answers = [without_times(status) for status in told(scheduler.statuses())]
        wanted = [without_times(status) for status in expected]
        if name in ("already declined offer", "duplicate offer ids"):
            wanted = [status | {"message": _with_our_offer(status["message"], ids[0])} for status in wanted]
        assert answers == wanted, name
        compared += len(wanted)
        if name not in ("launch long for dup", "duplicate id of running task"):
            finish_all(world, scheduler, agent)
    assert compared == 41


def _with_our_offer(text: str, offer_id: str) -> str:
    return " ".join(offer_id if word.startswith(f"{MASTER}-O") else word for word in text.split(" "))


@pytest.mark.parametrize("field", ["message", "source", "reason", "agent_id", "timestamp"])
def test_a_refusal_names_everything_but_a_uuid(field: str) -> None:
    """TASK_ERROR has message, source, reason, agent and time, and nothing that asks for an acknowledgement."""
    world = World()
    world.agent()
    scheduler = world.scheduler()
    scheduler.launch(builders.task("a/b"))
    (status,) = scheduler.statuses()
    assert getattr(status, field) is not None
    assert status.uuid is None
    assert status.executor_id is None
