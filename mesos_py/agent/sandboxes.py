"""Sandboxes that earlier runs of an agent, or earlier agents, have left below a work directory.

Their layout is Mesos' (paths.py); how old one is, is told by the latest change of the directory or of the two files a
task writes to. Directories above a sandbox are the agent's own, and nothing here looks into a sandbox.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from mesos_py.agent.events import FoundSandbox
from mesos_py.machine.values import Nanos


def find(work_dir: str) -> tuple[FoundSandbox, ...]:
    """All runs' sandboxes, the one changed last at the end. What cannot be looked at is left out."""
    found = [
        FoundSandbox(run.path, agent.name, framework.name, executor.name, _modified(run))
        for agent in _directories(f"{work_dir}/slaves")
        for framework in _directories(f"{agent.path}/frameworks")
        for executor in _directories(f"{framework.path}/executors")
        for run in _directories(f"{executor.path}/runs")
    ]
    return tuple(sorted(found, key=lambda one: (one.modified, one.path)))


def _directories(path: str) -> Iterator[os.DirEntry[str]]:
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError:
        return
    yield from (entry for entry in entries if entry.is_dir(follow_symlinks=False))


def _modified(run: os.DirEntry[str]) -> Nanos:
    times: list[Nanos] = [0]
    for path in (run.path, f"{run.path}/stdout", f"{run.path}/stderr"):
        try:
            times.append(os.lstat(path).st_mtime_ns)
        except OSError:
            continue  # it went meanwhile, or the task has removed it
    return max(times)
