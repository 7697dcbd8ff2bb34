"""One deployment: a plan, how far it has come, and what is kept of it.

Kept is between which trees it leads, and what people have said about it; not how far it has come. Who takes over begins
with the first step again, and what is done already is found to be done.
"""

from __future__ import annotations

from typing import Any

import attrs

from frameworks.marathon_py.definitions.groups import Group
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.terms import NONE, Terms, terms
from frameworks.marathon_py.definitions.trees import Spec
from frameworks.marathon_py.deployments import records
from frameworks.marathon_py.deployments.plan import Action, Kind, Plan, Step, plan, show_step
from frameworks.marathon_py.deployments.standing import Census
from frameworks.marathon_py.instances.instance import Instance
from mesos_py.machine.values import Nanos, seconds


@attrs.define(eq=False)
class Work:
    """An action that is under way."""

    deployment: Deployment
    action: Action
    census: Census
    terms: Terms
    #: it has started instances, or a predecessor may have: it is done when those are up
    waits: bool = False
    #: it has as many new instances as may come first, and they are up
    is_held: bool = False
    #: instances that are to end, and are told in frames to come
    doomed: list[Instance] = attrs.Factory(list)


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
    #: it takes another one back
    is_rollback: bool = False
    #: what goes on after its canaries
    approved: dict[PathId, None] = attrs.Factory(dict)
    #: how often new instances have ended that should not, of what has a limit
    failures: dict[PathId, int] = attrs.Factory(dict)

    @property
    def version(self) -> str:
        return self.plan.target.version

    @property
    def step(self) -> Step:
        """What is done at present."""
        return self.plan.steps[self.current - 1] if self.current else ()

    @property
    def held(self) -> tuple[PathId, ...]:
        """What has its canaries, and waits for somebody to say that it may continue."""
        return tuple(spec_id for spec_id, work in self.works.items() if work.is_held and work.terms.canary_s is None)

    @property
    def specs(self) -> list[Spec]:
        """What is to be, of all that it is about."""
        return [action.spec for step in self.plan.steps for action in step if action.kind is not Kind.STOP]

    def terms_of(self, spec: Spec) -> Terms:
        return NONE if self.is_rollback else terms(spec.labels)

    @property
    def deadline(self) -> Nanos | None:
        """When it has to be over."""
        found = [self.terms_of(spec).deadline_s for spec in self.specs]
        least = min((one for one in found if one is not None), default=None)
        return self.since + seconds(least) if least is not None else None

    def show_plan(self) -> dict[str, Any]:
        """As events have it. ``original`` and ``target`` were trees once; clients insist on them."""
        return {"id": self.id, "version": self.version, "original": {}, "target": {}, **self.plan.show()}

    def show_step(self) -> dict[str, Any]:
        return show_step(self.step)

    def record(self) -> bytes:
        return records.packed({
            "id": self.id, "original": self.plan.original.version, "target": self.version, "since": self.since,
            "rollback": self.is_rollback, "approved": list(self.approved), "failures": self.failures,
        })  # fmt: skip


def restored(contents: bytes, roots: dict[str, Group]) -> Deployment:
    """As it was kept. Raises ValueError, KeyError."""
    kept = records.unpacked(contents)
    original = roots[kept["original"]] if kept["original"] else Group()
    return Deployment(
        kept["id"], plan(original, roots[kept["target"]]), kept["since"], is_resumed=True,
        is_rollback=kept["rollback"], approved={PathId(one): None for one in kept["approved"]},
        failures={PathId(name): count for name, count in kept["failures"].items()},
    )  # fmt: skip
