"""Offer rounds and adding agents, inside the allocator: no network, no processes, no master around it.

    python -m benchmarks.allocator [--agents N] [--frameworks N]

Workloads after Mesos' src/tests/hierarchical_allocator_benchmarks.cpp: agents of 24 cpus with fragmented ports, part
of them used, all frameworks in role "*". The C++ figures are of the same workloads on a two-core machine; of those
with quota there are none.
"""

from __future__ import annotations

import argparse
import functools
import gc
import random
import time
from collections.abc import Callable
from functools import partial

from benchmarks.report import figure, header
from mesos_py.algebra.parse import parse_resources
from mesos_py.algebra.quantities import Limits
from mesos_py.algebra.quota import Quota
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


def quota_world(sorter: str, agents: int, quotas: dict[str, str], frameworks: int) -> Allocator:
    """Agents of 2 cpus; roles by name, each with so many frameworks, and a quota ("": none)."""
    allocator = Allocator(AllocatorOptions(role_sorter=sorter, framework_sorter=sorter), random.Random(1))
    for role, quota in quotas.items():
        for number in range(frameworks):
            allocator.add_framework(FrameworkID(f"{role}-{number}"), roles=[role], capabilities=FRAMEWORK)
        if quota:
            amounts = resources(quota).quantities()
            allocator.set_quota(role, Quota(amounts, Limits(amounts.items())))
    for number in range(agents):
        allocator.add_agent(
            AgentID(f"agent-{number:05}"),
            hostname=f"agent{number}",
            capabilities=AGENT,
            total=resources("cpus:2;mem:2048;disk:2048"),
        )
    gc.collect()
    return allocator


def large_and_small_quota(small: int, large: int, sorter: str) -> None:
    """Mesos' LargeAndSmallQuota: agents are cut for small quotas, large ones need several."""
    agents = small // 5 + large * 5
    header(f"large and small quota: {agents} agents, {small} + {large} roles of one framework, {sorter} sorter")
    quotas = {f"small{number}": "cpus:1;mem:1024;disk:1024" for number in range(small)}
    quotas |= {f"large{number}": "cpus:4;mem:4096;disk:4096" for number in range(large)}
    allocator = quota_world(sorter, agents, quotas, 1)
    grants: list[Grant] = []
    seconds = timed(lambda: grants.extend(allocator.allocate(SECOND)))
    figure(f"first round, {len(grants)} grants", seconds, "s")
    figure("second round, nothing is left to get", timed(lambda: allocator.allocate(2 * SECOND)) * 1e3, "ms")


def quota_or_not(roles: int, sorter: str) -> None:
    """Mesos' NonQuotaVsQuota: the same grants, because they are due to quota or because they are fair."""
    header(f"quota or not: {2 * roles} agents, {roles} roles of 2 frameworks, {sorter} sorter")
    best: list[float] = []
    for quota in ("", "cpus:4;mem:4096;disk:4096"):
        taken = []
        for _ in range(3):
            allocator = quota_world(sorter, 2 * roles, {f"role{number}": quota for number in range(roles)}, 2)
            taken.append(timed(partial(allocator.allocate, SECOND)))
        best.append(min(taken))
    figure("a round without quota, best of 3", best[0] * 1e3, "ms")
    figure("a round with quota, best of 3", best[1] * 1e3, "ms", reference=best[0] * 1e3, of="without")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--frameworks", type=int, default=1_000)
    options = parser.parse_args()
    offer_round(options.agents, options.frameworks, roles=1)
    offer_round(options.agents, options.frameworks, roles=options.frameworks)
    accepting(options.agents // 10, options.frameworks // 5)
    declining(options.agents // 10, options.frameworks // 5)
    for sorter in ("drf", "random"):
        large_and_small_quota(options.agents // 4, options.agents // 20, sorter)
        quota_or_not(options.agents // 10, sorter)


if __name__ == "__main__":
    main()
