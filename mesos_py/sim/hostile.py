"""Calls that a scheduler has no business to make, but can: each is well formed, none may harm anybody else.

Ids are guessed as an attacker would guess them (offers and agents are numbered), amounts are absurd, lists repeat
themselves. What the HTTP endpoint refuses by itself (``master/validation/calls.py``) is not made here.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from mesos_py.sim.book import resources
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.ids import AgentID, ExecutorID, OfferID, TaskID
from mesos_py.wire.offer import Filters, Offer
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.task import TaskInfo

AMOUNTS = (0.0, -1.0, 1e-9, 0.0005, 1e15, 1e308, float("inf"), float("nan"))
REFUSALS = (0.0, -5.0, 1e18, float("inf"), float("nan"), 3600.0)
Type = Call.Type


def draw(rng: random.Random, tasks: Sequence[TaskID], offers: Sequence[OfferID]) -> tuple[Type, dict[str, Any]]:
    """One call's type and payload; ``tasks`` and ``offers`` are the scheduler's own."""
    agent_id = AgentID(f"m0-S{rng.randint(0, 6)}")
    task_id = rng.choice([*tasks, TaskID("nobody"), TaskID("x" * 300), TaskID("../..")])
    executor_id = ExecutorID(rng.choice([f"x-{task_id}", task_id, "nobody"]))
    kind = rng.randrange(9)
    if kind == 0:
        return Type.KILL, {"kill": Call.Kill(task_id=task_id, agent_id=rng.choice((None, agent_id)))}
    if kind == 1:
        uuid = rng.getrandbits(128).to_bytes(16, "big")
        return Type.ACKNOWLEDGE, {"acknowledge": Call.Acknowledge(agent_id=agent_id, task_id=task_id, uuid=uuid)}
    if kind == 2:
        return Type.ACCEPT, {"accept": _accept(rng, task_id, agent_id, offers)}
    if kind == 3:
        filters = Filters(refuse_seconds=rng.choice(REFUSALS))
        return Type.DECLINE, {"decline": Call.Decline(offer_ids=_offers(rng, offers), filters=filters)}
    if kind == 4:
        asked = Call.Reconcile.Task(task_id=task_id, agent_id=rng.choice((None, agent_id)))
        return Type.RECONCILE, {"reconcile": Call.Reconcile(tasks=(asked,) * rng.choice((1, 3)))}
    if kind == 5:
        return Type.SHUTDOWN, {"shutdown": Call.Shutdown(executor_id=executor_id, agent_id=agent_id)}
    if kind == 6:
        return Type.MESSAGE, {"message": Call.Message(agent_id=agent_id, executor_id=executor_id, data=b"\0" * 100)}
    if kind == 7:
        return Type.REVIVE, {"revive": Call.Revive(roles=(rng.choice(("nobody", "..", "*", "r1")),))}
    return Type.REQUEST, {"request": Call.Request()}


def _offers(rng: random.Random, own: Sequence[OfferID]) -> tuple[OfferID, ...]:
    """Guessed, repeated, mixed with one of its own."""
    guessed = [OfferID(f"m0-O{rng.randint(0, 200)}") for _ in range(rng.randint(0, 3))]
    return tuple([*guessed, *rng.sample(list(own), min(len(own), rng.randint(0, 1)))] * rng.choice((1, 1, 2)))


def _accept(rng: random.Random, task_id: TaskID, agent_id: AgentID, own: Sequence[OfferID]) -> Call.Accept:
    task = TaskInfo(
        name="hostile", task_id=task_id, agent_id=agent_id, command=CommandInfo(value="fate"),
        resources=resources(cpus=rng.choice(AMOUNTS), mem=rng.choice(AMOUNTS)),
    )  # fmt: skip
    launch = Offer.Operation(type=Offer.Operation.Type.LAUNCH, launch=Offer.Operation.Launch(task_infos=(task, task)))
    filters = Filters(refuse_seconds=rng.choice(REFUSALS))
    return Call.Accept(offer_ids=_offers(rng, own), operations=(launch,) * rng.choice((0, 1, 2)), filters=filters)
