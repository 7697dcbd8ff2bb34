"""Matching alone: tasks placed on the offers of 5,000 agents, no master, no network.

50,000 identical tasks; 2,000 mutually exclusive tasks (one for each host); 50,000 tasks of 100 classes, 10,000 tasks
of 10,000 classes; 50,000 spread over zones; 1,000 gangs of 3 and 3 gangs of 1,000. Offers are made before the clock
starts; turning them into hosts is part of what is measured. References: kube-scheduler's floor for mutually exclusive
pods on 5,000 nodes (60 pods/s: kubernetes test/integration/scheduler_perf, SchedulingPodAntiAffinity/5000Nodes), which
is with its API server and therefore no like for like, and this project's goal of 600/s.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from benchmarks import report
from mesos_py.algebra.parse import parse_attributes, parse_resources
from mesos_py.algebra.resources import Resources
from mesos_py.sdk.matching import Census, Part, Request, Round, explain, hosts_of
from mesos_py.wire.ids import AgentID, FrameworkID, OfferID
from mesos_py.wire.offer import Offer
from mesos_py.wire.resource import Resource
from mesos_py.wire.value import DomainInfo

ZONES = 3
Fault = DomainInfo.FaultDomain


def offers(count: int) -> list[Offer]:
    """Of agents with 16 cpus, 32 GB and a range of ports each."""
    resources = Resources.of(parse_resources("cpus:16;mem:32768;disk:100000;ports:[31000-32000]")).allocate("*")
    messages = resources.messages()
    return [
        Offer(
            id=OfferID(f"o{n}"), framework_id=FrameworkID("f"), agent_id=AgentID(f"a{n}"), hostname=f"host-{n}",
            resources=messages, attributes=parse_attributes(f"rack:r{n // 40}"),
            domain=DomainInfo(
                fault_domain=Fault(region=Fault.RegionInfo(name="here"), zone=Fault.ZoneInfo(name=f"z{n % ZONES}"))
            ),
            allocation_info=Resource.AllocationInfo(role="*"),
        )
        for n in range(count)
    ]  # fmt: skip


def measure(
    name: str, made: list[Offer], tasks: int, place: Callable[[Round], int], *, reference: float | None = None,
    of: str = "",
) -> None:  # fmt: skip
    begin = time.perf_counter()
    placed = place(Round(hosts_of(made)))
    elapsed = time.perf_counter() - begin
    if placed != tasks:
        raise SystemExit(f"{name}: {placed} of {tasks} tasks were placed")
    report.figure(name, placed / elapsed, "tasks/s", reference=reference, of=of)


def classes(tasks: int, different: int) -> Callable[[Round], int]:
    def place(round: Round) -> int:
        made = [Part(Request.of(cpus=0.1, mem=32 + n / 1_000), tasks // different) for n in range(different)]
        return sum(len(round.place(part)) for part in made)

    return place


def single(request: Request, count: int) -> Callable[[Round], int]:
    def place(round: Round) -> int:
        return len(round.place(Part(request, count, Census(request.fields))))

    return place


def gangs(count: int, size: int) -> Callable[[Round], int]:
    def place(round: Round) -> int:
        request, placed = Request.of(cpus=4, mem=1024), 0
        for _ in range(count):
            matches = round.place_all([Part(request, size)])
            placed += len(matches[0]) if matches is not None else 0
        return placed

    return place


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=5_000)
    agents = parser.parse_args().agents
    made = offers(agents)
    report.header(f"matching: tasks onto the offers of {agents} agents, in one round each")
    small = Request.of(cpus=0.1, mem=32)
    measure(f"{agents * 10} identical tasks", made, agents * 10, single(small, agents * 10))
    ports = Request.of(cpus=0.1, mem=32, ports=[0, 0])
    measure(f"{agents * 10} identical tasks with two ports", made, agents * 10, single(ports, agents * 10))
    measure(f"{agents * 10} tasks of 100 classes", made, agents * 10, classes(agents * 10, 100))
    count = agents * 2
    measure(f"{count} tasks of as many classes", made, count, classes(count, count))
    spread = Request.of(cpus=0.1, mem=32, spread="@zone")
    measure(f"{agents * 10} tasks spread over {ZONES} zones", made, agents * 10, single(spread, agents * 10))
    exclusive, count = Request.of(cpus=0.1, mem=32, constraints=[("hostname", "UNIQUE")]), agents * 2 // 5
    for reference, of in ((60.0, "kube-scheduler's floor"), (600.0, "goal")):
        measure(f"{count} mutually exclusive tasks", made, count, single(exclusive, count), reference=reference, of=of)
    measure(f"{agents // 5} gangs of 3", made, agents // 5 * 3, gangs(agents // 5, 3))
    measure(f"3 gangs of {agents // 5}", made, agents // 5 * 3, gangs(3, agents // 5))
    begin = time.perf_counter()
    if explain(Request.of(cpus=17), hosts_of(made)).fitting:
        raise SystemExit("17 cpus fit on an agent with 16")
    report.figure("why a task fits nowhere, every filter asked", (time.perf_counter() - begin) * 1000, "ms")


if __name__ == "__main__":
    main()
