"""What deployments tell their future selves. Pure values."""

from __future__ import annotations

from frameworks.marathon_py.definitions.paths import PathId
from mesos_py.machine.values import value


@value
class DeadlineDue:
    """A deployment has to be over."""

    deployment_id: str


@value
class CanaryDue:
    """Canaries have been up for as long as is asked for."""

    spec_id: PathId
