"""Long answers, made element by element; the loop has its turn every few milliseconds.

What is listed is decided when it is asked for; each element is as it is when its turn comes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from mesos_py.web.response import JSON, Response

SLICE_S = 0.005


async def array(name: str, elements: Iterable[Callable[[], Any]]) -> Response:
    """An object whose only member is a list; without a name the list itself."""
    body = b",".join(await encoded(elements))
    return Response(200, b"[%b]" % body if not name else b'{"%b":[%b]}' % (name.encode(), body), JSON)


async def encoded(elements: Iterable[Callable[[], Any]]) -> list[bytes]:
    """Each as JSON."""
    made: list[bytes] = []
    until = time.perf_counter() + SLICE_S
    for element in elements:
        made.append(orjson.dumps(element()))
        if time.perf_counter() >= until:
            await asyncio.sleep(0)
            until = time.perf_counter() + SLICE_S
    return made
