"""A refusal is a value, not an exception: handlers return a Problem instead of raising.

The kind is what a shell needs to choose a status; the text is Mesos' text where clients could match on it.
"""

from __future__ import annotations

import enum

from mesos_py.machine.values import value


class Kind(enum.IntEnum):
    """Why a request was refused; the number is the HTTP status it answers with."""

    BAD_REQUEST = 400
    FORBIDDEN = 403
    NOT_FOUND = 404
    CONFLICT = 409
    INTERNAL = 500
    NOT_IMPLEMENTED = 501
    UNAVAILABLE = 503


@value
class Problem:
    """Refused: ``kind`` says who is to blame, ``text`` is the body a client sees."""

    kind: Kind
    text: str


class MustStop(Exception):
    """The core cannot go on, and that is nobody's bug: somebody has to look. Raised before anything has changed."""


def bad_request(text: str) -> Problem:
    return Problem(Kind.BAD_REQUEST, text)


def forbidden(text: str = "403 Forbidden.") -> Problem:
    return Problem(Kind.FORBIDDEN, text)
