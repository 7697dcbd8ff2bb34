"""Reads golden captures and compares their shape with our answers.

A capture is the bytes of a request and of its answer as text. Shapes are compared, not values: the same keys, the same
JSON types, recursively; of lists, every element of ours must have the shape of some element of theirs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs


@attrs.frozen
class Capture:
    """One exchange."""

    name: str
    request: bytes
    status: int
    #: names in lower case
    headers: dict[str, str]
    body: str


def read_capture(path: Path) -> Capture:
    """A file of golden/errors, golden/mutate or golden/extras."""
    raw = path.read_bytes()
    asked, _, answered = raw.partition(b"<<< RESPONSE")
    asked = asked.removeprefix(b">>> REQUEST\n")
    head, _, body = asked.partition(b"\r\n\r\n")
    length = _headers(head.decode("latin-1").split("\r\n")[1:]).get("content-length")
    request = head + b"\r\n\r\n" + (body[: int(length)] if length is not None else b"")
    answered = answered.removeprefix(b" HEAD").lstrip(b"\n").replace(b"\r\n", b"\n")
    top, _, text = answered.partition(b"\n\n")
    lines = top.decode("latin-1").splitlines()
    return Capture(
        path.name.removesuffix(".txt"), request, int(lines[0].split(" ")[1]), _headers(lines[1:]), text.decode("utf-8")
    )


def _headers(lines: list[str]) -> dict[str, str]:
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.lower()] = value.strip()
    return headers


def read_json(path: Path) -> Any:
    """The body of a golden JSON file; v1 captures begin with the request on a line of its own."""
    text = path.read_text()
    if text.startswith(">>>"):
        text = text.split("\n", 1)[1]
    return json.loads(text)


def differences(ours: Any, theirs: Any, *, optional: frozenset[str] = frozenset(), at: str = "$") -> Iterator[str]:
    """How the shape of ``ours`` is not that of ``theirs``; keys in ``optional`` may be there or not, anywhere."""
    if isinstance(theirs, bool) or isinstance(ours, bool) or ours is None or theirs is None:
        if type(ours) is not type(theirs):
            yield f"{at}: {type(ours).__name__} instead of {type(theirs).__name__}"
    elif isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted((theirs.keys() ^ ours.keys()) - optional):
            yield f"{at}.{key} is {'missing' if key in theirs else 'too much'}"
        for key in sorted(theirs.keys() & ours.keys()):
            yield from differences(ours[key], theirs[key], optional=optional, at=f"{at}.{key}")
    elif isinstance(theirs, list) and isinstance(ours, list):
        for number, element in enumerate(ours):
            if theirs and not any(not list(differences(element, other, optional=optional)) for other in theirs):
                yield from differences(element, theirs[0], optional=optional, at=f"{at}[{number}]")
    elif type(ours) is not type(theirs):
        yield f"{at}: {type(ours).__name__} instead of {type(theirs).__name__}"
