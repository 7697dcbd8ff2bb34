"""Ids of apps, pods and groups: paths such as ``/shop/web``, of which a text is as given and a tuple the segments.

Relative ones are resolved against the group that they stand in: ``web`` in ``/shop`` is ``/shop/web``, ``../web`` is
``/web``. Source: mesosphere/marathon src/main/scala/mesosphere/marathon/state/PathId.scala.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NewType

from frameworks.marathon_py.definitions.fields import Kind, text

PathId = NewType("PathId", str)
"""An absolute id: ``/shop/web``. The root is ``/``."""

ROOT = PathId("/")

_WORD = r"([a-z0-9]|[a-z0-9][a-z0-9\-]*[a-z0-9])"
SEGMENT = rf"^({_WORD}\.)*{_WORD}|(\.|\.\.)$"
RESERVED = ("restart", "tasks", "versions", ".", "..")

#: what a reader lets through. Marathon's own pattern has the same words, with alternatives that backtrack
PATH_ID: Kind = text(least=1, pattern=rf"/?(((\.\.)|({_WORD}\.)*{_WORD})?/)*((\.\.)|({_WORD}\.)*{_WORD})?")

_SEGMENT = re.compile(rf"(({_WORD}\.)*{_WORD})|\.|\.\.", re.ASCII)


def segments(path: str) -> tuple[str, ...]:
    """Slashes at the ends, and double ones, mean nothing."""
    return tuple(part for part in path.split("/") if part)


def absolute(path: str, base: str = ROOT) -> PathId:
    """``path`` as seen from the group ``base``; one that leads above the root is the root's."""
    found: list[str] = [] if path.startswith("/") else list(segments(base))
    for part in segments(path):
        if part == "..":
            del found[-1:]
        elif part != ".":
            found.append(part)
    return joined(found)


def joined(parts: tuple[str, ...] | list[str]) -> PathId:
    return PathId("/" + "/".join(parts))


def parent(path: PathId) -> PathId:
    """The group that it is in; the root's is the root."""
    return joined(segments(path)[:-1])


def parents(path: PathId) -> Iterator[PathId]:
    """All groups that it is in, from its own up to the root."""
    while path != ROOT:
        path = parent(path)
        yield path


def is_below(path: PathId, group: PathId) -> bool:
    """In the group or a group of it; nothing is below itself."""
    return path != group and (group == ROOT or path.startswith(f"{group}/"))


def safe(path: PathId) -> str:
    """``/shop/web`` as in the ids of instances and tasks: ``shop_web``."""
    return "_".join(segments(path))


def from_safe(name: str) -> PathId:
    return joined([part for part in name.split("_") if part])


def task_name(path: PathId) -> str:
    """``/shop/web`` as Mesos' name of its tasks, which DNS servers read: ``web.shop``."""
    return ".".join(reversed(segments(path)))


def problems(path: str) -> Iterator[str]:
    """What is wrong with an id as such; not whether it stands where it may."""
    parts = segments(path)
    if not all(_SEGMENT.fullmatch(part) for part in parts):
        yield f"must fully match regular expression '{SEGMENT}'"
    if parts and parts[-1] in RESERVED:
        yield f"must not end with any of the following reserved keywords: {', '.join(RESERVED)}"
    if path.startswith("/") and any(part in (".", "..") for part in parts):
        yield f"Identifier is not child of '{joined(parts[:-1])}'"


def problems_of_own(path: str) -> Iterator[str]:
    """What is wrong with the id of an app or a pod."""
    yield from problems(path)
    if not path.startswith("/"):
        yield "Path needs to be absolute"
    if not segments(path):
        yield "Path must contain at least one path element"
