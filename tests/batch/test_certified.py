"""What anybody's framework must keep (``mesos-py certify``), by the batch framework with something to do."""

from __future__ import annotations

from typing import Self

import pytest

from frameworks.batch import words
from frameworks.batch.fields import read
from frameworks.batch.job import Submission
from frameworks.batch.shell.program import BatchScheduler
from mesos_py.sdk.testing.certify import SCENARIOS, trial

BASE = {"command": "x", "resources": {"cpus": 0.5, "mem": 32}, "retry": {"max": 20, "delay_s": 1}}
JOBS = [
    {"name": "a", "array": "1-12%5", **BASE}, {"name": "g", "gang": 3, **BASE},
    {"name": "b", "depends": [{"job": "a", "on": "completion"}], **BASE},
]  # fmt: skip


class Busy(BatchScheduler):
    """Its first run has jobs; later ones find them."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        await self.ask(words.Submit(read(Submission, {"jobs": JOBS})))
        return self


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_it_keeps_its_promises(scenario: object) -> None:
    made = trial(Busy, scenario, 2)  # type: ignore[arg-type]
    assert made.breaches == ()
    assert made.tasks >= 8  # where hosts are lost for long there is no room for the gang, nor for all of the array
