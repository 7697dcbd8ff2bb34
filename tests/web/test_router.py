"""The longest registered prefix wins, by whole segments."""

from __future__ import annotations

import pytest

from mesos_py.web.request import Request
from mesos_py.web.response import OK, Response
from mesos_py.web.router import Router


def handler(name: str):  # type: ignore[no-untyped-def]
    async def handle(request: Request) -> Response:
        return OK

    handle.__name__ = name
    return handle


@pytest.fixture
def router() -> Router:
    made = Router("/master", "/slave(1)")
    for path in ("/api/v1", "/api/v1/scheduler", "/state", "/files/read", "/metrics/snapshot"):
        made.add(path, handler(path))
    made.add("/metrics", handler("/metrics"), exact=True)
    return made


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/state", "/state"),
        ("/state/", "/state"),
        ("/state//", "/state"),
        ("/master/state", "/state"),
        ("/slave(1)/state/", "/state"),
        ("/state/whatever", "/state"),
        ("/api/v1/operator", "/api/v1"),
        ("/api/v1/scheduler", "/api/v1/scheduler"),
        ("/api/v1/scheduler/x", "/api/v1/scheduler"),
        ("/metrics", "/metrics"),
        ("/metrics/", "/metrics"),
        ("/metrics/snapshot", "/metrics/snapshot"),
        ("/metrics/other", None),
        ("/state.json", None),
        ("/stat", None),
        ("/", None),
        ("", None),
        ("/master", None),
        ("/master/master/state", None),
        ("/state" + "/x" * 1000, None),
    ],
)
def test_find(router: Router, path: str, expected: str | None) -> None:
    route = router.find(path)
    assert (None if route is None else route.handler.__name__) == expected


def test_a_path_has_one_handler(router: Router) -> None:
    with pytest.raises(ValueError, match="two handlers"):
        router.add("/state", handler("again"))
