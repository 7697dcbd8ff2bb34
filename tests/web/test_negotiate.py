"""Which answers an Accept header allows, and which bodies a Content-Type announces."""

from __future__ import annotations

import pytest

from mesos_py.web import negotiate
from mesos_py.web.response import JSON, PROTOBUF, HttpError


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (PROTOBUF, PROTOBUF),
        (f"{PROTOBUF}, {JSON}", JSON),
        (f"{JSON};q=0, {PROTOBUF}", PROTOBUF),
        (f"{JSON};q=0, */*", PROTOBUF),
        (f"text/html, {PROTOBUF};q=0.1", PROTOBUF),
        ("application/json; q=0.5", JSON),
        ("APPLICATION/JSON", JSON),
        ("text/html", None),
        ("application/recordio", None),
        ("*/*;q=0", None),
        (f"{JSON};q=junk", None),
        (";,;/", None),
    ],
)
def test_accept(accept: str | None, expected: str | None) -> None:
    headers = {} if accept is None else {"accept": accept}
    if expected is not None:
        assert negotiate.accepted(headers) == expected
        return
    with pytest.raises(HttpError) as refusal:
        negotiate.accepted(headers)
    assert refusal.value.response.status == 406
    assert refusal.value.response.body == negotiate.NOT_ACCEPTABLE.encode()


@pytest.mark.parametrize(
    ("value", "status"),
    [(JSON, None), (PROTOBUF, None), (None, 400), ("application/json; charset=utf-8", 415), ("Application/Json", 415)],
)
def test_content_types_are_compared_exactly(value: str | None, status: int | None) -> None:
    headers = {} if value is None else {"content-type": value}
    if status is None:
        assert negotiate.content_type(headers) == value
        return
    with pytest.raises(HttpError) as refusal:
        negotiate.content_type(headers)
    assert refusal.value.response.status == status


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        ("gzip", True),
        ("deflate, gzip;q=1.0", True),
        ("*", True),
        ("gzip;q=0, *", False),
        ("*;q=0, gzip", True),
        ("identity", False),
        (None, False),
    ],
)
def test_gzip_is_for_who_accepts_it(value: str | None, allowed: bool) -> None:
    assert negotiate.accepts_gzip({} if value is None else {"accept-encoding": value}) is allowed
