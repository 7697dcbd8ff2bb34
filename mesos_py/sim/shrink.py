"""From a failing run to the few faults that make it fail.

Faults are left out, halves first and then one by one, as long as the run fails for the same reason. Everything else
stays as drawn, so the answer is a seed and a list of fault numbers, which is also how it is replayed.
"""

from __future__ import annotations

from collections.abc import Callable

from mesos_py.sim.plan import Plan
from mesos_py.sim.run import Report, run

RUNS_MAX = 60


def shrink(plan: Plan, signature: str, attempt: Callable[[Plan], Report] = run) -> tuple[int, ...]:
    """Indexes of faults without any of which the run does not fail so any more (or RUNS_MAX were tried)."""
    kept = tuple(range(len(plan.faults)))
    runs, size = 0, max(1, len(kept) // 2)
    while kept:
        start, has_shrunk = 0, False
        while start < len(kept):
            if runs == RUNS_MAX:
                return kept
            runs += 1
            candidate = kept[:start] + kept[start + size :]
            if attempt(plan.keeping(candidate)).signature == signature:
                kept, has_shrunk = candidate, True  # the next ones stand at the same place now
            else:
                start += size
        if size == 1 and not has_shrunk:
            break
        size = max(1, size // 2)
    return kept


def replay_command(seed: int, kept: tuple[int, ...] | None = None) -> str:
    """What a person types to see it again."""
    command = f"mesos-py sim --seed={seed}"
    return command if kept is None else f"{command} --faults={','.join(map(str, kept)) or 'none'}"
