"""What is to be done about a change of definitions: a pure function of the tree before and the tree after.

=============  =====================================================  ==============================
step           what                                                   action
=============  =====================================================  ==============================
first          all that is no more                                    Stop
second         all that is new, with no instance yet                  Start
then, in the   new, or other numbers, or nothing is to run            Scale
order of       other instances                                        Restart
dependencies   nothing that matters differs                           (none)
=============  =====================================================  ==============================

One step of the last kind is for everything that depends on nothing, the next for what depends on the former, and so
on. What is in one step is done at the same time, and a step begins when the one before is over. Steps of nothing are
left out. Source: mesosphere/marathon .../core/deployment/DeploymentPlan.scala.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import attrs

from frameworks.marathon_py.definitions import groups, trees
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.groups import Group
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import Pod
from frameworks.marathon_py.definitions.trees import Spec
from frameworks.marathon_py.definitions.versioning import needs_restart


class Kind(enum.Enum):
    """Of an action; the value begins its name."""

    START = "Start"
    STOP = "Stop"
    SCALE = "Scale"
    RESTART = "Restart"


@attrs.frozen
class Action:
    """``spec`` is what is to be; of a STOP, what was."""

    kind: Kind
    spec: Spec

    @property
    def spec_id(self) -> PathId:
        return PathId(self.spec.id)

    def show(self) -> dict[str, str]:
        """As clients see it."""
        if isinstance(self.spec, App):
            return {"action": f"{self.kind.value}Application", "app": self.spec.id}
        return {"action": f"{self.kind.value}Pod", "pod": self.spec.id}


Step = tuple[Action, ...]


@attrs.frozen(eq=False)
class Plan:
    """How ``original`` becomes ``target``."""

    original: Group
    target: Group
    steps: tuple[Step, ...]

    @property
    def affected(self) -> dict[PathId, None]:
        """What it is about."""
        return {action.spec_id: None for step in self.steps for action in step}

    def show(self) -> dict[str, Any]:
        """As clients see it."""
        return {"steps": [show_step(step) for step in self.steps]}


def show_step(step: Step) -> dict[str, Any]:
    return {"actions": [action.show() for action in step]}


def plan(original: Group, target: Group) -> Plan:
    """Definitions have versions."""
    changed = trees.differences(original, target)
    stopped = tuple(Action(Kind.STOP, old) for old, new in changed.values() if old is not None and _is_gone(old, new))
    started = tuple(Action(Kind.START, new) for old, new in changed.values() if new is not None and _is_new(old, new))
    classes: dict[int, list[Action]] = {}
    actions = [action for old, new in changed.values() if (action := _action(old, new)) is not None]
    if actions:
        levels = dependency_classes(target)
        for action in actions:
            classes.setdefault(levels.get(action.spec_id, 0), []).append(action)
    steps = (stopped, started, *(tuple(classes[level]) for level in sorted(classes)))
    return Plan(original, target, tuple(step for step in steps if step))


def _is_gone(old: Spec, new: Spec | None) -> bool:
    return new is None or type(new) is not type(old)


def _is_new(old: Spec | None, new: Spec) -> bool:
    return old is None or type(new) is not type(old)


def _action(old: Spec | None, new: Spec | None) -> Action | None:
    if new is None:
        return None
    if old is None or _is_new(old, new):
        return Action(Kind.SCALE, new)
    if is_replaced(old, new):
        return Action(Kind.RESTART if new.instances else Kind.SCALE, new)
    return Action(Kind.SCALE, new) if old.instances != new.instances else None


def is_replaced(old: Spec, new: Spec) -> bool:
    """Instances of the one are no instances of the other."""
    if isinstance(old, App) and isinstance(new, App):
        return needs_restart(old, new)
    if isinstance(old, Pod) and isinstance(new, Pod):
        return needs_restart(old, new)
    return True


def dependency_classes(root: Group) -> Mapping[PathId, int]:
    """For each app and pod the length of its longest way to something that depends on nothing; what is not here depends
    on nothing. There are no cycles."""
    if not groups.has_dependencies(root):
        return {}
    needs = groups.dependencies(root)
    level: dict[PathId, int] = {}
    for start in needs:
        open_ = [start]
        while open_:
            path = open_[-1]
            missing = [one for one in needs[path] if one not in level]
            if missing and path not in level:
                open_ += missing
            else:
                level[path] = max((level[one] + 1 for one in needs[path]), default=0)
                open_.pop()
    return level
