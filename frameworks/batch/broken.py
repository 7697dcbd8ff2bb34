"""Records that cannot be understood: of a version that allowed what this one refuses, or torn. None keeps us from going
on with all others, and none is lost.

======================  ===============================================================================================
a definition            a *stand-in* has the job's place: nothing of it is started, what runs goes on, and how that
                        ends is kept
a submission, whole     likewise, for every job of which a name is found: in what is left, or because a task or another
                        record names it; no name that may be in use is given away
a job's state           the job is broken until it is cancelled: it may have ended, and is not run again by accident
a task                  nobody knows what became of it: an attempt that was lost, as ``retry.on_lost`` says
a schedule              is shown, and nothing is run for it until it is put again
======================  ===============================================================================================

Broken jobs wait for a program that understands them; whoever wants to be rid of one cancels and forgets it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import attrs

from frameworks.batch import dag
from frameworks.batch.fields import read, readable
from frameworks.batch.job import YEAR_S, Job

#: what reading such a record may come to
NOT_UNDERSTOOD = (ValueError, KeyError, TypeError, IndexError, AttributeError)

#: what a record begins with that is not as it was written: nobody can read it as something else
DAMAGED = b"damaged: "
SHOWN_MAX = 2_000  # characters of a record that is shown as it is

#: what a stand-in has of a job, where it can be read: what it is for others, and what became of its tasks means
_OF_STAND_INS = (
    "array", "gang", "depends", "resources", "retry", "tolerates", "user", "queue", "priority", "labels", "keep_s",
)  # fmt: skip
_NAME = re.compile(rb'"name":\s*"(%s)"' % dag.NAME_PATTERN.encode(), re.ASCII)


@attrs.frozen
class Broken:
    """Why nothing of a job or of a schedule is started."""

    why: str
    #: as it is kept, if that is what cannot be understood
    definition: Any = None


def loads(record: bytes) -> Any:
    """Raises ValueError."""
    if record.startswith(DAMAGED):
        raise ValueError("it is not as it was written")
    return json.loads(record)


def said(record_name: str, error: Exception) -> str:
    """In a sentence."""
    what = f"'{error.args[0]}' is missing" if isinstance(error, KeyError) and error.args else str(error)
    return f"what is kept as '{record_name}' cannot be understood: {what or type(error).__name__}"


def read_job(record_name: str, value: Any, name: str) -> tuple[Job, Broken | None]:
    """The job, or a stand-in for it; ``name`` is for one that has none."""
    try:
        return read(Job, value), None
    except NOT_UNDERSTOOD as error:
        return stand_in(name, value), Broken(said(record_name, error), value)


def stand_in(name: str, value: Any = None) -> Job:
    """For a job of which ``value`` is left. It is never started, so that its command does not matter."""
    kept = value if isinstance(value, Mapping) else {}
    its_own = kept.get("name")
    base: dict[str, Any] = {
        "name": its_own if its_own and isinstance(its_own, str) else name, "command": "?", "preemptible": False,
        "unreachable_s": YEAR_S, "keep_s": 10 * YEAR_S,
    }  # fmt: skip
    try:
        return Job(**base | readable(Job, kept, _OF_STAND_INS))
    except ValueError:  # what can be read does not go together
        return Job(**base)


def names_in(record: bytes) -> list[str]:
    """Of the jobs of a submission of which only a part is left."""
    return [name.decode() for name in _NAME.findall(record)]


def shown(record: bytes) -> str:
    return record.decode(errors="replace")[:SHOWN_MAX]
