"""Content-Type and Accept as Mesos reads them.

The request's type is compared exactly: ``application/json; charset=utf-8`` is refused. Accept understands lists,
wildcards and q; a missing one accepts everything, and JSON is preferred where both match.
Mesos: src/common/http.cpp, 3rdparty/libprocess/src/http.cpp Request::acceptsMediaType.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from mesos_py.web.response import JSON, PROTOBUF, HttpError

NO_CONTENT_TYPE = "Expecting 'Content-Type' to be present"
UNSUPPORTED = f"Expecting 'Content-Type' of {JSON} or {PROTOBUF}"
NOT_ACCEPTABLE = f"Expecting 'Accept' to allow '{PROTOBUF}' or '{JSON}'"


def content_type(headers: Mapping[str, str]) -> str:
    """JSON or PROTOBUF, whatever the body is said to be. Raises HttpError 400 or 415."""
    value = headers.get("content-type")
    if value in (JSON, PROTOBUF):
        return value
    if value is None:
        raise HttpError(400, NO_CONTENT_TYPE)
    raise HttpError(415, UNSUPPORTED)


def accepted(headers: Mapping[str, str]) -> str:
    """JSON or PROTOBUF, whatever the answer shall be. Raises HttpError 406."""
    value = headers.get("accept")
    if accepts(value, JSON):
        return JSON
    if accepts(value, PROTOBUF):
        return PROTOBUF
    raise HttpError(406, NOT_ACCEPTABLE)


@lru_cache(maxsize=256)
def accepts(accept: str | None, media_type: str) -> bool:
    """Whether an Accept header allows ``media_type``; the most specific of its ranges decides."""
    if not accept or not accept.strip():
        return True
    wanted, _, wanted_sub = media_type.partition("/")
    best = -1
    allowed = False
    for item in accept.split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        kind, _, sub = name.lower().partition("/")
        if kind not in (wanted, "*") or sub not in (wanted_sub, "*"):
            continue
        specific = (kind != "*") + (sub != "*")
        if specific > best:
            best = specific
            allowed = _quality(parameters) > 0
    return allowed


def accepts_gzip(headers: Mapping[str, str]) -> bool:
    """Whether the answer may be gzipped."""
    value = headers.get("accept-encoding")
    return value is not None and _gzip(value)


@lru_cache(maxsize=256)
def _gzip(accept_encoding: str) -> bool:
    allowed = False
    for item in accept_encoding.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        if name == "gzip":
            return _quality(parameters) > 0
        if name == "*":
            allowed = _quality(parameters) > 0
    return allowed


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
