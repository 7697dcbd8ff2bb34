"""The simulator: how much virtual time passes in a second, with the real cores of masters, agents and executors.

A calm cluster from nothing: agents register, one framework keeps a task on every other agent, and then there is little
but pings. Everything counts, the start as well. Once more with three masters, elected by three servers of ZooKeeper:
there every agent has a session that it keeps alive, and that is most of what happens.

Goals are of elapsed time on a machine that does nothing else; processor time is what it takes where others work, too.
"""

from __future__ import annotations

import argparse
import resource

from benchmarks import report
from mesos_py.sim.speed import Figures, measure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=1_000)
    parser.add_argument("--many", type=int, default=10_000, help="agents that are simulated for an hour; 0: none")
    options = parser.parse_args()
    report.header(f"simulator: {options.agents} agents, ten minutes; {options.many} agents, one hour")
    few = measure(options.agents, 600.0)
    report.figure(f"{few.agents} agents with {few.tasks} tasks", few.virtual_s / few.real_s, "x real",
                  reference=100, of="goal")  # fmt: skip
    _more(few)
    elected = measure(options.agents, 600.0, masters=3)
    report.figure(f"{elected.agents} agents, three masters elected by ZooKeeper", elected.virtual_s / elected.real_s,
                  "x real")  # fmt: skip
    _more(elected)
    if options.many:
        many = measure(options.many, 3600.0)
        name = f"{many.agents} agents with {many.tasks} tasks, one hour"
        report.figure(name, many.real_s, "s", reference=60, of="goal")
        _more(many)
        report.figure("memory at most", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB")


def _more(figures: Figures) -> None:
    report.figure("  processor time", figures.processor_s, "s")
    report.figure("  events of cores, by processor time", figures.events / figures.processor_s, "/s")


if __name__ == "__main__":
    main()
