"""What anybody's framework must keep (``mesos-py certify``), by Marathon with an app to keep running."""

from __future__ import annotations

from typing import Self

import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions import legacy
from frameworks.marathon_py.definitions.settings import Settings
from frameworks.marathon_py.shell.program import MarathonScheduler
from mesos_py.sdk.testing.certify import SCENARIOS, Scenario, trial

APP = {"id": "/web", "cmd": "serve", "cpus": 0.2, "mem": 16, "instances": 4}


class Busy(MarathonScheduler):
    """It is told again at the beginning of each run what it has kept already."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        given = legacy.translate(legacy.read_given(APP), Settings())
        await self.ask(words.PutApps((given,), partial=True, force=True))
        return self


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_it_keeps_its_promises(scenario: Scenario) -> None:
    made = trial(Busy, scenario, 2)
    assert made.breaches == ()
    assert made.tasks >= 4
