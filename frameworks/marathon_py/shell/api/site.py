"""Rows, and how a request finds its own; what every answer has.

The first row whose path and method fit answers. Slashes at the end and double ones mean nothing, ``{id}`` is what may
have slashes in it, ``{name}`` what has none. Whatever is refused has changed nothing; what is answered well is kept.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import attrs
import structlog

from frameworks.marathon_py.shell.api.call import Call
from frameworks.marathon_py.shell.api.errors import Failed
from frameworks.marathon_py.shell.api.program import Action, Program
from mesos_py.web.request import Request
from mesos_py.web.response import JSON, Chunked, HttpError, Response
from mesos_py.web.router import Answer
from mesos_py.web.streams import RecordStream

log = structlog.get_logger(__name__)

Handler = Callable[[Call], Awaitable[Answer]]

ALWAYS = (
    ("Cache-Control", "no-cache, no-store, must-revalidate"), ("Pragma", "no-cache"), ("Expires", "0"),
    ("X-Frame-Options", "DENY"), ("X-XSS-Protection", "1; mode=block"),
)  # fmt: skip
LEADER = "X-Marathon-Leader"
_READ_ONLY = ("GET", "HEAD", "OPTIONS")
_SLASHES = re.compile("//+")


@attrs.frozen(kw_only=True)
class Row:
    """One call."""

    method: str
    path: str
    handler: Handler
    #: what whoever asks must be allowed to do; None: the handler asks for itself, as each does about what is not there
    action: Action | None = None
    #: to what of the process, if not to what the path names
    to: str | None = None
    #: what the body is, and what the answer is: names of the document's schemas; "": none, or it is written nowhere
    takes: str = ""
    gives: str = ""
    #: what may stand in the query
    query: tuple[str, ...] = ()
    #: type of the answer; "": the handler looks at Accept
    produces: str = JSON

    @property
    def about(self) -> str:
        handler = self.handler.func if isinstance(self.handler, partial) else self.handler
        return (handler.__doc__ or "").strip().partition("\n")[0]

    @property
    def tag(self) -> str:
        """The noun it is about: what follows ``/v2``."""
        return next((part for part in self.path.split("/") if part and part != "v2"), "")

    @property
    def pattern(self) -> re.Pattern[str]:
        escaped = re.escape(self.path).replace(r"\{id\}", "(?P<id>.+)")
        return re.compile(re.sub(r"\\\{(\w+)\\\}", "(?P<\\1>[^/]+)", escaped))


class Api:
    """Answers requests; what a ``web.Server`` asks."""

    def __init__(self, program: Program, rows: Iterable[Row], origins: tuple[str, ...] = ()) -> None:
        self._program = program
        #: of pages that may change things
        self._origins = origins
        self._rows = [(row.pattern, row) for row in rows]

    async def __call__(self, request: Request) -> Answer:
        answer: Answer
        try:
            answer = await self._answer(request)
        except HttpError as error:
            answer = error.response
        except Exception as error:
            log.exception("handler failed", method=request.method, path=request.path, error=repr(error))
            answer = Failed(500, str(error) or repr(error)).response
        if isinstance(answer, Response | Chunked | RecordStream):
            answer.headers = (*answer.headers, *ALWAYS, (LEADER, self._program.url))
        return answer

    async def _answer(self, request: Request) -> Answer:
        path = _SLASHES.sub("/", request.path).rstrip("/") or "/"
        allowed: dict[str, None] = {}
        for pattern, row in self._rows:
            found = pattern.fullmatch(path)
            if found is None:
                continue
            if request.method == row.method or (request.method == "HEAD" and row.method == "GET"):
                return await self._call(row, request, found.groupdict())
            allowed[row.method] = None
        if not allowed:
            raise Failed(404, "URI not found")
        if "GET" in allowed:
            allowed["HEAD"] = None
        header = (("Allow", ", ".join(allowed)),)
        if request.method == "OPTIONS":
            return Response(200, headers=header)
        raise Failed(405, headers=header)

    async def _call(self, row: Row, request: Request, parts: dict[str, str]) -> Answer:
        if request.method not in _READ_ONLY:
            self._look_at_origin(request)
        call = Call(self._program, request, parts)
        if row.action is not None and (row.to is not None or call.is_there):
            call.need(row.action, row.to or call.path_id)
        if row.produces and not call.accepts(row.produces):
            raise Failed(406)
        answer = await row.handler(call)
        await self._program.stored()  # nobody sees what a crash could take back
        return answer

    def _look_at_origin(self, request: Request) -> None:
        origin = request.headers.get("Origin")
        if origin is None or origin in self._origins or "*" in self._origins:
            return
        if origin.partition("://")[2] != request.headers.get("Host"):
            raise Failed(403, "pages of other sites may not speak for whoever looks at them")
