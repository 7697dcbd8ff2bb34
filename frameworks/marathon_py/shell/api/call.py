"""What a handler is given: the parts of the path, the query, the body, and who asks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import attrs
import orjson

from frameworks.marathon_py import words
from frameworks.marathon_py.core import Marathon
from frameworks.marathon_py.definitions import paths, timestamps
from frameworks.marathon_py.definitions.fields import InvalidJson
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.shell.api.errors import INVALID_JSON, NO_JSON, Answered, Failed, invalid, refused
from frameworks.marathon_py.shell.api.program import Action, Program, Resource
from mesos_py.web.negotiate import accepts
from mesos_py.web.request import QUERY_FIELDS_MAX, Request
from mesos_py.web.response import JSON, Headers, Response

BODY_BYTES_MAX = 16 << 20
DEPLOYMENT_ID = "Marathon-Deployment-Id"


@attrs.define(slots=False)
class Call:
    """One request, on its way to its answer."""

    program: Program
    request: Request
    #: what stands in the path for ``{names}``
    parts: Mapping[str, str]

    @property
    def core(self) -> Marathon:
        return self.program.core

    # ---- what was asked

    @cached_property
    def path_id(self) -> PathId:
        """``{id}``; without one the root."""
        return paths.absolute(self.parts.get("id") or paths.ROOT)

    @property
    def is_there(self) -> bool:
        """Something has the id in the path. Of what is not there everybody is told that."""
        return self.path_id in self.core.specs or self.core.root.group(self.path_id) is not None

    @cached_property
    def version(self) -> str:
        """``{version}``. Raises Failed 422."""
        return version_of(self.parts["version"])

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """Raises Failed 400."""
        found: dict[str, list[str]] = {}
        try:
            pairs = parse_qsl(self.request.query_string, keep_blank_values=True, max_num_fields=QUERY_FIELDS_MAX)
        except ValueError as error:
            raise Failed(400, f"Unable to decode query string: {error}") from error
        for name, value in pairs:
            found.setdefault(name, []).append(value)
        return found

    def text(self, name: str) -> str | None:
        """The first value of that name."""
        values = self.query.get(name)
        return values[0] if values else None

    def flag(self, name: str, default: bool = False) -> bool:
        """Whatever is not true is false; Python's clients write True."""
        value = self.text(name)
        return default if value is None else value.lower() == "true"

    def accepts(self, media_type: str) -> bool:
        return accepts(self.request.headers.get("Accept"), media_type)

    @property
    def source(self) -> words.Source:
        return words.Source(self.request.remote, self.request.target.partition("?")[0])

    def json(self) -> Any:
        """The body. Raises Failed 400, 413, 415."""
        given = self.request.headers.get("Content-Type")
        if given is not None and given.partition(";")[0].strip().lower() not in (JSON, ""):
            raise Failed(415)
        body = self.request.body()
        if len(body) > BODY_BYTES_MAX:
            raise Failed(413, f"The body has more than {BODY_BYTES_MAX} bytes.")
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise Failed(400, INVALID_JSON if body.strip() else NO_JSON, details=str(error)) from error

    # ---- what comes of it

    async def ask(self, body: Any) -> Any:
        """The core's reply. Raises Failed."""
        reply = await self.program.ask(body)
        if isinstance(reply, words.Refused):
            raise refused(reply)
        return reply

    def need(self, action: Action, on: Resource) -> None:
        """Raises HttpError with the plug-in's answer to those who may not."""
        if not self.may(action, on):
            raise Answered(self.program.forbidden(self.request))

    def may(self, action: Action, on: Resource) -> bool:
        """Whoever decides sees the definition, where there is one of that id."""
        if isinstance(on, str) and on.startswith("/"):
            path = PathId(on)
            on = self.core.specs.get(path) or self.core.root.group(path) or path
        return self.program.may(self.request, action, on)


def read(reader: Any, body: Any) -> Any:
    """What a reader of definitions makes of it. Raises Failed 422."""
    try:
        return reader(body)
    except InvalidJson as error:
        raise invalid(error.violations, INVALID_JSON) from error


def version_of(text: str) -> str:
    """As versions are kept. Raises Failed 422."""
    try:
        return timestamps.canonical(text)
    except ValueError as error:
        raise Failed(422, str(error)) from error


def started(reply: words.Started, status: int = 200, headers: Headers = ()) -> Response:
    """A deployment was started."""
    body = {"version": reply.version, "deploymentId": reply.deployment_id}
    return answer(body, status, (*headers, (DEPLOYMENT_ID, reply.deployment_id)))


def answer(body: Any, status: int = 200, headers: Headers = ()) -> Response:
    return Response(status, orjson.dumps(body), JSON, headers)


def location(call: Call, path: str) -> Headers:
    """Where something is, for whoever asked as he did."""
    scheme, _, own = call.program.url.partition("://")
    return (("Location", f"{scheme}://{call.request.headers.get('Host') or own}{path}"),)
