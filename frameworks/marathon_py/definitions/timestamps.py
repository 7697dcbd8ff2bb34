"""Moments as clients see them: UTC, milliseconds, ``2024-05-01T10:00:00.000Z``. Versions are such texts.

Source: mesosphere/marathon src/main/scala/mesosphere/marathon/state/Timestamp.scala.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mesos_py.machine.values import Nanos

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = 1_000_000  # nanoseconds
NEVER = "1970-01-01T00:00:00.000Z"  # the version of what nobody has changed yet


def timestamp(moment: Nanos) -> str:
    """What is less than a millisecond is left out."""
    seconds, rest = divmod(moment, 1_000 * MILLISECOND)
    return f"{(EPOCH + timedelta(seconds=seconds)).strftime('%Y-%m-%dT%H:%M:%S')}.{rest // MILLISECOND:03d}Z"


def moment(text: str) -> Nanos:
    """Of any ISO 8601 date and time; one without a zone is UTC. Raises ValueError with Marathon's text."""
    try:
        found = datetime.fromisoformat(text)
        since = (found if found.tzinfo is not None else found.replace(tzinfo=UTC)) - EPOCH
    except (ValueError, OverflowError) as error:
        raise ValueError(f"Invalid timestamp provided '{text}'. Expecting ISO-8601 datetime string.") from error
    return since // timedelta(microseconds=1) * 1_000


def canonical(text: str) -> str:
    """The same moment as versions are written. Raises ValueError with Marathon's text."""
    return timestamp(moment(text))
