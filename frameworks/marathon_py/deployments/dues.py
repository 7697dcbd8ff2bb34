"""What deployments tell their future selves. Pure values."""

from __future__ import annotations

from frameworks.marathon_py.definitions.paths import PathId
from mesos_py.machine.values import value


@value
class DeadlineDue:
    """A deployment has to be over."""

    deployment_id: str


@value
class MoreDue:
    """There is more to be done about a spec than one frame has done."""

    spec_id: PathId


@value
class CanaryDue:
    """Canaries have been up for as long as is asked for."""

    spec_id: PathId
