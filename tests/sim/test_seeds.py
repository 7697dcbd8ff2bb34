"""Seeds against the real cores: what ``make test`` runs of ``mesos-py sim``.

What a seed has found in a core is a test of that core, too: tests/master/test_reconcile.py
test_an_end_that_was_told_stands_though_the_agent_is_lost came from here.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import attrs
import pytest

from mesos_py.journal.replay import check, find_runs
from mesos_py.machine.values import SECOND
from mesos_py.sim.book import Workload
from mesos_py.sim.faults import KINDS
from mesos_py.sim.plan import AgentPlan, draw
from mesos_py.sim.repeat import NOT_REPEATED, Repeated
from mesos_py.sim.run import run, simulate
from mesos_py.sim.shrink import replay_command
from tests.sim.scenarios import fault, framework, plan, well

#: seeds of every `make test`, in slices so that workers share them
SLICES = [range(first, first + 10) for first in range(0, 50, 10)]


@pytest.mark.parametrize("seeds", SLICES, ids=lambda seeds: f"{seeds[0]}-{seeds[-1]}")
def test_seeds(seeds: range) -> None:
    """Nothing is lost, doubled or left over, whatever goes wrong."""
    for seed in seeds:
        report = simulate(seed)
        assert report.violation is None, f"{report.text()}\nagain: {replay_command(seed)}"


def test_equal_seeds_are_equal_runs_whatever_the_hash_seed() -> None:
    """I15: another process, with another PYTHONHASHSEED, sees the same events in the same order; else it is told."""
    with Repeated(82, 3) as repeated:
        for seed in (82, 83):
            report = repeated.judge(simulate(seed))
            assert report.violation is None, report.text()
        other = repeated.judge(attrs.evolve(simulate(84), digest="another"))
    assert other.signature == NOT_REPEATED
    assert other.violation is not None
    assert "I15: this process makes '84 another', another one makes '84 " in other.violation


def test_every_kind_of_trouble_is_drawn_often() -> None:
    """In a hundred seeds, one as often as another."""
    drawn = Counter(fault.kind for seed in range(100) for fault in draw(seed).faults)
    assert all(drawn[name] >= 5 for name, kind in KINDS.items() if kind.is_drawn), drawn


def test_what_has_happened_is_counted() -> None:
    """Each fault where it begins, and what came of it."""
    made = plan(
        fault(20, "kill agent in a write", "a0", 5), fault(21, "kill master in a write", "m0", 1),
        fault(40, "reset", "a1"), fault(50, "reboot host", "a0", 5), fault(60, "stop agent", "a1", 100),
        frameworks=(framework(workload=Workload(run_max_s=10)),), duration_s=300.0, store_latency_max=SECOND,
        agents=(AgentPlan(store_latency_max=SECOND), AgentPlan(host="a1")),
    )  # fmt: skip
    report = well(made)
    assert report.faults == {one.kind: 1 for one in made.faults}
    assert report.happened["hosts rebooted"] == 1
    assert report.happened["agents started again"] == 2
    assert report.happened["agents given up"] == 1
    for name in ("agents back", "connections lost", "events whose facts were lost", "messages lost"):
        assert report.happened[name] >= 1, report.happened


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
