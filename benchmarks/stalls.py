"""What a large cluster makes a master do in one go: the longest turn of its loop, in processor time of its thread.

Each line is one thing that happens to a master of 10,000 agents with 100,000 tasks (``crowd.py``: everything but the
sockets); beside it stands the bound of 100 ms. Processor time, because others may use the machine: what a turn
took by the clock is at least that, and no more on a machine that has nothing else to do.

    python -m benchmarks.stalls [--agents=10000] [--tasks=100000] [--only=WORD]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import uvloop

from benchmarks import report
from benchmarks.crowd import Answer, Crowd, Meter, Scheduler
from benchmarks.emulated_agents import RESOURCES
from benchmarks.returning_agents import framework_info
from benchmarks.returning_agents import report as report_of
from mesos_py.algebra.parse import parse_resources
from mesos_py.logs import LogOptions, set_up
from mesos_py.loop import heap
from mesos_py.machine.frame import Event
from mesos_py.master.events import ChangeWeights, MarkGone
from mesos_py.master.http import decline
from mesos_py.master.paced import collect, json_answer, last
from mesos_py.master.views import roles, state
from mesos_py.master.views.sections import (
    Section,
    json_pieces,
    protobuf_pieces,
    respond,
    subscribed_json,
    subscribed_protobuf,
)
from mesos_py.web.metrics import MetricsEndpoints
from mesos_py.web.response import JSON, PROTOBUF, Chunked
from mesos_py.wire import internal
from mesos_py.wire.ids import AgentID
from mesos_py.wire.master_api import Response as Told
from mesos_py.wire.offer import Filters
from mesos_py.wire.role import WeightInfo
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.schema import evolve

BOUND_MS = 100.0
MANY = 1_000  # tasks of one agent that comes back and is lost
T = Call.Type


@contextlib.asynccontextmanager
async def longest_turn(what: str) -> AsyncIterator[None]:
    """Print how long the loop was ever kept, meanwhile and in the turns that follow at once."""
    await asyncio.sleep(0.1)  # what came before is over
    meter = Meter()
    try:
        yield
        for _ in range(10):
            await asyncio.sleep(0)
    finally:
        meter.stop()
    report.figure(what, 1000 * meter.longest_s, "ms", reference=BOUND_MS, of="bound")


async def filled(crowd: Crowd, beside: str = "") -> None:
    """Every agent is back with its tasks."""
    reports = crowd.reports()
    for _ in reports:
        crowd.connect()
    async with longest_turn(f"the registry is recovered{beside}"):
        crowd.recover()
        await asyncio.sleep(0)
    async with longest_turn(f"all agents and tasks reregister{beside}"):
        await crowd.come_back(reports)


async def offered(crowd: Crowd) -> None:
    """Every agent is offered."""
    await crowd.until(lambda: len(crowd.core.state.offers) == crowd.agents)


# ---- one cluster, as it works


async def work(agents: int, each: int) -> None:
    """A framework comes, asks, declines, leaves and ends."""
    async with Crowd(agents, each) as crowd:
        await filled(crowd)
        scheduler, driver = crowd.scheduler(), crowd.driver
        async with longest_turn("its framework subscribes and is offered all agents"):
            scheduler.subscribe()
            await offered(crowd)
        await asking(crowd, scheduler)
        async with longest_turn("metrics are read"):
            numbers = MetricsEndpoints(lambda: crowd.metrics.samples(crowd.now()))
            await numbers.collect()
        async with longest_turn("all offers are declined"):
            ids = tuple(crowd.core.state.offers)
            refused = Call.Decline(offer_ids=ids, filters=Filters(refuse_seconds=3600.0))
            await decline(driver, scheduler.call(T.DECLINE, decline=refused))
        async with longest_turn("the framework revives"):
            driver.tell(scheduler.call(T.REVIVE))
            await offered(crowd)
        async with longest_turn("the framework is updated, which all agents are told"):
            info = evolve(scheduler.info, hostname="elsewhere")
            update = Call.UpdateFramework(framework_info=info)
            await driver.ask(scheduler.call(T.UPDATE_FRAMEWORK, update_framework=update))
        async with longest_turn("weights change, with all agents on offer"):
            driver.tell(Event(ChangeWeights, ChangeWeights((WeightInfo(role="*", weight=2.0),))))
            await crowd.until(lambda: not crowd.core.state.withdrawn)
            await offered(crowd)
        async with longest_turn("the framework fails over, with all agents on offer"):
            scheduler.subscribe()
            await offered(crowd)
        async with longest_turn("its stream breaks, with all agents on offer"):
            scheduler.leave()
            await crowd.until(lambda: not crowd.core.state.offers)
        scheduler.subscribe()
        await offered(crowd)
        await reading(crowd)
        await losing(crowd)
        async with longest_turn("the framework is torn down"):
            driver.tell(scheduler.call(T.TEARDOWN))
            await crowd.until(lambda: not crowd.core.state.frameworks)


async def asking(crowd: Crowd, scheduler: Scheduler) -> None:
    """Reconciliation, implicit and explicit."""
    tasks = crowd.core.state.frameworks[scheduler.info.id].tasks  # type: ignore[index]
    named = tuple(Call.Reconcile.Task(task_id=task.id, agent_id=task.agent_id) for task in tasks.values())
    for what, asked in (("implicitly", ()), ("by name", named)):
        async with longest_turn(f"all tasks are reconciled {what}"):
            crowd.heard = 0
            crowd.driver.tell(scheduler.call(T.RECONCILE, reconcile=Call.Reconcile(tasks=asked)))
            await crowd.until(lambda: crowd.heard >= len(tasks))


async def reading(crowd: Crowd) -> None:
    """Long answers."""

    async def whole(pieces: Iterator[bytes]) -> None:
        answer = await json_answer(pieces)
        if isinstance(answer, Chunked):
            async for _ in answer.pieces:
                pass

    async def protobuf(kind: Told.Type, section: Section) -> None:
        b"".join(await last(protobuf_pieces(respond(kind, section))))

    async def subscribe(content_type: str) -> None:
        """As an operator."""
        stream = crowd.operators.open(content_type)
        crowd.start(Answer.pump(stream))
        snapshot = state.get_state(core.state)
        if content_type == JSON:
            said = subscribed_json(await collect(json_pieces(snapshot)), 15.0)
        else:
            said = subscribed_protobuf(await last(protobuf_pieces(snapshot)), 15.0)
        crowd.operators.begin(stream, said)

    core, context = crowd.core, crowd.context
    reads: dict[str, Callable[[], Awaitable[object]]] = {
        "/state for the first time": lambda: whole(state.state_pieces(context, core.state)),
        "/state again": lambda: whole(state.state_pieces(context, core.state)),
        "/state-summary": lambda: whole(state.summary_pieces(context, core.state)),
        "/slaves": lambda: whole(state.slaves_pieces(core.state, full=True)),
        "/roles": lambda: last(roles.figures(core.state, core.options, core.registry)),
        "GET_STATE in JSON": lambda: whole(json_pieces(state.get_state(core.state))),
        "SUBSCRIBED of an operator in JSON": lambda: subscribe(JSON),
        "SUBSCRIBED of one in protobuf": lambda: subscribe(PROTOBUF),
        "GET_STATE in protobuf": lambda: protobuf(Told.Type.GET_STATE, state.get_state(core.state)),
    }
    for what, read in reads.items():
        async with longest_turn(f"{what} is read"):
            await read()


async def losing(crowd: Crowd) -> None:
    """Agents with many tasks, in one way after the other."""
    resources = parse_resources(RESOURCES)
    agents = crowd.core.state.agents
    ways: dict[str, Callable[[AgentID], None]] = {
        "unregisters": lambda agent_id: crowd.ends[-1].say(internal.UnregisterAgent(agent_id=agent_id)),
        "is marked gone": lambda agent_id: crowd.driver.tell(Event(MarkGone, MarkGone(agent_id))),
    }
    for number, (how, lose) in enumerate(ways.items(), start=crowd.agents):
        said = report_of(number, resources, MANY, 1)
        agent_id = said.agent.id
        assert agent_id is not None
        async with longest_turn(f"an agent with {MANY} tasks comes back"):
            crowd.connect().say(said)
            await crowd.until(lambda agent_id=agent_id: agent_id in agents)  # type: ignore[misc]
        async with longest_turn(f"an agent with {MANY} tasks {how}"):
            lose(agent_id)
            await crowd.until(lambda agent_id=agent_id: agent_id not in agents)  # type: ignore[misc]


# ---- clusters that are lost


async def cut_off(agents: int, each: int) -> None:
    """All connections break, and nobody comes back."""
    async with Crowd(agents, each) as crowd:
        await filled(crowd)
        scheduler = crowd.scheduler()
        scheduler.subscribe()
        await offered(crowd)
        agents_known = crowd.core.state
        async with longest_turn("all connections of agents break, with all on offer"):
            await crowd.leave()
            await crowd.until(lambda: not agents_known.agents_connected)
        async with longest_turn("none of these agents comes back"):
            crowd.skip(crowd.core.options.agent_reregister_timeout_s)
            await crowd.until(lambda: len(agents_known.unreachable_agents) == agents)


async def silent(agents: int, each: int) -> None:
    """No agent answers pings."""
    async with Crowd(agents, each) as crowd:
        await filled(crowd)
        scheduler = crowd.scheduler()
        scheduler.subscribe()
        await offered(crowd)
        for end in crowd.ends:
            end.answers = False
        async with longest_turn("no agent answers pings any more"):
            for _ in range(crowd.core.options.max_agent_ping_timeouts + 2):
                crowd.skip(crowd.core.options.agent_ping_timeout_s)
                await asyncio.sleep(0.3)
            await crowd.until(lambda: len(crowd.core.state.unreachable_agents) == agents)


async def never_back(agents: int, beside: str = "", *, commit_s: float = 0.0) -> None:
    """A new leader waits for agents that do not come."""
    async with Crowd(agents, 0, commit_s=commit_s) as crowd:
        crowd.recover()
        Scheduler(crowd, framework_info(0)).subscribe()
        async with longest_turn(f"no agent comes back to a new leader{beside}"):
            crowd.skip(crowd.core.options.agent_reregister_timeout_s)
            await crowd.until(lambda: len(crowd.core.state.unreachable_agents) == agents)


async def journaled(agents: int, each: int) -> None:
    """A journal is written beside."""
    with tempfile.TemporaryDirectory(prefix="mesos-py-bench-") as directory:
        async with Crowd(agents, each, journal=directory) as crowd:
            await filled(crowd, beside=", with a journal")
            scheduler = crowd.scheduler()
            async with longest_turn("its framework subscribes, with a journal"):
                scheduler.subscribe()
                await offered(crowd)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--only", default="", help="one of: work, cut_off, silent, never_back, slow, journaled")
    options = parser.parse_args()
    agents, each = options.agents, options.tasks // options.agents
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        set_up(LogOptions())  # lines are made as in a server
    report.header(f"longest turn of a master's loop, processor time: {agents} agents, {agents * each} tasks")
    clusters: dict[str, Callable[[], Awaitable[None]]] = {
        "work": lambda: work(agents, each),
        "cut_off": lambda: cut_off(agents, each),
        "silent": lambda: silent(agents, each),
        "never_back": lambda: never_back(agents),
        "slow": lambda: never_back(agents, ", commits take 0.3 s", commit_s=0.3),
        "journaled": lambda: journaled(agents, each),
    }
    for name, cluster in clusters.items():
        if options.only in ("", name):
            with heap.steady():
                await cluster()


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))
