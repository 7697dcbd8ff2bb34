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
    runs = 0
    size = max(1, len(kept) // 2)
    while kept and runs < RUNS_MAX:
        smaller = None
        for start in range(0, len(kept), size):
            candidate = kept[:start] + kept[start + size :]
            runs += 1
            if attempt(plan.keeping(candidate)).signature == signature:
                smaller = candidate
                break
        if smaller is not None:
            kept = smaller
            size = max(1, min(size, len(kept) // 2))
        elif size == 1:
            break
        else:
            size //= 2
    return kept


def replay_command(seed: int, kept: tuple[int, ...] | None = None) -> str:
    """What a person types to see it again."""
    command = f"mesos-py sim --seed={seed}"
    return command if kept is None else f"{command} --faults={','.join(map(str, kept)) or 'none'}"
