"""What no store could keep is refused to whoever says it, and ends no master."""

from __future__ import annotations

import pytest

from mesos_py.machine.problem import Problem
from mesos_py.master.events import ChangeQuota, ChangeWeights, SetQuota
from mesos_py.master.validation.records import RECORD_BYTES_MAX, ROLE_BYTES_MAX
from mesos_py.wire.quota import QuotaConfig, QuotaRequest
from mesos_py.wire.role import WeightInfo
from mesos_py.wire.value import Value
from tests import builders
from tests.master.world import World

LONG = "x" * (ROLE_BYTES_MAX + 1)
MANY = [f"resource{number}" for number in range(RECORD_BYTES_MAX // 10)]
LIMITS = {name: Value.Scalar(value=1.0) for name in MANY}


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (ChangeWeights((WeightInfo(role=LONG, weight=2.0),)), "cannot have more than 4096 bytes, not 4097"),
        (ChangeQuota((QuotaConfig(role=LONG),), force=True), "cannot have more than 4096 bytes, not 4097"),
        (ChangeQuota((QuotaConfig(role="a", limits=LIMITS),), force=True), "bytes, more than 262144"),
        (SetQuota(QuotaRequest(role=LONG, guarantee=builders.resources(cpus=1))), "cannot have more than 4096 bytes"),
        (SetQuota(QuotaRequest(role="a", guarantee=builders.resources(**dict.fromkeys(MANY, 1)))), "more than 262144"),
    ],
    ids=["weight", "quota", "limits", "guarantee", "guarantees"],
)  # fmt: skip
def test_what_is_too_much_is_refused(said: ChangeWeights | ChangeQuota | SetQuota, text: str) -> None:
    world = World()
    world.recover()
    reply = world.apply(type(said), said).reply
    assert isinstance(reply, Problem)
    assert text in reply.text
    assert len(reply.text) < 1000
    assert world.frames[-1].writes == []


def test_what_is_just_not_too_much_is_kept() -> None:
    world = World()
    world.recover()
    assert world.apply(ChangeWeights, ChangeWeights((WeightInfo(role=LONG[1:], weight=2.0),))).reply is None
    assert list(world.master.registry.weights) == [LONG[1:]]
