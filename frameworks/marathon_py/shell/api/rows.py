"""All calls of the API."""

from __future__ import annotations

from functools import partial

from frameworks.marathon_py.shell.api import apps, cluster, deployments, events, groups, pods, queue, tasks, ui
from frameworks.marathon_py.shell.api.call import Call, answer
from frameworks.marathon_py.shell.api.events import Hub
from frameworks.marathon_py.shell.api.openapi import document
from frameworks.marathon_py.shell.api.site import Row
from mesos_py.web.router import Answer


def rows(hub: Hub) -> tuple[Row, ...]:
    """In the order in which they are tried."""
    calls = (
        *tasks.ROWS, *apps.ROWS, *groups.ROWS, *pods.ROWS, *deployments.ROWS, *queue.ROWS, *cluster.ROWS,
        *events.rows(hub),
    )  # fmt: skip
    return (*calls, Row(method="GET", path="/openapi.json", handler=partial(_described, calls)), *ui.ROWS)


async def _described(calls: tuple[Row, ...], call: Call) -> Answer:
    """The OpenAPI document."""
    return answer(document(calls))
