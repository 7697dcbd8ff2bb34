"""All calls of the API."""

from __future__ import annotations

from frameworks.marathon_py.shell.api import apps, cluster, deployments, events, groups, pods, tasks
from frameworks.marathon_py.shell.api.events import Hub
from frameworks.marathon_py.shell.api.site import Row


def rows(hub: Hub) -> tuple[Row, ...]:
    """In the order in which they are tried."""
    return (*tasks.ROWS, *apps.ROWS, *groups.ROWS, *pods.ROWS, *deployments.ROWS, *cluster.ROWS, *events.rows(hub))
