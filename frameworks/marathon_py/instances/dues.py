"""What the core tells its future self about instances: timers that are due."""

from __future__ import annotations

from mesos_py.machine.values import value


@value
class ScaleDue:
    """It is time to look whether what there is is what is defined."""


@value
class KillsDue:
    """What should be dead by now is to be killed again."""


@value
class UnreachableDue:
    """An instance may have been out of reach for long enough."""

    instance_id: str


@value
class OverdueDue:
    """An instance should run by now."""

    instance_id: str


@value
class ProbeDue:
    """A health check of ours is to be made."""

    instance_id: str
    incarnation: int
    index: int


@value
class ReadinessDue:
    """An instance is to be asked whether it is ready."""

    instance_id: str
