"""A page that shows what runs, and every call of the API. It is one file of each kind, and loads nothing else."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from frameworks.marathon_py.shell.api.call import Call
from frameworks.marathon_py.shell.api.errors import Failed
from frameworks.marathon_py.shell.api.site import Row
from mesos_py.web.response import Response
from mesos_py.web.router import Answer

HOME = "/ui/"
_TYPES = {"index.html": "text/html", "page.js": "text/javascript", "page.css": "text/css"}
_POLICY = (("Content-Security-Policy", "default-src 'self'; img-src data:; frame-ancestors 'none'"),)


@cache
def _contents(name: str) -> bytes:
    return files(__name__).joinpath(name).read_bytes()


async def home(call: Call) -> Answer:
    """The page is elsewhere."""
    return Response(302, headers=(("Location", HOME),))


async def page(call: Call) -> Answer:
    """A page for people: what runs, and every call."""
    if not call.request.path.endswith("/"):
        return await home(call)
    return _file("index.html")


async def file(call: Call) -> Answer:
    """A part of it."""
    name = call.parts["file"]
    if name not in _TYPES:
        raise Failed(404, "URI not found")
    return _file(name)


def _file(name: str) -> Response:
    return Response(200, _contents(name), f"{_TYPES[name]}; charset=utf-8", _POLICY)


ROWS = (
    Row(method="GET", path="/", handler=home, produces=""),
    Row(method="GET", path="/help", handler=home, produces=""),
    Row(method="GET", path="/ui", handler=page, produces=""),
    Row(method="GET", path="/ui/{file}", handler=file, produces=""),
)
