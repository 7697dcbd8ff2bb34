"""How the instances of one spec stand while a deployment works on it, counted as they change.

Whatever is decided about them follows from how many there are of each standing, never from what was done before: so a
leader that takes over in the middle goes on as the one before would have.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping

import attrs

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.trees import Spec
from frameworks.marathon_py.deployments.plan import is_replaced
from frameworks.marathon_py.instances.instance import Condition, Goal, Instance


class Standing(enum.IntEnum):
    """Of an instance. Of former versions those come first that are missed least."""

    #: of a former version: out of reach for so long that it does not count
    OLD_LOST = -1
    #: of a former version: nowhere
    OLD_DOWN = 0
    #: of a former version: out of reach, being killed, or not running yet
    OLD_COMING = 1
    #: of a former version: runs, and its checks say that it is ill; have said nothing yet; say that it is well
    OLD_ILL = 2
    OLD_UNSURE = 3
    OLD_UP = 4
    #: of this version: not running, not healthy or not ready yet
    NEW = 5
    #: of this version: healthy and ready
    NEW_UP = 6
    #: not wanted any more, and there still
    LEAVING = 7
    #: not there, and not counted: stopped with its data, or out of reach for too long
    AWAY = 8


#: of former versions, those that are there; and all that count
OLD_ACTIVE = (Standing.OLD_COMING, Standing.OLD_ILL, Standing.OLD_UNSURE, Standing.OLD_UP)
COUNTED = (Standing.OLD_DOWN, *OLD_ACTIVE, Standing.NEW, Standing.NEW_UP)


def standing(instance: Instance, spec: Spec) -> Standing:
    """``spec`` is what there is to be."""
    if instance.goal is not Goal.RUNNING:
        return Standing.LEAVING if instance.is_active else Standing.AWAY
    if not is_replaced(instance.spec, spec):
        if not instance.is_current:
            return Standing.AWAY
        return Standing.NEW_UP if is_up(instance) else Standing.NEW
    if not instance.is_active:
        return Standing.OLD_DOWN if instance.is_current else Standing.OLD_LOST
    if instance.condition is not Condition.RUNNING:
        return Standing.OLD_COMING
    if instance.is_well:
        return Standing.OLD_UP
    return Standing.OLD_ILL if instance.healthy is False else Standing.OLD_UNSURE


def is_up(instance: Instance) -> bool:
    """It is healthy, and was ready once."""
    return instance.is_well and (instance.is_ready or not has_readiness_checks(instance.spec))


def has_readiness_checks(spec: Spec) -> bool:
    return isinstance(spec, App) and bool(spec.readiness_checks)


@attrs.define(eq=False)
class Census:
    """The instances of a spec by standing, in the order in which they got it."""

    spec: Spec
    by_standing: dict[Standing, dict[str, Instance]] = attrs.Factory(lambda: {one: {} for one in Standing})
    _of: dict[str, Standing] = attrs.Factory(dict)

    def look(self, name: str, instance: Instance | None) -> bool:
        """It stands as it does now; None: it is no more. False: as before."""
        now = standing(instance, self.spec) if instance is not None else None
        before = self._of.pop(name, None)
        if instance is not None and now is not None:
            self._of[name] = now
        if now is before:
            return False
        if before is not None:
            del self.by_standing[before][name]
        if instance is not None and now is not None:
            self.by_standing[now][name] = instance
        return True

    def count(self, *standings: Standing) -> int:
        return sum(len(self.by_standing[one]) for one in standings)

    def all(self, *standings: Standing) -> list[Instance]:
        return [instance for one in standings for instance in self.by_standing[one].values()]

    def check(self, instances: Mapping[str, Instance]) -> None:
        """Everybody stands where he was seen last."""
        assert self._of.keys() == instances.keys(), (self._of.keys(), instances.keys())
        for name, instance in instances.items():
            assert self._of[name] is standing(instance, self.spec), (instance, self._of[name])
            assert self.by_standing[self._of[name]][name] is instance
        assert sum(map(len, self.by_standing.values())) == len(instances)

    @classmethod
    def of(cls, spec: Spec, instances: Iterable[Instance]) -> Census:
        made = cls(spec)
        for instance in instances:
            made.look(instance.id, instance)
        return made
