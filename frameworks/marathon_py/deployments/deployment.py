"""One deployment: a plan, how far it has come, and what is kept of it.

Kept is between which trees it leads, and what people have said about it; not how far it has come. Who takes over begins
with the first step again, and what is done already is found to be done.
"""

from __future__ import annotations

from typing import Any

import attrs

from frameworks.marathon_py.definitions.groups import Group
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.deployments import records
from frameworks.marathon_py.deployments.plan import Action, Plan, Step, plan, show_step
from frameworks.marathon_py.deployments.standing import Census
from mesos_py.machine.values import Nanos


@attrs.define(eq=False)
class Work:
    """An action that is under way."""

    deployment: Deployment
    action: Action
    census: Census
    #: it has started instances, or a predecessor may have: it is done when those are up
    waits: bool = False


@attrs.define(eq=False)
class Deployment:
    """Changed by ``deployments.steps`` only."""

    id: str
    plan: Plan
    since: Nanos
    #: number of the step that is under way, from 1; 0: none is yet
    current: int = 0
    #: what is not done of it, by spec
    works: dict[PathId, Work] = attrs.Factory(dict)
    #: a predecessor has begun it
    is_resumed: bool = False

    @property
    def version(self) -> str:
        return self.plan.target.version

    @property
    def step(self) -> Step:
        """What is done at present."""
        return self.plan.steps[self.current - 1] if self.current else ()

    def show_plan(self) -> dict[str, Any]:
        """As events have it. ``original`` and ``target`` were trees once; clients insist on them."""
        return {"id": self.id, "version": self.version, "original": {}, "target": {}, **self.plan.show()}

    def show_step(self) -> dict[str, Any]:
        return show_step(self.step)

    def record(self) -> bytes:
        original, target = self.plan.original.version, self.plan.target.version
        return records.packed({"id": self.id, "original": original, "target": target, "since": self.since})


def restored(contents: bytes, roots: dict[str, Group]) -> Deployment:
    """As it was kept. Raises ValueError, KeyError."""
    kept = records.unpacked(contents)
    original = roots[kept["original"]] if kept["original"] else Group()
    return Deployment(kept["id"], plan(original, roots[kept["target"]]), kept["since"], is_resumed=True)
