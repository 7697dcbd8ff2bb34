"""Answers to what is refused: JSON with a ``message``, and ``details`` or ``deployments`` where clients look for them.

Source: mesosphere/marathon .../api/JsonExceptionMapper.scala, docs/docs/rest-api/public/api/v2/types/error.raml.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from frameworks.marathon_py.definitions.fields import Violation, grouped
from frameworks.marathon_py.words import Refused
from mesos_py.web.response import JSON, REASONS, Headers, HttpError, Response

INVALID_JSON = "Invalid JSON"
INVALID_OBJECT = "Object is not valid"
NO_JSON = "Please specify data in JSON format"


class Answered(HttpError):
    """That is the answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status, "")
        self.response = response


class Failed(Answered):
    """The answer to a request that has changed nothing."""

    def __init__(self, status: int, message: str = "", headers: Headers = (), **more: Any) -> None:
        body = {"message": message or REASONS[status], **more}
        super().__init__(Response(status, orjson.dumps(body), JSON, headers))


def invalid(violations: Iterable[Violation], message: str = INVALID_OBJECT) -> Failed:
    """422 with the texts of each path."""
    return Failed(422, message, details=grouped(violations))


def refused(reply: Refused) -> Failed:
    """What the core has said no to."""
    more: dict[str, Any] = {}
    if reply.details:
        more["details"] = grouped(reply.details)
    if reply.deployments:
        more["deployments"] = [{"id": one} for one in reply.deployments]
    return Failed(reply.status, reply.message, **more)


def no_app(path: str, version: str | None = None) -> Failed:
    return _missing("App", path, version)


def no_group(path: str, version: str | None = None) -> Failed:
    return _missing("Group", path, version)


def no_pod(path: str, version: str | None = None) -> Failed:
    return _missing("Pod", path, version)


def no_task(task_id: str) -> Failed:
    return _missing("Task", task_id, None)


def _missing(what: str, name: str, version: str | None) -> Failed:
    return Failed(404, f"{what} '{name}' does not exist" + (f" in version {version}" if version is not None else ""))
