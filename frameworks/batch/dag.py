"""Jobs that wait for jobs. An edge says how the other one must end: with success, with failure, or at all.

A job that can never be run, because one that it depends on has ended otherwise, is *skipped*; to those who wait for its
completion a skipped job is complete, to those who wait for success or failure it is neither.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs

from frameworks.batch.fields import Invalid, field, one_of, text

if TYPE_CHECKING:
    from frameworks.batch.job import Job

NAME_PATTERN = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
NAME_MAX = 200  # with what tasks are called besides, it is the name of a directory
NAME = text(NAME_MAX, NAME_PATTERN, "letters, digits, '_', '.' and '-', and begin with none of the last two", least=1)


class End(enum.Enum):
    """How a job has ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    #: what it depends on has not ended as it must
    SKIPPED = "skipped"

    @property
    def is_good(self) -> bool:
        """Nobody need look: a branch that was not taken is no failure."""
        return self in (End.SUCCEEDED, End.SKIPPED)


@attrs.frozen(kw_only=True)
class Dependency:
    """A job that must have ended before this one begins."""

    job: str = field(NAME, doc="Name of the other job: of the same submission, or known already.")
    on: str = field(one_of("success", "failure", "completion"), "success", "How it must have ended.")


class Verdict(enum.Enum):
    READY = "ready"
    WAIT = "wait"
    NEVER = "never"


def verdict(needs: Iterable[Dependency], ends: Mapping[str, End | None]) -> Verdict:
    """``ends`` of the jobs that are named; None: it has not ended. What can never be is not waited for."""
    found = Verdict.READY
    for need in needs:
        end = ends[need.job]
        if end is None:
            found = Verdict.WAIT
        elif not _satisfies(end, need.on):
            return Verdict.NEVER
    return found


def _satisfies(end: End, on: str) -> bool:
    return on == "completion" or end is (End.SUCCEEDED if on == "success" else End.FAILED)


def check(jobs: Sequence[Job], known: Mapping[str, object], path: str = "jobs") -> None:
    """Names are new and differ, dependencies exist, and nobody waits for himself. Raises Invalid."""
    places = {job.name: index for index, job in reversed(list(enumerate(jobs)))}
    for index, job in enumerate(jobs):
        at = f"{path}[{index}]"
        if job.name in known:
            raise Invalid(f"{at}.name", f"there is a job '{job.name}' already")
        if places[job.name] != index:
            raise Invalid(f"{at}.name", f"{path}[{places[job.name]}] is called '{job.name}' too")
        for number, need in enumerate(job.depends):
            if need.job not in places and need.job not in known:
                raise Invalid(f"{at}.depends[{number}].job", f"there is no job '{need.job}'")
    cycle = _cycle({job.name: [need.job for need in job.depends if need.job in places] for job in jobs})
    if cycle:
        raise Invalid(f"{path}[{places[cycle[0]]}].depends", f"a cycle: {' waits for '.join(cycle)}")


def _cycle(graph: Mapping[str, Sequence[str]]) -> list[str]:
    """One of them, with its first job again at its end; []: there is none."""
    done: dict[str, int] = {}
    for start in graph:
        trail: dict[str, int] = {}  # from start to here, each with the next of its edges
        names = [start] if start not in done else []
        while names:
            name = names[-1]
            at = trail.setdefault(name, 0)
            if at == len(graph[name]):
                done[name] = trail.pop(name)
                names.pop()
                continue
            trail[name] = at + 1
            following = graph[name][at]
            if following in trail:
                return [*names[names.index(following) :], following]
            if following not in done:
                names.append(following)
    return []
