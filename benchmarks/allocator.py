"""Offer rounds and adding agents, inside the allocator: no network, no processes, no master around it.

    python -m benchmarks.allocator [--agents N] [--frameworks N]

Workloads after Mesos' src/tests/hierarchical_allocator_benchmarks.cpp: agents of 24 cpus with fragmented ports, part
of them used, all frameworks in role "*". The C++ figures are of the same workloads on a two-core machine.
"""

from __future__ import annotations

import argparse
import functools
import gc
import random
import time
from collections.abc import Callable

from benchmarks.report import figure, header
from mesos_py.algebra.parse import parse_resources
from mesos_py.algebra.resources import Resources
from mesos_py.machine.values import SECOND
from mesos_py.master.allocator.core import AGENTS_PER_SLICE, Allocator, AllocatorOptions, Grant
from mesos_py.master.capabilities import AgentCapabilities, FrameworkCapabilities
from mesos_py.wire.ids import AgentID, FrameworkID

AGENT = AgentCapabilities(multi_role=True, hierarchical_role=True, reservation_refinement=True)
FRAMEWORK = FrameworkCapabilities(multi_role=True, reservation_refinement=True)
YEAR_S = 365 * 86_400.0

# C++ Mesos HEAD, -O2, two cores
ROUND_S, FILTERED_S, ADD_S = 0.6, 3.2, 1.4


def resources(text: str) -> Resources:
    return Resources.of(parse_resources(text))


def fragmented(count: int) -> str:
    """So many separate port ranges between 31000 and 32000."""
    step = 1000 // count
    return ",".join(f"{31000 + i * step}-{31000 + i * step + step // 2}" for i in range(count))


def cluster(agents: int, frameworks: int, *, roles: int = 1) -> tuple[Allocator, list[Callable[[], None]]]:
    """Frameworks subscribed, and what adds each agent."""
    allocator = Allocator(AllocatorOptions(), random.Random(1))
    names = ["*"] if roles == 1 else [f"role{number}" for number in range(roles)]
    for number in range(frameworks):
        allocator.add_framework(
            FrameworkID(f"framework-{number:05}"), roles=[names[number % roles]], capabilities=FRAMEWORK
        )
    total = "cpus:24;mem:4096;disk:4096;ports:[31000-32000]"
    used = f"cpus:16;mem:2014;disk:1024;ports:[{fragmented(16)}]"
    draw = random.Random(2)
    adders: list[Callable[[], None]] = []
    for number in range(agents):
        holder = draw.randrange(frameworks)
        held = resources(used).allocate(names[holder % roles])
        mine = resources(total)  # its own object, as a registration makes it

        def add(number: int = number, holder: int = holder, held: Resources = held, total: Resources = mine) -> None:
            allocator.add_agent(
                AgentID(f"agent-{number:05}"),
                hostname=f"agent{number}",
                capabilities=AGENT,
                total=total,
                used={FrameworkID(f"framework-{holder:05}"): held},
            )

        adders.append(add)
    return allocator, adders


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def offer_round(agents: int, frameworks: int, roles: int) -> None:
    header(f"offer round: {agents} agents x {frameworks} frameworks in {roles} role(s), everything to be offered")
    allocator, adders = cluster(agents, frameworks, roles=roles)
    figure("adding the agents", timed(lambda: [add() for add in adders]), "s", reference=ADD_S if roles == 1 else None)
    gc.collect()
    grants: list[Grant] = []
    seconds = timed(lambda: grants.extend(allocator.allocate(SECOND)))
    figure(f"one full round, {len(grants)} grants", seconds, "s", reference=ROUND_S if roles == 1 else None)
    figure("  per grant", seconds / len(grants) * 1e6, "us")

    def decline() -> None:
        for grant in grants:
            allocator.recover(grant.framework_id, grant.agent_id, grant.resources, SECOND, refuse_s=YEAR_S)

    figure("declining all of it", timed(decline), "s")
    slices = []
    while allocator.deadline() == 0:
        slices.append(timed(functools.partial(allocator.allocate, 2 * SECOND, budget=AGENTS_PER_SLICE)))
    figure(f"the round that follows, in slices of {AGENTS_PER_SLICE} agents", sum(slices), "s")
    figure("  longest slice", max(slices) * 1e3, "ms")


def accepting(agents: int, frameworks: int) -> None:
    """One task after the other on offers: the allocator's share of an ACCEPT, and of the task's end."""
    header(f"accept: {agents} agents x {frameworks} frameworks; a task takes a part, the rest goes to the next in turn")
    allocator, adders = cluster(agents, frameworks)
    for add in adders:
        add()
    offers = allocator.allocate(SECOND)
    task = resources("cpus:0.1;mem:16").allocate("*")
    count = 0
    gc.collect()

    def work() -> None:
        nonlocal count
        for offer in offers:
            allocator.use(offer.framework_id, offer.agent_id, task)
            allocator.recover(offer.framework_id, offer.agent_id, offer.resources - task, SECOND, refuse_s=0.0)
            allocator.allocate(SECOND)
            allocator.recover(offer.framework_id, offer.agent_id, task, SECOND, used=True)
            count += 1

    seconds = timed(work)
    figure("accept, the next one's offer, the task's end", seconds / count * 1e6, "us")


def declining(agents: int, frameworks: int) -> None:
    """Mesos' DeclineOffers: everybody declines whatever comes, for good, until nobody is left."""
    header(f"decline offers: {agents} agents x {frameworks} frameworks, every offer declined for a year")
    allocator, adders = cluster(agents, frameworks)
    for add in adders:
        add()
    gc.collect()
    now, longest, rounds, total = SECOND, 0.0, 0, 0.0
    while True:
        begin = time.perf_counter()
        grants = allocator.allocate(now)
        seconds = time.perf_counter() - begin
        if not grants:
            break
        rounds, longest, total = rounds + 1, max(longest, seconds), total + seconds
        for grant in grants:
            allocator.recover(grant.framework_id, grant.agent_id, grant.resources, now, refuse_s=YEAR_S)
        now += SECOND
    figure(f"mean of {rounds} rounds with offers", total / rounds, "s")
    figure("longest of them", longest, "s")
    laters = [now + turn * SECOND for turn in (1, 2, 3)]
    seconds = min(timed(functools.partial(allocator.allocate, later)) for later in laters)
    figure("a round in which everything is filtered", seconds * 1e3, "ms", reference=FILTERED_S * 1e3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--frameworks", type=int, default=1_000)
    options = parser.parse_args()
    offer_round(options.agents, options.frameworks, roles=1)
    offer_round(options.agents, options.frameworks, roles=options.frameworks)
    accepting(options.agents // 10, options.frameworks // 5)
    declining(options.agents // 10, options.frameworks // 5)


if __name__ == "__main__":
    main()
