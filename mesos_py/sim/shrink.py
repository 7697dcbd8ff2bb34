"""From a failing run to the few faults that make it fail.

Faults are left out, first those that had not begun when the run failed, then halves, and then one by one, as long as
the run fails for the same reason. Everything else stays as drawn, so the answer is a seed and a list of fault numbers,
which is also how it is replayed.

One bug breaks several invariants: which of them is seen first is chance, and changes with every fault that is left
out. So all of them are one reason; an exception is one with those of its kind and place.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from mesos_py.sim.plan import Plan
from mesos_py.sim.run import Report, run

RUNS_MAX = 60


@attrs.frozen
class Shrunk:
    """What is left of a run that fails."""

    #: indexes of faults without any of which it does not fail so any more (or RUNS_MAX were tried)
    kept: tuple[int, ...]
    #: of the run with these faults alone
    report: Report


def shrink(report: Report, attempt: Callable[[Plan], Report] = run) -> Shrunk:
    """The fewest faults that are found with which the run of ``report`` still fails for its reason."""
    plan = report.plan
    found = Shrunk(tuple(range(len(plan.faults))), report)
    runs = 0

    def fails_with(kept: tuple[int, ...]) -> bool:
        nonlocal runs, found
        runs += 1
        report = attempt(plan.keeping(kept))
        if _reason(report) != _reason(found.report):
            return False
        found = Shrunk(kept, report)
        return True

    begun = tuple(index for index in found.kept if plan.faults[index].at_s <= report.virtual_s)
    if len(begun) < len(found.kept):
        fails_with(begun)
    size = max(1, len(found.kept) // 2)
    while found.kept:
        start, has_shrunk = 0, False
        while start < len(found.kept):
            if runs == RUNS_MAX:
                return found
            if fails_with(found.kept[:start] + found.kept[start + size :]):
                has_shrunk = True  # the next ones stand at the same place now
            else:
                start += size
        if size == 1 and not has_shrunk:
            break
        size = max(1, size // 2)
    return found


def _reason(report: Report) -> str:
    return "an invariant" if report.signature.startswith(("Violation", "not settled")) else report.signature


def replay_command(seed: int, kept: tuple[int, ...] | None = None) -> str:
    """What a person types to see it again."""
    command = f"mesos-py sim --seed={seed}"
    return command if kept is None else f"{command} --faults={','.join(map(str, kept)) or 'none'}"
