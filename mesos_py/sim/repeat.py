"""I15: the same seeds in another process, whose hashes differ, make the same digests.

Within one process a set is iterated in one order for all runs, so a core that iterates over one repeats exactly, and
does something else in the next process. Only another process can tell.
"""

from __future__ import annotations

import os
import subprocess
import sys
from types import TracebackType
from typing import Self

import attrs

from mesos_py.sim.run import Report

NOT_REPEATED = "Violation I15"  # signature


class Repeated:
    """The other process; it is asked for every seed in turn, and works ahead."""

    def __init__(self, first: int, seeds: int) -> None:
        other = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mesos_py", "sim", f"--first={first}", f"--seeds={seeds}", "--digests"],
            env={**os.environ, "PYTHONHASHSEED": other}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def judge(self, report: Report) -> Report:
        """``report``, of the next seed; unless the other process has seen something else."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if line == digest_line(report):
            return report
        text = f"I15: this process makes '{digest_line(report)}', another one makes '{line}'"
        return attrs.evolve(report, violation=text, signature=NOT_REPEATED)


def digest_line(report: Report) -> str:
    """What is said of one run."""
    return f"{report.plan.seed} {report.digest}"
