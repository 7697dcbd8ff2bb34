"""Seeds against the real cores: what ``make test`` runs of ``mesos-py sim``.

What a seed has found in a core is a test of that core, too: tests/master/test_reconcile.py
test_an_end_that_was_told_stands_though_the_agent_is_lost came from here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mesos_py.journal.replay import check, find_runs
from mesos_py.sim.plan import draw
from mesos_py.sim.run import run, simulate
from mesos_py.sim.shrink import replay_command

#: seeds of every `make test`, in slices so that workers share them
SLICES = [range(first, first + 10) for first in range(0, 50, 10)]


@pytest.mark.parametrize("seeds", SLICES, ids=lambda seeds: f"{seeds[0]}-{seeds[-1]}")
def test_seeds(seeds: range) -> None:
    """Nothing is lost, doubled or left over, whatever goes wrong."""
    for seed in seeds:
        report = simulate(seed)
        assert report.violation is None, f"{report.text()}\nagain: {replay_command(seed)}"


DIGEST = "import sys; from mesos_py.sim.run import simulate; print(simulate(int(sys.argv[1])).digest)"


def test_equal_seeds_are_equal_runs_whatever_the_hash_seed() -> None:
    """I15: two processes with different PYTHONHASHSEED see the same events, in the same order."""
    seed = 82
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST, str(seed)], env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True, text=True, check=True, timeout=300,
        ).stdout
        for hash_seed in ("1", "2")
    }  # fmt: skip
    assert len(digests) == 1
    assert digests == {simulate(seed).digest + "\n"}


def test_leaving_out_faults_leaves_the_rest_as_it_is() -> None:
    """A plan is a value: every part of the cluster has its own chance."""
    plan = next(plan for plan in map(draw, range(100)) if len(plan.faults) > 8)
    kept = plan.keeping((0, 3))
    assert [number for number, fault in enumerate(kept.faults) if not fault.is_left_out] == [0, 3]
    assert [line.partition(":")[0] for line in kept.text().splitlines()[1:]] == ["  0", "  3"], "by their numbers"
    assert (kept.agents, kept.frameworks, kept.weather) == (plan.agents, plan.frameworks, plan.weather)
    assert run(kept).digest != run(plan).digest


def test_a_run_can_be_looked_at_afterwards(tmp_path: Path) -> None:
    """``--seed=S --journal=DIR``: what reached each master and agent repeats, and a task's story can be told."""
    done = subprocess.run(
        [sys.executable, "-m", "mesos_py", "sim", "--seed=0", f"--journal={tmp_path}"], capture_output=True, text=True,
        check=True, timeout=300,
    )  # fmt: skip
    assert done.stdout.startswith("seed 0: ")
    runs = find_runs(tmp_path)
    assert {run.head.program[0] for run in runs} == {"m", "a"}
    assert all(check(run).different is None for run in runs)
    assert simulate(0).text() in done.stdout, "and changes nothing"
